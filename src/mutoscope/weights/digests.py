"""Digests kept at first use: what a fetched file was like when it came, written down beside it.

The record is ``<stem>.sha256``, in the form that ``sha256sum --check`` reads. Few publishers state
a digest; where none is stated, a file is taken as it came, and a later change of it is noticed.
"""

from collections.abc import Sequence
from pathlib import Path

from mutoscope.atomic import write_text
from mutoscope.errors import WeightsError
from mutoscope.weights.transfer import digest_of


def record_of(file: Path) -> Path:
    """Where the digest of a fetched file stands."""
    return file.with_suffix(".sha256")


def keep_digest(file: Path, digest: str) -> None:
    """Write a file's digest down, beside those that the record has already."""
    lines = recorded(record_of(file)) | {file.name: digest}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items()))
    write_text(record_of(file), text)


def recorded(record: Path) -> dict[str, str]:
    """The digests in a record, by the names of their files."""
    try:
        lines = record.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    parts = (line.split(maxsplit=1) for line in lines)
    return {part[1]: part[0] for part in parts if len(part) == 2}


def unchanged(files: Sequence[Path]) -> bool:
    """Whether all of ``files`` have the digests that were written down when they were fetched.

    ``False`` where one has none. A file that has changed since is a `WeightsError`.
    """
    known = [(file, recorded(record_of(file)).get(file.name)) for file in files]
    for file, wanted in known:
        if wanted is not None and (found := digest_of(file)) != wanted:
            raise WeightsError(
                f"{file}: has changed since it was fetched (sha256 {found} instead of {wanted}); "
                "delete it and fetch it again, or, if that is as you want it, delete "
                f"{record_of(file)}"
            )
    return all(wanted is not None for _, wanted in known)
