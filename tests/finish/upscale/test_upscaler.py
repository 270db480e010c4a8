"""Upscalers: sizes, tiles, the embedded networks, and checkpoints that are not trusted."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from mutoscope.errors import ExtraError, RunError, SettingsError, WeightsError
from mutoscope.finish.upscale import upscaler as upscaling
from mutoscope.finish.upscale.engines import NcnnEngine, read_checkpoint
from mutoscope.finish.upscale.models import EMBEDDED
from mutoscope.finish.upscale.upscaler import Upscaler, load_upscaler
from mutoscope.images import resize

FAST = "realesr-animevideov3"


@pytest.fixture
def scene():
    """A picture with edges and slopes, 40 × 32."""
    across = torch.linspace(0, 1, 40).expand(32, 40)
    down = torch.linspace(0, 1, 32)[:, None].expand(32, 40)
    disc = ((across - 0.5) ** 2 + (down - 0.4) ** 2 < 0.06).float()
    return torch.stack([across, down, disc])[None]


@pytest.mark.parametrize("scale", [1, 2, 2.5, 3])
def test_the_size_is_what_was_asked_for(doubler, scale):
    made = Upscaler(doubler.engine, scale, 0)(torch.rand(1, 3, 21, 33))
    assert made.shape == (1, 3, round(21 * scale), round(33 * scale))


def test_faces_are_restored_last(doubler):
    made = Upscaler(doubler.engine, 2.0, 0, lambda image: 1 - image, "invert")
    assert made(torch.ones(1, 3, 4, 4)).equal(torch.zeros(1, 3, 8, 8))
    assert made.key == {"model": "doubler", "scale": 2.0, "faces": "invert"}


def test_what_does_not_fit_into_memory_is_tiled(doubler, monkeypatch):
    monkeypatch.setattr(upscaling, "MEMORY", doubler.engine.memory * 64 * 64)
    free = Upscaler(doubler.engine, 2.0)
    free(torch.rand(1, 3, 64, 64))
    assert doubler.engine.count == 1
    image = torch.rand(1, 3, 64, 100)
    made = free(image)
    assert doubler.engine.count == 1 + 4  # tiles of 62 pixels that see one more on each side
    assert made.equal(image.repeat_interleave(2, -1).repeat_interleave(2, -2))


@pytest.mark.extra
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_embedded_model_for_films_enlarges_faithfully(embedded, scene, scale):
    made = load_upscaler(FAST, scale=scale, device="cpu", threads=1)(scene)
    assert made.shape == (1, 3, 32 * scale, 40 * scale)
    assert 0 <= made.min() <= made.max() <= 1
    assert (resize(made, (40, 32)) - scene).abs().mean() < 0.04
    if scale == 2:
        return  # at which a smooth enlargement is nearly as steep
    # An edge that a smooth enlargement spreads over `scale` pixels and more stays an edge.
    smooth = resize(scene, (40 * scale, 32 * scale))
    steepest = [image[0, 2].diff(dim=1).abs().max() for image in (made, smooth)]
    assert steepest[0] > 1.2 * steepest[1]


@pytest.mark.extra
@pytest.mark.parametrize("model", ["realesrgan-x4plus", "realesrgan-x4plus-anime"])
def test_the_networks_in_two_parts_are_what_they_are_in_one(embedded, scene, model):
    engine = NcnnEngine(EMBEDDED[model], 4, device="cpu", threads=1)
    image = scene[..., :20, :24]
    parts = engine(image)
    engine._middle = None
    whole = engine(image)
    assert parts.shape == (1, 3, 80, 96)
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)
    assert (resize(parts, (24, 20)) - image).abs().mean() < 0.03


@pytest.mark.extra
def test_tiles_of_the_embedded_model_leave_no_seam(embedded):
    generator = torch.Generator().manual_seed(3)
    image = resize(torch.rand(1, 3, 24, 30, generator=generator), (120, 96))
    whole = load_upscaler(FAST, scale=2, tile=0, device="cpu", threads=1)(image)
    tiles = load_upscaler(FAST, scale=2, tile=40, device="cpu", threads=1)(image)
    assert (tiles - whole).abs().max() <= 1 / 255


@pytest.mark.extra
def test_a_damaged_model_is_named(embedded, tmp_path, monkeypatch):
    from mutoscope.finish.upscale import engines

    (tmp_path / "a.param").write_text("no")
    (tmp_path / "a.bin").write_bytes(b"")
    files = (tmp_path / "a.param", tmp_path / "a.bin")
    monkeypatch.setattr(engines, "model_files", lambda model, factor: files)
    with pytest.raises(WeightsError, match=r"a\.bin: can't be read as a model"):
        NcnnEngine(EMBEDDED[FAST], 2, device="cpu")


@pytest.mark.extra
def test_a_tile_that_fails_is_an_error_in_words(embedded, scene):
    engine = NcnnEngine(EMBEDDED[FAST], 2, device="cpu", threads=1)
    with pytest.raises(RunError, match="smaller --tile"):
        engine._layers("data", scene[0].numpy(), "no such blob")


def test_without_ncnn_the_way_out_is_said(embedded, monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[upscale\]'"):
        load_upscaler(FAST)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"scale": 0.5}, "allowed are 1 to 8"),
        ({"scale": float("nan")}, "allowed are 1 to 8"),
        ({"tile": 7}, "16 or more"),
        ({"model": "x"}, "is not known"),
        ({"device": "gpu"}, "auto, cpu, vulkan"),
    ],
)
def test_values_out_of_range_are_refused(embedded, options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        load_upscaler(**options)


# --- checkpoints ---------------------------------------------------------------------------------

WEIGHTS = {"conv.weight": torch.ones(2, 2), "conv.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"params": {"other": torch.ones(1)}, "params_ema": state},
        lambda state: {"state_dict": {f"module.{name}": v for name, v in state.items()}},
        lambda state: {"epoch": 3, "model": {**state, "note": "text"}},
    ],
)
def test_weights_are_taken_out_of_what_wraps_them(tmp_path, wrap):
    torch.save(wrap(WEIGHTS), tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").keys() == WEIGHTS.keys()


def test_safetensors_are_read(tmp_path):
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    assert read_checkpoint(tmp_path / "a.safetensors").keys() == WEIGHTS.keys()


class Trap:
    """What a hostile file might hold."""

    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("harm", ["trap", "noise", "empty", "text", "missing"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_what_is_no_weights_is_refused_and_never_run(tmp_path, capsys, harm, ending):
    path = tmp_path / f"a{ending}"
    if harm == "trap":
        torch.save({"params": WEIGHTS, "trap": Trap()}, path)
    elif harm == "text":
        torch.save({"params": "none"}, path)
    elif harm != "missing":
        path.write_bytes(b"\x80\x02 noise" if harm == "noise" else b"")
    with pytest.raises(WeightsError, match=f"a{ending}"):
        read_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_without_spandrel_the_way_out_is_said(tmp_path, monkeypatch):
    torch.save(WEIGHTS, tmp_path / "a.pth")
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[spandrel\]'"):
        load_upscaler(tmp_path / "a.pth")


def test_a_checkpoint_does_not_run_through_vulkan(tmp_path):
    torch.save(WEIGHTS, tmp_path / "a.pth")
    with pytest.raises(SettingsError, match="can't run through Vulkan"):
        load_upscaler(tmp_path / "a.pth", device="vulkan")
