"""The memory that a picture needs, told from small canvases before the large one is made."""

import pytest
import torch

from mutoscope.build import build, fitting
from mutoscope.build.fitting import (
    Need,
    cut_into_pieces,
    in_pieces,
    measure,
    refuse_what_will_not_fit,
)
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.fourier import FourierCanvas
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.pixels import Pixels
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import SettingsError
from mutoscope.vqgan import Architecture, new_vqgan
from mutoscope.vqgan.large import laid_by_bytes

CPU = torch.device("cpu")
CANVASES = [Pixels, Palette, FourierCanvas]


@pytest.mark.parametrize("kind", CANVASES)
def test_what_is_told_from_small_canvases_is_what_large_ones_hold(kind):
    def make(size):
        return kind(size, generator=torch.Generator().manual_seed(0))

    told = measure(make, 1)((640, 384)) / fitting.SLACK
    assert told == pytest.approx(fitting._held(make((640, 384))), rel=0.15)


class Attentive(Canvas):
    """A canvas whose every cell of 8 pixels attends to every other."""

    def __init__(self, size):
        super().__init__()
        self.cells = torch.nn.Parameter(torch.rand((size[0] // 8) * (size[1] // 8), 4))
        self.size = size

    def forward(self):
        seen = (self.cells @ self.cells.T).softmax(1) @ self.cells
        width, height = self.size
        return seen.mean().expand(1, 3, height, width)


def test_attention_grows_by_the_square():
    need = measure(Attentive, 8)
    assert need.square > 0
    assert need((512, 256)) / fitting.SLACK == pytest.approx(
        fitting._held(Attentive((512, 256))), rel=0.05
    )


def test_the_largest_that_fits_fits_and_has_the_shape():
    need = Need(linear=100.0, square=1e-3)
    width, height = need.largest((4000, 2000), 1e8)
    assert need((width, height)) <= 1e8 < need((width + 8, height + 4))
    assert width / height == pytest.approx(2, rel=0.01)


def test_what_does_not_fit_is_refused_with_what_would(monkeypatch):
    monkeypatch.setattr(fitting, "free_memory", lambda _device: 1_000_000_000)
    refuse_what_will_not_fit(Need(1000.0, 0.0), (500, 500), CPU, what="x")
    with pytest.raises(SettingsError) as caught:
        refuse_what_will_not_fit(Need(1000.0, 0.0), (8000, 4000), CPU, what="image_model: VQGAN")
    text = str(caught.value)
    assert text.startswith("width, height: a picture of 8000 x 4000 (image_model: VQGAN) needs ")
    assert "40 GB of memory, and 1.0 GB are free; about 1200 x 600 would fit" in text


def test_where_it_is_unknown_what_is_free_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(fitting, "free_memory", lambda _device: None)
    refuse_what_will_not_fit(Need(1000.0, 0.0), (80_000, 80_000), CPU, what="x")


def test_a_run_that_does_not_fit_ends_before_its_canvas_is_made(toy, monkeypatch):
    monkeypatch.setattr(fitting, "free_memory", lambda _device: 200_000_000)
    build(toy(width=64, height=64))
    with pytest.raises(SettingsError, match=r"16384 x 16384 .* would fit"):
        build(toy(width=16_384, height=16_384))


@pytest.fixture(scope="module")
def model():
    """A VQGAN of f = 4 with random weights, and what its canvas needs."""
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=40, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(4,), resolution=16,
    )  # fmt: skip
    rng = torch.Generator().manual_seed(0)
    made = new_vqgan(architecture, generator=rng).requires_grad_(False).eval()
    need = measure(lambda size: VqganCanvas(size, model=made, generator=rng), made.f)
    return made, need


def test_what_would_not_fit_is_drawn_in_the_largest_pieces_that_do(model, monkeypatch, caplog):
    decoder, need = model
    size = (4096, 4096)
    side = 512
    enough = in_pieces(need, decoder, side, CPU)(size) / 0.9 + 1
    assert enough < need(size) / 2
    monkeypatch.setattr(fitting, "free_memory", lambda _device: int(enough))
    with caplog.at_level("INFO", "mutoscope"):
        found = cut_into_pieces(need, decoder, size, CPU, wanted="auto")
    assert decoder.piece == side
    assert found(size) <= enough
    refuse_what_will_not_fit(found, size, CPU, what="x")
    assert "4096 x 4096 is drawn in pieces of 512 x 512 pixels" in caplog.text


@pytest.mark.parametrize("wanted", ["auto", "off"])
def test_what_fits_or_is_not_to_be_is_drawn_whole(model, monkeypatch, wanted, caplog):
    decoder, need = model
    free = need((512, 512)) + 1 if wanted == "auto" else 1
    monkeypatch.setattr(fitting, "free_memory", lambda _device: int(free))
    decoder.piece = 64
    assert cut_into_pieces(need, decoder, (512, 512), CPU, wanted=wanted) == need
    assert decoder.piece is None
    assert not caplog.text


def test_a_size_of_pieces_is_taken_as_it_is_given(model, monkeypatch):
    decoder, need = model
    monkeypatch.setattr(fitting, "free_memory", lambda _device: 10**15)
    assert cut_into_pieces(need, decoder, (512, 512), CPU, wanted=128) != need
    assert decoder.piece == 128
    assert cut_into_pieces(need, decoder, (96, 128), CPU, wanted=128) == need  # one piece is all
    assert decoder.piece is None


def test_in_pieces_what_grows_with_the_picture_is_what_is_held(model):
    decoder, need = model
    decoder.piece = 32
    told = []
    for side in (128, 256):
        rng = torch.Generator().manual_seed(0)
        held = fitting._held(VqganCanvas((side, side), model=decoder, generator=rng))
        # What lies between levels is in files, where it is much; without its gradient.
        held -= laid_by_bytes(decoder.decoder) // 2 * (side // decoder.f) ** 2
        told.append((in_pieces(need, decoder, 32, CPU)((side, side)), held))
    decoder.piece = None
    (one, held_one), (two, held_two) = told
    grows, held = (two - one) / fitting.SLACK, held_two - held_one
    assert held <= grows <= 1.8 * held  # what is made anew on the way back comes and goes


def test_elsewhere_than_on_a_cpu_what_lies_between_levels_counts_too(model):
    decoder, need = model
    size = (1024, 1024)
    here, there = (in_pieces(need, decoder, 128, torch.device(d))(size) for d in ("cpu", "meta"))
    between = laid_by_bytes(decoder.decoder) * 256**2
    assert there - here == pytest.approx(fitting.SLACK * between)
