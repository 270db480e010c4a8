"""One call of a function: its settings, its work, and what is shown while it lasts."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from mutoscope.build import Shelf
from mutoscope.paint import Watch
from mutoscope.settings import Settings
from mutoscope.vqgan_clip.config import DEFAULTS, VQGAN_CLIP_Config
from mutoscope.vqgan_clip.mapping import settings_of
from mutoscope.vqgan_clip.pictures import save_picture
from mutoscope.vqgan_clip.work import Done, Work

log = logging.getLogger("mutoscope")

# The networks of a config that is used again need not be loaded again; they go when it does.
_SHELVES: WeakKeyDictionary[VQGAN_CLIP_Config, Shelf] = WeakKeyDictionary()


@dataclass
class Call:
    """What one call asks for.

    Attributes:
        function: its name.
        config: how pictures are made.
        asked: keys of the settings that the arguments stand for.
        told: the arguments as they were given, for the recipe.
        size: width and height that are wanted, if not those of the config.
        later: further keys, known only when the work begins.
        seed: the seed that was taken; None until the first picture is there.
    """

    function: str
    config: VQGAN_CLIP_Config
    asked: Mapping[str, Any]
    told: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    later: Callable[[], Mapping[str, Any]] = dict
    seed: int | None = None

    @property
    def shelf(self) -> Shelf:
        """Where the config's networks lie."""
        return _SHELVES.setdefault(self.config, {})

    def early(self) -> Settings:
        """The settings as far as they are known before the work begins."""
        return settings_of(self.config, self.asked, size=self.size)

    def settings(self) -> Settings:
        """The settings of the run."""
        return settings_of(self.config, {**self.asked, **self.later()}, size=self.size)

    def key(self) -> dict[str, Any]:
        """All that the results depend on, as JSON."""
        config = {name: getattr(self.config, name) for name in DEFAULTS}
        return {**self.telling(), "config": config, "asked": dict(self.asked)}

    def telling(self) -> dict[str, Any]:
        """What the results say of the call, beside the settings that it came to."""
        told = {name: _plain(value) for name, value in self.told.items()}
        return {"function": self.function, **told}


class Going:
    """A call at work: what `begin` gives."""

    def __init__(
        self, call: Call, work: Work, *, complete: bool, verbose: bool, leave: bool
    ) -> None:
        self._call, self._work, self._complete = call, work, complete
        self._verbose, self._leave = verbose, leave
        self.folder = work.folder

    def pictures(self) -> Iterator[Done]:
        """Each picture, as soon as it is done; those of an earlier beginning come first."""
        call = self._call
        if self._complete:
            return
        total = int(call.asked["steps_per_scene"])
        with _bar(call.function.replace("_", " "), total, leave=self._leave) as watch:
            for done in self._work.paint(call.settings, shelf=call.shelf, watch=watch):
                call.seed = int(done.recipe["settings"]["seed"])
                if self._verbose and done.records:
                    log.info("%s", _told(done))
                yield done

    def put(self, path: Path, done: Done) -> None:
        """Write a frame, unless it was written before the call was stopped."""
        if not path.exists():
            save_picture(done.image, path, recipe=done.recipe)


@contextlib.contextmanager
def begin(
    call: Call,
    target: Path,
    results: Sequence[Path],
    claim: Callable[..., None],
    *,
    verbose: bool = False,
    leave: bool = True,
) -> Iterator[Going]:
    """The work of a call, begun or gone on with; its hidden folder goes when the block is done.

    Args:
        call: what is asked for.
        target: the file or folder that the results are for.
        results: the files that there will be. If this very call has made all of them already, they
            stand, and nothing is done.
        claim: given ``begun`` and ``overwrite``, refuses a target that may not be used, and makes
            its folder.
        verbose: see the functions.
        leave: whether the bar stays on the terminal.
    """
    overwrite = call.early().allow_overwrite  # and what is wrong in the settings is said now
    work = Work(target, call.key(), told=call.telling(), overwrite=overwrite)
    try:
        if not overwrite:
            call.seed = work.seed_of(results)
        complete = call.seed is not None
        if complete:
            log.warning("%s: is there already, made by this same call; it stands", target)
        else:
            claim(begun=work.begun, overwrite=overwrite)
        with _speaking(verbose):
            yield Going(call, work, complete=complete, verbose=verbose, leave=leave)
    except KeyboardInterrupt:
        log.warning("stopped; the same call goes on from what lies in %s", work.folder)
        raise
    finally:
        work.forget_if_nothing_is_done()
    work.remove()


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Path):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _told(done: Done) -> str:
    """The losses at a picture, in one line."""
    last = done.records[-1]
    losses = ", ".join(f"{k}: {v:.4g}" for k, v in last.items() if k not in ("frame", "t", "step"))
    return f"step {last['step']:g}: {losses}"


@contextlib.contextmanager
def _speaking(verbose: bool) -> Iterator[None]:
    """Let notices be seen, where nobody has said where they go."""
    if not verbose or log.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextlib.contextmanager
def _bar(label: str, total: int, *, leave: bool) -> Iterator[Watch]:
    """What shows on a terminal how many of the steps are done."""
    if not sys.stderr.isatty():
        yield Watch()
        return
    from rich.console import Console
    from rich.progress import BarColumn as Bar
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), Bar(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=not leave) as progress:
        task = progress.add_task(label, total=total)
        yield Watch(step=lambda done, _losses: progress.update(task, completed=done))
