import pytest
import torch

from mutoscope.vqgan import VQGAN

KINDS = [
    {},
    {"kind": "gumbel", "attn_resolutions": (16,)},
    {"resamp_with_conv": False},
    {"attn_resolutions": (), "num_res_blocks": 2},
    # 33 halves to 16 and 8, and doubles to 16 and 32: the two networks attend at other levels.
    {"attn_resolutions": (33, 16), "resolution": 33},
]


@pytest.mark.parametrize("changes", KINDS)
def test_without_a_gradient_all_is_as_published(make, published, changes):
    model = make(**changes)
    plain = published(model)
    image = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(2))
    features = model.features(image)
    assert features.shape == (2, 16, 8, 12)
    torch.testing.assert_close(features, plain.features(image), rtol=0, atol=1e-6)
    z = model.encode(image)
    torch.testing.assert_close(z, plain.codes(features), rtol=0, atol=1e-6)
    torch.testing.assert_close(model.decode(z), plain.decode(z.contiguous()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("changes", KINDS)
def test_the_fast_way_to_a_gradient_gives_the_same_one(make, published, changes):
    model = make(**changes)
    # In double precision, so that nothing but a fault can make a difference.
    exact = make(**changes).double()
    z = torch.randn(1, 16, 6, 5, generator=torch.Generator().manual_seed(3))
    weights = torch.randn(1, 3, 24, 20, generator=torch.Generator().manual_seed(4))

    def both(decode, z, weights):
        z = z.clone().requires_grad_()
        drawn = decode(z)
        return drawn.detach(), torch.autograd.grad((drawn * weights).sum(), z)[0]

    expected = both(published(exact).decode, z.double(), weights.double())
    found = both(exact.decode, z.double(), weights.double())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    for one, other in zip(both(model.decode, z, weights), expected, strict=True):
        assert (one - other).norm() < 1e-5 * other.norm()


def test_a_picture_can_be_followed_through_the_encoder_too(make, published):
    exact = make().double()
    image = torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(2)).double()
    gradients = []
    for features in (exact.features, published(exact).features):
        x = image.clone().requires_grad_()
        gradients.append(torch.autograd.grad(features(x).square().sum(), x)[0])
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-9)


def test_trainable_weights_have_the_published_gradients(make, published):
    model = make(frozen=False).double()
    plain = published(model)
    plain.state = dict(model.named_parameters())
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2)).double()
    gradients = []
    for network in (model, plain):
        loss = network.decode(network.features(image)).square().sum()
        wanted = [t for name, t in model.named_parameters() if not name.startswith("quantize.")]
        gradients.append(torch.autograd.grad(loss, wanted))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_a_gradient_keeps_a_third_of_what_it_does_elsewhere(make, published):
    model = make()
    kept = []
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    for decode in (model.decode, published(model).decode):
        seen = {}

        def note(t, seen=seen):
            if t.untyped_storage().data_ptr() not in weights:
                seen[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
            drawn = decode(torch.zeros(1, 16, 16, 16, requires_grad=True))
        kept.append(sum(seen.values()))
        del drawn
    assert kept[0] < 0.4 * kept[1]


def test_dropout_is_for_training_alone(make):
    model = make(frozen=False, dropout=0.5)
    z = torch.randn(1, 16, 4, 4)
    model.train()
    assert not torch.equal(model.decode(z), model.decode(z))
    model.eval()
    assert torch.equal(model.decode(z), model.decode(z))


def test_the_published_names_and_sizes(architecture):
    published = {
        "embed_dim": 256,
        "n_embed": 16384,
        "z_channels": 256,
        "ch": 128,
        "ch_mult": (1, 1, 2, 2, 4),
        "num_res_blocks": 2,
        "attn_resolutions": (16,),
        "resolution": 256,
    }
    with torch.device("meta"):
        model = VQGAN(architecture(**published))
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes["encoder.conv_in.weight"] == (128, 3, 3, 3)
    assert shapes["encoder.down.0.downsample.conv.weight"] == (128, 128, 3, 3)
    assert shapes["encoder.down.2.block.0.nin_shortcut.weight"] == (256, 128, 1, 1)
    assert shapes["encoder.down.4.attn.1.proj_out.weight"] == (512, 512, 1, 1)
    assert shapes["encoder.mid.attn_1.q.weight"] == (512, 512, 1, 1)
    assert shapes["encoder.norm_out.weight"] == (512,)
    assert shapes["encoder.conv_out.weight"] == (256, 512, 3, 3)
    assert shapes["decoder.conv_in.weight"] == (512, 256, 3, 3)
    assert shapes["decoder.up.4.attn.2.norm.bias"] == (512,)
    assert shapes["decoder.up.1.upsample.conv.weight"] == (128, 128, 3, 3)
    assert shapes["decoder.up.0.block.2.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["decoder.conv_out.bias"] == (3,)
    assert shapes["quantize.embedding.weight"] == (16384, 256)
    assert shapes["quant_conv.weight"] == shapes["post_quant_conv.weight"] == (256, 256, 1, 1)
    assert "decoder.up.0.upsample.conv.weight" not in shapes
    assert "encoder.down.3.attn.0.q.weight" not in shapes
    assert (model.f, model.channels) == (16, 256)
    with torch.device("meta"):
        gumbel = VQGAN(architecture("gumbel", **{**published, "n_embed": 8192}))
    assert gumbel.state_dict()["quantize.proj.weight"].shape == (8192, 256, 1, 1)
    assert gumbel.state_dict()["quantize.embed.weight"].shape == (8192, 256)
