import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from mutoscope.perceptors.efficientnet import NORM_EPSILON, Convolution, EfficientNetLite

WIDTHS = [(8, 6), (6, 8), (8, 8), (8, 10), (10, 10), (10, 12), (12, 14)]
LITE0 = [1, 2, 2, 3, 3, 4, 1]
KERNELS = [3, 3, 5, 3, 5, 5, 3]


def norm(rng, name, channels):
    return {
        f"{name}.weight": 0.5 + torch.rand(channels, generator=rng),
        f"{name}.bias": torch.randn(channels, generator=rng),
        f"{name}.running_mean": torch.randn(channels, generator=rng),
        f"{name}.running_var": 0.5 + torch.rand(channels, generator=rng),
    }


def toy_weights(repeats=LITE0, seed=0):
    """A narrow EfficientNet-Lite with random weights, under the names of the real one."""
    rng = torch.Generator().manual_seed(seed)

    def conv(name, out, into, side):
        return {f"{name}.weight": torch.randn(out, into, side, side, generator=rng) / into**0.5}

    weights = conv("_conv_stem", 8, 3, 3) | norm(rng, "_bn0", 8)
    index = 0
    for stage, (into, out) in enumerate(WIDTHS):
        for place in range(repeats[stage]):
            name, came = f"_blocks.{index}", into if place == 0 else out
            wide = came * (1 if stage == 0 else 6)
            if stage:
                weights |= conv(f"{name}._expand_conv", wide, came, 1)
                weights |= norm(rng, f"{name}._bn0", wide)
            weights |= conv(f"{name}._depthwise_conv", wide, 1, KERNELS[stage])
            weights |= norm(rng, f"{name}._bn1", wide)
            weights |= conv(f"{name}._project_conv", out, wide, 1)
            weights |= norm(rng, f"{name}._bn2", out)
            index += 1
    weights |= conv("_conv_head", 16, 14, 1) | norm(rng, "_bn1", 16)
    return weights | {
        "_fc.weight": torch.randn(5, 16, generator=rng),
        "_fc.bias": torch.randn(5, generator=rng),
    }


@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (5, 4)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_folding_equals_convolution_then_norm(kernel, groups, stride, side):
    if kernel == 1 and stride == 2:
        pytest.skip("the architecture has none")
    rng = torch.Generator().manual_seed(1)
    into = 4 // groups
    weights = {"c.weight": torch.randn(4, into, kernel, kernel, generator=rng)} | norm(rng, "n", 4)
    x = torch.randn(2, 4, side, side, generator=rng)
    rest = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    padded = F.pad(x, (rest // 2, rest - rest // 2) * 2)
    expected = F.batch_norm(
        F.conv2d(padded, weights["c.weight"], stride=stride, groups=groups),
        weights["n.running_mean"],
        weights["n.running_var"],
        weights["n.weight"],
        weights["n.bias"],
        eps=NORM_EPSILON,
    )
    folded = Convolution(weights, "c", "n", stride=stride)
    torch.testing.assert_close(folded(x), expected, atol=1e-5, rtol=1e-4)


def test_it_is_frozen_and_takes_any_size():
    net = EfficientNetLite(toy_weights())
    assert not any(p.requires_grad for p in net.parameters())
    for side in (32, 33, 47):
        logits, strangeness = net(torch.rand(2, 3, side, side))
        assert logits.shape == (2, 5)
        assert strangeness is None


def test_deeper_sizes_have_more_blocks():
    repeats = [1, 3, 3, 4, 4, 5, 1]
    assert len(EfficientNetLite(toy_weights(repeats), "lite1").blocks) == sum(repeats)


def test_asking_for_strangeness_does_not_change_the_logits():
    net, batch = EfficientNetLite(toy_weights()), torch.rand(2, 3, 40, 40)
    torch.testing.assert_close(net(batch)[0], net(batch, strangeness=True)[0])


def strangeness_by_the_book(net, batch):
    """The same number from hooks and torch's own statistics."""
    parts = []

    def hook(convolution, _, y):
        variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
        deviation = variance.clamp(min=1e-6).sqrt()  # a channel that is dead has no slope
        off = (mean - convolution.centre) / convolution.spread
        parts.append((off.square() + (deviation / convolution.spread - 1).square()).mean())

    hooks = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, Convolution)]
    net(batch)
    for handle in hooks:
        handle.remove()
    return torch.stack(parts).mean()


def test_strangeness_and_its_gradient_are_those_of_the_definition():
    # In float64: at a bend of ReLU6 a rounding of float32 is another slope.
    net, batch = EfficientNetLite(toy_weights()).double(), torch.rand(2, 3, 40, 40).double()
    ours, book = batch.clone().requires_grad_(), batch.clone().requires_grad_()
    strangeness = net(ours, strangeness=True)[1]
    expected = strangeness_by_the_book(net, book)
    torch.testing.assert_close(strangeness, expected)
    strangeness.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, book.grad, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize(("kernel", "groups", "stride"), [(3, 1, 2), (3, 4, 1), (5, 4, 2)])
def test_a_convolution_keeps_nothing_of_what_it_sees_and_has_its_slope(kernel, groups, stride):
    rng = torch.Generator().manual_seed(2)
    weights = {"c.weight": torch.randn(4, 4 // groups, kernel, kernel, generator=rng)}
    folded = Convolution(weights | norm(rng, "n", 4), "c", "n", stride=stride)
    x = torch.randn(2, 4, 9, 9, generator=rng).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        y = folded(x)
    assert kept == [folded.weight.shape]

    slope = torch.randn(y.shape, generator=rng)
    [ours] = torch.autograd.grad(y, x, slope)
    rest = max((-(-9 // stride) - 1) * stride + kernel - 9, 0)
    padded = F.pad(x, (rest // 2, rest - rest // 2) * 2)
    plain = F.conv2d(padded, folded.weight, folded.bias, stride=stride, groups=groups)
    torch.testing.assert_close(ours, torch.autograd.grad(plain, x, slope)[0])
