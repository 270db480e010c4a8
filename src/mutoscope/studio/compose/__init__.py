"""Compose: settings as they are written, and the drafts that they are until they are painted.

`draft`, `amending`, `rows` and `offered` know nothing of a browser; the rest shows them.
"""
