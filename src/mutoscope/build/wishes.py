"""What is wanted at a moment, as plain values that two settings can be compared by."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutoscope.build.canvases import beginning
from mutoscope.colours import PicturePalette, parse_palette
from mutoscope.curves import Curve, VectorCurve
from mutoscope.errors import MutoscopeError
from mutoscope.schedule import Shot
from mutoscope.script import Mask, Prompt, Weighting
from mutoscope.settings import Settings
from mutoscope.settings.reading import CURVES, WEIGHTS
from mutoscope.settings.values import is_address
from mutoscope.terms.fade import strength

Number = Curve | VectorCurve

HOLDING = tuple(key for key in WEIGHTS if "_init_" not in key)
MOVES = {
    "2D": ("zoom_x_2d", "zoom_y_2d", "rotate_2d", "translate_x", "translate_y"),
    "3D": ("translate_x", "translate_y", "translate_z_3d"),
}
# The curves that are weights, and the keys of what each weighs; the first must say something.
FORMS: dict[str, tuple[str, ...]] = {
    **{key: () for key in CURVES if key.endswith("_weight")},
    "symmetry_weight": ("symmetry_axis",),
    "palette_attraction_weight": ("attracting_palette",),
    "edge_weight": ("edge_colour", "edge_width"),
    "vignette_weight": ("vignette_colour",),
    "style_weight": ("style_image", "style_opening"),
    "aesthetic_weight": ("aesthetic_head", "aesthetic_target"),
}


@dataclass(frozen=True)
class Wish:
    """Something wanted, or a number of the motion.

    ``keys``: where it stands in the settings; ``what``: all of it that doesn't vary; ``numbers``:
    what varies, its weight first; ``fade``: over how many steps of its scene it comes in, or,
    where negative, goes out; 0 for a wish that is there at once; ``weighs``: it has a weight.
    """

    keys: tuple[str, ...]
    what: tuple[Any, ...]
    numbers: tuple[Number, ...]
    fade: int = 0
    weighs: bool = True

    def strength(self, scene_step: int) -> float:
        """How far it has come in, from 0 to 1."""
        return strength(scene_step, abs(self.fade), waning=self.fade < 0) if self.fade else 1.0


class Wishes:
    """What settings want in each shot.

    Args:
        settings: checked settings.
        since: the time (as files have it) of what they are compared with; a file that was changed
            after it is another one. None to believe that files stay as they are.
    """

    def __init__(self, settings: Settings, since: float | None = None) -> None:
        self.settings, self.since = settings, since
        self.still = settings.animation_mode == "off"
        self.scenes = [
            [self._prompt(prompt) for prompt in scene.prompts] for scene in settings.script.scenes
        ]
        self.always = [*self._direct(), *self._forms()]

    def __call__(self, shot: Shot) -> list[Wish]:
        """All that acts in the steps of ``shot``, in the order in which it is judged."""
        wishes = list(self.scenes[shot.scene]) if self.scenes else []
        before = self.scenes[shot.after] if self.scenes and shot.after is not None else []
        held = self.still or shot.moment.frame == 0
        if held and shot.scene == 0:
            wishes += self._init("semantic_init_weight")
        steps = self.settings.interpolation_steps
        if steps and before:
            wishes = [
                *(_faded(wish, steps) for wish in wishes),
                *(_faded(wish, -steps) for wish in before),
            ]
        direct = self._init("direct_init_weight") if held else []
        return [*wishes, *direct, *self.always, *self._holding(shot)]

    def motion(self) -> list[Wish]:
        """The numbers of a move."""
        settings = self.settings
        keys = MOVES.get(settings.animation_mode, ())
        wishes = [Wish((key,), (), (settings.curve(key),), weighs=False) for key in keys]
        if settings.animation_mode == "3D":
            wishes.append(Wish(("rotate_3d",), (), (settings.rotation,), weighs=False))
        return wishes

    def names(self) -> frozenset[str]:
        """All variables that any number of them uses."""
        return frozenset[str]().union(*(number.names for number in self.numbers()))

    def numbers(self) -> list[Number]:
        """All numbers over time that act somewhere."""
        keys = [key for key in WEIGHTS if self.settings.weight(key) is not None]
        wishes = [
            *(wish for scene in self.scenes for wish in scene),
            *self.always,
            *self.motion(),
            *(wish for key in keys if (wish := self._weighed(key, ())) is not None),
        ]
        return [number for wish in wishes for number in wish.numbers]

    def file(self, path: str) -> tuple[str, bool]:
        """A file by its whole path, and whether it has been changed since."""
        if not path:
            return "", False
        whole = self.settings.resolve(path)
        return whole, self.since is not None and changed_since(whole, self.since)

    # ── prompts ──

    def _prompt(self, prompt: Prompt) -> Wish:
        picture = self.file(prompt.text) if prompt.kind == "image" else None
        mask, numbers = self._mask(prompt.mask)
        # A picture's cutouts are drawn by its path as it is written.
        what = (prompt.label, prompt.kind, prompt.text, picture, mask)
        keys = ("scenes", "scene_prefix", "scene_suffix")
        return Wish(keys, what, (prompt.weight, prompt.stop, *numbers))

    def _direct(self) -> Iterator[Wish]:
        for prompt in self.settings.direct_prompts:
            mask, numbers = self._mask(prompt.mask)
            what = (prompt.label, self.file(prompt.path), mask)
            numbers = (prompt.weight, prompt.stop, *numbers)
            yield Wish(("direct_image_prompts",), what, numbers)

    def _mask(self, mask: Mask) -> tuple[tuple[Any, ...], tuple[Number, ...]]:
        files = mask.kind in ("image", "video")
        value = self.file(mask.value) if files else mask.value
        told = (mask.kind, value, mask.inverted, mask.cutoff is None)
        return told, () if mask.cutoff is None else (mask.cutoff,)

    def _weighed(self, key: str, what: tuple[Any, ...]) -> Wish | None:
        weighting: Weighting | None = self.settings.weight(key)
        if weighting is None:
            return None
        mask, numbers = self._mask(weighting.mask)
        return Wish((key,), (key, *what, mask), (weighting.weight, weighting.stop, *numbers))

    def _init(self, key: str) -> list[Wish]:
        wish = self._weighed(key, ()) if self.settings.init_image else None
        return [wish] if wish is not None else []

    # ── the whole picture ──

    def _forms(self) -> Iterator[Wish]:
        settings = self.settings
        for key, details in FORMS.items():
            curve = settings.curve(key)
            if curve.constant == 0 or (details and not getattr(settings, details[0])):
                continue
            what = tuple(self._detail(detail) for detail in details)
            yield Wish((key, *details), (key, *what), (curve,))

    def _detail(self, key: str) -> Any:
        value = getattr(self.settings, key)
        if key in ("style_image", "aesthetic_head"):
            return self.file(value)
        if key == "style_opening":
            return round(value * beginning(self.settings))
        if key == "attracting_palette":
            with contextlib.suppress(MutoscopeError):
                palette = parse_palette(value, place=key)
                if isinstance(palette, PicturePalette):
                    return palette.count, self.file(palette.source)
        return value

    def _holding(self, shot: Shot) -> Sequence[Wish]:
        frame, settings = shot.moment.frame, self.settings
        if not frame and not settings.init_image and settings.animation_mode != "Video Source":
            return []
        wishes = [wish for key in HOLDING if (wish := self._weighed(key, ())) is not None]
        # What a frame began as is only kept where something holds it there.
        return [*wishes, Wish(HOLDING, ("held", bool(wishes)), (), weighs=False)]


def _faded(wish: Wish, steps: int) -> Wish:
    return Wish(wish.keys, wish.what, wish.numbers, fade=steps)


def changed_since(path: str, time: float) -> bool:
    """Whether a file, or one in a folder of that path, was written or put there after ``time``.

    What lies on the web, or is gone, can't be seen.
    """
    if not path or is_address(path):
        return False
    try:
        there = Path(path)
        files = [there, *there.iterdir()] if there.is_dir() else [there]
        stats = [file.stat() for file in files]
    except OSError:
        return False
    return any(max(stat.st_mtime, stat.st_ctime) > time for stat in stats)
