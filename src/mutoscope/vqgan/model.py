"""The whole VQGAN: encoder, codebook and decoder."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mutoscope.errors import WeightsError, printable
from mutoscope.vqgan.codebook import GumbelQuantize, VectorQuantizer, look_up, nearest_indices
from mutoscope.vqgan.config import Architecture, read_architecture
from mutoscope.vqgan.large import draw, read
from mutoscope.vqgan.layers import Convolution
from mutoscope.vqgan.networks import Decoder, Encoder
from mutoscope.vqgan.tensors import read_tensors

_PARTS = ("encoder", "decoder", "quantize", "quant_conv", "post_quant_conv")
# Alone, in a transformer, and as training on several devices or other programs wrap it.
_PREFIXES = ("", "first_stage_model.", "module.", "model.", "module.first_stage_model.")
_LANDMARK = "decoder.conv_in.weight"


class VQGAN(nn.Module):
    """A picture as a small grid of codes, and back: Esser et al. (CVPR 2021).

    A latent is (b, e, h, w) with ``channels`` e and a cell for every ``f`` × ``f`` pixels. Names
    of parameters are those of the published checkpoints. Weights are not set: see `new_vqgan`
    and `load_vqgan`.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.architecture = a
        self.encoder = Encoder(a)
        self.decoder = Decoder(a)
        self.quantize: VectorQuantizer | GumbelQuantize
        if a.kind == "gumbel":
            self.quantize = GumbelQuantize(a.n_embed, a.embed_dim)
        else:
            self.quantize = VectorQuantizer(a.n_embed, a.embed_dim)
        self.quant_conv = Convolution(a.z_channels, a.embed_dim, 1)
        self.post_quant_conv = Convolution(a.embed_dim, a.z_channels, 1)
        self._wrap = (False, False)
        self.piece: int | None = None
        """The side in pixels of the pieces that larger pictures are worked through in, or None."""

    @property
    def f(self) -> int:
        """How many pixels a cell of the latent is wide and high."""
        return self.architecture.f

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return self.architecture.embed_dim

    @property
    def codes(self) -> Tensor:
        """The codebook (n, e)."""
        return self.quantize.codes

    @property
    def wrap(self) -> tuple[bool, bool]:
        """Along which axes (x, y) pictures are rings: what is drawn then tiles without a seam."""
        return self._wrap

    @wrap.setter
    def wrap(self, axes: tuple[bool, bool]) -> None:
        self._wrap = axes
        for module in self.modules():
            if isinstance(module, Convolution):
                module.wrap = axes

    def features(self, image: Tensor) -> Tensor:
        """What codes are chosen by, of ``image`` (b, 3, H, W) in [0, 1]: (b, e, H/f, W/f).

        H and W must be multiples of ``f``; else a `ValueError`.
        """
        if any(side % self.f for side in image.shape[-2:]):
            raise ValueError(f"sides {tuple(image.shape[-2:])} must be multiples of {self.f}")
        piece = self._piece(image.shape, 1)
        image = self._laid_out(2 * image - 1)
        if piece is None:
            found: Tensor = self.encoder(image)
        else:
            found = read(self.encoder, image, piece, wrap=self.wrap)
        features: Tensor = self.quant_conv(found)
        return features

    def encode(self, image: Tensor) -> Tensor:
        """The codes of ``image`` (b, 3, H, W) in [0, 1]: (b, e, H/f, W/f); see `features`.

        There is no chance in it: of a Gumbel model the most probable codes are taken.
        """
        return look_up(self.quantize.indices(self.features(image)), self.codes)

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """``z`` (b, e, h, w) with each cell replaced by its nearest code; no gradient."""
        return look_up(nearest_indices(z, self.codes), self.codes)

    def decode(self, z: Tensor) -> Tensor:
        """The picture (b, 3, f·h, f·w) of ``z`` (b, e, h, w): about in [0, 1], not clamped."""
        piece = self._piece(z.shape, self.f)
        z = self.post_quant_conv(self._laid_out(z))
        if piece is None:
            drawn: Tensor = self.decoder(z)
        else:
            drawn = draw(self.decoder, z, piece, wrap=self.wrap)
        return (drawn + 1) / 2

    def _piece(self, shape: torch.Size, pixels: int) -> int | None:
        """The side of pieces for what has ``shape`` and so many pixels a cell; None for the whole.

        A network that learns, or that is given a batch, has pictures that fit.
        """
        large = self.piece is not None and max(shape[-2:]) * pixels > self.piece
        learns = torch.is_grad_enabled() and self.codes.requires_grad
        return self.piece if large and shape[0] == 1 and not learns else None

    def _laid_out(self, x: Tensor) -> Tensor:
        """``x`` in the layout that suits what is done with it.

        Channels last are a fifth faster. The other way convolutions round less, and are computed
        as they were when the published models were made: it is for pictures that are to be kept.
        """
        learns = torch.is_grad_enabled() and (x.requires_grad or self.codes.requires_grad)
        return x.contiguous(
            memory_format=torch.channels_last if learns else torch.contiguous_format
        )


