"""Shards and files of tiles: out and in, checked, resumable."""

import contextlib
import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mutoscope.atomic import part_path
from mutoscope.drawings.checksum import crc32c, masked
from mutoscope.drawings.cutting import Place
from mutoscope.drawings.grid import Box, Grid
from mutoscope.drawings.plan import BlobPlan, SpecimenPlan, Wishes
from mutoscope.drawings.records import BadRecordError, example, framed, parse_example, picture, png
from mutoscope.drawings.shards import decoded, find_shards, read_shard, write_shard
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.writing import Job, repack, scanned, write_tiles
from mutoscope.errors import MediaError, RunError, SettingsError

FORMS = {"webdataset": ".tar", "tfrecord": ".tfrecord"}


def tile(seed=0, *, colour=False, size=16):
    shape = (size, size, 3) if colour else (size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def shard(tmp_path, form, count=5, *, colour=False, name="00000"):
    path = tmp_path / f"{name}{FORMS[form]}"
    tiles = [(f"{index:08d}", tile(index, colour=colour), {"page": "01"}) for index in range(count)]
    assert write_shard(path, form, tiles) == count
    return path


# --- checksums ---


def test_crc32c_has_the_published_values():
    # RFC 3720, B.4, and the check value of the catalogue of CRCs
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("length", [255, 256, 257, 1000, 4096, 4097, 70_001])
def test_long_and_short_ways_agree(length):
    data = np.random.default_rng(length).integers(0, 256, length, np.uint8).tobytes()
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    assert crc32c(data) == value ^ 0xFFFFFFFF


# --- records ---


@pytest.mark.parametrize("colour", [False, True])
def test_png_gives_the_pixels_back(colour):
    pixels = tile(colour=colour)
    assert np.array_equal(picture(png(pixels)), pixels)


@pytest.mark.parametrize(("mode", "value"), [("1", 255), ("L", 200), ("LA", 200), ("P", 7)])
def test_other_kinds_of_pictures_are_grey_or_colour(mode, value):
    buffer = io.BytesIO()
    Image.new("L", (4, 3), value).convert(mode).save(buffer, "PNG")
    pixels = picture(buffer.getvalue())
    assert pixels.shape == ((3, 4, 3) if mode == "P" else (3, 4))
    assert (pixels == value).all()


def test_a_gigantic_picture_is_refused_undecoded():
    buffer = io.BytesIO()
    Image.new("1", (4097, 2)).save(buffer, "PNG")
    with pytest.raises(BadRecordError, match="4097 × 2"):
        picture(buffer.getvalue())


def test_an_example_has_the_bytes_that_tensorflow_writes():
    # Example{features{feature{key: "image_bytes" value{bytes_list{value: "AB"}}} feature{…}}}
    theirs = bytes.fromhex(
        "0a2f" "0a150a0b696d6167655f6279746573" "12060a040a024142"
        "0a160a0b696d6167655f7368617065" "12071a050a03100c01"
    )  # fmt: skip
    assert example(b"AB", (16, 12, 1)) == theirs
    assert parse_example(theirs) == (b"AB", (16, 12, 1))


def test_numbers_that_are_not_packed_and_other_features_are_read():
    def field(number, payload):
        return bytes([number << 3 | 2, len(payload)]) + payload

    loose = field(3, b"\x08\x10\x08\x0c\x08\x01")
    label = field(1, field(1, b"label") + field(2, field(3, field(1, b"\x07"))))
    image = field(1, field(1, b"image_bytes") + field(2, field(1, field(1, b"AB"))))
    shape = field(1, field(1, b"image_shape") + field(2, loose))
    assert parse_example(field(1, label + shape + image)) == (b"AB", (16, 12, 1))


@pytest.mark.parametrize(
    "data", [b"", b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"\x0b", b"\x0a\x02\x0a\x09"]
)
def test_what_is_no_example_is_refused(data):
    with pytest.raises(BadRecordError):
        parse_example(data)


def test_random_bytes_never_do_more_than_be_refused():
    rng = np.random.default_rng(0)
    whole = example(png(tile()), (16, 16, 1))
    for _ in range(300):
        harmed = bytearray(whole)
        harmed[rng.integers(0, 60)] = rng.integers(0, 256)
        with contextlib.suppress(BadRecordError):
            picture(parse_example(bytes(harmed))[0])


# --- shards ---


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_shard_gives_its_tiles_back(tmp_path, form, colour):
    path = shard(tmp_path, form, colour=colour)
    stored = list(read_shard(path))
    assert [each.key for each in stored] == [f"{index:08d}" for index in range(5)]
    for index, each in enumerate(stored):
        assert np.array_equal(decoded(path, each), tile(index, colour=colour))
    if form == "webdataset":
        assert stored[0].about["page"] == "01"
    else:
        assert stored[0].about == {"height": 16, "width": 16, "channels": 3 if colour else 1}
    again = shard(tmp_path, form, colour=colour, name="again")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_shard_that_fails_leaves_nothing(tmp_path, form):
    def tiles():
        yield "a", tile(), {}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / f"x{FORMS[form]}", form, tiles())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_any_single_byte_that_changes_in_a_tile_is_noticed(tmp_path, form):
    path = shard(tmp_path, form, 3)
    whole = path.read_bytes()
    second = list(read_shard(path))[1]
    start = whole.index(second.data)
    for at in range(start, start + len(second.data), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(MediaError) as error:
            list(read_shard(path))
        assert str(error.value).startswith(f"{path}: is damaged at byte {second.offset}: the check")


def test_damage_in_a_records_head_is_noticed(tmp_path):
    path = shard(tmp_path, "tfrecord", 2)
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 4]) + whole[1:])
    with pytest.raises(MediaError, match="at byte 0: the checksum of a record's length is wrong"):
        list(read_shard(path))
    # A length that is false and has a true checksum must not take all memory.
    head = struct.pack("<Q", 2**60)
    path.write_bytes(framed(b"", 0, masked(head)).replace(bytes(8), head, 1))
    with pytest.raises(MediaError, match="says that it has 1152921504606846976 bytes"):
        list(read_shard(path))


