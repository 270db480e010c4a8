"""Networks as their authors' repositories lay them out, reading the same checkpoint files as ours.

They are what `notebook.py` looks and draws with: patches by a strided convolution, QuickGELU as it
is written, every block for every token, batch norms beside their convolutions. Nothing is folded
and nothing is frozen. Names of parameters are those of the checkpoints. What a checkpoint holds
beside them (a text side, an encoder) stays in memory, as it does there.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from safetensors.torch import load_file
from torch import Tensor, nn

from mutoscope.perceptors.efficientnet import NORM_EPSILON, STAGES
from mutoscope.perceptors.labels import CLASSIFIER, CLASSIFIER_SHA256, wheel_file
from mutoscope.vqgan.config import Architecture, read_architecture

State = Mapping[str, Tensor]
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_HEAD = 64


class Eye(nn.Module):
    """What looks: pictures (n, 3, size, size) in [0, 1] to (n, width), not of unit length."""

    def __init__(self, net: nn.Module, size: int, mean: object, std: object) -> None:
        super().__init__()
        self.net, self.size = net, size
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    mean: Tensor
    std: Tensor

    def forward(self, batch: Tensor) -> Tensor:
        """Look at ``batch``."""
        seen: Tensor = self.net((batch - self.mean) / self.std)
        return seen


def load_eye(name: str, *, size: int = 160) -> Eye:
    """The picture side of the CLIP model in the file ``name``, or of ``labels`` at ``size``."""
    if name == "labels":
        weights = torch.load(wheel_file(*CLASSIFIER, CLASSIFIER_SHA256), weights_only=True)
        return Eye(EfficientNet(weights), size, (127 / 255,), (128 / 255,)).eval()
    state = load_file(name)
    resnet = any(key.startswith("visual.attnpool") for key in state)
    net = (ResNet if resnet else Transformer)(state)
    return Eye(net, net.size, CLIP_MEAN, CLIP_STD).eval()


def fill(net: nn.Module, state: State, *, prefix: str = "") -> None:
    """Load the tensors of ``state`` whose names begin with ``prefix``; keep the others beside."""
    wanted = net.state_dict()
    own = {key: state.get(prefix + key, value) for key, value in wanted.items()}
    missing = [key for key in own if prefix + key not in state and "num_batches" not in key]
    assert not missing, missing
    net.load_state_dict(own)
    taken = {prefix + key for key in wanted}
    rest = [value for key, value in state.items() if key not in taken and value.is_floating_point()]
    net.rest = nn.ParameterList(rest)


# --- CLIP ----------------------------------------------------------------------------------------


class QuickGELU(nn.Module):
    """The activation of OpenAI's models."""

    def forward(self, x: Tensor) -> Tensor:
        """As it is written."""
        return x * torch.sigmoid(1.702 * x)


