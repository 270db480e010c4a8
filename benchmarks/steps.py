"""The table of steps: ours, its networks alone, and a notebook's loop at the same settings.

Cases are canvas × perceptor × number of cutouts × size, with the defaults of the settings for
everything else. CLIP models and VQGANs have random weights in the published formats.
"""

from itertools import product

from table import Case, Orders, Setup, Table, amount, percent, seconds, times
from turns import Figures

CANVASES = ("Unlimited Palette", "Limited Palette", "Fourier")
DECODERS = ("VQGAN f16", "toy VQGAN")
EMBEDDED = ("labels",)
FULL = ((*CANVASES, "VQGAN f16"), ("ViT-B/32", "RN50", "labels"), (16, 64), (256, 512))
QUICK = ((*CANVASES, "toy VQGAN"), ("toy ViT", "toy ResNet"), (2, 4), (32, 48))
EXACT = ("precision=float32", "compile=no")  # what all contestants compute with
MANY = 48  # cutouts from which a case is so slow that fewer steps of it must do

HEADS = (
    "canvas", "perceptor", "cutouts", "size", "s/step", "networks alone", "notebook",
    "notebook, frozen", "peak", "of the notebook's", "steps/s",
)  # fmt: skip
TOLD = """\
A step of the still loop, at the defaults of the settings but in exact float32, beside two others
that take turns with it. *Networks alone* is the irreducible work: the perceptor's forward and
backward pass to its input, and the VQGAN decoder's to its codes, frozen, in the same batches; as a
share of our step.
*Notebook* is a plain loop as published notebooks have it, on the same files and settings: every
cutout cropped and shrunk by itself, augmentations one after another and through HSV, networks as
their repositories lay them out, the graph kept, losses read at every step, and weights that nobody
froze; as a multiple of our step. *Notebook, frozen* is the same loop with `requires_grad_(False)`.
*Peak* is the most memory that our process held, loading included, and beside it its share of what
the notebook's held with its weights unfrozen. Seconds are of the processor on a CPU and of the
clock on a GPU."""
TARGETS = """\
for ViT-B/32, 16 cutouts, 256², networks alone at least 85 % of a step, and the notebook at least
1.65 × as long on pixels and 1.4 × with VQGAN f16; peak at most 60 %; on an H200, ViT-B/32, 64
cutouts, 512², at least 75 %."""


def cases(setup: Setup) -> list[Case]:
    """Every combination with ``every``; else all at the first count and size, and a few others."""
    canvases, perceptors, counts, sizes = QUICK if setup.quick else FULL
    found = list(product(canvases, perceptors, counts, sizes))
    if not setup.every:
        found = [
            combination for combination in found if _is_chosen(*combination, quick=setup.quick)
        ]
    return [case(setup, *combination) for combination in found]


def _is_chosen(canvas: str, perceptor: str, count: int, size: int, *, quick: bool) -> bool:
    """Whether a case is one of those that tell most for their time."""
    _, (first, *_), (few, _), (small, _) = QUICK if quick else FULL
    if (count, size) == (few, small):
        return True
    if size == small:  # what more cutouts cost hangs on the perceptor
        return canvas == "Fourier" or (canvas in DECODERS and perceptor == first)
    return perceptor == first and count == few  # and a larger picture, on the canvas


def case(setup: Setup, canvas: str, perceptor: str, count: int, size: int) -> Case:
    """One line of the table."""
    needs = tuple(name for name in (canvas, perceptor) if name not in (*CANVASES, *EMBEDDED))
    few = 2 if setup.quick or count >= MANY or setup.device != "cpu" else 3
    laps = {"warm": 1, "steps": setup.steps or few}
    if setup.device != "cpu":
        laps = {"warm": 3, "steps": setup.steps or 10}

    def orders(files: dict[str, str]) -> Orders:
        look = files.get(perceptor, perceptor)
        model = {"image_model": canvas}
        if canvas in DECODERS:
            model = {"image_model": "VQGAN", "vqgan_model": files[canvas]}
        settings = {
            "scenes": "a red fox in the snow", "seed": 1, "perceptors": [look], "cutouts": count,
            "width": size, "height": size, **model,
        }  # fmt: skip
        ours = {"settings": settings, "overrides": [*EXACT, *setup.overrides]}
        theirs = {
            "canvas": files.get(canvas, canvas), "perceptor": look, "cutouts": count,
            "size": size, "ways": ["frozen", "open"],
        }  # fmt: skip
        return [
            ("case.py", {**setup.common, **laps, **ours}),
            ("notebook.py", {**setup.common, **laps, **theirs}),
        ]

    return Case((canvas, perceptor, str(count), f"{size}²"), orders, needs)


def cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    ours, theirs = figures
    return [
        seconds(ours["seconds"]),
        percent(1 - ours["outside"]),
        times(theirs["open"]["seconds"] / ours["seconds"]),
        times(theirs["frozen"]["seconds"] / ours["seconds"]),
        amount(ours["peak_bytes"]),
        f"{100 * ours['peak_bytes'] / theirs['open']['peak_bytes']:.1f} %",
        f"{ours['steps_per_second']:.2f}",
    ]


TABLE = Table(
    "steps", "Steps of a still", TOLD, HEADS, cases, cells, TARGETS, devices=("cpu", "cuda")
)
