"""Mutoscope: pictures and films from words."""
