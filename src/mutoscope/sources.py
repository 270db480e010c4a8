"""Where settings come from: words, files, mappings, or a picture that carries its recipe.

Nothing here imports torch: what was typed wrongly is refused at once.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError
from mutoscope.provenance import read_recipe
from mutoscope.settings import Settings, load_settings
from mutoscope.settings.values import a_folder_name

Source = Settings | Mapping[str, Any] | str | Path
STILL = "still"  # the preset of a picture from words
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
CARRIERS = (*PICTURES, ".gif", ".mp4", ".mov", ".webm", ".mkv")
NAME_BYTES = 100  # of a folder named after its prompt: the system's limit is shared with suffixes


def still_settings(prompt: str, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a picture from words; its run is named after them unless that is said."""
    values = {"scenes": prompt, "file_namespace": name_of(prompt)}
    return load_settings(values, overrides, preset=STILL)


def settings_of(source: Source, overrides: Sequence[str] = (), *, quiet: bool = False) -> Settings:
    """Settings from a mapping, a file, or a picture or film that carries its recipe.

    ``quiet``: say nothing of keys that have no effect.
    """
    if isinstance(source, Settings):
        return load_settings(source.to_dict(), overrides, quiet=quiet) if overrides else source
    if isinstance(source, str | Path) and Path(source).suffix.lower() in CARRIERS:
        return load_settings(recipe_of(Path(source))["settings"], overrides, quiet=quiet)
    return load_settings(source, overrides, quiet=quiet)


def recipe_of(path: Path) -> dict[str, Any]:
    """The recipe that a picture or film carries.

    Raises:
        MediaError: it can't be read, or carries none.
    """
    found = read_recipe(path)
    if found is None:
        raise MediaError(
            f"{path}: carries no recipe; it was not made by Mutoscope, or something that handled "
            "it since has dropped it"
        )
    return found


def name_of(prompt: str) -> str:
    """A folder's name for a prompt: its first words, in small letters, with hyphens between."""
    words = re.findall(r"[^\W_]+", prompt.partition("|")[0].partition(":")[0].lower())
    name = "-".join(words)[:48]
    while len(name.encode(errors="replace")) > NAME_BYTES:
        name = name[:-1]
    name = name.rstrip("-")
    try:
        return a_folder_name(name)
    except ValueError:  # no word in it, or one that names a device on some systems
        return f"picture-{name}".rstrip("-")


def command_for(told: Mapping[str, Any]) -> str:
    """The command that makes a picture with the recipe ``told`` again.

    Raises:
        SettingsError: this version does not understand its settings.
    """
    settings = load_settings(told["settings"], quiet=True)
    values = settings.to_dict(portable=True)
    scenes = str(values.pop("scenes", ""))
    still = load_settings({"scenes": scenes or "x", "seed": 0}, preset=STILL, quiet=True)
    usual = still.to_dict(portable=True)
    # What the picture has as the schema does, but the preset does not, must be said too.
    full = settings.to_dict(full=True, portable=True)
    said = {key: full[key] for key in usual if key not in values}
    said |= {key: value for key, value in values.items() if usual.get(key) != value}
    for key in ("scenes", "file_namespace"):
        said.pop(key, None)
    said["seed"] = settings.seed
    overrides = [f"{key}={_written(value)}" for key, value in said.items()]
    dashes = ["--"] if scenes.startswith("-") else []
    return shlex.join(["mutoscope", "image", *dashes, scenes, *overrides])


def _written(value: Any) -> str:
    """A value as an override has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def refuse_taken(path: Path, *, overwrite: bool = False) -> None:
    """Refuse to write a picture where it can't be written, or something is, before any work.

    Raises:
        MediaError: the file is there and ``overwrite`` is false, its folder is not or is closed to
            us, or no picture has such a name.
    """
    if path.suffix.lower() not in PICTURES:
        raise MediaError(
            f"{path}: pictures are written as {', '.join(PICTURES)}; give it one of these endings"
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise MediaError(
            f"{path}: is there already and is not overwritten; give another name, or "
            "allow_overwrite=true (in Python: save(path, overwrite=True))"
        )
    if not path.parent.is_dir():
        raise MediaError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise MediaError(f"{path}: nothing may be written in {path.parent}; give another folder")


def models_folder(folder: Path | None = None) -> Path:
    """The folder under which networks lie: ``folder``, or where the settings have it."""
    if folder is not None:
        return folder.expanduser()
    return Path(Settings.model_fields["models_parent_dir"].get_default()).expanduser()
