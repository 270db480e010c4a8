"""Motion that follows a film: each painted picture goes where the film's own pixels went."""

from collections.abc import Callable, Mapping
from typing import Protocol, Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.images import from_bytes, resize, to_bytes
from mutoscope.motion.base import FieldWarp
from mutoscope.motion.carried import Carried
from mutoscope.motion.flow import Estimator, Track, track
from mutoscope.motion.resample import Infill, Sampling
from mutoscope.schedule import Shot

# Where less of the painted picture than this finds its place in the next, there is nothing to carry
# over (PyTTI's threshold).
_NOTHING_LEFT = 0.03


class Film(Protocol):
    """Pictures by number, of one size; a `sibling` reads them at a place of its own."""

    def frame(self, index: int) -> Tensor:
        """Picture number `index` from 0, (1, 3, H, W); past the end the last one."""

    def sibling(self) -> Self:
        """Another reader of the same pictures."""

    def close(self) -> None:
        """Let go of the file."""


class FilmWarp(FieldWarp):
    """A warp along a film, and what else is known of the step from one frame of it to the next.

    Attributes:
        picture: the film's own picture of the new frame, (1, 3, H, W): what stabilisation holds on
            to.
        reliable: (1, 1, H, W), 1 where what was painted before belongs, 0 where it can't: see
            `Track`.
        cut: whether the film cuts here; then nothing moves and nothing is reliable.
        anew: the picture that the frame begins from in place of the one painted before, or None.
    """

    def __init__(
        self, found: Track, picture: Tensor, *, anew: bool, sampling: Sampling, infill: Infill
    ) -> None:
        cut = found.cut or float(found.reliable.mean()) < _NOTHING_LEFT
        carried = found.displacement * (not cut)
        super().__init__(carried, sampling=sampling, infill=infill)
        self.picture = picture
        self.reliable = found.reliable * (not cut)
        self.cut = cut
        self.anew = picture if anew or cut else None


