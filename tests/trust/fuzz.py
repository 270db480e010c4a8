"""Every reader fed with spoilt examples, in a process that is watched and bounded.

    python tests/trust/fuzz.py --minutes 30            what `make trust-fuzz` runs
    python tests/trust/fuzz.py --count 40              so many inputs for each target
    python tests/trust/fuzz.py --replay FILE           one input that was kept, as it was found

Input ``n`` of a target follows from the seed and ``n`` alone. What was found is kept as
a file whose name says of which target it is; the exit status is 1 where anything was.
"""

import argparse
import contextlib
import faulthandler
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("error", "hang", "memory", "output", "trespass", "outside", "crash", "seed")
_SPACE = 4 << 30  # bytes of address space beyond what the process has when it begins
_BEGINNING = 60  # seconds in which the examples must be there
_MANY = 5  # findings of one target after which the next has its turn


@dataclass
class Tally:
    """What came of a target."""

    name: str
    tried: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    most: int = 0  # bytes by which memory grew at the highest
    findings: list[dict[str, Any]] = field(default_factory=list)


# ── the child: what is watched ──


def child(
    wanted: Sequence[str],
    *,
    seed: int,
    start: int,
    count: int,
    seconds: float,
    kept: Path,
    room: Path,
) -> None:
    """Try the targets of these names one after the other, and write a line of JSON of each."""
    from fuzz_files import TARGETS as FILES
    from fuzz_guard import Guard
    from fuzz_words import TARGETS as WORDS

    os.environ["HOME"] = str(room.parent)
    os.chdir(room)
    warnings.simplefilter("ignore")
    logging.getLogger("mutoscope").setLevel(logging.CRITICAL + 1)
    targets = {target.name: target for target in (*WORDS, *FILES)}
    if not wanted:
        wanted = list(targets)
        seconds /= len(wanted)
        print(json.dumps({"names": wanted}), flush=True)
    faulthandler.dump_traceback_later(_BEGINNING, exit=True)
    seeds = {name: _seeds(targets[name], room) for name in wanted}
    guard = Guard(room, address_space=_SPACE)
    for name in wanted:
        tried = _Trial(targets[name], seeds[name], guard, room, kept)
        tried.run(seed=seed, start=start, count=count, seconds=seconds)
        print(json.dumps(asdict(tried.tally)), flush=True)
        start = 0


def _seeds(target: Any, room: Path) -> list[bytes]:
    """The examples, each of which must be read: so all that is imported late is there as well."""
    from fuzz_change import LONGEST

    from mutoscope.errors import MutoscopeError

    folder = room / "seeds"
    folder.mkdir(exist_ok=True)
    try:
        seeds = list(target.seeds(folder))
    except Exception:  # noqa: BLE001 - the child must end, whatever native code has begun
        traceback.print_exc()
        os._exit(3)
    if any(len(data) > LONGEST for data in seeds):
        raise SystemExit(f"{target.name}: an example is longer than inputs are: all are cut short")
    refusals = []
    for data in seeds:
        try:
            target.call(data, room)
        except MutoscopeError as error:
            refusals.append(str(error))
    if len(refusals) == len(seeds):
        raise SystemExit(f"{target.name}: none of its examples can be read: {refusals}")
    return seeds


