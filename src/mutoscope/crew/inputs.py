"""Which files a task needs that don't lie in its folder: those that its order names."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mutoscope.crew.task import Task
from mutoscope.errors import MutoscopeError
from mutoscope.settings import Settings, load_settings
from mutoscope.settings.values import kind_of, texts_in

FILES = "files"
"""The key of an order under which it names files, by their whole paths."""

SETTINGS = "settings"
"""The key of an order under which the settings of a run stand."""

GENERATOR = "generator.safetensors"  # as `mutoscope.gan.files` calls it, without loading torch
_OWN = ("models_parent_dir", "paths_from")  # folders, of which a machine has its own
_MOST = 200  # ways to read one text as names of files
_LONGEST = 1000  # characters of a name


def inputs_of(task: Task) -> list[Path]:
    """The files that a task's order names, by their whole paths.

    Of a folder, all that lies in it. Networks that are published are not among them: a machine
    fetches those itself.

    Raises:
        MutoscopeError: the settings in the order can't be read.
    """
    named = [Path(str(name)) for name in task.order.get(FILES, ())]
    told = task.order.get(SETTINGS)
    if isinstance(told, Mapping):
        named += _named_in(load_settings(told, quiet=True))
    found = {file.absolute(): None for path in named for file in _files(path)}
    return list(found)


def _named_in(settings: Settings) -> Iterator[Path]:
    """What settings name that is there."""
    values = settings.to_dict(full=True)
    for key, value in values.items():
        if key in _OWN:
            continue
        whole = _kind(key) == "path"
        for text in texts_in(value):
            for name in {text, *_names_in(text)}:
                path = _there(settings, name)
                if path is not None and (path.is_file() or (whole and name == text)):
                    yield path
    yield from (Path(name) for name in settings.perceptor_names)
    # A VQGAN is two files: its weights, and what says how it is built.
    pair = Path(settings.vqgan_name)
    if pair.is_absolute():
        yield from (pair.with_suffix(ending) for ending in (pair.suffix, *_BESIDE))


_BESIDE = (".ckpt", ".yaml", ".yml", ".safetensors", ".json")


def _kind(key: str) -> str:
    field = Settings.model_fields[key]
    kind = kind_of(field.metadata)
    return "" if kind is None else kind.name


def _names_in(text: str) -> Iterator[str]:
    """What in a text of prompts may be the name of a file, such as ``dawn:2_[mask.png]``.

    Prompts that name files do so in brackets, or between ``|``, ``:`` and ``_``, which may stand in
    a name too: so it may begin and end at any of these. What is no file is not there.
    """
    for part in re.split(r"[\[\]|]", text):
        begins = [0, *(mark.end() for mark in re.finditer(r"[:_]-?", part))]
        ends = [*(mark.start() for mark in re.finditer(r"[:_]", part)), len(part)]
        pairs = ((first, last) for first in begins for last in ends if first < last)
        for first, last in itertools.islice(pairs, _MOST):
            yield part[first:last].strip()


def _there(settings: Settings, name: str) -> Path | None:
    """Where something that settings name lies, if it does."""
    if not name or len(name) > _LONGEST or not name.isprintable():
        return None
    try:
        path = Path(settings.resolve(name))
        return path if path.exists() else None
    except (OSError, ValueError, MutoscopeError):
        return None


def _files(path: Path) -> Iterator[Path]:
    """A file; of a training's folder its generator; of another folder all that lies in it."""
    if path.is_dir():
        if (path / GENERATOR).is_file():
            yield path / GENERATOR
        else:
            yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    elif path.is_file():
        yield path
