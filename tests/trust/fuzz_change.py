"""Ways to spoil a valid example: bytes without a plan, and texts, JSON and containers with one.

Every way is a function of a random generator and the examples of a target, so an input is known by
its seed and number alone.
"""

import binascii
import json
import random
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

Change = Callable[[random.Random, Sequence[bytes]], bytes]
Mend = Callable[[bytes], bytes]

LONGEST = 400_000  # bytes of an input
_EDGES = (
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**63,
    2**64 - 1,
)


def changed_bytes(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """An example with some bytes changed, cut, repeated, or replaced by numbers at the edges."""
    data = bytearray(rng.choice(seeds) or b" ")
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        _BYTES[rng.randrange(len(_BYTES))](rng, data, seeds)
        if not data:
            break
    return bytes(data[:LONGEST])


def _place(rng: random.Random, data: bytearray) -> int:
    """Anywhere, and half the time near the beginning, where the headers are."""
    return rng.randrange(min(len(data), rng.choice((64, 512, len(data) + 1))) or 1)


def _flip(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[_place(rng, data)] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[_place(rng, data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _cut(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _delete(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(rng, data)
    del data[at : at + rng.choice((1, 2, 4, 16, 200))]


def _repeat(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(rng, data)
    piece = data[at : at + rng.choice((1, 4, 12, 64, 1000))]
    data[at:at] = piece * rng.choice((1, 1, 2, 30, 500))


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    at, start = _place(rng, data), rng.randrange(len(other) or 1)
    data[at : at + rng.choice((0, 8, 64))] = other[start : start + rng.choice((8, 64, 512))]


def _number(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """A length, a count or a size, if one stands there, as large as it can be, or off by a bit."""
    size = rng.choice((1, 2, 4, 4, 8))
    at = _place(rng, data)
    order = rng.choice(("little", "big"))
    value = int.from_bytes(data[at : at + size], order)
    value = rng.choice((*_EDGES, value + 1, value - 1, value * 2, value + rng.randrange(-64, 64)))
    data[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)


def _noise(rng: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(rng, data)
    data[at : at + 16] = rng.randbytes(rng.choice((1, 4, 16, 64)))


_BYTES = (_flip, _set, _cut, _delete, _repeat, _splice, _number, _number, _noise)

# ── texts ──

_ODD = (
    "1e400",
    "-1e400",
    "1e-400",
    "nan",
    "inf",
    "-0",
    "9" * 400,
    "9" * 4400,
    "0x" + "f" * 300,
    "9**9**9",
    "1_0",
    "١٢",
    "1j",
    "\0",
    "\x1b[31m",
    "\u202e",
    "\ud800",
    "\udcff",
    "é",
    "𝟙",
    "ﬀ",
    "\r",
    "\n",
    "\t",
    "\\",
    '"',
    "'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "$",
    "${",
    "${scenes}",
    "&a",
    "*a",
    "!!",
    "../../x",
    "/etc/passwd",
    "http://127.0.0.1/",
    "file:///etc/passwd",
    "%s%n",
    "~",
    "~root/x",
    "__import__('os').system('true')",
    "().__class__",
    "lambda: 0",
    "",
    " ",
    "#",
    "//",
    ",",
    ":",
    "::",
    "|",
    "||",
    "^",
    "=",
    "<",
    ">",
    "..",
    "*",
    "-",
    "+",
    "@",
    "`",
    "\ufeff",
)
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def changed_text(words: Sequence[str] = ()) -> Change:
    """An example, a text, with words of its grammar changed, moved, nested and repeated."""
    vocabulary = (*words, *words, *_ODD)

    def change(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
        if rng.random() < 0.1:
            return changed_bytes(rng, seeds)
        pieces = _WORD.findall(rng.choice(seeds).decode(errors="surrogateescape"))
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            at = rng.randrange(len(pieces) + 1)
            match rng.randrange(9):
                case 0 | 1:
                    pieces.insert(at, rng.choice(vocabulary))
                case 2 | 3:
                    pieces[at : at + 1] = [rng.choice(vocabulary)]
                case 4:
                    del pieces[at : at + rng.choice((1, 2, 5))]
                case 5:
                    stop = at + rng.choice((1, 2, 4, 10))
                    times = rng.choice((2, 3, 50, 2000, 20_000))
                    most = LONGEST // max(1, sum(map(len, pieces[at:stop])))  # a piece may be long
                    pieces[at:at] = pieces[at:stop] * min(times, most)
                case 6:
                    pieces.insert(at, rng.choice(vocabulary) * rng.choice((2, 100, 5000)))
                case 7:
                    opens, closes = rng.choice(("()", "[]", "{}", "''", '""', "- ", ("${", "}")))
                    times = rng.choice((1, 2, 60, 1000))
                    pieces.insert(at, opens * times)
                    pieces.insert(rng.randrange(at, len(pieces) + 1), closes * times)
                case 8:
                    other = _WORD.findall(rng.choice(seeds).decode(errors="surrogateescape"))
                    start = rng.randrange(len(other) + 1)
                    pieces[at:at] = other[start : start + rng.choice((1, 5, 20))]
            pieces = pieces[:60_000]
        return "".join(pieces).encode(errors="surrogatepass")[:LONGEST]

    return change


def text_of(data: bytes) -> str:
    """An input as a text; what is not UTF-8 is in it as a command line has it."""
    return data.decode(errors="surrogateescape")


# ── JSON ──

_RAW = (
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e308",
    "1e-400",
    "-1",
    "0",
    "1",
    "0.5",
    "true",
    "false",
    "null",
    '""',
    "[]",
    "{}",
    "9" * 400,
    "-" + "9" * 30,
    "9" * 4400,
    '"\\ud800"',
    '"\\u0000"',
    '"../../x"',
    '"/etc/passwd"',
    '"\\u001b[2J"',
    '"' + "x" * 5000 + '"',
    "[" * 3000 + "]" * 3000,
    '{"a":' * 3000 + "1" + "}" * 3000,
    "[[]]",
    "[1,2]",
    '{"z":1}',
    "2147483648",
    "18446744073709551616",
)


def changed_json(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """An example, which is JSON, with values replaced by odd ones, and keys lost or doubled."""
    if rng.random() < 0.25:
        return changed_text(_RAW)(rng, seeds)
    value = json.loads(rng.choice(seeds))
    holes: dict[str, str] = {}
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _odd(rng, value, holes)
    text = json.dumps(value)
    for mark, raw in holes.items():
        text = text.replace(f'"{mark}"', raw)
    return text.encode()[:LONGEST]


def _odd(rng: random.Random, value: Any, holes: dict[str, str]) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        match rng.randrange(6):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, rng.choice((*_ODD, key + "x", key.upper())): value[key]}
            case _:
                return {**value, key: _odd(rng, value[key], holes)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        if rng.random() < 0.2:
            return value[:at] + value[at : at + 1] * rng.choice((0, 2, 300)) + value[at + 1 :]
        return [*value[:at], _odd(rng, value[at], holes), *value[at + 1 :]]
    if isinstance(value, str) and value[:1] in "{[" and value and rng.random() < 0.5:
        try:
            return json.dumps(_odd(rng, json.loads(value), {}))  # JSON within JSON
        except (ValueError, RecursionError):
            pass
    mark = f"hole {len(holes)}"
    holes[mark] = rng.choice(_RAW)
    return mark


# ── containers, made to fit again ──


def mended(change: Change, mend: Mend, share: float = 0.7) -> Change:
    """Such a change whose checksums and lengths are mostly made to fit again behind it."""

    def both(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
        data = change(rng, seeds)
        if rng.random() >= share:
            return data
        try:
            return mend(data)
        except (struct.error, IndexError, ValueError):
            return data

    return both


def mend_png(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums that they should."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        body = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + body + struct.pack(">I", binascii.crc32(body))
        at += 12 + length
    return bytes(out + data[at:])


def mend_riff(data: bytes) -> bytes:
    """A RIFF file that is as long as it says."""
    return data[:4] + struct.pack("<I", max(0, len(data) - 8)) + data[8:]


def mend_tensors(data: bytes) -> bytes:
    """Safetensors whose header is as long as it says."""
    end = data.rfind(b"}}", 0, 60_000) + 2
    return struct.pack("<Q", end - 8) + data[8:] if end > 8 else data


def mend_tar(data: bytes) -> bytes:
    """A tar archive whose headers have the checksums that they should."""
    out = bytearray(data)
    for at in range(0, len(out) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            block = out[at : at + 148] + b" " * 8 + out[at + 156 : at + 512]
            out[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    return bytes(out)


def mend_records(checksum: Callable[[bytes], int]) -> Mend:
    """TFRecords whose lengths and bytes have the checksums that they should."""

    def mend(data: bytes) -> bytes:
        out, at = bytearray(), 0
        while at + 16 <= len(data):
            length = int.from_bytes(data[at : at + 8], "little")
            body = data[at + 12 : at + 12 + min(length, len(data) - at - 16)]
            head = struct.pack("<Q", len(body) if length > len(data) else length)
            out += head + struct.pack("<I", checksum(head)) + body
            out += struct.pack("<I", checksum(body))
            at += 16 + len(body)
        return bytes(out)

    return mend


def mend_zip(data: bytes) -> bytes:
    """A zip archive of stored files whose checksums fit."""
    out = bytearray(data)
    sums: dict[int, bytes] = {}
    at = out.find(b"PK\x03\x04")
    while at >= 0 and at + 30 <= len(out):
        size, name, extra = (
            int.from_bytes(out[at + p : at + q], "little")
            for p, q in ((22, 26), (26, 28), (28, 30))
        )
        start = at + 30 + name + extra
        sums[at] = struct.pack("<I", binascii.crc32(out[start : start + size]))
        at = out.find(b"PK\x03\x04", at + 4)
    at = out.find(b"PK\x01\x02")
    while at >= 0 and at + 46 <= len(out):
        local = int.from_bytes(out[at + 42 : at + 46], "little")
        if local in sums:
            out[at + 16 : at + 20] = sums[local]
            out[local + 14 : local + 18] = sums[local]
        at = out.find(b"PK\x01\x02", at + 4)
    return bytes(out)
