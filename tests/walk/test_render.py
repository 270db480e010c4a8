"""The renderer: the same pictures from wherever one starts, in colour, at any size."""

import pytest
import torch

from mutoscope.errors import RunError, SettingsError, WeightsError
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.walk import Route, load_renderer, plan

CPU = torch.device("cpu")


@pytest.fixture
def walk(renderer):
    return plan(Route(segments=2, frames=4, pace="raw"), renderer)


def test_pictures_are_those_of_the_generator(renderer, walk):
    vectors, _ = walk.points(0, 8)
    net = renderer.generator
    with torch.no_grad():
        wanted = net.synthesise(net.truncate(vectors.float(), 0.7), noise="constant")
    images = torch.cat(list(renderer.frames(8, walk.points, "w")(0)))
    assert images.shape == (8, 3, 32, 32)
    assert torch.allclose(images[:, :1], (wanted / 2 + 0.5).clamp(0, 1), atol=1e-5)
    assert torch.equal(images[:, 0], images[:, 2])
    assert images.std() > 0.01


@pytest.mark.parametrize("start", [0, 1, 3, 5, 7, 8])
def test_a_picture_is_the_same_from_wherever_one_starts(renderer, walk, start):
    every = list(renderer.frames(8, walk.points, "w")(0))
    some = list(renderer.frames(8, walk.points, "w")(start))
    assert len(some) == 8 - start
    assert all(torch.equal(a, b) for a, b in zip(every[start:], some, strict=True))


def test_whoever_stops_taking_leaves_no_thread(renderer, walk):
    frames = renderer.frames(8, walk.points, "w")(0)
    next(frames)
    frames.close()
    assert next(iter(renderer.frames(8, walk.points, "w")(4))).shape == (1, 3, 32, 32)


def test_colour_and_size(tmp_path, single_thread):
    shape = Shape(size=32, channels=3, z=8, w=8, cbase=64, cmax=8, mapping_layers=1)
    write_generator(tmp_path / "own.safetensors", Generator(shape, torch.Generator()))
    renderer = load_renderer(tmp_path / "own.safetensors", CPU, size=50)
    walk = plan(Route(segments=2, frames=2, pace="raw"), renderer)
    (first, *_) = renderer.frames(4, walk.points, "w")(0)
    assert first.shape == (1, 3, 50, 50)
    assert not torch.equal(first[:, 0], first[:, 1])


def test_what_is_no_generator_is_refused(tmp_path, trained):
    with pytest.raises(RunError, match=r"holds no generator\.safetensors"):
        load_renderer(tmp_path, CPU)
    with pytest.raises(RunError, match="does not exist"):
        load_renderer(tmp_path / "none", CPU)
    (tmp_path / "a.safetensors").write_bytes(b"no")
    with pytest.raises(WeightsError, match=r"a\.safetensors"):
        load_renderer(tmp_path / "a.safetensors", CPU)
    for options in ({"size": 7}, {"size": 10_000}, {"batch": 0}):
        with pytest.raises(SettingsError, match="allowed are"):
            load_renderer(trained, CPU, **options)


def test_equal_files_have_equal_digests(tmp_path, trained, renderer):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes((trained / "generator.safetensors").read_bytes())
    assert load_renderer(copy, CPU).digest == renderer.digest
