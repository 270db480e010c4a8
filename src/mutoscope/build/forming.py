"""What is wanted of any picture, whatever it shows: its form, colours and style, as terms."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.build.canvases import beginning, tiled
from mutoscope.build.pictures import Pictures
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.palette import Palette
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.colours import PicturePalette, parse_colour, parse_palette
from mutoscope.curves import Curve, parse_curve
from mutoscope.look import Term
from mutoscope.perceptors.base import Perceptor
from mutoscope.perceptors.features import load_features
from mutoscope.perceptors.heads import choose_perceptor, load_head
from mutoscope.settings import Settings
from mutoscope.terms.aesthetic import Aesthetic
from mutoscope.terms.attraction import Attraction, main_colours
from mutoscope.terms.colourfulness import Colourfulness
from mutoscope.terms.contrast import Contrast
from mutoscope.terms.edge import Edge
from mutoscope.terms.latent import NearStart
from mutoscope.terms.natural import Natural
from mutoscope.terms.palette import HDR, Normalisation
from mutoscope.terms.smooth import Smooth
from mutoscope.terms.style import Style
from mutoscope.terms.symmetry import Symmetry
from mutoscope.terms.vignette import Vignette


class Forming:
    """Makes the terms that act in every shot; called, it returns them.

    Args:
        settings: checked settings.
        perceptors: those that judge.
        canvas: the canvas that will be painted on.
        pictures: those that the settings name, read.
        rng_of: random numbers for a named purpose, the same for the same name.
    """

    def __init__(
        self,
        settings: Settings,
        perceptors: Sequence[Perceptor],
        *,
        canvas: Canvas,
        pictures: Pictures,
        rng_of: Callable[[str], torch.Generator],
    ) -> None:
        self.settings, self.perceptors, self.canvas = settings, list(perceptors), canvas
        self.device = next(canvas.parameters()).device
        self.pictures, self.rng_of = pictures, rng_of

    def __call__(self) -> list[Term]:
        """The terms."""
        return [*self._photograph(), *self._colour(), *self._shape(), *self._taste(), *self._own()]

    def _photograph(self) -> list[Term]:
        """What photographs are like."""
        settings, terms = self.settings, list[Term]()
        if weight := self._wanted("smoothing_weight"):
            terms.append(Smooth(weight=weight, tile=tiled(settings)))
        if settings.contrast_weight:
            terms.append(Contrast(weight=_always(settings.contrast_weight)))
        if settings.natural_weight:
            terms.append(Natural(self.perceptors, weight=_always(settings.natural_weight)))
        return terms

    def _colour(self) -> list[Term]:
        settings, terms = self.settings, list[Term]()
        if weight := self._wanted("colourfulness_weight"):
            terms.append(Colourfulness(weight=weight))
        weight = self._wanted("palette_attraction_weight")
        if weight and settings.attracting_palette:
            terms.append(Attraction(self._palette(), weight=weight))
        return terms

    def _palette(self) -> Tensor:
        """The colours of ``attracting_palette``, (k, 3)."""
        key = "attracting_palette"
        palette = parse_palette(self.settings.attracting_palette, place=key)
        if isinstance(palette, PicturePalette):
            return main_colours(self.pictures.image(palette.source), palette.count).to(self.device)
        return torch.tensor(palette, device=self.device)

    def _shape(self) -> list[Term]:
        settings, terms = self.settings, list[Term]()
        if weight := self._wanted("symmetry_weight"):
            terms.append(Symmetry(weight=weight, axis=settings.symmetry_axis))
        weight = self._wanted("edge_weight")
        if weight and settings.edge_colour:
            colour = parse_colour(settings.edge_colour, place="edge_colour")
            terms.append(Edge(colour=colour, width=settings.edge_width, weight=weight))
        weight = self._wanted("vignette_weight")
        if weight and settings.vignette_colour:
            colour = parse_colour(settings.vignette_colour, place="vignette_colour")
            terms.append(Vignette(colour=colour, weight=weight))
        return terms

    def _taste(self) -> list[Term]:
        """What another picture, or a head that rates pictures, says."""
        settings, terms = self.settings, list[Term]()
        weight = self._wanted("style_weight")
        if weight and settings.style_image:
            picture = self.pictures.image(settings.style_image).to(self.device)
            layers = load_features(self.perceptors).to(self.device)
            opening = round(settings.style_opening * beginning(settings))
            terms.append(Style(picture, layers, rng_of=self.rng_of, opening=opening, weight=weight))
        weight = self._wanted("aesthetic_weight")
        if weight and settings.aesthetic_head:
            head = load_head(Path(settings.resolve(settings.aesthetic_head))).to(self.device)
            perceptor = choose_perceptor(head, self.perceptors)
            target = settings.aesthetic_target
            terms.append(Aesthetic(perceptor, head, weight=weight, target=target))
        return terms

    def _own(self) -> list[Term]:
        """What is wanted of a canvas's own parameters."""
        settings, canvas, terms = self.settings, self.canvas, list[Term]()
        if isinstance(canvas, Palette):
            if settings.hdr_weight:
                terms.append(HDR(weight=_always(settings.hdr_weight)))
            if settings.palette_normalization_weight:
                weight = _always(settings.palette_normalization_weight)
                terms.append(Normalisation(weight=weight))
        if isinstance(canvas, VqganCanvas) and settings.init_weight:
            method = settings.init_weight_method
            terms.append(NearStart("init", method=method, weight=_always(settings.init_weight)))
        return terms

    def _wanted(self, key: str) -> Curve | None:
        """The weight of ``key`` over time, or None where it is never anything but 0."""
        curve = self.settings.curve(key)
        return None if curve.constant == 0 else curve


def _always(value: float) -> Curve:
    return parse_curve(value, place="weight")
