import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.grid import Grid, cell_pixels
from mutoscope.drawings.inked import Inked
from mutoscope.drawings.margins import write_margins
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.shards import write_shard
from mutoscope.drawings.sheets import lay_out
from mutoscope.drawings.specimens import Specimen, write_specimens
from mutoscope.errors import MediaError
from mutoscope.train_gan.material import (
    Cut,
    ahead_of,
    anywhere,
    look_for,
    open_material,
    ready_files,
    ready_shards,
    usual_dpi,
    where_picked,
)


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for index in range(2):
        pixels = np.full((300, 240), 255, np.uint8)
        pixels[20:280:9, 20:220] = 0
        Image.fromarray(pixels).save(folder / f"{index}.png", dpi=(30, 30))
    return folder


def test_a_folder_says_what_it_holds(tiles, pages):
    assert look_for(tiles, "auto").kind == "tiles"
    assert look_for(pages, "auto").kind == "scans"
    assert look_for(tiles, "scans").kind == "scans"
    assert look_for(tiles, "auto").mark != look_for(pages, "auto").mark


def test_ready_tiles_all_come_once_in_each_round_and_always_the_same(tiles, toy_settings):
    paths = look_for(tiles, "tiles").paths
    ready = ready_files(paths, toy_settings())
    rounds = [ready.batch(6 * turn, 6) for turn in range(4)]
    seen = [sorted(tile.flatten().tolist() for tile in one) for one in rounds]
    assert all(one == seen[0] for one in seen)
    assert any(not torch.equal(one, rounds[0]) for one in rounds)
    # Whatever was asked before, and however little is remembered.
    again = ready_files(paths, toy_settings(), cache_bytes=0)
    assert torch.equal(again.batch(15, 4), ready.batch(15, 4))
    assert rounds[0].shape == (6, 1, 32, 32)
    assert ready_files(paths, toy_settings(channels=3)).batch(0, 2).shape == (2, 3, 32, 32)


def test_scans_are_cut_by_number(pages, tmp_path, toy_settings):
    settings = toy_settings(dpi=30)
    scans = Cut(anywhere(pages, settings, cache=PageCache(tmp_path / "cache")), settings)
    tiles = scans.batch(5, 3)
    assert tiles.shape == (3, 1, 32, 32)
    assert torch.equal(scans.batch(6, 1), tiles[1:2])
    assert 0 <= float(tiles.min()) < 0.3 < 0.9 < float(tiles.max()) <= 1


def test_small_pictures_show_less_paper_but_not_in_proportion():
    assert usual_dpi(300, 512) == 300
    assert usual_dpi(600, 32) == 75
    assert usual_dpi(50, 32) == 50


def test_working_ahead_changes_nothing(bars):
    with ahead_of(bars, 4) as ahead:
        for step in (0, 1, 7, 2):
            assert torch.equal(ahead(step), bars.batch(4 * step, 4))


# --- shards ---


@pytest.fixture(params=["webdataset", "tfrecord"])
def shards(request, tmp_path):
    """A folder of three shards with 7 tiles; tile n has the grey 20 + 30 n."""
    folder = tmp_path / "shards"
    folder.mkdir()
    ending = {"webdataset": ".tar", "tfrecord": ".tfrecord"}[request.param]
    number = 0
    for shard, count in enumerate((3, 0, 4)):
        tiles = []
        for _ in range(count):
            tiles.append((f"{number:08d}", np.full((40, 40), 20 + 30 * number, np.uint8), {}))
            number += 1
        write_shard(folder / f"{shard:05d}{ending}", request.param, tiles)
    (folder / "index.json").write_text("{}")
    return folder


def greys(batch):
    return [round(float(tile.mean()) * 255) for tile in batch]


