import pytest

from mutoscope.errors import SettingsError
from mutoscope.settings import load_settings
from mutoscope.settings.keys import Keys
from mutoscope.settings.switches import mmc_name, perceptor_names
from mutoscope.settings.values import MmcModel


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ({}, ("auto",)),
        ({"perceptors": "labels"}, ("labels",)),
        ({"perceptors": [" labels ", "tiny"]}, ("labels", "tiny")),
        ({"perceptors": "AUTO"}, ("auto",)),
        ({"RN50": True}, ("RN50", "ViTB32")),
        ({"RN50": True, "ViTB32": False}, ("RN50",)),
        ({"RN50": False}, ("ViTB32",)),
        ({"ViTB32": True}, ("ViTB32",)),
        ({"perceptors": "labels", "ViTB32": False}, ("labels",)),
        (
            {"use_mmc": True, "mmc_models": [{"publisher": "openai", "id": "RN50"}], "RN50": False},
            ("RN50::openai",),
        ),
    ],
)
def test_who_judges(written, names):
    assert perceptor_names(Keys(**written)) == names


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"ViTB32": False}, "ViTB32: is false and no other switch is true"),
        ({"perceptors": "labels", "RN50": True}, "perceptors: names some, and RN50 switch"),
        ({"perceptors": "labels", "use_mmc": True}, "keep one of the two"),
        ({"use_mmc": True}, "mmc_models names nothing"),
        ({"perceptors": "ViT-B-33"}, "no perceptor is called 'ViT-B-33'"),
        ({"perceptors": []}, "perceptors: [] is not allowed"),
        ({"perceptors": ["tiny", "tiny"]}, "names a perceptor twice"),
        ({"perceptors": ["auto", "tiny"]}, "'auto' chooses one perceptor by itself"),
        (
            {"use_mmc": True, "mmc_models": [{"architecture": "cloob", "id": "x"}]},
            "mmc_models[0]: {'architecture': 'cloob', 'id': 'x'} is not at hand",
        ),
    ],
)
def test_contradictions(written, message):
    with pytest.raises(SettingsError) as caught:
        load_settings({"scenes": "a", **written})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"architecture": "clip", "publisher": "openai", "id": "ViT-B/16"}, "ViT-B/16::openai"),
        ({"id": "ViT-B/16"}, "ViT-B/16::openai"),
        (
            {"publisher": "mlfoundations", "id": "ViT-B-32--laion2b_s34b_b79k"},
            "ViT-B/32::laion2b_s34b_b79k",
        ),
        (
            {"publisher": "mlfoundations", "id": "RN50--yfcc15m"},
            "open_clip:RN50/yfcc15m",
        ),
        ({"publisher": "sbert", "id": "ViT-B-32-multilingual-v1"}, ""),
        ({"publisher": "openai"}, ""),
        ({"architecture": "cloob", "publisher": "openai", "id": "RN50"}, ""),
        ({"publisher": "openai", "id": "RN50--yfcc15m"}, ""),
        ({"publisher": "mlfoundations", "id": "RN50"}, ""),
        ({"publisher": "mlfoundations", "id": "RN50--"}, ""),
    ],
)
def test_mmc_models(model, name):
    assert mmc_name(MmcModel(**model)) == name


def test_a_later_layer_outweighs_an_earlier_way_of_saying_it(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("scenes: a\nRN50: true\n")
    assert load_settings(path, ["perceptors=labels"]).perceptor_names == ("labels",)
    path.write_text("scenes: a\nperceptors: labels\n")
    assert load_settings(path, ["RN50=true", "ViTB32=false"]).perceptor_names == ("RN50",)


def test_a_file_with_weights_lies_beside_the_settings(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("scenes: a\nperceptors: [mine.safetensors::gelu, tiny]\n")
    assert load_settings(path).perceptor_names == (f"{tmp_path}/mine.safetensors::gelu", "tiny")
