"""Pictures between two pictures by RIFE, a network that finds the flow to both at once.

Huang, Zhang, Heng, Shi, Zhou, *Real-Time Intermediate Flow Estimation for Video Frame
Interpolation* (ECCV 2022), in the form of version 4.6: four blocks, each looking closer than the
one before and adding to its flow and mask. Weights are not part of this program. The file is read
without running anything that it says.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate, pad

from mutoscope.errors import WeightsError
from mutoscope.finish.interpolate.between import At, cuts
from mutoscope.vqgan.tensors import read_tensors

FILE = "flownet.pkl"
"""What the published file is called."""

VERSION = "4.6"

_SCALES = (8, 4, 2, 1)  # by how much the blocks' pictures are smaller
_CHANNELS = (192, 128, 96, 64)
_UNIT = 32  # sides are padded to its multiples: the coarsest scale, and two halvings in a block
# What training left in the file beside the network: its teacher, and counters of time.
_BESIDE = ("block_tea.", "teacher", "caltime")


class RifeBetween:
    """`Between` by RIFE; across a cut the nearer picture is shown, of two the earlier.

    Args:
        network: see `load_rife`; it works wherever its parameters live.
    """

    def __init__(self, network: "Rife") -> None:
        self._network = network

    def __call__(self, one: Tensor, two: Tensor) -> At:
        """See `Between`. Between equal pictures there is exactly the same picture."""
        if torch.equal(one, two):
            return lambda _: one
        if cuts(one, two):
            return lambda time: one if time <= 0.5 else two
        return lambda time: self._at(one, two, time)

    @torch.no_grad()
    def _at(self, one: Tensor, two: Tensor, time: float) -> Tensor:
        height, width = one.shape[-2:]
        device = next(self._network.parameters()).device
        right, below = (-side % _UNIT for side in (width, height))
        first, second = (
            pad(picture.to(device), (0, right, 0, below), mode="replicate")
            for picture in (one, two)
        )
        found: Tensor = self._network(first, second, time)
        return found[..., :height, :width].clamp(0, 1).to(one)


class Rife(nn.Module):
    """The network, its parameters named as in the published file."""

    def __init__(self) -> None:
        super().__init__()
        first, *others = _CHANNELS
        # Two pictures and the time; later the two as warped, the time, the mask and the flow.
        self.block0 = _Block(3 + 3 + 1, first)
        self.block1, self.block2, self.block3 = (
            _Block(3 + 3 + 1 + 1 + 4, channels) for channels in others
        )

    def forward(self, one: Tensor, two: Tensor, time: float) -> Tensor:
        """The picture at a time, (1, 3, H, W) of two such; sides are multiples of 32."""
        when = torch.full_like(one[:, :1], time)
        flow, mask = self.block0(torch.cat([one, two, when], 1), None, _SCALES[0])
        blocks: Sequence[nn.Module] = (self.block1, self.block2, self.block3)
        for block, scale in zip(blocks, _SCALES[1:], strict=True):
            warped = [_warped(one, flow[:, :2]), _warped(two, flow[:, 2:])]
            more, also = block(torch.cat([*warped, when, mask], 1), flow, scale)
            flow, mask = flow + more, mask + also
        share = torch.sigmoid(mask)  # (1, 1, H, W), of the first picture
        return share * _warped(one, flow[:, :2]) + (1 - share) * _warped(two, flow[:, 2:])


class _Block(nn.Module):
    """Adds to the flows to both pictures (4 channels, in pixels) and to their mask (1 channel)."""

    def __init__(self, incoming: int, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(
            _halving(incoming, channels // 2), _halving(channels // 2, channels)
        )
        self.convblock = nn.Sequential(*[_Residual(channels) for _ in range(8)])
        # A sixth channel is in the weights and has no use.
        self.lastconv = nn.Sequential(
            nn.ConvTranspose2d(channels, 4 * 6, 4, 2, 1), nn.PixelShuffle(2)
        )

    def forward(self, seen: Tensor, flow: Tensor | None, scale: int) -> tuple[Tensor, Tensor]:
        parts = [_resized(seen, 1 / scale)]
        if flow is not None:
            parts.append(_resized(flow, 1 / scale) / scale)
        features = self.convblock(self.conv0(torch.cat(parts, 1)))
        found = _resized(self.lastconv(features), scale)
        return found[:, :4] * scale, found[:, 4:5]


class _Residual(nn.Module):
    """A convolution, weighed channel by channel and added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1)
        self.beta = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.relu = nn.LeakyReLU(0.2)

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = self.relu(self.conv(features) * self.beta + features)
        return added


def load_rife(path: Path, *, device: torch.device | None = None) -> RifeBetween:
    """RIFE 4.6 with the weights of a file.

    Args:
        path: The published ``flownet.pkl``, or a safetensors file of the same names; or a folder
            with one of them in it.
        device: Where it works; by default on the CPU.

    Raises:
        WeightsError: There is no such file, it is damaged, or it holds other weights.
    """
    file = find_rife(path)
    if file is None:
        raise WeightsError(
            f"{path}: there is no {FILE} in this folder; put that of RIFE {VERSION} there, or take "
            "--model flow, which needs no weights"
        )
    found = {
        name.removeprefix("module."): tensor
        for name, tensor in read_tensors(file).items()
        if not name.removeprefix("module.").startswith(_BESIDE)
    }
    network = Rife()
    _check(file, found, network.state_dict())
    network.load_state_dict({name: tensor.float().clone() for name, tensor in found.items()})
    network.eval().requires_grad_(False).to(device or torch.device("cpu"))
    return RifeBetween(network)


def find_rife(path: Path) -> Path | None:
    """The file of weights that ``path`` stands for: itself, or one in the folder that it is."""
    if not path.is_dir():
        return path
    places = (folder / FILE for folder in (path, path / "train_log"))
    others = sorted(p for p in path.iterdir() if p.suffix in (".pkl", ".pth", ".safetensors"))
    return next((place for place in (*places, *others) if place.is_file()), None)


def _check(file: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not just those of the network."""
    odd = sorted(wanted.keys() ^ found.keys())
    if odd:
        what = f"lacks {odd[0]}" if odd[0] in wanted else f"has {odd[0][:60]!a} as well"
        raise WeightsError(
            f"{file}: is not RIFE {VERSION}: it {what}; other versions are built differently"
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape or not bool(torch.isfinite(found[name]).all()):
            raise WeightsError(
                f"{file}: is not RIFE {VERSION}: {name} is {tuple(found[name].shape)} or not of "
                f"numbers; wanted is {tuple(tensor.shape)}"
            )


def _halving(incoming: int, outgoing: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(incoming, outgoing, 3, 2, 1), nn.LeakyReLU(0.2))


def _resized(raster: Tensor, scale: float) -> Tensor:
    if scale == 1:
        return raster
    return interpolate(raster, scale_factor=scale, mode="bilinear", align_corners=False)


def _warped(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture (1, 3, H, W) read at ``p + flow(p)``, bilinearly; its edges go on beyond it."""
    height, width = picture.shape[-2:]
    x = flow[:, 0] + torch.arange(width, device=flow.device)
    y = flow[:, 1] + torch.arange(height, device=flow.device)[:, None]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)
    return grid_sample(picture, grid, padding_mode="border", align_corners=True)
