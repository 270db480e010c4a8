import json
import math
import os

import numpy as np
import pytest
import scipy
import torch

from mutoscope import chart
from mutoscope.chart import collect, losses_chart, read_records, smooth, ticks


def records(count=40, terms=2):
    return [
        {"step": n, "frame": n // 5, "t": n / 12, "total": 1 / n}
        | {f"term {k}": math.sin(n / 5 + k) for k in range(terms)}
        for n in range(1, count + 1)
    ]


def ink(image):
    return int((image < 0.95).any(1).sum())


@pytest.mark.parametrize("terms", [0, 1, 2, 8, 40])
def test_any_number_of_terms_is_drawn(terms):
    chart = losses_chart(records(terms=terms), title="fox")
    assert chart.shape == (1, 3, 700, 1200)
    assert ink(chart) > 2000


def test_each_term_has_its_colour():
    def shows(terms, *colours):
        chart = (losses_chart(records(terms=terms)) * 255).round()[0]
        told = (torch.tensor(colour).view(3, 1, 1) for colour in colours)
        return [bool((chart == colour).all(dim=0).any()) for colour in told]

    assert shows(1, (0, 114, 178), (213, 94, 0)) == [True, False]
    assert shows(2, (0, 114, 178), (213, 94, 0)) == [True, True]


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [{}],
        [{"step": 1}],
        [{"step": 1, "total": None}],
        [{"step": 1, "total": 0.5}],
        [{"step": n, "total": 0.5} for n in range(5)],
        [{"step": n, "total": 0.0} for n in range(5)],
        [
            {"step": n, "total": [0.1, None, float("nan"), float("inf"), 1e300][n % 5]}
            for n in range(9)
        ],
        [{"step": n, "total": 10.0**n, "small": 1e-8} for n in range(20)],
        [{"step": "x", "total": "y", "list": [1], "yes": True}],
        [{"step": 10**12, "total": -1e-9}, {"step": 0, "total": 1e20}],
        [{"step": 1, "a \n very\tlong label " * 9: 1.0, "狐 (snö)": 2}],
    ],
    ids=range(12),
)
def test_odd_logs_are_drawn_all_the_same(odd):
    chart = losses_chart(odd, title="odd " * 100)
    assert chart.shape == (1, 3, 700, 1200)
    assert bool(torch.isfinite(chart).all())
    assert ink(chart) > 100


def test_it_lies_in_memory_as_it_is_written():
    assert losses_chart(records())[0].permute(1, 2, 0).is_contiguous()


def test_equal_logs_are_equal_pictures():
    assert torch.equal(losses_chart(records()), losses_chart(records()))


def test_large_and_small_terms_are_both_seen():
    rows = [
        {"step": n, "total": 5 + math.cos(n / 4), "small": 1e-3 * (2 + math.sin(n / 4))}
        for n in range(60)
    ]
    chart = losses_chart(rows)[0, :, 84:642, 90:870]
    blue = (chart[2] - chart[0]) > 0.3
    rows_with_blue = blue.any(1).nonzero().flatten()
    assert rows_with_blue.max() - rows_with_blue.min() > 30


def test_the_total_comes_first_and_gaps_stay_gaps():
    series = collect([{"step": 1, "fox": 1.0, "total": 2.0}, {"step": 2, "total": 3.0}])
    assert [one.label for one in series] == ["total", "fox"]
    assert np.isnan(series[1].values[1])


def test_smoothing_keeps_parabolas_and_calms_noise():
    x = np.arange(60.0)
    assert np.allclose(smooth(x**2), x**2)
    noise = np.random.default_rng(0).normal(size=200)
    assert smooth(noise).std() < 0.5 * noise.std()
    gappy = noise.copy()
    gappy[50:60] = np.nan
    assert np.array_equal(np.isnan(smooth(gappy)), np.isnan(gappy))
    for short in range(6):
        assert len(smooth(noise[:short])) == short


@pytest.mark.parametrize("length", [3, 4, 5, 9, 16, 17, 18, 100])
def test_smoothing_is_that_of_savitzky_and_golay(length):
    values = np.random.default_rng(length).normal(size=length)
    window = min(17, length - 1 + length % 2)
    assert smooth(values) == pytest.approx(scipy.signal.savgol_filter(values, window, 2), abs=1e-12)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (-3, 57, [0, 10, 20, 30, 40, 50]), (2, 2, [2])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_a_log_is_read_and_torn_lines_are_passed_over(tmp_path):
    path = tmp_path / "log.jsonl"
    assert read_records(path) == []
    path.write_bytes(
        json.dumps({"step": 1}).encode() + b'\n[1]\n\xff\xfe\n{"step": 2}\n{"step": 3, "to'
    )
    assert read_records(path) == [{"step": 1}, {"step": 2}]


def test_of_a_log_of_gigabytes_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(chart, "MAX_LOG", 4096)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n')
    os.truncate(path, 2 * 2**30)
    with path.open("ab") as file:
        file.write(b'\n{"step": 7}\n')
    assert read_records(path) == [{"step": 7}]
