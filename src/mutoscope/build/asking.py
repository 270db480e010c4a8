"""What judges a shot: the script's wishes, with networks and pictures put in, as terms."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mutoscope.build.forming import Forming
from mutoscope.build.pictures import Pictures
from mutoscope.canvas.base import Canvas
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.cutouts import Cutouts
from mutoscope.depth import Depth
from mutoscope.look import Eye, Term, Views
from mutoscope.motion.carried import Carrying
from mutoscope.motion.video import Follow
from mutoscope.perceptors.base import Perceptor
from mutoscope.schedule import Shot
from mutoscope.script import Mask, Prompt, Weighting
from mutoscope.settings import Settings
from mutoscope.terms.carry import Carry
from mutoscope.terms.depths import HoldDepth
from mutoscope.terms.edges import HoldEdges
from mutoscope.terms.fade import fade
from mutoscope.terms.hold import Hold
from mutoscope.terms.latent import HoldLatent
from mutoscope.terms.masks import EVERYWHERE, Like, Painted, Place
from mutoscope.terms.masks import Mask as Region
from mutoscope.terms.toward import Toward, TowardPicture, glimpse

# What holds a frame to a picture: its label.
STABILISERS = {
    "direct_stabilization_weight": "stabilisation (direct)",
    "semantic_stabilization_weight": "stabilisation (semantic)",
    "depth_stabilization_weight": "stabilisation (depth)",
    "edge_stabilization_weight": "stabilisation (edges)",
}


class Asking:
    """Makes the terms of each shot; called with a shot, it returns them.

    Everything costly is done when it is made, and prompts and masks that repeat are shared.

    Args:
        settings: checked settings.
        perceptors: those that judge, in the order of ``perceptor_weights``.
        canvas: the canvas that will be painted on, for its kind and size.
        pictures: those that the settings name, read.
        cutouts: the distribution from which pictures in prompts are looked at, too.
        rng_of: random numbers for a named purpose, the same for the same name.
        follow: the motion along a film, where there is one to follow.
        carrying: the motion of a camera that remembers what it carried into a frame, where frames
            are to be held to that.
        depth: tells the depth of a picture, where frames are to be held by it.
    """

    def __init__(
        self,
        settings: Settings,
        perceptors: Sequence[Perceptor],
        *,
        canvas: Canvas,
        pictures: Pictures,
        cutouts: Cutouts,
        rng_of: Callable[[str], torch.Generator],
        follow: Follow | None = None,
        carrying: Carrying | None = None,
        depth: Depth | None = None,
    ) -> None:
        self.settings, self.perceptors, self.cutouts = settings, list(perceptors), cutouts
        self.device = next(canvas.parameters()).device
        self.pictures, self.rng_of = pictures, rng_of
        self.follow, self.carrying, self.depth = follow, carrying, depth
        self.latent = isinstance(canvas, VqganCanvas)
        weights = settings.perceptor_weights or (1.0,) * len(self.perceptors)
        self.shares: dict[Eye, float] = dict(zip(self.perceptors, weights, strict=True))
        self.texts = self._embed_texts()
        self.glimpses: dict[str, dict[Eye, Views]] = {}
        self._held_by: tuple[Tensor, list[Term]] | None = None

        self.scenes = [[self._toward(prompt) for prompt in scene.prompts]
                       for scene in settings.script.scenes]  # fmt: skip
        forming = Forming(settings, perceptors, canvas=canvas, pictures=pictures, rng_of=rng_of)
        self.always = [*self._direct(), *forming()]
        self.semantic_init, self.direct_init = self._init()
        self.carry = self._carry()

    def __call__(self, shot: Shot) -> list[Term]:
        """The terms of one shot."""
        scene = shot.scene
        previous = self.scenes[shot.after] if self.scenes and shot.after is not None else []
        wishes = list(self.scenes[scene]) if self.scenes else []
        # An animated run leaves its init image behind once the picture moves.
        held = self.settings.animation_mode == "off" or shot.moment.frame == 0
        if held and scene == 0:
            wishes += self.semantic_init
        terms = fade(wishes, previous, self.settings.interpolation_steps)
        return [*terms, *(self.direct_init if held else []), *self.always]

    @property
    def holds(self) -> bool:
        """Whether anything is to keep a frame near where it began."""
        return bool(self.carry) or any(self.settings.weight(key) for key in STABILISERS)

    def hold(self, shot: Shot, held: Tensor | None) -> list[Term]:
        """What keeps the frame of ``shot`` near the picture that it began as, ``held``.

        Before the first move that is the init image, if there is one; where a film is followed, it
        is the film's own picture. What was painted before, moved along with it or with the camera,
        counts too.
        """
        frame = shot.moment.frame
        if self.follow is not None and (frame or self.pictures.initial is None):
            held = self.follow.picture(frame)
        picture = held if held is not None else self.pictures.initial
        if picture is None:
            return []
        if self._held_by is None or self._held_by[0] is not picture:
            self._held_by = picture, self._holding(picture, frame)
        return [*self._held_by[1], *self.carry]

    def _holding(self, picture: Tensor, frame: int) -> list[Term]:
        terms: list[Term] = []
        for key, label in STABILISERS.items():
            if (weighting := self.settings.weight(key)) is None:
                continue
            if key == "semantic_stabilization_weight":
                # A still has one beginning, whatever frame its masks are at.
                still = self.settings.animation_mode == "off"
                path = f"{label} {0 if still else frame}"
                terms.append(self._like(label, self._glimpse(picture, path), weighting))
            elif key == "depth_stabilization_weight":
                if self.depth is None:
                    raise ValueError(f"{key} needs an eye for depth")
                terms.append(
                    self._hold(label, picture, weighting, partial(HoldDepth, eye=self.depth.look))
                )
            elif key == "edge_stabilization_weight":
                terms.append(self._hold(label, picture, weighting, HoldEdges))
            else:
                terms.append(self._direct_hold(label, picture, weighting))
        return terms

    def _carry(self) -> list[Term]:
        """What holds a frame to what was painted before, moved along with film or camera."""
        weighting = self.settings.weight("flow_stabilization_weight")
        moved = self.follow or self.carrying
        if moved is None or weighting is None:
            return []
        # Along a film the mask says what of it moves, and the motion itself knows that.
        mask = weighting.mask
        everywhere = mask.kind == "all" or self.follow is not None
        return [
            Carry(
                "stabilisation (flow)",
                moved.carried,
                weight=weighting.weight,
                stop=weighting.stop,
                mask=None if everywhere else self.pictures.mask(mask),
                inverted=mask.inverted,
                stride=self.settings.frame_stride,
            )
        ]

    # ── prompts ──

    def _embed_texts(self) -> dict[str, dict[Eye, Tensor]]:
        """The embedding (1, width) of every text and text mask, by text and perceptor."""
        texts = []
        for scene in self.settings.script.scenes:
            for prompt in scene.prompts:
                texts += [prompt.text] if prompt.kind == "text" else []
                texts += [prompt.mask.value] if prompt.mask.kind == "text" else []
        for key in ("semantic_init_weight", "semantic_stabilization_weight"):
            weighting = self.settings.weight(key)
            if weighting and weighting.mask.kind == "text":
                texts.append(weighting.mask.value)
        texts = list(dict.fromkeys(texts))
        if not texts:
            return {}
        # One by one: in a batch, the last bits of a text's embedding hang on the other texts, and a
        # change in one scene would change the pictures of another.
        return {
            text: {p: p.embed_text([text]).to(self.device) for p in self.perceptors}
            for text in texts
        }

    def _toward(self, prompt: Prompt) -> Term:
        mask = self._region(prompt.mask)
        if prompt.kind == "image":
            return self._toward_picture(
                prompt.label, prompt.text, Weighting(prompt.weight, prompt.stop, prompt.mask)
            )
        wanted = self._noise(prompt.text) if prompt.kind == "noise" else self.texts[prompt.text]
        return Toward(
            prompt.label, wanted,
            weight=prompt.weight, stop=prompt.stop, mask=mask, shares=self.shares,
        )  # fmt: skip

    def _noise(self, seed: str) -> dict[Eye, Tensor]:
        """A direction for each perceptor, (1, width), drawn at random from the seed."""
        found = dict[Eye, Tensor]()
        for perceptor in self.perceptors:
            width = perceptor.embed_text(["noise"]).shape[-1]
            generator = torch.Generator().manual_seed(int(seed) % 2**63)
            drawn = torch.randn(1, width, generator=generator)
            found[perceptor] = normalize(drawn, dim=-1).to(self.device)
        return found

    def _toward_picture(self, label: str, path: str, weighting: Weighting) -> Term:
        if path not in self.glimpses:
            self.glimpses[path] = self._glimpse(self.pictures.image(path), path)
        return self._like(label, self.glimpses[path], weighting)

    def _glimpse(self, picture: Tensor, purpose: str) -> dict[Eye, Views]:
        # One cutout at a time: this is done once, and must not need more memory than a step.
        return glimpse(
            picture.to(self.device), self.perceptors,
            replace(self.cutouts, tile=(False, False)),  # it repeats no more than it did
            rng=self.rng_of(f"glimpse {purpose}"), chunks=self.cutouts.count,
        )  # fmt: skip

    def _like(self, label: str, views: dict[Eye, Views], weighting: Weighting) -> Term:
        return TowardPicture(
            label, views,
            weight=weighting.weight, stop=weighting.stop, mask=self._region(weighting.mask),
            shares=self.shares,
        )  # fmt: skip

    # ── masks ──

    def _region(self, mask: Mask) -> Region:
        """A mask of the script as one that answers for cutouts."""
        if mask.kind == "letter":
            return Place(mask.value, mask.cutoff)  # type: ignore[arg-type]
        if mask.kind == "text":
            return Like(self.texts[mask.value], mask.cutoff)
        if mask.kind in ("image", "video"):
            return Painted(
                self.pictures.mask(mask), inverted=mask.inverted,
                stride=self.settings.frame_stride, dither=self.settings.mask_dither,
            )  # fmt: skip
        return EVERYWHERE

    # ── what acts on the whole picture ──

    def _direct_hold(self, label: str, picture: Tensor, weighting: Weighting) -> Hold:
        # A VQGAN is held by its codes, as PyTTI does.
        return self._hold(label, picture, weighting, HoldLatent if self.latent else Hold)

    def _hold(
        self, label: str, picture: Tensor, weighting: Weighting, kind: Callable[..., Hold]
    ) -> Hold:
        mask = weighting.mask
        return kind(
            label,
            picture.to(self.device),
            weight=weighting.weight,
            stop=weighting.stop,
            mask=None if mask.kind == "all" else self.pictures.mask(mask),
            inverted=mask.inverted,
            stride=self.settings.frame_stride,
        )

    def _direct(self) -> list[Term]:
        return [
            self._direct_hold(
                prompt.label,
                self.pictures.image(prompt.path),
                Weighting(prompt.weight, prompt.stop, prompt.mask),
            )
            for prompt in self.settings.direct_prompts
        ]

    def _init(self) -> tuple[list[Term], list[Term]]:
        """What holds to the init image: what perceptors see in it, and its pixels."""
        picture, path = self.pictures.initial, self.settings.init_image
        if picture is None:
            return [], []
        semantic = self.settings.weight("semantic_init_weight")
        direct = self.settings.weight("direct_init_weight")
        return (
            [self._toward_picture("init image (semantic)", path, semantic)] if semantic else [],
            [self._direct_hold("init image (direct)", picture, direct)] if direct else [],
        )