def test_damage_in_an_archives_headers_is_noticed(tmp_path):
    path = shard(tmp_path, "webdataset", 3)
    whole = path.read_bytes()
    offsets = [each.offset for each in read_shard(path)]
    for offset in offsets:
        path.write_bytes(whole[: offset + 3] + b"X" + whole[offset + 4 :])
        with pytest.raises(MediaError, match=f"damaged at byte {offset}: "):
            list(read_shard(path))


@pytest.mark.parametrize("form", FORMS)
def test_a_shard_that_was_cut_short_is_noticed_wherever(tmp_path, form):
    path = shard(tmp_path, form, 2)
    whole = path.read_bytes()
    bounds = {0, *(each.offset for each in read_shard(path))} if form == "tfrecord" else set()
    content = len(whole) if form == "tfrecord" else len(whole.rstrip(b"\0"))
    for length in range(0, content, 97):
        path.write_bytes(whole[:length])
        if length in bounds:
            continue
        with pytest.raises(MediaError, match=r"is damaged at byte \d+"):
            list(read_shard(path))


def test_a_foreign_archive_is_read_with_care(tmp_path):
    path = tmp_path / "foreign.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in (
            ("a/one.json", b'{"label": 3}'),
            ("a/one.png", png(tile(1))),
            ("two.png", png(tile(2))),
            ("two.txt", b"a fox"),
            ("../../three.png", png(tile(3))),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("four.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    stored = list(read_shard(path))
    assert [each.key for each in stored] == ["a/one", "two", "../../three"]
    assert stored[0].about == {"label": 3}
    repack([path], tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out" / "foreign").iterdir()) == [
        f"{index:08d}.png" for index in range(3)
    ]  # names from outside lead nowhere
    assert not (tmp_path / "three.png").exists()


def test_what_is_no_shard_is_refused(tmp_path):
    with pytest.raises(MediaError, match=r"is no shard; allowed are \.tar, \.tfrecord"):
        list(read_shard(tmp_path / "x.zip"))
    with pytest.raises(MediaError, match="does not exist"):
        list(read_shard(tmp_path / "x.tar"))


# --- jobs ---


def sheets(count=2):
    made = []
    for number in range(count):
        pixels = tile(number, size=160)
        made.append(
            Sheet(f"p{number}", Path(f"p{number}.png"), f"d{number}", pixels, 300, 0.5, Grid(),
                  Box(0, 0, 160, 160))
        )  # fmt: skip
    return made


def job(form="png", *, count=2, seed=0, **more):
    plan = BlobPlan(sheets(count), Wishes(32, steps=8, seed=seed))
    return Job(plan, 32, form, seed, per_shard=10, **more)


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_tiles_are_written_as_files(tmp_path):
    one = job()
    assert write_tiles(one, tmp_path / "t", about={"seed": 0}) == len(one.plan) == 2 * 4 * 4
    there = files(tmp_path / "t")
    assert len(there) == 33
    assert "p1/r0003_c0003.png" in there
    place = one.plan.place(0)
    assert picture(there["p0/r0000_c0000.png"]).shape == (32, 32)
    assert (place.page, place.x, place.y) == (0, 22, 22)
    mirrored = [one.plan.place(index).mirror for index in range(32)]
    assert 5 < sum(mirrored) < 27


@pytest.mark.parametrize("form", ["png", *FORMS])
def test_a_stopped_job_goes_on_to_the_same_bytes(tmp_path, form):
    write_tiles(job(form), tmp_path / "whole", about={"seed": 0})

    def stop(done, total):
        assert total == 32
        if done == (7 if form == "png" else 17):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tiles(job(form), tmp_path / "parts", about={"seed": 0}, told=stop)
    assert len(files(tmp_path / "parts")) < len(files(tmp_path / "whole"))
    left = write_tiles(job(form, workers=1), tmp_path / "parts", about={"seed": 0})
    assert 0 < left < 32
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert write_tiles(job(form), tmp_path / "parts", about={"seed": 0}) == 0


def test_a_job_killed_before_its_description_stood_leaves_nothing(tmp_path):
    (tmp_path / "t").mkdir()
    part_path(tmp_path / "t" / "tiles.json").write_text("{")
    write_tiles(job(), tmp_path / "t", about={"seed": 0})
    assert len(files(tmp_path / "t")) == 33


@pytest.mark.parametrize("form", FORMS)
def test_shards_mix_the_pages_and_are_listed(tmp_path, form):
    write_tiles(job(form), tmp_path / "s", about={})
    paths = find_shards(tmp_path / "s")
    assert [path.name for path in paths] == [f"{n:05d}{FORMS[form]}" for n in range(4)]
    index = json.loads((tmp_path / "s" / "index.json").read_text())
    assert [index[path.name]["tiles"] for path in paths] == [10, 10, 10, 2]
    if form == "webdataset":
        first = [stored.about for stored in read_shard(paths[0])]
        assert {about["page"] for about in first} == {"p0", "p1"}
        assert first[0]["side"] == 64  # in the scan's pixels
        keys = [stored.key for path in paths for stored in read_shard(path)]
        assert sorted(keys) == [f"{index:08d}" for index in range(32)]
        assert keys != sorted(keys)


def test_specimens_are_written_in_eight_turns(tmp_path):
    picked = [Place(1, 60, 60, 40), Place(1, 100, 100, 40), Place(0, 80, 80, 64)]
    plan = SpecimenPlan(sheets(), picked)
    assert write_tiles(Job(plan, 32), tmp_path / "t", about={}) == 24
    there = files(tmp_path / "t")
    names = {f"p1/t00{n}_rf{m}{q}.png" for n in (0, 1) for m in (0, 1) for q in range(4)}
    assert names <= set(there)
    assert "p0/t000_rf00.png" in there
    assert len({data for name, data in there.items() if name in names}) == 16


def test_another_job_in_the_same_folder_is_refused(tmp_path):
    write_tiles(job(), tmp_path / "t", about={"seed": 0})
    with pytest.raises(RunError, match=r"another description \(seed was 0 and is 1\)"):
        write_tiles(job(seed=1), tmp_path / "t", about={"seed": 1})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear fox")
    with pytest.raises(RunError, match=r"holds other files and no tiles\.json"):
        write_tiles(job(), tmp_path / "mine", about={})
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="can't be written to"):
        write_tiles(job(), tmp_path / "file", about={})


