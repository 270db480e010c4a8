"""The queue: commands of the command line, each a process of its own, on the disk.

allowed    which commands a visitor may have run, and on which files
records    jobs as they are written down
worker     the process of a job
jobs       the queue itself
"""
