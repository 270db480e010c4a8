"""Checkpoints through spandrel, with small random networks in the real file forms."""

import pytest
import torch
from safetensors.torch import save_file

from mutoscope.errors import WeightsError
from mutoscope.finish.upscale.upscaler import load_upscaler

pytestmark = pytest.mark.extra


@pytest.fixture(autouse=True)
def spandrel():
    """Skips where spandrel, or the torchvision that it imports, is missing or broken."""
    try:
        import spandrel
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"spandrel can't be imported ({str(error).splitlines()[0]})")
    return spandrel


def esrgan(**tensors):
    """The weights of an ESRGAN network with one block of four channels, which enlarges 4×."""
    generator = torch.Generator().manual_seed(5)

    def conv(name, out, into):
        size = (out, into, 3, 3)
        tensors[f"{name}.weight"] = torch.randn(size, generator=generator) / (3 * into**0.5)
        tensors[f"{name}.bias"] = torch.full((out,), 0.05)

    conv("conv_first", 4, 3)
    for part in (1, 2, 3):
        for number in range(1, 6):
            out = 4 if number == 5 else 32
            conv(f"body.0.rdb{part}.conv{number}", out, 4 + 32 * (number - 1))
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, 4, 4)
    conv("conv_last", 3, 4)
    return tensors


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_checkpoint_enlarges_by_its_own_factor_or_another(tmp_path, ending):
    path = tmp_path / f"mine{ending}"
    if ending == ".pth":
        torch.save({"params_ema": esrgan()}, path)
    else:
        save_file(esrgan(), path)
    image = torch.rand(1, 3, 19, 26, generator=torch.Generator().manual_seed(6))
    own = load_upscaler(path, device="cpu")
    made = own(image)
    assert (own.scale, own.engine.name, made.shape) == (4.0, "mine", (1, 3, 76, 104))
    assert not made.requires_grad
    assert made.std() > 0.001
    assert load_upscaler(path, scale=2, device="cpu")(image).shape == (1, 3, 38, 52)
    tiles = load_upscaler(path, tile=16, device="cpu")(image)
    torch.testing.assert_close(tiles, made, atol=1e-4, rtol=0)


def test_weights_of_another_kind_are_refused(tmp_path):
    torch.save({"conv.weight": torch.ones(3, 3, 3, 3)}, tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match=r"mine\.pth: is no network that spandrel knows"):
        load_upscaler(tmp_path / "mine.pth", device="cpu")
