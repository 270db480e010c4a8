"""Kills the real program at random moments, goes on, and compares bytes with what never was killed.

Works are begun by a process that has imported everything and forks for each of them, so that a kill
costs no start of Python. They tell through a pipe what they are at: half of the kills come at any
time of a work's life, half are aimed at a phase (in turn), at one of its occurrences, and at some
moment of that. What is counted is the phase in which a work really died.

    python tests/trust/faults.py --kills 200
"""

import argparse
import contextlib
import csv
import dataclasses
import functools
import importlib
import io
import json
import os
import random
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from faults_crew import fork_hands, kill_all, kill_alone, kill_hands
from faults_works import works

from mutoscope import atomic
from mutoscope.cli import run
from mutoscope.run import journal

# What a forked worker would otherwise import anew each time.
LOADED = (
    "api", "cli.display", "cli.make", "cli.sheets", "cli.walk", "cli.finish_interpolate",
    "cli.train_gan", "crew.painting", "finish.interpolate.film", "frames.film", "frames.mux",
    "train_gan.lesson", "train_gan.training", "walk.film", "paint", "run.footage", "quality.keep",
    "cli.finish_process", "cli.finish_smooth", "cli.finish_upscale", "cli.members", "cli.project",
    "cli.restyle", "cli.sweep", "cli.train", "cli.drawings_tiles", "crew.processes", "crew.worker",
    "finish.pieces", "finish.process_files", "finish.smooth_files", "finish.upscale.jobs",
    "sweep.sweeping", "sweep.outlook", "train_vqgan.lesson", "train_vqgan.presets",
    "train_vqgan.team", "drawings.tiles",
)  # fmt: skip
TIMES = ("seconds", "tries")  # of a sweep's table
CREW_KILLS = (kill_all, kill_alone, kill_hands)
PHASES = ("settings", "step", "save", "log", "film", "checkpoint")


@dataclass
class Life:
    """How a worker ended, what it was at, when, and what it did, in seconds since it began."""

    code: int
    phase: str = ""
    seconds: float = 0.0
    spans: list = field(default_factory=list)  # (phase, start, end)
    group: int = 0  # of its processes


# ── a worker, and what it is at ──


def phase_of(path):
    """What is done when a file of that name is written."""
    name = path.name
    if name in ("settings.yaml", "run.json", "sheet.json", "settings.json", "key.json"):
        return "settings"
    if path.suffix in (".mp4", ".mkv") or name.startswith("next"):
        return "film"
    return "checkpoint" if path.suffix == ".safetensors" else "save"


def tell_phases(pipe):
    """Let this process write down when what begins and ends; the writes are whole and in order."""

    def tell(sign, phase):
        with contextlib.suppress(BrokenPipeError):  # whoever began this one was killed
            os.write(pipe, f"{sign} {phase} {time.perf_counter()}\n".encode())

    def told(function, phase=None):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            now = phase or phase_of(Path(args[0]))
            tell("+", now)
            try:
                return function(*args, **kwargs)
            finally:
                tell("-", now)

        return wrapper

    def opened(path):
        tell("+", phase_of(path))
        return part_path(path)

    def settled(part, path, **options):
        try:
            settle(part, path, **options)
        finally:
            tell("-", phase_of(path))

    part_path, settle, append = atomic.part_path, atomic.settle, journal.append
    weigh = sys.modules["mutoscope.look"].weigh
    for name, module in list(sys.modules.items()):
        for known, mine in (
            (part_path, opened), (settle, settled), (append, told(append, "log")),
            (weigh, told(weigh, "step")),
        ):  # fmt: skip
            if name.startswith("mutoscope") and vars(module).get(known.__name__) is known:
                setattr(module, known.__name__, mine)
    for place, owner, name, phase in (
        ("train_gan.players", "Players", "learn", "step"),
        ("train_vqgan.team", "Team", "average", "step"),
        ("run.footage", "Footage", "add", "film"),
        ("run.footage", "Footage", "finish", "film"),
    ):
        one = getattr(sys.modules[f"mutoscope.{place}"], owner)
        setattr(one, name, told(getattr(one, name), phase))


