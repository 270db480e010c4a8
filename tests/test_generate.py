"""The functions of vqgan-clip-generator that make pictures and films."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope import generate
from mutoscope.engine import VQGAN_CLIP_Config
from mutoscope.errors import MediaError, MutoscopeError, RunError, SettingsError, WeightsError
from mutoscope.images import load_image, save_image
from mutoscope.motion.base import Warp
from mutoscope.provenance import read_recipe
from mutoscope.settings import load_settings
from mutoscope.vqgan_clip.mapping import moving

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(small_vqgan):
    """Makes configs of toy size."""

    def make(**values):
        settings = {"perceptors": "tiny", **values.pop("settings", {})}
        usual = {
            "vqgan_model_name": str(small_vqgan), "output_image_size": [32, 24], "num_cuts": 2,
            "seed": 3, "settings": settings,
        }  # fmt: skip
        return VQGAN_CLIP_Config(**{**usual, **values})

    return make


@pytest.fixture
def footage(here):
    """Writes frames of a bright square that goes to the right; returns their paths."""

    def write(count=3, size=(32, 24), folder="footage"):
        (here / folder).mkdir(exist_ok=True)
        paths = []
        for n in range(count):
            pixels = np.full((size[1], size[0], 3), 40, np.uint8)
            pixels[6:16, 4 + 3 * n : 14 + 3 * n] = (220, 180, 90)
            path = here / folder / f"frame_{n + 1:012d}.png"
            Image.fromarray(pixels).save(path)
            paths.append(str(path))
        return paths

    return write


# ── signatures ──

IMAGE = {
    "output_filename": "output.jpg", "eng_config": None, "text_prompts": (), "image_prompts": (),
    "noise_prompts": (), "init_image": None, "init_weight": 0.0, "iterations": 100,
    "save_every": 50, "verbose": False, "leave_progress_bar": True,
}  # fmt: skip
VIDEO = {
    "num_video_frames": inspect.Parameter.empty, "iterations_per_frame": 30,
    "iterations_for_first_frame": 100, "eng_config": None, "text_prompts": (),
    "image_prompts": (), "noise_prompts": (), "change_prompts_on_frame": None, "init_image": None,
    "generated_video_frames_path": "./video_frames", "zoom_scale": 1.0, "shift_x": 0, "shift_y": 0,
    "z_smoother": False, "z_smoother_buffer_len": 5, "z_smoother_alpha": 0.7, "verbose": False,
    "leave_progress_bar": True,
}  # fmt: skip
STYLE = {
    "video_frames": inspect.Parameter.empty, "eng_config": None,
    "text_prompts": "Covered in spiders | Surreal:0.5", "image_prompts": (), "noise_prompts": (),
    "iterations_per_frame": 30, "iterations_for_first_frame": 15,
    "current_source_frame_image_weight": 2.0, "change_prompts_on_frame": None,
    "generated_video_frames_path": "./video_frames", "current_source_frame_prompt_weight": 0.0,
    "z_smoother": False, "z_smoother_buffer_len": 3, "z_smoother_alpha": 0.7, "verbose": False,
    "leave_progress_bar": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "documented"),
    [(generate.image, IMAGE), (generate.video_frames, VIDEO), (generate.style_transfer, STYLE)],
)
def test_arguments_have_the_names_order_and_defaults_that_are_documented(function, documented):
    parameters = inspect.signature(function).parameters
    assert list(parameters) == list(documented)
    assert {name: p.default for name, p in parameters.items()} == documented
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values())


# ── pictures ──


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_a_picture_is_made_with_folder_and_line(here, config, suffix):
    path = here / "some" / "where" / f"fox{suffix}"
    line = generate.image(path, config(), "a fox:1 | snow:0.5", iterations=2, save_every=None)
    with Image.open(path) as picture:
        assert picture.size == (32, 24)
    assert "\n" not in line
    assert "iterations: 2" in line
    assert "seed: 3" in line
    assert "cut_method: kornia" in line
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]
    if suffix != ".bmp":
        told = read_recipe(path)
        assert told["call"]["function"] == "image"
        assert told["call"]["text_prompts"] == "a fox:1 | snow:0.5"
        assert told["settings"]["seed"] == 3
        assert told["settings"]["vqgan_model"] == config().vqgan_model_name


def test_prompts_with_colons_addresses_and_blanks_around_bars(config, draw):
    draw("one.png")
    draw("two.png")
    generate.image(
        "a.png", config(), "Star Wars: x | http://x/y.png:0.5 | at 10:30: noon ",
        image_prompts=" one.png | two.png:0.5 ", iterations=1,
    )  # fmt: skip
    script = load_settings(read_recipe("a.png")["settings"], quiet=True).script
    (scene,) = script.scenes
    assert [(p.kind, p.text, p.weight({})) for p in scene.prompts] == [
        ("text", "Star Wars: x", 1), ("text", "http://x/y.png", 0.5), ("text", "at 10:30: noon", 1),
        ("image", "one.png", 1), ("image", "two.png", 0.5),
    ]  # fmt: skip


def test_a_picture_takes_the_shape_of_what_it_begins_from(config, draw):
    draw("wide.png", (48, 24))
    draw("tall.png", (24, 48))
    used = config(output_image_size=[32, 32])
    for name, size in (("wide.png", (44, 24)), ("tall.png", (24, 44)), ("wide.png", (44, 24))):
        generate.image(f"of-{name}", used, "a fox", init_image=name, iterations=1)
        with Image.open(f"of-{name}") as picture:
            assert picture.size == size  # 45.25 and 22.6 in squares of 4
        Path(f"of-{name}").unlink()
    assert used.output_image_size == [32, 32]


def test_a_config_used_again_means_the_same(config, draw):
    draw("start.png", (40, 20))
    used = config(seed=0)
    before = repr(used)
    first = generate.image("one.png", used, "a fox", init_image="start.png", iterations=2)
    generate.image("two.png", used, "a fox", iterations=2)
    assert repr(used) == before
    assert "seed: 0" in first
    settings = read_recipe("two.png")["settings"]
    assert "init_image" not in settings
    assert (settings["width"], settings["height"], settings["seed"]) == (32, 24, 0)
    generate.image("three.png", config(seed=0), "a fox", iterations=2)
    assert torch.equal(load_image("two.png"), load_image("three.png"))
    used.seed = 1
    generate.image("four.png", used, "a fox", iterations=2)
    assert not torch.equal(load_image("two.png"), load_image("four.png"))


def test_without_a_seed_each_call_draws_one(config):
    used = config(seed=None)
    lines = {generate.image(f"{n}.png", used, "a fox", iterations=1) for n in range(2)}
    assert used.seed is None
    assert len({line.rpartition("seed: ")[2] for line in lines}) == 2


@pytest.mark.parametrize("spelling", ["init_image_method", "init_weight_method"])
def test_both_spellings_of_the_method_work(config, draw, spelling):
    draw("start.png", (32, 24))
    used = config(init_weight=0.5)
    setattr(used, spelling, "decay")
    assert used.init_image_method == used.init_weight_method == "decay"
    line = generate.image("a.png", used, "a fox", init_image="start.png", iterations=1)
    assert "init_weight_method: decay" in line
    settings = read_recipe("a.png")["settings"]
    assert settings["init_weight"] == 0.5  # the argument's default leaves it
    assert settings["init_weight_method"] == "decay"


@pytest.mark.parametrize("noise", ["pixels", "gradient"])
def test_a_picture_may_begin_from_noise(config, noise):
    generate.image("a.png", config(init_noise=noise), "a fox", iterations=1)
    assert read_recipe("a.png")["settings"]["init_noise"] == noise


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"text_prompts": 3}, "text_prompts must be a string"),
        ({"text_prompts": "a", "image_prompts": 3}, "image_prompts must be a string"),
        ({"text_prompts": "a", "noise_prompts": 3}, "noise_prompts must be a string"),
        ({"text_prompts": "a", "init_image": "none.png"}, "init_image does not exist"),
        ({"text_prompts": "a", "save_every": [50]}, "save_every must be an int"),
        ({"text_prompts": "a", "iterations": 0}, "iterations must be an int"),
        ({}, "No valid prompts were provided"),
        ({"text_prompts": " | ^ "}, "No valid prompts were provided"),
    ],
)
def test_wrong_arguments_are_value_errors_before_any_work(here, arguments, why):
    with pytest.raises(ValueError, match=why):
        generate.image("a.png", **arguments)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("init_weigth_method", "decay", "did you mean 'init_weight_method'"),
        ("init_image_method", "decline", "one of 'original', 'decay'"),
        ("cut_method", "korina", "did you mean 'kornia'"),
        ("optimizer", "SGD", "one of 'Adam'"),
        ("output_image_size", 256, "width and height"),
        ("seed", "seven", "a whole number"),
        ("settings", [1], "a mapping"),
    ],
)
def test_attributes_are_checked_when_they_are_set(name, value, why):
    with pytest.raises(SettingsError, match=why):
        setattr(VQGAN_CLIP_Config(), name, value)


def test_without_weights_the_way_out_is_said(config, here, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lost = config(
        vqgan_model_name="vqgan_imagenet_f16_16384", settings={"models_parent_dir": str(here)}
    )
    with pytest.raises(WeightsError, match=r"'image_model': 'Fourier'"):
        generate.image("a.png", lost, "a fox", iterations=1)
    assert list(here.iterdir()) == []
    lost.settings["image_model"] = "Fourier"
    generate.image("a.png", lost, "a fox", iterations=1)
    assert load_image("a.png").shape == (1, 3, 24, 32)


def test_a_pair_of_files_in_model_dir_is_taken(config, small_vqgan):
    own = config(model_dir=str(small_vqgan), vqgan_model_name="model")
    generate.image("a.png", own, "a fox", iterations=1)
    assert read_recipe("a.png")["settings"]["vqgan_model"] == str(small_vqgan / "model.yaml")


# ── nothing is overwritten unless asked ──


def test_a_file_that_is_there_stays(here, config):
    (here / "a.png").write_bytes(b"mine")
    with pytest.raises(MediaError, match="is there already"):
        generate.image("a.png", config(), "a fox", iterations=1)
    assert (here / "a.png").read_bytes() == b"mine"
    generate.image("a.png", config(settings={"allow_overwrite": True}), "a fox", iterations=1)
    assert load_image("a.png").shape == (1, 3, 24, 32)


def test_the_same_call_finds_its_result(here, config, caplog):
    line = generate.image("a.png", config(), "a fox", iterations=1)
    written = (here / "a.png").stat().st_mtime_ns
    assert generate.image("a.png", config(), "a fox", iterations=1) == line
    assert (here / "a.png").stat().st_mtime_ns == written
    assert "made by this same call" in caplog.text
    with pytest.raises(MediaError, match="is there already"):
        generate.image("a.png", config(), "a boat", iterations=1)


def test_a_folder_with_other_files_is_refused(here, config):
    (here / "vf").mkdir()
    (here / "vf" / "letter.txt").write_text("dear")
    for settings in ({}, {"allow_overwrite": True}):
        with pytest.raises(MediaError, match=r"letter\.txt.*give an empty folder"):
            generate.video_frames(
                1, 1, 0, config(settings=settings), "a", generated_video_frames_path="vf"
            )
    assert [path.name for path in (here / "vf").iterdir()] == ["letter.txt"]


def test_frames_of_another_call_stay_unless_they_may_go(here, config):
    make = {"text_prompts": "a", "generated_video_frames_path": "deep/vf"}
    generate.video_frames(2, 1, 0, config(), **make)
    with pytest.raises(MediaError, match="allow_overwrite"):
        generate.video_frames(1, 1, 0, config(), **make)
    assert len(list((here / "deep/vf").iterdir())) == 2
    generate.video_frames(1, 1, 0, config(settings={"allow_overwrite": True}), **make)
    assert len(list((here / "deep/vf").iterdir())) == 1


# ── films ──


def shown(number, **changes):
    """The weights of all prompts in frame ``number``, from 1, by their text."""
    recipe = read_recipe(f"vf/frame_{number:012d}.jpg")
    settings = load_settings(recipe["settings"], quiet=True)
    values = {"frame": number - 1, "t": 0.0, "step": 0}
    (scene,) = settings.script.scenes
    return {p.text: p.weight(values) for p in scene.prompts if p.weight(values)}


def test_prompts_change_with_the_listed_frame(config, draw):
    draw("p.png")
    generate.video_frames(
        4, 1, 0, config(), "a:2 ^ b ^ c:0.5 | d", image_prompts="p.png",
        change_prompts_on_frame=[2, 4], generated_video_frames_path="vf",
    )  # fmt: skip
    assert [shown(n) for n in (1, 2, 3, 4)] == [
        {"a": 2, "p.png": 1}, {"b": 1, "p.png": 1}, {"b": 1, "p.png": 1},
        {"c": 0.5, "d": 1, "p.png": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(("frames", "second"), [(3, "a"), ([1], "b"), ((2, 2), "b"), ([9], "a")])
def test_one_number_will_do_and_those_beyond_the_end_do_nothing(config, frames, second):
    generate.video_frames(
        2, 1, 0, config(), "a ^ b ^ c", change_prompts_on_frame=frames,
        generated_video_frames_path="vf",
    )  # fmt: skip
    assert list(shown(2)) == [second]


def test_serial_prompts_without_frames_are_spoken_of(config, caplog):
    generate.video_frames(1, 1, 0, config(), "a ^ b", generated_video_frames_path="vf")
    assert "change_prompts_on_frame" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"num_video_frames": "string"}, "num_video_frames must be an int"),
        ({"num_video_frames": None}, "num_video_frames must be an int"),
        ({"text_prompts": 3}, "text_prompts must be a string"),
        ({"change_prompts_on_frame": "3"}, "counted from 1"),
        ({"change_prompts_on_frame": [0]}, "counted from 1"),
        ({"init_image": "none.png"}, "init_image does not exist"),
    ],
)
def test_wrong_arguments_of_films_are_value_errors(config, arguments, why):
    usual = {"num_video_frames": 1, "text_prompts": "a", "eng_config": config()}
    with pytest.raises(ValueError, match=why):
        generate.video_frames(**{**usual, **arguments})


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"zoom_scale": 0}, "zoom_scale"),
        ({"zoom_scale": "1 +"}, "zoom_x_2d"),
        ({"z_smoother": True, "z_smoother_buffer_len": 4}, "odd number"),
    ],
)
def test_wrong_motion_and_smoothing_are_refused(here, config, arguments, why):
    with pytest.raises(MutoscopeError, match=why):
        generate.video_frames(1, 1, 0, config(), "a", **arguments)
    assert list(here.iterdir()) == []


def test_an_even_length_does_not_matter_while_nothing_is_smoothed(config):
    generate.video_frames(
        1, 1, 0, config(), "a", z_smoother_buffer_len=4, generated_video_frames_path="vf"
    )


def test_the_first_frame_gets_more_steps_unless_there_is_a_picture(config, draw):
    draw("start.png")
    generate.video_frames(2, 2, 3, config(), "a", generated_video_frames_path="vf")
    steps = [read_recipe(f"vf/frame_{n:012d}.jpg")["step"] for n in (1, 2)]
    assert steps == [5, 7]
    generate.video_frames(
        2, 2, 3, config(), "a", init_image="start.png", generated_video_frames_path="other"
    )
    told = [read_recipe(f"other/frame_{n:012d}.jpg") for n in (1, 2)]
    assert [each["step"] for each in told] == [2, 4]
    assert (told[0]["settings"]["width"], told[0]["settings"]["height"]) == (32, 24)


def warp_of(zoom, right, down, *, size, frame=1) -> Warp:
    """The warp of one move by the settings that stand for a zoom and a shift."""
    from mutoscope.build import build

    settings = load_settings(
        {
            "scenes": "a", "perceptors": "tiny", "image_model": "Unlimited Palette",
            "width": size[0], "height": size[1], "steps_per_scene": 40, "steps_per_frame": 1,
            "pre_animation_steps": 1, "seed": 0, **moving(zoom, right, down, size=size),
        },
        quiet=True,
    )  # fmt: skip
    parts = build(settings)
    shot = next(s for s in parts.schedule.shots() if s.moment.frame == frame)
    return parts.motion(parts.canvas.image(), shot)


@pytest.mark.parametrize(
    ("zoom", "right", "down"), [(1.02, 0, 0), (1.0, 3, -2), (1.1, 5, 7), (0.9, 1, 2)]
)
def test_zoom_and_shift_move_pixels_as_documented(zoom, right, down):
    size = (64, 48)
    displacement = warp_of(zoom, right, down, size=size).displacement[0]  # (2, H, W)
    # Zoom about the centre, then shift: what was at p comes to zoom * p + shift.
    x = torch.arange(64) + 0.5 - 32
    y = torch.arange(48) + 0.5 - 24
    before_x, before_y = (x - right) / zoom, (y - down) / zoom
    assert torch.allclose(displacement[0], (x - before_x).expand(48, 64), atol=1e-4)
    assert torch.allclose(displacement[1], (y - before_y)[:, None].expand(48, 64), atol=1e-4)


def test_motion_may_vary_with_the_frame():
    zoom, shift = "1.5 if frame >= 3 else 1", "2 if frame < 3 else 0"
    early, late = (warp_of(zoom, shift, 0, size=(64, 48), frame=n) for n in (2, 3))
    assert torch.allclose(early.displacement[0, 0], torch.tensor(2.0), atol=1e-5)
    assert late.displacement[0, 0, 0, 0] == pytest.approx(-31.5 + 31.5 / 1.5, abs=1e-4)


# ── footage ──


def test_footage_is_painted_anew_frame_by_frame(here, config, footage):
    used = config(output_image_size=[24, 24])
    for folder in ("one", "two"):
        line = generate.style_transfer(
            footage(), used, "a fox ^ a boat", iterations_per_frame=1, change_prompts_on_frame=[3],
            iterations_for_first_frame=2, generated_video_frames_path=folder,
            current_source_frame_prompt_weight=0.1,
        )  # fmt: skip
    names = [f"frame_{n:012d}.jpg" for n in (1, 2, 3)]
    assert sorted(path.name for path in (here / "one").iterdir()) == names
    assert sorted(p.name for p in here.iterdir()) == ["footage", "one", "two"]
    told = read_recipe(here / "one" / names[2])
    assert told["settings"]["direct_stabilization_weight"] == "2.0"
    assert told["settings"]["semantic_stabilization_weight"] == "0.1"
    assert told["step"] == 5
    assert "current_source_frame_image_weight: 2.00" in line
    for name in names:
        one, two = load_image(here / "one" / name), load_image(here / "two" / name)
        assert one.shape == (1, 3, 20, 28)  # 27.7 and 20.8 in squares of 4
        assert torch.equal(one, two)


def test_weight_draws_frames_to_their_footage(here, config, footage):
    paths = footage()
    apart = []
    for weight in (0, 50):
        generate.style_transfer(
            paths, config(settings={"image_model": "Unlimited Palette"}), "a fox",
            iterations_per_frame=5, current_source_frame_image_weight=weight,
            generated_video_frames_path=f"by-{weight}",
        )  # fmt: skip
        painted = load_image(here / f"by-{weight}" / "frame_000000000003.jpg")
        apart.append(float((painted - load_image(paths[2])).square().mean()))
    assert apart[1] < apart[0] / 2


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ("film.mp4", "video_frames must be a list"),
        ([], "the list is empty"),
        (["none.png"], r"none\.png does not exist"),
    ],
)
def test_footage_that_is_none_is_a_value_error(config, frames, why):
    with pytest.raises(ValueError, match=why):
        generate.style_transfer(frames, config(), "a")


def test_footage_of_differing_size_and_missing_frames_are_refused(here, config, footage):
    paths = footage()
    save_image(torch.zeros(1, 3, 10, 12), paths[1])
    with pytest.raises(MediaError, match=r"frame_000000000002\.png is 12 × 10"):
        generate.style_transfer(paths, config(), "a")
    Path(paths[1]).unlink()
    with pytest.raises(MediaError, match=r"frame_000000000002\.png does not exist"):
        generate.style_transfer(paths, config(), "a")


def test_footage_is_never_painted_over(config, footage):
    paths = footage()
    everything = config(settings={"allow_overwrite": True})
    with pytest.raises(MediaError, match="where the results are to go"):
        generate.style_transfer(paths, everything, "a", generated_video_frames_path="footage")
    assert all(Path(path).is_file() for path in paths)


# ── interrupted ──


@pytest.mark.parametrize("kind", ["video", "style"])
def test_an_interrupted_call_goes_on_and_ends_as_if_it_never_was(
    here, config, footage, monkeypatch, kind
):
    paths = footage(4)

    def make(folder, prompt="a"):
        if kind == "video":
            return generate.video_frames(
                4, 2, 1, config(), prompt, generated_video_frames_path=folder, zoom_scale=1.1
            )
        return generate.style_transfer(
            paths, config(), prompt, iterations_per_frame=2, generated_video_frames_path=folder
        )

    make("whole")
    from mutoscope.vqgan_clip import calls

    save = calls.save_picture

    def stop(image, path, *, recipe):
        if path.name.endswith("3.jpg"):
            raise KeyboardInterrupt
        save(image, path, recipe=recipe)

    monkeypatch.setattr(calls, "save_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        make("parts")
    assert len(list((here / "parts").iterdir())) == 2
    with pytest.raises(RunError, match="make that call again"):
        make("parts", "something else")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    make("parts")
    for path in (here / "whole").iterdir():
        assert torch.equal(load_image(path), load_image(here / "parts" / path.name))
    assert not (here / ".parts.work").exists()


def test_noise_prompts_are_wishes_drawn_from_their_seeds(config):
    for name, noise in (("a", "123:0.5 | 7"), ("b", "123:0.5 | 7"), ("c", "124:0.5 | 7 ^ 9")):
        generate.image(f"{name}.png", config(), noise_prompts=noise, iterations=3)
    told = load_settings(read_recipe("a.png")["settings"], quiet=True)
    assert [(p.kind, p.text) for p in told.script.scenes[0].prompts] == [
        ("noise", "123"), ("noise", "7"),
    ]  # fmt: skip
    a, b, c = (load_image(f"{name}.png") for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
