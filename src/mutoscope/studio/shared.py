"""What the pages of one studio share: its place, its queue, and its small pictures."""

from dataclasses import dataclass, field
from pathlib import Path

from mutoscope.studio import files
from mutoscope.studio.place import Place
from mutoscope.studio.queue.jobs import Jobs
from mutoscope.studio.thumbs import Thumbnails


@dataclass
class Studio:
    """A studio, as every page is given it."""

    place: Place
    jobs: Jobs
    thumbnails: Thumbnails = field(init=False)

    def __post_init__(self) -> None:
        self.thumbnails = Thumbnails(self.place)

    def url(self, path: Path, *, width: int | None = None) -> str:
        """The address of a picture, film or other file of the place, or of its thumbnail.

        Raises:
            MediaError: it lies outside.
        """
        address = files.url_of(self.place, path)
        return address if width is None else f"{address}&w={width}"
