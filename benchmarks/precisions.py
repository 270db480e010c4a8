"""The table of precisions: a step in float32, bf16 and int8, and a notebook's, in turns."""

from steps import CANVASES, DECODERS
from table import Case, Orders, Setup, Table, percent, seconds, times
from turns import Figures

FULL = (("Unlimited Palette", "VQGAN f16"), "ViT-B/32", 16, 256)
QUICK = (("Unlimited Palette",), "toy ViT", 2, 32)
LOWER = ("bf16", "int8")

HEADS = (
    "canvas", "perceptor", "cutouts", "size", "float32 s/step", "bf16", "int8", "bf16, outside",
    "notebook",
)  # fmt: skip
TOLD = """\
A step of the still loop with CLIP's products in float32, and how many times as fast it is with
them in bf16 and int8, each in a process of its own, in turns. *Outside* is the part of a step in
bf16 that is not its networks. *Notebook* is the loop of the table of steps, unfrozen and in
float32, against our step in float32. `precision: auto` takes a lower one where its gradients agree
with float32's in the first step's cutouts; see [precision](precision.md)."""


def cases(setup: Setup) -> list[Case]:
    """One for each canvas."""
    canvases, *rest = QUICK if setup.quick else FULL
    return [case(setup, canvas, *rest) for canvas in canvases]


def case(setup: Setup, canvas: str, perceptor: str, count: int, size: int) -> Case:
    """One line of the table."""
    needs = tuple(name for name in (canvas, perceptor) if name not in CANVASES)
    laps = {"warm": 1, "steps": setup.steps or (2 if setup.quick else 4)}

    def orders(files: dict[str, str]) -> Orders:
        model = {"image_model": canvas}
        if canvas in DECODERS:
            model = {"image_model": "VQGAN", "vqgan_model": files[canvas]}
        settings = {
            "scenes": "a red fox in the snow", "seed": 1, "perceptors": [files[perceptor]],
            "cutouts": count, "width": size, "height": size, "compile": "no", **model,
        }  # fmt: skip
        ours = [
            ("case.py", {**setup.common, **laps, "overrides": list(setup.overrides),
                         "settings": {**settings, "precision": precision}})
            for precision in ("float32", *LOWER)
        ]  # fmt: skip
        theirs = {
            "canvas": files.get(canvas, canvas), "perceptor": files[perceptor], "cutouts": count,
            "size": size, "ways": ["open"],
        }  # fmt: skip
        return [*ours, ("notebook.py", {**setup.common, **laps, **theirs})]

    return Case((canvas, perceptor, str(count), f"{size}²"), orders, needs)


def cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    exact, *lower, notebook = figures
    return [
        seconds(exact["seconds"]),
        *(times(exact["seconds"] / one["seconds"]) for one in lower),
        percent(lower[0]["outside"]),
        times(notebook["open"]["seconds"] / exact["seconds"]),
    ]


TABLE = Table("precisions", "Precision", TOLD, HEADS, cases, cells)
