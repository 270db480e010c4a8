"""The pictures of a sheet, or the jobs of a sweep, as a list, from words or from a file.

A sheet varies what stands in braces (`mutoscope.explore`), the seed, or both; a sweep the values
that keys are given (`mutoscope.sweep.axes`). All else is the same in every picture, the seed too
unless it is varied.
"""

import itertools
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mutoscope import __version__
from mutoscope.atomic import reason
from mutoscope.errors import MutoscopeError, RunError, SettingsError
from mutoscope.explore import MOST, Exploration, Variant, explore, plain
from mutoscope.settings import Settings, load_settings
from mutoscope.settings.values import a_folder_name
from mutoscope.sources import STILL, Source, command_for, name_of, settings_of, still_settings
from mutoscope.sweep.axes import read_axes
from mutoscope.sweep.order import Order, read_order, write_order

MOST_SEEDS = 100
MOST_SWEPT = 1024
"""How many jobs a sweep may have; a sheet has `explore.MOST` pictures."""
FORMAT = 1
FILE = "sheet.json"

_MAX_BYTES = 32 * 2**20
_FIXED = ("file_namespace", "allow_overwrite", "animation_mode")
_TOLD = "sheet"  # the key of a recipe under which a sheet says what it is


@dataclass(frozen=True)
class Job:
    """One picture to make: the ``name`` of its run's folder, and its settings."""

    name: str
    settings: Settings


