"""Where a change of settings begins to be seen: the first step that it touches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from mutoscope.build.canvases import beginning
from mutoscope.build.listening import listen
from mutoscope.build.wishes import Number, Wish, Wishes, changed_since
from mutoscope.curves import DEPTH_NAMES, TIME_NAMES
from mutoscope.errors import MutoscopeError
from mutoscope.retake.keys import FILES, HARMLESS, LOCAL, MOVING, PERCEPTORS
from mutoscope.schedule import Shot, make_schedule
from mutoscope.settings import Settings
from mutoscope.settings.rules import facts
from mutoscope.settings.values import LogCurve, is_weights_file

Values = Mapping[str, float]

_SIGNALS = (
    "input_audio", "input_audio_filters", "input_audio_offset", "input_midi", "input_midi_offset",
    "curves",
)  # fmt: skip
_STEPS = (
    "steps_per_scene", "steps_per_frame", "pre_animation_steps", "frames_per_second", "save_every",
)  # fmt: skip


@dataclass(frozen=True)
class Touch:
    """The first step that a change touches, from 0, and the keys that it stands in.

    All ``step`` steps before it are the same to the bit.
    """

    step: int
    keys: tuple[str, ...]


def first_touched(old: Settings, new: Settings, *, since: float | None = None) -> Touch | None:
    """The first step at which a run of ``new`` is not a run of ``old`` to the bit.

    What differs without ever having a say, such as a prompt of weight 0, touches nothing; in the
    log it may be a column of zeros more or less. None: they are the same run, though one of them
    may have names and films that the other has not.

    Args:
        old: the settings that a run was painted with.
        new: others, with nothing left for a program to choose that ``old`` has chosen.
        since: when that run began; files that were changed after it touch what they are used in.
    """
    if whole := [*_whole(old, new, since)]:
        return Touch(0, tuple(whole))
    return _Comparison(old, new, since).first()


def _whole(old: Settings, new: Settings, since: float | None) -> Iterator[str]:
    """The keys of which every step hangs, and which differ."""
    for key in type(new).model_fields:
        if key in HARMLESS | LOCAL | MOVING | PERCEPTORS or (idle(old, key) and idle(new, key)):
            continue
        if key == "vqgan_model":
            same = old.vqgan_name == new.vqgan_name
            name = new.vqgan_name
            same = same and not (since is not None and changed_since(name, since))
        elif key in FILES:
            same = _file(old, key) == _file(new, key)
            path = _file(new, key)
            same = same and not (path and since is not None and changed_since(path, since))
        else:
            same = getattr(old, key) == getattr(new, key)
        if not same:
            yield key
    names = new.perceptor_names
    stale = [
        n for n in names if since is not None and is_weights_file(n) and changed_since(n, since)
    ]
    if old.perceptor_names != names or stale:
        yield "perceptors"
    # The share of the beginning over which fine waves fade in.
    if new.image_model == "Fourier" and new.coarse_to_fine:
        first = [make_schedule(settings) for settings in (old, new)]
        if first[0].beginning != first[1].beginning or beginning(old) != beginning(new):
            yield "coarse_to_fine"
    # The motion remembers what it carried, and by the mask what of it moves; or it does not.
    key = "flow_stabilization_weight"
    was, weighting = old.weight(key), new.weight(key)
    if (was and was.mask) != (weighting and weighting.mask):
        yield key


def _file(settings: Settings, key: str) -> str:
    path = getattr(settings, key)
    return settings.resolve(path) if path else ""


def idle(settings: Settings, key: str) -> bool:
    """Whether a key has no effect with what the others say."""
    only = facts(key).get("only", {})
    return any(getattr(settings, other) not in values for other, values in only.items())


class _Comparison:
    """Two settings that differ in nothing on which every step hangs, step by step."""

    def __init__(self, old: Settings, new: Settings, since: float | None) -> None:
        self.old, self.new = old, new
        # How often a run is looked at changes nothing.
        self.plans = [replace(make_schedule(settings), display_every=0) for settings in (old, new)]
        self.wishes = [Wishes(old), Wishes(new, since)]
        self.since = since
        self.signals = False  # whether curves may hear different things

    def first(self) -> Touch | None:
        """The first step that differs."""
        if self._hears() and not self._listen():
            return Touch(0, self._named(_SIGNALS))
        old, new = self.plans
        for one, other in zip_longest(old.shots(), new.shots()):
            if one is None or other is None or one != other:
                start = min(shot.steps.start for shot in (one, other) if shot is not None)
                return Touch(start, self._named(("scenes", *_STEPS)))
            if one.moves and (keys := self._moved(one)):
                return Touch(one.steps.start, keys)
            if (touch := self._in_shot(one)) is not None:
                return touch
        return None

    # ── signals ──

    def _hears(self) -> bool:
        """Whether any number uses more than time and depth."""
        known = frozenset(TIME_NAMES) | DEPTH_NAMES
        return any(wishes.names() - known for wishes in self.wishes)

    def _listen(self) -> bool:
        """Put what is heard into both plans; False where what was heard is not known any more."""
        if self._stale(self.old):
            return False
        old, new = (_heard(settings) for settings in (self.old, self.new))
        if old == new and self.plans[0] == self.plans[1]:
            return True
        try:
            for index, settings in enumerate((self.old, self.new)):
                sound = listen(settings, self.plans[index])
                if sound is not None:
                    self.plans[index] = replace(self.plans[index], signals=sound.values)
        except MutoscopeError:
            return False
        self.signals = True
        return True

    def _stale(self, settings: Settings) -> bool:
        """Whether a file that curves follow has been changed since."""
        since = self.since
        return since is not None and any(changed_since(p, since) for p in _followed(settings))

    # ── shots ──

    def _moved(self, shot: Shot) -> tuple[str, ...]:
        """The keys that lead into ``shot`` in another way."""
        for key in sorted(MOVING):
            if idle(self.old, key) and idle(self.new, key):
                continue
            if getattr(self.old, key) != getattr(self.new, key):
                return (key,)
        values = [plan.moment(shot.steps.start).values for plan in self.plans]
        old, new = self.wishes
        for one, other in zip(old.motion(), new.motion(), strict=True):
            if not self._alike(one.numbers, other.numbers, values):
                return one.keys
        return ()

    def _in_shot(self, shot: Shot) -> Touch | None:
        """The first step of ``shot`` that is wished for, or gone about, in another way."""
        lists = [wishes(shot) for wishes in self.wishes]
        same = lists[0] == lists[1] and not self.signals
        decays = self.new.learning_rate_decay != 1
        if same and not decays:
            return None
        for step in shot.steps:
            if decays and self.plans[0].progress(step) != self.plans[1].progress(step):
                return Touch(step, self._named(("scenes", *_STEPS)))
            if not same and (keys := self._differing(lists, step)):
                return Touch(step, keys)
        return None

    def _differing(self, lists: Sequence[Sequence[Wish]], step: int) -> tuple[str, ...]:
        moments = [plan.moment(step) for plan in self.plans]
        values = [moment.values for moment in moments]
        acting = [
            [wish for wish in wishes if self._acts(wish, moment.scene_step, moment.values)]
            for wishes, moment in zip(lists, moments, strict=True)
        ]
        for one, other in zip_longest(*acting):
            if one is None or other is None:
                return self._named((one or other).keys)
            strengths = {wish.strength(moments[0].scene_step) for wish in (one, other)}
            if one.what != other.what or len(strengths) > 1:
                fading = ("interpolation_steps",) if one.what == other.what else ()
                return self._named((*fading, *one.keys, *other.keys))
            if not self._alike(one.numbers, other.numbers, values):
                return self._named((*one.keys, *other.keys))
        return ()

    def _acts(self, wish: Wish, scene_step: int, values: Values) -> bool:
        """Whether it has any say; one of weight 0 is not even asked."""
        if not wish.weighs or self.new.adaptive_learning_rate:
            return True  # the mean that adapts the rate is taken over all losses, zeros included
        return wish.strength(scene_step) != 0 and _value(wish.numbers[0], values) != 0

    def _alike(
        self, ones: Sequence[Number], others: Sequence[Number], values: Sequence[Values]
    ) -> bool:
        """Whether numbers are the same at a moment."""
        for one, other in zip(ones, others, strict=True):
            if one == other and not self.signals:
                continue
            if (one.names | other.names) & DEPTH_NAMES:  # known only when it is painted
                if one != other or (one.names - DEPTH_NAMES - {*TIME_NAMES}):
                    return False
                continue
            found = _value(one, values[0]), _value(other, values[1])
            if None in found or found[0] != found[1]:
                return False
        return True

    def _named(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Those of ``keys`` that differ in the settings, or all where a file is what differs."""
        # Prompts also come in over other steps where only those differ.
        told = (*keys, "interpolation_steps")
        differing = [key for key in told if getattr(self.old, key) != getattr(self.new, key)]
        return tuple(dict.fromkeys(differing or keys))


def _value(number: Number, values: Values) -> float | tuple[float, ...] | None:
    """What a number is at a moment; None where it has no value."""
    try:
        return number(values)
    except MutoscopeError:
        return None


def _heard(settings: Settings) -> tuple[object, ...]:
    """What the signals of a run hang on."""
    plain = [getattr(settings, key) for key in _SIGNALS if key not in ("input_audio", "input_midi")]
    return *plain, *_followed(settings)


def _followed(settings: Settings) -> list[str]:
    """The files that curves follow: sound, MIDI, and logs of other runs."""
    paths = [settings.input_audio, settings.input_midi]
    paths += [curve.log for curve in settings.curves.values() if isinstance(curve, LogCurve)]
    return [settings.resolve(path) if path else "" for path in paths]
