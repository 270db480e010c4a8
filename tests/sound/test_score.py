"""MIDI files: what is in them, and what is refused."""

import struct
import time

import mido
import numpy as np
import pytest

from mutoscope.errors import MediaError
from mutoscope.sound.score import MAX_BYTES, MAX_EVENTS, MAX_TEMPI, SHORTEST, read_score

END = b"\x00\xff\x2f\x00"


def smf(*tracks, kind=1, division=480):
    """A file of the given tracks' bytes."""
    chunks = [b"MTrk" + struct.pack(">L", len(track)) + track for track in tracks]
    return b"MThd" + struct.pack(">LHHH", 6, kind, len(tracks), division) + b"".join(chunks)


@pytest.fixture
def score(tmp_path):
    """Reads a file of the given bytes."""

    def score(data):
        path = tmp_path / "a.mid"
        path.write_bytes(data)
        return read_score(path)

    return score


def written(tmp_path, *tracks, **options):
    file = mido.MidiFile(**options)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    path = tmp_path / "written.mid"
    file.save(path)
    return path, file


def test_notes_tempi_and_controllers_are_those_that_another_program_writes(tmp_path):
    """Times are compared with those at which mido would play the same file."""
    tempo = [
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=480),
        mido.MetaMessage("set_tempo", tempo=250_000, time=700),
    ]
    drums = [
        message
        for beat in range(6)
        for message in (
            mido.Message("note_on", channel=9, note=36, velocity=20 * beat + 7, time=200),
            mido.Message("note_off", channel=9, note=36, time=0 if beat % 2 else 30),
        )
    ]
    wheel = [
        mido.Message("control_change", channel=2, control=1, value=127, time=333),
        mido.Message("pitchwheel", channel=2, pitch=-8192, time=10),
        mido.Message("pitchwheel", channel=2, pitch=8191, time=900),
        mido.Message("program_change", channel=2, program=3),
        mido.Message("sysex", data=[1, 2, 3], time=5),
        mido.Message("control_change", channel=2, control=1, value=0, time=5),
    ]
    path, file = written(tmp_path, tempo, drums, wheel, ticks_per_beat=480)
    found = read_score(path)

    at = 0.0
    struck, turned, bent = [], [], []
    for message in file:
        at += message.time
        if message.type == "note_on":
            struck.append((at, message.velocity / 127))
        elif message.type == "control_change":
            turned.append((at, message.value / 127))
        elif message.type == "pitchwheel":
            bent.append(at)
    assert [note.start for note in found.notes] == pytest.approx([time for time, _ in struck])
    assert [note.velocity for note in found.notes] == pytest.approx([v for _, v in struck])
    assert {(note.channel, note.key) for note in found.notes} == {(10, 36)}
    assert all(note.end - note.start >= SHORTEST - 1e-9 for note in found.notes)
    assert found.controllers.keys() == {1}
    assert found.controllers[1] == tuple((pytest.approx(a), b) for a, b in turned)
    assert [time for time, _ in found.bends] == pytest.approx(bent)
    assert [value for _, value in found.bends] == [-1.0, 1.0]
    assert found.end == pytest.approx(file.length)
    # One beat to the first change of tempo, 0.4 s long; 700 ticks of a second a beat after it.
    assert found.beats[:3] == (
        (0.0, 0.0), (pytest.approx(0.4), 1.0),
        (pytest.approx(0.4 + 700 / 480), pytest.approx(1180 / 480)),
    )  # fmt: skip


def test_a_note_ends_where_it_is_struck_anew_and_an_endless_one_at_the_end(score):
    found = score(smf(b"\x00\x90\x3c\x40\x83\x60\x3c\x50\x83\x60\xff\x2f\x00"))
    assert [(note.start, note.end) for note in found.notes] == [(0, 0.5), (0.5, 1.0)]


def test_a_release_may_be_written_as_a_velocity_of_0(score):
    (note,) = score(smf(b"\x00\x90\x3c\x40\x60\x3c\x00" + END)).notes
    assert note.end == pytest.approx(0.1)


