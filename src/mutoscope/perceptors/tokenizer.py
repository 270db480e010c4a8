"""CLIP's byte-pair tokenizer, from the vocabulary files that come with the weights.

Three file formats hold the same vocabulary: ``tokenizer.json``, ``vocab.json`` with ``merges.txt``
(both in the repositories of the Hugging Face hub), and ``bpe_simple_vocab_16e6.txt.gz`` (in the
open_clip and clip packages). Only the vocabulary and the merges are read from them; how a text is
cleaned and cut into words is fixed here, so that all three give the same tokens.
"""

import gzip
import html
import json
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps

from mutoscope.atomic import read_bounded
from mutoscope.errors import WeightsError

MAX_BYTES = 64 * 2**20
"""Of a vocabulary, unpacked: CLIP's has 3 MB."""
_VOCAB, _MERGES = "vocab.json", "merges.txt"
_START, _END, _LAST = "<|startoftext|>", "<|endoftext|>", "</w>"
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
_QUOTES = str.maketrans(
    dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
)

Merge = tuple[str, str]


class ClipTokenizer:
    """Texts to rows of token numbers.

    ``vocabulary`` maps pieces to numbers, ``merges`` lists the pairs to join, most urgent first.
    ``context`` is how many tokens a row may have, its start and end marks included.
    """

    def __init__(
        self, vocabulary: dict[str, int], merges: Sequence[Merge], *, context: int = 77
    ) -> None:
        self.start, self.end = vocabulary[_START], vocabulary[_END]
        self.size = max(vocabulary.values()) + 1
        self.context = context
        model = BPE(vocabulary, list(merges), end_of_word_suffix=_LAST, unk_token=_END)
        self._pieces = Tokenizer(model)
        # The words are cut out one by one; each becomes UTF-8 bytes, and pairs of those are joined.
        self._pieces.pre_tokenizer = Steps(
            [
                Split(Regex(_WORDS), behavior="removed", invert=True),
                ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )

    def encode(self, text: str) -> list[int]:
        """All tokens of ``text``, however many, without start and end marks."""
        return [token for word in self._words(text) for token in word]

    def rows(self, text: str) -> list[list[int]]:
        """``text`` as rows of at most ``context`` tokens with their marks, cut between words."""
        room = self.context - 2
        rows: list[list[int]] = [[]]
        for word in self._words(text):
            if len(rows[-1]) + len(word) > room and rows[-1]:
                rows.append([])
            rows[-1] += word
            while len(rows[-1]) > room:  # a single word that is longer than a row
                rows.append(rows[-1][room:])
                del rows[-2][room:]
        return [[self.start, *row, self.end] for row in rows]

    def _words(self, text: str) -> Iterator[list[int]]:
        """The tokens of each word between blanks."""
        words = clean(text).split()
        for encoding in self._pieces.encode_batch(words, add_special_tokens=False):
            yield list(encoding.ids)


def clean(text: str) -> str:
    """``text`` as CLIP saw its captions: plain quotes, no HTML entities, one blank, lower case.

    Characters that only differ in width or are drawn joined (``ﬁ``, ``Ａ``) become plain ones.
    """
    text = text.encode("utf-8", "ignore").decode("utf-8")  # without halves of surrogate pairs
    text = "".join(
        unicodedata.normalize("NFKC", letter)
        if "\ufb00" <= letter <= "\ufb06" or "\uff01" <= letter <= "\uffee"
        else letter
        for letter in text.translate(_QUOTES)
    )
    text = html.unescape(html.unescape(unicodedata.normalize("NFC", text)))
    return " ".join(text.split()).lower()


def read_tokenizer(path: Path, *, vocabulary: int, context: int) -> ClipTokenizer:
    """The tokenizer of a vocabulary file for a model that knows ``vocabulary`` tokens.

    Raises `WeightsError` for a file that can't be read or that belongs to another kind of model.
    """
    try:
        if path.name.endswith(".gz"):
            table, merges = _read_gzip(path, vocabulary)
        elif path.name == _VOCAB:
            table, merges = _read_pair(path)
        else:
            table, merges = _read_json(path)
        tokenizer = ClipTokenizer(table, merges, context=context)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zlib.error,
    ) as error:
        raise _bad(path, f"can't be read as CLIP's vocabulary ({_brief(error)})") from error
    except Exception as error:  # tokenizers raises nothing narrower for bad merges
        raise _bad(path, f"is not a byte-pair vocabulary ({_brief(error)})") from error
    if tokenizer.size != vocabulary:
        raise _bad(path, f"has {tokenizer.size} tokens and the model knows {vocabulary}")
    return tokenizer


def _read_json(path: Path) -> tuple[dict[str, int], list[Merge]]:
    model = json.loads(read_bounded(path, MAX_BYTES))["model"]
    merges = [
        _pair(merge) if isinstance(merge, str) else (str(merge[0]), str(merge[1]))
        for merge in model["merges"]
    ]
    return {str(piece): int(number) for piece, number in model["vocab"].items()}, merges


def _read_pair(path: Path) -> tuple[dict[str, int], list[Merge]]:
    vocabulary = json.loads(read_bounded(path, MAX_BYTES))
    lines = read_bounded(path.with_name(_MERGES), MAX_BYTES).decode("utf-8").split("\n")
    merges = [_pair(line) for line in lines if line.strip() and not line.startswith("#version")]
    return {str(piece): int(number) for piece, number in vocabulary.items()}, merges


def _read_gzip(path: Path, size: int) -> tuple[dict[str, int], list[Merge]]:
    """The merges alone; the vocabulary follows from them: bytes, bytes that end a word, merges."""
    letters = _byte_letters()
    wanted = size - 2 * len(letters) - 2
    with gzip.open(path, "rb") as file:
        text = file.read(MAX_BYTES).decode("utf-8")  # a few bytes may be very many
    lines = text.removesuffix("\n").split("\n")
    merges = [_pair(line) for line in lines[1 : wanted + 1]]  # the first names the version
    pieces = [*letters, *(letter + _LAST for letter in letters)]
    pieces += [first + second for first, second in merges]
    return {piece: number for number, piece in enumerate([*pieces, _START, _END])}, merges


def _byte_letters() -> list[str]:
    """A visible character for each byte, those that are visible already first.

    The byte-level alphabet of Radford et al., *Language Models are Unsupervised Multitask
    Learners* (2019).
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = 256 - len(visible)
    return [chr(code) for code in visible] + [chr(256 + code) for code in range(hidden)]


def _pair(line: str) -> Merge:
    first, second = line.split()
    return first, second


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:120]


def _bad(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{path}: {what}; put the tokenizer.json of openai/clip-vit-base-patch32 (or vocab.json "
        "and merges.txt) in its place"
    )
