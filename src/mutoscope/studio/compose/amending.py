"""The text of a settings file with one key changed, and all else as it stands: order, comments.

The text is cut where YAML says that a value begins and ends. What comes out is read again: where
it does not say just what was meant, as in a file that is one ``{key: value}`` in braces, the whole
file is written anew from its values, in their order, without its comments.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from mutoscope.errors import SettingsError
from mutoscope.settings.document import Document, parse_document, parse_value
from mutoscope.settings.keys import Keys
from mutoscope.settings.load import ALIASES
from mutoscope.settings.reference import json_schema
from mutoscope.settings.values import kind_of
from mutoscope.settings.writing import as_scalar

NAME = "settings"  # what the file is called in messages
_LITERAL = re.compile(r"[^\s#\0][^\n]*(\n[^\s\0][^\n]*)+")


def parsed(text: str) -> Document:
    """What a settings file's text says: values by key, and their lines; ``${…}`` as it stands.

    Raises:
        SettingsError: it can't be read as settings; the message is the command line's.
    """
    return parse_document(text, name=NAME, raw=is_raw)


def is_raw(key: str) -> bool:
    """Whether a key's value is the text that it is, rather than YAML's idea of it."""
    field = Keys.model_fields.get(ALIASES.get(key, key))
    kind = kind_of(field.metadata) if field is not None else None
    return kind is not None and kind.raw


def value_of(key: str, typed: str) -> Any:
    """What was typed into the field of ``key``, as the value that YAML would have for it.

    What is no YAML is text, which validation then refuses in its own words.
    """
    if is_raw(key):
        return typed
    try:
        return parse_value(typed, place=key)
    except SettingsError:
        return typed


def typed_of(key: str, value: Any) -> str:
    """A value as it stands in the field of ``key``."""
    if value is None:
        return "" if is_raw(key) else "null"
    if isinstance(value, str):
        return value
    return _inline(value)


def with_value(text: str, key: str, value: Any) -> str:
    """``text`` with ``key`` saying ``value``; None is written as null.

    A new key comes to stand after the last one of its group, or at the end.

    Raises:
        SettingsError: the text can't be read as settings.
    """
    document = parsed(text)
    key = _spelling(document, key)
    wanted = {**document.values, key: value}
    if key in document.values:
        changed = _replaced(text, key, value)
    else:
        changed = _added(text, key, value, document)
    return _sure(changed, wanted)


def without(text: str, key: str) -> str:
    """``text`` without ``key``, which then has its default.

    Raises:
        SettingsError: the text can't be read as settings.
    """
    document = parsed(text)
    key = _spelling(document, key)
    if key not in document.values:
        return text
    wanted = {name: kept for name, kept in document.values.items() if name != key}
    return _sure(_removed(text, key), wanted)


def _spelling(document: Document, key: str) -> str:
    """The key as the text has it: perhaps misspelt, as PyTTI's documentation did."""
    spellings = [key, *(wrong for wrong, right in ALIASES.items() if right == key)]
    return next((each for each in spellings if each in document.values), key)


def _sure(changed: str | None, wanted: Mapping[str, Any]) -> str:
    """The changed text if it says what is wanted, else one written anew that does."""
    if changed is not None:
        try:
            if _same(parsed(changed).values, wanted):
                return changed
        except SettingsError:
            pass
    return "".join(f"{_key(key)}: {_inline(value)}\n" for key, value in wanted.items())


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    # By their text: 1, 1.0 and true are equal to Python, and nan is not even equal to itself.
    return repr(sorted(one.items())) == repr(sorted(_read(other).items()))


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they read once they are written: those of raw keys are text."""
    return {
        key: as_scalar(value) if is_raw(key) and isinstance(value, int | float) else value
        for key, value in values.items()
    }


def _key(key: str) -> str:
    return key if re.fullmatch(r"\w+(\.\w+)*", key) else _quoted(key)


def _inline(value: Any) -> str:
    """A value in one line, with ``${…}`` left to be replaced."""
    if isinstance(value, str):
        return _quoted(value) if "${" in value or "\\" in value else as_scalar(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(str(k))}: {_item(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_item, value))}]"
    return as_scalar(value)


def _item(value: Any) -> str:
    """A value in a list or mapping: text that has anything special in it is quoted."""
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z]\w*", value):
        return _quoted(value)
    return _inline(value)


def _quoted(text: str) -> str:
    dumped = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return str(dumped).strip()


def _written(value: Any) -> str:
    """A value behind its colon; text of several lines keeps them where YAML can have them."""
    lines = value.split("\n") if isinstance(value, str) and _LITERAL.fullmatch(value) else []
    if lines and all(line.isprintable() and line == line.rstrip() for line in lines):
        return "|-" + "".join(f"\n  {line}" for line in lines)
    return _inline(value)


# ── where things stand ──


def _pairs(text: str) -> list[tuple[ScalarNode, Node]]:
    """The keys of a text and their values; empty where it is not one ``key: value`` a line.

    The text was read with the loader's limits before; nothing is made of the nodes.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, MappingNode) or root.flow_style:
        return []
    pairs: list[tuple[ScalarNode, Node]] = root.value
    return pairs


def _span(text: str, pair: tuple[ScalarNode, Node]) -> tuple[int, int]:
    """Where a value begins and ends, without white space and comments that follow it."""
    key, node = pair
    start = max(node.start_mark.index, key.end_mark.index)
    return start, max(start, _end(text, node))


def _end(text: str, node: Node) -> int:
    if isinstance(node, CollectionNode) and not node.flow_style:
        # A block's own mark lies at the next key, beyond the comments before it.
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())


def _found(text: str, key: str) -> tuple[ScalarNode, Node] | None:
    return next((pair for pair in _pairs(text) if pair[0].value == key), None)


def _replaced(text: str, key: str, value: Any) -> str | None:
    pair = _found(text, key)
    if pair is None:
        return None
    start, end = _span(text, pair)
    begins = text[:start]
    if "#" not in text[pair[0].end_mark.index : start]:
        begins = begins.rstrip() + " "  # also where the value began on a line of its own
    written = _written(value)
    if "\n" in written:
        # A comment behind the value can't stand behind a text of several lines: it moves above.
        rest, newline, after = text[end:].partition("\n")
        comment = rest.strip()
        head, _, line = begins.rpartition("\n")
        above = f"{comment}\n" if comment else ""
        return (f"{head}\n" if head or begins.startswith("\n") else "") + (
            f"{above}{line}{written}{newline}{after}"
        )
    return f"{begins}{written}{text[end:]}"


def _added(text: str, key: str, value: Any, document: Document) -> str:
    line = f"{_key(key)}: {_written(value)}\n"
    groups = _groups()
    kin = [name for name in document.values if groups.get(name) == groups.get(key)]
    pair = _found(text, kin[-1]) if kin and key in groups else None
    if pair is None:
        lead = text if not text or text.endswith("\n") else f"{text}\n"
        return lead + line
    at = text.find("\n", _span(text, pair)[1])
    return f"{text}\n{line}" if at < 0 else f"{text[: at + 1]}{line}{text[at + 1 :]}"


def _removed(text: str, key: str) -> str | None:
    pair = _found(text, key)
    if pair is None:
        return None
    begin = text.rfind("\n", 0, pair[0].start_mark.index) + 1
    at = text.find("\n", _span(text, pair)[1])
    return text[:begin] + ("" if at < 0 else text[at + 1 :])


def _groups() -> dict[str, str]:
    properties = json_schema()["properties"]
    return {name: str(entry.get("group", "")) for name, entry in properties.items()}
