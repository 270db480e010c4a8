"""The doors for Python: a picture from a line, a film from settings, a run from a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mutoscope.build import build
from mutoscope.errors import RunError
from mutoscope.images import save_image, to_bytes
from mutoscope.paint import Frame, Watch
from mutoscope.perform import finish, perform, recipe, start_run
from mutoscope.run import Run
from mutoscope.settings import Settings, load_settings
from mutoscope.sources import STILL, Source, refuse_taken, settings_of


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
        refuse_taken(path, overwrite=overwrite)
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
        settings, saved = settings_of_run(run), run.state()
        if not finish(run, settings, saved):
            for _ in perform(build(settings), run, saved=saved):
                pass
    return run.folder


def settings_of_run(run: Run) -> Settings:
    """The settings that a run was started with."""
    return load_settings(run.folder / "settings.yaml", base=run.relative_to, quiet=True)


def newest_picture(run: Run) -> Path:
    """The last frame that a run has kept.

    Raises:
        RunError: there is none yet.
    """
    frames = run.frames()
    if not frames:
        raise RunError(f"{run.folder}: no frame was kept yet")
    return frames[-1][1]
