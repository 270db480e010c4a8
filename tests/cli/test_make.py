"""image, render, resume, demo, plan: as a user types them."""

import pytest

from mutoscope.build import parts
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe
from mutoscope.settings import load_settings


def pixels(path):
    return load_image(path)


# ── image ──


def test_a_picture_from_words(call, here, small):
    code, out, err = call("image", "a red fox in the snow", *small)
    assert code == 0
    assert out == ["images_out/a-red-fox-in-the-snow/a-red-fox-in-the-snow/frames/"
                   "a-red-fox-in-the-snow_1.png"]  # fmt: skip
    assert pixels(here / out[0]).shape == (1, 3, 32, 32)
    assert err[0].startswith("plan: ")
    assert "of memory" in err[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "PNG"])
def test_a_picture_is_copied_where_it_is_wanted(call, here, small, suffix):
    code, out, _ = call("image", "a fox", "-o", f"fox.{suffix}", *small)
    assert (code, out) == (0, [f"fox.{suffix}"])
    assert pixels(here / out[0]).shape == (1, 3, 32, 32)
    assert read_recipe(here / out[0])["settings"]["scenes"] == "a fox"
    kept = here / "images_out/a-fox/a-fox/frames/a-fox_1.png"
    assert read_recipe(kept) == read_recipe(here / out[0])


@pytest.fixture
def no_work(monkeypatch):
    """Fails if a part is made."""
    from mutoscope import build

    def built(*_, **__):
        pytest.fail("work was begun")

    monkeypatch.setattr(build, "build", built)


@pytest.mark.parametrize(
    ("output", "says"),
    [("taken.png", "is there already"), ("no/fox.png", "there is no folder no"),
     ("fox.gif", ".png, .jpg"), ("fox", ".png, .jpg"), ("folder.png", "is there already")],
)  # fmt: skip
def test_an_output_that_cannot_be_is_refused_before_any_work(
    refused, here, small, no_work, output, says
):
    (here / "taken.png").write_bytes(b"mine")
    (here / "folder.png").mkdir()
    assert says in refused("image", "a fox", "-o", output, *small)
    assert (here / "taken.png").read_bytes() == b"mine"


def test_overwriting_when_it_may(call, here, small):
    (here / "fox.png").write_bytes(b"mine")
    for _ in range(2):
        code, out, _ = call("image", "a fox", "-o", "fox.png", "allow_overwrite=true", *small)
        assert (code, out) == (0, ["fox.png"])
    assert pixels(here / "fox.png").shape == (1, 3, 32, 32)
    assert [path.name for path in (here / "images_out/a-fox").iterdir()] == ["a-fox"]


def test_runs_do_not_overwrite_each_other(call, here, small):
    one, two = (call("image", "a fox", *small)[1][0] for _ in range(2))
    assert one != two
    assert "a-fox(1)" in two
    assert (here / one).read_bytes()[:4] == (here / two).read_bytes()[:4]


def test_a_prompt_that_begins_with_a_dash(call, small):
    assert call("image", "--", "-a fox", *small)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a fox", "stepz=3"], "did you mean 'steps_per_"),
        (["a fox", "step_per_scene=3"], "did you mean 'steps_per_scene'"),
        (["a fox", "steps_per_scene=0"], "steps_per_scene"),
        (["a fox", "cutouts=many"], "cutouts"),
        (["a fox", "width=8"], "width"),
        (["a fox", "=3"], "KEY=VALUE"),
        ([""], "there is no prompt"),
        ([" | "], "there is no prompt"),
        (["a fox:0"], "weight 0"),
        (["a fox:2*"], "column"),
        (["a fox", "device=cuda:7"], "cuda:7"),
        (["a fox", "device=tpu"], "device"),
        (["a fox", "perceptors=nothing"], "nothing"),
        (["a fox", "perceptors=missing.pt"], "missing.pt"),
        (["a fox", "seed=1.5"], "seed"),
        (["a fox", "seed=99999999999999999999999"], "seed"),
        (["a fox", "file_namespace=../x"], "file_namespace"),
        (["a fox", "init_image=missing.png"], "missing.png"),
        (["[missing.png]"], "missing.png"),
        (["a fox:1_[missing.mp4]"], "missing.mp4"),
        (["a fox", "learning_rate=nan"], "learning_rate"),
        (["a fox", "lock_palette=true"], "no palettes"),
    ],
)
def test_bad_input_is_one_line(refused, small, words, says):
    known = {override.partition("=")[0] for override in words[1:]}
    rest = [override for override in small if override.partition("=")[0] not in known]
    assert says in refused("image", *words, *rest)


