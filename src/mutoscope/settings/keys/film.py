"""The film: its kind, its speed, its loop, and the file that is written."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import FILM, VQGAN, Group, entry
from mutoscope.settings.values import MAX_STEPS, Choice, Number, Whole

key = partial(entry, group="film")


class Film(Group):
    """Keys of the group ``film``."""

    animation_mode: Choice[Literal["off", "2D", "3D", "Video Source"]] = key(
        "off",
        "off makes a still. 2D moves the picture between frames; 3D flies through it; Video "
        "Source follows a film.",
    )
    steps_per_frame: Whole = key(
        50, "Steps of drawing between two moves of the picture.", unit="steps", ge=1, le=MAX_STEPS
    )
    pre_animation_steps: Whole = key(
        50,
        "Steps of drawing before the film's first frame is done and the picture moves; 0 means "
        "steps_per_frame. Time t is 0 after this many steps.",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
        differs="With 0 the picture is drawn for a frame's steps before it first moves.",
    )
    frames_per_second: Number = key(
        12.0,
        "Speed of the film. It also sets time: t in expressions is in seconds of film, in a "
        "still too.",
        unit="frames per second",
        gt=0,
        le=1000,
    )
    loop: bool = key(
        False,
        "Make a film that plays round without a seam: time comes back to its beginning, and the "
        "last frame leads into the first. Some frames more are painted, see loop_overlap. With "
        "animation_mode off it is a film of the picture while it is painted.",
        own=True,
    )
    loop_overlap: Whole = key(
        12,
        "Over how many frames the end of a loop is led over into its beginning: so many are "
        "painted twice, at most half of the film.",
        unit="frames",
        ge=1,
        le=100_000,
        own=True,
    )
    film: bool = key(True, "Write an MP4 while animating, beside the frames.", own=True)
    film_quality: Whole = key(
        17,
        "Quality of the MP4 (H.264 crf): lower is better and larger, 0 is without loss, above "
        "28 is visibly coarse.",
        own=True,
        only=FILM,
        ge=0,
        le=51,
    )
    z_smoother: bool = key(
        False,
        "Smooth the frames over time: each is drawn by the VQGAN from the mean of its codes and of "
        "those of the frames around it. The frames as they were painted stay beside them. Films "
        "of any kind are smoothed along their motion by `mutoscope smooth`.",
        own=True,
        only=VQGAN,
    )
    z_smoother_buffer_len: Whole = key(
        3,
        "Over how many frames z_smoother takes its mean: an odd number, the frame in its middle.",
        unit="frames",
        own=True,
        only=VQGAN,
        ge=1,
        le=99,
    )
    z_smoother_alpha: Number = key(
        0.7,
        "How much less each frame counts in z_smoother's mean than its neighbour nearer to the "
        "middle: from 0 (all alike, smoothest) to 1 (only the middle).",
        own=True,
        only=VQGAN,
        ge=0,
        le=1,
    )
