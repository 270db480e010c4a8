"""Gallery: what was made, and what can be asked of it.

`catalogue`, `making` and `waste` read and change what lies in the place; the rest shows it.
"""
