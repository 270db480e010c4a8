"""What a file is that should have been weights or their configuration, by its first bytes."""

from pathlib import Path

from mutoscope.atomic import reason
from mutoscope.errors import WeightsError
from mutoscope.weights.imposters import imposter

HEAD = 512  # bytes that `nature` looks at


def read_head(path: Path, count: int = HEAD) -> bytes:
    """The first ``count`` bytes of a file, or a `WeightsError` where there is none to be read."""
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "no such file"
            raise WeightsError(f"{path}: {what}; give the path of a file that exists")
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({reason(error)}); give the path of a file that can"
        ) from error


def nature(head: bytes) -> str:
    """What ``head`` begins that is neither weights nor a configuration, as the verb of a message.

    Nothing where it may be either.
    """
    found = imposter(head)
    return f"is {found}" if found else ""
