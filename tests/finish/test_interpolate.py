"""Pictures between pictures: where things are on their way, and films made of them."""

import importlib.util
import json
import pickle
import sys
import wave
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from mutoscope.cli import run
from mutoscope.errors import MediaError, SettingsError, WeightsError
from mutoscope.finish import interpolate as finish
from mutoscope.finish import pieces
from mutoscope.finish.interpolate import between as making
from mutoscope.finish.interpolate.film import Pace
from mutoscope.finish.interpolate.rife import Rife, load_rife
from mutoscope.finish.interpolate.sending import filled, send
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.images import from_bytes, save_image, to_bytes
from mutoscope.run.material import material_of
from mutoscope.sound import SoundFile

HIGH, WIDE = 96, 128
FLOW = finish.FlowBetween()


def texture(seed, height=HIGH, width=WIDE, low=40, high=150, grain=2.0):
    """Soft speckles, (h, w, 3) floats from low to high."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), grain)
    return low + (high - low) * (soft - soft.min()) / np.ptp(soft)


BACK, FRONT = texture(1), texture(2, 32, 32, 170, 250)


def scene(x, y=30, back=BACK):
    """A speckled square of 32 pixels with its corner at (x, y), fractions too, (1, 3, H, W)."""
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    square = cv2.warpAffine(FRONT, shift, (WIDE, HIGH))
    mask = cv2.warpAffine(np.ones((32, 32), np.float32), shift, (WIDE, HIGH))[..., None]
    return from_bytes((back * (1 - mask) + square * mask + 0.5).clip(0, 255).astype(np.uint8))


def centre(picture):
    """The centre of what is lighter than the background, (x, y)."""
    light = np.clip(to_bytes(picture).astype(np.float32).mean(-1) - 155, 0, 40)
    y, x = np.mgrid[:HIGH, :WIDE]
    return (light * x).sum() / light.sum(), (light * y).sum() / light.sum()


def error(one, two, where=np.s_[:, :]):
    """Root mean square, in 255ths."""
    apart = to_bytes(one).astype(np.float32) - to_bytes(two)
    return float(np.sqrt(np.square(apart[where]).mean()))


# --- between two pictures ------------------------------------------------------------------------


@pytest.mark.parametrize("time", [0.25, 0.5, 0.75])
def test_what_moves_is_where_it_would_be(time):
    one, two, truth = scene(30), scene(46, 38), scene(30 + 16 * time, 30 + 8 * time)
    found = FLOW(one, two)(time)
    assert np.abs(np.subtract(centre(found), centre(truth))).max() < 0.3
    blended = one + time * (two - one)
    assert error(found, truth) < 0.45 * error(blended, truth)


def test_the_background_comes_back_without_a_ghost():
    back = texture(1, grain=5.0)
    one, two, truth = (scene(x, back=back) for x in (30, 46, 38))
    found = FLOW(one, two)(0.5)
    # From x 30 to 38 the second picture alone shows the background, from 62 to 78 the first alone.
    for where in (np.s_[32:60, 30:38], np.s_[32:60, 70:78]):
        assert error(found, truth, where) < 0.3 * error((one + two) / 2, truth, where)


def test_what_one_picture_hides_comes_from_the_other():
    one, two = (np.full((40, 60, 3), grey, np.float32) for grey in (0.2, 0.8))
    covered, coming = np.zeros((2, 40, 60), np.float32)
    covered[:, 10:20] = 1
    coming[:, 40:50] = 1
    still = np.zeros((40, 60, 2), np.float32)
    mixed = making._mixed(one, two, making._Motions([still], covered, coming), 0.25)
    assert mixed[:, 10:20] == pytest.approx(0.2, abs=0.01)
    assert mixed[:, 40:50] == pytest.approx(0.8, abs=0.01)
    assert mixed[:, 25:35] == pytest.approx(0.35, abs=0.01)
    # Along a motion, each picture shows nothing beyond its edge.
    still[..., 0] = 20
    mixed = making._mixed(one, two, making._Motions([still], covered * 0, coming * 0), 0.5)
    assert mixed[:, :10] == pytest.approx(0.8, abs=0.01)
    assert mixed[:, -10:] == pytest.approx(0.2, abs=0.01)


def test_equal_pictures_give_the_same_picture():
    one = scene(30)
    assert torch.equal(FLOW(one, one.clone())(0.37), one)


def test_a_cut_is_not_mixed():
    one, two = scene(30), 1 - scene(70, back=texture(9))
    at = FLOW(one, two)
    assert finish.cuts(one, two)
    assert not finish.cuts(one, scene(36))
    for time in (0.1, 0.5):
        assert torch.equal(at(time), one)
    assert torch.equal(at(0.51), two)


def test_a_fast_pan_is_no_cut():
    wide = texture(3, HIGH, 2 * WIDE)
    views = [wide[:, x : x + WIDE].astype(np.uint8) for x in (0, 20, 40)]
    one, truth, two = (from_bytes(np.ascontiguousarray(view)) for view in views)
    assert not finish.cuts(one, two)
    assert error(FLOW(one, two)(0.5), truth, np.s_[:, 24:-24]) < 4


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (33, 47), (61, 20)])
def test_any_size(size):
    width, height = size
    one, two = (from_bytes(texture(n, height, width).astype(np.uint8)) for n in (4, 5))
    found = FLOW(one, two)(0.5)
    assert found.shape == one.shape
    assert found.dtype == one.dtype
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_large_pictures_are_searched_small(monkeypatch):
    one, two, truth = scene(30), scene(46), scene(38)
    fine = error(FLOW(one, two)(0.5), truth)
    third = round(WIDE / 3**0.5), round(HIGH / 3**0.5)
    monkeypatch.setattr(making, "working_size", lambda _picture: third)
    assert fine < error(FLOW(one, two)(0.5), truth) < 0.5 * error((one + two) / 2, truth)


# --- sending and filling -------------------------------------------------------------------------


def test_values_arrive_with_their_whole_weight():
    generator = np.random.default_rng(1)
    values = generator.random((20, 30, 2), dtype=np.float32)
    weight = generator.random((20, 30), dtype=np.float32)
    by = np.zeros((20, 30, 2), np.float32)
    weight[:, :4] = weight[:, -4:] = weight[:3] = weight[-3:] = 0
    by[...] = 2.25, -1.5
    sums, arrived = send(values, by, weight)
    assert arrived.sum() == pytest.approx(weight.sum(), rel=1e-5)
    assert sums.sum((0, 1)) == pytest.approx((values * weight[..., None]).sum((0, 1)), rel=1e-5)


def test_whole_steps_keep_values_and_what_leaves_is_lost():
    values = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    by = np.zeros((3, 4, 2), np.float32)
    by[..., 0] = 1
    sums, arrived = send(values, by, np.ones((3, 4), np.float32))
    assert np.array_equal(sums[:, 1:, 0], values[:, :-1, 0])
    assert np.array_equal(arrived, np.array([[0, 1, 1, 1]] * 3))
    by[..., 0] = 1e9
    assert not send(values, by, np.ones((3, 4), np.float32))[1].any()


def test_gaps_take_what_is_around_them():
    weight = np.ones((24, 31), np.float32)
    weight[8:14, 9:20] = 0
    sums = np.full((24, 31, 1), 7, np.float32) * weight[..., None]
    assert filled(sums, weight) == pytest.approx(7, rel=1e-4)
    steps = np.repeat(np.array([1.0, 5.0], np.float32), [15, 16])[None, :, None] * weight[..., None]
    found = filled(steps, weight)
    assert np.array_equal(found[weight == 1], steps[weight == 1])
    assert 1 <= found.min() <= found.max() <= 5


# --- films ---------------------------------------------------------------------------------------


def shown(count=5):
    return [scene(20 + 8 * number) for number in range(count)]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "pictures"
    place.mkdir()
    for number, picture in enumerate(shown()):
        save_image(picture, place / f"{number}.png")
    return place


def made(material, pace, start=0):
    return [to_bytes(each) for each in finish.pictures(material, pace, FLOW, start)]


@pytest.mark.parametrize(
    ("own", "wanted", "count"),
    [
        (Fraction(12), Fraction(24), 10),
        (Fraction(12), Fraction(48), 20),
        (Fraction(12), Fraction(30), 13),
        (Fraction(12), Fraction(25), 11),
        (Fraction(30000, 1001), Fraction(60), 11),
    ],
)
def test_count_and_the_pictures_that_were(folder, own, wanted, count):
    pace = Pace(own, wanted)
    found = made(material_of(folder), pace)
    assert len(found) == count == pace.count(5)
    assert Fraction(count - 1) / wanted < 5 / own <= Fraction(count) / wanted
    for number, picture in enumerate(shown()):
        place = number * wanted / own
        if place.denominator == 1:
            assert np.array_equal(found[int(place)], to_bytes(picture))
    last = [each for number, each in enumerate(found) if pace.place(number) >= 4]
    assert all(np.array_equal(each, to_bytes(shown()[-1])) for each in last)


def test_motion_is_even(folder):
    found = [centre(from_bytes(each))[0] for each in made(material_of(folder), Pace(*RATES))]
    steps = np.diff(found[: 4 * 4 + 1])
    assert steps == pytest.approx(2, abs=0.3)


RATES = Fraction(12), Fraction(48)


@pytest.mark.parametrize("wanted", [24, 31])
def test_a_picture_is_the_same_wherever_begun(folder, wanted):
    material, pace = material_of(folder), Pace(Fraction(12), Fraction(wanted))
    whole = made(material, pace)
    for start in (0, 1, 2, 5, len(whole) - 2, len(whole), len(whole) + 1):
        part = made(material, pace, start)
        assert len(part) == max(0, len(whole) - start)
        assert all(np.array_equal(a, b) for a, b in zip(whole[start:], part, strict=True))


@pytest.mark.parametrize("damaged", [0, 2, 4])
def test_a_damaged_picture_is_made_of_its_neighbours(folder, damaged):
    (folder / f"{damaged}.png").write_bytes(b"no picture")
    material, pace = material_of(folder), Pace(Fraction(12), Fraction(24))
    whole = made(material, pace)
    assert len(whole) == 10
    for start in range(10):
        assert np.array_equal(made(material, pace, start)[0], whole[start])
    if damaged == 2:
        assert np.abs(np.subtract(centre(from_bytes(whole[4])), centre(shown()[2]))).max() < 0.3


def test_repeated_pictures_stay_as_they_are(folder):
    save_image(shown()[1], folder / "2.png")
    found = made(material_of(folder), Pace(Fraction(12), Fraction(24)))
    for number in (2, 3, 4):
        assert np.array_equal(found[number], to_bytes(shown()[1]))


def test_one_picture(tmp_path):
    place = tmp_path / "one"
    place.mkdir()
    save_image(scene(30), place / "1.png")
    found = made(material_of(place), Pace(Fraction(12), Fraction(24)))
    assert len(found) == 2
    assert all(np.array_equal(each, to_bytes(scene(30))) for each in found)


def test_pictures_of_two_sizes_are_refused(folder):
    save_image(scene(30)[..., :-2], folder / "3.png")
    with pytest.raises(MediaError, match="differ in size, 128 × 96 and 126 × 96"):
        made(material_of(folder), Pace(Fraction(12), Fraction(24)))


def test_rates_that_are_refused(folder, tmp_path):
    material = material_of(folder)
    assert finish.pace_of(material, factor=4) == Pace(Fraction(12), Fraction(48))
    assert finish.pace_of(material, factor=2, own=Fraction(10)).wanted == 20
    for options, words in [
        ({}, "either --factor"),
        ({"factor": 2, "fps": Fraction(30)}, "either --factor"),
        ({"factor": 3}, "allowed are 2, 4 and 8"),
        ({"fps": Fraction(12)}, "more than the film has"),
        ({"fps": Fraction(1001)}, "up to 1000"),
        ({"factor": 8, "own": Fraction(500)}, "up to 1000"),
    ]:
        with pytest.raises(SettingsError, match=words):
            finish.pace_of(material, **options)
    film = write_film(tmp_path / "clip.mkv")
    with pytest.raises(SettingsError, match="rate of its own"):
        finish.pace_of(material_of(film), factor=2, own=Fraction(10))


def write_film(path, pictures=None, rate=12):
    with FilmSink(path, rate) as sink:
        for each in pictures or shown():
            sink.write(each)
    return path


def write_sound(path, seconds=2.0):
    tone = (np.sin(np.arange(int(8000 * seconds)) * 0.3) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone.tobytes())
    return path


def test_the_command_makes_a_lossless_film(tmp_path, capsys):
    film = write_film(tmp_path / "clip.mkv")
    out = tmp_path / "more.mkv"
    assert run(["interpolate", str(film), "-o", str(out), "--factor", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    source = ClipSource(out)
    assert source.rate == 24
    found = [to_bytes(each) for each in source]
    assert len(found) == 10
    assert all(np.array_equal(a, to_bytes(b)) for a, b in zip(found[::2], shown(), strict=True))
    assert all(not np.array_equal(a, b) for a, b in pairwise(found[:9]))
    assert run(["interpolate", str(film), "-o", str(out), "--factor", "2"]) == 2
    assert run(["interpolate", str(film), "-o", str(out), "--fps", "30", "--overwrite"]) == 0
    assert ClipSource(out).rate == 30
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mkv", "more.mkv"]


def test_sound_stays_and_so_does_the_length(tmp_path):
    silent = write_film(tmp_path / "silent.mp4")
    film = tmp_path / "clip.mp4"
    sound = write_sound(tmp_path / "tone.wav")
    assert run(["film", str(silent), "-o", str(film), "--sound", str(sound)]) == 0
    out = tmp_path / "more.mp4"
    assert run(["interpolate", str(film), "-o", str(out), "--factor", "4"]) == 0
    lengths = []
    for path in (film, out):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            lengths.append(stream.duration * stream.time_base)
        track = SoundFile(path)
        heard = np.concatenate(list(track.blocks(0, 3000, size=1000)), axis=1)
        assert np.abs(heard).max() > 0.1
    assert [float(length) for length in lengths] == pytest.approx([5 / 12] * 2, abs=1e-3)


def test_stopped_work_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_FRAMES", 2)
    wanted = tmp_path / "whole.mkv"
    assert run(["interpolate", str(folder), "-o", str(wanted), "--factor", "2"]) == 0
    calls = []

    class Stopping(finish.FlowBetween):
        def __call__(self, one, two):
            calls.append(one)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return super().__call__(one, two)

    out = tmp_path / "more.mkv"
    material = material_of(folder)
    options = {"key": {"model": "flow"}}
    with pytest.raises(KeyboardInterrupt):
        finish.interpolate(material, out, Stopping(), Pace(Fraction(12), Fraction(24)), **options)
    assert not out.exists()
    done = []
    finish.interpolate(
        material,
        out,
        FLOW,
        Pace(Fraction(12), Fraction(24)),
        progress=lambda number, total: done.append((number, total)),
        **options,
    )
    assert done[0] == (5, 10)
    assert done[-1] == (10, 10)
    both = [[to_bytes(each) for each in ClipSource(path)] for path in (wanted, out)]
    assert np.array_equal(*both)


def test_changed_pictures_are_begun_anew(folder, tmp_path):
    material = material_of(folder)
    before = finish.film._traits(material)
    assert before == finish.film._traits(material)
    save_image(scene(99), folder / "3.png")
    assert before != finish.film._traits(material)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.mp4"], "nothing.mp4"),
        (["bad.mp4"], "bad.mp4"),
        (["clip.mkv", "--fps", "nan"], "--fps"),
        (["clip.mkv", "--factor", "5"], "allowed are 2, 4 and 8"),
        (["clip.mkv", "--factor", "2", "--model", "nowhere"], "neither flow nor rife"),
        (["clip.mkv", "--factor", "2", "--model", "rife", "--models", "."], "flownet.pkl"),
        (["clip.mkv", "--factor", "2", "--model", "bad.mp4"], "bad.mp4"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "clip.mkv")
    (tmp_path / "bad.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(range(256)))
    if "--fps" not in arguments and "--factor" not in arguments:
        arguments = [*arguments, "--factor", "2"]
    assert run(["interpolate", *arguments, "-o", "out.mkv"]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.mp4", "clip.mkv"]


def test_the_film_itself_is_no_place_for_the_result(tmp_path, capsys):
    film = write_film(tmp_path / "clip.mkv")
    before = film.read_bytes()
    arguments = ["interpolate", str(film), "-o", str(film), "--factor", "2", "--overwrite"]
    assert run(arguments) == 2
    assert "give the result another name" in capsys.readouterr().err
    assert film.read_bytes() == before


# --- RIFE ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights():
    """Random weights under the names of the published file."""
    generator = torch.Generator().manual_seed(1)
    return {
        f"module.{name}": torch.randn(tensor.shape, generator=generator) * 0.02
        for name, tensor in Rife().state_dict().items()
    }


def test_names_and_shapes_of_rife(weights):
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    assert len(shapes) == 4 * (4 + 8 * 3 + 2)
    assert shapes["module.block0.conv0.0.0.weight"] == (96, 7, 3, 3)
    assert shapes["module.block1.conv0.1.0.bias"] == (128,)
    assert shapes["module.block2.convblock.7.beta"] == (1, 96, 1, 1)
    assert shapes["module.block2.convblock.0.conv.weight"] == (96, 96, 3, 3)
    assert shapes["module.block3.lastconv.0.weight"] == (64, 24, 4, 4)


@pytest.mark.parametrize("zipped", [True, False])
def test_rife_reads_its_file_and_gives_pictures(tmp_path, weights, zipped):
    beside = {"module.block_tea.conv0.0.0.weight": torch.zeros(2)}
    file = tmp_path / "rife" / "flownet.pkl"
    file.parent.mkdir()
    torch.save({**weights, **beside}, file, _use_new_zipfile_serialization=zipped)
    between, key = finish.load_between("rife", models_parent_dir=tmp_path)
    assert len(key["weights"]) == 64
    one, two = scene(30)[..., :45, :70], scene(34)[..., :45, :70]
    at = between(one, two)
    assert at(0.5).shape == one.shape
    assert not torch.equal(at(0.3), at(0.6))
    assert torch.equal(between(one, one)(0.5), one)
    assert torch.equal(load_rife(file.parent)(one, two)(0.5), at(0.5))


def test_rife_without_motion_mixes_the_two():
    network = Rife().requires_grad_(False)
    network.load_state_dict({name: torch.zeros_like(t) for name, t in network.state_dict().items()})
    one, two = (from_bytes(texture(n, 32, 64).astype(np.uint8)) for n in (1, 2))
    assert torch.allclose(network(one, two, 0.5), (one + two) / 2, atol=1e-5)
    # The last block's bias alone: the first picture is moved by (4, 0), and it alone is shown.
    bias = network.block3.lastconv[0].bias.data.reshape(6, 4)
    bias[0], bias[4] = 4, 50
    moved = network(one, two, 0.5)
    assert torch.allclose(moved[..., 2:-6], one[..., 6:-2], atol=1e-4)


def test_other_weights_are_refused(tmp_path, weights):
    file = tmp_path / "flownet.pkl"
    lacking = dict(list(weights.items())[1:])
    more = {**weights, "module.encode.cnn0.weight": torch.zeros(1)}
    name = "module.block0.conv0.0.0.weight"
    for wrong, words in [
        (lacking, "lacks block0"),
        (more, "encode.cnn0.weight"),
        ({**weights, name: torch.zeros(96, 11, 3, 3)}, r"\(96, 11, 3, 3\)"),
        ({**weights, name: weights[name] * torch.nan}, "not of numbers"),
    ]:
        torch.save(wrong, file)
        with pytest.raises(WeightsError, match=words):
            load_rife(file)


def test_a_pickle_that_would_call_something_calls_nothing(tmp_path):
    called = tmp_path / "called"

    class Hostile:
        def __reduce__(self):
            return (called.touch, ())

    file = tmp_path / "flownet.pkl"
    for data in (pickle.dumps(Hostile()), b"", b"\x80\x02junk"):
        file.write_bytes(data)
        with pytest.raises(WeightsError):
            load_rife(file)
    torch.save({"module.block0.conv0.0.0.weight": Hostile()}, file)
    with pytest.raises(WeightsError):
        load_rife(file)
    assert not called.exists()


# --- the benchmark -------------------------------------------------------------------------------


def test_the_benchmark_finds_the_flow_best(tmp_path, capsys):
    path = Path(__file__).parents[2] / "benchmarks" / "interpolate.py"
    spec = importlib.util.spec_from_file_location("interpolate_benchmark", path)
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark
    spec.loader.exec_module(benchmark)
    film = write_film(tmp_path / "clip.mkv", [scene(10 + 5 * n, 20 + 2 * n) for n in range(13)])
    benchmark.main([str(film), "--json", str(tmp_path / "figures.json")])
    rows = {row["way"]: row for row in json.loads((tmp_path / "figures.json").read_text())}
    assert capsys.readouterr().out.count("clip") == len(rows) == 4
    flow = rows.pop("mutoscope, flow")
    assert flow["pictures"] == 5
    for row in rows.values():
        assert flow["psnr"] > row["psnr"]
        assert flow["ssim"] > row["ssim"]
        assert flow["error"] < row["error"]
    same = to_bytes(scene(30))
    assert benchmark.ssim(same, same) == pytest.approx(1, abs=1e-6)
    assert benchmark.psnr(same, same ^ 1) == pytest.approx(48.13, abs=0.01)
