"""Places in words: sums of samples, bookmarks and directions, and the files behind the names."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from mutoscope.errors import MediaError, MutoscopeError, SettingsError
from mutoscope.walk import load_renderer
from mutoscope.walk.bookmarks import Bookmark, read_bookmarks, write_bookmarks
from mutoscope.walk.directions import KEY, Directions, read_directions, write_directions
from mutoscope.walk.keys import sample
from mutoscope.walk.places import Map, keys_of, parse_place


@pytest.fixture
def places(trained, tmp_path, single_thread):
    """A generator with two directions and a bookmark."""
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    renderer = load_renderer(folder, torch.device("cpu"))
    vectors = torch.eye(16)[:2]
    found = Directions(("sefa-1", "pca-2"), vectors, torch.tensor([0.5, 2.0]), renderer.digest)
    write_directions(folder, found)
    z = Bookmark("7", sample(7, 16), "z", renderer.digest)
    write_bookmarks(folder, {"tall-bird": z})
    return Map.of(renderer)


def w_of(places, number):
    return places.renderer.map(sample(number, 16)[None])[0]


def test_a_place_is_a_sum(places):
    step, other = torch.eye(16)[0] * 0.5, torch.eye(16)[1] * 2
    close = torch.testing.assert_close
    close(places.find("42"), w_of(places, 42))
    close(places.find("42 + 2*sefa-1 - 1.5*pca-2"), w_of(places, 42) + 2 * step - 1.5 * other)
    close(places.find("0.25*3+0.75*tall-bird"), 0.25 * w_of(places, 3) + 0.75 * w_of(places, 7))
    close(places.find("-2*sefa-1 + mean"), places.renderer.mean() - 2 * step)
    close(places.find("3 - 17 + tall-bird"), w_of(places, 3) - w_of(places, 17) + w_of(places, 7))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"), ("+", "where + or -"), ("3 +", "where a sample"), ("3*", "is wanted"),
        ("3 3", "where + or -"),
        ("3 4*sefa-1", "where + or -"), ("1.5", "sample's number"), ("2*3", "come to 2"),
        ("sefa-1", "come to 0"), ("3 + 17", "come to 2"), ("3 + 101*sefa-1", "the largest"),
        ("hen", "is no bookmark"), ("tall-brid", "did you mean 'tall-bird'"), ("3 / 4", "in it"),
        ("3 + 2*sefa-7", "no such direction"), ("3; import os", "in it"), ("9" * 30, "number"),
        ("3 + " * 60 + "3", "characters"), ("1e3", "in it"), ("٣", "in it"), ("\x1b[2J", "in it"),
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused_in_one_line(places, text, said):
    with pytest.raises(SettingsError) as caught:
        places.find(text)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_keys_are_samples_or_places(places):
    plain = keys_of("3, 8..10", places.renderer)
    assert (plain.space, plain.numbers) == ("z", (3, 8, 9, 10))
    mixed = keys_of("3,tall-bird,8..9, 42 + 2*sefa-1", places.renderer)
    assert (mixed.space, mixed.numbers, mixed.vectors.shape) == ("w", None, (5, 16))
    assert (plain.words, mixed.words) == (None, "3,tall-bird,8..9, 42 + 2*sefa-1")
    torch.testing.assert_close(mixed.vectors[1], w_of(places, 7))
    torch.testing.assert_close(mixed.vectors[3], w_of(places, 9))
    for text in ("", "3,,tall-bird", "tall-bird,5..3", "tall-bird,0..9999999"):
        with pytest.raises(SettingsError, match="--keys"):
            keys_of(text, places.renderer)


def test_a_walk_by_numbers_minds_no_damaged_bookmarks(places):
    (places.folder / "bookmarks.json").write_text("{")
    assert keys_of("3,4", places.renderer).numbers == (3, 4)
    with pytest.raises(MediaError, match=r"bookmarks\.json"):
        keys_of("3,tall-bird", places.renderer)


def test_bookmarks_come_back_as_they_were_and_damage_nothing(tmp_path):
    vector = torch.randn(9, generator=torch.Generator().manual_seed(0))
    kept = {
        "été": Bookmark("42 + 2*sefa-1", vector, "w", "sha256:00"),
        "b_1": Bookmark("3", vector[:4], "z", "sha256:00"),
    }
    assert read_bookmarks(tmp_path) == {}
    path = write_bookmarks(tmp_path, kept)
    found = read_bookmarks(tmp_path)
    assert set(found) == set(kept)
    for name, one in kept.items():
        assert torch.equal(found[name].vector, one.vector)
        assert (found[name].latent, found[name].space) == (one.latent, one.space)
    assert len(path.read_text().splitlines()) == 4
    before = path.read_bytes()
    for name in ("3", "", "sefa-1", "mean", "a b", "-a", "a" * 99, "a\n", "../x"):
        with pytest.raises(SettingsError, match="bookmark"):
            write_bookmarks(tmp_path, {**kept, name: kept["b_1"]})
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["bookmarks.json"]


GOOD = {"latent": "3", "generator": "x", "w": [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{", "[" * 100_000, '{"form": 2, "bookmarks": {}}', '{"form": 1, "bookmarks": []}',
        *(json.dumps({"form": 1, "bookmarks": {"a": entry}}) for entry in (
            3, [], {**GOOD, "z": [1]}, {**GOOD, "w": []}, {**GOOD, "w": [True]},
            {**GOOD, "w": [float("nan")]}, {**GOOD, "w": [10**400]}, {**GOOD, "w": 5},
            {**GOOD, "latent": 3}, {**GOOD, "latent": "3" * 999}, {"w": [1]}, {**GOOD, "q": 1},
        )),
        json.dumps({"form": 1, "bookmarks": {"mean": GOOD}}),
        json.dumps({"form": 1, "bookmarks": {"\x1b[2J": GOOD}}),
    ],
)  # fmt: skip
def test_hostile_bookmarks_are_refused_in_one_line(tmp_path, text):
    (tmp_path / "bookmarks.json").write_text(text)
    with pytest.raises(MediaError) as caught:
        read_bookmarks(tmp_path)
    assert "bookmarks.json" in str(caught.value)
    assert str(caught.value).isprintable()


def test_bookmarks_of_another_generator_are_not_walked_through(places):
    other = Bookmark("42 + 2*sefa-1", torch.zeros(16), "w", "sha256:other")
    short = Bookmark("42", torch.zeros(3), "w", places.renderer.digest)
    write_bookmarks(places.folder, {"old": other, "short": short})
    renewed = Map.of(places.renderer)
    with pytest.raises(SettingsError, match=r"another generator.*old='42 \+ 2\*sefa-1'"):
        renewed.find("old")
    with pytest.raises(SettingsError, match="has 3 numbers"):
        renewed.find("short")


def test_directions_come_back_and_their_lack_is_said(places):
    found = read_directions(places.folder, generator=places.renderer.digest, w=16)
    assert found.names == ("sefa-1", "pca-2")
    assert torch.equal(found.step("pca-2"), torch.eye(16)[1] * 2)
    with pytest.raises(MediaError, match="another generator"):
        read_directions(places.folder, generator="sha256:else", w=16)
    (places.folder / "directions.safetensors").unlink()
    with pytest.raises(SettingsError, match="none are kept"):
        Map.of(places.renderer).find("3 + sefa-1")


@pytest.mark.parametrize(
    ("names", "vectors", "spread"),
    [
        (["sefa-1", "sefa-1"], torch.eye(4)[:2], torch.ones(2)),
        (["../x"], torch.eye(4)[:1], torch.ones(1)),
        ("sefa-1", torch.eye(4)[:1], torch.ones(1)),
        (["sefa-1"], torch.eye(4)[:2], torch.ones(2)),
        (["sefa-1"], torch.eye(5)[:1], torch.ones(1)),
        (["sefa-1"], 5 * torch.eye(4)[:1], torch.ones(1)),
        (["sefa-1"], torch.eye(4)[:1], torch.full((1,), torch.nan)),
        (["sefa-1"], torch.eye(4)[:1].double(), torch.ones(1)),
        ([], torch.zeros(0, 4), torch.ones(0)),
    ],
)
def test_hostile_directions_are_refused(tmp_path, names, vectors, spread):
    told = {KEY: json.dumps({"names": names, "generator": "g"})}
    path = tmp_path / "directions.safetensors"
    save_file({"directions": vectors, "spread": spread}, path, told)
    with pytest.raises(MutoscopeError, match=r"directions\.safetensors"):
        read_directions(tmp_path, generator="g", w=4)


def test_what_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "directions.safetensors"
    for data in (b"", b"\xff" * 99, b"\x05\0\0\0\0\0\0\0[[[[["):
        path.write_bytes(data)
        with pytest.raises(MediaError, match="write it anew"):
            read_directions(tmp_path, generator="g", w=4)
    save_file({"directions": torch.eye(4)}, path)
    with pytest.raises(MediaError, match="write it anew"):
        read_directions(tmp_path, generator="g", w=4)


def test_places_are_read_term_by_term():
    terms = parse_place("-2 * sefa-1+0.5*17 + bird_2")
    assert [(term.factor, term.what) for term in terms] == [
        (-2, "sefa-1"), (0.5, 17), (1, "bird_2"),
    ]  # fmt: skip
