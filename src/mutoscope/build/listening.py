"""What the settings ask to be heard, and to follow by name."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mutoscope.atomic import reason
from mutoscope.build.canvases import generator_path
from mutoscope.build.logs import read_logged
from mutoscope.build.signals import Number, Signals, Source
from mutoscope.errors import MediaError, RunError
from mutoscope.schedule import Schedule
from mutoscope.settings import Settings
from mutoscope.settings.reading import read_named
from mutoscope.settings.values import LogCurve
from mutoscope.sound import Band, Midi, Sound, hear, play

_NAME = re.compile(r"[^\W\d]\w*")


def listen(settings: Settings, schedule: Schedule) -> Signals | None:
    """The signals of a run, read once from its first step to its last; None where there are none.

    Raises:
        MediaError: a file can't be read.
        SettingsError: a band lies outside of what the sound holds.
        ScriptError: a curve can't be read.
    """
    words = words_of(settings)
    # To the end of the last frame, which begins with the last step at the latest.
    frame = 1 / schedule.frames_per_second
    duration = max(schedule.moment(schedule.total_steps).t + frame, frame)
    sources: list[Source] = []
    if settings.input_midi:
        sources.append(_play(settings, schedule, duration, words).values)
    if settings.input_audio:
        sources.append(_hear(settings, schedule, duration).values)
    curves: dict[str, Number] = {}
    for name, curve in read_named(settings).items():
        if not isinstance(curve, LogCurve):
            curves[name] = curve
        else:
            path = settings.resolve(curve.log)
            curves[name] = read_logged(path, curve.value, place=f"curves.{name}")
    if not (sources or curves):
        return None
    return Signals(schedule, sources, curves, wanted=words)


def words_of(settings: Settings) -> frozenset[str]:
    """Every word in the texts of ``settings``: a name that is not among them is asked for nowhere.

    Where NAME_prev stands, NAME is one too: what was heard a frame ago comes with what is heard.
    """
    texts: list[str] = []

    def gather(value: object) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                gather(item)
        elif isinstance(value, list | tuple):
            for item in value:
                gather(item)

    gather(settings.to_dict(full=True))
    words = {word for text in texts for word in _NAME.findall(text)}
    return frozenset(words | {word.removesuffix("_prev") for word in words})


def digests(settings: Settings) -> dict[str, str]:
    """What tells whether the files that a run follows are still the same: a digest for each key.

    Raises:
        MediaError: one can't be read.
    """
    return {key: _digest(key, path) for key, path in _followed(settings)}


def refuse_changed(settings: Settings, kept: Mapping[str, str]) -> None:
    """Refuse to go on where a file is no longer the one that the run began with.

    ``kept``: what `digests` gave then; a key that is not there is not compared.

    Raises:
        RunError: one has changed, or can't be read.
    """
    for key, path in _followed(settings):
        if key not in kept:
            continue
        try:
            same = _digest(key, path) == kept[key]
        except MediaError as error:
            raise RunError(f"{error}; put the file back that the run began with") from error
        if not same:
            raise RunError(
                f"{key}: {path}: is not the file that this run began with, so its frames would not "
                "fit those that are there; put that file back, or begin a new run"
            )


def _followed(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The files whose content decides what is painted over time, by the keys that name them."""
    for key in ("input_audio", "input_midi"):
        if path := getattr(settings, key):
            yield key, Path(settings.resolve(path))
    if settings.image_model == "GAN":  # a training that goes on replaces it
        yield "gan_model", generator_path(settings)
    for name, curve in settings.curves.items():
        if isinstance(curve, LogCurve):
            path = Path(settings.resolve(curve.log))
            yield f"curves.{name}", path / "log.jsonl" if path.is_dir() else path


def _digest(key: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise MediaError(f"{key}: {path}: can't be read: {why}") from error
    return f"blake2b:{found.hexdigest()}"


def _hear(settings: Settings, schedule: Schedule, duration: float) -> Sound:
    return hear(
        settings.resolve(settings.input_audio),
        duration=duration,
        frames_per_second=schedule.frames_per_second,
        filters=[
            Band(band.variable_name, band.f_center, band.f_width, band.order)
            for band in settings.input_audio_filters
        ],
        offset=settings.input_audio_offset,
    )


def _play(settings: Settings, schedule: Schedule, duration: float, words: frozenset[str]) -> Midi:
    return play(
        settings.resolve(settings.input_midi),
        duration=duration,
        frames_per_second=schedule.frames_per_second,
        offset=settings.input_midi_offset,
        names=words,
    )
