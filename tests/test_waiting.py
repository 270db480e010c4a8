"""A step never waits for the device: nothing that hangs on the canvas is read by the program."""

from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mutoscope import paint
from mutoscope.build import build
from mutoscope.paint import Watch
from mutoscope.settings import load_settings

READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "unique", "equal")
TAKES = ("cpu", "tolist", "numpy", "item", "__bool__", "__float__", "__int__")


class Following(TorchDispatchMode):
    """Notes what is read of ``sources``, or of anything that was computed from them.

    On a GPU each such reading waits until all that was queued before is done.
    """

    def __init__(self, sources):
        super().__init__()
        self.held = {}  # alive until the end, so that no address is used twice
        self.reads = []
        for tensor in sources:
            self.follow(tensor)

    def follow(self, tensor):
        self.held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()

    def follows(self, tensor):
        return tensor.untyped_storage().data_ptr() in self.held

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(map(self.follows, given)):
            if function.overloadpacket.__name__ in READS:
                self.reads.append(function.overloadpacket.__name__)
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor):
                    self.follow(leaf)
        return result


@contextmanager
def following(sources, monkeypatch):
    mode = Following(sources)
    for name in TAKES:
        take = getattr(torch.Tensor, name)

        def taken(self, *args, name=name, take=take, **kwargs):
            if mode.follows(self):
                mode.reads.append(name)
            return take(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, taken)
    with mode:
        yield mode
    monkeypatch.undo()


def reads(settings, monkeypatch, *, steps=3):
    """What is read within each step, from its beginning to its end, of a few."""
    parts = build(load_settings({
        "scenes": "a fox:2 | snow:-1:-2", "perceptors": "tiny", "cutouts": 4, "width": 48,
        "height": 32, "steps_per_scene": steps, "save_every": 0, "display_every": 0,
        "device": "cpu", **settings,
    }, []))  # fmt: skip
    seen = []

    def step(_done, _losses):
        seen.append(list(mode.reads))
        mode.reads.clear()

    monkeypatch.setattr(paint, "reading_waits", lambda _tensor: True)  # as on a GPU
    with following(parts.canvas.parameters(), monkeypatch) as mode:
        for _ in parts.animate(watch=Watch(step=step)):
            pass
    return seen


CASES = [
    {"image_model": "Unlimited Palette"}, {"image_model": "Limited Palette"},
    {"image_model": "Fourier"}, {"gradient_accumulation_steps": 2}, {"augmentation": "gentle"},
    {"smoothing_weight": 1, "border_mode": "mirror", "cutout_border": 0.3},
    {"tile": "both", "natural_weight": 1}, {"optimizer": "AdamW"},
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(map(str, case.values())))
def test_nothing_is_read_within_a_step(case, monkeypatch):
    assert reads(case, monkeypatch) == [[], [], []]


def test_in_a_film_nothing_is_read_but_where_it_moves(monkeypatch):
    film = {
        "animation_mode": "2D", "zoom_x_2d": 1, "steps_per_frame": 3, "pre_animation_steps": 3,
        "direct_stabilization_weight": 1, "edge_stabilization_weight": 1,
    }  # fmt: skip
    seen = reads(film, monkeypatch, steps=6)
    assert [*seen[:3], *seen[4:]] == [[]] * 5


def test_a_reading_would_be_noticed(monkeypatch):
    # This one learns from each step's loss, and says that it waits for it.
    assert all(reads({"adaptive_learning_rate": True}, monkeypatch))
