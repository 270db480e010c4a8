"""Words that a walk is led toward: its keys are moved, until a perceptor sees more of the words.

Each key is a style, and descends by its own small steps on what a perceptor makes of the picture
that it draws, as in *StyleCLIP* (Patashnik et al., ICCV 2021, section 4). Two things keep it among
pictures that the generator knows: it goes no further from the mean than such pictures lie (or than
it lay before), as under truncation, and no further from where it was than the strength says, so
that different keys stay different and the film goes somewhere.

Between the keys the way is moved as they are, by a closed curve through their shifts. So a curve of
any style stays closed, and its pace is measured after that.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from scipy.interpolate import CubicSpline
from torch import Tensor

from mutoscope import paths
from mutoscope.atomic import reason, write_bytes
from mutoscope.build.asking import Asking
from mutoscope.build.parts import load_perceptors, make_cutouts
from mutoscope.build.pictures import Pictures
from mutoscope.canvas.clamp import clamp
from mutoscope.canvas.gan import GanCanvas
from mutoscope.cutouts import Cuts
from mutoscope.errors import MediaError, SettingsError
from mutoscope.gan.search import REACH, Space, draw
from mutoscope.look import Eye, Look, Term, Views
from mutoscope.paint import rng_for
from mutoscope.schedule import Moment
from mutoscope.script import Script, parse_scenes
from mutoscope.settings import load_settings
from mutoscope.walk.render import Renderer
from mutoscope.weights import Progress

log = logging.getLogger("mutoscope")

STRENGTHS = (0.0, 3.0)
STRENGTH = 0.7
PERCEPTOR = "labels"

STEPS = 30
CUTOUTS = 8  # of each key in each step
_AT_ONCE = 8  # keys; never another number, since other batches round otherwise
_FARTHEST = 4.0  # how far the steps would lead if all went one way, in strengths
_LEAST = 8  # places that are moved on a curve that has no keys
_NOW = Moment(step=0, scene=0, scene_step=0, frame=0, t=0.0)

Counted = Callable[[int, int], None]
"""Told how many steps of how many are done."""


@dataclass(frozen=True)
class Toward:
    """What a walk is to be led toward.

    Attributes:
        words: prompts with their weights, as in a scene: ``a bird | feathers:0.5 | a cat:-0.3``.
        strength: how far a key may go, in standard deviations of the styles; 0 for not at all.
        perceptors: who judges.

    Raises:
        SettingsError: the strength is out of its range, or the prompts are none that keys can have.
        ScriptError: the prompts can't be read.
    """

    words: str
    strength: float = STRENGTH
    perceptors: tuple[str, ...] = (PERCEPTOR,)

    def __post_init__(self) -> None:
        low, high = STRENGTHS
        if not low <= self.strength <= high:
            raise SettingsError(
                f"--toward-strength: {self.strength:g} is not allowed; give {low:g} to {high:g}"
            )
        _check(parse_scenes(self.words, place="--toward"))


def _check(script: Script) -> None:
    """Refuse what means nothing to keys, which are places and not moments."""
    if len(script.scenes) != 1 or not script.scenes[0].prompts:
        found = f"{len(script.scenes)} scenes" if len(script.scenes) > 1 else "no prompt"
        raise SettingsError(
            f"--toward: holds {found}; give prompts with | between them: 'a bird | feathers:0.5'"
        )
    for prompt in script.scenes[0].prompts:
        numbers = prompt.weight, prompt.stop, prompt.mask.cutoff
        if any(number is not None and number.constant is None for number in numbers):
            raise SettingsError(
                f"--toward: {prompt.label!r} has a number that varies over time, and the keys of a "
                "walk are no moments; write a plain number"
            )


class Guide:
    """Who leads keys toward the words: a generator, perceptors, and what they look for.

    Args:
        toward: what is wanted.
        renderer: the generator.
        seed: of the cutouts.
        truncation: that of the film, at which pictures are judged.
        fetching: given a perceptor's name, what is told how far its download is.

    Raises:
        MutoscopeError: a picture that a prompt names, or a perceptor, can't be had.
    """

    def __init__(
        self,
        toward: Toward,
        renderer: Renderer,
        *,
        seed: int,
        truncation: float,
        fetching: Callable[[str], Progress] | None = None,
    ) -> None:
        values = {"scenes": toward.words, "perceptors": list(toward.perceptors), "seed": seed}
        settings = load_settings({**values, "cutouts": CUTOUTS}, quiet=True)
        pictures = Pictures(settings)
        self.toward, self.seed, self.truncation = toward, seed, truncation
        self.model, self.device = renderer.generator, renderer.device
        self.eyes = load_perceptors(settings, self.device, fetching)
        for eye in self.eyes:
            eye.judges_strangeness = False
        self.cutouts = make_cutouts(settings)
        self.space = Space.of(self.model)
        self.canvas = GanCanvas(self.model, generator=rng_for(seed, "toward"))
        asking = Asking(
            settings, self.eyes, canvas=self.canvas, pictures=pictures, cutouts=self.cutouts,
            rng_of=lambda purpose: rng_for(seed, purpose),
        )  # fmt: skip
        self.terms: list[Term] = asking.scenes[0]

    @property
    def told(self) -> dict[str, Any]:
        """What is wanted and who really judges it, for a recipe."""
        names = [eye.name for eye in self.eyes]
        return {
            "prompts": self.toward.words, "strength": self.toward.strength, "perceptors": names
        }  # fmt: skip

    def lead(self, styles: Tensor, *, progress: Counted = lambda *_: None) -> Tensor:
        """Styles (n, w) moved toward the words: (n, w), on the CPU.

        One that comes no nearer stays where it is.
        """
        moved: list[Tensor] = []
        before: list[Tensor] = []
        after: list[Tensor] = []
        rounds = -(-len(styles) // _AT_ONCE) * STEPS
        for number, first in enumerate(range(0, len(styles), _AT_ONCE)):
            keys = range(first, min(len(styles), first + _AT_ONCE))
            start = self.space.away(styles[first : keys.stop].to(self.device, torch.float32))
            done = number * STEPS
            found = self._descend(start, keys, told=partial(_told, progress, done, rounds))
            was, now = (self.distances(away, keys) for away in (start, found))
            nearer = (now < was)[:, None]
            shift = torch.where(nearer, found - start, 0) * self.space.spread
            moved.append(styles[first : keys.stop] + shift.cpu())
            before.append(was)
            after.append(torch.minimum(was, now))
        was, now = torch.cat(before), torch.cat(after)
        log.info(
            "toward %s: %d of %d keys moved; their distance fell from %.3f to %.3f",
            self.toward.words, int((now < was).sum()), len(was), float(was.mean()),
            float(now.mean()),
        )  # fmt: skip
        return torch.cat(moved)

    @torch.no_grad()
    def distances(self, away: Tensor, keys: range) -> Tensor:
        """How far from the words the pictures of styles are, (n,); the same cutouts at any time."""
        values, _ = self._judge(away, [self._cuts(f"judge/{key}") for key in keys])
        return values

    def _descend(self, start: Tensor, keys: range, *, told: Callable[[int], None]) -> Tensor:
        """Follow the slope from ``start`` (n, w), as far as is allowed; so many steps."""
        strength = self.toward.strength
        limit = _length(start).clamp_min(REACH)
        found = start.clone().requires_grad_()
        # Later steps are smaller, so that the last cutouts don't decide.
        peak = 2 * _FARTHEST * strength / STEPS
        optimizer = torch.optim.Adam([found], lr=peak)
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = peak * (1 - step / STEPS)
            _, found.grad = self._judge(found, [self._cuts(f"{step}/{key}") for key in keys])
            optimizer.step()
            with torch.no_grad():
                kept = found * (limit / _length(found)).clamp(max=1)
                shift = kept - start
                shift = shift * (strength / _length(shift)).clamp(max=1)
                found.copy_(start + shift)
            told(step + 1)
        return found.detach()

    def _cuts(self, purpose: str) -> dict[Eye, Cuts]:
        """The cutouts that each perceptor gets of one picture."""
        side, rng = self.model.shape.size, rng_for(self.seed, f"toward/{purpose}")
        return {eye: self.cutouts.draw(rng, (side, side), eye.size) for eye in self.eyes}

    def _judge(self, away: Tensor, cuts: list[dict[Eye, Cuts]]) -> tuple[Tensor, Tensor | None]:
        """How far the pictures of styles (n, w) are from the words, (n,), and the slope (n, w)."""
        wanted = torch.is_grad_enabled()
        drawn = clamp(draw(self.model, self.space, self.truncation * away[:, None]))
        pictures = [row.detach().clone().requires_grad_(wanted) for row in torch.split(drawn, 1)]
        views: list[dict[Eye, Views]] = [{} for _ in pictures]
        for eye in self.eyes:
            pairs = list(zip(pictures, cuts, strict=True))
            batch = torch.cat([cut[eye].crop(picture) for picture, cut in pairs])
            seen = torch.split(eye.see(batch).embeds, self.cutouts.count)
            for view, embeds, cut in zip(views, seen, cuts, strict=True):
                places = (cut[eye].positions, cut[eye].sizes)
                view[eye] = Views(embeds, *(place.to(embeds.device) for place in places))
        looks = [
            _Sight(picture, self, cut, view)
            for picture, cut, view in zip(pictures, cuts, views, strict=True)
        ]
        values = torch.stack([torch.stack([t(look) for t in self.terms]).sum() for look in looks])
        if not wanted:
            return values, None
        if not values.requires_grad:  # nothing pulls any more
            return values.detach(), torch.zeros_like(away)
        values.sum().backward()  # type: ignore[no-untyped-call]
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in pictures]
        (slope,) = torch.autograd.grad(drawn, [away], [torch.cat(slopes)])
        return values.detach(), slope


def _told(progress: Counted, before: int, total: int, step: int) -> None:
    progress(before + step, total)


class _Sight(Look):
    """A look at one key's picture, whose cutouts were seen together with those of others."""

    def __init__(
        self, picture: Tensor, guide: Guide, cuts: dict[Eye, Cuts], views: dict[Eye, Views]
    ) -> None:
        super().__init__(
            picture, canvas=guide.canvas, cutouts=guide.cutouts, moment=_NOW,
            rng=rng_for(guide.seed, "toward"),
        )  # fmt: skip
        self._cuts, self._views = cuts, views


