"""CLIP's two eyes: the vision transformer and the modified residual network.

Both take pictures ``(n, 3, side, side)`` in [0, 1] and give embeddings ``(n, width)`` that are
not yet of unit length. All dimensions are read off the weights. Radford et al. (2021), section 2.4.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.errors import WeightsError
from mutoscope.perceptors.clip_block import (
    EPSILON,
    Affine,
    Block,
    block_count,
    block_shapes,
    frozen,
    hidden_width,
)
from mutoscope.perceptors.clip_weights import State, Traits, check_shapes
from mutoscope.perceptors.lowered import Precision

# The large models' heads are wider than 64, which their weights can't tell.
_WIDER_HEADS = {1280: 80, 1408: 88, 1664: 104}
_HEAD = 64


class VisionTransformer(nn.Module):
    """Patches, a class token, blocks; the class token is what was seen.

    Dosovitskiy et al., *An Image is Worth 16x16 Words* (2021), with CLIP's norm in front.

    Three things are done otherwise than written there, with equal results: patches are embedded
    by a linear layer (the backward pass of a strided convolution is slow on a CPU), the pixels'
    mean and deviation are folded into that layer, and the last block works for the class token
    alone, since nothing reads the others.
    """

    def __init__(self, state: State, traits: Traits, path: Path) -> None:
        super().__init__()
        shapes = _transformer_shapes(state, path)
        check_shapes(_part(state), shapes, path, of="picture side")
        patch = state["visual.conv1.weight"]  # (width, 3, p, p)
        width, self.patch = patch.shape[0], patch.shape[-1]
        self.grid = math.isqrt(shapes["visual.positional_embedding"][0] - 1)
        self.size, self.width = self.grid * self.patch, shapes["visual.proj"][1]
        heads = traits.vision_heads or max(width // _WIDER_HEADS.get(width, _HEAD), 1)
        if heads < 1 or width % heads:
            raise _uneven(path, width, heads)

        mean, std = torch.tensor(traits.mean), torch.tensor(traits.std)
        patch = patch / std.view(1, 3, 1, 1)
        offset = -(patch * mean.view(1, 3, 1, 1)).sum((1, 2, 3))
        places = state["visual.positional_embedding"]
        self.embed = Affine(patch.flatten(1), offset)  # 3·p·p to width
        self.class_token = frozen(state["visual.class_embedding"] + places[0])
        self.places = frozen(places[1:])  # (grid², width)
        self.ln_pre = _NormAffine(state, "visual.ln_pre")
        count = block_count(state, "visual.transformer")
        self.blocks = nn.ModuleList(
            Block(
                *(state, f"visual.transformer.resblocks.{index}"),
                heads=heads,
                activation=traits.activation,
            )
            for index in range(count)
        )
        self.ln_post = _NormAffine(state, "visual.ln_post")
        self.proj = frozen(state["visual.proj"].T)  # (out, width)

    def forward(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, side, side) in [0, 1]: (n, width)."""
        n, side, p = batch.shape[0], self.grid, self.patch
        patches = batch.reshape(n, 3, side, p, side, p).permute(0, 2, 4, 1, 3, 5)
        seen = self.embed(patches.reshape(n, side * side, 3 * p * p))
        first = self.class_token.expand(n, 1, -1)
        x = self.ln_pre(torch.cat([first, seen + self.places], dim=1))  # (n, 1 + grid², width)
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x)
        assert isinstance(last, Block)  # noqa: S101 - what nn.ModuleList can't tell the type checker
        return functional.linear(self.ln_post(last.first(x)), self.proj)

    def multiply_with(self, precision: Precision) -> None:
        """Compute the products of the blocks with ``precision`` from now on.

        In int8 the patches and the first block stay float32: the gradient's last stretch to the
        pixels is where rounding costs most (a third of the error, a tenth of the work).
        """
        for name, part in self.named_modules():
            if isinstance(part, Affine):
                kept = precision == "int8" and name.startswith(("embed", "blocks.0."))
                part.multiply_with("float32" if kept else precision)


