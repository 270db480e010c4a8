"""The kinds of value that a settings key can have, and how each reads what was written.

A kind is a type with two things beside it: what is allowed, in words, and whether its text is
taken as it stands. Text, paths, names and expressions are; numbers, switches and lists are YAML.
"""

import math
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from mutoscope.names import SUFFIXES

MAX_SIDE = 16_384
MAX_STEPS = 100_000_000
LOWEST_SEED, HIGHEST_SEED = -(2**63), 2**64 - 1

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
DEVICES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE
)
MAX_NAME = 120  # bytes; what is appended to it stays within a file system's 255
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
_ONE_IN_SEVERAL = 1_000_000_007  # seeds are short enough to be typed again


@dataclass(frozen=True)
class Kind:
    """What a value is: its name in the reference, what is allowed, whether its text is raw."""

    name: str
    allowed: str
    raw: bool = True


def kind_of(metadata: list[Any]) -> Kind | None:
    """The kind among a field's metadata, if it has one of ours."""
    return next((item for item in metadata if isinstance(item, Kind)), None)


def texts_in(values: Any) -> Iterator[str]:
    """All texts in a nest of values."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from texts_in(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from texts_in(value)


def is_address(path: str) -> bool:
    """Whether a path is an address on the web."""
    return path.lower().startswith(("http://", "https://"))


def is_weights_file(name: str) -> bool:
    """Whether a perceptor's name is the path of a file with weights."""
    return name.removesuffix("::gelu").removesuffix("::quickgelu").lower().endswith(SUFFIXES)


def as_text(value: Any) -> Any:
    """Numbers as the text they were; null as nothing. Anything else is left to be refused."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        refuse_stray_bytes(value)
    return value


def refuse_stray_bytes(text: str) -> None:
    """Refuse what came from the command line and is not UTF-8: it can't be written down."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds bytes that are not UTF-8; write it in UTF-8") from None


def as_expression(value: Any) -> Any:
    """Like `as_text`, and a list of numbers or expressions as the text of that list."""
    if isinstance(value, list | tuple) and value:
        items = [as_text(item) for item in value]
        if all(isinstance(item, str) for item in items):
            return f"[{', '.join(items)}]"
    value = as_text(value)
    return value.strip() if isinstance(value, str) else value


def as_list_text(value: Any) -> Any:
    """Like `as_text`, and a list of texts as one text with commas."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return as_text(value)


def not_bool(value: Any) -> Any:
    """A number; ``true`` is none, though Python counts with it."""
    if isinstance(value, bool):
        raise ValueError
    return value


def as_choice(value: Any) -> Any:
    """One of several words; YAML reads a bare ``off`` as false."""
    return (
        {False: "off", "Limimted Palette": "Limited Palette"}.get(value, value)
        if (isinstance(value, str | bool))
        else value
    )


def as_answer(value: Any) -> Any:
    """``yes`` or ``no`` among other words; YAML reads the bare ones as true and false."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def a_side(value: int) -> int:
    """A width or height."""
    if value != -1 and not 16 <= value <= MAX_SIDE:
        raise ValueError
    return value


def a_folder_name(value: str) -> str:
    """A name that is a folder of its own on every system."""
    if (
        not value
        or FORBIDDEN.search(value)
        or DEVICES.fullmatch(value)
        or value.startswith(".")
        or value.endswith(".")
        or value != value.strip()
        or len(value.encode(errors="replace")) > MAX_NAME
    ):
        raise ValueError
    return value


def a_path(value: str) -> str:
    """A path or address; whether it is there is asked when it is needed."""
    if "\0" in value or "\n" in value:
        raise ValueError
    return value.strip()


def as_backups(value: Any) -> Any:
    """How many states to keep; infinity, which PyTTI's users had to write, is all."""
    return "all" if isinstance(value, float) and value == math.inf else not_bool(value)


def as_device(value: Any) -> Any:
    """A device; a number is that GPU, and 0, which every PyTTI file has, is ``auto``."""
    if (
        isinstance(value, int | str)
        and not isinstance(value, bool)
        and re.fullmatch(r"\d{1,3}", str(value))
    ):
        return f"cuda:{int(value)}" if int(value) else "auto"
    return value


def a_device(value: str) -> str:
    """Whether a device's name has the form of one."""
    if not _DEVICE.fullmatch(value):
        raise ValueError
    return value


def as_seed(value: Any) -> Any:
    """A seed; null is a new one. Text must be a whole number, as ``${now:%f}`` gives."""
    if value is None or value == "":
        return new_seed()
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,20}\s*", value):
        return int(value)
    return not_bool(value)


def new_seed() -> int:
    """A seed that nobody chose, short enough to be typed again."""
    return secrets.randbelow(_ONE_IN_SEVERAL)


def as_names(value: Any) -> Any:
    """One name or a list of names, as a tuple of names."""
    return (value,) if isinstance(value, str) else value


