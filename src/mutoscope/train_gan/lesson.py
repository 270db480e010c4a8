"""A training in its folder: where wishes, drawings, networks and files meet."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.errors import RunError
from mutoscope.paint import Watch, rng_for
from mutoscope.train_gan.course import Course
from mutoscope.train_gan.folder import (
    Folder,
    newest_checkpoint,
    read_kept,
    read_recipe,
    steps_kept,
)
from mutoscope.train_gan.manifest import manifest_of
from mutoscope.train_gan.material import REFERENCE, Found, ahead_of, look_for, open_material
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.presets import DEFAULT, find_preset
from mutoscope.train_gan.quality import Reference, embedded_embedding
from mutoscope.train_gan.recipe import Recipe, Settings, Value
from mutoscope.train_gan.sheets import sheet_size
from mutoscope.train_gan.team import ALONE, Team
from mutoscope.train_gan.training import Tick, train
from mutoscope.training.folder import is_training, refuse_taken

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Saved:
    """A tick that is safe on the disk; ``sample`` is where its sheet lies, if it has one."""

    tick: Tick
    sample: Path | None


def open_folder(
    drawings: Path | None, out: Path, preset: str | None, values: Mapping[str, Value], *,
    team: Team = ALONE,
) -> Folder:  # fmt: skip
    """The folder ``out`` of a training: a new one of ``drawings``, or the one to go on with.

    Where ``drawings`` is None, the training goes on with those that it was begun with.

    Raises:
        SettingsError, MediaError: what is asked for can't be, or there are no drawings.
        RunError: the folder holds a finished training, another one, or something else.
    """
    if preset is not None:
        find_preset(preset)
    if is_training(out):
        recipe = recipe_to_go_on(drawings, out, preset, values)
        team.check(recipe.settings.batch)
        return Folder.open(out, recipe)
    if drawings is None:
        raise RunError(f"{out}: there is no training in it to go on with")
    refuse_taken(out)
    name = preset or DEFAULT
    settings = find_preset(name).settings.with_values(values).settled()
    team.check(settings.batch)
    found = look_for(drawings, settings.data, besides=out)
    settings = settings.with_values({"data": found.kind})
    return Folder.start(out, Recipe(str(drawings.absolute()), found.mark, name, settings))


def recipe_to_go_on(
    drawings: Path | None, out: Path, preset: str | None, values: Mapping[str, Value]
) -> Recipe:
    """The recipe of the training in ``out``, with what may change changed.

    Raises:
        RunError: it is finished, or was begun otherwise.
    """
    begun = read_recipe(out)
    if different := begun.differing(preset, values):
        raise RunError(
            f"{out}: {', '.join(different)}; leave that out to go on with it, or begin another "
            "training with -o and a new folder"
        )
    recipe = begun.going_on(values)
    if steps_kept(out) >= recipe.steps:
        raise RunError(
            f"{out}: is finished ({begun.settings.images:,} images) and is not overwritten; go on "
            "with a larger images=, or begin another training with -o and a new folder"
        )
    pictures = Path(recipe.pictures) if drawings is None else drawings
    found = look_for(pictures, recipe.settings.data, besides=out)
    if found.mark == recipe.fingerprint:
        return recipe
    if str(pictures.absolute()) != recipe.pictures:
        raise RunError(
            f"{out}: was begun with the drawings in {recipe.pictures}, and {pictures} holds "
            "others; give that folder to go on, or begin another training with -o and a new folder"
        )
    log.warning(
        "%s: its drawings are not those that the training was begun with; it goes on with those "
        "that are there now", pictures,
    )  # fmt: skip
    return recipe


def perform(
    folder: Folder, device: torch.device, *, drawings: Path | None = None,
    watch: Watch | None = None, team: Team = ALONE,
) -> Iterator[Saved]:  # fmt: skip
    """Train in ``folder`` from where it is: yield each tick once it is safe on the disk.

    ``drawings`` is where they lie, by default where they lay when it was begun. The others of the
    ``team``, which this process leads, `assist`.
    """
    team.wait()  # the folder is there
    recipe, settings = folder.recipe, folder.recipe.settings
    resume = folder.resume()
    team.wait()  # what goes beyond it is not
    found = find_again(folder, drawings)
    folder.note(manifest_of(found, after=resume.steps * settings.batch if resume else 0))
    material = open_material(found, settings)
    count = settings.compared
    real = torch.cat([
        material.batch(REFERENCE + first, min(64, count - first)) for first in range(0, count, 64)
    ])  # fmt: skip
    shown = shown_latents(settings)
    folder.show_drawings(real[: len(shown)])
    reference = Reference.of(real, embedded_embedding())
    players = Players.start(settings, device, team=team)
    with ahead_of(material, settings.batch, team=team) as ahead:
        for tick in train(
            players, ahead, reference, course=Course.of(recipe), shown=shown, resume=resume,
            watch=watch,
        ):  # fmt: skip
            yield Saved(tick, folder.keep(tick))


def assist(
    out: Path, device: torch.device, *, team: Team, drawings: Path | None = None,
    watch: Watch | None = None,
) -> None:  # fmt: skip
    """Train along with the leader of a team, who is in `perform` with the folder ``out``."""
    team.wait()
    recipe = read_recipe(out)
    settings = recipe.settings
    team.wait()
    place = newest_checkpoint(out)
    found = look_for(drawings or Path(recipe.pictures), settings.data, besides=out)
    material = open_material(found, settings)
    players = Players.start(settings, device, team=team)
    with ahead_of(material, settings.batch, team=team) as ahead:
        for _ in train(
            players, ahead, None, course=Course.of(recipe), shown=shown_latents(settings),
            resume=read_kept(place) if place else None, watch=watch,
        ):  # fmt: skip
            pass  # the leader keeps it


def find_again(folder: Folder, drawings: Path | None) -> Found:
    """The drawings of a training that was begun, perhaps by now in another place."""
    place = Path(folder.recipe.pictures) if drawings is None else drawings
    return look_for(place, folder.recipe.settings.data, besides=folder.path)


def shown_latents(settings: Settings) -> Tensor:
    """The latents (n, z) of the samples, the same in every tick."""
    columns, rows = sheet_size(settings.size)
    rng = rng_for(settings.seed, "shown")
    return torch.randn(columns * rows, settings.z, generator=rng)
