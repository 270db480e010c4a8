"""The reference of all settings, written from the table: docs/settings.md, one key, JSON schema."""

from typing import Any

from mutoscope.errors import SettingsError
from mutoscope.settings.keys import GROUPS, Keys
from mutoscope.settings.load import ALIASES
from mutoscope.settings.rules import facts
from mutoscope.settings.wording import allowed, type_name, unknown_key
from mutoscope.settings.writing import as_scalar

_INTRO = """# Settings

A settings file is YAML, one `key: value` a line; what is not written has its default. `KEY=VALUE`
on the command line wins over the file. Names and defaults are those of PyTTI, whose files load
unchanged. This page is generated (`make docs`), and `mutoscope settings KEY` prints one entry.

```yaml
scenes: "a harbour at dawn:2 | boats || a harbour at night | lanterns:2*(1+sin(t))"
scene_suffix: " | text:-1:-.9"
animation_mode: 2D
zoom_x_2d: "3"
zoom_y_2d: "3"
steps_per_scene: 1000
save_every: ${steps_per_frame}
interpolation_steps: 300
```

- **Paths** are relative to the folder of the settings file; on the command line and in Python, to
  the current folder. A `[file]` in a prompt on the command line is looked for there first.
- **`${…}`** in a file is replaced: `${key}` by that key's value, `${now:%Y-%m-%d}` by the time,
  `${user_cache:}` by `~/.cache`, `${path_join:A,B}` by the joined path. Nothing else is. Write
  `\\${` for a plain `${`.
- **Anything wrong** is refused before work begins, all of it in one line: unknown keys (with the
  nearest known one), values out of range, keys that contradict each other.
"""

_VALUES = """## Kinds of value

| kind | what may stand there |
|---|---|
"""

_DIFFERENCES = """## Where this differs from PyTTI

- An unknown key is an error, where PyTTI ignored it.
- `target_pallete` and `lock_pallete`, the spellings of PyTTI's documentation, are understood.
- `animation_mode: off` may be written bare, and `Limimted Palette` is taken for what it means.
- Paths are relative to the settings file, not to the folder of the run.
- `backups: all` works (there one had to write `.inf`), and so does `save_every: 0`.
- `restore` is refused: `mutoscope resume FOLDER` goes on with a run, and to the bit.
- Expressions are a small safe language (numbers, variables, arithmetic, comparisons, conditions,
  listed functions) and may be keyframes, `0:(1.0), 30:(2*sin(t))`. `np.sin`, `np.clip` and
  their like are among the functions.
- Motion is in pixels of the file, whatever the image model and `pixel_size`.
- If `target_palette` or `lock_palette` is set with another image model than Limited Palette, it
  is refused.
"""


def reference() -> str:
    """docs/settings.md: every key, by group, in Markdown."""
    parts = [_INTRO, *map(_group, GROUPS), _VALUES.rstrip("\n"), *_kinds(), "", *_own()]
    parts += [_DIFFERENCES.rstrip("\n"), *_differences()]
    return "\n".join(parts).rstrip("\n") + "\n"


def overview() -> str:
    """Every key with its kind and default, by group, for the terminal."""
    width = max(map(len, key_names()))
    lines = []
    for group, title in GROUPS.items():
        lines += ["", title]
        for name in key_names():
            if facts(name)["group"] == group:
                kind = type_name(Keys.model_fields[name])
                lines.append(f"  {name:{width}}  {kind:12}  {default_text(name)}")
    return "\n".join([*lines[1:], "", "mutoscope settings KEY  tells more of one.", ""])


def describe(key: str) -> str:
    """One key for the terminal: help, type, default, what is allowed, group, example.

    Raises:
        SettingsError: There is no such key; the message names the nearest.
    """
    name = ALIASES.get(key, key)
    field = Keys.model_fields.get(name)
    if field is None:
        raise SettingsError(unknown_key(key).text)
    known = facts(name)
    rows = {
        "type": type_name(field) + (f" ({known['unit']})" if "unit" in known else ""),
        "default": default_text(name),
        "allowed": allowed(field),
        "group": GROUPS[known["group"]],
        "works with": _condition(name),
        "PyTTI": "has no such key" if known.get("own") else known.get("differs", ""),
        "example": known.get("example", ""),
    }
    lines = [name, f"  {field.description}", ""]
    if name != key:
        lines.insert(1, f"  ({key} is the same, misspelt)")
    return "\n".join(lines + [f"  {word + ':':<11} {text}" for word, text in rows.items() if text])


def json_schema() -> dict[str, Any]:
    """The settings as JSON Schema, with group, unit and the rest of the table beside each key."""
    schema = Keys.model_json_schema()
    schema["title"] = "Mutoscope settings"
    schema["description"] = "Keys of a settings file."
    return schema


def key_names() -> tuple[str, ...]:
    """All keys in the order of the table, but for hidden ones."""
    return tuple(name for name in Keys.model_fields if not facts(name).get("hidden"))


def default_text(name: str) -> str:
    """A key's default as it would be written."""
    text = facts(name).get("default_text")
    if text:
        return str(text)
    default = Keys.model_fields[name].get_default()
    if name == "perceptors":
        return ", ".join(default)
    if default in ("", ()):
        return "nothing"
    return default if isinstance(default, str) else as_scalar(default)


def _group(group: str) -> str:
    lines = [
        f"## {GROUPS[group]}",
        "",
        "| key | kind | default | allowed | meaning |",
        "|---|---|---|---|---|",
    ]
    for name in key_names():
        if facts(name)["group"] == group:
            lines.append(_row(name))
    return "\n".join([*lines, ""])


def _row(name: str) -> str:
    field, known = Keys.model_fields[name], facts(name)
    kind = type_name(field)
    meaning = [str(field.description)]
    if condition := _condition(name):
        meaning.append(f"With {condition}.")
    if "example" in known:
        meaning.append(f"Example: `{known['example']}`")
    limits = "" if kind in _explained() else allowed(field)
    unit = f" ({known['unit']})" if "unit" in known else ""
    cells = [f"`{name}`", kind + unit, _code(default_text(name)), limits, " ".join(meaning)]
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _explained() -> dict[str, str]:
    """The kinds that need more words than a cell has, and those words."""
    return {
        "text": "any text; put it in quotes where it has `:`, `#` or a bracket in it",
        "path": "a path, or where a picture is meant an http(s) address",
        "expression": "a number, an expression of `t` (seconds of film), `frame` and `step` such "
        "as `2*sin(t)`, or keyframes such as `0:(1), 30:(2*sin(t))`",
        "expressions": "the same, four in a list",
        "weight": "`weight`, then optionally `_mask` and `:stop`, as behind a prompt; 0 or "
        "nothing for none",
        "switch": "`true` or `false`",
    }


def _kinds() -> list[str]:
    return [f"| {kind} | {_cell(words)} |" for kind, words in _explained().items()]


def _own() -> list[str]:
    own = [f"`{name}`" for name in key_names() if facts(name).get("own")]
    return ["## Our own keys", "", f"Not in PyTTI: {', '.join(own)}.", ""]


def _differences() -> list[str]:
    return [
        f"- `{name}`: {facts(name)['differs']}" for name in key_names() if "differs" in facts(name)
    ]


def _condition(name: str) -> str:
    only = facts(name).get("only", {})
    return " and ".join(f"{key}: {' or '.join(values)}" for key, values in only.items())


def _code(text: str) -> str:
    plain = text == "nothing" or "(" in text
    return text if plain else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