class ResidualAttentionBlock(nn.Module):
    """A block of the transformer, for tokens (count, n, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // _HEAD)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Every token by every token."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        added: Tensor = self.mlp(self.ln_2(x))
        return x + added


class Transformer(nn.Module):
    """The vision transformer."""

    def __init__(self, state: State) -> None:
        super().__init__()
        width, _, patch, _ = state["visual.conv1.weight"].shape
        places, out = len(state["visual.positional_embedding"]), state["visual.proj"].shape[1]
        blocks = {key.split(".")[3] for key in state if key.startswith("visual.transformer.resbl")}
        self.size = math.isqrt(places - 1) * patch
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(*(ResidualAttentionBlock(width) for _ in blocks))
        self.proj = nn.Parameter(torch.empty(width, out))
        fill(self, state, prefix="visual.")

    def forward(self, x: Tensor) -> Tensor:
        """Embed normalised pictures (n, 3, size, size): (n, out)."""
        x = self.conv1(x).flatten(2).permute(0, 2, 1)
        first = self.class_embedding + x.new_zeros(len(x), 1, x.shape[-1])
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        x = self.transformer.resblocks(x.permute(1, 0, 2)).permute(1, 0, 2)
        seen: Tensor = self.ln_post(x[:, 0]) @ self.proj
        return seen


class Bottleneck(nn.Module):
    """A block of the modified ResNet."""

    def __init__(self, came: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(came, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or came != 4 * width:
            self.downsample = nn.Sequential()
            self.downsample.add_module("-1", nn.AvgPool2d(stride))
            self.downsample.add_module("0", nn.Conv2d(came, 4 * width, 1, bias=False))
            self.downsample.add_module("1", nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        """Narrow, look around, widen."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.avgpool(F.relu(self.bn2(self.conv2(y))))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """Features (n, c, h, w) to (n, out), asked by their mean."""

    def __init__(self, places: int, width: int, out: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        """Pool ``x``."""
        x = x.flatten(2).permute(2, 0, 1)
        x = torch.cat([x.mean(dim=0, keepdim=True), x]) + self.positional_embedding[:, None]
        seen, _ = F.multi_head_attention_forward(
            query=x[:1], key=x, value=x, embed_dim_to_check=x.shape[-1],
            num_heads=x.shape[-1] // _HEAD, q_proj_weight=self.q_proj.weight,
            k_proj_weight=self.k_proj.weight, v_proj_weight=self.v_proj.weight,
            in_proj_weight=None, bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0,
            in_proj_bias=torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]),
            out_proj_weight=self.c_proj.weight, out_proj_bias=self.c_proj.bias,
            use_separate_proj_weight=True, training=False, need_weights=False,
        )  # fmt: skip
        return seen[0]


class ResNet(nn.Module):
    """The modified ResNet."""

    def __init__(self, state: State) -> None:
        super().__init__()
        half = len(state["visual.conv1.weight"])
        places, _ = state["visual.attnpool.positional_embedding"].shape
        self.size = math.isqrt(places - 1) * 32
        self.conv1, self.bn1 = self._stem(3, half, 2), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = self._stem(half, half, 1), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = self._stem(half, 2 * half, 1), nn.BatchNorm2d(2 * half)
        came = 2 * half
        for layer in range(1, 5):
            width = half * 2**layer
            count = len({k.split(".")[2] for k in state if k.startswith(f"visual.layer{layer}.")})
            blocks = []
            for index in range(count):
                blocks.append(Bottleneck(came, width, 2 if layer > 1 and index == 0 else 1))
                came = 4 * width
            self.add_module(f"layer{layer}", nn.Sequential(*blocks))
        self.attnpool = AttentionPool(places, came, len(state["visual.attnpool.c_proj.bias"]))
        fill(self, state, prefix="visual.")

    @staticmethod
    def _stem(came: int, width: int, stride: int) -> nn.Conv2d:
        return nn.Conv2d(came, width, 3, stride, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed normalised pictures (n, 3, size, size): (n, out)."""
        for number in (1, 2, 3):
            x = self.get_submodule(f"conv{number}")(x)
            x = F.relu(self.get_submodule(f"bn{number}")(x))
        x = F.avg_pool2d(x, 2)
        for layer in range(1, 5):
            x = self.get_submodule(f"layer{layer}")(x)
        seen: Tensor = self.attnpool(x)
        return seen


# --- EfficientNet-Lite ---------------------------------------------------------------------------