def _length(away: Tensor) -> Tensor:
    """How far from the mean, in standard deviations, (n, w) to (n, 1)."""
    return away.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-8)


def bend(
    curve: paths.Curve,
    space: str,
    segments: int,
    guide: Guide,
    renderer: Renderer,
    *,
    keep: Path | None = None,
    progress: Counted = lambda *_: None,
) -> paths.Curve:
    """A curve in z or w, led toward the words: a curve in w.

    What is moved are its keys, or where it has none places at even distances, ``segments`` of them
    and at least 8. Between them the shifts follow a closed curve of their own.

    Args:
        curve: the way as it would be.
        space: that of the curve.
        segments: of how many parts it is.
        guide: who leads.
        renderer: the generator.
        keep: a file in which the moved keys are kept, so that the same call finds them again: the
            last bits of a GPU's sums are other ones each time.
        progress: told how far the keys are.

    Raises:
        MediaError: ``keep`` can't be written.
    """

    def style(places: Tensor) -> Tensor:
        vectors = curve.at(places)
        return renderer.map(vectors).double() if space == "z" else vectors

    count = max(_LEAST, segments)
    stops = curve.breaks or tuple(number / count for number in range(count))
    keys = style(torch.tensor(stops, dtype=torch.float64)).float()
    mark = _mark(keys, guide, renderer)
    moved = None if keep is None else _kept(keep, mark, keys)
    if moved is None:
        moved = guide.lead(keys, progress=progress)
        if keep is not None:
            _keep(keep, mark, moved)
    shifted = _between(stops, (moved - keys).double(), straight=curve.corners)
    return paths.Curve(lambda places: style(places) + shifted(places), curve.breaks, curve.corners)


