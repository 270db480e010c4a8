"""Sound, MIDI and named curves: what expressions may use beside time."""

from functools import partial

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import AudioFilter, NamedCurves, Number, Path

key = partial(entry, group="sound")


class Sound(Group):
    """Keys of the group ``sound``."""

    input_audio: Path = key(
        "",
        "Sound file, or film with sound. The film carries it, and expressions may use bass, mids, "
        "treble, loudness, onset and beat, each from near 0 to 1 at a moment of the film, and each "
        "with _prev for its value a frame before.",
        example="input_audio: song.mp3",
        differs="Bands have values from the first step on, and are never exactly 0.",
    )
    input_audio_offset: Number = key(
        0.0, "Where in the sound the film begins; below 0 it begins in silence.", unit="seconds"
    )
    input_audio_filters: tuple[AudioFilter, ...] = key(
        (),
        "Further bands of the sound: a list of {variable_name, f_center, f_width, order}, in "
        "hertz.",
        max_length=64,
        differs="Filtered once, so that a band does not begin anew with every frame.",
    )
    input_midi: Path = key(
        "",
        "MIDI file, beside a sound or without one. Expressions may use note (the newest key, of "
        "127), velocity, notes (how many sound), note_on, midi_beat, bend, ch1 to ch16, key0 to "
        "key127 and cc0 to cc127, each with _prev for its value a frame before.",
        example="input_midi: drums.mid",
        own=True,
    )
    input_midi_offset: Number = key(
        0.0,
        "Where in the MIDI file the film begins; below 0 it begins in silence.",
        unit="seconds",
        own=True,
    )
    curves: NamedCurves = key(
        {},
        "Numbers over time by names of your own, for every expression, and for the curves after "
        "them; each also with _prev. A value is an expression, keyframes, or {log: FILE, value: "
        "NAME} for what another run's log.jsonl holds under that name (total where none is given).",
        default_text="nothing",
        example='curves: {sway: "sin(2*pi*t/8)", push: "4 * max(sway, 0)"}',
        own=True,
    )
