"""Processing what lies on the disk: pictures, folders and films, with what belongs to them."""

import shutil
import wave

import cv2
import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.fill import Shapes
from mutoscope.finish.numbered import NOTE
from mutoscope.finish.process import Tone
from mutoscope.finish.process_files import (
    Filling,
    Processing,
    covering,
    process_picture,
    process_to_film,
    process_to_folder,
)
from mutoscope.finish.region_colours import By
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.images import from_bytes, load_image, save_image, to_bytes
from mutoscope.provenance import read_recipe
from mutoscope.sound import SoundFile

pytestmark = pytest.mark.usefixtures("single_thread")

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}
INVERT = Tone(invert=True, min_value=32)
FILL = Filling("red, lime, blue, yellow, white", Shapes(blend=0), fade=3)


def drawing(number, size=(64, 48)):
    """A circle that wanders over a line."""
    paper = np.full((size[1], size[0]), 255, np.uint8)
    cv2.line(paper, (30, 0), (30, 60), 0, 2)
    cv2.circle(paper, (18 + 2 * number, 24), 12, 0, 2)
    return from_bytes(np.repeat(paper[..., None], 3, axis=2))


FILM = [drawing(number) for number in range(8)]


def made(processing):
    """What a processing makes of the film, as bytes."""
    return bytes_of(processing.frames(lambda: iter(FILM))(0))


def bytes_of(images):
    return [torch.from_numpy(to_bytes(image)) for image in images]


def same(ours, theirs):
    return all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))


@pytest.fixture
def folder(tmp_path):
    """Eight pictures with recipes, numbered from 3 to 10."""
    there = tmp_path / "drawings"
    there.mkdir()
    for number, image in enumerate(FILM, 3):
        save_image(image, there / f"d_{number}.png", recipe={**RECIPE, "frame": number})
    return there


@pytest.fixture
def film(tmp_path):
    """The same as a lossless film of 10 pictures a second, with sound."""
    silent, path = tmp_path / "silent.mkv", tmp_path / "film.mkv"
    with FilmSink(silent, 10, recipe=RECIPE) as sink:
        for image in FILM:
            sink.write(image)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(6400) / 4) * 9000).astype("<i2").tobytes())
    add_sound(silent, SoundFile(tmp_path / "tone.wav"), path)
    return path


# ── wherever it starts ──


@pytest.mark.parametrize(
    "how",
    [
        {"tone": INVERT},
        {"filling": FILL},
        {"filling": Filling(FILL.colours, FILL.shapes, each=True)},
        {"filling": Filling(FILL.colours, FILL.shapes, loop=True)},
    ],
)
@pytest.mark.parametrize("start", [1, 5, 8])
def test_pictures_don_t_depend_on_where_one_starts(folder, how, start):
    processing = Processing(folder, **how)
    frames = processing.frames(lambda: iter(FILM))
    assert same(bytes_of(frames(start)), made(processing)[start:])


def test_as_frames_colours_last_and_each_by_itself_they_do_not(folder):
    steady = made(Processing(folder, filling=FILL))
    alone = made(Processing(folder, filling=Filling(FILL.colours, FILL.shapes, each=True)))
    assert torch.equal(steady[0], alone[0])
    assert not same(steady, alone)
    corners = {tuple(image[2, 2].tolist()) for image in steady}
    assert len(corners) == 1


def test_a_film_that_plays_round_is_the_same_the_next_time_round(folder):
    across = [drawing(number) for number in range(30)]

    def rounds(*, loop):
        filling = Filling(FILL.colours, FILL.shapes, fade=FILL.fade, loop=loop)
        processing = Processing(folder, filling=filling)
        once = bytes_of(processing.frames(lambda: iter(across))(0))
        twice = bytes_of(processing.frames(lambda: iter(across * 2))(0))
        return once, twice[len(once) :]

    assert same(*rounds(loop=True))
    assert not same(*rounds(loop=False))
    with pytest.raises(SettingsError, match="--loop: is for films"):
        Filling(FILL.colours, each=True, loop=True)


