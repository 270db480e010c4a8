"""Tiles on disk: as PNG files or in shards, resumable.

Every file is written whole or not at all, and which tile stands where depends on the plan and the
seed alone. So a stopped job goes on by leaving alone what is there, and ends in the same bytes.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from mutoscope import atomic
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.margins import load_json
from mutoscope.drawings.plan import Plan
from mutoscope.drawings.records import png
from mutoscope.drawings.shards import ENDINGS, decoded, read_shard, write_shard
from mutoscope.drawings.tiles import cut_from, origin_of
from mutoscope.errors import MediaError, RunError, SettingsError, nearest, printable
from mutoscope.weights.transfer import digest_of

log = logging.getLogger("mutoscope")

PNG = "png"
FORMS = (PNG, *ENDINGS)
PER_SHARD = 1000
NAME, INDEX = "tiles.json", "index.json"
_MOST_BYTES = 16 * 2**20
_WINDOW = 16  # tiles that are in the making at once
_END = b"IEND\xaeB`\x82"  # of every PNG

T = TypeVar("T")
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """What is written where.

    Attributes:
        plan: the tiles.
        size: their side in pixels.
        form: ``png``, ``webdataset`` or ``tfrecord``.
        seed: of the order in shards.
        per_shard: how many tiles a shard has.
        workers: how many threads cut and encode.
    """

    plan: Plan
    size: int
    form: str = PNG
    seed: int = 0
    per_shard: int = PER_SHARD
    workers: int = 2

    def __post_init__(self) -> None:
        check_form(self.form)
        if not 1 <= self.per_shard <= 1_000_000:
            raise SettingsError(f"per-shard: {self.per_shard} is not allowed; 1–1000000 are")


def check_form(form: str) -> None:
    """Refuse a form that there is not."""
    if form not in FORMS:
        raise SettingsError(
            f"form: {printable(form)!r} is not allowed; allowed are {', '.join(FORMS)}"
            f"{nearest(form, FORMS)}"
        )


def write_tiles(
    job: Job, folder: Path, *, about: Mapping[str, Any], told: Told | None = None
) -> int:
    """Write all tiles of a job to ``folder``; return how many were still to be written.

    Args:
        job: the tiles and their form.
        folder: made if need be. One in which a job of the same description was stopped is gone on
            with; any other that is not empty is refused.
        about: the job's description, as JSON.
        told: is called with how many tiles are done, of how many.

    Raises:
        RunError: the folder holds something else.
        MediaError: a page can't be read, or a file not written.
    """
    claim(folder, {**about, "form": job.form, "tiles": len(job.plan)})
    with ThreadPoolExecutor(job.workers, "tiles") as pool:
        if job.form == PNG:
            return _write_files(job, folder, pool, told)
        return _write_shards(job, folder, pool, told)


def claim(folder: Path, about: Mapping[str, Any]) -> None:
    """Make the folder ours: describe the job in it, or find it described there already.

    Raises:
        RunError: another job or other files are there.
        MediaError: it can't be made or written to.
    """
    path = folder / NAME
    wanted = json.loads(json.dumps(about))
    above = [folder.absolute(), *folder.absolute().parents]
    try:
        new = sum(not place.exists() for place in above)
        folder.mkdir(parents=True, exist_ok=True)
        atomic.sync_upward(folder, new)
        if path.exists():
            there = load_json(path, _MOST_BYTES)
            if there != wanted:
                raise RunError(f"{folder}: {_difference(there, wanted)}; name another folder")
            atomic.sweep_parts(folder)
        elif any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise RunError(
                f"{folder}: holds other files and no {NAME}; name an empty or new folder"
            )
        else:
            atomic.sweep_parts(folder)  # of this very description, if it was killed before it stood
            atomic.write_text(path, json.dumps(wanted, indent=1) + "\n")
    except OSError as error:
        raise MediaError(f"{folder}: can't be written to: {atomic.reason(error)}") from error


def scanned(folder: Path) -> dict[str, list[Any]]:
    """The scans that the tiles in a folder were cut from, as its description has them.

    By the page's name a list that begins with the scan's digest; nothing where that isn't said, as
    of tiles that another program made.
    """
    try:
        pages = load_json(folder / NAME, _MOST_BYTES)["pages"]
        return {str(name): list(row) for name, row in pages.items() if _is_digest(row[0])}
    except (MediaError, KeyError, TypeError, AttributeError, IndexError):
        return {}


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def repack(
    shards: Sequence[Path],
    folder: Path,
    *,
    form: str = PNG,
    told: Callable[[int], None] | None = None,
) -> int:
    """Write the tiles of shards to ``folder`` in another form; return how many there were.

    As PNG they lie in a folder for each shard, byte for byte as they were; a shard becomes a shard
    of the same name. What is there already, whole, is left alone.

    Raises:
        MediaError: a shard is damaged; the message has the offset. What came before it is kept.
        RunError: the folder holds something else.
    """
    check_form(form)
    names = [path.name for path in shards]
    stems = {path.stem for path in shards}
    if len(stems) < len(shards):
        raise MediaError(f"{shards[0].parent}: two shards have the same name: unpack them apart")
    pages: dict[str, Any] = {}
    for beside in sorted({path.parent for path in shards}):
        pages |= scanned(beside)
    claim(folder, {"shards": names, "form": form} | ({"pages": pages} if pages else {}))
    count = 0

    def counted(path: Path) -> Iterator[tuple[str, Pixels, Mapping[str, Any]]]:
        nonlocal count
        for stored in read_shard(path):
            count += 1
            if told:
                told(count)
            yield stored.key, decoded(path, stored), stored.about

    for path in shards:
        if form == PNG:
            place = folder / path.stem
            for number, stored in enumerate(read_shard(path)):
                pixels = decoded(path, stored)
                kept = stored.data if stored.data.startswith(b"\x89PNG") else png(pixels)
                if not _whole(target := place / f"{number:08d}.png"):
                    _write(target, kept)
                count += 1
                if told:
                    told(count)
        elif not (target := folder / f"{path.stem}{ENDINGS[form]}").exists():
            write_shard(target, form, counted(path))
    if form == PNG:
        atomic.sync_all()
    return count


def _write_files(job: Job, folder: Path, pool: ThreadPoolExecutor, told: Told | None) -> int:
    """Each tile in a file of its own, in a folder for each page."""
    total, written = len(job.plan), 0

    def make(index: int) -> bool:
        path = folder / f"{job.plan.name(index)}.png"
        if _whole(path):
            return False
        _write(path, png(_tile(job, index)))
        return True

    for done, new in enumerate(_mapped(pool, make, range(total)), 1):
        written += new
        if told:
            told(done, total)
    atomic.sync_all()
    return written


def _write_shards(job: Job, folder: Path, pool: ThreadPoolExecutor, told: Told | None) -> int:
    """Shards in an order drawn over all pages, so that each is a mixture; and their index."""
    total, written, done = len(job.plan), 0, 0
    generator = torch.Generator().manual_seed(job.seed)
    order: list[int] = torch.randperm(total, generator=generator).tolist()
    index: dict[str, dict[str, Any]] = {}

    def made(part: Sequence[int]) -> Iterator[tuple[str, Pixels, Mapping[str, Any]]]:
        nonlocal done
        for number, pixels in zip(part, _mapped(pool, lambda i: _tile(job, i), part), strict=True):
            place = job.plan.place(number)
            origin = origin_of(job.plan.sheets[place.page], place)
            yield f"{number:08d}", pixels, asdict(origin)
            done += 1
            if told:
                told(done, total)

    for number, first in enumerate(range(0, total, job.per_shard)):
        part = order[first : first + job.per_shard]
        path = folder / f"{number:05d}{ENDINGS[job.form]}"
        if path.exists():
            done += len(part)
        else:
            written += write_shard(path, job.form, made(part))
        index[path.name] = {"tiles": len(part), "sha256": digest_of(path)}
    try:
        atomic.write_text(folder / INDEX, json.dumps(index, indent=1) + "\n")
    except OSError as error:
        raise MediaError(f"{folder}: can't be written to: {atomic.reason(error)}") from error
    return written


def _tile(job: Job, index: int) -> Pixels:
    return cut_from(job.plan.sheets, job.plan.place(index), job.size)


def _mapped(pool: ThreadPoolExecutor, make: Callable[[int], T], over: Iterable[int]) -> Iterator[T]:
    """What ``make`` makes of each number, in order; a few at a time, so that memory stays small."""
    window: list[int] = []
    for number in over:
        window.append(number)
        if len(window) == _WINDOW:
            yield from pool.map(make, window)
            window = []
    yield from pool.map(make, window)


def _whole(path: Path) -> bool:
    """Whether a tile is there to its end, which it may have lost with the power."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - len(_END)))
            return file.read(len(_END)) == _END
    except FileNotFoundError:
        return False
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {atomic.reason(error)}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, data, durable=False)
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


def _difference(there: Any, wanted: Mapping[str, Any]) -> str:
    """In what the job that is there differs from the one that is wanted."""
    if not isinstance(there, dict):
        return f"its {NAME} is of something else"
    for key in [*wanted, *there]:
        if there.get(key) != wanted.get(key):
            has, now = (printable(json.dumps(of.get(key)))[:60] for of in (there, wanted))
            return f"holds tiles of another description ({key} was {has} and is {now})"
    return "holds other tiles"