def test_a_page_that_fails_stops_the_job_and_is_named(tmp_path):
    plan = BlobPlan(sheets(), Wishes(32, steps=8))
    broken = Sheet(
        "p1", Path("p1.png"), "d", np.zeros((0, 0), np.uint8), 300, 1, Grid(), Box(0, 0, 1, 1)
    )
    plan.sheets = [plan.sheets[0], broken]
    with pytest.raises(MediaError, match=r"p1\.png: a tile can't be cut"):
        write_tiles(Job(plan, 32), tmp_path / "t", about={})


@pytest.mark.parametrize(("form", "per"), [("jpeg", 10), ("tfrecords", 10), ("png", 0)])
def test_a_form_that_there_is_not_is_refused(form, per):
    with pytest.raises(SettingsError, match="is not allowed"):
        Job(BlobPlan(sheets(), Wishes(32)), 32, form, per_shard=per)


def test_shards_in_another_form_still_say_which_scans_they_are_of(tmp_path):
    digest = "a" * 64
    (tmp_path / "in").mkdir()
    path = shard(tmp_path / "in", "webdataset", 3)
    told = {"pages": {"p": [digest, 0, 0, 9, 9], "q": ["no digest"]}}
    (tmp_path / "in/tiles.json").write_text(json.dumps(told))
    repack([path], tmp_path / "out", form="tfrecord")
    assert scanned(tmp_path / "out") == {"p": [digest, 0, 0, 9, 9]}
    repack([path], tmp_path / "out", form="tfrecord")  # goes on
    (tmp_path / "in/tiles.json").write_text("[]")
    assert scanned(tmp_path / "in") == {}


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", ["png", *FORMS])
def test_shards_are_written_in_another_form(tmp_path, source, target):
    paths = [shard(tmp_path, source, 3), shard(tmp_path, source, 2, name="00001")]
    seen = []
    assert repack(paths, tmp_path / "out", form=target, told=seen.append) == 5
    assert seen == [1, 2, 3, 4, 5]
    if target == "png":
        there = files(tmp_path / "out")
        assert np.array_equal(picture(there["00001/00000001.png"]), tile(1))
    else:
        path = tmp_path / "out" / f"00001{FORMS[target]}"
        assert [decoded(path, each).tobytes() for each in read_shard(path)] == [
            tile(index).tobytes() for index in range(2)
        ]
    repack(paths, tmp_path / "out", form=target)  # again: nothing changes, nothing is refused
    with pytest.raises(RunError, match="another description"):
        repack(paths[:1], tmp_path / "out", form=target)


def test_a_damaged_shard_is_named_when_it_is_written_anew(tmp_path):
    path = shard(tmp_path, "tfrecord", 3)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"00000\.tfrecord: is damaged at byte \d+"):
        repack([path], tmp_path / "out", form="webdataset")
    assert not list((tmp_path / "out").glob("*.tar"))
