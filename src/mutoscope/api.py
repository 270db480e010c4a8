"""The doors for Python: a picture from a line, a film from settings, a run from a folder."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mutoscope.build import build
from mutoscope.errors import MediaError, RunError
from mutoscope.images import save_image, to_bytes
from mutoscope.paint import Frame, Watch
from mutoscope.perform import perform, recipe, start_run
from mutoscope.provenance import read_recipe
from mutoscope.run import Run
from mutoscope.script import quote
from mutoscope.settings import Settings, load_settings

Source = Settings | Mapping[str, Any] | str | Path
STILL = "still"
CARRIERS = (".png", ".jpg", ".jpeg", ".webp", ".mp4")


@dataclass(frozen=True)
class Picture:
    """A finished picture and how it was made; shown by notebooks as itself.

    ``tensor`` is (1, 3, H, W) in [0, 1]; ``recipe`` goes into every file it is saved to.
    """

    tensor: Tensor
    recipe: Mapping[str, Any]

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a PNG, JPEG or WebP file, recipe included.

        Raises:
            MediaError: the file is there and ``overwrite`` is false, or it can't be written.
        """
        path = Path(path)
        if not overwrite:
            refuse_taken(path)
        save_image(self.tensor, path, recipe=self.recipe)
        return path

    def pil(self) -> Image.Image:
        """The picture for Pillow."""
        return Image.fromarray(self.numpy())

    def numpy(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The picture as bytes, (H, W, 3)."""
        return to_bytes(self.tensor)

    def _repr_png_(self) -> bytes:
        from mutoscope.images import encode

        return encode(self.tensor, ".png", recipe=self.recipe)


def image(prompt: str, **settings: Any) -> Picture:
    """Make a picture from words, in memory: ``image("a red fox in the snow").save("fox.png")``.

    Args:
        prompt: a scene: prompts separated by ``|``, each with an optional ``:weight``.
        settings: any key of the settings, such as ``seed=7`` or ``width=512``.

    Raises:
        MutoscopeError: a setting is wrong, or something it names can't be had.
    """
    loaded = load_settings({**settings, "scenes": prompt, "save_every": 0}, preset=STILL)
    parts = build(loaded)
    *_, last = parts.animate()
    return Picture(last.image, recipe(parts.settings, last))


def animate(source: Source, *overrides: str, watch: Watch | None = None) -> Iterator[Frame]:
    """Paint what ``source`` describes, in memory: yield each frame as soon as it is finished.

    Args:
        source: settings, a mapping of them, or the path of a settings file.
        overrides: ``"key=value"`` texts that win over the source.
        watch: hears of each step, and may ask for the end.

    Raises:
        MutoscopeError: as `image`; before the first frame.
    """
    for frame in build(settings_of(source, overrides)).animate(watch=watch):
        if frame.number is not None:
            yield frame


def render(source: Source, *overrides: str, out: str | Path = ".") -> Path:
    """Make the picture or film that ``source`` describes, in a run's folder; says which.

    Args:
        source: settings, a mapping of them, or the path of a settings file.
        overrides: ``"key=value"`` texts that win over the source.
        out: the folder in which ``images_out`` lies or is made.
    """
    parts = build(settings_of(source, overrides))
    with start_run(parts, Path(out)) as run:
        for _ in perform(parts, run):
            pass
    return run.folder


def resume(folder: str | Path) -> Path:
    """Go on with the run in ``folder``, as if it never had been stopped."""
    with Run.open(folder) as run:
        for _ in perform(build(settings_of_run(run)), run):
            pass
    return run.folder


def settings_of(source: Source, overrides: Sequence[str] = ()) -> Settings:
    """Settings from a mapping, a file, or a picture or film that carries its recipe."""
    if isinstance(source, Settings):
        return load_settings(source.to_dict(), overrides) if overrides else source
    if isinstance(source, str | Path) and Path(source).suffix.lower() in CARRIERS:
        return load_settings(recipe_of(Path(source))["settings"], overrides)
    return load_settings(source, overrides)


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


def settings_of_run(run: Run) -> Settings:
    """The settings that a run was started with."""
    return load_settings(run.folder / "settings.yaml", base=run.relative_to)


def still_settings(prompt: str, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a picture from words; its run is named after them unless that is said."""
    values = {"scenes": prompt, "file_namespace": name_of(prompt)}
    return load_settings(values, overrides, preset=STILL)


def name_of(prompt: str) -> str:
    """A folder's name for a prompt: its first words, in small letters, with hyphens between."""
    words = re.findall(r"[^\W_]+", prompt.partition("|")[0].partition(":")[0].lower())
    name = "-".join(words)[:48].rstrip("-")
    return name or "picture"


def command_for(told: Mapping[str, Any]) -> str:
    """The command that makes a picture or film with the recipe ``told`` again."""
    settings = load_settings(told["settings"])
    values = settings.to_dict(portable=True)
    scenes = str(values.pop("scenes", ""))
    still = load_settings({"scenes": scenes, "seed": 0}, preset=STILL).to_dict(portable=True)
    del still["scenes"], still["seed"]
    # What the picture has as the schema does, but the preset does not, must be said too.
    full = settings.to_dict(full=True, portable=True)
    said = {key: full[key] for key in still if key not in values}
    said |= {key: value for key, value in values.items() if still.get(key) != value}
    said.pop("file_namespace", None)
    words = ["mutoscope", "image", scenes, *(f"{k}={_written(v)}" for k, v in said.items())]
    return shlex.join(words)


def _written(value: Any) -> str:
    """A value as an override has it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def refuse_taken(path: Path) -> None:
    """Refuse to write where something is, and where nothing can be written, before any work.

    Raises:
        MediaError: the file is there, or its folder is not.
    """
    if path.exists():
        raise MediaError(
            f"{path}: is there already and is not overwritten; give another name, or "
            "allow_overwrite=true"
        )
    if not path.parent.is_dir():
        raise MediaError(f"{path}: there is no folder {path.parent}; make it first")


def newest_picture(run: Run) -> Path:
    """The last frame that a run has kept.

    Raises:
        RunError: there is none yet.
    """
    frames = run.frames()
    if not frames:
        raise RunError(f"{run.folder}: no frame was kept yet")
    return frames[-1][1]


def models_folder(folder: Path | None = None) -> Path:
    """The folder under which networks lie: ``folder``, or where the settings have it."""
    if folder is not None:
        return folder.expanduser()
    return Path(Settings.model_fields["models_parent_dir"].get_default()).expanduser()
