"""How well each scene's prompts were met, told from the losses in a run's log.

A prompt's loss is its weight times half the squared angle between what perceptors see and what was
asked (`mutoscope.terms.base.spherical`). Divided by the weight of its moment it is a *distance*
that can be compared over a film, and the cosine of that angle is the *agreement*: 1 if a picture
says just what the words say, 0 if they have nothing to do with each other. How high it gets hangs
on the perceptors: CLIP finds 0.3 a lot, the embedded labels 0.4.

A frame is judged by the last quarter of its steps, when it is as good as it gets. Where a mask lets
a prompt see a part of the picture only, the log holds the share as well: such a prompt has a
distance, which can be compared with itself, and no agreement.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mutoscope.errors import ScriptError
from mutoscope.look import distinct
from mutoscope.paint import RESERVED
from mutoscope.schedule import Moment, Schedule
from mutoscope.script import Prompt, Script
from mutoscope.terms.toward import PICTURE_OFFSET

_LAST = 4  # of a frame's steps, one in so many is judged
_FAINTEST = 0.05  # the weight below which a loss says nothing about a distance
_FADED = 0.25  # the same for what fades in
_FEWEST = 4  # frames of a scene, to speak of a trend
_SURE = 5.0  # standard errors by which an end must be worse than the best, to be a finding
_MATTERS = 0.05  # and this share of the best

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Wish:
    """One prompt over its scene.

    Attributes:
        scene: Counted from 1.
        label: As in the log.
        away: It is to be kept away from: its weight was negative.
        places: The pictures judged, by their place in the film from 0, (n,).
        distances: How far off each was, (n,), 0 to π²/2.
        whole: Whether distances are those of the whole picture, so that `agreement` has a meaning.
        begin: Mean distance over the first quarter of the scene's pictures.
        end: Mean distance over the last quarter.
        best: The least of the means over as many neighbours; the greatest where `away`.
        worse: It was clearly better met before the scene's end.
    """

    scene: int
    label: str
    away: bool
    places: tuple[int, ...]
    distances: tuple[float, ...]
    whole: bool
    begin: float
    end: float
    best: float
    worse: bool

    @property
    def mean(self) -> float:
        """The mean distance over the scene."""
        return float(np.mean(self.distances))

    @property
    def trend(self) -> str:
        """How the end of the scene compares with its beginning and best: one word or two."""
        if self.worse:
            return "worse at the end"
        gain = (self.begin - self.end) * (-1 if self.away else 1)
        if abs(gain) <= _MATTERS * max(abs(self.begin), 1e-9):
            return "steady"
        return "better" if gain > 0 else "worse"

    def met(self, distance: float) -> float | None:
        """A distance as agreement, −1 to 1; None where it has no such meaning."""
        return agreement(distance) if self.whole else None


def agreement(distance: float) -> float:
    """The cosine of the angle of which half the square is ``distance``."""
    return math.cos(min(math.pi, math.sqrt(max(0.0, 2 * distance))))


def wishes(
    records: Sequence[Mapping[str, Any]],
    schedule: Schedule,
    script: Script,
    *,
    numbers: Sequence[int],
    fade: int = 0,
) -> list[Wish]:
    """The prompts of each scene in order, those of which the log tells something.

    Args:
        records: Lines of the log: ``step`` and the losses by label.
        schedule: Of the run.
        script: Its scenes.
        numbers: The files that are in the film, in the order in which they are shown.
        fade: Over how many steps a scene's prompts grow to their strength.
    """
    judged = _judged(records, schedule, numbers)
    found = []
    for scene, wanted in enumerate(script.scenes):
        for prompt in wanted.prompts:
            if (wish := _wish(prompt, scene, judged, schedule, fade)) is not None:
                found.append(wish)
    return found


def scene_starts(schedule: Schedule, numbers: Sequence[int]) -> dict[int, int]:
    """At which place of the film, from 0, each scene (from 0) is seen first."""
    starts: dict[int, int] = {}
    for place, number in enumerate(numbers):
        starts.setdefault(schedule.moment(schedule.steps_of(number) - 1).scene, place)
    return starts


_Judged = list[tuple[int, list[tuple[Moment, Mapping[str, Any]]]]]


def _judged(
    records: Sequence[Mapping[str, Any]], schedule: Schedule, numbers: Sequence[int]
) -> _Judged:
    """For each place of the film the moments and records of its last steps."""
    by_step = {record["step"]: record for record in records if isinstance(record.get("step"), int)}
    judged = []
    for place, number in enumerate(numbers):
        stop = schedule.steps_of(number)
        start = schedule.steps_of(number - 1) if number > 1 else 0
        first = stop - max(1, -(-(stop - start) // _LAST))
        steps = [step for step in range(first, stop) if step + 1 in by_step]
        judged.append((place, [(schedule.moment(step), by_step[step + 1]) for step in steps]))
    return judged


def _wish(
    prompt: Prompt, scene: int, judged: _Judged, schedule: Schedule, fade: int
) -> Wish | None:
    """One prompt over its scene, or None where the log says nothing of it."""
    label = distinct([*RESERVED, prompt.label])[-1]
    weighed, places, distances, signs = True, [], [], []
    for place, steps in judged:
        seen = []
        for moment, record in steps:
            loss = record.get(label)
            if moment.scene != scene or not isinstance(loss, float | int):
                continue
            weight = _weight(prompt, moment)
            weighed = weighed and weight is not None
            weight = 1.0 if weight is None else weight
            strength = _strength(moment, schedule, fade)
            if abs(weight) >= _FAINTEST and strength >= _FADED:
                seen.append(loss / (weight * strength))
                signs.append(weight < 0)
        if seen:
            places.append(place)
            distances.append(float(np.mean(seen)))
    if not places:
        return None
    whole = weighed and prompt.mask.kind == "all"
    if whole and prompt.kind == "image":
        distances = [distance - PICTURE_OFFSET for distance in distances]
    away = sum(signs) * 2 > len(signs)
    return Wish(
        scene + 1, prompt.label, away, tuple(places), tuple(distances), whole,
        *_course(np.array(distances), away),
    )  # fmt: skip


def _course(distances: Values, away: bool) -> tuple[float, float, float, bool]:
    """Mean at the beginning, at the end, the best of such means, and whether the end is worse."""
    window = max(1, len(distances) // 4)
    means = np.convolve(distances, np.ones(window) / window, mode="valid")
    better = -1 if away else 1
    begin, end, best = float(means[0]), float(means[-1]), float(better * (better * means).min())
    if len(distances) < _FEWEST:
        return begin, end, best, False
    # What one frame differs from the next by chance, told from the differences themselves.
    noise = 1.4826 * float(np.median(np.abs(np.diff(distances)))) / math.sqrt(2)
    least = max(_SURE * noise / math.sqrt(window), _MATTERS * abs(best))
    return begin, end, best, better * (end - best) > least


def _weight(prompt: Prompt, moment: Moment) -> float | None:
    """A prompt's weight at a moment; None where it hangs on something that isn't known here."""
    try:
        return prompt.weight(moment.values)
    except (ScriptError, KeyError):
        return None


def _strength(moment: Moment, schedule: Schedule, fade: int) -> float:
    """How far a scene's prompts have grown at a moment; see `mutoscope.terms.fade`."""
    fades = moment.scene > 0 or (schedule.lap > 0 and moment.step >= schedule.closes)
    return min(1.0, moment.scene_step / fade) if fade and fades else 1.0
