"""The tags of a film: one of them, the comment, may be a recipe."""

from pathlib import Path

from mutoscope.errors import MediaError
from mutoscope.provenance.recipe import looks_ours
from mutoscope.provenance.said import MAX_TEXT, MAX_TEXTS, Said

# What muxers write by themselves says nothing of the film.
_MUXERS = ("major_brand", "minor_version", "compatible_brands", "encoder", "creation_time")

EBML = b"\x1a\x45\xdf\xa3"


def is_film(head: bytes) -> bool:
    """Whether a file that begins so is MP4, MOV, WebM or MKV."""
    return head[4:8] == b"ftyp" or head.startswith(EBML)


def read(path: Path) -> Said:
    """What the tags of a film say.

    Raises:
        MediaError: They can't be read.
    """
    import av

    # "file:" keeps the name from being taken for an address or an option, and the whitelist keeps
    # playlists, which could name other files, from being followed.
    options = {"format_whitelist": "mov,matroska"}
    try:
        with av.open(
            f"file:{path}", container_options=options, metadata_errors="replace"
        ) as container:
            # Matroska writes the names of its tags in capitals.
            tags = {key.lower(): value for key, value in container.metadata.items()}
    except (av.FFmpegError, ValueError) as error:
        why = " ".join(str(error).split())
        raise MediaError(f"{path}: its metadata can't be read ({why})") from error
    comment = tags.get("comment")
    recipe = tags.pop("comment") if looks_ours(comment) else None
    texts = {key: value[:MAX_TEXT] for key, value in list(tags.items())[:MAX_TEXTS]}
    for key in _MUXERS:
        texts.pop(key, None)
    return Said(recipe=recipe, texts=texts)