class ModifiedResNet(nn.Module):
    """A residual network with three stem convolutions, blurred strides and attention pooling.

    He et al. (2015) in the form of He et al., *Bag of Tricks* (2019), with Zhang's anti-aliasing
    (2019): where others stride, an average pooling halves the picture first. The batch norms are
    folded into the convolutions in front of them.
    """

    def __init__(self, state: State, traits: Traits, path: Path) -> None:
        super().__init__()
        shapes = _resnet_shapes(state, path)
        check_shapes(_part(state), shapes, path, of="picture side")
        self.grid = math.isqrt(shapes["visual.attnpool.positional_embedding"][0] - 1)
        self.size = self.grid * 32
        self.width = shapes["visual.attnpool.c_proj.bias"][0]
        # The stem pads with zeros after normalisation, so only the deviation can be folded.
        self.register_buffer("mean", torch.tensor(traits.mean).view(1, 3, 1, 1))
        stem = dict(state)
        std = torch.tensor(traits.std).view(1, 3, 1, 1)
        stem["visual.conv1.weight"] = stem["visual.conv1.weight"] / std
        self.stem = nn.Sequential(
            _Convolution(stem, "visual.conv1", "visual.bn1", stride=2),
            nn.ReLU(),
            _Convolution(state, "visual.conv2", "visual.bn2"),
            nn.ReLU(),
            _Convolution(state, "visual.conv3", "visual.bn3"),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
        self.layers = nn.Sequential(
            *(
                _Bottleneck(state, f"visual.layer{layer}.{index}", halves=layer > 1 and index == 0)
                for layer in range(1, 5)
                for index in range(_layer_length(state, layer))
            )
        )
        self.pool = _AttentionPool(state, "visual.attnpool", path)

    mean: Tensor

    def forward(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, side, side) in [0, 1]: (n, width)."""
        x = (batch - self.mean).contiguous(memory_format=torch.channels_last)
        out: Tensor = self.pool(self.layers(self.stem(x)))
        return out


class _NormAffine(nn.Module):
    """A layer norm with its scale and shift, for places where nothing linear follows at once."""

    def __init__(self, state: State, name: str) -> None:
        super().__init__()
        self.weight, self.bias = frozen(state[f"{name}.weight"]), frozen(state[f"{name}.bias"])

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, EPSILON)


class _Convolution(nn.Module):
    """A convolution that keeps the size (but for its stride), its batch norm folded in."""

    def __init__(self, state: State, name: str, norm: str, *, stride: int = 1) -> None:
        super().__init__()
        deviation = (state[f"{norm}.running_var"].double() + EPSILON).sqrt()
        scale = state[f"{norm}.weight"].double() / deviation
        weight = state[f"{name}.weight"].double() * scale.view(-1, 1, 1, 1)
        bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
        # Channels last is what oneDNN and cuDNN are quickest with.
        weight = weight.float().contiguous(memory_format=torch.channels_last)
        self.weight, self.bias = nn.Parameter(weight, False), frozen(bias.float())
        self.stride, self.padding = stride, weight.shape[-1] // 2

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class _Bottleneck(nn.Module):
    """Narrow, look around, widen; beside a residual that is projected where shapes differ."""

    def __init__(self, state: State, name: str, *, halves: bool) -> None:
        super().__init__()
        self.narrow = _Convolution(state, f"{name}.conv1", f"{name}.bn1")
        self.around = _Convolution(state, f"{name}.conv2", f"{name}.bn2")
        self.widen = _Convolution(state, f"{name}.conv3", f"{name}.bn3")
        self.aside: nn.Module = nn.Identity()
        if f"{name}.downsample.0.weight" in state:
            self.aside = _Convolution(state, f"{name}.downsample.0", f"{name}.downsample.1")
        self.halve: nn.Module = nn.AvgPool2d(2) if halves else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.around(functional.relu(self.narrow(x))))
        return functional.relu(self.widen(self.halve(y)) + self.aside(self.halve(x)))


class _AttentionPool(nn.Module):
    """One attention layer, asked by the mean of all places: a picture's features to one vector."""

    def __init__(self, state: State, name: str, path: Path) -> None:
        super().__init__()
        weights = {
            part: (state[f"{name}.{part}_proj.weight"], state[f"{name}.{part}_proj.bias"])
            for part in "qkvc"
        }
        width = weights["q"][0].shape[0]
        self.heads = width // _HEAD
        if width % _HEAD:
            raise _uneven(path, width, self.heads)
        self.query, self.out = Affine(*weights["q"]), Affine(*weights["c"])
        self.both = Affine(
            torch.cat([weights["k"][0], weights["v"][0]]),
            torch.cat([weights["k"][1], weights["v"][1]]),
        )
        self.places = frozen(state[f"{name}.positional_embedding"])

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)  # (n, h·w, width)
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1) + self.places
        n, count, width = tokens.shape
        query = self.query(tokens[:, :1]).view(n, 1, self.heads, _HEAD).transpose(1, 2)
        both = self.both(tokens).view(n, count, 2, self.heads, _HEAD)
        key, value = both.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(seen.reshape(n, width))
        return out


