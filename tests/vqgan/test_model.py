import copy

import pytest
import torch

from mutoscope.errors import WeightsError
from mutoscope.vqgan import load_vqgan, new_vqgan, write_architecture


@pytest.fixture
def save(tmp_path):
    """Writes a model as a pair of files: its configuration, and its state under a prefix."""

    def write(model, *, prefix="", more=None, change=None):
        state = {f"{prefix}{name}": tensor for name, tensor in model.state_dict().items()}
        state |= more or {}
        if change is not None:
            change(state)
        write_architecture(model.architecture, tmp_path / "a.yaml")
        torch.save({"state_dict": state}, tmp_path / "a.ckpt")
        return tmp_path / "a.yaml", tmp_path / "a.ckpt"

    return write


@pytest.fixture
def image():
    return torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ["vq", "gumbel"])
@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_pair_of_files_is_the_model_that_was_saved(make, save, image, kind, prefix):
    model = make(kind)
    rest = {
        "loss.discriminator.main.0.weight": torch.ones(3),
        "transformer.blocks.0.attn.mask": torch.ones(3, 3),
        "cond_stage_model.decoder.conv_in.weight": torch.ones(9, 3, 3, 3),
        "colorize": torch.ones(3, 5, 1, 1),
    }
    loaded = load_vqgan(*save(model, prefix=prefix, more=rest))
    assert loaded.architecture == model.architecture
    assert list(loaded.state_dict()) == list(model.state_dict())
    assert torch.equal(loaded.encode(image), model.encode(image))
    assert torch.equal(loaded.decode(model.encode(image)), model.decode(model.encode(image)))


def test_what_is_loaded_is_frozen_and_its_own(make, save):
    model = make()
    config, checkpoint = save(model.half())
    loaded = load_vqgan(config, checkpoint)
    checkpoint.write_bytes(b"")  # nothing of it is still in the file
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, model.state_dict()[name].float())
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def differently(name, tensor=None):
    def change(state):
        state.pop(name)
        if tensor is not None:
            state[name] = tensor

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            differently("encoder.conv_in.bias", torch.ones(7)),
            "encoder.conv_in.bias is 7 here and is 32 by .*a.yaml: the two do not belong together",
        ),
        (
            differently("quantize.embedding.weight", torch.ones(99, 16)),
            "quantize.embedding.weight is 99 × 16 here and is 64 × 16 by",
        ),
        (
            differently("decoder.up.1.upsample.conv.bias"),
            "decoder.up.1.upsample.conv.bias is missing here and is 64 by",
        ),
        (
            lambda state: state.update({"decoder.up.3.block.0.norm1.bias": torch.ones(32)}),
            "decoder.up.3.block.0.norm1.bias is 32 here and is missing by",
        ),
        (
            differently("quantize.embedding.weight", torch.full((64, 16), torch.nan)),
            "quantize.embedding.weight has numbers that are not finite",
        ),
    ],
)
def test_a_wrong_pair(make, save, change, complaint):
    pair = save(make(), change=change)
    with pytest.raises(WeightsError, match=complaint) as refused:
        load_vqgan(*pair)
    assert "\n" not in str(refused.value)


def test_a_configuration_of_the_other_kind(make, save, architecture):
    config, checkpoint = save(make("gumbel"))
    write_architecture(architecture("vq"), config)
    with pytest.raises(WeightsError, match=r"embedding\.weight is missing here"):
        load_vqgan(config, checkpoint)


def test_a_checkpoint_of_something_else(make, save):
    config, checkpoint = save(make())
    torch.save({"visual.conv1.weight": torch.ones(8, 3, 4, 4)}, checkpoint)
    with pytest.raises(WeightsError, match="is not the checkpoint of a VQGAN"):
        load_vqgan(config, checkpoint)


def test_absurd_sizes_take_no_memory(make, save, architecture):
    config, checkpoint = save(make())
    # Some 300 GiB, if they were made before they are compared.
    large = architecture(ch=64, ch_mult=(64,) * 8, num_res_blocks=16, z_channels=4096)
    write_architecture(large, config)
    with pytest.raises(WeightsError, match="do not belong together"):
        load_vqgan(config, checkpoint)


def test_codes_are_their_own_nearest_and_pictures_are_made_of_them(make, image):
    model = make()
    z = model.encode(image)
    assert z.shape == (1, 16, 8, 10)
    assert torch.equal(model.nearest(z), z)
    cells = z.permute(0, 2, 3, 1).reshape(-1, 16)
    assert (cells[:, None] == model.codes).all(dim=2).any(dim=1).all()
    near = z + 1e-4 * torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.nearest(near.requires_grad_()), z)
    assert not model.nearest(near).requires_grad


def test_encoding_knows_no_chance(make, image):
    model = make("gumbel").train()
    state = torch.get_rng_state()
    assert torch.equal(model.encode(image), model.encode(image))
    assert torch.equal(torch.get_rng_state(), state)


def test_sizes_must_be_multiples_of_f(make):
    with pytest.raises(ValueError, match="multiples of 4"):
        make().encode(torch.zeros(1, 3, 32, 30))


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("wrap", [(True, False), (False, True), (True, True)])
def test_a_wrapped_picture_has_no_seam(make, wrap, gradient):
    model = make(attn_resolutions=(8,))
    z = torch.randn(1, 16, 6, 5, generator=torch.Generator().manual_seed(0))

    def follows(shift):
        shifts = [2 * s for s in shift]
        z_ = z.clone().requires_grad_(gradient)
        pictures = [
            model.decode(z_).roll([s * 4 for s in shifts], (2, 3)),
            model.decode(z_.roll(shifts, (2, 3))),
        ]
        return (pictures[0] - pictures[1]).abs().max() < 1e-4

    assert not follows((1, 0))
    assert not follows((0, 1))
    model.wrap = wrap
    assert follows((0, 1)) == wrap[0]
    assert follows((1, 0)) == wrap[1]
    model.wrap = (False, False)
    assert not follows((1, 1))


def test_encoding_wraps_too(make, image):
    model = make(attn_resolutions=())
    model.wrap = (True, True)
    rolled = model.features(image.roll((8, 12), (2, 3)))
    torch.testing.assert_close(
        rolled, model.features(image).roll((2, 3), (2, 3)), rtol=0, atol=1e-4
    )


def test_fresh_weights_come_from_the_generator_alone(architecture):
    state = torch.get_rng_state()
    one, same = (
        new_vqgan(architecture(), generator=torch.Generator().manual_seed(3)) for _ in "12"
    )
    other = new_vqgan(architecture(), generator=torch.Generator().manual_seed(4))
    assert torch.equal(torch.get_rng_state(), state)
    for (name, a), b, c in zip(
        one.named_parameters(), same.parameters(), other.parameters(), strict=True
    ):
        assert a.requires_grad
        assert a.isfinite().all()
        assert torch.equal(a, b)
        assert torch.equal(a, c) == ("norm" in name)
    assert one.decode(one.encode(torch.rand(1, 3, 16, 16))).isfinite().all()


def test_a_copy_is_as_good(make, image):
    model = make()
    twin = copy.deepcopy(model)
    twin.wrap = (True, True)
    assert model.wrap == (False, False)
    assert not torch.equal(twin.encode(image), model.encode(image))
