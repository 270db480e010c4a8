"""Walks as films and folders: whole, with sound and recipe, and gone on with after a stop."""

import av
import pytest

from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.produce import work_folder
from mutoscope.frames import ClipSource
from mutoscope.provenance import read_recipe
from mutoscope.walk import Filming, Keys, Route, walk_to_film, walk_to_folder, write_sheet
from mutoscope.walk.keys import samples

ROUTE = Route(segments=2, frames=6, pace="raw", seed=3)


def test_a_film_holds_the_walk_and_says_how_it_was_made(renderer, tmp_path):
    seen = []
    out = tmp_path / "a.mkv"
    walk_to_film(out, ROUTE, renderer, Filming(), progress=lambda *counts: seen.append(counts))
    film = list(ClipSource(out))
    assert len(film) == 12
    assert film[0].shape == (1, 3, 32, 32)
    assert ClipSource(out).rate == 30
    assert seen[-1] == (12, 12)
    told = read_recipe(out)["walk"]
    assert told["generator"] == renderer.digest
    assert (told["style"], told["seed"], told["frames"]) == ("spline", 3, 12)
    assert not work_folder(out).exists()


def test_a_film_that_was_stopped_is_the_one_that_was_not(renderer, tmp_path):
    whole, stopped = tmp_path / "whole.mkv", tmp_path / "stopped.mkv"
    walk_to_film(whole, ROUTE, renderer, Filming())

    def stop(done, _):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk_to_film(stopped, ROUTE, renderer, Filming(), progress=stop)
    assert not stopped.exists()
    counts = []
    walk_to_film(stopped, ROUTE, renderer, Filming(), progress=lambda n, _: counts.append(n))
    assert counts[0] == 7
    assert stopped.read_bytes() == whole.read_bytes()


def test_a_film_may_be_as_long_as_its_song_and_carries_it(renderer, tmp_path, play):
    song = play("song.wav", length=1.5)
    out = tmp_path / "a.mp4"
    walk_to_film(out, ROUTE, renderer, Filming(song, 0.5, as_long=True))
    with av.open(str(out)) as container:
        assert container.streams.video[0].frames == 30
        assert len(container.streams.audio) == 1
    assert read_recipe(out)["walk"]["sound"] == {"file": "song.wav", "from": 0.5}
    with pytest.raises(MediaError, match="ends before"):
        walk_to_film(tmp_path / "b.mp4", ROUTE, renderer, Filming(song, 2.0, as_long=True))
    with pytest.raises(SettingsError, match="--sound-from"):
        walk_to_film(tmp_path / "b.mp4", ROUTE, renderer, Filming(song, float("nan")))


def test_pictures_go_into_a_folder_that_is_asked_for(renderer, tmp_path):
    walk_to_folder(tmp_path / "walk", ROUTE, renderer, Filming())
    names = sorted(path.name for path in (tmp_path / "walk").glob("*.png"))
    assert names[0] == "walk_01.png"
    assert len(names) == 12
    recipe = read_recipe(tmp_path / "walk" / "walk_12.png")
    assert (recipe["frame"], recipe["walk"]["seed"]) == (12, 3)


def test_keys_as_vectors_are_told_by_their_digest(renderer, tmp_path):
    keys = samples((1, 2), 16)
    for name, vectors in (("a.mkv", keys.vectors), ("b.mkv", keys.vectors * 2)):
        route = Route(frames=3, keys=Keys(vectors, "z"), pace="raw")
        walk_to_film(tmp_path / name, route, renderer, Filming())
    one, two = (read_recipe(tmp_path / name)["walk"]["keys"] for name in ("a.mkv", "b.mkv"))
    assert one["count"] == two["count"] == 2
    assert one["z"] != two["z"]


def test_what_is_there_is_kept_unless_that_is_said(renderer, tmp_path):
    out = tmp_path / "a.mkv"
    out.write_bytes(b"mine")
    with pytest.raises(MediaError, match="exists already"):
        walk_to_film(out, ROUTE, renderer, Filming())
    assert out.read_bytes() == b"mine"
    walk_to_film(out, ROUTE, renderer, Filming(overwrite=True))
    assert len(list(ClipSource(out))) == 12


def test_a_sheet_is_written_with_its_recipe(renderer, tmp_path):
    path = tmp_path / "keys.png"
    write_sheet(path, renderer, count=5, first=7)
    told = read_recipe(path)["samples"]
    assert (told["first"], told["count"], told["generator"]) == (7, 5, renderer.digest)
    for options, error in (
        ({}, MediaError), ({"count": 0, "overwrite": True}, SettingsError),
        ({"first": -1, "overwrite": True}, SettingsError),
    ):  # fmt: skip
        with pytest.raises(error):
            write_sheet(path, renderer, **options)
    with pytest.raises(MediaError, match="PNG"):
        write_sheet(tmp_path / "keys.jpg", renderer)