class Nursery:
    """Forks workers that run the command line in a folder, and kills them."""

    def __init__(self, place):
        self.place, self.printed = place, place.with_name(place.name + ".printed")

    def live(self, command, *, after=None, aim=None, prepare=None, kill=kill_all):
        """A worker's life: to its end, or killed ``after`` seconds, or at an ``aim``.

        An aim is a phase, which of its occurrences from 0, and how many seconds after its begin.
        ``prepare`` is called in the worker before it begins, and what that gives at its end.
        ``kill``: how it is killed, by its process.
        """
        reading, writing = os.pipe()
        sys.stdout.flush()  # else what waits there is printed by both
        begun = time.perf_counter()
        worker = os.fork()
        if worker == 0:
            os.close(reading)
            os.setpgid(0, 0)
            self._work(command, writing, prepare)
        os.close(writing)
        life, text, open_phases, seen = Life(0, group=worker), b"", [], 0
        deadline = None if after is None else begun + after
        while True:
            patience = None if deadline is None else max(0.0, deadline - time.perf_counter())
            if not select.select([reading], [], [], patience)[0]:
                kill(worker)
                deadline = None
                if kill is kill_alone:
                    break  # those that it has begun may still tell
                continue
            if not (got := os.read(reading, 65536)):
                break
            *lines, text = (text + got).split(b"\n")
            for sign, phase, moment in (line.decode().split() for line in lines):
                if sign == "-":
                    at = next((k for k in reversed(open_phases) if k[0] == phase), None)
                    if at is not None:
                        open_phases.remove(at)
                        life.spans.append((phase, at[1] - begun, float(moment) - begun))
                    continue
                open_phases.append((phase, float(moment)))
                if aim is not None and phase == aim[0]:
                    if seen == aim[1]:
                        deadline = float(moment) + aim[2]
                    seen += 1
        os.close(reading)
        life.code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        life.seconds = time.perf_counter() - begun
        # Where files are written by one thread while another makes steps, the file is what counts.
        phases = [phase for phase, _ in open_phases]
        on_disk = [phase for phase in phases if phase != "step"]
        life.phase = (on_disk or phases or ["between"])[-1]
        return life

    def _work(self, command, writing, prepare):
        os.chdir(self.place)
        for number in (1, 2):
            os.dup2(os.open(self.printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        code = 70
        try:
            tell_phases(writing)
            fork_hands(writing)
            ending = prepare() if prepare else None
            code = run(list(command))
            if ending:
                ending()
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


# ── trials ──


def contents(place):
    """Every file there but locks; of what says when or for how long it was made, all but that."""
    found = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and path.name != ".lock":
            found[str(path.relative_to(place))] = timeless(path)
    return found


def timeless(path):
    """The bytes of a file, without the times and tries that it tells of."""
    data = path.read_bytes()
    if path.name == "run.json":
        return json.dumps({k: v for k, v in json.loads(data).items() if k != "started"}).encode()
    if path.name == "index.html":
        return re.sub(rb"(?<=seconds\t)[0-9.]+", b"", data)
    if path.name == "results.csv":
        rows = csv.DictReader(io.StringIO(data.decode()))
        lasting = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
        return json.dumps(lasting).encode()
    if path.name == "results.parquet":
        table = importlib.import_module("pyarrow.parquet").read_table(io.BytesIO(data))
        kept = table.drop_columns([name for name in TIMES if name in table.column_names])
        return repr((kept.schema, kept.to_pydict())).encode()
    return data


def emptied(place):
    """The folder, with nothing in it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def difference(nursery, life, whole, *, but=()):
    """What is wrong with how a work ended, "" for nothing; ``but``: names that don't count."""
    found = contents(nursery.place)
    names = sorted(
        name
        for name in {*whole, *found}
        if whole.get(name) != found.get(name) and Path(name).name not in but
    )
    said = "".join(nursery.printed.read_text().splitlines()[-1:])
    # Killed after all was done: whoever gives the command again hears that the film is there.
    done = life.code == 2 and ("exists already" in said or "is finished" in said)
    return "" if not names and (life.code == 0 or done) else f"exit {life.code}, {names[:5]} {said}"


@dataclass
class Tally:
    """What was tried and what became of it."""

    kills: Counter = field(default_factory=Counter)  # by work and phase
    trials: int = 0
    resumed: int = 0
    equal: int = 0
    missed: int = 0  # workers that ended before they could be killed
    hands: int = 0  # times that those of a crew were killed
    parts: int = 0  # hidden files that works left which are begun anew
    wrong: list = field(default_factory=list)


def one_trial(work, nursery, whole, life, chance, tally, phase):
    """Kill a work once, often twice, sometimes three times; go on to the end, and compare."""
    place = emptied(nursery.place)
    killed, groups, wrong = [], [], ""
    for attempt in range(chance.choice((1, 1, 2, 3))):
        kill = chance.choice(CREW_KILLS) if work.crew else kill_all
        spans = [span for span in life.spans if span[0] == phase]
        if attempt == 0 and spans:
            index = chance.randrange(len(spans))
            aim = (phase, index, chance.uniform(0, spans[index][2] - spans[index][1]))
            ended = nursery.live(work.next(place), aim=aim, kill=kill)
        else:
            after = chance.uniform(0, life.seconds)
            ended = nursery.live(work.next(place), after=after, kill=kill)
        groups.append(ended.group)
        if ended.code != -signal.SIGKILL:
            tally.missed += kill is not kill_hands
            tally.hands += kill is kill_hands
            killed += ["its worker"] * (kill is kill_hands)
            break
        killed.append(f"{ended.phase} ({kill.__name__})" if work.crew else ended.phase)
        tally.kills[work.name, ended.phase] += 1
        wrong = wrong or half_made(work, place, whole, tally)
    if not killed:
        return
    tally.trials += 1
    last = work.next(place)
    if ended.code == -signal.SIGKILL:
        tally.resumed += last[0] == "resume"
        ended = nursery.live(last)
    for group in groups:
        kill_all(group)
    if wrong := wrong or difference(nursery, ended, whole):
        tally.wrong.append(f"{work.name}: killed in {killed}: {wrong}")
    else:
        tally.equal += 1


def half_made(work, place, whole, tally):
    """What a killed work that is begun anew has left under a name of its own, if that isn't whole.

    The hidden parts that it may leave beside it are counted, and go.
    """
    if not work.anew:
        return ""
    found = contents(place)
    for name in found:
        if name.startswith("."):
            (place / name).unlink()
            tally.parts += 1
    shown = [name for name in found if not name.startswith(".")]
    return "".join(f"half of {name} is there" for name in shown if found[name] != whole[name])


def preload():
    """Import all that works need, and let this process compute with one thread, so it can fork."""
    torch.set_num_threads(1)
    for name in LOADED:
        importlib.import_module(f"mutoscope.{name}")
    sys.modules["mutoscope.train_gan.lesson"].embedded_embedding = lambda: None
    # Several pieces of a film, and a network that learns in no time.
    sys.modules["mutoscope.finish.pieces"].PIECE_FRAMES = 3
    sys.modules["mutoscope.train_vqgan.lesson"].SHOWN = 32
    sys.modules["mutoscope.train_vqgan.course"].TICKS = 4
    presets = sys.modules["mutoscope.train_vqgan.presets"].PRESETS
    tiny = presets["tiny"]
    small = dataclasses.replace(tiny.architecture, ch_mult=(1, 1, 1), n_embed=16)
    presets["tiny"] = dataclasses.replace(tiny, architecture=small)


def begun(base, *, only=(), say=print):
    """Each work by name, done once in a folder of its own: it, its nursery, its files, its life."""
    preload()
    known = {}
    for work in (one for one in works(base / "inputs") if not only or one.name in only):
        nursery = Nursery(emptied(base / work.name))
        life = nursery.live(work.command)
        if life.code != 0:
            raise SystemExit(f"{work.name}: exit {life.code}: {nursery.printed.read_text()}")
        known[work.name] = work, nursery, contents(nursery.place), life
        say(f"{work.name}: {life.seconds:.2f} s, {len(known[work.name][2])} files; phases: "
            f"{dict(Counter(phase for phase, _, _ in life.spans))}")  # fmt: skip
    return known


def kill_many(kills, known, *, seed=0, say=print):
    """So many kills, over all works that have ``begun``, in turn; what came of them."""
    chance, tally, turn = random.Random(seed), Tally(), 0  # noqa: S311
    while sum(tally.kills.values()) < kills:
        # Every other is aimed.
        round_, aimed = divmod(turn // len(known), 2)
        phase = PHASES[round_ % len(PHASES)] if aimed else ""
        one_trial(*list(known.values())[turn % len(known)], chance, tally, phase)
        turn += 1
        if turn % 20 == 0:
            say(f"{sum(tally.kills.values())} kills, {tally.equal} equal, {tally.wrong}")
        assert turn <= 40 * kills, "works end before they can be killed"
    return tally


def main():
    """Kill as often as is asked for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=())
    asked = parser.parse_args()
    first = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        known = begun(Path(temporary), only=asked.only)
        tally = kill_many(asked.kills, known, seed=asked.seed)
    kinds = sorted({name for name, _ in tally.kills})
    phases = [*PHASES, "between"]
    print(f"\n{'killed in':12}" + "".join(f"{phase:>12}" for phase in phases))
    for kind in kinds:
        print(f"{kind:12}" + "".join(f"{tally.kills[kind, phase]:12}" for phase in phases))
    sums = [sum(tally.kills[kind, phase] for kind in kinds) for phase in phases]
    print(f"{'all':12}" + "".join(f"{number:12}" for number in sums))
    print(
        f"\n{sum(sums)} kills in {tally.trials} works, of which {tally.resumed} went on by resume "
        f"and the others by the same command; {tally.equal} ended in the bytes of the work never "
        f"killed, {len(tally.wrong)} did not ({time.perf_counter() - first:.0f} s); workers of a "
        f"crew killed {tally.hands} times; {tally.parts} hidden parts left by what is begun anew"
    )
    print(*tally.wrong, sep="\n")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
