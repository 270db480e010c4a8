"""The studio: a local web application over the same settings, runs and commands.

    place      the folder that it works in; nothing outside is read or written
    jobs       the queue of commands, each a process of its own, on the disk
    app        routes, files, and the server
    guard      who may ask it
    shell      the frame of every page
    complaints errors, as a page may show them

A run never lives in the page: it is a process that writes a run's folder, and a page only follows
that folder, as a terminal or a notebook can.
"""
