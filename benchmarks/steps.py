"""How fast steps are, what memory they take, and how much of their time is not the networks'.

Cases are canvas × perceptor × number of cutouts × size, each in a process of its own, with the
defaults of the settings for everything else. CLIP models and VQGANs are written on the spot with
random weights in the published formats, and loaded as any other; nothing is downloaded.

    python benchmarks/steps.py                                # all cases, an hour
    python benchmarks/steps.py --only Fourier ViT-B/32 256    # those of one canvas, model and size
    python benchmarks/steps.py --only labels --cutouts 8 --sizes 320 --set augmentation=gentle
    python benchmarks/steps.py --quick                        # toy sizes, to see that it works

Seconds depend on the machine. Two columns hardly do: ``outside``, the part of a step's time that
is not the forward and backward pass of its networks, the perceptor and a VQGAN's decoder, to their
inputs, and ``t(2n)/t(n)``, how much longer a step with twice the cutouts takes.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CANVASES = ("Unlimited Palette", "Limited Palette", "Fourier")
DECODERS = ("VQGAN f16",)
EMBEDDED = ("labels", "tiny")
# The ratio of time is taken where twice as many cutouts are measured too.
FULL = (("labels", "ViT-B/32", "RN50"), (16, 32, 40), (256, 512))
QUICK = (("tiny", "toy ViT", "toy ResNet"), (2, 4), (32,))
QUICK_DECODERS = ("toy VQGAN",)

COLUMNS = (
    ("canvas", "<"),
    ("perceptor", "<"),
    ("cutouts", ">"),
    ("size", ">"),
    ("steps/s", ">"),
    ("CPU s/step", ">"),
    ("outside", ">"),
    ("t(2n)/t(n)", ">"),
    ("peak", ">"),
    ("parts", ">"),
)


@dataclass(frozen=True)
class Case:
    """One line of the table; ``size`` is the side of the picture in pixels."""

    canvas: str
    perceptor: str
    cutouts: int
    size: int

    @property
    def words(self) -> tuple[str, ...]:
        """What ``--only`` may call it by."""
        return self.canvas, self.perceptor, str(self.cutouts), str(self.size)

    def __str__(self) -> str:
        return f"{self.canvas}, {self.perceptor}, {self.cutouts} cutouts, {self.size}²"


Result = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 0 if every case could be measured."""
    options, cases = understand(arguments)
    results: dict[Case, Result] = {}
    with tempfile.TemporaryDirectory(prefix="mutoscope-benchmark-") as folder:
        for number, case in enumerate(cases, 1):
            print(f"{number}/{len(cases)} {case}", file=sys.stderr, flush=True)
            try:
                results[case] = run(case, options, Path(folder))
            except subprocess.CalledProcessError as error:
                print(f"{case}: failed\n{error.stderr}", file=sys.stderr)
    rows = [row(case, result, results) for case, result in results.items()]
    print("\n".join(aligned([head for head, _ in COLUMNS], rows)))
    if options.json:
        options.json.write_text(report(options, results) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(page(options, rows), encoding="utf-8")
    return int(len(results) < len(cases))


def understand(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[Case]]:
    """The options, and the cases that they choose."""
    parser = argparse.ArgumentParser(description="Measure the steps of Mutoscope.")
    parser.add_argument("--quick", action="store_true", help="toy models and sizes")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD",
        help="canvases, perceptors, cutouts or sizes; of a kind that none names, all are taken",
    )  # fmt: skip
    parser.add_argument("--cutouts", nargs="+", type=int, metavar="N", help="instead of the usual")
    parser.add_argument("--sizes", nargs="+", type=int, metavar="PIXELS", help="likewise")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings for all cases"
    )
    parser.add_argument("--steps", type=int, help="measured steps a case (3, quick: 2)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as a page")
    options = parser.parse_args(arguments)
    options.steps = options.steps or (2 if options.quick else 3)

    perceptors, counts, sizes = QUICK if options.quick else FULL
    canvases = CANVASES + (QUICK_DECODERS if options.quick else DECODERS)
    kinds = [canvases, perceptors, options.cutouts or counts, options.sizes or sizes]
    known = [str(value) for kind in kinds for value in kind]
    for word in options.only:
        if word not in known:
            parser.error(f"--only: {word!r} is none of {', '.join(known)}")
    chosen = [[v for v in kind if str(v) in options.only] or kind for kind in kinds]
    return options, [Case(*values) for values in product(*chosen)]


