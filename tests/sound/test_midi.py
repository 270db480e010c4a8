"""A MIDI file as numbers over time."""

import math

import mido
import pytest

from mutoscope.errors import MediaError
from mutoscope.settings.reading import MIDI_NAMES
from mutoscope.sound import midi_names, play

FPS = 12


@pytest.fixture
def play_midi(tmp_path):
    """Plays notes (start, seconds, channel, key, velocity) and other (seconds, message) events."""

    def play_midi(*notes, others=(), length=4.0, fps=FPS, **options):
        events = [(length, mido.MetaMessage("end_of_track")), *others]
        for start, seconds, channel, key, velocity in notes:
            message = {"channel": channel - 1, "note": key}
            events.append((start, mido.Message("note_on", velocity=velocity, **message)))
            events.append((start + seconds, mido.Message("note_off", **message)))
        file = mido.MidiFile(ticks_per_beat=5000)  # 10 ticks a millisecond
        track = mido.MidiTrack()
        at = 0
        for seconds, event in sorted(events, key=lambda event: event[0]):
            tick = round(seconds * 10_000)
            track.append(event.copy(time=tick - at))
            at = tick
        file.tracks.append(track)
        path = tmp_path / "song.mid"
        file.save(path)
        return play(path, duration=3.0, frames_per_second=fps, **options)

    return play_midi


def over(midi, name, frames=36, fps=FPS):
    return [midi.values(frame / fps)[name] for frame in range(frames)]


def test_the_names_that_settings_know_are_those_that_are_played():
    assert midi_names() == MIDI_NAMES


def test_a_drum_of_20_ms_is_seen_in_the_frame_in_which_it_is_heard(play_midi):
    times = [0.0, 0.13, 0.5, 0.96, 1.25, 2.85]
    midi = play_midi(*((time, 0.02, 10, 36, 127) for time in times))
    hit = {math.floor(time * FPS + 1e-9) for time in times}
    for name in ("key36", "ch10", "velocity", "note_on", "notes"):
        found = over(midi, name)
        assert {frame for frame, value in enumerate(found) if value > 0.999} == hit, name
    assert all(over(midi, name) == [0] * 36 for name in ("key35", "ch1", "cc1", "bend"))


@pytest.mark.parametrize("fps", [5, 12, 23.976, 24, 25, 29.97, 60])
@pytest.mark.parametrize("seconds", [0, 0.02])
def test_on_the_border_of_two_frames_it_is_the_later_ones(play_midi, fps, seconds):
    frames = range(1, 40, 3)
    midi = play_midi(*((frame / fps, seconds, 1, 60, 100) for frame in frames), fps=fps, length=9)
    found = [midi.values(frame / fps)["note_on"] for frame in range(41)]
    assert [frame for frame, value in enumerate(found) if value > 0.999] == list(frames)


def test_between_the_steps_of_a_frame_nothing_is_missed_either(play_midi):
    midi = play_midi((0.503, 0.001, 1, 60, 127))
    found = [midi.values(step / 600)["key60"] for step in range(600)]
    assert max(found) == 1
    assert found[199] == 0  # a frame and more before it


def test_loudness_is_that_of_the_strongest_note_and_sinks_when_it_ends(play_midi):
    midi = play_midi((0.5, 1.0, 1, 60, 64), (0.75, 0.25, 2, 67, 127))
    velocity = over(midi, "velocity")
    assert velocity[4] == 0
    assert velocity[7] == pytest.approx(64 / 127)
    assert velocity[9] == 1
    after = 64 / 127 * math.exp(-0.25 / 0.12)
    assert velocity[21] == pytest.approx(after, rel=1e-2)
    assert over(midi, "ch1")[9] == pytest.approx(64 / 127)
    assert over(midi, "ch2")[13] == pytest.approx(math.exp(-(13 / 12 - 1) / 0.12), rel=1e-2)
    assert over(midi, "notes")[5:20] == [0, 1, 1, 1, *[2] * 3, *[1] * 6, 0, 0]


def test_pulses_sink_from_the_onset_on_also_while_the_note_sounds(play_midi):
    midi = play_midi((0.5, 1.0, 1, 60, 30))
    found = over(midi, "note_on")
    assert found[6] == 1
    assert found[8] == pytest.approx(math.exp(-2 / 12 / 0.1), rel=1e-2)


