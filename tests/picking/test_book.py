"""What is picked is in the file before it counts, and nothing in the file is lost."""

import json

import pytest

from mutoscope import atomic
from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.sheets import lay_out
from mutoscope.drawings.specimens import (
    Specimen,
    find_specimens,
    places_on,
    read_specimens,
    write_specimens,
)
from mutoscope.errors import MediaError, RunError, SettingsError
from mutoscope.picking.book import MOST_PICKED, Book

ONE, TWO = Specimen(310.5, 250.5, 60, 30), Specimen(700.25, 900.75, 80)


def held(book):
    return {name: rows for name, (_, rows) in read_specimens(book.path).items()}


def test_a_change_is_in_the_file_at_once_and_cuts_where_it_was_picked(book, tmp_path):
    assert not book.path.exists()
    book.change({0: [ONE], 1: [TWO, ONE]}, revision=0)
    assert held(book) == {"p0": [ONE], "p1": [TWO, ONE], "p2": []}
    sheets = lay_out(pages_of(book.path.parent), PageCache(tmp_path / "c"), channels=1)
    [place, *_] = places_on(sheets, read_specimens(book.path))
    assert (place.x, place.y, place.side, place.angle) == (310.5, 250.5, 60, 30)
    assert [Book(book.path.parent).picked(page) for page in range(3)] == [(ONE,), (TWO, ONE), ()]


def test_the_file_is_the_one_that_the_finder_writes(book, tmp_path):
    sheets = lay_out(
        pages_of(book.path.parent), PageCache(tmp_path / "c"), channels=1, keep_blank=True
    )
    found = {sheet.name: find_specimens(sheet.pixels, sheet.dpi) for sheet in sheets}
    write_specimens(tmp_path / "found.json", sheets, found)
    book.change({page: found[name] for page, name in enumerate(book.names)}, revision=0)
    assert len(found["p0"]) == 3
    assert book.path.read_bytes() == (tmp_path / "found.json").read_bytes()


def test_steps_go_back_and_forth_in_the_file(book):
    book.change({0: [ONE]}, revision=0)
    book.change({0: [ONE, TWO]}, revision=1)
    book.change({0: [ONE, TWO]}, revision=2)  # nothing new: no step
    assert book.steps() == (2, 0)
    assert book.undo(revision=2) == {0: (ONE,)}
    assert held(book)["p0"] == [ONE]
    assert book.redo(revision=3) == {0: (ONE, TWO)}
    assert held(book)["p0"] == [ONE, TWO]
    assert book.redo(revision=4) == {}
    assert book.revision == 4


def test_who_has_not_seen_the_last_change_is_refused(book):
    book.change({0: [ONE]}, revision=0)
    for stale in (lambda: book.change({0: []}, revision=0), lambda: book.undo(revision=0),
                  lambda: book.redo(revision=9)):  # fmt: skip
        with pytest.raises(RunError, match="changed elsewhere"):
            stale()
    assert held(book)["p0"] == [ONE]


def test_pages_that_are_not_here_stay_in_the_file_as_they_are(book):
    strange = {"page": "gone", "digest": "0" * 64, "width": 9, "height": 9, "note": "keep",
               "specimens": [{"x": 1, "y": 2, "side": 3, "angle": 4}]}  # fmt: skip
    book.path.write_text(json.dumps({"version": 1, "pages": [strange]}))
    book.change({0: [ONE]}, revision=0)
    assert strange in json.loads(book.path.read_text())["pages"]
    again = Book(book.path.parent)
    again.change({0: []}, revision=0)
    assert strange in json.loads(book.path.read_text())["pages"]


def test_what_another_program_wrote_is_taken_over_as_a_step(book):
    book.change({0: [ONE]}, revision=0)
    data = json.loads(book.path.read_text())
    data["pages"][0]["specimens"] = [{"x": 5, "y": 6, "side": 7}]
    book.path.write_text(json.dumps(data))
    with pytest.raises(RunError):
        book.change({0: [TWO]}, revision=1)
    revision, picked, _ = book.everything()
    assert picked[0] == (Specimen(5, 6, 7),)
    assert book.undo(revision=revision) == {0: (ONE,)}
    book.path.unlink()
    book.change({1: [TWO]}, revision=book.revision)  # removed: written anew
    assert held(book) == {"p0": [ONE], "p1": [TWO], "p2": []}


def test_a_damaged_file_is_never_overwritten(book):
    book.path.write_text('{"version": 1, "pages": [{"page"')
    with pytest.raises(MediaError, match="not JSON"):
        book.change({0: [ONE]}, revision=0)
    with pytest.raises(MediaError, match="not JSON"):
        Book(book.path.parent)
    assert book.path.read_text().endswith('{"page"')


def test_a_changed_scan_is_noticed_until_its_places_are_changed(book):
    book.change({0: [ONE], 1: [TWO]}, revision=0)
    data = json.loads(book.path.read_text())
    for entry in data["pages"]:
        entry["digest"] = "0" * 64
    book.path.write_text(json.dumps(data))
    again = Book(book.path.parent)
    assert again.everything()[2] == [True, True, False]
    again.change({0: [TWO]}, revision=0)
    assert again.everything()[2] == [False, True, False]
    digests = {name: digest for name, (digest, _) in read_specimens(again.path).items()}
    assert digests["p0"] == again.pages[0].digest
    assert digests["p1"] == "0" * 64


def test_what_cannot_be_saved_has_not_happened(book, monkeypatch):
    book.change({0: [ONE]}, revision=0)

    def full(*_, **__):
        raise OSError(28, "no space")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_text", full)
        with pytest.raises(MediaError, match="the disk is full"):
            book.change({0: [TWO]}, revision=1)
        with pytest.raises(MediaError, match="the disk is full"):
            book.undo(revision=1)
    assert (book.picked(0), book.revision, book.steps()) == ((ONE,), 1, (1, 0))
    book.change({0: [TWO]}, revision=1)
    assert held(book)["p0"] == [TWO]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({3: []}, "page: 3 is not there; allowed are 0–2"),
        ({-1: []}, "page: -1"),
        ({0: [Specimen(1, 1, 0.5)]}, "side: 0.5"),
        ({0: [Specimen(2e6, 1, 1)]}, "x: 2e"),
        ({0: [Specimen(1, float("nan"), 1)]}, "y: nan"),
        ({0: [ONE] * (MOST_PICKED + 1)}, "5001 places"),
    ],
)
def test_what_no_file_may_have_is_refused(book, changes, message):
    with pytest.raises(SettingsError, match=message):
        book.change(changes, revision=0)
    assert not book.path.exists()


def test_a_first_square_is_as_large_as_those_before(book):
    assert book.inches() == pytest.approx(256 / 300)
    book.change({0: [ONE, TWO, TWO]}, revision=0)
    assert book.inches() == pytest.approx(80 / 150)
