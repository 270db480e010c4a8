"""All the parts of a run, made from its settings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from mutoscope.build.asking import Asking
from mutoscope.build.canvases import (
    Decoder,
    Shelf,
    Size,
    generator_size,
    load_decoder,
    make_canvas,
    picture_sizes,
    tiled,
)
from mutoscope.build.fitting import cut_into_pieces, measure, refuse_what_will_not_fit
from mutoscope.build.foreseeing import refuse_what_has_no_value
from mutoscope.build.listening import listen
from mutoscope.build.motions import film_size, load_depth_eye, make_motion
from mutoscope.build.pictures import Pictures
from mutoscope.build.precision import choose_compilation, choose_precision
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.gan import GanCanvas
from mutoscope.cutouts import Cutouts, cut_method
from mutoscope.descent import Descent
from mutoscope.errors import ExtraError, SettingsError, WeightsError
from mutoscope.gan.generator import Generator
from mutoscope.motion.carried import Carrying
from mutoscope.motion.video import Follow
from mutoscope.names import DEFAULT
from mutoscope.paint import Ask, Frame, Hold, Motion, State, Watch, animate, rng_for
from mutoscope.perceptors.base import Perceptor
from mutoscope.perceptors.load import load_perceptor
from mutoscope.plan import Plan, choose_chunks, predict
from mutoscope.schedule import Schedule, make_schedule
from mutoscope.settings import Settings
from mutoscope.weights import Progress


@dataclass(frozen=True)
class Parts:
    """A run ready to be painted.

    ``settings`` names the perceptors that were really taken; ``sizes`` are those of the picture in
    each stage of the schedule, the last that of the file.
    """

    settings: Settings
    perceptors: tuple[Perceptor, ...]
    canvas: Canvas
    schedule: Schedule
    cutouts: Cutouts
    ask: Ask
    hold: Hold | None
    motion: Motion | None
    sizes: tuple[Size, ...]
    descent: Descent

    @property
    def lineage(self) -> Mapping[str, Any] | None:
        """What is behind the pictures that a trained generator draws, for their recipes."""
        return self.canvas.model.lineage if isinstance(self.canvas, GanCanvas) else None

    def animate(
        self,
        *,
        resume: State | None = None,
        watch: Watch | None = None,
        kept: Callable[[int], Tensor | None] | None = None,
        lends: bool = False,
    ) -> Iterator[Frame]:
        """Paint: yield each frame as soon as it is finished; see `paint.animate`."""
        return animate(
            self.canvas, self.schedule, self.ask, self.cutouts,
            motion=self.motion, hold=self.hold, sizes=self.sizes, descent=self.descent,
            seed=self.settings.seed, resume=resume, watch=watch, kept=kept, lends=lends,
        )  # fmt: skip

    @property
    def even(self) -> bool:
        """Whether all its steps are alike, so that the first of them tell what the rest take."""
        return self.motion is None and len(self.sizes) == 1

    def plan(self, *, done: int = 0, pace: float | None = None) -> Plan:
        """What painting will cost from step ``done`` on; the canvas stays as it is.

        ``pace``: the seconds that a step was seen to take, where the run is `even`.
        """
        return predict(
            self.canvas, self.schedule, self.ask, self.cutouts, sizes=self.sizes,
            descent=self.descent, backups=self.settings.backups,
            film=self.schedule.animated and self.settings.film, done=done,
            motion=self.motion, hold=self.hold, resume_points=self.settings.resume_points,
            pace=pace,
        )  # fmt: skip


def build(
    settings: Settings,
    *,
    progress: Callable[[str], Progress] | None = None,
    shelf: Shelf | None = None,
) -> Parts:
    """Make every part that ``settings`` ask for, in the order in which things can be refused.

    Pictures are read before networks are loaded, so that a mistyped path costs no waiting.

    Args:
        settings: checked settings.
        progress: given a perceptor's name, what is told how far its download is.
        shelf: where perceptors are taken from, and put for the next build; those that share it
            are painted one after the other, each right after it was built.

    Raises:
        MutoscopeError: something that the settings name can't be had.
    """
    refuse_missing_extras(settings)
    device = choose_device(settings.device)
    pictures = Pictures(settings)
    schedule = make_timeline(settings)
    refuse_what_has_no_value(settings, schedule)

    def rng_of(purpose: str) -> torch.Generator:
        return rng_for(settings.seed, purpose)

    decoder = load_decoder(settings, progress, shelf)
    initial = pictures.initial_size or film_size(settings)
    if isinstance(decoder, Generator):
        sizes = generator_size(decoder.shape.size)
    else:
        sizes = picture_sizes(settings, initial, decoder.f if decoder is not None else None)
    canvas = fitting_canvas(settings, pictures, sizes, rng_of, decoder, device)
    perceptors = load_perceptors(settings, device, progress, shelf)
    for perceptor in perceptors:
        perceptor.judges_strangeness = settings.natural_weight > 0
    if "auto" in settings.perceptor_names:
        # What was taken is written down: a run that goes on must not choose anew.
        settings = settings.replace(perceptors=[perceptor.name for perceptor in perceptors])
    held = settings.weight("depth_stabilization_weight") is not None
    depth = load_depth_eye(settings, device, progress, held=held)
    if depth is not None and settings.depth_model == "auto":
        settings = settings.replace(depth_model=depth.name)
    motion = make_motion(settings, schedule, sizes[-1], depth=depth, device=device)
    if isinstance(motion, Follow):
        if pictures.initial is None:
            canvas.encode(motion.picture(0).to(device))
    elif motion is not None and settings.weight("flow_stabilization_weight") is not None:
        motion = Carrying(motion)
    cutouts = make_cutouts(settings)

    def first(perceptor: Perceptor) -> Tensor:
        picture = canvas.image()
        height, width = picture.shape[-2:]
        rng = rng_for(settings.seed, schedule.again(0))
        return cutouts.draw(rng, (width, height), perceptor.size).crop(picture)

    steps = schedule.total_steps
    settings = choose_precision(settings, perceptors, first, steps=steps)
    chunks = settings.gradient_accumulation_steps
    if chunks == "auto":
        chunks = choose_chunks(perceptors, cutouts.count, device)
    settings = choose_compilation(settings, perceptors, first, steps=steps, chunks=chunks)
    ask = Asking(
        settings, perceptors, canvas=canvas, pictures=pictures, cutouts=cutouts, rng_of=rng_of,
        follow=motion if isinstance(motion, Follow) else None,
        carrying=motion if isinstance(motion, Carrying) else None,
        depth=depth,
    )  # fmt: skip
    return Parts(
        settings=settings,
        perceptors=perceptors,
        canvas=canvas,
        schedule=schedule,
        cutouts=cutouts,
        ask=ask,
        hold=ask.hold if ask.holds else None,
        motion=motion,
        sizes=tuple(sizes),
        descent=Descent(
            rate=settings.learning_rate,
            decay=settings.learning_rate_decay,
            fresh_each_frame=settings.reset_lr_each_frame,
            chunks=chunks,
            optimizer=settings.optimizer,
            adaptive=settings.adaptive_learning_rate,
        ),
    )


def fitting_canvas(
    settings: Settings,
    pictures: Pictures,
    sizes: Sequence[Size],
    rng_of: Callable[[str], torch.Generator],
    decoder: Decoder | None,
    device: torch.device,
) -> Canvas:
    """The canvas at the first of ``sizes``, once it is known that the last will fit into memory."""

    def make(size: Size, picture: Pictures | None = None) -> Canvas:
        made = make_canvas(settings, picture, size, generator=rng_of("canvas"), decoder=decoder)
        return made.to(device)

    if isinstance(decoder, Generator):
        return make(sizes[0], pictures)  # it is in memory, and draws in no other size
    unit = decoder.f if decoder is not None else settings.pixel_size
    what = f"image_model: {settings.image_model}"
    if decoder is not None:
        decoder.piece = None  # what it takes without is measured first
    need = measure(make, unit)
    if decoder is not None:
        need = cut_into_pieces(need, decoder, sizes[-1], device, wanted=settings.piece_size)
    refuse_what_will_not_fit(need, sizes[-1], device, what=what)
    return make(sizes[0], pictures)


def make_cutouts(settings: Settings) -> Cutouts:
    """The distribution that cutouts are drawn from."""
    cutouts = Cutouts(
        settings.cutouts,
        power=settings.cut_pow,
        border=settings.cutout_border,
        border_mode=settings.border_mode,
        augmentation=settings.augmentation,
        compat_shift=settings.compat_shift,
        tile=tiled(settings),
    )
    # A method decides some of these itself.
    return replace(cutouts, **cut_method(settings.cut_method))


def make_timeline(settings: Settings) -> Schedule:
    """What happens at which step, and what is heard there.

    Raises:
        MediaError: a sound, MIDI file or log can't be read.
    """
    schedule = make_schedule(settings)
    heard = listen(settings, schedule)
    return schedule if heard is None else replace(schedule, signals=heard.values)


def refuse_missing_extras(settings: Settings) -> None:
    """Refuse settings for which a package is missing, before any work.

    Raises:
        ExtraError: it is not installed.
    """
    if settings.use_tensorboard and find_spec("tensorboard") is None:
        raise ExtraError(
            "use_tensorboard: the package tensorboard is not installed; get it with: "
            "pip install 'mutoscope[tensorboard]', or leave use_tensorboard out"
        )


def load_perceptors(
    settings: Settings,
    device: torch.device,
    progress: Callable[[str], Progress] | None,
    shelf: Shelf | None = None,
) -> tuple[Perceptor, ...]:
    """The networks that judge the picture.

    Raises:
        WeightsError: the weights of one can't be had.
        ExtraError: one needs a package that is not installed.
    """
    folder = settings.models_folder
    perceptors = []
    for name in settings.perceptor_names:
        if shelf and isinstance(known := shelf.get((str(folder), name)), Perceptor):
            perceptors.append(known.to(device))
            continue
        told = progress(DEFAULT if name == "auto" else name) if progress else None
        try:
            perceptors.append(
                load_perceptor(name, models_parent_dir=folder, device=device, progress=told)
            )
        except WeightsError as error:
            # It may speak of a file on the hub, and the user of a name.
            raise WeightsError(f"perceptors: {name}: {error}") from error
        if shelf is not None:
            # What "auto" came to is asked for by its own name from then on.
            for called in (name, perceptors[-1].name):
                shelf[str(folder), called] = perceptors[-1]
    return tuple(perceptors)


def choose_device(wanted: str | int) -> torch.device:
    """The device that ``wanted`` names: ``auto`` and 0 take the first GPU, else the CPU.

    Raises:
        SettingsError: there is no such device here.
    """
    if wanted in ("auto", 0, "0"):
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    name = f"cuda:{wanted}" if str(wanted).isdigit() else str(wanted)
    device = torch.device(name)
    there = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    if (device.index or 0) >= there.get(device.type, 0):
        raise SettingsError(
            f"device: {wanted!r} is not on this machine ({torch.cuda.device_count()} GPUs that "
            "torch can use); device=auto takes what there is, device=cpu the processor"
        )
    return device
