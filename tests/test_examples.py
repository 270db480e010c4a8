"""Each script in examples/, at toy size."""

import importlib.util
from pathlib import Path

import pytest
from torch import Tensor

from mutoscope.engine import VQGAN_CLIP_Config
from mutoscope.finish.upscale import upscaler
from mutoscope.frames import ClipSource
from mutoscope.frames.mux import add_sound
from mutoscope.images import load_image, resize
from mutoscope.sound import SoundFile

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.usefixtures("single_thread")


class Stretched:
    """Stands for an upscaling network."""

    name, overlap, memory = "stretched", 4, 100

    def __init__(self, _model: object, factor: int, **_: object) -> None:
        self.factor = factor

    def __call__(self, image: Tensor) -> Tensor:
        return resize(image, (self.factor * image.shape[-1], self.factor * image.shape[-2]))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(upscaler, "NcnnEngine", Stretched)
    return tmp_path


@pytest.fixture
def config(small_vqgan):
    return VQGAN_CLIP_Config(
        vqgan_model_name=str(small_vqgan), output_image_size=[32, 24], num_cuts=2,
        settings={"perceptors": "tiny"},
    )  # fmt: skip


@pytest.fixture
def footage(shoot, play):
    """A film of four frames with sound, called as the examples expect."""
    silent = shoot("silent.mp4", [0.2, 0.4, 0.6, 0.8], size=(32, 24))
    add_sound(silent, SoundFile(play("tone.wav")), "input video.mp4")


def main_of(name):
    """The function ``main`` of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def size(path):
    return load_image(Path("example media") / path).shape[-1]


def count(film):
    return len(list(ClipSource(Path("example media") / film)))


def test_every_example_is_run_here():
    tested = Path(__file__).read_text(encoding="utf-8")
    names = [path.stem for path in EXAMPLES.glob("*.py")]
    assert len(names) >= 10
    assert [name for name in names if f'main_of("{name}")' not in tested] == []


def test_single_image(config, capsys):
    main_of("single_image")(config, iterations=2)
    assert (size("example image.jpg"), size("example image_upscaled.jpg")) == (32, 128)
    assert "iterations: 2" in capsys.readouterr().out


def test_image_prompt(config, draw):
    draw("input image.jpg")
    main_of("image_prompt")(config, iterations=1)
    assert size("example image_upscaled.jpg") == 128


def test_multiple_same_prompt(config):
    main_of("multiple_same_prompt")(config, count=2, iterations=1)
    one, two = (load_image(f"example media/same prompt/frame_{n:012d}.jpg") for n in (1, 2))
    assert not one.equal(two)
    assert size("same prompt, larger/frame_000000000002.jpg") == 128


def test_multiple_many_prompts(config):
    main_of("multiple_many_prompts")(config, styles=("woodcut", "mosaic"), iterations=1)
    assert size("styles, larger/woodcut.jpg") == 128


def test_alternate_models(config, small_vqgan):
    models = (str(small_vqgan), str(small_vqgan / "model.yaml"))
    main_of("alternate_models")(config, models=models, iterations=1)
    assert size("model 1.jpg") == size("model 2.jpg") == 32


def test_video(config):
    main_of("video")(config, frames=3, changes=(2, 3), iterations=1, first=1, rate=6, smooth=True)
    assert (count("video.mp4"), count("video_4x.mp4")) == (3, 12)
    assert ClipSource("example media/video.mp4").size == (128, 96)


def test_zoom_video(config):
    main_of("zoom_video")(
        config, frames=3, changes=(2, 3), iterations=1, first=1, rate=6, smooth=True
    )
    assert (count("zoom.mp4"), count("zoom_4x.mp4")) == (3, 12)


def test_custom_zoom_video(config):
    main_of("custom_zoom_video")(
        config, frames=4, changes=(2,), iterations=1, first=1, drift=1, zoom=2, rate=6
    )
    assert count("custom zoom.mp4") == 4


def test_style_transfer(config, footage):
    main_of("style_transfer")(config, rate=12, iterations=1, first=1, smooth=True)
    assert (count("styled.mp4"), count("styled_4x.mp4")) == (4, 16)
    SoundFile("example media/styled_4x.mp4")


def test_style_transfer_exploration(config, footage):
    main_of("style_transfer_exploration")(
        config, rate=12, frames=2, weights=(0.1, 6.4), iterations=(1, 2)
    )
    assert len(list(Path("example media/explored").iterdir())) == 4


def test_upscaling_video(footage):
    main_of("upscaling_video")(rate=12)
    assert ClipSource("example media/upscaled.mp4").size == (64, 48)
    SoundFile("example media/upscaled.mp4")
