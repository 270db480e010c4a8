"""Files that settings can name: what lies in the place, and what visitors bring.

A visitor's file is limited in size, must have one of the endings of its kind, gets a name that is
harmless on every system, and never takes another's place.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutoscope.errors import MediaError, printable
from mutoscope.studio.place import Place

MOST_FILES = 2000  # that lie in uploads
MOST_OFFERED = 120  # that a dialog shows
_MOST_SEEN = 20_000  # that are looked at for it
_STEM = 60  # letters of a name


@dataclass(frozen=True)
class Kind:
    """What a key takes: its name, the endings of such files, and how many bytes one may have."""

    name: str
    endings: tuple[str, ...]
    most: int


PICTURE = Kind("picture", (".png", ".jpg", ".jpeg", ".webp", ".gif"), 64 * 2**20)
FILM = Kind("film", (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif"), 900 * 2**20)
SOUND = Kind("sound", (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus", ".aac"), 200 * 2**20)
MIDI = Kind("MIDI file", (".mid", ".midi"), 4 * 2**20)
NETWORK = Kind("network", (".safetensors", ".pt", ".pth"), 900 * 2**20)

KINDS = {
    "init_image": PICTURE,
    "style_image": PICTURE,
    "target_palette": PICTURE,
    "attracting_palette": PICTURE,
    "direct_image_prompts": PICTURE,
    "video_path": FILM,
    "input_audio": SOUND,
    "input_midi": MIDI,
    "gan_model": NETWORK,
    "aesthetic_head": NETWORK,
}


def offered(place: Place, kind: Kind) -> list[Path]:
    """The files of a kind that lie in the place, the newest first; none that is hidden."""
    found = []
    for path in _walk(place.root):
        if path.suffix.lower() in kind.endings and place.holds(path):
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)[:MOST_OFFERED]]


def room_for(place: Place, name: str, kind: Kind, size: int) -> Path:
    """A path in uploads for a visitor's file, empty and taken already.

    Raises:
        MediaError: its ending is not one of its kind's, it is too large, or there are too many.
    """
    ending = Path(name).suffix.lower()
    shown = repr(printable(name[-40:]))
    if ending not in kind.endings:
        raise MediaError(f"{shown}: is no {kind.name}; give one of {', '.join(kind.endings)}")
    if not 0 < size <= kind.most:
        raise MediaError(
            f"{shown}: has {size / 2**20:.1f} MiB; a {kind.name} may have up to "
            f"{kind.most // 2**20}, and must have something in it"
        )
    place.uploads.mkdir(exist_ok=True)
    if sum(1 for _ in place.uploads.iterdir()) >= MOST_FILES:
        raise MediaError(f"uploads: holds {MOST_FILES} files, which is all; delete some")
    stem = safe_stem(name)
    for number in range(1, MOST_FILES + 2):
        path = place.uploads / f"{stem}{f'-{number}' if number > 1 else ''}{ending}"
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise MediaError(f"{shown}: its name is taken too often; give it another")


def safe_stem(name: str) -> str:
    """A visitor's name of a file, without ending, as one that does no harm on any system."""
    stem = Path(name.replace("\\", "/")).stem
    words = re.findall(r"[^\W_]+", stem[:400])
    safe = "-".join(words)[:_STEM].strip("-")
    while len(safe.encode()) > 2 * _STEM:
        safe = safe[:-1]
    devices = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)", safe, re.IGNORECASE)
    return f"file-{safe}".rstrip("-") if devices or not safe else safe


def _walk(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(root):
        # Hidden ones are not for visitors; backups of a run hold no pictures.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            seen += 1
            if seen > _MOST_SEEN:
                return
            if not name.startswith("."):
                yield Path(folder, name)
