import math

import pytest
import torch

from mutoscope.train_gan.quality import Reference, distance, embedded_embedding, kernel_distance


def cloud(count, shift=0.0, *, seed=0):
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)) + shift


def bars(count, width, *, start=0):
    pictures = torch.ones(count, 1, 32, 32)
    for row in range(count):
        left = 2 + 5 * (row + start) % 23
        pictures[row, :, :, left : left + width] = 0.05
    return pictures


def test_the_kernel_distance_is_its_definition():
    ours, theirs = cloud(5).double(), cloud(7, 0.3, seed=1).double()

    def kernel(a, b):
        return float((a @ b / 16 + 1) ** 3)

    within = [
        sum(kernel(a, b) for i, a in enumerate(part) for j, b in enumerate(part) if i != j)
        / (len(part) * (len(part) - 1))
        for part in (ours, theirs)
    ]
    across = sum(kernel(a, b) for a in ours for b in theirs) / 35
    assert kernel_distance(ours, theirs) == pytest.approx(sum(within) - 2 * across)


def test_the_kernel_distance_of_one_kind_is_about_nothing_whatever_the_number():
    found = [
        kernel_distance(cloud(40, seed=2 * one), cloud(80, seed=2 * one + 1)) for one in range(30)
    ]
    mean = sum(found) / len(found)
    spread = math.sqrt(sum((one - mean) ** 2 for one in found) / len(found))
    assert abs(mean) < 3 * spread / math.sqrt(len(found))  # unbiased
    assert kernel_distance(cloud(40), cloud(80, 0.5, seed=1)) > 5 * spread


def test_many_are_compared_as_few():
    ours, theirs = cloud(150).double(), cloud(100, 0.1, seed=1).double()
    within = 0.0
    for part in (ours, theirs):
        kernels = (part @ part.T / 16 + 1).pow(3).fill_diagonal_(0)
        within += float(kernels.sum()) / (len(part) * (len(part) - 1))
    across = float((ours @ theirs.T / 16 + 1).pow(3).mean())
    assert kernel_distance(ours, theirs) == pytest.approx(within - 2 * across)


def test_one_figure_is_made_of_all_and_none_drowns_the_others():
    assert distance({"ink": 0.0, "kernel": -0.1}) == 0
    assert distance({"ink": 1.0, "kernel": 3.0}) == pytest.approx(math.log(8) / 2)
    assert distance({"ink": 0.5, "kernel": 1e6}) < 10


def test_what_is_alike_is_nearer_than_what_is_not():
    reference = Reference.of(bars(32, 3), embedded_embedding())
    alike = reference.compare(bars(32, 3, start=100))
    thick = reference.compare(bars(32, 6))
    turned = reference.compare(bars(32, 3).transpose(2, 3))
    noise = reference.compare(torch.rand(32, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert alike["distance"] < min(one["distance"] for one in (thick, turned, noise)) / 3
    for figure in ("width", "ink"):
        assert thick[figure] > alike[figure] + 0.5
    assert turned["direction"] > 0.9 > 0.1 > alike["direction"]
    assert noise["kernel"] > thick["kernel"] > alike["kernel"]


def test_without_the_embedded_network_the_strokes_are_compared():
    figures = Reference.of(bars(8, 3), None).compare(bars(8, 4))
    assert set(figures) == {"ink", "width", "direction", "distance"}


def test_a_missing_network_is_said_once(monkeypatch, caplog):
    from mutoscope.errors import WeightsError
    from mutoscope.train_gan import quality

    def missing(**_):
        raise WeightsError("style_image: a style is judged by the embedded network: no wheel")

    monkeypatch.setattr(quality, "load_features", missing)
    assert embedded_embedding() is None
    assert "the kernel distance is left out" in caplog.text