# ── one picture ──


def test_a_picture_is_made_with_its_recipe(folder, tmp_path):
    out = tmp_path / "out.png"
    process_picture(Processing(folder / "d_3.png", INVERT), out)
    values = to_bytes(load_image(out))
    assert values[2, 2].tolist() == [32, 32, 32]
    assert values[24, 30].tolist() == [255, 255, 255]
    assert read_recipe(out) == {**RECIPE, "frame": 3, "process": {"invert": True, "min_value": 32}}
    with pytest.raises(MediaError, match="exists already"):
        process_picture(Processing(folder / "d_4.png", INVERT), out)
    process_picture(Processing(folder / "d_4.png", INVERT, overwrite=True), out)
    assert read_recipe(out)["frame"] == 4
    with pytest.raises(MediaError, match=r"not written as '\.xyz'"):
        process_picture(Processing(folder / "d_4.png", INVERT), tmp_path / "out.xyz")


def test_light_lines_on_dark_are_filled_when_inverted(folder, tmp_path):
    process_picture(Processing(folder / "d_3.png", Tone(invert=True)), tmp_path / "dark.png")
    process_picture(Processing(folder / "d_3.png", filling=FILL), tmp_path / "a.png")
    process_picture(Processing(tmp_path / "dark.png", Tone(invert=True), FILL), tmp_path / "b.png")
    ours, theirs = (to_bytes(load_image(tmp_path / name)) for name in ("a.png", "b.png"))
    assert np.array_equal(ours, theirs)


# ── colours ──


