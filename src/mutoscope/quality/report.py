"""What was measured, as a value that can be written as JSON and told in a few lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mutoscope
from mutoscope.quality.faults import KINDS, MOST, Fault, faults
from mutoscope.quality.measure import Column, Measured
from mutoscope.quality.wishes import Wish

FORMAT = 1

_STRONG_FLICKER = 5.0  # per cent
_PALE, _HARSH = 0.6, 1.6  # of the first second's contrast or colourfulness
_BURNT = 0.1  # of the picture more in black or white than in the first second
_SEAM = 1.5  # mean steps
_STRAYED = 10.0  # hundredths of OKLab
_NOTHING = 1e-6


@dataclass(frozen=True)
class Quality:
    """A film's report.

    Attributes:
        name: What it is called.
        film: What was measured of its pictures.
        wishes: How well its prompts were met, scene by scene; empty where no log tells.
        scenes: The place at which each scene, from 0, is seen first.
        faults: All that is wrong with single pictures, the worst first.
    """

    name: str
    film: Measured
    wishes: tuple[Wish, ...] = ()
    scenes: dict[int, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        film: Measured,
        *,
        wishes: Sequence[Wish] = (),
        scenes: dict[int, int] | None = None,
    ) -> "Quality":
        """The report of what was measured."""
        begins = scenes or {}
        found = faults(film, scenes=set(begins.values()))
        return cls(name, film, tuple(wishes), begins, tuple(found))

    @property
    def worst(self) -> tuple[Fault, ...]:
        """At most ten of the faults."""
        return self.faults[:MOST]

    @property
    def flicker(self) -> float | None:
        """The film's flicker in per cent: the median, which cuts don't raise; None for a still."""
        return _middle(self.film.column("flicker"))

    @property
    def seam(self) -> float | None:
        """The step from the last picture to the first, in mean steps; 1 can't be seen."""
        change = self.film.column("change")[1:]
        if self.film.seam is None or not len(change):
            return None
        mean = float(change.mean())
        if mean < _NOTHING:
            return 1.0 if self.film.seam.change < _NOTHING else math.inf
        return self.film.seam.change / mean

    def drift(self) -> Column:
        """How far each mean colour is from the first second's, hundredths of OKLab, (n,)."""
        now = np.stack([self.film.column(name) for name in ("lightness", "red", "yellow")])
        first = now[:, : self.film.opening].mean(1, keepdims=True)
        return np.asarray(100 * np.sqrt(np.square(now - first).sum(0)), float)

    def ratio(self, name: str) -> Column:
        """A column as a multiple of its mean in the first second, (n,); 1 where that is nothing."""
        values = self.film.column(name)
        first = float(values[: self.film.opening].mean())
        return values / first if first > 1e-3 else np.ones(len(values))

    def last(self, values: Column) -> float:
        """The mean over the film's last second."""
        return float(values[-self.film.opening :].mean())

    def count(self, kind: str) -> int:
        """How many pictures have a fault."""
        return sum(fault.length for fault in self.faults if fault.kind == kind)

    # ── in words ──

    def findings(self) -> list[str]:
        """What someone should look at, one sentence each; empty for a film that is all right."""
        return [*self._of_faults(), *self._of_colours(), *self._of_seam(), *self._of_wishes()]

    def _of_faults(self) -> list[str]:
        found = []
        moving = self.film.column("change")[1:]
        if len(moving) and self.count("repeated") >= len(moving):
            found.append("nothing moves: every frame is like the one before it")
        elif number := self.count("repeated"):
            found.append(f"{_frames(number)} like the one before, or as good as")
        if number := self.count("blank"):
            found.append(f"{_frames(number)} nothing but black, white or one colour")
        if self.flicker is not None and self.flicker > _STRONG_FLICKER:
            found.append(
                f"it flickers: {self.flicker:.1f} % changes from frame to frame without moving"
            )
        return found

    def _of_colours(self) -> list[str]:
        found = []
        for name in ("contrast", "colourfulness"):
            ratio = self.last(self.ratio(name))
            if not _PALE <= ratio <= _HARSH:
                how = "falls" if ratio < 1 else "rises"
                found.append(f"its {name} {how} to {ratio:.2f} times that of the first second")
        for name in ("black", "white"):
            values = self.film.column(name)
            first, last = float(values[: self.film.opening].mean()), self.last(values)
            if last - first > _BURNT:
                found.append(f"{100 * last:.0f} % of it is {name} in the end, {100 * first:.0f} % "
                             "in the first second")  # fmt: skip
        if len(self.scenes) <= 1 and (drift := self.last(self.drift())) > _STRAYED:
            found.append(f"its mean colour strays by {drift:.0f} from that of the first second")
        return found

    def _of_seam(self) -> list[str]:
        if not self.film.loops or self.seam is None or self.seam <= _SEAM:
            return []
        return [f"the loop's seam shows: its step is {self.seam:.1f} times the mean one"]

    def _of_wishes(self) -> list[str]:
        return [
            f"scene {wish.scene}, {wish.label!r}: was better met before the scene's end"
            for wish in self.wishes
            if wish.worse
        ]

    # ── as data ──

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it; docs/quality.md says what each key means."""
        film = self.film
        opening = film.opening
        return {
            "program": "mutoscope",
            "version": mutoscope.__version__,
            "format": FORMAT,
            "name": self.name,
            "frames": len(film),
            "rate": film.rate,
            "size": list(film.size),
            "loops": film.loops,
            "findings": self.findings(),
            "flicker": {
                "median": _number(self.flicker),
                "most": _number(_most(film.column("flicker"))),
            },
            "change": {"mean": _number(_mean(film.column("change")[1:]))},
            "seam": {
                "ratio": _number(self.seam),
                "change": _number(film.seam.change if film.seam else None),
                "flicker": _number(film.seam.flicker if film.seam else None),
            },
            "colour": {
                "drift": _number(self.last(self.drift())),
                "contrast": _number(self.last(self.ratio("contrast"))),
                "colourfulness": _number(self.last(self.ratio("colourfulness"))),
                "black": [_number(film.column("black")[:opening].mean()),
                          _number(self.last(film.column("black")))],
                "white": [_number(film.column("white")[:opening].mean()),
                          _number(self.last(film.column("white")))],
            },
            "counts": {kind: self.count(kind) for kind in KINDS},
            "worst": [self._fault(fault) for fault in self.worst],
            "prompts": [self._wish(wish) for wish in self.wishes],
            "scenes": [
                {"scene": scene + 1, **self._at(place)} for scene, place in self.scenes.items()
            ],
            "timeline": self._timeline(),
        }  # fmt: skip

    def _at(self, place: int) -> dict[str, Any]:
        return {"frame": self.film.numbers[place], "t": _number(self.film.time(place))}

    def _fault(self, fault: Fault) -> dict[str, Any]:
        return {
            **self._at(fault.place),
            "length": fault.length,
            "kind": fault.kind,
            "what": fault.what,
            "value": _number(fault.value),
            "usual": _number(fault.usual),
        }

    def _wish(self, wish: Wish) -> dict[str, Any]:
        kinds = {"mean": wish.mean, "begin": wish.begin, "end": wish.end, "best": wish.best}
        return {
            "scene": wish.scene,
            "prompt": wish.label,
            "away": wish.away,
            "agreement": {name: _number(wish.met(value)) for name, value in kinds.items()},
            "distance": {name: _number(value) for name, value in kinds.items()},
            "trend": wish.trend,
        }

    def _timeline(self) -> list[dict[str, Any]]:
        met = {wish.label: dict(zip(wish.places, wish.distances, strict=True))
               for wish in self.wishes}  # fmt: skip
        names = ("lightness", "contrast", "colourfulness", "red", "yellow", "black", "white")
        return [
            {
                **self._at(place),
                "flicker": _number(step.flicker if step else None),
                "change": _number(step.change if step else None),
                **{name: _number(getattr(sight, name)) for name in names},
                "prompts": {label: _number(of[place]) for label, of in met.items() if place in of},
            }
            for place, (sight, step) in enumerate(
                zip(self.film.sights, self.film.steps, strict=True)
            )
        ]


def _frames(count: int) -> str:
    return "1 frame is" if count == 1 else f"{count} frames are"


def _number(value: float | None) -> float | None:
    """A number short enough to be read; None for what is none."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.5g}")


def _middle(values: Column) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


def _most(values: Column) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else None


def _mean(values: Column) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
