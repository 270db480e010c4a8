"""``${…}`` in settings: another key's value, the time, the user's cache folder, a joined path.

OmegaConf does it, as it did in PyTTI. Of all that it offers only these four forms are let through:
the others read the environment or decode text, which a stranger's file has no business with.
"""

import inspect
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mutoscope.errors import SettingsError, nearest
from mutoscope.home import expanded
from mutoscope.settings.problems import shown

ALLOWED = "${key}, ${now:FORMAT}, ${user_cache:} and ${path_join:A,B}"

_MAX_LENGTH = 50_000  # characters of a value after replacing
_OPENING = re.compile(r"(?<!\\)(?:\\\\)*(\$\{)")
_KEY = re.compile(r"\$\{\s*\w+\s*\}")
_CALL = re.compile(r"\$\{\s*(now|user_cache|path_join)\s*:")
_ESCAPED = re.compile(r"(\\*)\$\{")


def has_interpolation(value: Any) -> bool:
    """Whether ``${`` stands in a value, or in one inside it."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(map(has_interpolation, value.values()))
    return isinstance(value, list | tuple) and any(map(has_interpolation, value))


def escaped(value: Any) -> Any:
    """``value`` such that interpolation gives back exactly it."""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: match[1] * 2 + r"\${", value)
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [escaped(item) for item in value]
    return value


def interpolated(values: Mapping[str, Any], *, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All values with every ``${…}`` replaced; a key that is not among them has its default.

    Raises:
        SettingsError: One is not among `ALLOWED`, names an unknown key, leads back to itself, or
            grows beyond all bounds. The message begins with the key.
    """
    if not has_interpolation(values):
        return dict(values)
    resolution = _Resolution({**escaped(dict(defaults)), **values})
    return {key: resolution.value(key) for key in values}


class _Resolution:
    """Each key once, after those that it names: the work stays in proportion to the text."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        _register()
        self.values = values
        self.done: dict[str, Any] = {}
        self.path: list[str] = []  # the keys that wait for one another

    def value(self, key: str) -> Any:
        """The value of ``key`` with everything replaced."""
        if key in self.done:
            return self.done[key]
        if key in self.path:
            circle = " → ".join([*self.path[self.path.index(key) :], key])
            raise SettingsError(f"{key}: leads back to itself ({circle}); break the circle")
        self.path.append(key)
        value = self.values[key]
        if has_interpolation(value):
            names = _names(value, key, self.values)
            value = self._replaced(key, value, {name: self.value(name) for name in names})
        self.path.pop()
        self.done[key] = value
        return value

    def _replaced(self, key: str, value: Any, others: Mapping[str, Any]) -> Any:
        # Imported here: few files need it.
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        text = str(value)
        if (
            len(text) + text.count("${") * max(map(_length, others.values()), default=0)
            > _MAX_LENGTH
        ):
            raise SettingsError(f"{key}: would grow over {_MAX_LENGTH} characters; shorten it")
        try:
            config = OmegaConf.create({**escaped(dict(others)), key: value})
            return OmegaConf.to_container(config, resolve=True)[key]  # type: ignore[call-overload,index]
        except (OmegaConfBaseException, ValueError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            raise SettingsError(f"{key}: {reason}; allowed are {ALLOWED}") from error
        except RecursionError as error:
            raise SettingsError(f"{key}: is nested too deeply; allowed are {ALLOWED}") from error


def _length(value: Any) -> int:
    return len(str(value))


def _names(value: Any, key: str, known: Collection[str]) -> set[str]:
    """The keys that a value names; what is not allowed is refused before OmegaConf sees it."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return set().union(*(_names(item, key, known) for item in value))
    names: set[str] = set()
    for opening in _OPENING.finditer(value if isinstance(value, str) else ""):
        start = opening.start(1)
        if _CALL.match(value, start):
            continue
        found = _KEY.match(value, start)
        if found is None:
            raise SettingsError(
                f"{key}: {shown(value[start:])} is not allowed; allowed are {ALLOWED}"
            )
        name = found[0][2:-1].strip()
        if name not in known:
            raise SettingsError(f"{key}: {found[0]} names no key{nearest(name, known)}")
        names.add(name)
    return names


def _register() -> None:
    """Teach OmegaConf the resolvers of PyTTI and Hydra, unless the process has them already."""
    from omegaconf import OmegaConf

    # OmegaConf 2.4 renamed it, with a warning on the old name; in 2.3 another had the new one.
    renamed = "use_cache" in inspect.signature(OmegaConf.register_resolver).parameters
    register = OmegaConf.register_resolver if renamed else OmegaConf.register_new_resolver
    if not OmegaConf.has_resolver("now"):
        register("now", lambda pattern: datetime.now().strftime(pattern), use_cache=True)
    if not OmegaConf.has_resolver("user_cache"):
        register("user_cache", lambda: str(expanded("~/.cache")))
    if not OmegaConf.has_resolver("path_join"):
        register("path_join", lambda *parts: str(expanded(str(Path(*map(str, parts)))).absolute()))