def run(case: Case, options: argparse.Namespace, folder: Path) -> Result:
    """Measure one case in a process of its own."""
    perceptor = case.perceptor
    if perceptor not in EMBEDDED:
        perceptor = checkpoint(perceptor, folder)
    canvas = {"image_model": case.canvas}
    if case.canvas not in CANVASES:
        canvas = {"image_model": "VQGAN", "vqgan_model": checkpoint(case.canvas, folder)}
    asked = {
        "settings": {
            "scenes": "a red fox in the snow",
            "seed": 1,
            **canvas,
            "perceptors": [perceptor],
            "cutouts": case.cutouts,
            "width": case.size,
            "height": case.size,
        },
        "overrides": options.set,
        "threads": options.threads,
        "warm": 1,
        "steps": options.steps,
    }
    result: Result = json.loads(python("case.py", json.dumps(asked)))
    return result


def checkpoint(name: str, folder: Path) -> str:
    """The file of a network of random weights, written when first asked for."""
    notes = folder / f"{name.replace('/', '-')}.path"
    if not notes.exists():
        notes.write_text(python("checkpoints.py", str(folder), name), encoding="utf-8")
    return notes.read_text(encoding="utf-8").strip()


def python(script: str, *arguments: str) -> str:
    """What one of the scripts beside this one prints; this process never loads torch itself."""
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def row(case: Case, result: Result, results: dict[Case, Result]) -> list[str]:
    """One line of the table."""
    double = results.get(replace(case, cutouts=2 * case.cutouts))
    ratio = double["cpu_seconds"] / result["cpu_seconds"] if double else None
    return [
        case.canvas,
        case.perceptor,
        str(case.cutouts),
        f"{case.size}²",
        f"{result['steps_per_second']:.2f}",
        f"{result['cpu_seconds']:.3f}",
        f"{100 * result['outside']:.0f} %",
        f"{ratio:.2f}" if ratio else "",
        f"{result['peak_bytes'] / 1e9:.2f} GB",
        str(result["chunks"]),
    ]


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table for a terminal."""
    table = [list(heads), *rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(heads))]
    for line in table:
        cells = [
            f"{cell:{side}{width}}"
            for cell, width, (_, side) in zip(line, widths, COLUMNS, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """What the seconds depend on, without naming the machine."""
    from importlib.metadata import version

    return {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "torch": version("torch"),
        "python": platform.python_version(),
    }


def report(options: argparse.Namespace, results: dict[Case, Result]) -> str:
    """All that was measured, as JSON."""
    cases = [{**vars(case), **result} for case, result in results.items()]
    told = {"machine": machine(options), "steps": options.steps, "set": options.set, "cases": cases}
    return json.dumps(told, indent=1)


def page(options: argparse.Namespace, rows: Sequence[Sequence[str]]) -> str:
    """The table as a page of the documentation."""
    on = machine(options)
    lines = [
        "# Benchmarks",
        "",
        f"Written by `python benchmarks/steps.py --markdown FILE` on {on['architecture']}, "
        f"{on['cores']} cores, {on['threads']} of them used; torch {on['torch']}, Python "
        f"{on['python']}.",
        "",
        "A case runs in a process of its own with the defaults of the settings"
        + (f" and {', '.join(f'`{pair}`' for pair in options.set)}" if options.set else "")
        + "; CLIP models and VQGANs have random weights of the published shapes.",
        "",
        "- **steps/s** by the clock, the median; **CPU s/step**, the fastest step.",
        "- **outside**: the part of a step that is not the forward and backward pass of its "
        "networks (the perceptor and a VQGAN's decoder) to their inputs, measured in turn with "
        "them.",
        "- **t(2n)/t(n)**: how much longer a step with twice the cutouts takes.",
        "- **peak**: the most memory that the process held, loading included; **parts**: into how "
        "many parts the cutouts were split to fit.",
        "",
        "| " + " | ".join(head for head, _ in COLUMNS) + " |",
        "|" + "|".join("---:" if side == ">" else "---" for _, side in COLUMNS) + "|",
        *("| " + " | ".join(cells) + " |" for cells in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
