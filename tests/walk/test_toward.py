"""Walks that are led toward words: nearer to them, still closed, even, and the same each time."""

from dataclasses import replace

import pytest
import torch

from mutoscope.errors import ScriptError, SettingsError, WeightsError
from mutoscope.gan.search import REACH
from mutoscope.walk import STYLES, Filming, Leading, Route, Toward, plan, walk_to_film
from mutoscope.walk.keys import samples
from mutoscope.walk.toward import Guide, place_of

WORDS = Toward("a bird", perceptors=("tiny",))
ROUTE = Route(segments=3, frames=16, pace="latent", toward=WORDS)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr("mutoscope.walk.toward.STEPS", 10)


def pictures(walk, renderer):
    return torch.cat(list(renderer.frames(walk.total, walk.points, walk.space)(0)))


def guide(renderer, toward=WORDS, seed=0):
    return Guide(toward, renderer, seed=seed, truncation=0.7)


def styles(renderer, count=5):
    return renderer.map(samples(tuple(range(count)), 16).vectors)


def film_distance(renderer, walk):
    """How far from the words the pictures of a whole walk are, judged by cutouts of their own."""
    judge = guide(renderer, seed=99)
    vectors, _ = walk.points(0, walk.total)
    w = vectors.float() if walk.space == "w" else renderer.map(vectors)
    return float(judge.distances(judge.space.away(w), range(walk.total)).mean())


@pytest.mark.parametrize("style", STYLES)
def test_a_film_of_every_style_comes_nearer_and_still_closes(renderer, style):
    led, plain = (
        plan(replace(ROUTE, style=style, toward=words), renderer) for words in (WORDS, None)
    )
    assert film_distance(renderer, led) < film_distance(renderer, plain) - 0.05
    assert led.space == "w"
    images = pictures(led, renderer)
    assert images.shape == (48, 3, 32, 32)
    steps = (images - images.roll(-1, 0)).flatten(1).norm(dim=1)
    assert steps.min() > 0
    assert steps[-1] < 2 * steps.mean()


def test_keys_come_nearer_as_far_as_they_may(renderer):
    keys = styles(renderer)
    for strength in (0.2, 1.0):
        led = guide(renderer, replace(WORDS, strength=strength))
        moved = led.lead(keys)
        was, now = led.space.away(keys), led.space.away(moved)
        assert (led.distances(now, range(5)) < led.distances(was, range(5))).sum() >= 4
        assert (now - was).square().mean(1).sqrt().max() <= strength * 1.001
        lengths = [away.square().mean(1).sqrt() for away in (was, now)]
        assert (lengths[1] <= lengths[0].clamp_min(REACH) * 1.001).all()


def test_weights_push_the_other_way(renderer):
    keys, plain = styles(renderer), guide(renderer)
    away = plain.space.away(keys)
    pushed = guide(renderer, replace(WORDS, words="a bird:-1")).lead(keys)
    now = plain.distances(plain.space.away(pushed), range(5)).mean()
    assert now > plain.distances(away, range(5)).mean()


def test_the_way_goes_through_the_moved_keys(renderer):
    keys = samples((3, 17, 42), 16)
    wanted = guide(renderer).lead(renderer.map(keys.vectors))
    for style in ("spline", "zigzag", "bezier"):
        for space in ("z", "w"):
            route = replace(ROUTE, style=style, keys=keys, segments=None, space=space, frames=300)
            walk = plan(route, renderer)
            vectors, _ = walk.points(0, walk.total)
            near = (vectors[:, None].float() - wanted[None]).norm(dim=2).min(dim=0).values
            # Bezier's and z's keys are of the same direction, which is all that a mapping sees.
            assert near.max() < 0.05 * wanted.norm(dim=1).mean(), (style, space)


def test_the_picture_still_changes_evenly(renderer):
    route = replace(ROUTE, segments=2, frames=128, pace="image")

    def variation(images):
        steps = (images - images.roll(-1, 0)).flatten(1).norm(dim=1)
        return float(steps.std() / steps.mean())

    assert variation(pictures(plan(route, renderer), renderer)) < 0.03


def test_no_strength_changes_nothing_and_loads_no_one(renderer):
    nobody = Toward("a bird", 0.0, ("none.safetensors",))
    still, plain = (plan(replace(ROUTE, toward=words), renderer) for words in (nobody, None))
    assert still.told == plain.told
    assert torch.equal(still.points(0, 48)[0], plain.points(0, 48)[0])


def test_the_same_seed_makes_the_same_film_and_another_one_another(renderer):
    one, same, other = (plan(replace(ROUTE, seed=seed), renderer) for seed in (1, 1, 2))
    assert torch.equal(one.points(0, 48)[0], same.points(0, 48)[0])
    assert not torch.equal(one.points(0, 48)[0], other.points(0, 48)[0])
    assert one.told["toward"] == {"prompts": "a bird", "strength": 0.7, "perceptors": ["tiny"]}


def test_a_stopped_film_goes_on_with_the_keys_that_it_had(renderer, tmp_path, monkeypatch):
    route = replace(ROUTE, frames=4, pace="raw")
    whole, stopped = tmp_path / "whole.mkv", tmp_path / "stopped.mkv"
    walk_to_film(whole, route, renderer, Filming())

    def stop(done, _):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk_to_film(stopped, route, renderer, Filming(), progress=stop)
    assert place_of(stopped).is_file()
    led = []
    leading = Leading(progress=lambda *counts: led.append(counts))
    walk_to_film(stopped, route, renderer, Filming(), leading=leading)
    assert led == []
    assert stopped.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stopped.mkv", "whole.mkv"]


def test_kept_keys_of_something_else_are_passed_over(renderer, tmp_path):
    place = place_of(tmp_path / "a.mkv")
    wanted = plan(ROUTE, renderer).points(0, 48)[0]
    other = replace(ROUTE, toward=replace(WORDS, words="a cat"))
    plan(other, renderer, leading=Leading(keep=place))
    for spoil in (lambda: None, lambda: place.write_bytes(b"no"), place.unlink):
        spoil()
        led = []
        leading = Leading(place, lambda *counts, led=led: led.append(counts))
        assert torch.equal(plan(ROUTE, renderer, leading=leading).points(0, 48)[0], wanted)
        assert led[-1] == (10, 10)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"words": "a || b"}, SettingsError, "holds 2 scenes"),
        ({"words": " "}, SettingsError, "holds no prompt"),
        ({"words": "a:t"}, SettingsError, "varies over time"),
        ({"words": "a:sin("}, ScriptError, "--toward"),
        ({"strength": -0.1}, SettingsError, "--toward-strength: -0.1"),
        ({"strength": float("nan")}, SettingsError, "--toward-strength: nan"),
    ],
)
def test_other_words_are_refused(words, error, said):
    with pytest.raises(error, match=said):
        replace(WORDS, **words)


def test_strange_perceptors_and_old_films_are_refused(renderer):
    strange = replace(ROUTE, toward=replace(WORDS, perceptors=("labls",)))
    with pytest.raises((WeightsError, SettingsError), match="labels"):
        plan(strange, renderer)
    with pytest.raises(SettingsError, match="--parity"):
        plan(replace(ROUTE, style="zigzag", parity=True), renderer)