def test_clip_offline_is_one_line(refused, small):
    line = refused("image", "a fox", *small[1:], "perceptors=ViT-B/32")
    assert "ViT-B/32" in line
    assert "HF_HUB_OFFLINE" in line


@pytest.mark.parametrize("seed", ["-5", "0", str(2**64 - 1)])
def test_odd_seeds(call, small, seed):
    assert call("image", "a fox", *small, f"seed={seed}")[0] == 0


@pytest.mark.parametrize("changes", [["palettes=1"], ["palettes=1", "palette_size=1"]])
def test_one_palette_is_a_sane_result(call, here, small, changes):
    code, out, _ = call("image", "a fox", "image_model=Limited Palette", *changes, *small)
    assert code == 0
    assert pixels(here / out[0]).isfinite().all()


def test_a_folder_that_cannot_be_written(call, here, small):
    (here / "images_out").write_text("a file in the way")
    code, out, err = call("image", "a fox", *small)
    assert (code, out) == (2, [])
    assert "images_out" in err[-1]


# ── render ──


def test_a_film_from_a_file(call, here, film):
    code, out, err = call("render", film, "seed=8")
    assert (code, out) == (0, ["images_out/toy/toy/toy.mp4"])
    assert err[0].startswith("plan: ")
    assert (here / out[0]).stat().st_size > 500
    told = load_settings(here / "images_out/toy/toy/settings.yaml")
    assert told.seed == 8
    assert told.perceptors == ("tiny",)


def test_a_still_from_a_file(call, here, film):
    code, out, _ = call("render", film, "animation_mode=off")
    assert (code, out) == (0, ["images_out/toy/toy/frames/toy_4.png"])


@pytest.mark.parametrize("name", ["frames/toy_2.png", "toy.mp4"])
def test_a_picture_is_rendered_again_from_its_recipe(call, here, film, name):
    call("render", film)
    code, out, _ = call("render", f"images_out/toy/toy/{name}")
    assert (code, out) == (0, ["images_out/toy/toy(1)/toy(1).mp4"])
    for number in range(1, 5):
        one = pixels(here / f"images_out/toy/toy/frames/toy_{number}.png")
        other = pixels(here / f"images_out/toy/toy(1)/frames/toy(1)_{number}.png")
        assert one.equal(other)


def test_bad_settings_files_are_one_line(refused, here):
    (here / "folder.yaml").mkdir()
    (here / "binary.yaml").write_bytes(bytes(range(256)))
    (here / "empty.yaml").write_text("")
    (here / "list.yaml").write_text("- a\n- b\n")
    (here / "broken.yaml").write_text("scenes: [a\n")
    (here / "typo.yaml").write_text("scenes: a fox\n\nstepz_per_scene: 3\n")
    (here / "plain.png").write_bytes(b"not a picture")
    for name, says in [
        ("missing.yaml", "does not exist"), ("folder.yaml", "is a folder"),
        ("binary.yaml", "binary"), ("empty.yaml", "no prompt"), ("list.yaml", "key: value"),
        ("broken.yaml", "broken.yaml:"), ("typo.yaml", "typo.yaml:3: "), ("plain.png", "plain.png"),
        ("missing.png", "missing.png"),
    ]:  # fmt: skip
        assert says in refused("render", name)


