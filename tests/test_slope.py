"""What flows back is the given gradient, and nothing large is loaded for it."""

import subprocess
import sys

import pytest
import torch

from mutoscope.slope import hand_back


def test_it_is_what_backward_does():
    x = torch.randn(2, 3, requires_grad=True)
    gradient = torch.randn(2, 3)
    (x**3).backward(gradient)
    expected, x.grad = x.grad, None
    hand_back(x**3, gradient)
    assert torch.equal(x.grad, expected)
    x.grad = None
    hand_back(x, gradient)  # what came from nothing keeps it itself
    assert torch.equal(x.grad, gradient)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(AssertionError):
        hand_back(torch.zeros(2, requires_grad=True), torch.zeros(2, 1))


def test_a_picture_is_painted_without_what_takes_long_to_load(tmp_path):
    small = ["perceptors=tiny", "width=32", "height=32", "cutouts=2", "steps_per_scene=3"]
    code = (
        "import sys; from mutoscope.cli import run; run(sys.argv[1:]); "
        "print(*{'sympy', 'scipy.signal', 'scipy.stats', 'matplotlib', 'pandas'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "image", "a fox", *small],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == ""
