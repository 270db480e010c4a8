"""Settings as YAML that loads back to the same values, in groups a person can read."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from mutoscope.settings.interpolate import escaped
from mutoscope.settings.keys import GROUPS, Keys

_PLAIN = re.compile(r"[A-Za-z][\w ./()+-]*[\w)]")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")
_NOT_WORDS = {"true", "false", "yes", "no", "on", "off", "null"}


def as_yaml(values: Mapping[str, Any]) -> str:
    """``values`` by key as the text of a settings file."""
    lines = ["# @package _global_"]
    for group, title in GROUPS.items():
        block = [
            f"{key}: {as_scalar(value)}" for key, value in values.items() if _group(key) == group
        ]
        if block:
            lines += ["", f"# {title}", *block]
    return "\n".join(lines) + "\n"


def _group(key: str) -> str:
    extra = Keys.model_fields[key].json_schema_extra
    return str(extra["group"]) if isinstance(extra, dict) else ""


def as_scalar(value: Any) -> str:
    """A value as it stands behind `key:`, in one line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return repr(int(value) if value.is_integer() and abs(value) < 1e15 else value)
        case int():
            return repr(value)
        case str():
            return _text(value)
        case Mapping():
            return f"{{{', '.join(f'{key}: {_item(item)}' for key, item in value.items())}}}"
        case _:
            return f"[{', '.join(map(_item, value))}]"


def _item(value: Any) -> str:
    """A value in a list, where text that could be a number is quoted."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return f'"{value}"'
    return as_scalar(value)


def _text(value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_WORDS
    if plain or _NUMBER.fullmatch(value):
        return value
    quoted = yaml.safe_dump(
        escaped(value), default_style='"', allow_unicode=True, width=float("inf")
    )
    return str(quoted).strip()