def test_notices_are_printed_once_each_in_a_line(call, film):
    _, _, err = call("render", film, "animation_mode=off", "film=true", "show_palette=true")
    assert [line for line in err if "show_palette" in line] == [
        "show_palette has no effect with image_model: Unlimited Palette"
    ]


def test_a_missing_extra_is_one_line(refused, film, monkeypatch):
    monkeypatch.setattr(parts, "find_spec", lambda _name: None)
    assert "mutoscope[tensorboard]" in refused("render", film, "use_tensorboard=true")


# ── resume ──


def test_a_complete_run_is_left_alone_and_no_network_is_loaded(call, film, monkeypatch):
    from mutoscope import build

    call("render", film)
    monkeypatch.setattr(build, "build", lambda *_, **__: pytest.fail("a network was loaded"))
    code, out, err = call("resume", "images_out/toy/toy")
    assert (code, out) == (0, ["images_out/toy/toy/toy.mp4"])
    assert err == ["images_out/toy/toy: is complete; there is nothing left to do"]


def test_what_is_no_run_is_refused(refused, here, film):
    (here / "folder").mkdir()
    assert "does not exist" in refused("resume", "missing")
    assert "not the folder of a run" in refused("resume", "folder")
    assert "toy.yaml" in refused("resume", film)


def test_the_folder_above_a_run_names_it(call, refused, film):
    call("render", film)
    assert "images_out/toy/toy" in refused("resume", "images_out/toy")


def test_a_damaged_run_is_one_line(refused, call, here, film):
    call("render", film)
    (here / "images_out/toy/toy/run.json").write_text("{")
    assert "damaged" in refused("resume", "images_out/toy/toy")


def test_a_run_in_use_is_refused(refused, call, here, film):
    from mutoscope.run import Run

    call("render", film)
    with Run.open(here / "images_out/toy/toy") as run:
        run.rewind(4)
        assert "in use" in refused("resume", "images_out/toy/toy")


# ── plan ──


def test_a_plan_prints_the_timeline_and_writes_nothing(call, here, film):
    code, out, err = call("plan", film, "steps_per_scene=9")
    assert (code, err) == (0, [])
    assert out[0].startswith("plan: ")
    assert [line.split() for line in out[1:]] == [
        ["steps", "files", "t", "scene"],
        ["0-9", "1-3", "-0.08-0.17", "s", "a", "fox"],
        ["9-18", "4-6", "0.17-0.42", "s", "a", "boat"],
        ["film:", "6", "frames,", "0.50", "s,", "moved", "5", "times"],
    ]
    assert not (here / "images_out").exists()


def test_a_plan_of_what_cannot_be_is_one_line(refused, film):
    assert "steps_per_frame" in refused("plan", film, "steps_per_frame=0")


# ── demo ──


def test_the_demo_makes_a_picture_and_a_film(call, here, monkeypatch):
    changes = ["width=32", "height=32", "steps_per_scene=4", "cutouts=2", "perceptors=tiny",
               "pre_animation_steps=2", "steps_per_frame=2", "interpolation_steps=0"]  # fmt: skip
    code, out, err = call("demo", "--folder", "there", *changes)
    assert code == 0
    assert [line.split()[0] for line in out] == ["picture:", "film:"]
    picture, film = (here / line.split(None, 1)[1] for line in out)
    assert pixels(picture).shape == (1, 3, 32, 32)
    assert film.suffix == ".mp4"
    assert film.exists()
    assert picture.is_relative_to(here / "there")
    assert len([line for line in err if line.startswith("plan: ")]) == 2


@pytest.mark.parametrize("arguments", [
    ["image", "a fox", "--count", "2"], ["render", "toy.yaml", "--frames", "..1"],
])  # fmt: skip
def test_a_profile_is_of_one_run(call, small, film, arguments):
    code, _, err = call(*arguments, *small, "--profile")
    assert code == 2
    assert err[-1].startswith("mutoscope: --profile is for one run")
