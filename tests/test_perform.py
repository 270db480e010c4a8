"""Runs in their folders: whatever stops them, they end as the run never stopped."""

import itertools
import json
import logging
import sys
import threading
import time
from types import ModuleType

import av
import numpy as np
import pytest
import torch

from mutoscope.api import render, settings_of_run
from mutoscope.build import build
from mutoscope.errors import ExtraError, RunError, SettingsError
from mutoscope.frames import ClipSource
from mutoscope.images import load_image
from mutoscope.paint import Watch
from mutoscope.perceptors.tiny import Tiny
from mutoscope.perform import finish, perform, recipe, start_run
from mutoscope.provenance import read_recipe
from mutoscope.run import Run
from mutoscope.run.about import About
from mutoscope.settings import load_settings

pytestmark = pytest.mark.usefixtures("single_thread")

FILM = {
    "scenes": "a fox || a boat",
    "interpolation_steps": 2,
    "steps_per_scene": 6,
    "animation_mode": "2D",
    "pre_animation_steps": 3,
    "steps_per_frame": 3,
    "save_every": 3,
    "zoom_x_2d": 1,
    "rotate_2d": 2,
    "file_namespace": "toy",
}
CLOCKED = ("run.json", ".lock")  # what tells when and by whom


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CLOCKED
    }


def stops_after(steps):
    left = iter([False] * (steps - 1))
    return Watch(stopped=lambda: next(left, True))


def go_on(folder, watch=None):
    with Run.open(folder) as run:
        settings, saved = settings_of_run(run), run.state()
        if not finish(run, settings, saved):
            list(perform(build(settings), run, saved=saved, watch=watch))


def begin(settings, out, watch=None):
    parts = build(settings)
    with start_run(parts, out) as run:
        list(perform(parts, run, watch=watch))
    return run.folder


# ── stopping ──


@pytest.mark.parametrize("stop", range(1, 12))
def test_a_stopped_film_goes_on_to_the_same_bytes(toy, tmp_path, stop):
    whole = begin(toy(**FILM), tmp_path / "whole")
    folder = begin(toy(**FILM), tmp_path / "stopped", stops_after(stop))
    assert len((folder / "log.jsonl").read_bytes().splitlines()) == stop
    go_on(folder)
    assert contents(folder) == contents(whole)


def test_stopped_at_every_step(toy, tmp_path):
    whole = begin(toy(**FILM), tmp_path / "whole")
    folder = begin(toy(**FILM), tmp_path / "stopped", stops_after(1))
    for _ in range(11):
        go_on(folder, stops_after(1))
    assert contents(folder) == contents(whole)


def test_a_complete_run_is_left_as_it_is(toy, tmp_path):
    folder = begin(toy(**FILM), tmp_path)
    before = contents(folder)
    go_on(folder)
    assert contents(folder) == before


def test_what_a_complete_run_has_lost_is_made_again(toy, tmp_path):
    folder = begin(toy(**FILM), tmp_path)
    before = contents(folder)
    (folder / "toy.mp4").unlink()
    (folder / "losses.png").unlink()
    go_on(folder)
    assert contents(folder) == before


def test_a_consumer_that_goes_away_leaves_a_run_that_goes_on(toy, tmp_path):
    whole = begin(toy(**FILM), tmp_path / "whole")
    parts = build(toy(**FILM))
    with start_run(parts, tmp_path / "left") as run:
        next(perform(parts, run))
    go_on(run.folder)
    assert contents(run.folder) == contents(whole)


def test_a_full_disk_stops_the_run_and_what_was_kept_stands(toy, tmp_path, monkeypatch):
    from mutoscope import atomic

    whole = begin(toy(**FILM), tmp_path / "whole")
    parts = build(toy(**FILM))
    run = start_run(parts, tmp_path / "full")
    write, left = atomic.write_bytes, iter(range(5))

    def until_full(*args, **kwargs):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        write(*args, **kwargs)

    monkeypatch.setattr(atomic, "write_bytes", until_full)
    with pytest.raises(RunError) as refused, run:
        list(perform(parts, run))
    assert "the disk is full" in str(refused.value)
    assert f"mutoscope resume {run.folder}" in str(refused.value)
    assert run.frames()
    monkeypatch.setattr(atomic, "write_bytes", write)
    go_on(run.folder)
    assert contents(run.folder) == contents(whole)


