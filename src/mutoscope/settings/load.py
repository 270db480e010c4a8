"""From files, mappings and ``key=value`` to `Settings`: in layers, each laid over those before.

    defaults of the schema < a preset < the file or mapping < overrides

Everything that is wrong is said at once, with the file and line, or the override, it stands in.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mutoscope.errors import SettingsError, nearest
from mutoscope.home import expanded
from mutoscope.settings.document import parse_document, parse_value, read_text
from mutoscope.settings.interpolate import escaped, interpolated
from mutoscope.settings.keys import Keys
from mutoscope.settings.problems import Problem, ProblemsError, bare, problems_error, shown
from mutoscope.settings.rules import find_notices
from mutoscope.settings.schema import Settings
from mutoscope.settings.switches import WAYS
from mutoscope.settings.values import Kind, is_address, is_weights_file, kind_of, new_seed
from mutoscope.settings.wording import unknown_key

log = logging.getLogger("mutoscope")

PRESETS = Path(__file__).with_name("presets")
ALIASES = {"target_pallete": "target_palette", "lock_pallete": "lock_palette"}

_CURVE = "curves."  # and a name: one of the mapping `curves`

_BRACKETED = re.compile(r"\[(-?)([^\[\]]+)\]")


@dataclass(frozen=True)
class Layer:
    """Values by key, and where each is written; ``""`` where there is nothing to point at."""

    values: Mapping[str, Any]
    places: Mapping[str, str]


def load_settings(
    source: str | Path | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    *,
    preset: str | None = None,
    base: Path | None = None,
    quiet: bool = False,
) -> Settings:
    """Settings from a YAML file or a mapping, with ``key=value`` overrides on top.

    Args:
        source: The path of a file, values by key, or nothing for defaults. In a file ``${…}`` is
            replaced; values of a mapping are taken as they are.
        overrides: Each ``key=value``. The value is read as YAML; text, paths and expressions are
            taken as they stand. Paths are relative to the current folder.
        preset: The name of a set of values that lies under the file's; see `presets`.
        base: The folder in which relative paths begin, instead of the file's own (or, without a
            file, the current one).
        quiet: Say nothing of keys that have no effect.

    Raises:
        SettingsError: Something can't be read or used. The message is one line with everything
            that was found, each with its place.
    """
    layers = [_preset_layer(preset)] if preset is not None else []
    if isinstance(source, str | Path):
        path = expanded(str(source))
        layers.append(_file_layer(read_text(path), str(source)))
        home = path.absolute().parent
    else:
        layers.append(_mapping_layer(source or {}))
        home = Path.cwd()
    layers.append(_override_layer(overrides, home=(base or home).absolute()))

    merged = Layer({}, {})
    for layer in layers:
        merged = _laid_over(merged, _respelt(layer))
    settings = _checked(merged, home=(base or home).absolute())
    # A preset suits most of what may be laid over it, not all: that is no news to anyone.
    written = {key for layer in layers[preset is not None :] for key in _respelt(layer).values}
    for notice in find_notices(settings, written) if not quiet else ():
        log.info(notice)
    return settings


def presets() -> tuple[str, ...]:
    """The names of the presets."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def _checked(merged: Layer, *, home: Path) -> Settings:
    """Unknown keys, ``${…}``, then values and rules; all problems in one message."""

    def place(problem: Problem) -> str:
        return merged.places.get(problem.keys[0], "") if problem.keys else ""

    problems = [unknown_key(key) for key in merged.values if key not in Keys.model_fields]
    values = {key: value for key, value in merged.values.items() if key in Keys.model_fields}
    if values.get("seed") is None:
        values["seed"] = new_seed()  # now, so that ${seed} means the same everywhere
    try:
        values = interpolated(values, defaults=_defaults())
    except SettingsError as error:
        key = str(error).partition(":")[0]
        raise problems_error([*problems, Problem((key,), str(error))], place) from error
    origin = values.get("paths_from") or ""
    if isinstance(origin, str):  # anything else is refused below
        values["paths_from"] = str(home / expanded(origin))
    try:
        settings = Settings.model_validate(values)
    except ProblemsError as error:
        raise problems_error([*problems, *error.problems], place) from error
    if problems:
        raise problems_error(problems, place)
    return settings


def _defaults() -> dict[str, Any]:
    """What ``${key}`` means for a key that is not written."""
    defaults = {key: field.get_default() for key, field in Keys.model_fields.items()}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items() if k != "seed"}


def _preset_layer(name: str) -> Layer:
    if name not in presets():
        raise SettingsError(
            f"preset: {shown(name)} is not known; give one of "
            f"{', '.join(presets())}{nearest(name, presets())}"
        )
    return _file_layer(read_text(PRESETS / f"{name}.yaml"), f"preset {name}")


