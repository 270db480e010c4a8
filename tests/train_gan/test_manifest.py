"""What a training learned from: every file by digest, and again when it goes on with others."""

import hashlib
import json
from dataclasses import replace

import pytest

from mutoscope.errors import RunError
from mutoscope.train_gan import manifest
from mutoscope.train_gan.manifest import (
    gone_on,
    manifest_of,
    origin_of,
    read_manifests,
    recipe_digest,
    write_manifests,
)
from mutoscope.train_gan.material import look_for
from mutoscope.train_gan.recipe import Recipe


@pytest.fixture
def made(tiles):
    """The manifest of six tiles."""
    return manifest_of(look_for(tiles, "tiles"))


def test_every_file_has_its_digest(tiles, made):
    wanted = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in tiles.iterdir()}
    assert dict(made.files) == wanted
    assert (made.kind, made.count, made.after) == ("tiles", 6, 0)
    assert made.stretch.files.named == wanted
    (tiles / "0.png").write_bytes((tiles / "1.png").read_bytes())
    assert manifest_of(look_for(tiles, "tiles")).digest != made.digest


def test_it_is_written_and_read(tmp_path, made):
    assert read_manifests(tmp_path) == ()
    write_manifests(tmp_path, [made, replace(made, after=8)])
    assert read_manifests(tmp_path) == (made, replace(made, after=8))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "{", lambda _: "[]", lambda _: '{"kind": "x"}',
        lambda told: json.dumps({**told, "material": [{"after": 0}]}),
        lambda told: json.dumps({**told, "material": [{**told["material"][0], "digest": "x"}]}),
        lambda told: json.dumps({**told, "material": [{**told["material"][0], "files": {"a": 3}}]}),
        lambda told: json.dumps({**told, "material": [{**told["material"][0], "folder": 3}]}),
    ],
)  # fmt: skip
def test_what_is_damaged_is_told(tmp_path, made, spoil):
    write_manifests(tmp_path, [made])
    place = tmp_path / manifest.NAME
    place.write_text(spoil(json.loads(place.read_text())))
    with pytest.raises(RunError, match=r"material\.json: is damaged"):
        read_manifests(tmp_path)


def test_going_on_with_the_same_changes_nothing_and_with_others_adds_to_it(made):
    other = replace(made, digest="0" * 64, after=8)
    assert gone_on((), made) == (made,)
    assert gone_on((made,), replace(made, after=8, folder="/moved")) == (made,)
    assert gone_on((made,), other) == (made, other)
    # Nothing was learned from what was there only for a moment.
    assert gone_on((made, other), replace(made, after=8)) == (made,)
    assert gone_on((made,), replace(other, after=0)) == (replace(other, after=0),)


def test_tiles_tell_of_their_scans_if_they_know(tiles, made):
    assert made.stretch.scans is None
    digest = "a" * 64
    for text, known in (
        (json.dumps({"pages": {"one": [digest, 0, 0, 9, 9]}}), {"one": digest}),
        (json.dumps({"pages": {"one": ["x"]}}), {}), (json.dumps({"pages": [3]}), {}), ("{", {}),
    ):  # fmt: skip
        (tiles / "tiles.json").write_text(text)
        found = manifest_of(look_for(tiles, "tiles"))
        assert dict(found.scans) == known
    assert not known
    (tiles / "tiles.json").write_text(json.dumps({"pages": {"one": [digest]}}))
    stretch = manifest_of(look_for(tiles, "tiles")).stretch
    assert stretch.drawings.named == {"one": digest}


def test_very_many_are_known_by_their_list_alone(tiles, made, monkeypatch):
    monkeypatch.setattr(manifest, "MOST_LISTED", 5)
    found = manifest_of(look_for(tiles, "tiles"))
    assert (found.files, found.count, found.digest) == ({}, 6, made.digest)
    assert found.stretch.files.count == 6


def test_the_digest_of_a_recipe_is_that_of_what_may_not_change(tmp_path, toy_settings, made):
    recipe = Recipe("/a", "x", "smoke", toy_settings())
    longer = recipe.going_on({"images": 4800})
    assert recipe_digest(recipe) == recipe_digest(longer)
    other = replace(recipe, settings=toy_settings(seed=1))
    assert recipe_digest(recipe) != recipe_digest(other)
    origin = origin_of(tmp_path / "lines", recipe, 48, [made])
    assert (origin.run, origin.images, origin.preset) == ("lines", 48, "smoke")