def test_a_frame_is_written_while_the_next_is_painted(toy, tmp_path, monkeypatch):
    whole = begin(toy(**FILM), tmp_path / "whole")
    ahead, keep = threading.Event(), Run.keep

    def late(self, number, *args, **kwargs):
        assert number > 1 or ahead.wait(20)
        return keep(self, number, *args, **kwargs)

    def step(done, _losses):
        if done == 4:  # the first frame ends at 3
            ahead.set()

    monkeypatch.setattr(Run, "keep", late)
    folder = begin(toy(**FILM), tmp_path / "late", Watch(step=step))
    assert contents(folder) == contents(whole)


def test_what_can_not_be_written_ends_the_run_at_the_next_step(toy, tmp_path, monkeypatch):
    reached, failed = [], threading.Event()

    def full(_run, _number, *_args, **_kwargs):
        assert failed.wait(20)
        raise RunError("the disk is full")

    def step(done, _losses):
        reached.append(done)
        if done == 4:
            failed.set()
            time.sleep(0.2)  # the thread that writes has time to fail

    monkeypatch.setattr(Run, "keep", full)
    parts = build(toy(**FILM))
    with pytest.raises(RunError, match="the disk is full"), start_run(parts, tmp_path) as run:
        list(perform(parts, run, watch=Watch(step=step)))
    assert reached == [1, 2, 3, 4]
    assert not run.frames()