def _file_layer(text: str, name: str) -> Layer:
    document = parse_document(text, name=name, raw=_is_raw)
    return Layer(document.values, {key: f"{name}:{line}" for key, line in document.lines.items()})


def _mapping_layer(values: Mapping[str, Any]) -> Layer:
    if type(values).__module__.startswith("omegaconf."):
        from omegaconf import OmegaConf

        values = cast("Mapping[str, Any]", OmegaConf.to_container(values, resolve=True))
    if not all(isinstance(key, str) for key in values):
        odd = next(key for key in values if not isinstance(key, str))
        raise SettingsError(f"settings: {shown(odd)} stands as a key; keys are words")
    return Layer({key: escaped(value) for key, value in values.items()}, {})


def _override_layer(overrides: Sequence[str], *, home: Path) -> Layer:
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        key = key.strip().lstrip("+")  # Hydra wanted + before keys that its file did not have
        if not equals or not key:
            raise SettingsError(
                f"{shown(override)}: is no KEY=VALUE; write for example width=384 "
                "(and put it in quotes where it has spaces)"
            )
        raw = _is_raw(key) or (key.startswith(_CURVE) and not text.lstrip().startswith("{"))
        value = text if raw else parse_value(text, place=bare(override))
        if _kind(key) == "text":
            value = escaped(value)
        values[key] = _from_here(ALIASES.get(key, key), value, home)
        places[key] = bare(override)
    return Layer(values, places)


def _from_here(key: str, value: Any, home: Path) -> Any:
    """An override's paths, which begin in the current folder, where the settings' begin in another.

    In prompts and masks only what lies here is touched.
    """
    here = Path.cwd()
    if here == home or not value:
        return value

    def lies_here(match: re.Match[str]) -> str:
        inverted, path = match.groups()
        try:
            found = (here / path).exists() and not is_address(path)
        except (OSError, ValueError):
            found = False
        return f"[{inverted}{here / path}]" if found else match[0]

    if key == "perceptors":
        names = [value] if isinstance(value, str) else value
        return (
            [
                str(here / expanded(name))
                if isinstance(name, str) and is_weights_file(name)
                else name
                for name in names
            ]
            if isinstance(names, list)
            else value
        )
    if isinstance(value, Mapping):
        if key.startswith(_CURVE) and isinstance(value.get("log"), str):
            return {**value, "log": _whole(value["log"], here)}
        return {name: _from_here(f"{key}.{name}", item, home) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    if _kind(key) == "path":
        return _whole(value, here)
    return _BRACKETED.sub(lies_here, value) if _kind(key) in ("text", "weight") else value


def _whole(path: str, here: Path) -> str:
    plain = not is_address(path) and not path.startswith("${")
    return str(here / expanded(path.strip())) if plain else path


def _respelt(layer: Layer) -> Layer:
    """A layer with the misspelt keys of PyTTI's documentation as those that they mean."""
    values, places = dict(layer.values), dict(layer.places)
    for wrong, right in ALIASES.items():
        if wrong not in values:
            continue
        where = f"{places[wrong]}: " if places.get(wrong) else ""
        if right in values:
            raise SettingsError(f"{where}{wrong}: is {right} misspelt, which stands there too; "
                                "keep that one")  # fmt: skip
        log.warning("%s%s is spelt %s", where, wrong, right)
        values[right] = values.pop(wrong)
        places[right] = places.pop(wrong, "")
    return Layer(values, places)


def _laid_over(lower: Layer, upper: Layer) -> Layer:
    """Both layers as one; what the upper says of a thing replaces what the lower says of it."""
    outweighed: set[str] = set()
    for way in WAYS:
        if any(key in upper.values for key in way):
            outweighed.update(key for other in WAYS if other is not way for key in other)
    values = {k: v for k, v in lower.values.items() if k not in outweighed}
    return _curves_joined(Layer({**values, **upper.values}, {**lower.places, **upper.places}))


def _curves_joined(layer: Layer) -> Layer:
    """A layer with each ``curves.NAME`` as that curve in the mapping ``curves``."""
    values, places = dict(layer.values), dict(layer.places)
    whole = values.get("curves") or {}
    if not isinstance(whole, Mapping):
        return layer
    for key in [key for key in values if key.startswith(_CURVE)]:
        whole = values["curves"] = {**whole, key.removeprefix(_CURVE): values.pop(key)}
        places["curves"] = places.pop(key, "")
    return Layer(values, places)


def _kind_of(key: str) -> Kind | None:
    field = Keys.model_fields.get(ALIASES.get(key, key))
    return kind_of(field.metadata) if field is not None else None


def _kind(key: str) -> str:
    kind = _kind_of(key)
    return kind.name if kind is not None else ""


def _is_raw(key: str) -> bool:
    kind = _kind_of(key)
    return kind is not None and kind.raw
