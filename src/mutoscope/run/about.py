"""``run.json``: what must be known of a run before its settings can be understood."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from mutoscope.atomic import read_bounded, reason
from mutoscope.errors import MutoscopeError, RunError
from mutoscope.frames import as_rate
from mutoscope.frames.film import CRF
from mutoscope.run.layout import check_namespace
from mutoscope.settings.document import MAX_KEPT_BYTES

FORMAT = 1


@dataclass(frozen=True)
class FilmPlan:
    """The film that is to be made of a run's frames, ``<base>.mp4``.

    ``rate``: frames per second; ``crf``: quality, 0 (best) to 51; ``recipe``: what the film is to
    say about its making; ``sound``: the file whose sound it carries; ``sound_from``: the second of
    that sound at which the film begins, which may be negative; ``lap``: of a film that closes, how
    many of its last ``files`` take the place of the first; ``smoothed``: whether it shows
    the frames smoothed over time.
    """

    rate: Fraction | float
    crf: float = CRF
    title: str | None = None
    recipe: Mapping[str, Any] | None = None
    sound: Path | None = None
    sound_from: float = 0.0
    lap: int = 0
    files: int = 0
    smoothed: bool = False

    def order(self, frames: Sequence[Path]) -> Sequence[Path]:
        """Which of a run's ``frames``, given in order, are in the film: as they are shown."""
        if not self.lap or len(frames) < self.files:
            return frames
        return [*frames[-self.lap :], *frames[self.lap : -self.lap]]


@dataclass(frozen=True)
class About:
    """What stands in ``run.json``.

    ``base``: what the names of frames and film begin with; ``relative_to``: where the relative
    paths of the settings begin; ``backups``: how many states are kept, ``None`` for all;
    ``resume_points``: how many more, spread over the run; ``started``: when, ISO 8601 in UTC;
    ``follows``: digests of the files that the pictures follow, such as a sound, by settings key.
    """

    version: str
    base: str
    relative_to: Path
    started: str
    backups: int | None = 0
    film: FilmPlan | None = None
    resume_points: int = 0
    follows: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the file."""
        film = self.film and {
            "rate": str(self.film.rate),
            "crf": self.film.crf,
            "title": self.film.title,
            "recipe": self.film.recipe and dict(self.film.recipe),
            "sound": self.film.sound and str(self.film.sound),
            "sound_from": self.film.sound_from,
            "lap": self.film.lap,
            "files": self.film.files,
            "smoothed": self.film.smoothed,
        }
        values = {
            "program": "mutoscope",
            "version": self.version,
            "format": FORMAT,
            "base": self.base,
            "relative_to": str(self.relative_to),
            "started": self.started,
            "backups": self.backups,
            "resume_points": self.resume_points,
            "follows": dict(self.follows),
            "film": film,
        }
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "About":
        """What stands in a file.

        Raises:
            RunError: It can't be read, is damaged, or was written by a later version.
        """
        try:
            values = json.loads(read_bounded(path, MAX_KEPT_BYTES).decode("utf-8"))
            if values["program"] != "mutoscope":
                raise ValueError("it was written by another program")
            if values["format"] > FORMAT:
                raise RunError(
                    f"{path}: was written by Mutoscope {values['version']}, which keeps its runs "
                    "in another way; update this one to go on with it"
                )
            backups, film = values["backups"], values["film"]
            return cls(
                version=str(values["version"]),
                base=check_namespace(values["base"]),
                relative_to=Path(values["relative_to"]),
                started=str(values["started"]),
                backups=None if backups is None else int(backups),
                follows={str(k): str(v) for k, v in values.get("follows", {}).items()},
                film=None if film is None else _film(film),
                resume_points=max(0, int(values.get("resume_points", 0))),
            )
        except RunError:
            raise
        except OSError as error:
            raise RunError(f"{path}: can't be read: {reason(error)}") from error
        except (
            ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError,
            MutoscopeError,
        ) as error:  # fmt: skip
            raise RunError(f"{path}: is damaged ({type(error).__name__}: {error})") from error


def _film(values: Mapping[str, Any]) -> FilmPlan:
    title, recipe = values["title"], values["recipe"]
    return FilmPlan(
        rate=as_rate(values["rate"]),
        crf=float(values["crf"]),
        title=None if title is None else str(title),
        recipe=None if recipe is None else dict(recipe),
        sound=None if (sound := values.get("sound")) is None else Path(sound),
        sound_from=float(values.get("sound_from", 0.0)),
        lap=max(0, int(values.get("lap", 0))),
        files=max(0, int(values.get("files", 0))),
        smoothed=bool(values.get("smoothed", False)),
    )
