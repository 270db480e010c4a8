"""Stabilisation: what holds a frame to what was painted before."""

from functools import partial

from mutoscope.settings.keys.entry import FILM, Group, entry
from mutoscope.settings.values import Weight

key = partial(entry, group="hold")


class Hold(Group):
    """Keys of the group ``hold``."""

    direct_stabilization_weight: Weight = key(
        "",
        "How strongly each frame is held near the picture that it began as, pixel by pixel: "
        "weight, then optionally _mask (a picture or video) and :stop. Before the first move, and "
        "in a still, it holds to init_image.",
        example='direct_stabilization_weight: "0.5"',
    )
    semantic_stabilization_weight: Weight = key(
        "", "The same for what perceptors see in it, written as behind a prompt."
    )
    depth_stabilization_weight: Weight = key(
        "",
        "The same for its depth, as depth_model sees it.",
        differs="What is compared is nearness, the inverse of distance, from 0.1 to 1.",
    )
    edge_stabilization_weight: Weight = key("", "The same for its edges.")
    flow_stabilization_weight: Weight = key(
        "",
        "How strongly a frame is held to what was painted before, moved along with the camera or "
        "the film that is followed, wherever that can be seen: weight, then optionally _mask and "
        ":stop. In 2D and 3D the mask is white where it acts; with Video Source it is white in "
        "what moves, and all else stands still.",
        only=FILM,
        differs="Pictures are compared and no flow is estimated from what is painted, since the "
        "camera's is known. It acts in 2D, too.",
    )
