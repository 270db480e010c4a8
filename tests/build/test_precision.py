"""What auto takes: a lower precision only where it is faster and agrees."""

import pytest
import torch
from torch.nn.functional import normalize

from mutoscope.build import precision as chosen
from mutoscope.build.precision import choose_compilation, choose_precision
from mutoscope.errors import ExtraError
from mutoscope.perceptors.base import Perceptor
from mutoscope.settings import load_settings


class Eye(Perceptor):
    """Sees through a matrix, with a given time and error for each precision."""

    name, size, width = "eye", 2, 6

    def __init__(self, **ways):
        super().__init__()
        self.ways = {"float32": (1.0, 0.0), **ways}
        self.matrix = torch.nn.Parameter(torch.randn(12, 6, generator=torch.manual_seed(0)), False)
        self.clock, self.compiled_for = 0.0, []

    @property
    def precisions(self):
        return tuple(self.ways)

    @property
    def compiles(self):
        return True

    def embed_image(self, batch):
        seconds, error = self.ways[self.precision]
        self.clock += seconds
        off = error * torch.randn(12, 6, generator=torch.Generator().manual_seed(1))
        return normalize(batch.flatten(1) @ (self.matrix + off), dim=-1)

    def embed_text(self, texts):
        return torch.eye(6)[: len(texts)]

    def compile_for(self, batch, *, folder):
        self.compiled_for.append(len(batch))
        return True


@pytest.fixture
def settle(monkeypatch):
    monkeypatch.setattr(chosen, "SMALL", 10)

    def first(_eye):
        return torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(2))

    def choose(*eyes, steps=100, **keys):
        monkeypatch.setattr(chosen, "_now", lambda _device: sum(eye.clock for eye in eyes))
        settings = load_settings({"scenes": "a fox", **keys})
        return choose_precision(settings, eyes, first, steps=steps)

    return choose


def test_auto_takes_what_is_faster_and_agrees(settle, caplog):
    caplog.set_level("INFO")
    eye = Eye(int8=(0.4, 0.001))
    assert settle(eye).precision == "int8"
    assert eye.precision == "int8"
    assert caplog.messages[0].startswith("precision: auto took int8 (2.5 times as fast")


@pytest.mark.parametrize(
    "way", [(0.4, 0.2), (0.9, 0.001), (3.0, 0.0), (0.4, float("nan"))],
    ids=["disagrees", "hardly faster", "slower", "no number"],
)  # fmt: skip
def test_auto_stays_with_float32_otherwise(settle, caplog, way):
    caplog.set_level("INFO")
    eye = Eye(int8=way)
    assert settle(eye).precision == "float32"
    assert eye.precision == "float32"
    assert caplog.messages[0].startswith("precision: auto stays with float32 (int8 is")


def test_the_finer_one_is_enough(settle):
    assert settle(Eye(bf16=(0.5, 0.0001), int8=(0.3, 0.001))).precision == "bf16"
    assert settle(Eye(bf16=(2.0, 0.0001), int8=(0.3, 0.001))).precision == "int8"


def test_all_must_agree_and_their_time_is_counted_together(settle):
    assert settle(Eye(int8=(0.2, 0.001)), Eye(int8=(0.2, 0.3))).precision == "float32"
    plain = Eye()
    assert settle(Eye(int8=(0.2, 0.001)), plain).precision == "int8"
    assert plain.precision == "float32"


def test_what_was_taken_is_taken_again_untried(settle):
    eye = Eye(int8=(9.0, 5.0))
    assert settle(eye, precision="int8").precision == "int8"
    assert eye.precision == "int8"
    assert eye.clock == 0


def test_nothing_is_tried_where_it_would_not_pay(settle, monkeypatch):
    eye = Eye(int8=(0.1, 0.0))
    assert settle(eye, steps=3).precision == "float32"
    monkeypatch.setattr(chosen, "SMALL", 10_000)
    assert settle(eye).precision == "float32"
    assert eye.clock == 0


def test_a_network_with_one_precision_leaves_the_settings_alone(settle):
    assert settle(Eye()).precision == "auto"


def test_what_nothing_here_can_do_is_said(settle, caplog):
    eye = Eye()
    settle(eye, precision="bf16")
    assert eye.precision == "float32"
    assert caplog.messages[0].startswith("precision: bf16: nothing that judges this picture")


def compilation(monkeypatch, eye, *, steps=100, chunks=1, possible=True, **keys):
    monkeypatch.setattr(chosen, "SMALL", 10)
    monkeypatch.setattr(chosen, "can_compile", lambda _device: possible)
    monkeypatch.setattr(chosen, "_now", lambda _device: eye.clock)
    settings = load_settings({"scenes": "a fox", **keys})
    return choose_compilation(
        settings, [eye], lambda _eye: torch.rand(4, 3, 2, 2), steps=steps, chunks=chunks
    ).compile


def test_compiling_is_for_long_runs(monkeypatch):
    # A pass of 4 cutouts takes two seconds: an eighth of 600 of them is more than a compilation.
    eye = Eye()
    assert compilation(monkeypatch, eye, steps=600) == "no"
    assert eye.compiled_for == []
    assert compilation(monkeypatch, eye, steps=900) == "yes"
    assert eye.compiled_for == [4]


def test_it_is_compiled_for_the_part_that_is_looked_at_at_once(monkeypatch):
    eye = Eye()
    assert compilation(monkeypatch, eye, compile="yes", chunks=2) == "yes"
    assert compilation(monkeypatch, eye, compile=True, chunks=3) == "yes"
    assert eye.compiled_for == [2, 2]
    assert compilation(monkeypatch, eye, compile=False) == "no"


def test_without_a_compiler_auto_is_silent_and_yes_is_refused(monkeypatch, caplog):
    caplog.set_level("INFO")
    eye = Eye()
    assert compilation(monkeypatch, eye, steps=10_000, possible=False) == "no"
    assert caplog.messages == []
    with pytest.raises(ExtraError, match="compile: yes needs a C"):
        compilation(monkeypatch, eye, compile="yes", possible=False)