class Follow:
    """The motion of a film that is repainted: `Motion`, and what holds its frames together.

    Frame ``n`` of the film being made follows picture ``n`` of ``film``; before the first move it
    is frame 0.

    Args:
        film: the pictures to follow, in the size of the picture that is painted.
        estimator: of optical flow; see `motion.flow.load_flow`.
        reencode: begin each frame from the film's own picture instead of the one painted before.
        long_term: how many older frames hold the new one too, 2, 4, 8 … back, beside the last.
        painted: what was painted in a frame, by its number, as its file holds it, or None where
            there is none. Without it only the last frame is known.
        foreground: makes a reader of masks, which says what moves in a picture of the film by its
            number: (h, w), 1 there and 0 in what stands still; see `standing`. None where all of
            it may move.
        sampling: how the painted picture is read between its pixels.
        infill: what comes in from beyond its edges.
    """

    def __init__(
        self,
        film: Film,
        estimator: Estimator,
        *,
        reencode: bool = False,
        long_term: int = 0,
        painted: Callable[[int], Tensor | None] | None = None,
        foreground: Callable[[], Callable[[int], Tensor]] | None = None,
        sampling: Sampling = "bicubic",
        infill: Infill = "mirror",
    ) -> None:
        self._estimator = estimator
        self._reencode = reencode
        self.painted = painted
        self._sampling: Sampling = sampling
        self._infill: Infill = infill
        self._lags = [2**power for power in range(long_term + 1)]
        self._film = film
        # One reader for each distance back, so that all of them only ever go forward; the picture
        # before the present one is still at hand.
        self._behind = {lag: film.sibling() for lag in self._lags[1:]}
        self._fronts = {lag: foreground() for lag in (0, *self._lags)} if foreground else {}
        self._last: tuple[int, Tensor] | None = None  # a frame's number, and what was painted in it
        self._step: tuple[int, FilmWarp] | None = None
        self._held: tuple[int, tuple[Carried, ...]] | None = None

    def __call__(self, image: Tensor, shot: Shot) -> FilmWarp:
        """The warp that leads into ``shot`` from ``image``, what was painted in the frame before.

        Where its ``anew`` is a picture, the frame begins from that.
        """
        # As bytes, so that a film resumed from files is held to the very same picture.
        self._last = (shot.moment.frame - 1, from_bytes(to_bytes(image)))
        self._held = None
        return self.step(shot.moment.frame)

    def step(self, frame: int) -> FilmWarp:
        """What leads from the frame before ``frame`` (from 1) into it, with ``picture`` of it."""
        if self._step is None or self._step[0] != frame:
            if self._step is not None and self._step[0] == frame - 1:
                before = self._step[1].picture
            else:
                before = self.picture(frame - 1)
            self._step = (frame, self._warp(before, 1, frame, anew=self._reencode))
        return self._step[1]

    def picture(self, frame: int) -> Tensor:
        """The film's own picture of ``frame`` (from 0), (1, 3, H, W)."""
        return self._film.frame(frame)

    def carried(self, frame: int) -> tuple[Carried, ...]:
        """What was painted 1, 2, 4 … frames before ``frame``, warped to where it now belongs.

        An older picture counts only where every newer one can't be believed: so it brings back what
        was hidden for a while, and elsewhere doesn't blur the present (Ruder, Dosovitskiy, Brox
        2016, equations 7 to 9). Where the film cuts between the two, there is nothing to carry.
        """
        if self._held is None or self._held[0] != frame:
            self._held = (frame, self._carry(frame))
        return self._held[1]

    def tensors(self) -> Mapping[str, Tensor]:
        """What has to be kept beside the files, so that a frame can be resumed in its middle."""
        if self._last is None:
            return {}
        number, image = self._last
        return {"frame": torch.tensor(number), "image": torch.from_numpy(to_bytes(image))}

    def recall(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave; from nothing where that is nothing."""
        self._held = self._last = None
        if "frame" in kept and "image" in kept:
            self._last = (int(kept["frame"]), from_bytes(kept["image"].cpu().numpy()))

    def close(self) -> None:
        """Let go of the files; what is asked for next opens them again."""
        for film in (self._film, *self._behind.values()):
            film.close()

    def _carry(self, frame: int) -> tuple[Carried, ...]:
        carried = []
        taken: Tensor | None = None  # where a newer frame is believed
        for lag in self._lags:
            if lag > frame or (before := self._recollect(frame - lag)) is None:
                continue
            if lag == 1:
                warp = self.step(frame)
            else:
                warp = self._warp(self._behind[lag].frame(frame - lag), lag, frame, anew=False)
            mask = warp.reliable if taken is None else warp.reliable * (1 - taken)
            taken = warp.reliable if taken is None else torch.maximum(taken, warp.reliable)
            if bool(mask.any()):
                before = resize(before, warp.size)
                carried.append(Carried(lag, warp(before).clamp(0, 1), mask))
        return tuple(carried)

    def _warp(self, old: Tensor, lag: int, frame: int, *, anew: bool) -> FilmWarp:
        """What leads from ``old``, the film's picture ``lag`` before ``frame``, to that of it."""
        picture = self.picture(frame)
        found = track(old, picture, self._estimator)
        if self._fronts:
            before, now = self._fronts[lag](frame - lag), self._fronts[0](frame)
            found = standing(found, _fitted(before, picture), _fitted(now, picture))
        return FilmWarp(found, picture, anew=anew, sampling=self._sampling, infill=self._infill)

    def _recollect(self, number: int) -> Tensor | None:
        """What was painted in frame ``number``, if that is still known."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        return self.painted(number) if self.painted is not None else None


def standing(found: Track, before: Tensor, now: Tensor) -> Track:
    """``found``, with nothing moving outside a foreground.

    What is not in front stands still, however the film's grain and flicker seem to stir it, and can
    be believed wherever it was not hidden. PyTTI lays equal noise over both pictures instead, which
    in DIS leaves a third of what grain stirs up, and believes the same part of what was hidden.

    Args:
        found: the step from an old picture to a new one.
        before: (1, 1, H, W), the foreground in the old picture, from 0 to 1.
        now: the same in the new one.
    """
    unhidden = (before <= 0.5).to(found.reliable)
    reliable = torch.where(now > 0.5, found.reliable, unhidden)
    return Track(found.displacement * now, reliable, found.cut)


def _fitted(mask: Tensor, picture: Tensor) -> Tensor:
    """A mask (h, w) at the size of ``picture`` (1, 3, H, W): (1, 1, H, W)."""
    size = picture.shape[-2:]
    return interpolate(mask[None, None].to(picture), size, mode="bilinear", antialias=True)
