"""The recipe inside a picture or film: what made it, and how to make it again.

A recipe is a small JSON object: ``program``, ``version``, ``settings`` (only the keys that differ
from their defaults), and for a frame its ``frame`` and ``step``. It lies in a PNG as a text
chunk under the keyword ``mutoscope``, in JPEG and WebP as the Exif user comment, in all three in
XMP as well, in GIF as a comment, in MP4, MOV, WebM and MKV as the comment tag; beside it stand
title, prompt and program where common viewers look for them. Files come from strangers, so a
recipe is untrusted until it has been parsed: its size is bounded before and after decompression,
and it is JSON and nothing else.
"""

from mutoscope.provenance.reading import read_fields, read_recipe
from mutoscope.provenance.recipe import KEYWORD, MAX_BYTES, parse_recipe, recipe_text
from mutoscope.provenance.writing import copy_metadata, stamped

__all__ = [
    "KEYWORD",
    "MAX_BYTES",
    "copy_metadata",
    "parse_recipe",
    "read_fields",
    "read_recipe",
    "recipe_text",
    "stamped",
]
