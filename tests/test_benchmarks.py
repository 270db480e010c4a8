"""The benchmarks still run, and say what the parts of the program promise."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
STEPS = BENCHMARKS / "steps.py"


def steps(*arguments):
    return subprocess.run(
        [sys.executable, str(STEPS), "--quick", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("canvas", ["Fourier", "toy VQGAN"])
def test_cases_are_measured_and_told(tmp_path, canvas):
    files = tmp_path / "steps.json", tmp_path / "steps.md"
    told = steps("--only", canvas, "toy ViT", "--json", files[0], "--markdown", files[1])
    assert told.returncode == 0, told.stderr
    two, four = json.loads(files[0].read_text(encoding="utf-8"))["cases"]
    assert (two["cutouts"], four["cutouts"]) == (2, 4)
    for case in (two, four):
        assert case["canvas"] == canvas
        assert case["decodes_per_step"] == 1
        assert case["weight_gradients"] == 0
        assert 0 < case["perceptor_seconds"] < case["cpu_seconds"]
        assert (case["decoder_seconds"] > 0) is (canvas == "toy VQGAN")
        assert case["decoder_seconds"] < case["cpu_seconds"]
        assert 0 < case["outside"] < 1
        assert case["loaded_bytes"] <= case["peak_bytes"] < 2e9
        assert case["activation_bytes"] > 0
    ratio = f"{four['cpu_seconds'] / two['cpu_seconds']:.2f}"
    assert ratio in told.stdout.splitlines()[1].split()
    assert len(told.stdout.splitlines()) == 3
    assert files[1].read_text(encoding="utf-8").count("| toy ViT |") == 2


def test_a_case_that_is_not_there_is_refused():
    told = steps("--only", "Oil on canvas")
    assert told.returncode == 2
    assert "'Oil on canvas' is none of Unlimited Palette" in told.stderr


@pytest.mark.slow
def test_a_case_that_fails_is_said_and_the_others_go_on():
    told = steps("--only", "tiny", "2", "Fourier", "--set", "scenes=", "smoothing_weight=oops")
    assert told.returncode == 1
    assert "smoothing_weight" in told.stderr
    assert len(told.stdout.splitlines()) == 1


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("single_thread")
def test_ways_for_frames_to_start_are_compared(small_vqgan, tmp_path, capsys):
    starts = loaded("starts")
    given = ["perceptors=tiny", "cutouts=2", "width=32", "height=32"]
    given += ["--models", "Unlimited Palette", "--vqgan", small_vqgan, "--cameras", "zoom"]
    given += ["--frames", "3", "--steps", "2", "--first", "2", "--rates", "1", "0.5"]
    starts.main([*map(str, given), "--json", str(tmp_path / "figures.json")])
    rows = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    told = {(row["model"], row["way"], row["rate"]): row for row in rows}
    assert len(told) == len(rows) == 2 * 3 + 2 * 4
    assert all(row["flicker"] > 0 and math.isfinite(row["prompt"]) for row in rows)
    pixels, vqgan = ({way: told[model, way, 1] for m, way, rate in told if (m, rate) == (model, 1)}
                     for model in ("Unlimited Palette", "VQGAN"))  # fmt: skip
    assert pixels["cleared"]["flicker"] > 1.2 * pixels["carried"]["flicker"]
    assert vqgan["cleared"]["prompt"] != vqgan["latent"]["prompt"]
    assert told["Unlimited Palette", "cleared", 0.5]["flicker"] < pixels["cleared"]["flicker"]
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(rows) + 1


@pytest.mark.usefixtures("single_thread")
def test_moves_in_space_are_measured(tmp_path, capsys):
    loaded("space").main(["--size", "64", "--repeats", "1", "--json", str(tmp_path / "m.json")])
    measured = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert measured
    told = capsys.readouterr().out.splitlines()[1:]
    assert len(told) >= 5
    assert all(float(line.split()[-1]) > 0 for line in told)