class MBConv(nn.Module):
    """An inverted residual of EfficientNet-Lite."""

    def __init__(self, state: State, name: str, stride: int) -> None:
        super().__init__()
        self.stride, self.steps = stride, []
        for conv, norm in (
            ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")
        ):  # fmt: skip
            if (weight := state.get(f"{name}.{conv}.weight")) is None:
                continue
            self.add_module(conv, _same(weight, stride if conv == "_depthwise_conv" else 1))
            self.add_module(norm, nn.BatchNorm2d(len(weight), eps=NORM_EPSILON))
            self.steps.append((conv, norm))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (n, c, h, w)."""
        y = x
        for conv, norm in self.steps:
            y = self.get_submodule(norm)(self.get_submodule(conv)(y))
            y = y if conv == "_project_conv" else F.relu6(y)
        return y + x if self.stride == 1 and x.shape == y.shape else y


class SameConvolution(nn.Conv2d):
    """A convolution padded as TensorFlow's "same" is."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x``."""
        pads = []
        for side in reversed(x.shape[-2:]):
            kernel, stride = self.kernel_size[0], self.stride[0]
            more = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [more // 2, more - more // 2]
        return super().forward(F.pad(x, pads) if any(pads) else x)


def _same(weight: Tensor, stride: int) -> SameConvolution:
    out, into, kernel, _ = weight.shape
    groups = out if into == 1 else 1
    return SameConvolution(into * groups, out, kernel, stride, groups=groups, bias=False)


class EfficientNet(nn.Module):
    """EfficientNet-Lite0."""

    def __init__(self, state: State) -> None:
        super().__init__()
        stem, head, classes = (state[f"{n}.weight"] for n in ("_conv_stem", "_conv_head", "_fc"))
        self._conv_stem, self._conv_head = _same(stem, 2), _same(head, 1)
        self._bn0 = nn.BatchNorm2d(len(stem), eps=NORM_EPSILON)
        self._bn1 = nn.BatchNorm2d(len(head), eps=NORM_EPSILON)
        strides = [first if place == 0 else 1
                   for blocks, _, first, _ in STAGES for place in range(blocks)]  # fmt: skip
        self._blocks = nn.ModuleList(
            MBConv(state, f"_blocks.{index}", stride) for index, stride in enumerate(strides)
        )
        self._fc = nn.Linear(classes.shape[1], classes.shape[0])
        fill(self, state)

    def forward(self, x: Tensor) -> Tensor:
        """Centred logits (n, classes) of normalised pictures (n, 3, h, w)."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits - logits.mean(dim=-1, keepdim=True)


# --- VQGAN ---------------------------------------------------------------------------------------


class ResnetBlock(nn.Module):
    """Norm, swish, convolution, twice."""

    def __init__(self, came: int, out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(32, c, eps=1e-6) for c in (came, out))
        self.conv1, self.conv2 = (nn.Conv2d(c, out, 3, padding=1) for c in (came, out))
        self.nin_shortcut = nn.Conv2d(came, out, 1) if came != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w)."""
        y = self.conv1(swish(self.norm1(x)))
        y = self.conv2(swish(self.norm2(y)))
        shortcut: Tensor = self.nin_shortcut(x)
        return shortcut + y


class AttnBlock(nn.Module):
    """Every cell by every other, the scores written out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (b, c, h, w)."""
        y = self.norm(x)
        q, k, v = (part(y).flatten(2) for part in (self.q, self.k, self.v))  # (b, c, h · w)
        scores = torch.bmm(q.transpose(1, 2), k) * q.shape[1] ** -0.5
        seen = torch.bmm(v, scores.softmax(dim=2).transpose(1, 2)).view_as(x)
        back: Tensor = self.proj_out(seen)
        return x + back


class Decoder(nn.Module):
    """The decoder of a VQGAN and its codebook."""

    def __init__(self, architecture: Architecture, state: State) -> None:
        super().__init__()
        a = architecture
        widths = [a.ch * mult for mult in a.ch_mult]
        self.f = 2 ** (len(widths) - 1)
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(a.n_embed, a.embed_dim)
        self.post_quant_conv = nn.Conv2d(a.embed_dim, a.z_channels, 1)
        self.decoder = net = nn.Module()
        came = widths[-1]
        net.conv_in = nn.Conv2d(a.z_channels, came, 3, padding=1)
        net.mid = nn.Module()
        net.mid.block_1, net.mid.block_2 = ResnetBlock(came, came), ResnetBlock(came, came)
        net.mid.attn_1 = AttnBlock(came)
        levels = []
        for index in reversed(range(len(widths))):
            level, out = nn.Module(), widths[index]
            attends = a.resolution // 2**index in a.attn_resolutions
            blocks = range(a.num_res_blocks + 1)
            level.block = nn.ModuleList(ResnetBlock(out if i else came, out) for i in blocks)
            level.attn = nn.ModuleList(AttnBlock(out) for _ in (blocks if attends else ()))
            if index:
                level.upsample = nn.Module()
                level.upsample.conv = nn.Conv2d(out, out, 3, padding=1)
            levels.insert(0, level)
            came = out
        net.up = nn.ModuleList(levels)
        net.norm_out = nn.GroupNorm(32, came, eps=1e-6)
        net.conv_out = nn.Conv2d(came, a.out_ch, 3, padding=1)
        fill(self, state)

    @property
    def codes(self) -> Tensor:
        """The codebook (n, e)."""
        return self.get_parameter("quantize.embedding.weight")

    def forward(self, z: Tensor) -> Tensor:
        """The picture (b, 3, f·h, f·w) of ``z`` (b, e, h, w): about in [0, 1]."""
        net = self.decoder
        x = net.conv_in(self.post_quant_conv(z))
        x = net.mid.block_2(net.mid.attn_1(net.mid.block_1(x)))
        for index, level in reversed(list(enumerate(net.up))):
            for place, block in enumerate(level.block):
                x = block(x)
                x = level.attn[place](x) if len(level.attn) else x
            if index:
                x = level.upsample.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        drawn: Tensor = net.conv_out(swish(net.norm_out(x)))
        return (drawn + 1) / 2


def swish(x: Tensor) -> Tensor:
    """x·sigmoid(x), as it is written."""
    return x * torch.sigmoid(x)


def load_decoder(checkpoint: Path) -> Decoder:
    """The decoder in the file ``checkpoint``, with the configuration that lies beside it."""
    architecture = read_architecture(checkpoint.with_suffix(".yaml"))
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return Decoder(architecture, state).eval()
