"""Measure Mutoscope beside what it can't do without, and beside what one would run instead.

    python benchmarks/report.py                            # all of it; writes docs/benchmarks.md
    python benchmarks/report.py --resume                   # what an interrupted measuring lacks
    python benchmarks/report.py --only films walks         # those tables anew
    python benchmarks/report.py --only steps Fourier 256²  # those lines of one
    python benchmarks/report.py --only steps --every       # and every combination
    python benchmarks/report.py --device cuda              # on a GPU; its tables follow the others
    python benchmarks/report.py --quick                    # toy sizes, to see that it works

What is compared stands in the page, table by table. Each line is measured by processes of its own,
which take turns step by step where two programs are compared. Whatever is measured is put beside
the page at once, as JSON, and the page is written anew from all that lies there.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import beginning
import crafts
import films
import precisions
import steps
from mutoscope.atomic import write_text
from table import Case, Setup, Table
from turns import HERE, Failed, Figures, side_by_side

TABLES = (steps.TABLE, precisions.TABLE, films.TABLE, beginning.TABLE, *crafts.TABLES)
PAGE = HERE.parent / "docs" / "benchmarks.md"
DECODERS = ("VQGAN f16", "toy VQGAN")
PACKAGES = ("mutoscope", "torch", "numpy", "opencv-python-headless", "av", "pillow", "ncnn")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
         "asimddp", "i8mm", "bf16", "sve")  # fmt: skip

Results = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 0 if every case could be measured."""
    parser = understanding()
    options = parser.parse_args(arguments)
    if options.quick and options.page == PAGE:
        parser.error("--quick: toy figures are not for the docs; give another --page")
    if not options.page.parent.is_dir():
        parser.error(f"--page: there is no folder {options.page.parent}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="mutoscope-benchmarks-") as name:
        setup = Setup(
            Path(name), options.device, options.threads, options.quick, options.every,
            options.steps, tuple(options.set),
        )  # fmt: skip
        chosen = choose(setup, options.only, parser)
        notes = Notes(options.json or options.page.with_suffix(".json"), options.device)
        if options.resume:
            chosen = [(table, case) for table, case in chosen if not notes.has(table, case)]
        else:
            notes.forget(chosen)
        measure = measured_here if options.in_process else measured
        files = Files(setup.folder, here=options.in_process)
        for number, (table, case) in enumerate(chosen, 1):
            line = f"{number}/{len(chosen)} {table.name}: {case.name}"
            print(line, file=sys.stderr, flush=True)
            try:
                figures = measure(case, files)
            except Failed as error:
                failed += 1
                print(f"{case.name}: failed\n{error}", file=sys.stderr)
                continue
            told = machine(setup)
            notes.keep(table, case, figures, told)
            print(" | ".join([*case.words, *table.cells(figures)]), flush=True)
    if notes.results:
        write_text(options.page, page(notes.results))
    return int(failed > 0)


def understanding() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD",
        help="tables, or words of their lines; of a kind that none names, all are taken",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="keep what was measured already")
    parser.add_argument("--quick", action="store_true", help="toy models and sizes")
    parser.add_argument("--every", action="store_true", help="every combination of the steps")
    parser.add_argument("--steps", type=int, metavar="N", help="measured steps of a line")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings for steps and films"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    parser.add_argument("--json", type=Path, help="where results are kept (beside the page)")
    parser.add_argument(
        "--in-process", action="store_true", help="all in this process: peaks are worth nothing"
    )
    return parser


def choose(
    setup: Setup, words: Sequence[str], parser: argparse.ArgumentParser
) -> list[tuple[Table, Case]]:
    """The cases of the tables, and of those the ones whose words, kind by kind, are asked for."""
    tables = [table for table in TABLES if setup.device in table.devices]
    every = [(table, case) for table in tables for case in table.cases(setup)]
    names = {table.name for table in tables}
    known = names | {word for _, case in every for word in case.words}
    if unknown := [word for word in words if word not in known]:
        parser.error(f"--only: {unknown[0]!r} is none of {', '.join(sorted(known))}")
    asked, rest = names & set(words), set(words) - names
    chosen = []
    for table in tables:
        cases = [case for other, case in every if other is table]
        kinds = [set(column) & rest for column in zip(*(c.words for c in cases), strict=True)]
        # Without its table's name a line is asked for by words that all stand in one table.
        if (table.name not in asked) if asked else (set().union(*kinds) < rest):
            continue
        chosen += [
            (table, case) for case in cases
            if all(not kind or word in kind for word, kind in zip(case.words, kinds, strict=True))
        ]  # fmt: skip
    return chosen


