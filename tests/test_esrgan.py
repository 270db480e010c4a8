"""The function of vqgan-clip-generator that makes pictures larger."""

import inspect

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from mutoscope import esrgan
from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.upscale import upscaler
from mutoscope.images import load_image, resize, save_image
from mutoscope.provenance import read_recipe

pytestmark = pytest.mark.usefixtures("single_thread")

DOCUMENTED = {
    "input": "./video_frames", "model_filename": "RealESRGAN_x4plus.pth",
    "output_images_path": "./upscaled_video_frames", "purge_existing_files": False,
    "netscale": 4, "outscale": 4, "tile": 0, "tile_pad": 10, "pre_pad": 0, "face_enhance": False,
    "half": True, "block": 23, "ext": "auto", "model_dir": None,
}  # fmt: skip


class Stretched:
    """Stands for a network: enlarges four times, smoothly."""

    name, factor, overlap, memory = "stretched", 4, 4, 100

    def __init__(self, *_: object, **__: object) -> None:
        self.calls = 0

    def __call__(self, image: Tensor) -> Tensor:
        self.calls += 1
        return resize(image, (4 * image.shape[-1], 4 * image.shape[-2]))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(upscaler, "NcnnEngine", Stretched)
    return tmp_path


@pytest.fixture
def frames(here, draw):
    """A folder of three frames, the default input."""
    folder = here / "video_frames"
    folder.mkdir()
    for n in range(3):
        draw(f"video_frames/frame_{n + 1:012d}.jpg", (12, 10), seed=n)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_arguments_have_the_names_order_and_defaults_that_are_documented():
    parameters = dict(inspect.signature(esrgan.inference_realesrgan).parameters)
    assert parameters.pop("model_url").default.endswith("/RealESRGAN_x4plus.pth")
    assert list(parameters) == list(DOCUMENTED)
    assert {name: p.default for name, p in parameters.items()} == DOCUMENTED


def test_a_folder_is_made_larger_and_an_interrupted_call_goes_on(here, frames):
    esrgan.inference_realesrgan()
    made = here / "upscaled_video_frames"
    assert names(made) == names(frames)
    assert load_image(made / "frame_000000000002.jpg").shape == (1, 3, 40, 48)
    (made / "frame_000000000002.jpg").unlink()
    kept = (made / "frame_000000000001.jpg").stat().st_mtime_ns
    esrgan.inference_realesrgan()
    assert names(made) == names(frames)
    assert (made / "frame_000000000001.jpg").stat().st_mtime_ns == kept


def test_what_another_call_made_stays_unless_it_is_to_be_purged(here, frames):
    esrgan.inference_realesrgan()
    made = here / "upscaled_video_frames"
    (made / "letter.txt").write_text("dear")
    with pytest.raises(MediaError, match="purge_existing_files"):
        esrgan.inference_realesrgan(outscale=2)
    (made / "letter.txt").unlink()
    esrgan.inference_realesrgan(outscale=2, purge_existing_files=True)
    assert load_image(made / "frame_000000000003.jpg").shape == (1, 3, 20, 24)


def test_the_input_is_never_purged(here, frames):
    with pytest.raises(MediaError, match="give another folder"):
        esrgan.inference_realesrgan(output_images_path=frames, purge_existing_files=True)
    one = frames / "frame_000000000001.jpg"
    esrgan.inference_realesrgan(one, output_images_path=frames, purge_existing_files=True)
    assert names(frames) == [one.name, "frame_000000000001_upscaled.jpg"]


def test_a_single_picture_brings_its_recipe(here, draw):
    picture = load_image(draw("plain.png", (12, 10)))
    recipe = {"program": "mutoscope", "version": "0", "settings": {"scenes": "a fox", "seed": 5}}
    save_image(picture, here / "fox.png", recipe=recipe)
    for name in ("fox.png", "fox_upscaled.png"):
        esrgan.inference_realesrgan("fox.png", output_images_path="larger", outscale=3)
        assert load_image(here / "larger" / name).shape == (1, 3, 30, 36)
        assert read_recipe(here / "larger" / name)["settings"]["seed"] == 5
    with pytest.raises(MediaError, match="is there already"):
        esrgan.inference_realesrgan("fox.png", output_images_path="larger")


@pytest.mark.parametrize(("ext", "name"), [("auto", "a.png"), ("jpg", "a.png"), ("webp", "a.webp")])
def test_what_is_transparent_stays_so(here, ext, name):
    pixels = np.full((10, 12, 4), 200, np.uint8)
    pixels[:, :6, 3] = 0
    Image.fromarray(pixels).save(here / "a.png")
    esrgan.inference_realesrgan("a.png", output_images_path="larger", ext=ext)
    with Image.open(here / "larger" / name) as made:
        assert made.size == (48, 40)
        alpha = np.asarray(made.convert("RGBA"))[..., 3]
    assert (alpha[:, :20].max(), alpha[:, 30:].min()) == (0, 200)


@pytest.mark.parametrize(("ext", "name"), [("png", "b.png"), ("jpg", "b.jpg"), ("auto", "b.jpg")])
def test_the_format_may_be_chosen(here, draw, ext, name):
    draw("b.jpg", (8, 8))
    esrgan.inference_realesrgan("b.jpg", output_images_path="larger", ext=ext)
    assert names(here / "larger") == [name]


def test_bad_input(here, draw):
    with pytest.raises(ValueError, match="input must be a file or a directory"):
        esrgan.inference_realesrgan()
    (here / "video_frames").mkdir()
    with pytest.raises(ValueError, match="input directory does not contain any files"):
        esrgan.inference_realesrgan(purge_existing_files=True)
    (here / "film.mp4").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="file could not be read as a valid image"):
        esrgan.inference_realesrgan("film.mp4")
    draw("a.png")
    for arguments in ({"ext": "bmp"}, {"outscale": 0.5}, {"outscale": 9}):
        with pytest.raises(SettingsError):
            esrgan.inference_realesrgan("a.png", **arguments)
    draw("video_frames/a.png")
    draw("video_frames/a.jpg")
    with pytest.raises(MediaError, match="two pictures in video_frames are called a"):
        esrgan.inference_realesrgan()


def test_a_checkpoint_in_model_dir_is_taken(here, draw, monkeypatch):
    asked = []
    monkeypatch.setattr(
        upscaler, "SpandrelEngine", lambda path, _: asked.append(path) or Stretched()
    )
    (here / "models").mkdir()
    (here / "models" / "own.pth").write_bytes(b"x")
    draw("a.png")
    esrgan.inference_realesrgan("a.png", "own.pth", model_dir="models", output_images_path="b")
    assert [path.name for path in asked] == ["own.pth"]
