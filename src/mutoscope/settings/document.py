"""A settings file as text: read with limits, and understood as YAML of which nothing is obeyed.

A file may come from a stranger. It is bounded in size, depth and number of values; tags make no
objects, aliases repeat single values only, and a key stands once. Each key's line is remembered.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mutoscope.errors import SettingsError
from mutoscope.settings.problems import shown

MAX_BYTES = 262_144
MAX_KEPT_BYTES = 16 * 2**20
"""Of settings, and of notes beside them, as runs keep them; a run's own have some kilobytes."""

_MAX_DEPTH = 8
_MAX_VALUES = 5_000
_STANDARD = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_STANDARD + name for name in ("bool", "float", "int", "map", "null", "seq", "str")}
# As OmegaConf reads floats: YAML 1.1 would take 1e3 for text.
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")

Raw = Callable[[str], bool]
"""Whether the value of a key is taken as the text it is, rather than as YAML's idea of it."""


@dataclass(frozen=True)
class Document:
    """What a file says: its values by key, and the line on which each key stands."""

    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """YAML's plain values: no dates, no numbers to base 60, no octal from a leading zero."""

    depth = 0
    count = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        alias = self.check_event(yaml.AliasEvent)
        self.depth += 1
        self.count += 1
        if self.depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, "is nested too deeply", mark)
        if self.count > _MAX_VALUES:
            raise yaml.MarkedYAMLError(None, None, f"holds over {_MAX_VALUES} values", mark)
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if alias and not isinstance(node, ScalarNode):
            raise yaml.MarkedYAMLError(None, None, "an alias may only repeat a single value", mark)
        if node is not None and node.tag not in _PLAIN_TAGS:
            raise yaml.MarkedYAMLError(
                None, None, f"the tag {shown(node.tag)} is not allowed; write plain values", mark
            )
        return node


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag in (_STANDARD + "bool", _STANDARD + "null")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _STANDARD + "int", re.compile(_INT.pattern + r"\Z"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    _STANDARD + "float", re.compile(_FLOAT.pattern + r"\Z"), list("-+0123456789.")
)


def read_text(path: Path) -> str:
    """The text of a settings file.

    Raises:
        SettingsError: It is not there, no file, larger than `MAX_BYTES`, or no UTF-8 text.
    """
    try:
        if not path.is_file():
            what = (
                "is a folder"
                if path.is_dir()
                else "is no ordinary file"
                if path.exists()
                else "does not exist"
            )
            raise SettingsError(f"{path}: {what}; give the path of a YAML file with settings")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{path}: can't be read ({reason}); give the path of a YAML file with settings"
        ) from error
    if len(data) > MAX_BYTES:
        raise SettingsError(
            f"{path}: is larger than the {MAX_BYTES // 1024} KiB that settings may have; "
            "give a YAML file with settings"
        )
    if b"\0" in data:
        raise SettingsError(f"{path}: is a binary file; give a YAML file with settings")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path}:{line}: the byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8 text"
        ) from error


def parse_document(text: str, *, name: str, raw: Raw) -> Document:
    """Understand ``text`` as a settings file called ``name``.

    Raises:
        SettingsError: It is not YAML, no mapping, holds a key twice, or more than is allowed.
    """
    node, loader = _compose(text, name, lines=True)
    if node is None or node.tag == _STANDARD + "null":
        return Document()
    if not isinstance(node, MappingNode):
        raise SettingsError(
            f"{name}:{node.start_mark.line + 1}: holds {_what(node)}; "
            "settings are lines of the form 'key: value'"
        )
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            raise SettingsError(f"{name}:{line}: {_what(key_node)} stands as a key; write a word")
        key = key_node.value
        if key in values:
            raise SettingsError(
                f"{name}:{line}: {shown(key)} stands here and on line {lines[key]}; keep one"
            )
        lines[key] = line
        place = f"{name}:{line}: {key}"
        values[key] = _value(loader, value_node, place=place, raw=raw(key))
    return Document(values, lines)


def parse_value(text: str, *, place: str) -> Any:
    """A single YAML value, as in ``key=value``.

    Raises:
        SettingsError: It is not YAML, or more than is allowed.
    """
    node, loader = _compose(text, place, lines=False)
    return None if node is None else _value(loader, node, place=place, raw=False)


def _compose(text: str, name: str, *, lines: bool) -> tuple[Node | None, _Loader]:
    try:
        loader = _Loader(text)
        return loader.get_single_node(), loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark and lines else name
        raise SettingsError(f"{where}: {_complaint(error, text)}") from error
    except yaml.YAMLError as error:
        character = getattr(error, "character", None)
        if isinstance(character, int):
            line = text.count("\n", 0, getattr(error, "position", 0)) + 1
            where = f"{name}:{line}" if lines else name
            raise SettingsError(
                f"{where}: the character U+{character:04X} is not allowed; remove it"
            ) from error
        raise SettingsError(f"{name}: is not YAML ({' '.join(str(error).split())})") from error


def _complaint(error: yaml.MarkedYAMLError, text: str) -> str:
    """What is wrong, with the two commonest causes by name."""
    problem = error.problem or "is not YAML"
    mark = error.problem_mark
    line = text.split("\n")[mark.line] if mark and mark.line <= text.count("\n") else ""
    if "\\t" in problem:
        return "a tab stands where YAML wants spaces; replace it with spaces"
    if "mapping values are not allowed" in problem:
        return (
            f"a second ': ' in {shown(line.strip())} makes this a mapping in a mapping; "
            "put the value in quotes"
        )
    if "another document" in problem:
        return "a second document begins here ('---'); keep one"
    if isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return f"is not YAML ({problem}); put values with : # [ {{ or quotes in quotes"
    return " ".join(problem.split())


def _value(loader: _Loader, node: Node, *, place: str, raw: bool) -> Any:
    """A node as plain Python values."""
    if isinstance(node, ScalarNode):
        if raw and node.tag != _STANDARD + "null":
            return node.value
        return _scalar(node, place)
    if isinstance(node, SequenceNode):
        return [_value(loader, item, place=place, raw=raw) for item in node.value]
    items: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key, str) or key in items:
            raise SettingsError(f"{place}: {shown(key)} stands twice or is no word; keep one")
        items[key] = _value(loader, value_node, place=place, raw=raw)
    return items


def _scalar(node: ScalarNode, place: str) -> Any:
    text = node.value
    try:
        match node.tag.removeprefix(_STANDARD):
            case "null":
                return None
            case "bool":
                return yaml.SafeLoader.bool_values[text.lower()]
            case "int":
                return _integer(text.replace("_", ""))
            case "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            case _:
                return text
    except (KeyError, ValueError) as error:
        raise SettingsError(f"{place}: {shown(text)} can't be read; write a plain value") from error


def _integer(text: str) -> int:
    digits = text.lstrip("+-").lower()
    base = {"0x": 16, "0b": 2}.get(digits[:2], 10)
    return int(text, base)


def _what(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "a list"
    return "a mapping" if isinstance(node, MappingNode) else f"only {shown(node.value)}"