class _Trial:
    """One target on trial."""

    def __init__(self, target: Any, seeds: list[bytes], guard: Any, room: Path, kept: Path) -> None:
        self.target, self.seeds, self.guard, self.room, self.kept = target, seeds, guard, room, kept
        self.tally = Tally(target.name)
        self.known: set[str] = set()

    def run(self, *, seed: int, start: int, count: int, seconds: float) -> None:
        """Try inputs from number ``start`` on, up to ``count`` or until the seconds are over."""
        begun = time.process_time()
        for number in range(start, count):
            if time.process_time() - begun > seconds or len(self.known) >= _MANY:
                break
            rng = random.Random(f"{seed}:{self.target.name}:{number}")  # noqa: S311
            self.one(self.target.change(rng, self.seeds), number)
        self.outside()
        self.tally.seconds = time.process_time() - begun

    def one(self, data: bytes, number: int) -> None:
        """Try one input."""
        from fuzz_guard import HangError, TrespassError

        from mutoscope.errors import MutoscopeError

        (self.kept / "current").write_bytes(data)
        (self.kept / "which").write_text(json.dumps([self.target.name, number]))
        self.tally.tried += 1
        kind, what, where = "", "", ""
        out: object = None
        with self.guard.watch(self.target.seconds) as spent:
            try:
                out = self.target.call(data, self.room)
            except MutoscopeError as error:
                self.tally.refused += 1
                if any(ord(sign) < 32 and sign != "\n" for sign in str(error)):
                    kind, what = "error", f"a message that steers a terminal: {error!r:.300}"
            except HangError as error:
                kind, what, where = "hang", f"over {self.target.seconds:g} s", _where(error)
            except TrespassError as error:
                kind, what, where = "trespass", str(error), _where(error)
            except BaseException as error:  # noqa: BLE001 - any other is what is looked for
                kind, where = "error", _where(error)
                what = f"{type(error).__name__}: {str(error)[:200]}"
        self.tally.slowest = max(self.tally.slowest, spent.seconds)
        self.tally.most = max(self.tally.most, spent.bytes)
        if not kind and spent.bytes > self.target.megabytes << 20:
            kind, what = "memory", f"{spent.bytes / 2**20:.0f} MiB"
        if not kind and isinstance(out, int) and out > self.target.output << 20:
            kind, what = "output", f"{out:,} bytes"
        if kind:
            self.found(kind, what, where, data, number)

    def found(self, kind: str, what: str, where: str, data: bytes, number: int) -> None:
        """Keep a finding, once for each place in the program."""
        mark = f"{kind}:{where or re.sub(r'[0-9]+', '', what)[:60]}"
        if mark in self.known:
            return
        self.known.add(mark)
        path = self.kept / f"{self.target.name.replace(' ', '_')}-{kind}-{number}"
        path.write_bytes(data)
        self.tally.findings.append(
            {"kind": kind, "what": what, "where": where, "number": number, "file": str(path)}
        )

    def outside(self) -> None:
        """Whether native code has written beside the room, which no hook hears of."""
        strangers = {path.name for path in self.room.parent.iterdir()} - {
            self.room.name,
            "kept",
            "said",
        }
        if strangers:
            self.found("outside", str(sorted(strangers)), "", b"", -1)


def _where(error: BaseException) -> str:
    """The innermost line of the program in a traceback."""
    lines = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if f"{os.sep}mutoscope{os.sep}" in frame.filename
    ]
    return lines[-1] if lines else ""


# ── the parent: what goes on when a child has died ──


def fuzz(
    wanted: Sequence[str], *, seed: int, count: int, seconds: float, kept: Path
) -> Iterator[Tally]:
    """Try targets in processes of their own; one that dies takes only its input with it."""
    left = list(wanted)
    start = 0
    deaths = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        begun = False
        while left or not begun:
            begun = True
            outer = Path(tempfile.mkdtemp(dir=folder))
            (outer / "room").mkdir()
            (outer / "kept").mkdir()
            order = {
                "wanted": left,
                "seed": seed,
                "start": start,
                "count": count,
                "seconds": seconds,
                "kept": str(outer / "kept"),
                "room": str(outer / "room"),
            }
            process = subprocess.Popen(
                [sys.executable, "-B", __file__, "--child", json.dumps(order)],
                stdout=subprocess.PIPE,
                stderr=(outer / "said").open("wb"),
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            )
            assert process.stdout is not None
            for line in process.stdout:
                told = json.loads(line)
                if "names" in told:
                    left = told["names"]
                    seconds /= len(left)
                    continue
                tally = Tally(**told)
                tally.tried += start
                start = deaths = 0
                left.remove(tally.name)
                yield _moved(tally, kept)
            if process.wait() == 0 and not left:
                break
            said = (outer / "said").read_text(errors="replace").strip()
            which = outer / "kept" / "which"
            if not which.exists():
                raise SystemExit(f"the child died before it began: {said[-3000:]}")
            name, number = json.loads(which.read_text())
            data = (outer / "kept" / "current").read_bytes()
            where = "; ".join(re.findall(r'mutoscope/([\w/]+\.py", line \d+)', said)[:1])
            late = process.returncode == -signal.SIGVTALRM or "Timeout (" in said
            kind = "hang" if late else "crash"
            left = left[left.index(name) :]
            start, deaths = number + 1, deaths + 1
            tally = Tally(
                name,
                0,
                findings=[
                    {
                        "kind": kind,
                        "what": f"status {process.returncode}",
                        "where": where,
                        "number": number,
                        "file": "",
                    }
                ],
            )
            kept.mkdir(parents=True, exist_ok=True)
            path = kept / f"{name.replace(' ', '_')}-{kind}-{number}"
            path.write_bytes(data)
            tally.findings[0]["file"] = str(path)
            yield tally
            if deaths >= _MANY:
                left, start, deaths = left[1:], 0, 0


