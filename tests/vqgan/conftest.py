"""Small VQGANs of every published kind, and the published form of them, written out."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it

from mutoscope.vqgan import Architecture, new_vqgan

SMALL = {
    "embed_dim": 16,
    "n_embed": 64,
    "z_channels": 16,
    "ch": 32,
    "ch_mult": (1, 2, 2),
    "num_res_blocks": 1,
    "attn_resolutions": (8, 16),
    "resolution": 32,
}


@pytest.fixture
def architecture():
    """Makes small architectures."""
    return lambda kind="vq", **changes: Architecture(kind=kind, **{**SMALL, **changes})


@pytest.fixture
def make(architecture):
    """Makes small VQGANs whose weights are all far from those of a fresh one."""

    def build(kind="vq", *, frozen=True, **changes):
        rng = torch.Generator().manual_seed(1)
        model = new_vqgan(architecture(kind, **changes), generator=rng)
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                if "norm" in name or name.startswith("quantize.embed"):
                    tensor.add_(torch.randn(tensor.shape, generator=rng) * 0.3)
        return model.requires_grad_(False).eval() if frozen else model

    return build


class Published:
    """A VQGAN as the paper's code computes it, from tensors under its names, one call a line."""

    def __init__(self, state, architecture):
        self.state, self.a = state, architecture

    def conv(self, x, name, **options):
        weight = self.state[f"{name}.weight"].clone(memory_format=torch.contiguous_format)
        return F.conv2d(x, weight, self.state[f"{name}.bias"], **options)

    def norm(self, x, name):
        return F.group_norm(x, 32, self.state[f"{name}.weight"], self.state[f"{name}.bias"], 1e-6)

    def active(self, x, name):
        x = self.norm(x, name)
        return x * torch.sigmoid(x)

    def block(self, x, name):
        h = self.conv(self.active(x, f"{name}.norm1"), f"{name}.conv1", padding=1)
        h = self.conv(self.active(h, f"{name}.norm2"), f"{name}.conv2", padding=1)
        if f"{name}.nin_shortcut.weight" in self.state:
            x = self.conv(x, f"{name}.nin_shortcut")
        return x + h

    def attention(self, x, name):
        h = self.norm(x, f"{name}.norm")
        q, k, v = (self.conv(h, f"{name}.{part}").flatten(2) for part in "qkv")
        scores = torch.bmm(q.transpose(1, 2), k) * q.shape[1] ** -0.5
        seen = torch.bmm(v, scores.softmax(dim=2).transpose(1, 2)).view(x.shape)
        return x + self.conv(seen, f"{name}.proj_out")

    def middle(self, x, name):
        x = self.attention(self.block(x, f"{name}.mid.block_1"), f"{name}.mid.attn_1")
        return self.block(x, f"{name}.mid.block_2")

    def level(self, x, name, blocks):
        for index in range(blocks):
            x = self.block(x, f"{name}.block.{index}")
            if f"{name}.attn.{index}.q.weight" in self.state:
                x = self.attention(x, f"{name}.attn.{index}")
        return x

    def features(self, image):
        x = self.conv(2 * image - 1, "encoder.conv_in", padding=1)
        for index in range(len(self.a.ch_mult)):
            name = f"encoder.down.{index}"
            x = self.level(x, name, self.a.num_res_blocks)
            if index < len(self.a.ch_mult) - 1:
                if self.a.resamp_with_conv:
                    x = self.conv(F.pad(x, (0, 1, 0, 1)), f"{name}.downsample.conv", stride=2)
                else:
                    x = F.avg_pool2d(x, 2)
        x = self.active(self.middle(x, "encoder"), "encoder.norm_out")
        return self.conv(self.conv(x, "encoder.conv_out", padding=1), "quant_conv")

    def codes(self, features):
        rows = features.permute(0, 2, 3, 1)
        if self.a.kind == "gumbel":
            logits = self.conv(features, "quantize.proj")
            return self.state["quantize.embed.weight"][logits.argmax(1)].permute(0, 3, 1, 2)
        table = self.state["quantize.embedding.weight"]
        nearest = torch.cdist(rows.flatten(0, 2), table).argmin(1)
        return table[nearest].view(rows.shape).permute(0, 3, 1, 2)

    def decode(self, z):
        x = self.conv(self.conv(z, "post_quant_conv"), "decoder.conv_in", padding=1)
        x = self.middle(x, "decoder")
        for index in reversed(range(len(self.a.ch_mult))):
            name = f"decoder.up.{index}"
            x = self.level(x, name, self.a.num_res_blocks + 1)
            if index > 0:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
                if self.a.resamp_with_conv:
                    x = self.conv(x, f"{name}.upsample.conv", padding=1)
        return (
            self.conv(self.active(x, "decoder.norm_out"), "decoder.conv_out", padding=1) + 1
        ) / 2


@pytest.fixture
def published():
    """Makes the published form of a VQGAN of ours."""
    return lambda model: Published(model.state_dict(), model.architecture)