def test_a_run_that_blows_up_keeps_its_last_good_state(toy, tmp_path):
    settings = toy(scenes="a fox:10**(20*step)", steps_per_scene=6, save_every=2)
    parts = build(settings)
    with pytest.raises(RunError, match="step 3"), start_run(parts, tmp_path) as run:
        list(perform(parts, run))
    assert [number for number, _ in run.frames()] == [1]
    lines = (run.folder / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    with Run.open(run.folder) as opened:
        assert opened.state().meta["steps"] == 2


def test_a_state_that_does_not_say_its_steps_is_refused(toy, tmp_path):
    parts = build(toy())
    with start_run(parts, tmp_path) as run:
        run.keep(1, torch.zeros(1, 3, 8, 8), tensors={}, meta={"steps": "many"})
    with pytest.raises(RunError, match="does not say how many steps"):
        go_on(run.folder)


# ── what is written ──


def test_a_films_folder_holds_what_it_should(toy, tmp_path):
    folder = begin(toy(**FILM), tmp_path)
    assert folder == tmp_path / "images_out/toy/toy"
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    frames = {f"toy_{number}.png" for number in range(1, 5)}
    states = {f"{number}.safetensors" for number in (1, 2, 3, 4)}
    assert names == frames | states | {
        "settings.yaml", "run.json", "log.jsonl", "latest.png", "losses.png", "toy.mp4", ".lock",
        "quality.json", "quality.png",
    }  # fmt: skip
    film = ClipSource(folder / "toy.mp4")
    assert (film.length, film.rate, film.size) == (4, 12, (32, 32))


def test_the_settings_are_on_the_disk_before_the_first_step(toy, tmp_path):
    parts = build(toy(**FILM))
    with start_run(parts, tmp_path) as run:
        text = (run.folder / "settings.yaml").read_text()
        assert load_settings(run.folder / "settings.yaml") == parts.settings
    assert text.endswith("# 0.00: a fox\n# 2.00: a boat\n")


def test_scenes_in_the_log_of_a_still_that_saves_once(toy, tmp_path):
    folder = begin(toy(scenes="a fox || a boat", save_every=0), tmp_path)
    assert (folder / "settings.yaml").read_text().endswith("# 0.00: a fox\n# 0.50: a boat\n")


def test_pictures_carry_a_recipe_that_makes_them_again(toy, tmp_path):
    folder = begin(toy(**FILM), tmp_path)
    told = read_recipe(folder / "frames/toy_3.png")
    assert (told["frame"], told["step"]) == (3, 9)
    frames = {frame.number: frame for frame in build(load_settings(told["settings"])).animate()}
    again = (frames[3].image * 255).round()
    assert torch.equal(again, (load_image(folder / "frames/toy_3.png") * 255).round())
    assert read_recipe(folder / "toy.mp4")["settings"] == told["settings"]


def test_a_recipe_tells_nothing_of_this_machine(toy, tmp_path):
    assert str(tmp_path) not in json.dumps(recipe(toy(**FILM)))


def test_equal_settings_write_equal_files(toy, tmp_path):
    one, other = (begin(toy(**FILM), tmp_path / name) for name in "ab")
    assert contents(one) == contents(other)
    another = begin(toy(**FILM | {"seed": 8}), tmp_path / "c")
    assert contents(one)["frames/toy_1.png"] != contents(another)["frames/toy_1.png"]


@pytest.mark.parametrize(("backups", "kept"), [(0, [4]), (2, [3, 4]), ("all", [1, 2, 3, 4])])
def test_backups(toy, tmp_path, backups, kept):
    folder = begin(toy(**FILM, backups=backups, resume_points=0), tmp_path)
    assert sorted(int(path.stem) for path in (folder / "state").iterdir()) == kept


def test_nothing_is_overwritten_unless_it_may_be(toy, tmp_path):
    first = begin(toy(**FILM), tmp_path)
    before = contents(first)
    second = begin(toy(**FILM), tmp_path)
    assert second.name == "toy(1)"
    assert contents(first) == before
    (first / "mine.txt").write_text("keep me")
    third = begin(toy(**FILM | {"seed": 8}, allow_overwrite=True), tmp_path)
    assert third == first
    assert contents(first)["frames/toy_1.png"] != before["frames/toy_1.png"]
    assert (first / "mine.txt").read_text() == "keep me"


def test_without_a_film(toy, tmp_path):
    folder = begin(toy(**FILM, film=False), tmp_path)
    assert not list(folder.glob("*.mp4"))
    assert len(list(folder.glob("frames/*.png"))) == 4


# ── what is shown ──


def watched(settings, tmp_path, monkeypatch):
    """How often the losses were drawn, and where the newest picture lay after each look."""
    drawn = []
    draw = Run.draw_losses
    monkeypatch.setattr(Run, "draw_losses", lambda run: drawn.append(run) or draw(run))
    parts = build(settings)
    with start_run(parts, tmp_path) as run:
        pictures = [kept.picture for kept in perform(parts, run)]
    assert all(picture.exists() for picture in pictures)
    return len(drawn), [picture.name for picture in pictures], run.folder


def test_the_newest_picture_is_told(toy, tmp_path, monkeypatch):
    settings = toy(save_every=4, display_every=2, steps_per_scene=8)
    drawn, pictures, _ = watched(settings, tmp_path, monkeypatch)
    assert pictures == ["latest.png", "default_1.png", "latest.png", "default_2.png"]
    assert drawn == 1


def test_show_graphs_draws_the_losses_at_every_look(toy, tmp_path, monkeypatch):
    settings = toy(save_every=4, display_every=2, steps_per_scene=8, show_graphs=True)
    drawn, _, _ = watched(settings, tmp_path, monkeypatch)
    assert drawn == 5


@pytest.mark.parametrize("display_every", [0, 2])
def test_display_scale_is_that_of_the_newest_picture(toy, tmp_path, display_every):
    folder = begin(toy(display_scale=0.5, display_every=display_every), tmp_path)
    assert load_image(folder / "latest.png").shape == (1, 3, 16, 16)
    assert load_image(folder / "frames/default_1.png").shape == (1, 3, 32, 32)


def test_show_palette_saves_the_palettes(toy, tmp_path):
    palette = {"image_model": "Limited Palette", "palettes": 3, "palette_size": 4}
    folder = begin(toy(**palette, show_palette=True, allow_overwrite=True), tmp_path)
    assert load_image(folder / "palette.png").shape == (1, 3, 4 * 32, 3 * 16)
    begin(toy(**palette, allow_overwrite=True), tmp_path)
    assert not (folder / "palette.png").exists()


# ── TensorBoard ──


class Writer:
    """What is asked of TensorBoard's writer."""

    made = ()

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.written, self.closed = folder, purge_step, {}, False
        Writer.made = (*Writer.made, self)

    def add_scalar(self, tag, value, step):
        self.written[tag, step] = value

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def tensorboard(monkeypatch):
    from mutoscope.build import parts as module

    monkeypatch.setattr(Writer, "made", ())
    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    return Writer


def test_tensorboard_hears_of_every_step(toy, tmp_path, tensorboard):
    folder = begin(toy(use_tensorboard=True), tmp_path, stops_after(3))
    go_on(folder)
    first, second = tensorboard.made
    assert (first.purge_step, second.purge_step) == (1, 4)
    assert first.folder == second.folder == str(folder / "tensorboard")
    assert first.closed
    assert second.closed
    written = first.written | second.written
    for line in (folder / "log.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name in ("a fox", "smoothing", "total"):
            assert written[f"losses/{name}", record["step"]] == record[name]
    assert len(written) == 4 * 3


def test_tensorboard_missing_is_said_before_anything_is_made(toy, tmp_path, monkeypatch):
    from mutoscope.build import parts as module

    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(ExtraError, match=r"pip install 'mutoscope\[tensorboard\]'"):
        begin(toy(use_tensorboard=True), tmp_path)
    assert not (tmp_path / "images_out").exists()


def test_notices_do_not_repeat(toy, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "mutoscope"):
        begin(toy(), tmp_path)
    assert caplog.messages == []


def test_render_makes_a_whole_run(toy, tmp_path):
    assert contents(render(toy(**FILM), out=tmp_path / "a")) == contents(
        begin(toy(**FILM), tmp_path / "b")
    )


SUNG = {
    **FILM,
    "scenes": "a fox:1+bass",
    "steps_per_scene": 22,
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "frames_per_second": 10,
    "input_audio": "tone.wav",
}


def heard(film):
    """When the sound of a film begins and ends, in seconds, and how long its pictures run."""
    with av.open(str(film)) as container:
        rate = container.streams.audio[0].rate
        samples = np.concatenate(
            [frame.to_ndarray().mean(0) for frame in container.decode(audio=0)]
        )  # fmt: skip
    with av.open(str(film)) as container:
        pictures = len(list(container.decode(video=0)))
    loud = np.nonzero(np.abs(samples) > 0.1)[0]
    return loud[0] / rate, loud[-1] / rate, pictures


@pytest.mark.parametrize("offset", [0.0, 0.25, -0.2])
def test_a_film_carries_its_sound_in_step(toy, tmp_path, play, offset):
    play("tone.wav", hertz=100, start=0.4, stop=0.8)
    film = begin(toy(**SUNG, input_audio_offset=offset), tmp_path) / "toy.mp4"
    start, stop, pictures = heard(film)
    assert pictures == 11
    assert start == pytest.approx(0.4 - offset, abs=0.05)  # half a frame
    assert stop == pytest.approx(0.8 - offset, abs=0.05)
    assert read_recipe(film)["settings"]["input_audio"] == "tone.wav"


def test_a_film_with_sound_goes_on_to_the_same_bytes(toy, tmp_path, play):
    play("tone.wav", hertz=100, start=0.4, stop=0.8)
    whole = begin(toy(**SUNG), tmp_path / "one")
    stopped = begin(toy(**SUNG), tmp_path / "two", stops_after(9))
    go_on(stopped)
    assert contents(stopped) == contents(whole)


def test_where_the_sound_has_gone_the_film_is_silent_and_that_is_said(toy, tmp_path, play, caplog):
    path = play("tone.wav")
    parts = build(toy(**SUNG))
    with start_run(parts, tmp_path) as run:
        path.unlink()
        list(perform(parts, run))
    assert "the film stays silent" in caplog.text
    assert ClipSource(run.film_path).length == 11


def test_pictures_that_are_not_one_a_frame_can_not_carry_it(toy, tmp_path, play):
    play("tone.wav")
    folder = begin(toy(**{**SUNG, "save_every": 4}), tmp_path)
    with av.open(str(folder / "toy.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("stop", [4, 10, 17])
def test_a_film_along_another_goes_on_to_the_same_bytes(toy, tmp_path, shoot, stop):
    """Also the frames further back, which are read from their files, are the same."""
    shoot("clip.mp4", [0.2, 0.4, 0.5, 0.9, 0.3, 0.6, 0.7, 0.5], size=(48, 40))
    settings = toy(
        **{**FILM, "animation_mode": "Video Source", "video_path": "clip.mp4"},
        width=48,
        height=40,
        reencode_each_frame=False,
        display_every=2,
        flow_stabilization_weight="5",
        flow_long_term_samples=2,
    )
    settings = settings.replace(steps_per_scene=11)
    whole = begin(settings, tmp_path / "one")
    stopped = begin(settings, tmp_path / "two", stops_after(stop))
    go_on(stopped)
    assert contents(stopped) == contents(whole)


# ── films that close ──

LOOP = {**FILM, "steps_per_scene": 12, "loop": True, "loop_overlap": 3}
WAYS = {
    "2D": {},
    "3D": {"animation_mode": "3D", "translate_z_3d": 40, "depth_model": "relief"},
    "Video Source": {"animation_mode": "Video Source", "video_path": "clip.mp4"},
    "off": {"animation_mode": "off"},
}


def shown(folder):
    """The pictures of a run's film, as their files hold them, in the order of the film."""
    with Run.open(folder) as run:
        frames = [path for _, path in run.frames()]
    plan = About.read(folder / "run.json").film
    pictures = [load_image(path) for path in plan.order(frames)]
    assert ClipSource(folder / "toy.mp4").length == len(pictures)
    return pictures


@pytest.mark.parametrize("way", WAYS)
def test_a_film_that_closes_plays_round(toy, tmp_path, shoot, way):
    shoot("clip.mp4", [0.5 + 0.4 * (-1) ** (n // 2) for n in range(30)])
    changes = {"pre_animation_steps": 30, "steps_per_scene": 39, "loop_overlap": 8}
    folder = begin(toy(**{**LOOP, **changes, **WAYS[way]}), tmp_path)
    pictures = shown(folder)
    around = [*pictures, *pictures[:1]]
    *steps, seam = [float((a - b).square().mean()) for a, b in itertools.pairwise(around)]
    # Where the lap's last frame leads on, the step is one of those in which it was first painted.
    last, first = 8 - 1, 8
    assert torch.equal(pictures[last], load_image(folder / "frames/toy_8.png"))
    assert torch.equal(pictures[first], load_image(folder / "frames/toy_9.png"))
    assert 0 < seam <= sum(steps) / len(steps)


def test_a_loop_is_shown_from_where_its_time_begins(toy, tmp_path):
    folder = begin(toy(**LOOP), tmp_path)
    with Run.open(folder) as run:
        assert [number for number, _ in run.frames()] == list(range(1, 12))
    kept = [load_image(folder / f"frames/toy_{n}.png") for n in (9, 10, 11, 4, 5, 6, 7, 8)]
    assert all(torch.equal(*pair) for pair in zip(shown(folder), kept, strict=True))
    film = [picture.mean((2, 3)) for picture in ClipSource(folder / "toy.mp4")]
    for colour, picture in zip(film, kept, strict=True):
        assert float((colour - picture.mean((2, 3))).abs().max()) < 0.02


@pytest.mark.parametrize("stop", [1, 14, 24, 26, 29, 31, 33])
def test_a_stopped_loop_goes_on_to_the_same_bytes(toy, tmp_path, stop):
    whole = begin(toy(**LOOP), tmp_path / "whole")
    folder = begin(toy(**LOOP), tmp_path / "stopped", stops_after(stop))
    go_on(folder)
    assert contents(folder) == contents(whole)


def test_a_loop_needs_a_picture_for_each_frame(toy):
    with pytest.raises(SettingsError, match=r"loop: .* save_every is 6 where steps_per_frame is 3"):
        toy(**{**LOOP, "save_every": 6})


# ── faults ──


def test_parts_that_memory_asked_for_are_kept_with_the_run(toy, tmp_path, monkeypatch, caplog):
    def short(most):
        """Perceptors have memory for so many cutouts at once."""
        see = Tiny.see

        def narrow(self, batch):
            if len(batch) > most:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
            return see(self, batch)

        patch.setattr(Tiny, "see", narrow)

    settings = FILM | {"cutouts": 6}
    plenty = begin(toy(**settings), tmp_path / "plenty")
    with monkeypatch.context() as patch:
        short(2)
        whole = begin(toy(**settings), tmp_path / "whole")
        assert caplog.text.count("memory is short") == 2  # in 2 parts, then in 4
        folder = begin(toy(**settings), tmp_path / "stopped", stops_after(4))
    go_on(folder)  # where there is memory it is gone on with as it was begun
    assert contents(folder) == contents(whole)
    for path in sorted((whole / "frames").iterdir()):
        other = load_image(plenty / "frames" / path.name)
        assert (load_image(path) - other).abs().max() <= 1.5 / 255  # but for rounding


def test_a_plot_of_quality_that_was_not_reached_is_drawn(toy, tmp_path):
    folder = begin(toy(**FILM), tmp_path)
    whole = contents(folder)
    (folder / "quality.png").unlink()
    go_on(folder)
    assert contents(folder) == whole