class Files:
    """Networks of random weights, each written when it is first asked for."""

    def __init__(self, folder: Path, *, here: bool) -> None:
        self.folder, self.here = folder, here
        self.paths: dict[str, str] = {}

    def __call__(self, case: Case) -> dict[str, str]:
        """The files that ``case`` needs, by the names of the networks."""
        return {name: self.paths.setdefault(name, self._written(name)) for name in case.needs}

    def _written(self, name: str) -> str:
        if name in self.paths:
            return self.paths[name]
        if self.here:
            checkpoints = importlib.import_module("checkpoints")
            make = checkpoints.write_decoder if name in DECODERS else checkpoints.write
            return str(make(self.folder, name))
        command = [sys.executable, str(HERE / "checkpoints.py"), str(self.folder), name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def measured(case: Case, files: Files) -> list[Figures]:
    """The figures of the case's contestants, each in a process of its own, in turns."""
    return side_by_side(case.orders(files(case)))


def measured_here(case: Case, files: Files) -> list[Figures]:
    """The same in this process, one contestant after the other."""
    found = []
    for script, order in case.orders(files(case)):
        module = importlib.import_module(script.removesuffix(".py"))
        found.append(module.measure(order, lambda: None))
    return found


@dataclass
class Notes:
    """All that was measured, on every device: kept whole at every moment."""

    path: Path
    device: str

    def __post_init__(self) -> None:
        self.results: Results = {}
        if self.path.exists():
            self.results = json.loads(self.path.read_text(encoding="utf-8"))

    def _of(self, table: Table) -> dict[str, Any]:
        tables = self.results.setdefault(self.device, {})
        found: dict[str, Any] = tables.setdefault(table.name, {})
        return found

    def has(self, table: Table, case: Case) -> bool:
        """Whether the case was measured."""
        return case.name in self._of(table)

    def forget(self, chosen: Sequence[tuple[Table, Case]]) -> None:
        """Drop what is to be measured anew, so that what is there is of one measuring."""
        for table, case in chosen:
            self._of(table).pop(case.name, None)
        self._write()

    def keep(self, table: Table, case: Case, figures: list[Figures], on: dict[str, Any]) -> None:
        """Put down what was found, and on what machine."""
        self._of(table)[case.name] = {
            "words": case.words, "figures": figures, "machine": on,
        }  # fmt: skip
        self._write()

    def _write(self) -> None:
        write_text(self.path, json.dumps(self.results, indent=1) + "\n")


# --- the page ------------------------------------------------------------------------------------


def machine(setup: Setup) -> dict[str, Any]:
    """What seconds depend on, without naming the machine."""
    told: dict[str, Any] = {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "threads": setup.threads,
        "flags": flags(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "set": list(setup.overrides),
    }
    if setup.device == "cuda":
        import torch

        told["gpu"] = torch.cuda.get_device_name()
    return told


def flags() -> list[str]:
    """Which of the processor's extensions that matter here it has."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    has = set(lines[0].partition(":")[2].split()) if lines else set()
    return [flag for flag in FLAGS if flag in has]


def installed(package: str) -> str | None:
    """A package's version, if it is there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def page(results: Results) -> str:
    """The page of the documentation."""
    lines = [
        "# Benchmarks", "",
        "Written by `make bench`; what stands here was measured, each figure in one run with those "
        "it is compared with. Seconds depend on the machine, ratios hardly. Networks have random "
        "weights of the published shapes where they would have to be fetched: neither time nor "
        "memory depend on what the weights are.",
        "",
    ]  # fmt: skip
    for device in (device for device in ("cpu", "cuda") if any(results.get(device, {}).values())):
        found = results[device]
        first = next(case["machine"] for cases in found.values() for case in cases.values())
        lines += [told_machine(first), ""]
        for table in TABLES:
            if cases := found.get(table.name):
                lines += section(table, in_order(table, cases), first, device)
    return "\n".join(lines).rstrip() + "\n"


def told_machine(on: dict[str, Any]) -> str:
    """The machine in a sentence."""
    what = f"{on['architecture']}, {on['cores']} cores, {on['threads']} of them used"
    if on.get("gpu"):
        what = f"{on['gpu']}; {what}"
    has = f" ({', '.join(on['flags'])})" if on["flags"] else ""
    versions = ", ".join(f"{name} {found}" for name, found in on["versions"].items())
    also = f", with {', '.join(f'`{pair}`' for pair in on['set'])}" if on["set"] else ""
    return f"Measured on {what}{has}; Python {on['python']}, {versions}{also}."


def in_order(table: Table, cases: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of ``table`` in the order of its lines, whenever each was measured."""
    setups = [Setup(Path(), quick=quick, every=True) for quick in (False, True)]
    names = [case.name for setup in setups for case in table.cases(setup)]
    return [cases[name] for name in dict.fromkeys([*names, *cases]) if name in cases]


def section(
    table: Table, cases: list[dict[str, Any]], first: dict[str, Any], device: str
) -> Iterator[str]:
    """A table with what is said of it."""
    title = table.title if device == "cpu" else f"{table.title}, on a GPU"
    yield from (f"## {title}", "", table.told, "")
    others = [case["machine"] for case in cases if case["machine"] != first]
    if others:
        yield from (f"Of another time: {told_machine(others[0])}", "")
    if table.targets:
        yield from (f"Aimed at: {table.targets}", "")
    words = len(cases[0]["words"])
    sides = ["---" if place < words else "---:" for place in range(len(table.heads))]
    yield f"| {' | '.join(table.heads)} |"
    yield f"|{'|'.join(sides)}|"
    for case in cases:
        yield f"| {' | '.join([*case['words'], *table.cells(case['figures'])])} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
