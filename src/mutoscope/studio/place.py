"""The folder that a studio works in."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mutoscope import fence
from mutoscope.atomic import reason
from mutoscope.errors import MediaError, printable

_SHOWN = 80  # characters of a name in a message
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Place:
    """A folder, outside of which a studio reads and writes nothing.

    Names of files in it are relative and have ``/`` between their parts, on every system; a page
    never gets to see anything else.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(os.path.realpath(self.root)))

    @property
    def runs(self) -> Path:
        """Where runs lie, as those of the command line do that are begun in the same folder."""
        return self.root / "images_out"

    @property
    def uploads(self) -> Path:
        """Where what visitors upload lies."""
        return self.root / "uploads"

    @property
    def drawings(self) -> Path:
        """Where folders of scans, and what is trained on them, lie."""
        return self.root / "drawings"

    @property
    def own(self) -> Path:
        """The studio's own files: its queue, drafts, thumbnails and keys. Never served."""
        return self.root / fence.OWN

    def prepare(self) -> None:
        """Make the folders that are not there yet.

        Raises:
            MediaError: they can't be made.
        """
        try:
            for folder in (self.root, self.runs, self.uploads, self.drawings):
                folder.mkdir(parents=True, exist_ok=True)
            self.own.mkdir(mode=0o700, exist_ok=True)
            self.own.chmod(0o700)
        except OSError as error:
            raise MediaError(
                f"{self.root}: the studio can't work there: {reason(error)}; give another folder"
            ) from error

    def inside(self, name: str) -> Path:
        """The file or folder of a relative name, which need not be there; links are followed.

        Raises:
            MediaError: the name leads out of the place.
        """
        shown = repr(printable(name[:_SHOWN]))
        parts = PurePosixPath(name).parts
        if "\0" in name or "\\" in name or ".." in parts or name.startswith(("/", "~")):
            raise MediaError(f"{shown}: is not a name within the studio's folder")
        if _DRIVE.match(name) and os.name == "nt":
            raise MediaError(f"{shown}: is not a name within the studio's folder")
        try:
            path = Path(os.path.realpath(self.root / name))
        except (OSError, ValueError) as error:
            raise MediaError(f"{shown}: is not a name within the studio's folder") from error
        if not path.is_relative_to(self.root):
            raise MediaError(f"{shown}: leads out of the studio's folder")
        return path

    def holds(self, path: Path) -> bool:
        """Whether a path, links followed, lies in the place, and not among the studio's own."""
        found = Path(os.path.realpath(self.root / path))
        return found.is_relative_to(self.root) and not found.is_relative_to(self.own)

    def name_of(self, path: Path) -> str:
        """The relative name of a path in the place.

        Raises:
            MediaError: it lies outside.
        """
        found = Path(os.path.abspath(self.root / path))  # noqa: PTH100 - links stay as they are
        if not found.is_relative_to(self.root):
            found = Path(os.path.realpath(found))
        if not found.is_relative_to(self.root):
            raise MediaError(f"{found.name!r}: lies outside of the studio's folder")
        return found.relative_to(self.root).as_posix()
