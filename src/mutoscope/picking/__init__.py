"""Picking specimens by hand: what is picked, its history, and the local page it is done on.

`book` and `history` know nothing of the network, `pictures` makes what is shown, `guard` and
`server` carry both to a browser on the same machine.
"""
