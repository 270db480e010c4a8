import numpy as np
import pytest

from mutoscope.sound.clock import CELLS, cell_starts, falling, highest_ahead


@pytest.mark.parametrize("rate", [4000, 11_025, 22_050, 44_100, 48_000, 44_099])
def test_cells_tile_a_block(rate):
    starts = cell_starts(5 * rate, rate)
    assert len(starts) == 5 * CELLS
    lengths = np.diff(starts, append=5 * rate)
    assert starts[0] == 0
    assert lengths.max() - lengths.min() <= 1


def test_a_release_sinks_to_one_in_e():
    peak = np.zeros(CELLS)
    peak[10], peak[12] = 1.0, 0.5
    sunk = falling(peak, 0.1)
    assert not sunk[:10].any()
    assert sunk[10] == pytest.approx(1)
    assert sunk[10 + CELLS // 10] == pytest.approx(np.exp(-1))
    np.testing.assert_allclose(falling(np.ones(50), 0.1), 1)
    assert falling(peak, 0) is peak


def test_the_highest_ahead():
    values = np.array([0.0, 3.0, 1.0, 2.0, 0.5])
    assert highest_ahead(values, 1).tolist() == values.tolist()
    assert highest_ahead(values, 2).tolist() == [3, 3, 2, 2, 0.5]
    assert highest_ahead(values, 3).tolist() == [3, 3, 2, 2, 0.5]
    assert highest_ahead(values, 4).tolist() == [3, 3, 2, 2, 0.5]
    assert highest_ahead(values, 1000).tolist() == [3, 3, 2, 2, 0.5]
