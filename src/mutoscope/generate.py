"""Pictures, zooming films and restyled footage, by the functions of vqgan-clip-generator.

    from mutoscope import generate
    from mutoscope.engine import VQGAN_CLIP_Config

    config = VQGAN_CLIP_Config()
    config.output_image_size = [587, 330]
    generate.image(eng_config=config, text_prompts="a horse", output_filename="horse.jpg")

Each is a door onto the one engine: the arguments become settings, a run is painted in a hidden
folder beside the results (so that the same call goes on where it was stopped), and the pictures go
to where they were asked for, with their recipe. Nothing that is there already is replaced, unless
``config.settings`` has ``allow_overwrite``.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError, SettingsError
from mutoscope.vqgan_clip.calls import Call, begin
from mutoscope.vqgan_clip.config import VQGAN_CLIP_Config
from mutoscope.vqgan_clip.footage import read_footage
from mutoscope.vqgan_clip.mapping import Motion, drawn_size, moving, size_like, smoothing
from mutoscope.vqgan_clip.pictures import ENDINGS, save_picture
from mutoscope.vqgan_clip.wishes import Story, frames_of_changes, read_stories, scene_of
from mutoscope.vqgan_clip.work import claim_file, claim_folder

log = logging.getLogger("mutoscope")

__all__ = ["VQGAN_CLIP_Config", "image", "style_transfer", "video_frames"]

_FRAME = re.compile(r"frame_[0-9]{12}\.jpg")


def image(
    output_filename: str | Path = "output.jpg",
    eng_config: VQGAN_CLIP_Config | None = None,
    text_prompts: Story = (),
    image_prompts: Story = (),
    noise_prompts: Story = (),
    init_image: str | Path | None = None,
    init_weight: float = 0.0,
    iterations: int = 100,
    save_every: int | None = 50,
    verbose: bool = False,
    leave_progress_bar: bool = True,
) -> str:
    """Make a picture from words, pictures and noise.

    Args:
        output_filename: where; its ending says of which kind. Its folder is made if need be.
        eng_config: how; by default a new `VQGAN_CLIP_Config`. It stays as it is.
        text_prompts: ``"a fox:1 | snow:0.5"``; of prompts one after the other, ``"a ^ b"``, a
            picture shows the first. Lists of strings do as well.
        image_prompts: pictures to resemble, by their paths, in the same language.
        noise_prompts: whole numbers from which random wishes are drawn, in the same language.
        init_image: what to begin from; the picture takes its shape, and the area of the config.
        init_weight: with ``init_image``, how strongly the latent is held near it; 0 leaves that to
            the config.
        iterations: steps.
        save_every: after so many steps each, the file shows how far it is; None for never.
        verbose: say what the losses are each time.
        leave_progress_bar: whether the bar stays on the terminal.

    Returns:
        One line that says how it was made, for a film's comment.

    Raises:
        MutoscopeError: an argument or attribute can't be used, or something can't be had.
    """
    config = eng_config or VQGAN_CLIP_Config()
    stories = read_stories(text_prompts, image_prompts, noise_prompts)
    _refuse_missing(init_image, "init_image")
    if save_every is not None:
        _at_least_one("save_every", save_every)
    _at_least_one("iterations", iterations)
    started = init_image if init_image is not None else config.init_image
    weight = init_weight if init_image is not None and init_weight else config.init_weight
    width, height = config.output_image_size
    asked: dict[str, Any] = {
        "scenes": scene_of(stories),
        "init_image": str(started or ""),
        "init_weight": weight,
        "steps_per_scene": iterations,
        "save_every": save_every or 0,
        "display_every": 50,
    }
    target = Path(output_filename)
    call = Call("image", config, asked, told=_told(text_prompts, image_prompts, noise_prompts))
    call.size = size_like(started, width, height) if started else (width, height)
    claim = partial(claim_file, target, endings=ENDINGS)
    with begin(call, target, [target], claim, verbose=verbose, leave=leave_progress_bar) as work:
        for done in work.pictures():
            save_picture(done.image, target, recipe=done.recipe)
    return _line(
        call.seed,
        iterations=iterations,
        image_prompts=image_prompts,
        noise_prompts=noise_prompts,
        init_weight_method=config.init_image_method,
        init_weight=f"{weight:.2f}",
        init_image=started,
        cut_method=config.cut_method,
    )


def video_frames(
    num_video_frames: int,
    iterations_per_frame: int = 30,
    iterations_for_first_frame: int | None = 100,
    eng_config: VQGAN_CLIP_Config | None = None,
    text_prompts: Story = (),
    image_prompts: Story = (),
    noise_prompts: Story = (),
    change_prompts_on_frame: Iterable[int] | int | None = None,
    init_image: str | Path | None = None,
    generated_video_frames_path: str | Path = "./video_frames",
    zoom_scale: Motion = 1.0,
    shift_x: Motion = 0,
    shift_y: Motion = 0,
    z_smoother: bool = False,
    z_smoother_buffer_len: int = 5,
    z_smoother_alpha: float = 0.7,
    verbose: bool = False,
    leave_progress_bar: bool = True,
) -> str:
    """Make the frames of a film, each of which goes on from the one before, moved by a camera.

    Args:
        num_video_frames: how many; they are ``frame_000000000001.jpg`` and so on.
        iterations_per_frame: steps for each.
        iterations_for_first_frame: so many more for the first, unless there is an ``init_image``.
        eng_config: as for `image`.
        text_prompts: as for `image`; ``"a ^ b"`` is first a, then b.
        image_prompts: as for `image`.
        noise_prompts: as for `image`.
        change_prompts_on_frame: the frames, counted from 1, with which the next prompts begin.
        init_image: what to begin from, stretched to the size of the config.
        generated_video_frames_path: the folder; it must hold nothing, or not be there yet.
        zoom_scale: the factor from frame to frame; above 1 the picture grows. It and the shifts may
            be expressions, such as ``"1.02 if frame >= 200 else 1"``; ``frame`` counts from 0.
        shift_x: pixels from frame to frame, to the right.
        shift_y: the same, down.
        z_smoother: average the latents of neighbouring frames.
        z_smoother_buffer_len: of how many, an odd number.
        z_smoother_alpha: below 1; the smaller, the more the neighbours count.
        verbose: say what the losses are at each frame.
        leave_progress_bar: whether the bar stays on the terminal.

    Returns:
        One line that says how it was made, for a film's comment.

    Raises:
        MutoscopeError: as `image`.
    """
    config = eng_config or VQGAN_CLIP_Config()
    stories = read_stories(text_prompts, image_prompts, noise_prompts)
    _refuse_missing(init_image, "init_image")
    _at_least_one("num_video_frames", num_video_frames)
    _at_least_one("iterations_per_frame", iterations_per_frame)
    first = (iterations_for_first_frame or 0) if init_image is None else 0
    changes = _changes(change_prompts_on_frame, num_video_frames, stories)
    started = init_image if init_image is not None else config.init_image
    asked: dict[str, Any] = {
        "scenes": scene_of(stories, changes),
        "init_image": str(started or ""),
        **_steps(num_video_frames, iterations_per_frame, first),
        **smoothing(z_smoother, z_smoother_buffer_len, z_smoother_alpha),
    }
    folder = Path(generated_video_frames_path)
    told = _told(text_prompts, image_prompts, noise_prompts) | {
        "change_prompts_on_frame": list(changes),
        "zoom_scale": zoom_scale,
        "shift_x": shift_x,
        "shift_y": shift_y,
    }
    # A wrong zoom is refused before any weight is loaded, for a size that doesn't matter yet.
    asked |= moving(zoom_scale, shift_x, shift_y, size=(1, 1))
    call = Call("video_frames", config, asked, told=told)

    def camera() -> dict[str, str]:
        return moving(zoom_scale, shift_x, shift_y, size=drawn_size(call.early(), call.shelf))

    call.later = camera
    claim = partial(
        claim_folder, folder, of="generated_video_frames_path",
        ours=lambda name: _FRAME.fullmatch(name) is not None,
    )  # fmt: skip
    results = [folder / f"frame_{number:012d}.jpg" for number in range(1, num_video_frames + 1)]
    with begin(call, folder, results, claim, verbose=verbose, leave=leave_progress_bar) as work:
        for done in work.pictures():
            work.put(results[done.number - 1], done)
    return _line(
        call.seed,
        iterations_per_frame=iterations_per_frame,
        image_prompts=image_prompts,
        noise_prompts=noise_prompts,
        init_weight_method=config.init_image_method,
        init_weight=f"{config.init_weight:.2f}",
        init_image=started,
        cut_method=config.cut_method,
        zoom_scale=zoom_scale,
        shift_x=shift_x,
        shift_y=shift_y,
        z_smoother=z_smoother,
        z_smoother_buffer_len=z_smoother_buffer_len,
        z_smoother_alpha=z_smoother_alpha,
    )


def style_transfer(
    video_frames: Sequence[str | Path],
    eng_config: VQGAN_CLIP_Config | None = None,
    text_prompts: Story = "Covered in spiders | Surreal:0.5",
    image_prompts: Story = (),
    noise_prompts: Story = (),
    iterations_per_frame: int = 30,
    iterations_for_first_frame: int | None = 15,
    current_source_frame_image_weight: float = 2.0,
    change_prompts_on_frame: Iterable[int] | int | None = None,
    generated_video_frames_path: str | Path = "./video_frames",
    current_source_frame_prompt_weight: float = 0.0,
    z_smoother: bool = False,
    z_smoother_buffer_len: int = 3,
    z_smoother_alpha: float = 0.7,
    verbose: bool = False,
    leave_progress_bar: bool = True,
) -> str:
    """Paint footage anew, frame by frame, each beginning with what was painted before it.

    What was painted goes along with what moves in the footage, and after a cut a frame begins with
    the footage itself.

    Args:
        video_frames: the paths of the footage's frames, of one size, in order; see
            `mutoscope.video_tools.extract_video_frames`.
        eng_config: as for `image`.
        text_prompts: as for `video_frames`.
        image_prompts: as for `image`.
        noise_prompts: as for `image`.
        iterations_per_frame: steps for each frame.
        iterations_for_first_frame: so many more for the first; 0 or None for as many as for each.
        current_source_frame_image_weight: how strongly a frame is held near that of the footage in
            latent and colours: above 8 it nearly is that, below 1 far from it.
        change_prompts_on_frame: as for `video_frames`.
        generated_video_frames_path: the folder; it must hold nothing, or not be there yet. Frames
            are called what those of the footage are, and are JPEG.
        current_source_frame_prompt_weight: how strongly a frame is drawn to what the perceptor
            sees in that of the footage.
        z_smoother: average the latents of neighbouring frames.
        z_smoother_buffer_len: of how many, an odd number.
        z_smoother_alpha: below 1; the smaller, the more the neighbours count.
        verbose: say what the losses are at each frame.
        leave_progress_bar: whether the bar stays on the terminal.

    Returns:
        One line that says how it was made, for a film's comment.

    Raises:
        MutoscopeError: as `image`; or the footage is none.
    """
    config = eng_config or VQGAN_CLIP_Config()
    stories = read_stories(text_prompts, image_prompts, noise_prompts)
    folder = Path(generated_video_frames_path)
    footage = read_footage(video_frames, folder)
    _at_least_one("iterations_per_frame", iterations_per_frame)
    first = iterations_for_first_frame or iterations_per_frame
    changes = _changes(change_prompts_on_frame, len(footage.paths), stories)
    asked: dict[str, Any] = {
        "scenes": scene_of(stories, changes),
        "init_image": "",
        "init_weight": 0.0,  # what holds a frame is the footage, not its own beginning
        **_steps(len(footage.paths), iterations_per_frame, first),
        **smoothing(z_smoother, z_smoother_buffer_len, z_smoother_alpha),
        "direct_stabilization_weight": _weight(current_source_frame_image_weight),
        "semantic_stabilization_weight": _weight(current_source_frame_prompt_weight),
        "animation_mode": "Video Source",
        "video_path": "footage.mkv",
        "reencode_each_frame": False,
        "flow_long_term_samples": 0,
        "infill_mode": "smear",
        "frames_per_second": footage.RATE,
    }
    told = _told(text_prompts, image_prompts, noise_prompts) | {
        "change_prompts_on_frame": list(changes),
        "footage": footage.key(),
    }
    call = Call("style_transfer", config, asked, told=told)
    call.size = size_like(footage.paths[0], *config.output_image_size)
    claim = partial(
        claim_folder, folder, of="generated_video_frames_path", ours=footage.names.__contains__
    )
    results = [folder / f"{path.stem}.jpg" for path in footage.paths]
    with begin(call, folder, results, claim, verbose=verbose, leave=leave_progress_bar) as work:
        film = work.folder / "footage.mkv"
        call.later = lambda: {"video_path": footage.pack(film)}
        for done in work.pictures():
            work.put(results[done.number - 1], done)
    return _line(
        call.seed,
        iterations_per_frame=iterations_per_frame,
        image_prompts=image_prompts,
        noise_prompts=noise_prompts,
        init_weight=f"{config.init_weight:.2f}",
        init_image=footage.paths[0],
        current_source_frame_prompt_weight=f"{current_source_frame_prompt_weight:.2f}",
        current_source_frame_image_weight=f"{current_source_frame_image_weight:.2f}",
        cut_method=config.cut_method,
        z_smoother=z_smoother,
        z_smoother_buffer_len=z_smoother_buffer_len,
        z_smoother_alpha=z_smoother_alpha,
    )


def _steps(frames: int, each: int, first: int) -> dict[str, int]:
    """The steps of a film whose first frame gets ``first`` more than ``each``."""
    return {
        "pre_animation_steps": first + each,
        "steps_per_frame": each,
        "save_every": each,
        "steps_per_scene": first + each * frames,
        # The moments go along with the picture, so that few steps a frame are enough.
        "reset_lr_each_frame": False,
    }


def _changes(frames: Any, total: int, stories: Sequence[Sequence[Any]]) -> tuple[int, ...]:
    changes = frames_of_changes(frames, total=total)
    if not changes and any(len(groups) > 1 for groups in stories):
        log.warning(
            "only the first of the serial prompts is shown; change_prompts_on_frame says when the "
            "others begin"
        )
    return changes


def _told(texts: Story, images: Story, noises: Story) -> dict[str, Any]:
    return {"text_prompts": texts, "image_prompts": images, "noise_prompts": noises}


def _weight(number: float) -> str:
    return repr(float(number)) if number else ""


def _at_least_one(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{name} must be an int. {value!r} is none from 1 on")


def _refuse_missing(path: str | Path | None, name: str) -> None:
    if path is not None and not Path(path).is_file():
        raise MissingError(f"{name} does not exist. There is no file {path}")


def _line(seed: int | None, **told: Any) -> str:
    """How it was made, in one line."""
    values = {k: "" if v is None or v == () else v for k, v in told.items()}
    text = ", ".join(f"{key}: {value}" for key, value in {**values, "seed": seed}.items())
    return " ".join(text.split())


class ArgumentError(SettingsError, ValueError):
    """An argument of the wrong kind; a ``ValueError`` too, as it was in vqgan-clip-generator."""


class MissingError(MediaError, ValueError):
    """A file that is not there; a ``ValueError`` too, as it was in vqgan-clip-generator."""
