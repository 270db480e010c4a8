"""What stands beside and on the picture of a preview: time, scene, weights, motion and bands."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from mutoscope.build.rehearsing import Rehearsal
from mutoscope.chart import colour_of
from mutoscope.images import from_bytes, to_bytes
from mutoscope.preview.column import MARK, PAPER, PLAIN, Column, Fonts
from mutoscope.preview.cues import Cue, Wish
from mutoscope.preview.regions import outline, region, told

Size = tuple[int, int]
Colour = tuple[int, int, int]

_SHORTEST = 400  # pixels of the panel's height, so that something fits on it
_TINT = 0.14  # how strongly a mask's region is tinted


class Overlay:
    """Draws the frames of a preview: the picture on the left, what is told of it on the right.

    Args:
        rehearsal: the run.
        cues: all its frames, which say how long it is and how large its numbers become.
        size: (width, height) of the picture.
    """

    def __init__(self, rehearsal: Rehearsal, cues: Sequence[Cue], size: Size) -> None:
        self._rehearsal, self._cues, self._size = rehearsal, cues, size
        height = max(size[1], _SHORTEST)
        self._points = min(18.0, max(13.0, height / 36))
        self._wide = round(self._points * 19.5)
        self.size: Size = (size[0] + self._wide + size[0] % 2, height + height % 2)
        labels = dict.fromkeys(wish.label for cue in cues for wish in cue.wishes)
        self._colours = {
            label: lightened(colour_of(index + 1, label)) for index, label in enumerate(labels)
        }
        self._most = max((abs(w.weight) for cue in cues for w in cue.wishes), default=0.0) or 1.0
        self._most_held = {
            key: max(abs(cue.holds[key]) for cue in cues) or 1.0 for key in cues[0].holds
        }
        self._scenes = [scene.source for scene in rehearsal.settings.script.scenes]
        self._fonts = Fonts([*self._colours, *self._scenes, *cues[0].holds], self._points)

    def draw(self, image: Tensor, cue: Cue, moved: float | None) -> Tensor:
        """The whole frame, (1, 3, H, W), from the picture (1, 3, h, w) in [0, 1].

        ``moved``: how many pixels of the run's picture it moved on average; None where nothing
        moves.
        """
        pixels = to_bytes(self._masked(image, cue))
        sheet = Image.new("RGB", self.size, PAPER)
        sheet.paste(Image.fromarray(pixels), (0, (self.size[1] - self._size[1]) // 2))
        margin = round(self._points)
        left, right = self._size[0] + margin, self.size[0] - margin
        box = (left, margin, right, self.size[1] - margin)
        page = Column(ImageDraw.Draw(sheet), box, self._fonts)
        self._tell(page, cue, moved)
        return from_bytes(np.asarray(sheet))

    def _masked(self, image: Tensor, cue: Cue) -> Tensor:
        """The picture, with a tint and an outline where prompts with masks act."""
        stride = self._rehearsal.settings.frame_stride
        thick = max(2, round(max(self._size) / 250))
        for wish in cue.wishes:
            if wish.mask.kind in ("all", "text") or wish.weight == 0:
                continue
            acts = region(
                wish, cue.beat.moment, self._rehearsal.pictures, self._size, stride=stride
            )
            edge = outline(acts, thick)
            if not bool(edge.any()):
                continue
            colour = image.new_tensor(self._colours[wish.label])[:, None, None] / 255
            share = (_TINT * acts).clamp(min=0.9 * edge)
            image = image + share * (colour - image)
        return image

    def _tell(self, page: Column, cue: Cue, moved: float | None) -> None:
        last = self._cues[-1]
        page.head(
            f"t {round(cue.t, 2) + 0.0:.2f} s", f"frame {cue.beat.number} of {last.beat.number}"
        )
        self._timeline(page, cue)
        scene = cue.beat.moment.scene
        if len(self._scenes) > 1:
            page.small(f"scene {scene + 1} of {len(self._scenes)}")
        if self._scenes and self._scenes[scene].strip():
            page.wrapped(self._scenes[scene], 2)
        if cue.wishes:
            page.title("prompts")
        for wish in cue.wishes:
            self._wish(page, wish)
        if cue.holds:
            page.title("other weights")
        for key, value in cue.holds.items():
            page.bar(key, value, value / self._most_held[key], PLAIN)
        if cue.motion or moved is not None:
            page.title("motion, per frame")
        for key, value in cue.motion.items():
            page.pair(key, f"{value:.3g}")
        if moved is not None:
            page.pair("moves on average", f"{moved:.1f} px")
        if cue.bands:
            page.title("curves and sound")
        for name, value in cue.bands.items():
            page.bar(name, value, value, MARK)
        page.rest()

    def _timeline(self, page: Column, cue: Cue) -> None:
        """How far the film is, with a mark where a scene begins."""
        count = len(self._cues)
        starts = [
            i / count
            for i in range(1, count)
            if self._cues[i].beat.moment.scene != self._cues[i - 1].beat.moment.scene
        ]
        page.progress((cue.beat.number - self._cues[0].beat.number + 1) / count, starts)

    def _wish(self, page: Column, wish: Wish) -> None:
        colour = self._colours[wish.label]
        if wish.waning:
            colour = _mixed(colour, PAPER, 0.5)
        page.bar(wish.label, wish.weight, wish.weight / self._most, colour)
        if words := told(wish):
            page.note(words)


def lightened(colour: Colour) -> Colour:
    """A colour that was chosen for white paper, for a dark one."""
    return _mixed(colour, (255, 255, 255), 0.25)


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(colour, other, strict=True))
    return red, green, blue
