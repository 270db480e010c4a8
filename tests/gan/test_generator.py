import pytest
import torch
from torch.nn import functional

from mutoscope.gan import SIZES, Generator, Shape
from mutoscope.gan.generator import Styled
from mutoscope.gan.layers import GAIN


def vectors(network, count, rng):
    return torch.randn(count, network.shape.z, generator=rng)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_has_its_layers_and_its_image(networks, rng, size, channels):
    network, _ = networks(size, channels=channels, cbase=max(64, size), cmax=4)
    with torch.no_grad():
        w = network.map(vectors(network, 1, rng))
        image = network.synthesise(w)
    assert w.shape == (1, 12)
    assert network.layers == 2 * (size.bit_length() - 1) - 2
    assert image.shape == (1, channels, size, size)
    assert image.dtype == torch.float32


@pytest.mark.parametrize(
    ("size", "cbase", "cmax"), [(32, 512, 32), (64, 1024, 64), (128, 4096, 64)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_features_are_of_one_strength_at_every_resolution(size, cbase, cmax, seed):
    rng = torch.Generator().manual_seed(seed)
    numbers = {"channels": 3, "z": 64, "w": 64, "mapping_layers": 2}
    network = Generator(Shape(size=size, cbase=cbase, cmax=cmax, **numbers), rng)
    strengths = []
    for module in network.modules():
        if isinstance(module, Styled):
            module.register_forward_hook(lambda _m, _i, out: strengths.append(out.std().item()))
    with torch.no_grad():
        network.synthesise(network.map(vectors(network, 64, rng)))
    assert len(strengths) == 2 * (size.bit_length() - 1) - 3
    assert all(0.5 < strength < 2 for strength in strengths), strengths


def test_a_doubling_layer_is_centred(rng):
    """An impulse under a symmetric kernel comes out around the middle of its two by two pixels."""
    layer = Styled(1, 1, 32, 4, rng, doubles=True)
    layer.weight.data.fill_(1.0)
    x = torch.zeros(1, 1, 16, 16)
    x[0, 0, 5, 9] = 1
    out = layer(x, torch.zeros(1, 4), None).detach()[0, 0]
    places = torch.arange(32.0)
    out = out / out.sum()
    assert (out.sum(1) @ places).item() == pytest.approx(10.5, abs=1e-4)
    assert (out.sum(0) @ places).item() == pytest.approx(18.5, abs=1e-4)


@pytest.mark.parametrize("doubles", [False, True])
def test_factors_around_one_convolution_are_weights_of_each_image(rng, doubles):
    """The paper's form: modulate, demodulate, then convolve each image with its own weights."""
    layer = Styled(5, 3, 8, 4, rng, doubles=doubles)
    layer.bias.data.normal_(generator=rng)
    layer.strength.data.fill_(0.5)
    layer.level.fill_(0.7)
    x = torch.randn(2, 5, 4 if doubles else 8, 4 if doubles else 8, generator=rng)
    w = torch.randn(2, 4, generator=rng)
    noise = torch.randn(2, 1, 8, 8, generator=rng)
    style = layer.affine(w)
    rows = []
    for i in range(2):
        weight = layer.weight / (5 * 9) ** 0.5 * style[i][None, :, None, None]
        weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        taps = torch.tensor([1.0, 3, 3, 1]) / 8
        kernel = 4 * torch.outer(taps, taps)[None, None]
        if doubles:
            y = functional.conv_transpose2d(x[i : i + 1], weight.transpose(0, 1), stride=2)
            y = functional.conv2d(y, kernel.expand(3, 1, 4, 4), padding=1, groups=3)
        else:
            y = functional.conv2d(x[i : i + 1], weight, padding=1)
        y = 0.7 * y + 0.5 * noise[i] + layer.bias[:, None, None]
        rows.append(functional.leaky_relu(y, 0.2) * GAIN)
    assert torch.allclose(layer(x, w, noise), torch.cat(rows), atol=1e-5)


def test_only_the_direction_of_z_matters(networks, rng):
    network, _ = networks()
    z = vectors(network, 2, rng)
    assert torch.allclose(network.map(z), network.map(7 * z), atol=1e-5)


def test_the_mapping_learns_a_hundred_times_slower(networks, rng):
    """The same step of every stored weight moves w a hundredth as far as a plain layer's would."""
    network, _ = networks()
    layer = network.mapping.layers[0]
    assert layer.weight.std().item() == pytest.approx(100, rel=0.2)
    x = vectors(network, 64, rng)
    assert layer(x).std().item() == pytest.approx(GAIN, rel=0.2)


def test_gradients_reach_every_parameter(networks, rng):
    network, _ = networks(channels=3)
    image = network(vectors(network, 3, rng), generator=rng)
    (image * torch.randn(image.shape, generator=rng)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_truncation_goes_to_the_mean_image(networks, rng):
    network, _ = networks()
    w = network.map(vectors(network, 2, rng))
    for _ in range(5):
        network.track(network.map(vectors(network, 64, rng)))
    assert network.truncate(w, 1.0) is w
    assert torch.allclose(network.truncate(w, 0.5), (network.mean + w) / 2)
    both = network.synthesise(network.truncate(w, 0.0))
    assert torch.equal(both[0], both[1])
    assert torch.allclose(both[0], network.synthesise(network.mean[None])[0], atol=1e-4)


def test_the_running_mean_follows_slowly(networks):
    network, _ = networks()
    network.track(torch.ones(4, 12))
    assert torch.allclose(network.mean, torch.full((12,), 0.002))
    for _ in range(5000):
        network.track(torch.ones(4, 12))
    assert torch.allclose(network.mean, torch.ones(12), atol=1e-3)


def loud(network):
    """Noise of a strength that shows; at first it is zero."""
    for name, parameter in network.named_parameters():
        if name.endswith("strength"):
            parameter.data.fill_(0.5)
    return network


@torch.no_grad()
def test_noise_is_constant_random_or_none(networks, rng):
    network = loud(networks()[0])
    w = network.map(vectors(network, 2, rng))
    constant = network.synthesise(w, noise="constant")
    assert torch.equal(constant, network.synthesise(w, noise="constant"))
    none = network.synthesise(w, noise="none")
    assert not torch.allclose(constant, none, atol=1e-2)
    drawn = [
        network.synthesise(w, noise="random", generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2], atol=1e-2)
    with pytest.raises(ValueError, match="random noise needs"):
        network.synthesise(w, noise="random")


@torch.no_grad()
def test_each_style_has_its_layer(networks, rng):
    network, _ = networks()
    w, other = network.map(vectors(network, 2, rng)).unsqueeze(1)
    ws = w[:, None].expand(-1, network.layers, -1)
    image = network.synthesise(ws)
    assert torch.allclose(image, network.synthesise(w), atol=1e-5)
    for layer in range(network.layers):
        mixed = ws.clone()
        mixed[:, layer] = other
        assert not torch.allclose(network.synthesise(mixed), image, atol=1e-6), layer
    with pytest.raises(ValueError, match="is wanted"):
        network.synthesise(ws[:, 1:])


def test_the_same_seed_makes_the_same_network(shape):
    first, second = (Generator(shape(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