def some_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Names that are there, each once, and ``auto`` only alone."""
    names = tuple("auto" if name.strip().lower() == "auto" else name.strip() for name in value)
    if not names or not all(names):
        raise ValueError
    refuse_stray_bytes("".join(names))
    if len(set(names)) < len(names):
        raise ValueError("names a perceptor twice; name each once")
    if "auto" in names and len(names) > 1:
        raise ValueError("'auto' chooses one perceptor by itself; name the others without it")
    return names


_T = TypeVar("_T")
Choice = Annotated[_T, BeforeValidator(as_choice), Kind("choice", "")]
Answer = Annotated[_T, BeforeValidator(as_answer), Kind("choice", "")]


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Whole = Annotated[int, BeforeValidator(not_bool)]
Number = Annotated[float, BeforeValidator(not_bool), Field(allow_inf_nan=False)]

Text = Annotated[str, BeforeValidator(as_text), Kind("text", "text")]
Path = Annotated[
    str,
    BeforeValidator(as_text),
    AfterValidator(a_path),
    Kind("path", "a path or an http(s) address, or nothing"),
]
Folder = Annotated[str, BeforeValidator(as_text), AfterValidator(a_path), Kind("path", "a path")]
FolderName = Annotated[
    str,
    BeforeValidator(as_text),
    AfterValidator(a_folder_name),
    Kind(
        "name", "a folder's name of at most 120 bytes, without / \\ : * ? < > | \" or a dot first"
    ),
]
Colours = Annotated[
    str,
    BeforeValidator(as_list_text),
    Kind("colours", "colours with commas between them, ramps such as navy->white, or a path"),
]
Expression = Annotated[
    str,
    BeforeValidator(as_expression),
    Kind("expression", "a number, an expression of t (seconds), frame and step, or keyframes"),
]
Rotation = Annotated[
    str,
    BeforeValidator(as_expression),
    Kind("expressions", "four numbers or expressions, [w, x, y, z]"),
]
Weight = Annotated[
    str,
    BeforeValidator(as_expression),
    Kind("weight", "weight, weight_mask, weight:stop or weight_mask:stop; nothing for none"),
]
Side = Annotated[
    int,
    BeforeValidator(not_bool),
    AfterValidator(a_side),
    Kind(
        "whole number", f"a whole number from 16 to {MAX_SIDE}, or -1 for init_image's", raw=False
    ),
]
Seed = Annotated[
    int,
    BeforeValidator(as_seed),
    Field(ge=LOWEST_SEED, le=HIGHEST_SEED),
    Kind("whole number", "a whole number from -2^63 to 2^64 - 1, or null for a new one", raw=False),
]
Backups = Annotated[
    Annotated[int, Field(ge=0)] | Literal["all"],
    BeforeValidator(as_backups),
    Kind("whole number", "0 or more, or all", raw=False),
]
Chunks = Annotated[
    Annotated[int, Field(ge=1)] | Literal["auto"],
    BeforeValidator(not_bool),
    Kind("whole number", "auto, or a whole number of at least 1", raw=False),
]
Pieces = Annotated[
    Annotated[int, Field(ge=64, le=16_384)] | Literal["auto", "off"],
    BeforeValidator(not_bool),
    Kind("whole number", "auto, off, or a number of pixels from 64 to 16384", raw=False),
]
Device = Annotated[
    str,
    BeforeValidator(as_device),
    AfterValidator(a_device),
    Kind("device", "auto, cpu, mps, cuda, cuda:N, or the number of a GPU"),
]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(as_names),
    AfterValidator(some_names),
    Kind("name or list", "a perceptor's name, or a list of names", raw=False),
]
VqganModel = Annotated[
    str,
    BeforeValidator(as_text),
    AfterValidator(a_path),
    Kind("name or path", "a VQGAN's name, or the path of a pair of files"),
]
Switch = Annotated[
    bool | None,
    Kind("switch", "true or false", raw=False),
]


class AudioFilter(_Item):
    """A band of the sound, by the name that expressions call it."""

    variable_name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=40)]
    f_center: Annotated[Number, Field(gt=0)]
    f_width: Annotated[Number, Field(gt=0)]
    order: Annotated[Whole, Field(ge=1, le=20)] = 5


class MmcModel(_Item):
    """A model as PyTTI's `mmc_models` names it."""

    architecture: str = ""
    publisher: str = ""
    id: str = ""


class LogCurve(_Item):
    """A number over time as another run logged it: its ``log.jsonl``, and which of its values."""

    log: Annotated[Path, Field(min_length=1)]
    value: Annotated[Text, Field(min_length=1)] = "total"


_CURVE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_MAX_CURVES = 64


def as_curves(value: Any) -> Any:
    """A mapping of names to numbers over time, each a text or a `LogCurve`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError
    if len(value) > _MAX_CURVES:
        raise ValueError(f"holds {len(value)} curves; allowed are at most {_MAX_CURVES}")
    for name in value:
        if not (isinstance(name, str) and _CURVE_NAME.fullmatch(name)) or iskeyword(name):
            raise ValueError(
                f"{str(name)[:60]!r} can't name a curve; write at most 40 letters, digits and _ "
                "that begin with a letter, such as pulse"
            )
    return {name: _as_curve(name, curve) for name, curve in value.items()}


def _as_curve(name: str, value: Any) -> Any:
    allowed = "a number, an expression, keyframes, or {log: FILE, value: NAME}"
    if isinstance(value, LogCurve):
        return value
    if isinstance(value, dict):
        try:
            return LogCurve.model_validate(value)
        except ValidationError:
            raise ValueError(f"{name} is not understood; write {allowed}") from None
    text = as_expression(value)
    if not isinstance(text, str) or not text or text.startswith("["):
        raise ValueError(f"{name} is {str(value)[:60]!r}; write {allowed}")
    return text


NamedCurves = Annotated[
    dict[str, str | LogCurve],
    BeforeValidator(as_curves),
    Kind(
        "curves",
        "a mapping of names to expressions, or to {log: FILE, value: NAME}",
        raw=False,
    ),
]
