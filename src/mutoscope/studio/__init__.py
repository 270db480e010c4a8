"""The studio: a local web application over the same settings, runs and commands.

    place      the folder that it works in; nothing outside is read or written
    complaints errors, as a page may show them
    guard      who may ask it
    queue/     the queue of commands, each a process of its own, on the disk
    shared     what every page is given
    shell      the frame of every page, and the names of all pages
    app        routes, files, and the server

    compose/   settings as they are written: drafts, the form, the YAML
    timeline/  what a film is told over its seconds, and its previews
    render/    how the queue goes
    gallery/   what was made, and what can be asked of it
    drawings/  from scans to a generator, and through what it can draw

Each of the last five is a page, which `page` in its folder draws. Files beside the folders know no
page; `shell` finds them by their names.

A run never lives in the page: it is a process that writes a run's folder, and a page only follows
that folder, as a terminal or a notebook can.
"""
