"""Contact sheets: every picture in its place, with its label, within bounds."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.images import load_image
from mutoscope.provenance import read_recipe
from mutoscope.sheet import LONGEST, Sheet, columns_for

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


def colour(index, size=(64, 48)):
    """A picture of one colour that no other number has."""
    value = torch.tensor([index % 7 / 7 + 0.1, index // 7 % 7 / 8, 0.3])
    return value[None, :, None, None].expand(1, 3, size[1], size[0])


def filled(axes, size=(64, 48), **kwargs):
    sheet = Sheet(axes, size, **kwargs)
    for index in range(math.prod(len(axis) for axis in axes)):
        sheet.put(index, colour(index, size))
    return sheet


def pixels(sheet):
    return np.asarray(sheet.image())


AXES = [
    [],
    [["seed=1"]],
    [[f"seed={k}" for k in range(9)]],
    [["dawn", "noon", "night"], ["oil", "ink"]],
    [["a", "b"], ["c", "d", "e"], ["f", "g"]],
    [["a", "b"]] * 5,
]


@pytest.mark.parametrize("axes", AXES)
def test_every_picture_lies_in_its_place_and_no_two_meet(axes):
    sheet = filled(axes, title="a title")
    shown = pixels(sheet)
    covered = np.zeros(shown.shape[:2], bool)
    for index in range(math.prod(len(axis) for axis in axes)):
        left, top, right, bottom = sheet.cell(index)
        assert 0 <= left < right <= sheet.size[0]
        assert 0 <= top < bottom <= sheet.size[1]
        assert not covered[top:bottom, left:right].any()
        covered[top:bottom, left:right] = True
        middle = shown[(top + bottom) // 2, (left + right) // 2]
        expected = (colour(index)[0, :, 0, 0] * 255).round()
        assert np.abs(middle - expected.numpy()).max() <= 1
    assert (shown[~covered] < 128).any()  # something is written


@pytest.mark.parametrize("axes", AXES[3:])
def test_rows_are_the_first_axes_and_columns_the_last(axes):
    sheet = Sheet(axes, (64, 48))
    inner = len(axes[-1])
    tops = {sheet.cell(index)[1] for index in range(inner)}
    lefts = [sheet.cell(index)[0] for index in range(inner)]
    assert len(tops) == 1
    assert lefts == sorted(set(lefts))
    outer = math.prod(len(axis) for axis in axes[1:])
    assert sheet.cell(outer)[1] > sheet.cell(0)[1]


def test_pictures_of_an_outer_place_stand_apart():
    sheet = Sheet([["a", "b"], ["c", "d"], ["e", "f"]], (64, 48))
    lefts = sorted({sheet.cell(index)[0] for index in range(8)})
    tops = sorted({sheet.cell(index)[1] for index in range(8)})
    steps = np.diff(lefts if len(lefts) == 4 else tops)
    assert len(steps) == 3
    assert steps[1] > steps[0] == steps[2]


def test_what_is_not_made_yet_is_plain():
    sheet = Sheet([["a", "b"]], (64, 48))
    left, top, right, bottom = sheet.cell(1)
    before = pixels(sheet)[top:bottom, left:right]
    assert (before == before[0, 0]).all()
    assert before[0, 0].min() > 200
    sheet.put(0, colour(0))
    assert (pixels(sheet)[top:bottom, left:right] == before).all()


def test_a_picture_put_twice_leaves_nothing_of_the_first():
    sheet = Sheet([["a", "b"]], (64, 48))
    sheet.put(0, colour(9))
    sheet.put(0, colour(3, (20, 48)))
    again = Sheet([["a", "b"]], (64, 48))
    again.put(0, colour(3, (20, 48)))
    assert sheet.png() == again.png()


@pytest.mark.parametrize(
    ("axes", "size"),
    [([[str(k) for k in range(16)]] * 2, (1024, 1024)), ([["x"]], (9000, 300)),
     ([["a", "b"], [str(k) for k in range(128)]], (256, 256))],
)  # fmt: skip
def test_no_sheet_is_larger_than_allowed(axes, size):
    sheet = Sheet(axes, size, title="t")
    assert max(sheet.size) <= LONGEST
    assert max(sheet.size) > 0.9 * LONGEST
    left, top, right, bottom = sheet.cell(0)
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.15)


def test_small_pictures_are_not_enlarged():
    sheet = filled([["a", "b"]], (32, 32))
    left, top, right, bottom = sheet.cell(0)
    shown = pixels(sheet)[top:bottom, left:right]
    assert (shown.min(axis=2) < 200).sum() == 32 * 32


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (6, 3), (9, 3), (12, 4), (16, 4)]
)
def test_squares_wrap_into_a_pleasing_shape(count, columns):
    assert columns_for(count, (64, 64)) == columns


def test_wide_pictures_have_fewer_columns():
    assert columns_for(9, (400, 100)) < 3 < columns_for(9, (100, 400))


def test_labels_are_drawn_near_their_pictures():
    def dark(label):
        sheet = Sheet([[label, label]], (160, 100))
        left, _, right, bottom = sheet.cell(0)
        return (pixels(sheet)[bottom : sheet.size[1], left:right] < 128).any(axis=2).sum()

    assert dark("W" * 9) > dark("i") > 0


@pytest.mark.parametrize("label", ["夜の空", "🦊", "\x1b[2J", "שלום", "a\nb", "x" * 5000, ""])
def test_no_label_is_too_strange(label):
    for axes in ([[label, "b"]], [[label, "b"], ["c", label]]):
        sheet = Sheet(axes, (64, 48), title=label)
        assert (pixels(sheet) < 128).any()


def test_the_file_carries_its_recipe_and_is_the_same_each_time(tmp_path):
    data = filled(AXES[3]).png(RECIPE)
    assert data == filled(AXES[3]).png(RECIPE)
    path = tmp_path / "sheet.png"
    path.write_bytes(data)
    assert read_recipe(path) == RECIPE
    width, height = Image.open(io.BytesIO(data)).size
    assert load_image(path).shape == (1, 3, height, width)
