"""A walk as a film, or as a folder of pictures: with its sound, its recipe, and resumable."""

import contextlib
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.numbered import produce_pictures
from mutoscope.finish.produce import Hands, is_taken, produce
from mutoscope.frames.codecs import codec_of
from mutoscope.frames.mux import sounding
from mutoscope.sound import Sound, SoundFile, hear
from mutoscope.walk.planning import PLANNING, Leading, Walk, plan
from mutoscope.walk.render import Renderer
from mutoscope.walk.route import Route, total_of
from mutoscope.walk.toward import place_of

Counted = Callable[[int, int], None]
"""Told how many pictures of how many are done."""

Shared = Callable[[Walk], Hands]
"""Those who draw the pictures of a walk whose path is known."""

_BLOCK = 10  # seconds of a sound that are read at once to find its end
_LONGEST = 12 * 3600


@dataclass(frozen=True)
class Filming:
    """What goes with a walk when it is written.

    Attributes:
        sound: a file that the film carries, and that the path may follow.
        sound_from: where in that sound the film begins, in seconds.
        as_long: whether the film is as long as the sound.
        overwrite: whether what is there may be replaced.
    """

    sound: Path | None = None
    sound_from: float = 0.0
    as_long: bool = False
    overwrite: bool = False


def walk_to_film(
    out: Path,
    route: Route,
    renderer: Renderer,
    filming: Filming,
    *,
    progress: Counted = lambda *_: None,
    measuring: Callable[[int], None] | None = None,
    leading: Leading | None = None,
    shared: Shared | None = None,
) -> None:
    """Write a walk as a film; the same call goes on with one that was stopped (see `produce`).

    Args:
        out: the film; its ending says of which kind.
        route: what it is to be.
        renderer: the generator.
        filming: what goes with it.
        progress: told after each picture.
        measuring: told how many pictures have been seen before the first picture.
        leading: what goes with leading its keys toward words; where they are kept is known here.
        shared: who else draws pictures of it (see `produce`), once its path is known.

    Raises:
        MediaError: the film can't be written or is there, or its sound can't be read.
        SettingsError: something about the walk can't be.
        ScriptError: a number over time can't be read or computed.
        RunError: another process is making this film.
    """
    codec_of(out)  # refused before anything is heard or measured
    if is_taken(out) and not filming.overwrite:
        raise MediaError(f"{out}: exists already; choose another name, or add --overwrite")
    if filming.sound is not None:
        sounding(out)
    leading = replace(leading or Leading(), keep=place_of(out))
    route, walk = _planned(route, renderer, filming, measuring, leading)
    recipe = recipe_of(walk, route, renderer, filming)
    produce(
        out,
        renderer.frames(walk.total, walk.points, walk.space),
        key=key_of(recipe, renderer),
        rate=route.rate,
        total=walk.total,
        sound=filming.sound,
        sound_from=filming.sound_from,
        recipe=recipe,
        overwrite=filming.overwrite,
        progress=lambda done: progress(done, walk.total),
        hands=None if shared is None else shared(walk),
    )
    _forget(place_of(out))


def walk_to_folder(
    out: Path,
    route: Route,
    renderer: Renderer,
    filming: Filming,
    *,
    progress: Counted = lambda *_: None,
    measuring: Callable[[int], None] | None = None,
    leading: Leading | None = None,
) -> None:
    """Write a walk as numbered pictures into a folder, for those who ask for it.

    The sound is followed, and goes nowhere. Arguments and errors are those of `walk_to_film`.
    """
    leading = replace(leading or Leading(), keep=place_of(out))
    route, walk = _planned(route, renderer, filming, measuring, leading)
    recipe = recipe_of(walk, route, renderer, filming)
    digits = len(str(walk.total))
    produce_pictures(
        out,
        renderer.frames(walk.total, walk.points, walk.space),
        [f"{out.name}_{number:0{digits}d}.png" for number in range(1, walk.total + 1)],
        key=key_of(recipe, renderer),
        recipe=lambda number: {**recipe, "frame": number + 1},
        overwrite=filming.overwrite,
        progress=lambda done: progress(done, walk.total),
    )
    _forget(place_of(out))


def recipe_of(walk: Walk, route: Route, renderer: Renderer, filming: Filming) -> dict[str, Any]:
    """What a film says about its making."""
    told: dict[str, Any] = {
        **walk.told,
        "generator": renderer.digest,
        "size": renderer.size,
        "fps": str(route.rate),
    }
    keys = told["keys"]
    if isinstance(keys, Mapping):
        # Vectors are longer than a recipe may be; their digest tells them from others.
        space = "z" if "z" in keys else "w"
        told["keys"] = {**keys, space: _digest(keys[space]), "count": len(keys[space])}
    if filming.sound is not None:
        told["sound"] = {"file": filming.sound.name, "from": filming.sound_from}
    return {
        "program": "mutoscope",
        "version": version("mutoscope"),
        "settings": {},
        "walk": told,
        "generator": renderer.lineage,
    }


def key_of(recipe: Mapping[str, Any], renderer: Renderer) -> dict[str, Any]:
    """What the pictures depend on; the batch too, since other batches may round otherwise."""
    return {
        **recipe["walk"],
        "batch": renderer.batch,
        "device": str(renderer.device),
        "planning": PLANNING,
    }


def _planned(
    route: Route,
    renderer: Renderer,
    filming: Filming,
    measuring: Callable[[int], None] | None,
    leading: Leading,
) -> tuple[Route, Walk]:
    """The route with its length, and its path."""
    if not math.isfinite(filming.sound_from):
        raise SettingsError(f"--sound-from: {filming.sound_from} is no number of seconds")
    if filming.sound is not None and filming.as_long:
        left = _length(filming.sound) - filming.sound_from
        if left <= 0:
            raise MediaError(f"{filming.sound}: ends before the second where the film is to begin")
        route = replace(route, total=max(1, round(left * route.rate)))
    heard = _heard(route, filming)
    return route, plan(route, renderer, heard, progress=measuring, leading=leading)


def _forget(kept: Path) -> None:
    """Remove the keys that were kept for a film that is whole now."""
    with contextlib.suppress(OSError):  # the film is there, and whoever lists the folder sees it
        kept.unlink(missing_ok=True)


def _heard(route: Route, filming: Filming) -> Sound | None:
    """What the path may follow."""
    if filming.sound is None:
        return None
    return hear(
        filming.sound,
        duration=float(total_of(route) / route.rate),
        frames_per_second=float(route.rate),
        offset=filming.sound_from,
    )


def _length(path: Path) -> float:
    """How long a sound is, in seconds, by reading it to its end."""
    file = SoundFile(path)
    for _ in file.blocks(0, _LONGEST * file.rate, size=_BLOCK * file.rate, channels=1):
        if file.ends is not None:
            return file.ends
    raise MediaError(f"{path}: is longer than {_LONGEST // 3600} hours; say how many --seconds")


def _digest(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return f"blake2b:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
