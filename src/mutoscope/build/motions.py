"""Where the picture goes between frames, and what tells depth there, made from settings."""

from collections.abc import Callable

import torch

from mutoscope.build.canvases import Size
from mutoscope.build.foreground import foreground
from mutoscope.depth import Depth, load_depth
from mutoscope.frames.source import ClosingFilm, SourceFilm
from mutoscope.motion.flow import load_flow
from mutoscope.motion.plane import Plane
from mutoscope.motion.space import Space
from mutoscope.motion.video import Follow
from mutoscope.paint import Motion
from mutoscope.schedule import Schedule
from mutoscope.settings import Settings
from mutoscope.weights import Progress


def film_size(settings: Settings) -> Size | None:
    """Width and height of the film to follow, where a side of ours hangs on it."""
    if settings.animation_mode != "Video Source" or -1 not in (settings.width, settings.height):
        return None
    return SourceFilm(settings.resolve(settings.video_path), settings.frames_per_second).size


def load_depth_eye(
    settings: Settings,
    device: torch.device,
    progress: Callable[[str], Progress] | None,
    *,
    held: bool = False,
) -> Depth | None:
    """What tells depth in a film in 3D, and where frames are ``held`` by it; None elsewhere.

    Raises:
        WeightsError: its weights can't be had.
        ExtraError: it needs a package that is not installed.
    """
    if settings.animation_mode != "3D" and not held:
        return None
    return load_depth(
        settings.depth_model,
        models_parent_dir=settings.models_folder,
        device=device,
        progress=progress(settings.depth_model) if progress else None,
    )


def make_motion(
    settings: Settings,
    schedule: Schedule,
    size: Size,
    *,
    depth: Depth | None,
    device: torch.device,
) -> Motion | None:
    """Where the picture goes between frames, or None in a still.

    Raises:
        MediaError: the film to follow can't be read.
        WeightsError: the network for its flow can't be had.
        ExtraError: it needs a package that is not installed.
    """
    if settings.animation_mode == "off":
        return None
    if settings.animation_mode == "Video Source":
        film = SourceFilm(
            settings.resolve(settings.video_path), settings.frames_per_second, size=size,
            stride=settings.frame_stride,
        )  # fmt: skip
        folder = settings.models_folder
        closing = ClosingFilm(film, length=schedule.round, lap=schedule.lap)
        return Follow(
            closing if schedule.lap else film,
            load_flow(settings.flow_model, device=device, folder=folder),
            reencode=settings.reencode_each_frame,
            long_term=settings.flow_long_term_samples,
            foreground=foreground(settings),
            sampling=settings.sampling_mode,
            infill=settings.infill_mode,
        )
    if settings.animation_mode == "3D":
        assert depth is not None  # noqa: S101
        return Space(
            translate_x=settings.curve("translate_x"),
            translate_y=settings.curve("translate_y"),
            translate_z=settings.curve("translate_z_3d"),
            rotate=settings.rotation,
            depth=depth.estimate,
            size=size,
            field_of_view=settings.field_of_view,
            near_plane=settings.near_plane,
            far_plane=settings.far_plane,
            lock_camera=settings.lock_camera,
            compat_units=settings.compat_units,
            sampling=settings.sampling_mode,
            infill=settings.infill_mode,
        )
    return Plane(
        zoom_x=settings.curve("zoom_x_2d"),
        zoom_y=settings.curve("zoom_y_2d"),
        rotate=settings.curve("rotate_2d"),
        translate_x=settings.curve("translate_x"),
        translate_y=settings.curve("translate_y"),
        size=size,
        sampling=settings.sampling_mode,
        infill=settings.infill_mode,
    )
