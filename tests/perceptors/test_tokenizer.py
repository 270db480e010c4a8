"""The tokenizer against the algorithm written out plainly, and its file formats."""

import gzip
import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.errors import WeightsError
from mutoscope.perceptors.tokenizer import ClipTokenizer, clean, read_tokenizer


def plain(text: str, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> list[int]:
    """Byte-pair encoding as published: join the most urgent pair until none is left."""
    letters = list(vocabulary)[:256]
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    order += [byte for byte in range(256) if byte not in order]
    letter = dict(zip(order, letters, strict=True))
    words = regex.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", clean(text))
    tokens = []
    for word in words:
        pieces = [letter[byte] for byte in word.encode()]
        pieces[-1] += "</w>"
        while True:
            pairs = [pair for pair in pairwise(pieces) if pair in merges]
            if not pairs:
                break
            best = min(pairs, key=merges.index)
            at = next(i for i in range(len(pieces)) if tuple(pieces[i : i + 2]) == best)
            pieces[at : at + 2] = ["".join(best)]
        tokens += [vocabulary[piece] for piece in pieces]
    return tokens


@pytest.fixture(scope="module")
def made() -> ClipTokenizer:
    return ClipTokenizer(*_tables(), context=10)


def _tables() -> tuple[dict[str, int], list[tuple[str, str]]]:
    merges = [("t", "h"), ("th", "e</w>"), ("f", "o"), ("fo", "x</w>"), ("r", "e"), ("re", "d</w>")]
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in order] + [chr(256 + i) for i in range(256 - len(order))]
    pieces = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges)]
    marks = ["<|startoftext|>", "<|endoftext|>"]
    return {piece: number for number, piece in enumerate([*pieces, *marks])}, merges


# Letters that came with later versions of Unicode are letters to some libraries only.
OLD_LETTERS = st.characters(max_codepoint=0x2FFF, exclude_categories=["Cn", "Cs"])


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("thefoxrd' \n.,!?0189éß日🦊’“<&;\u0301") | OLD_LETTERS))
def test_equals_the_plain_algorithm(text: str) -> None:
    vocabulary, merges = _tables()
    assert ClipTokenizer(vocabulary, merges).encode(text) == plain(text, vocabulary, merges)


def test_known_pieces(made: ClipTokenizer) -> None:
    vocabulary, _ = _tables()
    the, fox, red = vocabulary["the</w>"], vocabulary["fox</w>"], vocabulary["red</w>"]
    assert made.encode("The red FOX") == [the, red, fox]
    assert made.encode("the, fox") == [the, vocabulary[",</w>"], fox]
    assert made.encode(" \t ") == []
    assert made.rows("") == [[made.start, made.end]]
    assert made.rows("the fox") == [[made.start, the, fox, made.end]]
    assert made.end == len(vocabulary) - 1


def test_end_marks_in_a_text_are_only_text(made: ClipTokenizer) -> None:
    assert made.end not in made.encode("<|endoftext|>")


@given(st.lists(st.sampled_from(["the", "fox", "thing", "x" * 30, "é"]), max_size=30))
def test_rows_lose_nothing_and_cut_between_words(words: list[str]) -> None:
    tokenizer = ClipTokenizer(*_tables(), context=10)
    text = " ".join(words)
    rows = tokenizer.rows(text)
    assert all(len(row) <= 10 for row in rows)
    assert all(row[0] == tokenizer.start and row[-1] == tokenizer.end for row in rows)
    assert [token for row in rows for token in row[1:-1]] == tokenizer.encode(text)
    if all(len(word) < 30 for word in words):
        cuts = {sum(len(row) - 2 for row in rows[:n]) for n in range(1, len(rows))}
        ends = [len(tokenizer.encode(" ".join(words[:n]))) for n in range(len(words) + 1)]
        assert cuts <= set(ends)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("  A\u3000Red\tFox\n", "a red fox"),
        ("“it’s”", '"it\'s"'),
        ("&amp;lt;b&gt;", "<b>"),
        ("ﬁne Ｆｕｌｌ！", "fine full!"),
        ("e\u0301", "é"),
        ("½ m² …", "½ m² …"),
    ],
)
def test_clean(text: str, want: str) -> None:
    assert clean(text) == want


@pytest.mark.parametrize("form", ["json", "json pairs", "pair", "gzip"])
def test_all_file_formats_give_the_same_tokens(
    tmp_path: Path, make: SimpleNamespace, form: str
) -> None:
    path = make.json(tmp_path, pairs=True) if " " in form else getattr(make, form)(tmp_path)
    tokenizer = read_tokenizer(path, vocabulary=len(make.vocabulary()), context=77)
    text = "the red fox's 3 théories, 日本 🦊"
    assert tokenizer.encode(text) == plain(text, make.vocabulary(), make.merges)
    assert (tokenizer.start, tokenizer.end) == (518, 519)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", b"{", "can't be read as CLIP's vocabulary"),
        ("tokenizer.json", b"<html>", "can't be read"),
        ("tokenizer.json", b'{"model": {"type": "Unigram", "vocab": [["a", 1]]}}', "can't be read"),
        ("tokenizer.json", json.dumps({"model": {"vocab": {"a": 0}, "merges": []}}), "startoftext"),
        ("vocab.json", b"[]", "can't be read"),
        ("bpe_simple_vocab_16e6.txt.gz", b"no gzip", "can't be read"),
        (
            "bpe_simple_vocab_16e6.txt.gz",
            gzip.compress(b"version\na b c\n", mtime=0),
            "can't be read",
        ),
    ],
)
def test_bad_vocabularies(tmp_path: Path, name: str, content: bytes | str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(WeightsError, match=message) as caught:
        read_tokenizer(path, vocabulary=520, context=77)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json"])
def test_a_vocabulary_that_is_too_large_is_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(8 << 30)
    with pytest.raises(WeightsError, match="larger than the 64 MiB"):
        read_tokenizer(tmp_path / name, vocabulary=520, context=77)


def test_a_vocabulary_that_unpacks_to_very_much_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"version\n")
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(WeightsError, match="can't be read"):
        read_tokenizer(path, vocabulary=49408, context=77)


def test_merges_of_unknown_pieces(tmp_path: Path, make: SimpleNamespace) -> None:
    model = {"vocab": make.vocabulary(), "merges": ["un known"]}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    with pytest.raises(WeightsError, match="is not a byte-pair vocabulary"):
        read_tokenizer(tmp_path / "tokenizer.json", vocabulary=520, context=77)


def test_a_vocabulary_of_another_model(tmp_path: Path, make: SimpleNamespace) -> None:
    with pytest.raises(WeightsError, match=r"has 520 tokens and the model knows 49408"):
        read_tokenizer(make.json(tmp_path), vocabulary=49408, context=77)


def test_half_a_surrogate_pair_is_dropped(made: ClipTokenizer) -> None:
    assert made.encode("fox\ud83e the") == made.encode("fox the")
