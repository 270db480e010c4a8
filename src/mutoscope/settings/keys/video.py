"""The video source: the film to follow, and how."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import Choice, Path, Whole

key = partial(entry, group="video")

_VIDEO = {"animation_mode": ("Video Source",)}


class Video(Group):
    """Keys of the group ``video``."""

    video_path: Path = key("", "The film to follow.", only=_VIDEO, example="video_path: dancer.mp4")
    frame_stride: Whole = key(
        1,
        "Frames of a mask video (or of the film to follow) that pass with each frame made.",
        unit="frames",
        ge=1,
        le=10_000,
    )
    reencode_each_frame: bool = key(
        True,
        "Begin each frame from the film's own picture; false: from the one painted before, moved "
        "along with the film (and after a cut from the film's own).",
        only=_VIDEO,
    )
    flow_long_term_samples: Whole = key(
        1,
        "How many older frames (2, 4, 8 … back) hold the new one beside the last, by "
        "flow_stabilization_weight.",
        only=_VIDEO,
        ge=0,
        le=10,
    )
    flow_model: Choice[Literal["dis", "raft"]] = key(
        "dis",
        "What tells how the film moves: DIS, which needs no weights, or RAFT (an extra package: "
        "pip install 'mutoscope[raft]', and its weights).",
        own=True,
        only=_VIDEO,
    )