def test_tiles_in_shards_are_mixed_over_all_of_them(shards, toy_settings):
    found = look_for(shards, "auto")
    assert found.kind == "shards"
    material = open_material(found, toy_settings())
    rounds = [greys(material.batch(7 * turn, 7)) for turn in range(5)]
    assert all(sorted(one) == [20 + 30 * n for n in range(7)] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    # Tiles of both shards are next to one another, not one shard after the other.
    assert any({grey < 110 for grey in one[:3]} == {True, False} for one in rounds)
    assert material.batch(0, 2).shape == (2, 1, 32, 32)


def test_a_tile_of_a_shard_is_the_same_for_ever_and_however_little_is_remembered(
    shards, toy_settings
):
    paths = look_for(shards, "shards").paths
    ready = ready_shards(paths, toy_settings())
    seen = ready.batch(0, 20)
    again = ready_shards(paths, toy_settings(), cache_bytes=0)
    assert torch.equal(again.batch(13, 5), seen[13:18])
    assert torch.equal(again.batch(2, 1), seen[2:3])
    colour = ready_shards(paths, toy_settings(channels=3)).batch(0, 2)
    assert torch.equal(colour[:, 1:2], seen[:2])


def test_a_damaged_tile_of_a_shard_is_named_where_it_stands(shards, toy_settings):
    path = look_for(shards, "auto").paths[2]
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 12] ^= 1
    path.write_bytes(data)
    material = ready_shards(look_for(shards, "auto").paths, toy_settings())
    with pytest.raises(MediaError, match=rf"{path.name}: is damaged at byte \d+: the check.*again"):
        material.batch(0, 7)


def test_a_shard_that_was_cut_short_is_refused_before_the_first_tile(shards, toy_settings):
    path = look_for(shards, "auto").paths[2]
    path.write_bytes(path.read_bytes()[:-1500] if path.suffix == ".tar" else path.read_bytes()[:-9])
    with pytest.raises(MediaError, match=rf"{path.name}: is damaged at byte \d+"):
        ready_shards(look_for(shards, "auto").paths, toy_settings())


def test_folders_without_shards_or_tiles_in_them_are_refused(tmp_path, pages, toy_settings):
    with pytest.raises(MediaError, match="there is no shard in it"):
        look_for(pages, "shards")
    write_shard(tmp_path / "0.tar", "webdataset", [])
    with pytest.raises(MediaError, match="there is no tile in its 1 shards"):
        open_material(look_for(tmp_path, "shards"), toy_settings())


def test_pictures_beside_an_archive_are_still_scans(pages):
    write_shard(pages / "old.tar", "webdataset", [("0", np.zeros((8, 8), np.uint8), {})])
    assert look_for(pages, "auto").kind == "scans"


# --- specimens ---


@pytest.fixture
def picked(tmp_path):
    """A page of 600 × 402 with three black corners that are picked, and the cache."""
    folder = tmp_path / "motifs"
    folder.mkdir()
    pixels = np.full((402, 600), 255, np.uint8)
    for x in (99, 300, 501):
        pixels[171:231, x - 30 : x - 9] = 0
        pixels[210:231, x - 30 : x + 30] = 0
    Image.fromarray(pixels).save(folder / "a.png", dpi=(300, 300))
    cache = PageCache(tmp_path / "cache")
    sheets = lay_out(pages_of(folder), cache, channels=1, margins="0px")
    rows = [Specimen(x, 201.0, 96.0) for x in (99.0, 300.0, 501.0)]
    write_specimens(folder / "specimens.json", sheets, {"a": rows})
    return folder, cache


def test_specimens_are_found_and_shown_in_their_eight_turns(picked, toy_settings, caplog):
    folder, cache = picked
    caplog.set_level("INFO", "mutoscope")
    found = look_for(folder, "auto")
    assert found.kind == "specimens"
    assert "has 3 specimens" in caplog.text
    places = where_picked(folder, toy_settings(), cache=cache)
    assert places.sheets[0].dpi == pytest.approx(100)  # 96 pixels of 300 dpi in 32
    tiles = Cut(places, toy_settings()).batch(0, 200)
    looks = {tuple((tile[0] < 0.5).flatten().tolist()) for tile in tiles}
    # A corner mirrored in its diagonal is the corner turned, so the eight are four; all are whole.
    assert 4 <= len(looks) <= 8
    ink = (tiles < 0.5).float().mean(dim=(1, 2, 3))
    assert ink.min() > 0.15
    assert ink.max() < 0.3
    assert torch.equal(Cut(places, toy_settings()).batch(7, 3), tiles[7:10])