def _moved(tally: Tally, kept: Path) -> Tally:
    """A tally whose inputs lie where they are kept."""
    for found in tally.findings:
        held = Path(found["file"])
        kept.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            (kept / held.name).write_bytes(held.read_bytes())
        found["file"] = str(kept / held.name)
    return tally


def names() -> dict[str, bool]:
    """All targets, and whether each is of words or of pure Python."""
    from fuzz_files import TARGETS as FILES
    from fuzz_words import TARGETS as WORDS

    return {target.name: target.pure for target in (*WORDS, *FILES)}


def table(tallies: Sequence[Tally]) -> str:
    """The tallies, a line for each target, and the sum."""
    rows: dict[str, Tally] = {}
    for tally in tallies:  # a target whose process died has several
        row = rows.setdefault(tally.name, Tally(tally.name))
        row.tried, row.refused = max(row.tried, tally.tried), row.refused + tally.refused
        row.seconds += tally.seconds
        row.slowest, row.most = max(row.slowest, tally.slowest), max(row.most, tally.most)
        row.findings += tally.findings
    lines = [f"{'':26} {'inputs':>9} {'refused':>9} {'slowest':>8} {'memory':>8} findings"]
    lines += [
        f"{row.name:26} {row.tried:9,} {row.refused:9,} {row.slowest:6.2f} s "
        f"{row.most >> 20:4} MiB {len(row.findings)}"
        for row in rows.values()
    ]
    total = sum(row.tried for row in rows.values())
    lines.append(
        f"{len(rows)} targets, {total:,} inputs, "
        f"{sum(len(row.findings) for row in rows.values())} findings, "
        f"{sum(row.seconds for row in rows.values()):.0f} CPU seconds"
    )
    for row in rows.values():
        for found in row.findings:
            lines.append(
                f"  {row.name}: {found['kind']}: {found['what']} [{found['where']}] {found['file']}"
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=0, help="for all targets together")
    parser.add_argument("--count", type=int, default=0, help="inputs of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="names of targets")
    parser.add_argument("--kept", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--replay", type=Path, help="an input that was kept")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        order = json.loads(asked.child)
        child(
            order["wanted"],
            seed=order["seed"],
            start=order["start"],
            count=order["count"],
            seconds=order["seconds"],
            kept=Path(order["kept"]),
            room=Path(order["room"]),
        )
        sys.stdout.flush()
        os._exit(0)  # what spoilt files left behind in native code is not waited for
    if asked.replay:
        return replay(asked.replay)
    wanted = asked.only or []
    seconds = asked.minutes * 60 / (len(wanted) or 1) if asked.minutes else 1e9
    tallies = []
    for tally in fuzz(
        wanted,
        seed=asked.seed,
        count=asked.count or (2**40 if asked.minutes else 100),
        seconds=seconds,
        kept=asked.kept,
    ):
        tallies.append(tally)
        print(f"{tally.name}: {tally.tried:,} inputs, {tally.refused:,} refused, "
              f"{len(tally.findings)} findings", file=sys.stderr, flush=True)  # fmt: skip
    print(table(tallies))
    return 1 if any(tally.findings for tally in tallies) else 0


def replay(path: Path) -> int:
    """Read one input again, without a watch, so that the whole traceback is seen."""
    from fuzz_files import TARGETS as FILES
    from fuzz_words import TARGETS as WORDS

    from mutoscope.errors import MutoscopeError

    name = path.name.partition("-")[0].replace("_", " ")
    target = next(t for t in (*WORDS, *FILES) if t.name.partition("-")[0] == name)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        (room / "seeds").mkdir()
        target.seeds(room / "seeds")
        try:
            print("read:", target.call(path.read_bytes(), room))
        except MutoscopeError as error:
            print(f"refused: {error}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