def test_time_goes_on_through_what_is_not_known(score):
    """An unknown kind of meta event, and a chunk that is no track, both take their time."""
    (note,) = score(smf(b"\x60\xff\x60\x02ab\x00\x90\x3c\x40" + END)).notes
    assert note.start == pytest.approx(0.1)
    data = smf(b"\x60\x90\x3c\x40" + END)
    assert score(data[:14] + b"XFIH\x00\x00\x00\x02hi" + data[14:]).notes


def test_frames_instead_of_beats(score):
    found = score(smf(b"\x64\x90\x3c\x40" + END, division=0xE728))  # 25 frames of 40 ticks
    assert found.notes[0].start == pytest.approx(0.1)
    assert found.beats == ((0.0, 0.0),)


def test_riff_and_format_0(score):
    data = smf(b"\x60\x90\x3c\x40" + END, kind=0)
    assert score(data) == score(b"RIFF" + struct.pack("<L", len(data)) + b"RMIDdata    " + data)


def test_what_is_damaged_is_left_out_and_said(score, caplog):
    whole = b"\x00\x90\x3c\x40\x60\x3c\x00"
    bad = {
        "torn": b"\x60\x90\x3c",
        "endless number": b"\x00" + b"\xff" * 9,
        "no status": b"",
        "undefined": b"\x00\xf4\x00",
        "too high": b"\x00\x90\x80\x00",
        "beyond the end": b"\x00\xff\x01\x7fabc",
    }
    for name, rest in bad.items():
        caplog.clear()
        track = b"\x00\x3c\x40" if name == "no status" else whole + rest
        found = score(smf(track, whole + END))
        assert len(found.notes) == (1 if name == "no status" else 2), name
        assert "damaged" in caplog.text, name


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no MIDI file"),
        (b"MThd", "no MIDI file"),
        (b"RIFF    RMIDdata    ", "no MIDI file"),
        (b"\x89PNG" * 9, "no MIDI file"),
        (smf(END), "neither notes nor controllers"),
        (smf(), "neither notes nor controllers"),
        (smf(b"\x00\x90\x3c\x40" + END, kind=2), "format 2"),
        (smf(b"\x00\x90\x3c\x40" + END, division=0), "0 ticks a beat"),
        (smf(b"\x00\x90\x3c\x40" + END, division=0xFF00), "damaged"),
        (smf(b"\xff\xff\xff\x7f\x90\x3c\x40" * 200 + END, division=1), "hours"),
        (smf(b"\x00\x90\x3c\x40" * (MAX_EVENTS + 1)), f"{MAX_EVENTS} events"),
        (smf(b"\x00\xff\x51\x03\x07\xa1\x20" * (MAX_TEMPI + 1)), "changes its tempo"),
        (smf(*[END] * 1001), "tracks"),
    ],
)
def test_what_can_not_be_played_is_refused_in_one_line(score, data, says):
    with pytest.raises(MediaError, match=says) as error:
        score(data)
    assert "a.mid" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_must_be_there_and_not_too_large(tmp_path, score):
    with pytest.raises(MediaError, match=r"none\.mid: does not exist"):
        read_score(tmp_path / "none.mid")
    with pytest.raises(MediaError, match="is a folder"):
        read_score(tmp_path)
    with pytest.raises(MediaError, match="larger than"):
        score(bytes(MAX_BYTES + 1))


def test_hostile_numbers_cost_no_time(score):
    """A number without an end, half a megabyte long: read bit by bit it would take minutes."""
    begun = time.process_time()
    with pytest.raises(MediaError):
        score(smf(b"\xff" * 500_000))
    with pytest.raises(MediaError):
        score(smf(b"\x00\xff\x01\xff\xff\xff\x7f"))
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("seed", range(200))
def test_any_bytes_are_read_or_refused(score, seed):
    rng = np.random.default_rng(seed)
    good = smf(b"\x00\x90\x3c\x40\x60\x3c\x00\x00\xff\x51\x03\x01\x02\x03\x10\xb0\x01\x40" + END)
    data = bytearray(good)
    for _ in range(1 + seed % 6):
        data[rng.integers(8, len(data))] = rng.integers(256)
    try:
        found = score(bytes(data[: len(data) - seed % 5]))
    except MediaError:
        return
    assert all(0 <= note.start < note.end for note in found.notes)