def test_other_centres_are_another_material(picked):
    folder, _ = picked
    before = look_for(folder, "auto").mark
    told = folder / "specimens.json"
    told.write_text(told.read_text().replace("501.0", "491.0"))
    assert look_for(folder, "auto").mark != before
    assert look_for(folder, "scans").kind == "scans"


def test_specimens_of_pages_that_are_gone_are_refused_with_a_way_out(picked, toy_settings):
    folder, cache = picked
    (folder / "a.png").rename(folder / "b.png")
    with pytest.raises(MediaError, match="no specimen is picked on the pages that are here; pick"):
        where_picked(folder, toy_settings(), cache=cache)
    told = folder / "specimens.json"
    told.unlink()
    with pytest.raises(MediaError, match="specimens"):
        look_for(folder, "specimens")


# --- blank tiles ---


def test_blank_tiles_are_as_many_as_are_wanted(tmp_path, toy_settings):
    folder = tmp_path / "sparse"
    folder.mkdir()
    pixels = np.full((800, 600), 255, np.uint8)
    pixels[100:103, 50:550] = 0
    pixels[400:403, 50:550] = 0
    pixels[700:703, 50:550] = 0
    Image.fromarray(pixels).save(folder / "a.png", dpi=(75, 75))
    cache = PageCache(tmp_path / "cache")

    def bare(share):
        settings = toy_settings(dpi=75, blank=share)
        tiles = Cut(anywhere(folder, settings, cache=cache), settings).batch(0, 1000)
        return float((tiles.amin(dim=(1, 2, 3)) > 0.9).float().mean()), tiles

    as_they_come, every = bare(1)
    assert as_they_come > 0.8
    few, some = bare(0.1)
    assert few == pytest.approx(0.1 * as_they_come, abs=0.03)
    assert bare(0)[0] < 0.04
    inked = every.amin(dim=(1, 2, 3)) < 0.5
    same = (every == some).all(dim=(1, 2, 3))
    assert same[inked].float().mean() > 0.6  # but where a stroke is just touched, they are kept


def test_pages_that_are_nearly_bare_come_to_an_end(tmp_path, toy_settings):
    folder = tmp_path / "bare"
    folder.mkdir()
    pixels = np.full((600, 600), 255, np.uint8)
    pixels[:40, :40] = 0
    pixels[560:, 560:] = 0
    Image.fromarray(pixels).save(folder / "a.png", dpi=(75, 75))
    settings = toy_settings(dpi=75, blank=0)
    places = anywhere(folder, settings, cache=PageCache(tmp_path / "cache"))
    assert isinstance(places, Inked)
    assert Cut(places, settings).batch(0, 64).shape == (64, 1, 32, 32)


def test_tiles_lie_within_the_margins_that_were_drawn(tmp_path, toy_settings):
    """The page is hatched but for the cells of its grid, and no tile is."""
    cell = cell_pixels(30)
    page = np.full((14 * cell, 14 * cell), 255, np.uint8)
    page[cell : 13 * cell : 2, cell : 13 * cell] = 0
    page[2 * cell : 10 * cell, 2 * cell : 10 * cell] = 255
    page[2 * cell : 10 * cell : 10, 2 * cell : 10 * cell] = 40
    Image.fromarray(page).save(tmp_path / "00.png", dpi=(30, 30))
    asked = toy_settings(data="scans", dpi=30.0)
    plain = look_for(tmp_path, "scans")
    write_margins(tmp_path / "adj_xy.json", {"00": Grid(2, 2, 8, 8)})
    found = look_for(tmp_path, "scans")
    assert found.mark != plain.mark
    tiles = open_material(found, asked).batch(0, 64)
    assert float(tiles.mean(dim=(1, 2, 3)).min()) > 0.6
