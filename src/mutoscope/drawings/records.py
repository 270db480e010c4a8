"""Records of one tile each, as bytes: the protobuf of the old TFRecord shards, and PNG.

A record is a ``tf.train.Example`` with two features, ``image_bytes`` (a PNG) and ``image_shape``
(height, width, channels). The protobuf is small enough to be written and read here, without
TensorFlow: messages within messages, each a tag, a length and its bytes.
"""

import io
import struct
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from mutoscope.drawings.grid import Pixels

MOST_SIDE = 4096
_FORMATS = ("PNG", "JPEG", "WEBP")
_BYTES, _INT64 = 1, 3  # fields of a Feature
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # kinds of protobuf


class BadRecordError(ValueError):
    """A record is not of the form; whoever reads the file says where it stands."""


def png(pixels: Pixels) -> bytes:
    """A tile, (H, W) or (H, W, 3), as PNG."""
    colours = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", colours, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not done:
        raise ValueError(f"a tile of shape {pixels.shape} can't be written as PNG")
    return bytes(data)


def picture(data: bytes) -> Pixels:
    """The tile in the bytes of a PNG, JPEG or WebP, (H, W) grey or (H, W, 3).

    Raises:
        BadRecordError: it is none, is damaged, or larger than 4096 a side.
    """
    try:
        Image.init()
        formats = [name for name in _FORMATS if name in Image.OPEN]
        with Image.open(io.BytesIO(data), formats=formats) as opened:
            if max(opened.size) > MOST_SIDE:
                raise BadRecordError(f"its picture is {opened.width} × {opened.height}")
            grey = opened.mode in ("1", "L", "LA", "I;16")
            if opened.mode == "I;16":
                wide = np.asarray(opened).astype(np.uint32)
                return ((wide * 255 + 32_767) // 65_535).astype(np.uint8)
            return np.asarray(opened.convert("L" if grey else "RGB"))
    except BadRecordError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:120].partition(" <")[0]
        raise BadRecordError(f"its picture can't be read: {why}") from error


def example(image: bytes, shape: tuple[int, int, int]) -> bytes:
    """A serialised Example of a picture's bytes and its (height, width, channels)."""
    numbers = b"".join(_varint(number) for number in shape)
    features = {
        b"image_bytes": _field(_BYTES, _field(1, image)),
        b"image_shape": _field(_INT64, _field(1, numbers)),
    }
    entries = (_field(1, _field(1, key) + _field(2, value)) for key, value in features.items())
    return _field(1, b"".join(entries))


def parse_example(data: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The picture's bytes and the shape in a serialised Example; other features are passed over.

    Raises:
        BadRecordError: it is no Example, or lacks the picture.
    """
    image: bytes | None = None
    shape: tuple[int, ...] = ()
    for features in _parts(data, 1):
        for entry in _parts(features, 1):
            key = next(_parts(entry, 1), b"")
            for feature in _parts(entry, 2):
                if key == b"image_bytes":
                    image = next(
                        (b for row in _parts(feature, _BYTES) for b in _parts(row, 1)), None
                    )
                elif key == b"image_shape":
                    shape = tuple(n for row in _parts(feature, _INT64) for n in _integers(row))
    if image is None:
        raise BadRecordError("it has no image_bytes")
    return image, shape


# ── protobuf ──


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(payload)) + payload


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where the next thing begins."""
    value = 0
    for place in range(10):
        if at >= len(data):
            raise BadRecordError("it ends in the middle of a number")
        value |= (data[at] & 0x7F) << 7 * place
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise BadRecordError("a number in it is longer than 64 bits")


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Each field's number, and its bytes or its value."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _LENGTH:
            length, at = _read_varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise BadRecordError(f"a field in it is of kind {kind}")
        if length > len(data) - at:
            raise BadRecordError("a field in it is longer than it is")
        yield tag >> 3, data[at : at + length]
        at += length


def _parts(data: bytes, number: int) -> Iterator[bytes]:
    """The bytes of all fields of a number."""
    return (value for field, value in _fields(data) if field == number and isinstance(value, bytes))


def _integers(data: bytes) -> Iterator[int]:
    """The numbers of an Int64List, packed or one by one."""
    for field, value in _fields(data):
        if field != 1:
            continue
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            number, at = _read_varint(value, at)
            yield number


# ── framing ──


def framed(data: bytes, checksum: int, length_checksum: int) -> bytes:
    """A record as it stands in the file: length, its checksum, the bytes, their checksum."""
    return struct.pack("<QI", len(data), length_checksum) + data + struct.pack("<I", checksum)
