"""Whether a picture of the size that is asked for fits into memory, known before it is tried.

A process that asks for too much is often killed without a word, so it isn't left to be found out.
Small canvases of the very kind are drawn, what they hold is counted, and that is carried on to the
size that is wanted.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mutoscope.canvas.base import Canvas
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import SettingsError
from mutoscope.memory import free_memory
from mutoscope.plan import amount, counting_saved
from mutoscope.vqgan import VQGAN
from mutoscope.vqgan.large import kept_bytes, laid_by_bytes, seen_beside
from mutoscope.vqgan.spacious import folder

log = logging.getLogger("mutoscope")

Size = tuple[int, int]
# Beside what the canvas holds: the drawn picture, its gradient, the copies that cutouts are read
# from, what terms on the whole picture keep, the picture on its way to a file.
PICTURES = 14
# The way back needs some of what the way forth has freed, and memory is handed out in pieces.
SLACK = 1.25
TRIALS = (64, 128)  # sides of the small canvases, in pixels
# Sides of pieces in pixels. What a piece sees beyond its edges is worked through for nothing, so
# the largest that fits is the fastest.
PIECES = (1024, 768, 512, 384, 256, 128)


@dataclass(frozen=True)
class Need:
    """What a canvas needs in bytes for p pixels: ``fixed + linear · p + square · p²``."""

    linear: float
    square: float
    fixed: float = 0.0

    def __call__(self, size: Size) -> float:
        """The bytes for a picture of ``size``."""
        pixels = size[0] * size[1]
        return SLACK * (self.fixed + self.linear * pixels + self.square * pixels**2)

    def largest(self, size: Size, memory: float) -> Size:
        """The largest picture of the shape of ``size`` that ``memory`` bytes are enough for."""
        low, high = 0.0, 1.0
        for _ in range(30):
            share = (low + high) / 2
            fits = self((round(share * size[0]), round(share * size[1]))) <= memory
            low, high = (share, high) if fits else (low, share)
        return int(low * size[0]), int(low * size[1])


def measure(make: Callable[[Size], Canvas], unit: int) -> Need:
    """Count what small canvases hold while a step is taken; ``unit`` divides their sides."""
    sides = [-(-side // unit) * unit for side in TRIALS]
    (p, at_p), (q, at_q) = [(side**2, _held(make((side, side)))) for side in sides]
    # Two equations; what grows by the square (attention of every place to every other) can't be
    # less than nothing.
    square = max(0.0, (at_q / q - at_p / p) / (q - p))
    return Need(linear=at_q / q - square * q, square=square)


def in_pieces(need: Need, model: VQGAN, side: int, device: torch.device) -> Need:
    """What a canvas needs whose ``model`` draws in pieces, and ``need`` without them."""
    pictures = 12 * PICTURES  # bytes a pixel
    seen = side + 2 * seen_beside(model.decoder)
    kept = kept_bytes(model.decoder)
    if device.type != "cpu":
        kept += laid_by_bytes(model.decoder)
    return Need(
        linear=pictures + kept / model.f**2,
        square=0.0,  # attention is only written out where it is small
        # The way back through a piece needs more than what it keeps: by peaks that were measured.
        fixed=1.8 * max(0.0, need.linear - pictures) * seen**2,
    )


def cut_into_pieces(
    need: Need,
    model: VQGAN,
    size: Size,
    device: torch.device,
    *,
    wanted: int | Literal["auto", "off"],
) -> Need:
    """Let ``model`` draw in pieces what will not fit otherwise, or as ``wanted``; what it needs.

    "auto" takes the largest pieces that fit, the smallest if none does.
    """
    free = free_memory(device)
    model.piece = None
    if wanted == "off" or (wanted == "auto" and (free is None or need(size) <= free)):
        return need
    if isinstance(wanted, int):
        side = wanted
    else:
        assert free is not None  # noqa: S101 - see above
        fitting = (p for p in PIECES if in_pieces(need, model, p, device)(size) <= 0.9 * free)
        side = next(fitting, PIECES[-1])
    if max(size) <= side:
        return need
    model.piece = side
    found = in_pieces(need, model, side, device)
    laid_by = laid_by_bytes(model.decoder) * (size[0] * size[1] / model.f**2)
    log.info(
        "a picture of %d x %d is drawn in pieces of %d x %d pixels: it is the same picture, takes "
        "about %s of memory instead of %s%s, and several times as long (piece_size)",
        *(*size, side, side, amount(found(size)), amount(need(size))),
        f", up to {amount(laid_by)} of {folder()}" if device.type == "cpu" else "",
    )
    return found


def refuse_what_will_not_fit(need: Need, size: Size, device: torch.device, *, what: str) -> None:
    """Refuse a picture for which the free memory of ``device`` will not do.

    Raises:
        SettingsError: with the largest size of this shape that fits.
    """
    free = free_memory(device)
    if free is None or need(size) <= free:
        return
    width, height = need.largest(size, 0.9 * free)
    raise SettingsError(
        f"width, height: a picture of {size[0]} x {size[1]} ({what}) needs about "
        f"{amount(need(size))} of memory, and {amount(free)} are free; about {width} x {height} "
        "would fit: make it smaller, and upscale it when it is done"
    )


def _held(canvas: Canvas) -> int:
    """The bytes that a canvas and its picture hold between the way forth and the way back."""
    networks = [canvas.model] if isinstance(canvas, VqganCanvas) else []
    with counting_saved(canvas, *networks) as counted:
        drawn: Tensor = canvas()
    # Each parameter has a gradient and two moments beside it.
    owned = sum(p.numel() * p.element_size() for p in canvas.parameters())
    return counted[0] + 4 * owned + PICTURES * drawn.numel() * drawn.element_size()
