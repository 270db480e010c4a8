"""The benchmarks still run, and say what the parts of the program promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = Path(__file__).parents[1] / "benchmarks" / "steps.py"


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