def _part(state: State) -> State:
    return {key: value for key, value in state.items() if key.startswith("visual.")}


def _uneven(path: Path, width: int, heads: int) -> WeightsError:
    return WeightsError(
        f"{path}: a width of {width} can't be divided among {heads} heads; the head count in the "
        "configuration beside the file must divide it"
    )


def _rank(state: State, key: str, rank: int, path: Path) -> torch.Size:
    """The shape of a tensor that must be there with ``rank`` dimensions."""
    if key not in state or state[key].ndim != rank or 0 in state[key].shape:
        found = f"{tuple(state[key].shape)}" if key in state else "nothing"
        raise WeightsError(
            f"{path}: not a CLIP model of the shapes known here: {key} should have {rank} "
            f"dimensions, none of them 0, and there is {found}; for other architectures try "
            "open_clip:MODEL/TRAINING"
        )
    return state[key].shape


def _transformer_shapes(state: State, path: Path) -> dict[str, tuple[int, ...]]:
    """What a vision transformer of these widths must hold; sizes are taken from a few tensors."""
    width, _, patch, _ = _rank(state, "visual.conv1.weight", 4, path)
    places = _rank(state, "visual.positional_embedding", 2, path)[0]
    out = _rank(state, "visual.proj", 2, path)[1]
    grid = max(math.isqrt(max(places - 1, 0)), 1)
    shapes: dict[str, tuple[int, ...]] = {
        "visual.conv1.weight": (width, 3, patch, patch),
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (grid * grid + 1, width),
        "visual.proj": (width, out),
    }
    for norm in ("ln_pre", "ln_post"):
        shapes |= {f"visual.{norm}.weight": (width,), f"visual.{norm}.bias": (width,)}
    hidden = hidden_width(state, "visual.transformer", width)
    for index in range(max(block_count(state, "visual.transformer"), 1)):
        shapes |= block_shapes(f"visual.transformer.resblocks.{index}", width, hidden)
    return shapes


def _layer_length(state: State, layer: int) -> int:
    head = f"visual.layer{layer}."
    numbers = {key.removeprefix(head).split(".")[0] for key in state if key.startswith(head)}
    return max(len(numbers), 1)


def _resnet_shapes(state: State, path: Path) -> dict[str, tuple[int, ...]]:
    """What a modified ResNet of this stem must hold."""
    half = _rank(state, "visual.conv1.weight", 4, path)[0]
    places = _rank(state, "visual.attnpool.positional_embedding", 2, path)[0]
    out = _rank(state, "visual.attnpool.c_proj.weight", 2, path)[0]
    base = 2 * half
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, norm: str, into: int, of: int, side: int) -> None:
        shapes[f"visual.{name}.weight"] = (into, of, side, side)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"visual.{norm}.{part}"] = (into,)

    convolution("conv1", "bn1", half, 3, 3)
    convolution("conv2", "bn2", half, half, 3)
    convolution("conv3", "bn3", base, half, 3)
    came = base
    for layer in range(1, 5):
        width = base * 2 ** (layer - 1)
        for index in range(_layer_length(state, layer)):
            name = f"layer{layer}.{index}"
            convolution(f"{name}.conv1", f"{name}.bn1", width, came, 1)
            convolution(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            convolution(f"{name}.conv3", f"{name}.bn3", 4 * width, width, 1)
            if index == 0:
                convolution(f"{name}.downsample.0", f"{name}.downsample.1", 4 * width, came, 1)
            came = 4 * width
    pool = "visual.attnpool"
    grid = max(math.isqrt(max(places - 1, 0)), 1)
    shapes[f"{pool}.positional_embedding"] = (grid * grid + 1, came)
    for part in "qkvc":
        into = out if part == "c" else came
        shapes |= {f"{pool}.{part}_proj.weight": (into, came), f"{pool}.{part}_proj.bias": (into,)}
    return shapes
