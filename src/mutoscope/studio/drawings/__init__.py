"""Drawings: from scans to a generator of one's own, and through what it can draw.

`pad_worker` is a process of its own, which has torch, as the server has not; `aide` asks it.
"""
