"""The pictures and films that settings name, each read once, before any network is loaded."""

from torch import Tensor

from mutoscope.colours import PicturePalette, parse_palette
from mutoscope.frames import MaskClip
from mutoscope.images import load_image, load_mask
from mutoscope.script import Mask
from mutoscope.settings import Settings
from mutoscope.terms.masks import MaskSource, Still


class Pictures:
    """Every picture and mask of the settings, read when this is made.

    So a mistyped path is refused at once, and not after a network has been fetched.

    Attributes:
        initial: the init image, (1, 3, h, w), or None.

    Raises:
        MediaError: one of them can't be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._images: dict[str, Tensor] = {}
        self._masks: dict[str, MaskSource] = {}
        self.initial = self.image(settings.init_image) if settings.init_image else None
        for key in ("target_palette", "style_image"):
            if path := getattr(settings, key):
                self.image(path)
        if settings.attracting_palette:
            palette = parse_palette(settings.attracting_palette, place="attracting_palette")
            if isinstance(palette, PicturePalette):
                self.image(palette.source)
        prompts = [prompt for scene in settings.script.scenes for prompt in scene.prompts]
        for prompt in prompts:
            if prompt.kind == "image":
                self.image(prompt.text)
        for direct in settings.direct_prompts:
            self.image(direct.path)
        init = ("direct_init_weight", "semantic_init_weight") if settings.init_image else ()
        keys = (
            *init,
            "direct_stabilization_weight",
            "semantic_stabilization_weight",
            "depth_stabilization_weight",
            "edge_stabilization_weight",
            "flow_stabilization_weight",
        )
        masks = [
            *(prompt.mask for prompt in prompts),
            *(prompt.mask for prompt in settings.direct_prompts),
            *(weighting.mask for key in keys if (weighting := settings.weight(key)) is not None),
        ]
        for mask in masks:
            if mask.kind in ("image", "video"):
                self.mask(mask)

    @property
    def initial_size(self) -> tuple[int, int] | None:
        """Width and height of the init image."""
        return (
            (self.initial.shape[-1], self.initial.shape[-2]) if self.initial is not None else None
        )

    def image(self, path: str) -> Tensor:
        """The picture at a path or address as the settings write it, (1, 3, h, w)."""
        if path not in self._images:
            self._images[path] = load_image(self._settings.resolve(path))
        return self._images[path]

    def mask(self, mask: Mask) -> MaskSource:
        """The file of a mask; a film is read at the rate of ours, one picture at a time."""
        path = self._settings.resolve(mask.value)
        if path not in self._masks:
            if mask.kind == "video":
                self._masks[path] = MaskClip(path, self._settings.frames_per_second)
            else:
                self._masks[path] = Still(load_mask(path))
        return self._masks[path]
