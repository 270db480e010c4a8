"""Timeline: what a film is told, over its seconds, and its preview at each of them.

`previewing` is a process of its own, which writes a folder; `scrubbing` begins it and reads that.
"""