def load_vqgan(config: Path, checkpoint: Path) -> VQGAN:
    """The VQGAN of a published pair, frozen, in float32; nothing in the files is executed.

    In a transformer's checkpoint its first stage is found by the names of the tensors.

    Raises:
        WeightsError: One of them can't be read, is of something else, or is not the other's.
    """
    architecture = read_architecture(config)
    with torch.device("meta"):  # shapes without numbers, however large they are said to be
        model = VQGAN(architecture)
    tensors = _of_vqgan(read_tensors(checkpoint, wanted=_may_be_wanted), checkpoint)
    _check_pair(model, tensors, config, checkpoint)
    model.load_state_dict({name: _own(tensors[name]) for name in model.state_dict()}, assign=True)
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise WeightsError(
                f"{checkpoint}: is damaged: {name} has numbers that are not finite; fetch it again"
            )
    return model.requires_grad_(False).eval()


def _own(tensor: Tensor) -> Tensor:
    """A copy that no longer needs the file, laid out as the convolutions want it."""
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return torch.empty_like(tensor, dtype=torch.float32, memory_format=layout).copy_(tensor)


def _may_be_wanted(name: str) -> bool:
    """Whether a tensor may be part of a VQGAN, by its name: not of a loss or of a transformer."""
    return f".{name}".find(".loss.") < 0 and any(f".{part}." in f".{name}" for part in _PARTS)


def _of_vqgan(tensors: Mapping[str, Tensor], checkpoint: Path) -> dict[str, Tensor]:
    """The VQGAN's own tensors without what stands before their names in a larger model."""
    for prefix in _PREFIXES:
        if f"{prefix}{_LANDMARK}" in tensors:
            return {
                name.removeprefix(prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(tuple(f"{prefix}{part}." for part in _PARTS))
            }
    raise WeightsError(
        f"{checkpoint}: has no {_LANDMARK}, so it is not the checkpoint of a VQGAN; "
        "give the .ckpt file that was published with the configuration"
    )


def _check_pair(
    model: VQGAN, tensors: Mapping[str, Tensor], config: Path, checkpoint: Path
) -> None:
    """Complain of the first tensor that is not as the configuration wants it."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in [*expected, *found]:
        here, there = found.get(name), expected.get(name)
        if here != there and not (there is None and name.startswith("quantize.")):
            raise WeightsError(
                f"{checkpoint}: {printable(name[:80])} {_shape(here)} here and {_shape(there)} "
                f"by {config}: the two do not belong together; fetch both again from one place"
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else f"is {' × '.join(map(str, shape)) or 'one number'}"


def new_vqgan(architecture: Architecture, *, generator: torch.Generator) -> VQGAN:
    """A VQGAN with fresh weights, to be trained; they come from ``generator``, on its device."""
    with torch.device("meta"):
        model = VQGAN(architecture)
    model.to_empty(device=generator.device)
    for module in model.modules():
        _begin(module, generator)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@torch.no_grad()
def _begin(module: nn.Module, generator: torch.Generator) -> None:
    """Fresh weights as PyTorch and the published codebooks begin with."""
    if isinstance(module, nn.Conv2d):
        reach = 1 / math.sqrt(module.weight[0].numel())
        for tensor in module.parameters(recurse=False):
            tensor.uniform_(-reach, reach, generator=generator)
    elif isinstance(module, nn.GroupNorm):
        module.weight.fill_(1)
        module.bias.fill_(0)
    elif isinstance(module, VectorQuantizer):
        reach = 1 / len(module.codes)
        module.codes.uniform_(-reach, reach, generator=generator)
    elif isinstance(module, GumbelQuantize):
        module.codes.normal_(generator=generator)
