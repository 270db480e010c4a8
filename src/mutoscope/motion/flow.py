"""Optical flow between two pictures, and where it can be believed.

One convention everywhere, in pixels of the pictures, x then y, y down:

- ``flow(one, two)`` belongs to the pixels of ``one``: what is at ``p`` in ``one`` is at
  ``p + flow(p)`` in ``two``. A texture that goes to the right has a positive x.
- A `Track` belongs to the pixels of the *new* picture, as `Warp.displacement` does: what is at
  ``q`` in the new one came from ``q − displacement(q)`` in the old one. So its displacement is
  ``−flow(new, old)``, and `FieldWarp` makes the old picture look like the new one with it.

Flow is estimated by OpenCV's DIS (Kroeger, Timofte, Dai, Van Gool 2016), which needs no weights, or
by RAFT (Teed & Deng 2020) out of torchvision. Whether it can be believed is what the flow forward
and the flow backward say of each other (Sundaram, Brox, Keutzer 2010).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, avg_pool3d, grid_sample, interpolate, pad

from mutoscope.errors import ExtraError, SettingsError, WeightsError, nearest
from mutoscope.images import luma, resize

FlowModel = Literal["dis", "raft"]
FLOW_MODELS: tuple[FlowModel, ...] = get_args(FlowModel)

Estimator = Callable[[Tensor, Tensor], Tensor]
"""Two pictures (1, 3, h, w) in [0, 1] to the flow (1, 2, h, w) from the first to the second."""

# Flow is looked for in pictures of at most so many pixels. Larger ones take longer and find no
# more, since motion between two frames is smooth at that scale.
_LARGEST = 512 * 512
_SMALLEST = 32  # and no side shorter than this: DIS compares patches of 8 pixels on a pyramid

# Ruder, Dosovitskiy, Brox 2016, equations 4 and 5; squared pixels of the picture that is worked on.
_MISSED = (0.01, 0.5)
_BOUNDARY = (0.01, 0.002)

# With less than this share to believe, a search from a head start may find more: DIS alone loses
# a pan by a fifth of the picture's width in one frame.
_LOST = 0.6

# What tells a cut. In real films the details on its two sides correlate by 0.19 at most, where the
# flow carries them; those of pictures up to 16 frames apart in one shot by 0.27 at least, those of
# neighbours by 0.75. Colours differ in a tenth and more at a cut, and by less than that in noise.
_CUT_ALIKE = 0.23
_CUT_RELIABLE = 0.5
_CUT_COLOURS = 0.06


@dataclass(frozen=True)
class Track:
    """Where each pixel of a new picture came from in an old one.

    Attributes:
        displacement: (1, 2, H, W) in pixels, in the meaning of `Warp.displacement`.
        reliable: (1, 1, H, W), 1 where that can be believed; 0 where something came into sight,
            at the edges of what moves, and where it came from beyond the picture's edge.
        cut: whether the two are of different shots, so that nothing can be carried over.
    """

    displacement: Tensor
    reliable: Tensor
    cut: bool


class Dis:
    """Dense inverse search, on the CPU.

    Args:
        preset: OpenCV's name: ultrafast, fast or medium; slower ones follow finer detail.
    """

    def __init__(self, preset: Literal["ultrafast", "fast", "medium"] = "medium") -> None:
        self._preset = {
            "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
            "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
            "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
        }[preset]

    def __call__(self, one: Tensor, two: Tensor) -> Tensor:
        """See `Estimator`; both sides at least 32 pixels."""
        # A new one each time: it remembers how small its pictures were, and would answer otherwise
        # in a film that was resumed than in one that never stopped.
        search = cv2.DISOpticalFlow.create(self._preset)
        empty: Any = None  # it makes the array that it answers with
        found = search.calc(_grey(one), _grey(two), empty)  # (h, w, 2)
        return torch.from_numpy(np.asarray(found)).permute(2, 0, 1)[None].to(one.device)


class Raft:
    """RAFT, wherever its parameters live.

    Args:
        network: torchvision's: two batches in [−1, 1], sides divisible by 8 and at least 128, to
            a list of ever better flows.
    """

    _UNIT = 8
    _LEAST = 128

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @torch.no_grad()
    def __call__(self, one: Tensor, two: Tensor) -> Tensor:
        """See `Estimator`. What was padded is cut off again, so no flow is ever stretched."""
        height, width = one.shape[-2:]
        right, below = (
            max(self._LEAST, -(-side // self._UNIT) * self._UNIT) - side for side in (width, height)
        )
        device = next((p.device for p in self._network.parameters()), one.device)
        padded = [
            pad(image.to(device), (0, right, 0, below), mode="replicate") * 2 - 1
            for image in (one, two)
        ]
        found: Tensor = self._network(*padded)[-1]
        return found[..., :height, :width].to(one)


def load_flow(
    model: str = "dis", *, device: torch.device | None = None, folder: Path | None = None
) -> Estimator:
    """The estimator that a ``flow_model`` names.

    Args:
        model: ``dis`` or ``raft``.
        device: Where RAFT works; DIS is always on the CPU.
        folder: Where RAFT's weights lie; by default where torch.hub keeps them.

    Raises:
        SettingsError: There is no such model.
        ExtraError: RAFT is asked for and torchvision is not installed.
        WeightsError: RAFT's weights are not there, or damaged.
    """
    if model == "dis":
        return Dis()
    if model != "raft":
        raise SettingsError(
            f"flow_model: {model!r} is not known; allowed are {', '.join(FLOW_MODELS)}"
            f"{nearest(model, FLOW_MODELS)}"
        )
    try:
        models = import_module("torchvision.models.optical_flow")
    except (ImportError, RuntimeError) as error:  # RuntimeError: it was built for another torch
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ExtraError(
            f"flow_model: 'raft' needs the package torchvision ({reason}); get the one that "
            "belongs to your torch with: pip install torchvision; or take flow_model: dis"
        ) from error
    address = str(models.Raft_Large_Weights.DEFAULT.url)
    place = (folder or Path(torch.hub.get_dir()) / "checkpoints") / address.rpartition("/")[2]
    if not place.is_file():
        raise WeightsError(
            f"flow_model: RAFT's weights are not at {place}; fetch them from {address} and put "
            "them there, or take flow_model: dis, which needs none"
        )
    _check_name(place, address)
    network = models.raft_large(weights=None, progress=False)
    try:
        network.load_state_dict(torch.load(place, map_location="cpu", weights_only=True))
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise WeightsError(
            f"{place}: does not hold RAFT's weights ({reason}); fetch them again from {address}"
        ) from error
    return Raft(network.eval().requires_grad_(False).to(device or torch.device("cpu")))


def _check_name(place: Path, address: str) -> None:
    """Refuse a file whose digest doesn't begin as its name says, as torch.hub's names do."""
    wanted = re.search(r"-([0-9a-f]{8,64})\.pth$", place.name)
    if wanted is None:
        return
    try:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{place}: can't be read ({error.strerror}); see to it") from error
    if not found.startswith(wanted[1]):
        raise WeightsError(
            f"{place}: has sha256 {found}, where one that begins with {wanted[1]} is expected: it "
            f"is damaged or another file; fetch it again from {address}"
        )


def locate_raft(folder: Path) -> Path | None:
    """RAFT's weights in ``folder``, or None: torchvision's file of them, whatever its version."""
    return next(iter(sorted(folder.expanduser().glob("raft_large_*.pth"))), None)


def flow(one: Tensor, two: Tensor, estimator: Estimator) -> Tensor:
    """The flow from ``one`` to ``two``, both (1, 3, H, W) in [0, 1]: (1, 2, H, W) in pixels.

    What is at ``p`` in ``one`` is at ``p + flow(p)`` in ``two``.
    """
    size = working_size(one)
    found = estimator(resize(one, size), resize(two, size))
    return _scaled(found, (one.shape[-1], one.shape[-2]))


def track(old: Tensor, new: Tensor, estimator: Estimator) -> Track:
    """Find where each pixel of ``new`` came from in ``old``, both (1, 3, H, W) in [0, 1].

    Between equal pictures nothing moves, exactly; all of it is reliable.
    """
    size = (new.shape[-1], new.shape[-2])
    if torch.equal(old, new):
        return Track(new.new_zeros(1, 2, *size[::-1]), new.new_ones(1, 1, *size[::-1]), cut=False)
    before, after = (resize(image, working_size(new)) for image in (old, new))
    back, forth = estimator(after, before), estimator(before, after)
    believed = reliability(back, forth)
    if float(believed.mean()) < _LOST:
        shift = _global_shift(after, before)
        led = _led(after, before, shift, estimator), _led(before, after, -shift, estimator)
        if _likeness(before, after, led[0]) > _likeness(before, after, back):
            back, believed = led[0], reliability(*led)
    cut = is_cut(before, after, back, believed)
    mask = interpolate(believed, size[::-1], mode="nearest")
    return Track(-_scaled(back, size), mask.to(new), cut)


def reliability(back: Tensor, forth: Tensor) -> Tensor:
    """Where the flow from a new picture back to the old can be believed: (1, 1, H, W) of 0 and 1.

    It can't be where something came into sight (there and back again does not end where it began),
    at the boundaries of motions, and where the old picture has nothing. Ruder, Dosovitskiy, Brox
    2016, equations 3 to 5, after Sundaram, Brox, Keutzer 2010.

    Args:
        back: (1, 2, H, W), the flow from the new picture to the old, at the new one's pixels.
        forth: the flow from the old picture to the new, at the old one's pixels.
    """
    height, width = back.shape[-2:]
    returned, inside = _read(forth, back)
    apart = (back + returned).square().sum(1, keepdim=True)
    lengths = back.square().sum(1, keepdim=True) + returned.square().sum(1, keepdim=True)
    missed = apart > _MISSED[0] * lengths + _MISSED[1]
    edged = pad(back, (1, 1, 1, 1), mode="replicate")
    across = (edged[..., 1:-1, 2:] - edged[..., 1:-1, :-2]) / 2
    down = (edged[..., 2:, 1:-1] - edged[..., :-2, 1:-1]) / 2
    steep = (across.square() + down.square()).sum(1, keepdim=True)
    boundary = steep > _BOUNDARY[0] * back.square().sum(1, keepdim=True) + _BOUNDARY[1]
    return (inside & ~missed & ~boundary).float().reshape(1, 1, height, width)


def is_cut(old: Tensor, new: Tensor, back: Tensor, reliable: Tensor) -> bool:
    """Whether the film cuts from ``old`` to ``new``, (1, 3, H, W) each.

    Three things have to come together, since each alone also comes of a pan, a flash or noise: the
    old picture, carried along the flow ``back`` (1, 2, H, W) from new to old, has other details
    than the new one; the flow is ``reliable`` in less than half of it; and the colours are others.
    """
    if float(reliable.mean()) >= _CUT_RELIABLE:
        return False
    alike = _likeness(old, new, back)
    return alike < _CUT_ALIKE and _colour_distance(old, new) > _CUT_COLOURS


def working_size(image: Tensor) -> tuple[int, int]:
    """The size (width, height) in which flow is looked for."""
    height, width = image.shape[-2:]
    scale = min(1.0, (_LARGEST / (width * height)) ** 0.5)
    return max(_SMALLEST, round(width * scale)), max(_SMALLEST, round(height * scale))


def _read(raster: Tensor, by: Tensor) -> tuple[Tensor, Tensor]:
    """``raster`` (1, C, H, W) read bilinearly at ``p + by(p)``, and where that lies on it."""
    height, width = by.shape[-2:]
    x = by[:, 0] + torch.arange(width, device=by.device)  # (1, H, W)
    y = by[:, 1] + torch.arange(height, device=by.device)[:, None]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    read = grid_sample(raster, grid, padding_mode="border", align_corners=False)
    return read, inside[:, None]


def _global_shift(one: Tensor, two: Tensor) -> Tensor:
    """By how many whole pixels ``two`` as a whole is shifted against ``one``: (2,), x and y."""
    height, width = one.shape[-2:]
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    first, second = (luma(image.detach().float()).cpu().numpy() for image in (one, two))
    (x, y), _ = cv2.phaseCorrelate(first, second, window)
    return torch.tensor([x, y]).nan_to_num().round().to(one)


def _led(one: Tensor, two: Tensor, shift: Tensor, estimator: Estimator) -> Tensor:
    """The flow from ``one`` to ``two``, looked for around a shift of the whole picture."""
    lead = shift[None, :, None, None].expand(1, 2, *one.shape[-2:])
    return estimator(one, _read(two, lead)[0]) + lead


def _detail(grey: Tensor) -> Tensor:
    """What stands out from its surroundings, (H, W) to (H, W): light and fades make it no other."""
    around = avg_pool2d(grey[None, None], 9, 1, 4, count_include_pad=False)
    return grey - around[0, 0]


def _likeness(old: Tensor, new: Tensor, back: Tensor) -> float:
    """How alike the details of ``new`` and of ``old`` carried along the flow are, −1 to 1.

    It is their correlation where the flow ``back`` stays on the picture; 0 if nothing stands out.
    """
    carried, inside = _read(old, back)
    one, two = (_detail(luma(image)) * inside[0, 0] for image in (carried, new))
    length = (one.square().sum() * two.square().sum()).sqrt()
    return float((one * two).sum() / length.clamp_min(1e-6))


def _colour_distance(one: Tensor, two: Tensor) -> float:
    """How much of one picture's colours the other lacks, 0 to 1; from histograms of 8³ colours."""
    first, second = (_histogram(image) for image in (one, two))
    return float((first - second).abs().sum() / 2)


def _histogram(image: Tensor) -> Tensor:
    """Shares of colours, smoothed, so that those at a border between two count in both."""
    red, green, blue = (image[0].clamp(0, 1) * 7.999).long()
    counts = torch.bincount(((red * 8 + green) * 8 + blue).flatten(), minlength=512)
    smooth = avg_pool3d(pad(counts.float().reshape(1, 1, 8, 8, 8), (1,) * 6), 3, 1)
    return smooth / smooth.sum()


def _scaled(found: Tensor, size: tuple[int, int]) -> Tensor:
    """A flow for pictures of ``size``: (1, 2, h, w) to (1, 2, H, W), its pixels theirs."""
    width, height = size
    if found.shape[-2:] == (height, width):
        return found
    factors = found.new_tensor([width / found.shape[-1], height / found.shape[-2]])
    mode = "bilinear" if width >= found.shape[-1] else "area"
    return interpolate(found, (height, width), mode=mode) * factors[:, None, None]


def _grey(image: Tensor) -> Any:
    """Lightness as bytes, (1, 3, h, w) to (h, w), for OpenCV."""
    return (luma(image.detach().float()) * 255 + 0.5).to("cpu", torch.uint8).numpy()
