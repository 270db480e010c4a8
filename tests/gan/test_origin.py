"""Origins: small, whole after a way through text, and refused where they are something else."""

import hashlib
import json

import pytest

from mutoscope.gan.origin import (
    MOST_NAMED,
    MOST_STRETCHES,
    Listing,
    Origin,
    Stretch,
    lineage,
    read_lineage,
)

ONE = hashlib.sha256(b"1").hexdigest()
FILES = Listing.of({"b.png": ONE, "a.png": hashlib.sha256(b"2").hexdigest()})
ORIGIN = Origin("lines", ONE, "tiny", 2000, (Stretch(0, "tiles", "tiles", FILES, FILES, ONE),))


def test_an_origin_comes_back_as_it_was():
    assert Origin.from_json(ORIGIN.to_json()) == ORIGIN
    assert read_lineage(lineage(f"sha256:{ONE}", ORIGIN)) == (f"sha256:{ONE}", ORIGIN)
    assert read_lineage(lineage(f"sha256:{ONE}", None)) == (f"sha256:{ONE}", None)
    assert ORIGIN.material[0].drawings is FILES


def test_the_digest_of_a_list_is_that_of_what_sha256sum_prints():
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(FILES.named.items()))
    assert FILES.digest == hashlib.sha256(text.encode()).hexdigest()
    assert list(FILES.named) == ["a.png", "b.png"]


def test_many_drawings_take_no_more_room_than_some():
    many = {f"{number:06}.png": ONE for number in range(5000)}
    listing = Listing.of(many)
    assert (listing.count, len(listing.named)) == (5000, MOST_NAMED)
    assert Listing.of({**many, "000003.png": "0" * 64}).digest != listing.digest
    stretches = tuple(Stretch(n, "scans", "pages", FILES) for n in range(9))
    told = Origin.from_json(Origin("x", ONE, "y", 1, stretches).to_json())
    assert [one.after for one in told.material] == [0, *range(9)[1 - MOST_STRETCHES :]]


@pytest.mark.parametrize("letter", ["x", "ü", "🖋"])
def test_long_names_never_make_it_too_long_for_a_recipe(letter):
    listing = Listing.of({f"{number:02}{letter * 190}": ONE for number in range(90)})
    assert listing.named or letter == "🖋"
    stretches = tuple(Stretch(n, "t" * 200, letter * 200, listing, listing) for n in range(9))
    origin = Origin(letter * 200, ONE, "y", 1, stretches)
    assert Origin.from_json(origin.to_json()).run == letter * 200
    assert Listing.of({"x" * 201: ONE}).named == {}


def changed(**values):
    return {**ORIGIN.to_dict(), **values}


@pytest.mark.parametrize(
    "told",
    [
        3, [], {}, changed(run=3), changed(run="x" * 201), changed(recipe="no"),
        changed(images=-1), changed(images=True), changed(images=1.5), changed(material=3),
        changed(material=[3]), changed(material=[ORIGIN.to_dict()["material"][0]] * 9),
        changed(material=[{**ORIGIN.to_dict()["material"][0], "files": {"count": 1}}]),
    ],
)  # fmt: skip
def test_something_else_is_refused(told):
    with pytest.raises(ValueError, match=r"it |in it|its "):
        Origin.from_json(json.dumps(told))


def test_text_that_is_no_json_is_refused():
    for text in ("", "{", "[" * 20_000, " " * 40_000):
        with pytest.raises(ValueError):
            Origin.from_json(text)
