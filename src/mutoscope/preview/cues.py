"""What stands in the script at each frame of a film: weights, bands and motion as numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mutoscope.build.wishes import FORMS, MOVES
from mutoscope.curves import DEPTH_NAMES, TIME_NAMES, Curve
from mutoscope.schedule import Moment, Schedule, Shot
from mutoscope.script import Mask, Prompt
from mutoscope.settings import Settings
from mutoscope.settings.reading import CURVES, WEIGHTS
from mutoscope.terms.fade import strength

# The keys without which some weights weigh nothing.
_WEIGHED = {
    **{key: details[0] for key, details in FORMS.items() if details},
    "direct_init_weight": "init_image",
    "semantic_init_weight": "init_image",
}


@dataclass(frozen=True)
class Beat:
    """A frame of the film: the moment that is shown, and the shot whose move leads into it.

    ``shot`` is None where nothing moves: in the first frame and in a still. ``after`` is the scene
    that this one fades over from, if there is one before it.
    """

    number: int
    moment: Moment
    shot: Shot | None
    after: int | None


@dataclass(frozen=True)
class Wish:
    """A prompt at one moment: its weight with the fading between scenes, and where it acts.

    ``cutoff`` is that of its mask, if it has one; ``scene`` the scene that it stands in; ``waning``
    says that the scene is over.
    """

    label: str
    weight: float
    mask: Mask
    cutoff: float | None
    scene: int
    waning: bool = False


@dataclass(frozen=True)
class Cue:
    """All that a frame is told: ``motion``, ``wishes``, ``holds`` (other weights) and ``bands``."""

    beat: Beat
    wishes: tuple[Wish, ...]
    holds: Mapping[str, float]
    motion: Mapping[str, float]
    bands: Mapping[str, float]

    @property
    def t(self) -> float:
        """Seconds of film."""
        return self.beat.moment.t


def beats(schedule: Schedule) -> Iterator[Beat]:
    """The frames of a film, from 0: one before the first move, and one for each move.

    A still has the same moments, at which nothing moves. Of a film that closes, those that are
    painted a second time are left out: their moves are the same.
    """
    last = min(schedule.first_move, schedule.total_steps) - 1
    if not schedule.animated:
        for number, step in enumerate(range(0, schedule.total_steps, schedule.steps_per_frame)):
            moment = schedule.moment(step)
            yield Beat(number, moment, None, moment.scene - 1 if moment.scene else None)
        return
    for shot in schedule.shots():
        if shot.steps.start <= last < shot.steps.stop:
            yield Beat(0, schedule.moment(last), None, shot.after)
        if shot.moves:
            if schedule.lap and shot.moment.frame >= schedule.round:
                return
            yield Beat(shot.moment.frame, shot.moment, shot, shot.after)


def cues(settings: Settings, schedule: Schedule) -> list[Cue]:
    """What each frame is told, in order.

    Raises:
        ScriptError: a number has no value at some moment.
    """
    motion = _motion_curves(settings)
    holds = _held(settings)
    made = []
    for beat in beats(schedule):
        values = beat.moment.values
        numbers = {key: curve(values) for key, curve in motion.items()}
        if settings.animation_mode == "3D" and not settings.rotation.names & DEPTH_NAMES:
            numbers |= _turns(settings.rotation(values))
        made.append(
            Cue(
                beat=beat,
                wishes=tuple(_wishes(settings, beat)),
                holds={key: curve(values) for key, curve in holds.items()},
                motion=numbers,
                bands={
                    name: value
                    for name, value in beat.moment.signals.items()
                    if not name.endswith("_prev") and name not in TIME_NAMES
                },
            )
        )
    return made


def _wishes(settings: Settings, beat: Beat) -> Iterator[Wish]:
    scenes, moment = settings.script.scenes, beat.moment
    steps = settings.interpolation_steps
    fades = bool(steps) and beat.after is not None and bool(scenes[beat.after].prompts)
    grown = strength(moment.scene_step, steps, waning=False) if fades else 1.0
    for prompt in scenes[moment.scene].prompts if scenes else ():
        yield _wish(prompt, moment, grown, moment.scene)
    if fades and grown < 1 and beat.after is not None:
        for prompt in scenes[beat.after].prompts:
            yield _wish(prompt, moment, 1 - grown, beat.after, waning=True)


def _wish(
    prompt: Prompt, moment: Moment, share: float, scene: int, *, waning: bool = False
) -> Wish:
    cutoff = prompt.mask.cutoff
    return Wish(
        label=prompt.label,
        weight=share * prompt.weight(moment.values),
        mask=prompt.mask,
        cutoff=None if cutoff is None else cutoff(moment.values),
        scene=scene,
        waning=waning,
    )


def _motion_curves(settings: Settings) -> dict[str, Curve]:
    """The numbers that move the picture, but for those that hang on its depth."""
    curves = {key: settings.curve(key) for key in MOVES.get(settings.animation_mode, ())}
    return {
        key: curve
        for key, curve in curves.items()
        if curve.constant != 0 and not curve.names & DEPTH_NAMES
    }


def _held(settings: Settings) -> dict[str, Curve]:
    """The weights beside the prompts' that act in this run."""
    held = {}
    for key in (*CURVES, *WEIGHTS):
        if not key.endswith("_weight") or not getattr(settings, _WEIGHED.get(key, key)):
            continue
        if key in WEIGHTS:
            weighting = settings.weight(key)
            curve = None if weighting is None else weighting.weight
        else:
            curve = settings.curve(key)
        if curve is not None and curve.constant != 0:
            held[key] = curve
    held |= {prompt.label: prompt.weight for prompt in settings.direct_prompts}
    return held


def _turns(quaternion: Sequence[float]) -> dict[str, float]:
    """A rotation as degrees about each axis: its angle times its axis."""
    w, x, y, z = quaternion
    length = math.hypot(x, y, z)
    angle = math.degrees(2 * math.atan2(length, abs(w))) * math.copysign(1, w)
    return {
        f"rotate_3d about {name} (°)": angle * part / length if length else 0.0
        for name, part in (("x", x), ("y", y), ("z", z))
        if part or not length
    }