def test_note_is_the_newest_key_and_stays_when_it_ends(play_midi):
    midi = play_midi((0.5, 0.1, 1, 60, 90), (1.0, 1.0, 1, 48, 90), (1.0, 1.0, 1, 72, 90))
    found = over(midi, "note")
    assert (found[5], found[6], found[11], found[12], found[30]) == (
        0, 60 / 127, 60 / 127, 72 / 127, 72 / 127,
    )  # fmt: skip


def test_controllers_and_bend_hold_and_brief_ones_are_seen(play_midi):
    def turn(value):
        return mido.Message("control_change", control=74, value=value)

    def bend(value):
        return mido.Message("pitchwheel", pitch=value)

    midi = play_midi(
        others=[(0.5, turn(127)), (1.01, turn(0)), (1.51, turn(64)), (1.52, turn(0)),
                (0.5, bend(-8192)), (1.01, bend(4096)), (1.02, bend(0))]
    )  # fmt: skip
    cc = over(midi, "cc74")
    assert cc[5:14] == [0, *[1] * 7, 0]
    assert cc[18] == pytest.approx(64 / 127)
    assert cc[19] == 0
    assert over(midi, "bend")[5:14] == pytest.approx([0, *[-1] * 7, 0])


def test_beats_follow_the_tempo_and_end_with_the_piece(play_midi):
    slower = mido.MetaMessage("set_tempo", tempo=1_000_000)
    midi = play_midi((0, 0.1, 1, 60, 90), others=[(1.0, slower)], length=1.75)
    found = over(midi, "midi_beat")  # from 1 s on ticks take twice as long, so it ends at 2.5 s
    assert [frame for frame, value in enumerate(found) if value == 1] == [0, 6, 12, 24]
    assert found[3] == pytest.approx(0.25, abs=1e-3)
    assert found[18] == pytest.approx(0.25, abs=1e-3)
    assert not any(found[31:])


def test_the_offset_moves_all_and_nothing_sounds_before_the_film(play_midi):
    turn = mido.Message("control_change", control=1, value=127)
    notes = (0.2, 2.0, 1, 60, 127), (1.5, 0.01, 10, 36, 127)
    midi = play_midi(*notes, others=[(0.1, turn)], offset=1.0)
    before, first = midi.values(-0.5), midi.values(0.0)
    assert (before["velocity"], before["key60"], before["midi_beat"]) == (0, 0, 0)
    assert (before["cc1"], before["note"]) == (1, pytest.approx(60 / 127))
    assert (first["velocity"], first["velocity_prev"], first["cc1_prev"]) == (1, 0, 1)
    assert [n for n, value in enumerate(over(midi, "key36")) if value == 1] == [6]
    late = play_midi(*notes, offset=-1.0)
    assert [n for n, value in enumerate(over(late, "key36")) if value == 1] == [30]
    assert over(late, "velocity")[11] == over(late, "midi_beat")[11] == 0


def test_prev_is_the_value_a_frame_ago(play_midi):
    midi = play_midi((0.5, 0.3, 1, 60, 100), (1.1, 0.02, 10, 36, 127))
    for name in ("velocity", "note", "key36", "notes", "midi_beat"):
        found = over(midi, name)
        assert over(midi, f"{name}_prev")[1:] == pytest.approx(found[:-1], abs=1e-3)


def test_only_what_is_asked_for_is_there(play_midi):
    midi = play_midi((0.5, 0.3, 1, 60, 100), names={"key36", "note", "mountain", "bass"})
    assert midi.values(0.5).keys() == {"key36", "key36_prev", "note", "note_prev"}


def test_a_piece_that_ends_too_soon_is_told_of(play_midi, caplog):
    play_midi((0.5, 0.3, 1, 60, 100), length=1.0)
    assert "ends after 1.0 s" in caplog.text
    caplog.clear()
    play_midi((0.5, 0.3, 1, 60, 100), length=3.0)
    assert not caplog.text


def test_what_is_no_midi_file_is_refused(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        play(tmp_path / "a.mid", duration=1, frames_per_second=12)