@pytest.fixture
def paints(tmp_path):
    """A picture whose left is red and whose right is blue."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40, 0], pixels[:, 40:, 2] = 255, 255
    save_image(from_bytes(pixels), tmp_path / "paints.png")
    return tmp_path / "paints.png"


def test_a_picture_colours_what_lies_over_it(folder, paints):
    image = made(Processing(folder, filling=Filling(str(paints), Shapes(blend=0))))[0]
    assert image[2, 2, 0] > 200  # left of the line at 30 of 64
    assert image[2, 2, 2] == 0
    assert image[2, 60, 2] > 200


def test_a_picture_with_a_number_is_a_palette(folder, paints):
    for text in (f"{paints}\\2", f"@{paints} \\ 2"):
        image = made(Processing(folder, filling=Filling(text, Shapes(blend=0))))[0]
        kinds = {tuple(colour) for colour in image.reshape(-1, 3).tolist()}
        assert kinds == {(255, 0, 0), (0, 0, 255)}


def test_mistaken_colours_are_refused(folder, paints, tmp_path):
    for text, said in (("rde", "--fill: 'rde' is no colour"), ("", "--fill: '' holds no colour")):
        with pytest.raises(SettingsError, match=said):
            made(Processing(folder, filling=Filling(text)))
    with pytest.raises(SettingsError, match="--by: area is for palettes"):
        made(Processing(folder, filling=Filling(str(paints), by=By.AREA)))
    with pytest.raises(MediaError, match=r"none\.png: does not exist"):
        made(Processing(folder, filling=Filling(str(tmp_path / "none.png"))))


@pytest.mark.parametrize("size", [(64, 48), (20, 90), (7, 3), (300, 10)])
def test_a_picture_covers_without_being_stretched(size):
    wide = torch.zeros(1, 3, 40, 80)
    wide[..., 20:60] = 1  # a square in the middle
    covered = covering(wide, size)
    assert (covered.shape[-1], covered.shape[-2]) == size
    assert covered[..., size[1] // 2, size[0] // 2].min() > 0.9


# ── folders and films ──


def test_pictures_of_a_folder_keep_names_and_recipes(folder, tmp_path):
    out, processing = tmp_path / "out", Processing(folder, filling=FILL)
    process_to_folder(processing, out)
    names = [f"d_{number}.png" for number in range(3, 11)]
    assert {path.name for path in out.iterdir()} == {*names, NOTE}
    assert same(bytes_of(load_image(out / name) for name in names), made(processing))
    recipe = read_recipe(out / "d_5.png")
    assert recipe["frame"] == 5
    assert recipe["process"]["fill"]["colours"] == FILL.colours


def test_a_lost_picture_is_made_as_it_was(folder, tmp_path):
    out, processing = tmp_path / "out", Processing(folder, filling=FILL)
    process_to_folder(processing, out)
    before = (out / "d_8.png").read_bytes()
    kept = (out / "d_4.png").stat().st_mtime_ns
    (out / "d_8.png").unlink()
    process_to_folder(processing, out)
    assert (out / "d_8.png").read_bytes() == before
    assert (out / "d_4.png").stat().st_mtime_ns == kept


def test_a_folder_may_hold_several_sizes(folder, tmp_path):
    save_image(drawing(0, (40, 30)), folder / "d_11.png")
    process_to_folder(Processing(folder, filling=FILL), tmp_path / "out")
    assert load_image(tmp_path / "out" / "d_11.png").shape == (1, 3, 30, 40)
    with pytest.raises(MediaError, match="40 × 30"):
        process_to_film(Processing(folder, filling=FILL), tmp_path / "out.mkv")


def test_a_damaged_picture_is_named(folder, tmp_path):
    (folder / "d_6.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"d_6\.png"):
        process_to_folder(Processing(folder, INVERT), tmp_path / "out")


def test_a_folder_is_not_written_over_itself(folder):
    with pytest.raises(MediaError, match="holds the pictures themselves"):
        process_to_folder(Processing(folder, INVERT, overwrite=True), folder)


def test_a_film_keeps_rate_sound_and_recipe(film, tmp_path):
    out, told, processing = tmp_path / "out.mkv", [], Processing(film, filling=FILL)
    process_to_film(processing, out, progress=lambda *counts: told.append(counts))
    source = ClipSource(out)
    assert source.rate == 10
    assert same(bytes_of(source), made(processing))
    assert SoundFile(out).rate == SoundFile(film).rate  # and there is one
    assert read_recipe(out)["settings"] == RECIPE["settings"]
    assert read_recipe(out)["process"]["fill"]["fade"] == 3
    assert told == [(number, 8) for number in range(9)]
    with pytest.raises(MediaError, match="is the film itself"):
        process_to_film(Processing(film, INVERT, overwrite=True), film)


def test_a_film_that_is_stopped_goes_on_to_the_same(film, tmp_path):
    whole, out = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    process_to_film(Processing(film, filling=FILL), whole)

    def stop(done, _total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_to_film(Processing(film, filling=FILL), out, progress=stop)
    assert not out.exists()
    told = []
    process_to_film(Processing(film, filling=FILL), out, progress=lambda done, _: told.append(done))
    assert told[0] in (3, 4)
    assert out.read_bytes() == whole.read_bytes()


def test_a_film_may_become_pictures(film, tmp_path):
    process_to_folder(Processing(film, INVERT), tmp_path / "out")
    paths = [tmp_path / "out" / f"film_{number}.png" for number in range(1, 9)]
    assert same(bytes_of(map(load_image, paths)), made(Processing(film, INVERT)))
    assert read_recipe(paths[2])["frame"] == 3


def test_other_colours_another_source_or_picture_are_other_work(folder, paints, tmp_path):
    processing = Processing(folder, filling=Filling(str(paints)))
    path = folder / "d_3.png"
    key = processing.key([path])
    assert processing.key([path]) == key
    assert Processing(folder, filling=FILL).key([path]) != key
    assert Processing(folder, Tone(invert=True), processing.filling).key([path]) != key
    shutil.copy(folder / "d_4.png", paints)
    assert processing.key([path]) != key
    paints.unlink()
    with pytest.raises(MediaError, match="can't be read"):
        processing.key([path])