def _between(stops: tuple[float, ...], shifts: Tensor, *, straight: bool) -> paths.Map:
    """A closed curve through shifts, (n, w), at places: straight from one to the next, or C²."""
    ring = torch.cat([shifts, shifts[:1]]).numpy()
    ends = np.array([*stops, 1.0])
    if not straight:
        cubic = CubicSpline(ends, ring, bc_type="periodic")
        return lambda places: torch.from_numpy(cubic(places.double().numpy()))

    def at(places: Tensor) -> Tensor:
        where = places.double().numpy()
        leg = np.clip(np.searchsorted(ends, where, side="right") - 1, 0, len(stops) - 1)
        share = ((where - ends[leg]) / (ends[leg + 1] - ends[leg]))[:, None]
        return torch.from_numpy(ring[leg] + share * (ring[leg + 1] - ring[leg]))

    return at


# ── keys kept while a film is made ──


def place_of(out: Path) -> Path:
    """Where the moved keys of a film are kept until it is whole."""
    return out.with_name(f".{out.name}.toward")


def _mark(keys: Tensor, guide: Guide, renderer: Renderer) -> str:
    """What says of which keys, words and generator kept ones are."""
    told: Mapping[str, Any] = guide.told | {
        "generator": renderer.digest, "seed": guide.seed, "truncation": guide.truncation,
        "device": str(renderer.device), "steps": STEPS, "cutouts": CUTOUTS,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    digest.update(keys.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _keep(path: Path, mark: str, moved: Tensor) -> None:
    try:
        write_bytes(path, save({"moved": moved.contiguous()}, {"mark": mark}))
    except OSError as error:
        raise MediaError(f"{path}: the moved keys can't be kept: {reason(error)}") from error


def _kept(path: Path, mark: str, keys: Tensor) -> Tensor | None:
    """The keys that were kept under that mark, or None."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("mark") != mark:
                return None
            found: Tensor = file.get_tensor("moved")
    except (OSError, SafetensorError):
        return None
    if found.shape != keys.shape or found.dtype != keys.dtype or not math.isfinite(found.sum()):
        return None
    return found
