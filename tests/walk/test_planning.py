"""Routes: what they come to, frame by frame, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mutoscope.errors import ScriptError, SettingsError
from mutoscope.sound import hear
from mutoscope.walk import STYLES, Drive, Keys, Route, plan
from mutoscope.walk.keys import samples
from mutoscope.walk.route import WAVES

SMALL = Route(segments=3, frames=16, pace="latent")


def pictures(walk, renderer):
    return torch.cat(list(renderer.frames(walk.total, walk.points, walk.space)(0)))


def doubled(images):
    return int((images == images.roll(1, 0)).flatten(1).all(dim=1).sum())


@pytest.mark.parametrize("style", STYLES)
def test_every_style_closes_without_a_doubled_frame(renderer, style):
    walk = plan(replace(SMALL, style=style, pace="image"), renderer)
    images = pictures(walk, renderer)
    assert images.shape == (48, 3, 32, 32)
    assert doubled(images) == 0
    assert walk.space == ("z" if style in WAVES else "w")
    steps = (images - images.roll(-1, 0)).flatten(1).norm(dim=1)
    assert steps[-1] < 2 * steps.mean()


def test_the_picture_changes_evenly(renderer):
    route = Route(segments=2, frames=128)
    even, raw = (pictures(plan(r, renderer), renderer) for r in (route, replace(route, pace="raw")))

    def variation(images):
        steps = (images - images.roll(-1, 0)).flatten(1).norm(dim=1)
        return float(steps.std() / steps.mean())

    assert variation(even) < 0.015
    assert variation(raw) > 5 * variation(even)


def test_a_short_film_looks_at_half_as_many_pictures_as_it_has_at_most(renderer):
    looked = []

    def counted(vectors, *_):
        looked.append(len(vectors))
        return glance(vectors, *_)

    glance = renderer.glance
    object.__setattr__(renderer, "glance", counted)
    plan(Route(segments=2, frames=50), renderer)
    assert sum(looked) == 50
    plan(Route(segments=2, frames=400), renderer)
    assert sum(looked) <= 50 + 200


@pytest.mark.slow
@pytest.mark.long
def test_a_walk_of_which_nothing_is_said_has_one_speed_and_no_frame_twice(renderer):
    walk = plan(Route(), renderer)
    assert walk.total == 16 * 512
    seen = torch.cat([
        renderer.glance(walk.points(first, first + 512)[0], walk.space, 0.7)
        for first in range(0, walk.total, 512)
    ]).double()  # fmt: skip
    steps = (seen.roll(-1, 0) - seen).norm(dim=1)  # the last one leads to the first
    assert float(steps.std() / steps.mean()) < 0.01
    assert float(steps[-1] / steps.mean()) == pytest.approx(1, abs=0.02)
    assert steps.min() > 0


@pytest.mark.parametrize(("style", "twice"), [("bezier", 3), ("zigzag", 1)])
def test_films_as_they_were_have_the_frames_that_they_had(renderer, style, twice):
    walk = plan(replace(SMALL, style=style, parity=True), renderer)
    vectors, psis = walk.points(0, walk.total)
    assert walk.total == (48 if style == "bezier" else 32)
    assert int((vectors == vectors.roll(1, 0)).all(dim=1).sum()) == twice
    assert psis.unique().tolist() == [1]


@pytest.mark.parametrize("style", ["sine", "bitloop"])
def test_waves_as_they_were_are_as_long_as_is_said(renderer, style):
    walk = plan(replace(SMALL, style=style, parity=True), renderer)
    assert walk.points(0, walk.total)[0].shape == (48, 16)
    assert plan(Route(style="period", segments=2, frames=900, parity=True), renderer).total == 1800


@pytest.mark.parametrize("style", ["spline", "zigzag", "bezier"])
@pytest.mark.parametrize("space", ["z", "w"])
def test_a_walk_goes_through_its_keys_from_the_first_on(renderer, style, space):
    keys = samples((3, 17, 42), 16)
    route = Route(style=style, frames=200, keys=keys, space=space, pace="latent")
    walk = plan(route, renderer)
    vectors, _ = walk.points(0, walk.total)
    wanted = renderer.map(keys.vectors) if space == "w" else keys.vectors
    near = torch.nn.functional.cosine_similarity(vectors[:, None].float(), wanted[None], dim=2).max(
        dim=0
    )
    assert near.values.min() > 0.999
    assert near.indices[0] == 0
    assert near.indices.tolist() == sorted(near.indices.tolist())


def test_the_seed_decides_and_is_told(renderer):
    one, same, other = (
        plan(replace(SMALL, seed=seed), renderer).points(0, 48)[0] for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    told = plan(replace(SMALL, seed=5, keys=samples((3, 4, 5), 16)), renderer).told
    assert (told["seed"], told["keys"], told["style"]) == (5, [3, 4, 5], "spline")


def test_truncation_may_vary_over_time(renderer):
    walk = plan(replace(SMALL, truncation="0:(1), 47:(0)"), renderer)
    images = pictures(walk, renderer)
    mean = renderer.images(renderer.mean()[None], "w", torch.ones(1))
    apart = (images[:, :1] - mean).flatten(1).norm(dim=1)
    assert apart[-1] < 1e-4 < apart[0]
    assert torch.allclose(walk.points(0, 48)[1][[0, 47]], torch.tensor([1.0, 0.0]).double())


def test_a_song_pushes_the_walk_where_it_is_loud(renderer, play):
    song = play("song.wav", hertz=100, start=0.8, stop=1.2, length=1.6)
    heard = hear(song, duration=1.6, frames_per_second=30)
    route = replace(SMALL, drive=Drive("bass", 5), style="orbit", segments=4, frames=12)
    walk, calm = plan(route, renderer, heard), plan(replace(route, drive=None), renderer)
    assert walk.total == calm.total == 48

    def steps(walk):
        vectors, _ = walk.points(0, 48)
        return (vectors.roll(-1, 0) - vectors).norm(dim=1)

    pushed = steps(walk)
    assert pushed[26:34].min() > 4 * pushed[5:20].max()
    assert float(steps(calm).std() / steps(calm).mean()) < 0.05
    # It has gone round once, and the last step leads to the first.
    assert pushed.sum().item() == pytest.approx(steps(calm).sum().item(), rel=0.03)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"style": "splin"}, "did you mean 'spline'"),
        ({"pace": "fast"}, "--pace"),
        ({"space": "q"}, "neither z nor w"),
        ({"style": "sine", "space": "w"}, "walks in z"),
        ({"style": "bezier", "parity": True, "space": "w"}, "walks in z"),
        ({"style": "spline", "parity": True}, "there was no spline"),
        ({"style": "bezier", "parity": True, "total": 9}, "no seconds"),
        ({"segments": 1}, "segments: 1"),
        ({"frames": 0}, "frames: 0"),
        ({"frames": 10**9}, "allowed are 1 to"),
        ({"segments": 4, "keys": samples((1, 2, 3), 16)}, "3 keys"),
        ({"style": "noise-loop", "keys": samples((1, 2, 3), 16)}, "goes through none"),
        ({"style": "orbit", "keys": samples((1, 2, 3), 16)}, "goes through 2"),
        ({"keys": Keys(torch.eye(16)[:3], "w"), "space": "z"}, "these are in w"),
        ({"truncation": "9"}, "--truncation: 9"),
        ({"drive": Drive("0", float("nan"))}, "--gain"),
        ({"drive": Drive("-1", 1)}, "speed along the path is 0"),
        ({"style": "bitloop", "bits": "21"}, "ones and zeros"),
    ],
)
def test_what_cannot_be_is_refused(renderer, changes, said):
    with pytest.raises(SettingsError, match=said):
        plan(replace(SMALL, **changes), renderer)


def test_bands_without_a_sound_are_unknown(renderer):
    with pytest.raises(ScriptError, match="bass"):
        plan(replace(SMALL, drive=Drive("bass")), renderer)
    swaying = plan(replace(SMALL, drive=Drive("1 + sin(t)")), renderer)
    assert np.isfinite(swaying.points(0, 48)[0].numpy()).all()