@dataclass(frozen=True)
class Sweep:
    """The pictures of a sheet, all combinations of ``axes``, the last the fastest.

    ``axes`` are the labels of each; ``name`` is that of the folder, before a number is added.
    """

    name: str
    order: Order
    axes: tuple[tuple[str, ...], ...]
    jobs: tuple[Job, ...]

    def places(self) -> list[tuple[str, ...]]:
        """The labels of each job, one for each axis."""
        return list(itertools.product(*self.axes))

    def with_choices(self, taken: Settings) -> "Sweep":
        """The same with the perceptors and the precision of ``taken``, where they were left to us.

        What is compared differs in nothing but what is tried.
        """

        def chosen(settings: Settings) -> Settings:
            if "auto" in settings.perceptor_names:
                settings = settings.replace(perceptors=list(taken.perceptor_names))
            if settings.precision == "auto":
                settings = settings.replace(precision=taken.precision)
            return settings

        jobs = [replace(job, settings=chosen(job.settings)) for job in self.jobs]
        return replace(self, jobs=tuple(jobs))

    def recipe(self) -> dict[str, Any]:
        """What the sheet says about its making: the settings of its first picture, and the order.

        No path of this machine is in it, unless it was typed.
        """
        return {
            "program": "mutoscope",
            "version": __version__,
            "settings": self.jobs[0].settings.to_dict(portable=True),
            _TOLD: {**write_order(self.order), "axes": [list(axis) for axis in self.axes]},
        }

    def to_json(self) -> str:
        """The text of ``sheet.json``: what all settings share stands in it once."""
        told = [job.settings.to_dict() for job in self.jobs]
        shared = {k: v for k, v in told[0].items() if all(k in t and t[k] == v for t in told)}
        values = {
            "program": "mutoscope",
            "version": __version__,
            "format": FORMAT,
            "name": self.name,
            **write_order(self.order),
            "axes": self.axes,
            "settings": shared,
            "jobs": [
                {
                    "name": job.name,
                    "settings": {k: v for k, v in own.items() if k not in shared},
                }
                for job, own in zip(self.jobs, told, strict=True)
            ],
        }
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Sweep":
        """What stands in a ``sheet.json``.

        Raises:
            RunError: It can't be read, is damaged, or was written by a later version.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
            if len(data) > _MAX_BYTES:
                raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
            values = json.loads(data)
            if values["program"] != "mutoscope":
                raise ValueError("it was written by another program")
            if values["format"] > FORMAT:
                raise RunError(
                    f"{path}: was written by Mutoscope {values['version']}, which keeps its sheets "
                    "in another way; update this one to go on with it"
                )
            return _sweep(values)
        except RunError:
            raise
        except OSError as error:
            raise RunError(f"{path}: can't be read: {reason(error)}") from error
        except (
            ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError,
            MutoscopeError,
        ) as error:  # fmt: skip
            raise RunError(f"{path}: is damaged ({type(error).__name__}: {error})") from error


def sweep_of(
    prompt: str,
    overrides: Sequence[str] = (),
    *,
    count: int | None = None,
    explored: bool = False,
) -> Sweep:
    """The pictures of a sheet from words.

    Args:
        prompt: as in a single picture; with braces where it is explored.
        overrides: ``key=value`` texts, likewise.
        count: with this many seeds, ``seed``, ``seed + 1`` and so on; a last axis of its own.
        explored: whether what stands in braces is varied.

    Raises:
        MutoscopeError: something in them is wrong; every picture's settings are checked.
    """
    if count is not None and not 1 <= count <= MOST_SEEDS:
        raise SettingsError(f"count: {count} pictures; give 1 to {MOST_SEEDS}")
    found = (
        explore(prompt, overrides)
        if explored
        else Exploration((), (Variant(prompt, tuple(overrides), ()),))
    )
    if len(found.variants) * (count or 1) > MOST:
        raise SettingsError(
            f"count: {len(found.variants)} × {count} = {len(found.variants) * (count or 1)} "
            f"pictures; at most {MOST} are made at once"
        )
    varied = _varied([variant.overrides for variant in found.variants])
    _refuse_varied(varied, count)
    # Of the first, everything worth a notice is said; the others would only repeat it.
    first = still_settings(found.variants[0].prompt, found.variants[0].overrides)
    keys = {_key(override) for override in overrides}
    name = first.file_namespace if "file_namespace" in keys else name_of(prompt)
    fixed = [f"file_namespace={name}", *([] if "seed" in keys else [f"seed={first.seed}"])]
    seeds = 1 if count is None else count
    settings = []
    for variant in found.variants:
        one = load_settings(
            {"scenes": variant.prompt}, [*variant.overrides, *fixed], preset=STILL, quiet=True
        )
        settings += [one if k == 0 else one.replace(seed=one.seed + k) for k in range(seeds)]
    if any(one.animation_mode != "off" for one in settings):
        raise SettingsError("animation_mode: a sheet is made of stills; leave it off")
    axes = found.axes
    if count is not None:
        axes = (*axes, tuple(f"seed={first.seed + k}" for k in range(count)))
    tried = tuple(override for override in overrides if _key(override) in varied)
    order = Order(prompt, count, explored, tried)
    return Sweep(name, order, axes, _jobs(axes, settings))


def sweep_of_axes(
    source: Source | None,
    texts: Sequence[str],
    *,
    prompt: str | None = None,
    preset: str | None = None,
    title: str = "",
    threads: int = 1,
) -> Sweep:
    """The jobs of a sweep: every combination of the values that keys are given, in all else alike.

    Args:
        source: what they begin from, as for `sources.settings_of`; None for a preset or words.
        texts: ``KEY=VALUES``, each an axis (`sweep.axes`) or an override.
        prompt: words, in place of the scenes there.
        preset: the name of one, where there is no source.
        title: what stands above, unless there are words.
        threads: by how many each job is to be painted.

    Raises:
        MutoscopeError: something in them is wrong; every job's settings are checked.
    """
    axes, shared = read_axes(texts)
    if not axes:
        raise SettingsError(
            "sweep: there is nothing to try; give a key several values, as 'seed=range(8)' or "
            "cut_pow=1,2,3 (for one picture or film there is: mutoscope render)"
        )
    _refuse_varied({axis.key for axis in axes}, None)
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_SWEPT:
        product = " × ".join(f"{len(axis.values)} of {axis.key}" for axis in axes)
        raise SettingsError(
            f"sweep: {product} make {count} jobs; at most {MOST_SWEPT} are made at once"
        )
    keys = {_key(text) for text in texts}
    words = [f"scenes={prompt}"] if prompt is not None and "scenes" not in keys else []

    def settings_with(choice: Sequence[str], *, quiet: bool) -> Settings:
        chosen = [f"{axis.key}={value}" for axis, value in zip(axes, choice, strict=True)]
        said = [*words, *shared, *fixed, *chosen]
        if source is None:
            return load_settings(None, said, preset=preset or STILL, quiet=quiet)
        return settings_of(source, said, quiet=quiet)

    fixed: list[str] = []
    choices = list(itertools.product(*(axis.values for axis in axes)))
    # Of the first, everything worth a notice is said; the others would only repeat it.
    first = settings_with(choices[0], quiet=False)
    named = "file_namespace" in keys or source is not None
    name = first.file_namespace if named else name_of(prompt or first.scenes)
    fixed = [f"file_namespace={name}", *([] if "seed" in keys else [f"seed={first.seed}"])]
    settings = [settings_with(choice, quiet=True) for choice in choices]
    labels = tuple(axis.labels for axis in axes)
    tried = tuple(text for text in texts if text not in shared)
    order = Order(prompt or title, None, False, tried, threads)
    return Sweep(name, order, labels, _jobs(labels, settings))


def command_of(recipe: Mapping[str, Any]) -> str:
    """The command that makes what carries ``recipe`` again, a picture or a sheet.

    Raises:
        MutoscopeError: this version does not understand its settings.
    """
    if _TOLD not in recipe:
        return command_for(recipe)
    command = "sweep" if read_order(recipe[_TOLD]).swept else "image"
    return shlex.join(["mutoscope", command, *_words(recipe)])


def sweep_of_recipe(recipe: Mapping[str, Any], overrides: Sequence[str] = ()) -> Sweep | None:
    """The pictures of the sheet that carries ``recipe``, or None where it is a single picture's.

    Raises:
        MutoscopeError: as in `sweep_of`; the recipe may come from anywhere.
    """
    if _TOLD not in recipe:
        return None
    order = read_order(recipe[_TOLD])
    if order.swept:
        changed = {_key(override) for override in overrides}
        tried = [one for one in order.tried if _key(one) not in changed]
        return sweep_of_axes(
            recipe["settings"], [*tried, *overrides], title=order.prompt, threads=order.threads or 1
        )
    _, kept = _kept(recipe, order)
    changed = {_key(override) for override in overrides}
    before = [one for one in [*kept, *order.tried] if _key(one) not in changed]
    return sweep_of(order.prompt, [*before, *overrides], count=order.count, explored=order.explored)


def axes_of(recipe: Mapping[str, Any]) -> list[list[str]] | None:
    """The labels of each axis that a sheet's recipe tells of; None where it is a picture's."""
    told = recipe.get(_TOLD)
    if not isinstance(told, Mapping) or not isinstance(told.get("axes"), list):
        return None
    return [[str(label) for label in axis] for axis in told["axes"] if isinstance(axis, list)]


# ── words ──


def _words(recipe: Mapping[str, Any]) -> list[str]:
    """The arguments of ``mutoscope image`` that make a sheet again."""
    order = read_order(recipe[_TOLD])
    dashes, kept = _kept(recipe, order)
    if order.swept:
        # Before an axis of scenes there are no words; else they are those that all share.
        shared = {_key(one) for one in order.tried}
        scenes = load_settings(recipe["settings"], quiet=True).scenes
        given = [] if "scenes" in shared else [f"--prompt={scenes}"]
        return [*given, "--threads", str(order.threads), *kept, *order.tried]
    options = ["--explore"] if order.explored else []
    options += [] if order.count is None else ["--count", str(order.count)]
    return [*options, *dashes, order.prompt, *kept, *order.tried]


def _kept(recipe: Mapping[str, Any], order: Order) -> tuple[list[str], list[str]]:
    """The overrides that all pictures of a sheet share, and what stands before its prompt."""
    words = shlex.split(command_for(recipe))[2:]
    dashes = words[:1] if words[0] == "--" else []
    tried = {_key(override) for override in order.tried}
    kept = [word for word in words[len(dashes) + 1 :] if _key(word) not in tried]
    if order.prompt.startswith("-"):
        dashes = ["--"]
    return dashes, [plain(word) for word in kept] if order.explored else kept


def _key(override: str) -> str:
    return override.partition("=")[0].strip().lstrip("+")


def _varied(overrides: Sequence[Sequence[str]]) -> set[str]:
    """The keys whose values are not the same throughout."""
    return {_key(same[0]) for same in zip(*overrides, strict=True) if len(set(same)) > 1}


def _refuse_varied(varied: set[str], count: int | None) -> None:
    if fixed := [key for key in _FIXED if key in varied]:
        raise SettingsError(f"{fixed[0]}: holds for the whole sheet and can't be varied")
    if count is not None and "seed" in varied:
        raise SettingsError(
            "count: the seed is varied by seed={…} already; leave one of the two out"
        )


def _jobs(axes: Sequence[Sequence[str]], settings: Sequence[Settings]) -> tuple[Job, ...]:
    """Each job with the name of its folder: its number, so that they sort, and its labels."""
    digits = len(str(len(settings)))
    jobs = []
    places = itertools.product(*axes)
    for index, (one, labels) in enumerate(zip(settings, places, strict=True)):
        words = name_of(re.sub(r"[:|]", " ", " ".join(labels)))
        jobs.append(Job(f"{index + 1:0{digits}d}-{words}", one))
    return tuple(jobs)


# ── files ──


def _sweep(values: Mapping[str, Any]) -> Sweep:
    """The contents of a ``sheet.json``; errors of any kind where they are not sound."""
    axes = tuple(tuple(str(label) for label in axis) for axis in values["axes"])
    order = read_order(values)
    most = MOST_SWEPT if order.swept else MOST
    jobs = tuple(
        Job(
            a_folder_name(job["name"]),
            load_settings({**values["settings"], **job["settings"]}, quiet=True),
        )
        for job in values["jobs"][: most + 1]
    )
    total = 1
    for axis in axes:
        total *= len(axis)
    if not len(jobs) == total <= most or len({job.name for job in jobs}) < total:
        raise ValueError("its jobs are not those of its axes")
    return Sweep(a_folder_name(values["name"]), order, axes, jobs)
