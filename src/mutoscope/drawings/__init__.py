"""Drawings on paper: scans read, made ready and cut into tiles; sample pages to try things."""
