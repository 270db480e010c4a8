"""Keys: numbers of samples, and files that may hold anything."""

import json

import pytest
import torch

from mutoscope.errors import MediaError, SettingsError
from mutoscope.walk.keys import MAX_KEYS, keys_from, numbers_of, sample


def test_a_sample_is_known_by_its_number():
    assert torch.equal(sample(42, 8), sample(42, 8))
    assert not torch.equal(sample(42, 8), sample(43, 8))
    assert abs(float(sample(7, 10_000).std()) - 1) < 0.05


def test_numbers_and_spans_are_read():
    assert numbers_of("3, 17,42") == (3, 17, 42)
    assert numbers_of("8..11,2") == (8, 9, 10, 11, 2)


@pytest.mark.parametrize(
    "text", ["", "3,,4", "a", "-1", "5..3", "0..99999999", "1e3", "٣", "9" * 30]
)
def test_other_numbers_are_refused(text):
    with pytest.raises(SettingsError, match="--keys: "):
        numbers_of(text)


def test_a_file_holds_numbers_or_vectors(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text("[3, 17]")
    keys = keys_from(path, z=4, w=2)
    assert (keys.space, keys.numbers) == ("z", (3, 17))
    assert torch.equal(keys.vectors[1], sample(17, 4))
    path.write_text('{"w": [[1, 2], [0.5, -3]]}')
    keys = keys_from(path, z=4, w=2)
    assert (keys.space, keys.numbers) == ("w", None)
    assert keys.vectors.tolist() == [[1, 2], [0.5, -3]]


@pytest.mark.parametrize(
    "text",
    [
        "[]", "3", '{"q": [[1, 2]]}', '{"w": []}', '{"w": [[1]]}', '{"w": [[1, NaN]]}',
        '{"w": [[1, 1e999]]}', '{"w": [[1, 1e200]]}', '{"w": [["1", 2]]}', '{"w": [[true, 2]]}',
        '{"w": [3, 4]}', "[-1]", "[true]", "[1.5]", "[9223372036854775808]",
        json.dumps([1] * (MAX_KEYS + 1)),
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        keys_from(path, z=4, w=2)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_json_or_not_there_is_refused(tmp_path):
    (tmp_path / "keys.json").write_bytes(b"\xff{")
    for name in ("keys.json", "none.json"):
        with pytest.raises(MediaError, match=name):
            keys_from(tmp_path / name, z=4, w=2)
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(MediaError, match="no JSON"):
        keys_from(tmp_path / "deep.json", z=4, w=2)


@pytest.mark.parametrize("number", ["1e400", "9" * 400, "1e39", "NaN"])
def test_numbers_beyond_all_bounds_are_refused(tmp_path, number):
    path = tmp_path / "keys.json"
    path.write_text(f'{{"w": [[0, {number}]]}}')
    with pytest.raises(SettingsError, match=r"no finite number|too large"):
        keys_from(path, z=2, w=2)
