"""Form, colour and style: what terms ask for beside the prompts."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import Choice, Colours, Expression, Number, Path, Text

key = partial(entry, group="form")


class Form(Group):
    """Keys of the group ``form``."""

    colourfulness_weight: Expression = key(
        "0", "How strongly the picture is made colourful; below 0 pale.", own=True
    )
    symmetry_weight: Expression = key(
        "0", "How strongly the picture is made like its mirror image.", own=True
    )
    symmetry_axis: Choice[Literal["x", "y", "both"]] = key(
        "x", "Which way it is mirrored: left to right (x), top to bottom (y), or both.", own=True
    )
    attracting_palette: Colours = key(
        "",
        "Colours that every pixel is drawn to: names or #hex separated by commas, ramps such as "
        "navy->white, or the path of a picture whose main colours are taken.",
        own=True,
        example='attracting_palette: "navy->white, tomato"',
    )
    palette_attraction_weight: Expression = key(
        "1", "How strongly attracting_palette draws.", own=True
    )
    edge_colour: Text = key(
        "",
        "Colour of a frame around the picture, such as white or #203040. Nothing: no frame.",
        own=True,
    )
    edge_weight: Expression = key("1", "How strongly the frame is drawn.", own=True)
    edge_width: Number = key(
        0.05, "How wide the frame is.", unit="fraction of the shorter side", own=True, gt=0, le=0.5
    )
    vignette_colour: Text = key(
        "",
        "Colour that the picture fades to around its middle, such as black. Nothing: no vignette.",
        own=True,
    )
    vignette_weight: Expression = key("1", "How strongly the vignette is drawn.", own=True)
    style_image: Path = key(
        "",
        "Picture whose texture and colours the picture takes, a path or http(s) address.",
        own=True,
        example="style_image: brushwork.jpg",
    )
    style_weight: Expression = key("1", "How strongly style_image acts.", own=True)
    style_opening: Number = key(
        0.8,
        "The share of the beginning's steps (the first scene's, or in a film "
        "pre_animation_steps) over which the style comes in, so that there is something to draw "
        "in it.",
        own=True,
        ge=0,
        le=1,
    )
    aesthetic_head: Path = key(
        "",
        "File of a linear head that rates pictures by what a perceptor sees, such as LAION's "
        "sa_0_4_vit_b_32_linear.pth; it goes with the perceptor it was trained on.",
        own=True,
    )
    aesthetic_weight: Expression = key(
        "1", "How strongly the picture is drawn to aesthetic_target.", own=True
    )
    aesthetic_target: Number = key(10.0, "The rating that is wanted of aesthetic_head.", own=True)
