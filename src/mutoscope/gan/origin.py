"""Where a generator comes from: its training and the drawings behind it, each known by a digest.

An `Origin` stands in the header of a generator's file and in the recipes of what it draws, so it is
small: of many drawings it names the first, and gives the digest of a list of all. That list is
``<sha256>  <name>`` line by line, in the order of the names: what ``sha256sum`` prints.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_NAMED = 32
"""The most drawings that are named one by one."""

NAMES_ROOM = 3000
"""The most bytes of JSON that their names take."""

MOST_STRETCHES = 3
"""The most changes of the drawings that are told: the first, and the latest."""

MAX_JSON = 40_000
"""The largest origin that is read, in characters."""

_NAME = 200  # characters of a name that are kept
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Listing:
    """Files by name and digest: how many, the digest of the list, and the first ones' own."""

    count: int
    digest: str
    named: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "Listing":
        """That of files whose SHA-256 are known, by name."""
        rows = sorted(files.items())
        text = "".join(f"{digest}  {name}\n" for name, digest in rows)
        named: dict[str, str] = {}
        room = NAMES_ROOM
        for name, digest in rows[:MOST_NAMED]:
            room -= len(json.dumps(name))  # what no English keyboard has takes six bytes or twelve
            if room < 0 or len(name) > _NAME:
                break
            named[name] = digest
        whole = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        return cls(len(rows), whole, named)


@dataclass(frozen=True)
class Stretch:
    """What a training learned from, from so many images on.

    Attributes:
        after: the images that were shown before it.
        kind: scans, specimens, tiles or shards.
        folder: the name of the folder in which they lay.
        files: they.
        scans: the scans that tiles or shards were cut from, where that is known.
        picked: the digest of the file of specimens, where tiles are cut at these.
    """

    after: int
    kind: str
    folder: str
    files: Listing
    scans: Listing | None = None
    picked: str | None = None

    @property
    def drawings(self) -> Listing:
        """The scans behind it, or the files themselves."""
        return self.scans or self.files


@dataclass(frozen=True)
class Origin:
    """Where a generator comes from.

    Attributes:
        run: the name of its training's folder.
        recipe: the SHA-256 of the keys that the training was begun with.
        preset: the one that they came from.
        images: how many it has been shown.
        material: what it learned from, the first first.
    """

    run: str
    recipe: str
    preset: str
    images: int
    material: tuple[Stretch, ...]

    def to_dict(self) -> dict[str, Any]:
        """It as JSON has it."""
        told = asdict(self)
        shown = self.material
        if len(shown) > MOST_STRETCHES:
            shown = (shown[0], *shown[1 - MOST_STRETCHES :])
        told["material"] = [asdict(stretch) for stretch in shown]
        return told

    def to_json(self) -> str:
        """Its text."""
        return json.dumps(self.to_dict(), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Origin":
        """Undo `to_json`, for text from anywhere.

        Raises:
            ValueError: it is no origin, or too long.
        """
        if len(text) > MAX_JSON:
            raise ValueError(f"it has {len(text):,} characters")
        try:
            return cls.from_dict(json.loads(text))
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error

    @classmethod
    def from_dict(cls, told: Any) -> "Origin":
        """Undo `to_dict`, for values from anywhere.

        Raises:
            ValueError: it is no origin.
        """
        try:
            stretches = told["material"]
            if not isinstance(stretches, list) or len(stretches) > MOST_STRETCHES:
                raise ValueError("its material is no short list")
            return cls(
                _text(told["run"]), _digest(told["recipe"]), _text(told["preset"]),
                _count(told["images"]), tuple(_stretch(one) for one in stretches),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks something ({type(error).__name__}: {error})") from error


def _stretch(told: Any) -> Stretch:
    scans, picked = told["scans"], told["picked"]
    return Stretch(
        _count(told["after"]), _text(told["kind"]), _text(told["folder"]), _listing(told["files"]),
        None if scans is None else _listing(scans), None if picked is None else _digest(picked),
    )  # fmt: skip


def _listing(told: Any) -> Listing:
    named = told["named"]
    if not isinstance(named, dict) or len(named) > MOST_NAMED:
        raise ValueError("its names are no short list")
    return Listing(
        _count(told["count"]), _digest(told["digest"]),
        {_text(name): _digest(digest) for name, digest in named.items()},
    )  # fmt: skip


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _NAME:
        raise ValueError("a name in it is no short text")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("a digest in it is no SHA-256")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count in it is no whole number")
    return value


def lineage(digest: str, origin: Origin | None) -> dict[str, Any]:
    """A generator and where it comes from, as the recipe of what it drew has it.

    ``digest``: of its file, ``sha256:`` and 64 digits.
    """
    told = {} if origin is None else {"origin": origin.to_dict()}
    return {"file": digest} | told


def read_lineage(told: Any) -> tuple[str, Origin | None] | None:
    """Undo `lineage`, for values from anywhere; None where it is nothing of the kind."""
    if not isinstance(told, dict) or not isinstance(file := told.get("file"), str):
        return None
    if not _SHA256.fullmatch(file.removeprefix("sha256:")):
        return None
    try:
        return file, Origin.from_dict(told["origin"]) if "origin" in told else None
    except ValueError:
        return file, None
