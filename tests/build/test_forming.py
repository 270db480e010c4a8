"""From keys to the terms that are wanted of any picture."""

import pytest
import torch
from safetensors.torch import save_file

from mutoscope.build import build
from mutoscope.cutouts import Cutouts
from mutoscope.errors import MediaError, SettingsError, WeightsError
from mutoscope.terms.colourfulness import colourfulness


def names(settings):
    """What a run of these settings logs beside its prompts, and in what order."""
    parts = build(settings)
    (shot,) = parts.schedule.shots()
    return [term.name for term in parts.ask(shot) if term.name not in ("a fox", "smoothing")]


def painted(settings):
    *_, frame = build(settings).animate()
    return frame.image


def head(path, width=12):
    save_file({"weight": torch.ones(1, width) / width, "bias": torch.full((1,), 5.0)}, path)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"colourfulness_weight": "1"}, "colourfulness"),
        ({"symmetry_weight": "sin(t)"}, "symmetry"),
        ({"attracting_palette": "navy->white, tomato"}, "palette attraction"),
        ({"attracting_palette": ["teal", "gold"]}, "palette attraction"),
        ({"attracting_palette": "colours.png"}, "palette attraction"),
        ({"edge_colour": "white"}, "edge"),
        ({"vignette_colour": "#102030"}, "vignette"),
        ({"style_image": "colours.png"}, "style"),
        ({"contrast_weight": 1}, "contrast"),
        ({"natural_weight": 1}, "strangeness"),
    ],
)
def test_a_key_brings_its_term_and_weight_0_brings_none(toy, draw, values, name):
    draw("colours.png", (48, 40))
    assert names(toy()) == []
    assert names(toy(**values)) == [name]
    weight = {"palette attraction": "palette_attraction_weight", "edge": "edge_weight",
              "vignette": "vignette_weight", "style": "style_weight"}.get(name)  # fmt: skip
    if weight:
        assert names(toy(**values, **{weight: 0})) == []


def test_a_head_rates_through_the_perceptor_of_its_width(toy, tmp_path):
    perceptor = build(toy()).perceptors[0]
    head(tmp_path / "head.safetensors", perceptor.width)
    assert names(toy(aesthetic_head="head.safetensors")) == ["aesthetic"]
    head(tmp_path / "wide.safetensors", 77)
    with pytest.raises(WeightsError, match=r"77"):
        build(toy(aesthetic_head="wide.safetensors"))
    with pytest.raises(WeightsError, match=r"none\.pth"):
        build(toy(aesthetic_head="none.pth"))


@pytest.mark.parametrize("key", ["style_image", "attracting_palette"])
def test_a_picture_that_is_not_there_is_refused(toy, key):
    with pytest.raises(MediaError, match=r"none\.png"):
        build(toy(**{key: "none.png"}))


@pytest.mark.parametrize("key", ["edge_colour", "vignette_colour", "attracting_palette"])
def test_a_colour_that_is_none_is_refused_with_the_nearest(toy, key):
    with pytest.raises(SettingsError, match=rf"{key}.*'tomatoe'.*tomato"):
        toy(**{key: "tomatoe"})


def test_they_are_seen_in_the_picture(toy):
    long = {"steps_per_scene": 40, "seed": 3, "learning_rate": 0.05}
    plain = painted(toy(**long))
    vivid, pale = (painted(toy(**long, colourfulness_weight=w)) for w in (20, -20))
    assert colourfulness(vivid) > colourfulness(plain) + 0.05 > colourfulness(pale) + 0.1
    framed = painted(toy(**long, edge_colour="red", edge_weight=20, edge_width=0.2))
    red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    assert (framed[0, :, :3] - red).abs().mean() < 0.2
    assert (framed[0, :, 12:20, 12:20] - red).abs().mean() > 0.3
    mirrored = painted(toy(**long, symmetry_weight=200))
    assert (mirrored - mirrored.flip(3)).abs().mean() < 0.5 * (plain - plain.flip(3)).abs().mean()


@pytest.mark.parametrize("model", ["Fourier", "Unlimited Palette", "Limited Palette"])
def test_tile_reaches_canvas_cutouts_and_smoothing(toy, model):
    parts = build(toy(image_model=model, tile="x", smoothing_weight=1))
    assert parts.cutouts.tile == (True, False)
    (shot,) = parts.schedule.shots()
    (smooth,) = [term for term in parts.ask(shot) if term.name == "smoothing"]
    assert smooth.tile == (True, False)
    if model == "Fourier":
        assert parts.canvas.tile == (True, False)
    assert len(list(parts.animate())) == 1


def test_a_cut_method_decides_sizes_border_and_augmentation(toy):
    given = {"cutout_border": 0.3, "augmentation": "gentle"}
    ours, theirs = (
        build(toy(**given, cut_method=method)).cutouts for method in ("pytti", "kornia")
    )
    assert (ours.sizes, ours.border, ours.augmentation) == ("pytti", 0.3, "gentle")
    assert isinstance(theirs, Cutouts)
    assert (theirs.sizes, theirs.border, theirs.augmentation) == ("vqgan-clip", 0, "kornia")
