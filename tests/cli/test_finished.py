"""film and show: what works on pictures already made."""

import json
import shlex

import pytest

from mutoscope.frames import ClipSource
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe

# ── film ──


def test_a_film_of_a_folder(call, here, draw):
    (here / "pictures").mkdir()
    for number in (1, 2, 10):
        draw(f"pictures/a_{number}.png", (32, 32), colour=(25 * number, 0, 0))
    code, out, err = call("film", "pictures", "-o", "a.mp4", "--fps", "5")
    assert (code, out, err) == (0, ["a.mp4"], [])
    film = ClipSource(here / "a.mp4")
    assert (film.length, film.rate) == (3, 5)
    reds = [float(frame[:, 0].mean()) for frame in film]
    assert reds == sorted(reds)


def test_a_film_of_a_run(call, here, film):
    call("render", film, "film=false")
    assert call("film", "images_out/toy/toy", "-o", "again.mp4")[0] == 0
    assert ClipSource(here / "again.mp4").length == 4


def test_a_film_overwrites_nothing_unless_it_may(call, refused, here, draw):
    (here / "p").mkdir()
    draw("p/1.png", (32, 32))
    (here / "a.mp4").write_bytes(b"mine")
    assert "a.mp4" in refused("film", "p", "-o", "a.mp4")
    assert (here / "a.mp4").read_bytes() == b"mine"
    assert call("film", "p", "-o", "a.mp4", "--overwrite")[0] == 0
    assert ClipSource(here / "a.mp4").length == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing", "-o", "a.mp4"], "missing"),
        (["empty", "-o", "a.mp4"], "holds no picture"),
        (["p", "-o", "no/a.mp4"], "no/a.mp4"),
        (["p", "-o", "a.xyz"], "a.xyz"),
        (["p", "-o", "a.mp4", "--fps", "0"], "0"),
        (["p", "-o", "a.mp4", "--fps", "nan"], "nan"),
        (["p", "-o", "a.mp4", "--fps", "fast"], "fast"),
        (["p", "-o", "a.mp4", "--crf", "99"], "99"),
        (["mixed", "-o", "a.mp4"], "one size"),
        (["broken", "-o", "a.mp4"], "none of its 1 pictures"),
        (["p", "-o", "a"], ".mp4, .mov, .webm, .mkv, .gif, .webp, .png"),
        (["p", "-o", "a.gif", "--fps", "60"], "50"),
        (["p", "-o", "a.gif", "--sound", "song.wav"], "no sound"),
        (["p", "-o", "a.gif", "--crf", "5"], "leave it out"),
        (["p", "-o", "a.mp4", "--loop", "0"], "for ever"),
        (["p", "-o", "a.mp4", "--sound", "song.wav"], "song.wav"),
        (["p", "-o", "a.mp4", "--sound-from", "3"], "--sound"),
        (["p", "-o", "a.mp4", "--frames", "2..5"], "1..1"),
        (["p", "-o", "a.mp4", "--frames", "5..2"], "5..2"),
        (["p", "-o", "a.mp4", "--frames", "soon"], "soon"),
        (["p", "-o", "a.mp4", "--frames", "0..2"], "0..2"),
        (["p", "wide", "-o", "a.mp4"], "wide is 48 × 32"),
        (["p"], "-o"),
        (["-o", "a.mp4"], "SOURCE"),
    ],
)
def test_what_makes_no_film_is_said_and_leaves_nothing(call, here, draw, words, says):
    for name in ("empty", "p", "mixed", "broken", "wide"):
        (here / name).mkdir()
    for name in ("p/1.png", "mixed/1.png"):
        draw(name, (32, 32))
    draw("mixed/2.png", (48, 32))
    draw("wide/1.png", (48, 32))
    (here / "broken/2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, out, err = call("film", *words)
    assert (code, out) == (2, [])
    assert says in err[-1]
    assert not [path for path in here.rglob("*") if path.is_file() and path.suffix != ".png"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv", ".gif", ".webp", ".png"])
def test_each_kind_of_film_of_a_run_tells_its_recipe(call, here, film, suffix):
    call("render", film)
    code, out, err = call("film", "images_out/toy/toy", "-o", f"again{suffix}")
    assert (code, out, err) == (0, [f"again{suffix}"], [])
    _, shown, _ = call("show", f"again{suffix}")
    assert 'scenes: "a fox || a boat"' in shown


def test_runs_are_joined_in_the_order_given(call, here, film):
    call("render", film, "film=false")
    call("render", film, "film=false", "seed=8", "file_namespace=other")
    runs = ["images_out/other/other", "images_out/toy/toy"]
    assert call("film", *runs, "-o", "both.mkv", "--fps", "6")[0] == 0
    both = ClipSource(here / "both.mkv")
    assert both.rate == 6
    frames = [
        load_image(here / run / f"frames/{run.split('/')[-1]}_{n}.png")
        for run in runs
        for n in (1, 2, 3, 4)
    ]
    for one, other in zip(both, frames, strict=True):
        assert one.equal(other)


def test_a_damaged_picture_is_named_once_and_left_out(call, here, draw):
    (here / "p").mkdir()
    for number in (1, 2, 3):
        draw(f"p/{number}.png", (32, 32), colour=(80 * number, 0, 0))
    (here / "p/2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, _, err = call("film", "p", "-o", "a.mkv", "--loop", "3")
    assert code == 0
    assert len(err) == 1
    assert "p/2.png" in err[0]
    assert len(list(ClipSource(here / "a.mkv"))) == 6


def test_a_part_of_the_pictures(call, here, draw):
    (here / "p").mkdir()
    for number in range(1, 8):
        draw(f"p/{number}.png", (32, 32), colour=(30 * number, 0, 0))
    for span, numbers in (("3..5", (3, 4, 5)), ("..2", (1, 2)), ("6..", (6, 7)), ("4", (4,))):
        assert call("film", "p", "-o", "a.mkv", "--frames", span, "--overwrite")[0] == 0
        reds = [round(float(frame[0, 0, 0, 0]) * 255) for frame in ClipSource(here / "a.mkv")]
        assert reds == [30 * number for number in numbers]


def test_an_interrupted_film_leaves_nothing(call, here, draw, monkeypatch):
    from mutoscope.run import material

    (here / "p").mkdir()
    for number in (1, 2, 3):
        draw(f"p/{number}.png", (32, 32))
    (here / "a.gif").write_bytes(b"mine")
    loads = []

    def interrupted(path):
        loads.append(path)
        if len(loads) == 4:
            raise KeyboardInterrupt
        return load_image(path)

    monkeypatch.setattr(material, "load_image", interrupted)
    assert call("film", "p", "-o", "a.gif", "--overwrite")[0] == 130
    assert {path.name for path in here.iterdir()} == {"a.gif", "p"}
    assert (here / "a.gif").read_bytes() == b"mine"


# ── show ──


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ('a fox\'s | "snow":-1_l', []),
        ("a fox || a boat", ["image_model=Limited Palette", "palettes=3", "save_every=2"]),
        ("-a fox:1+t", ["pixel_size=2", "animation_mode=2D", "rotate_2d=5", "save_every=2"]),
        ("[start.png]", ["init_image=start.png", "direct_init_weight=1"]),
    ],
)
def test_the_command_that_is_shown_makes_the_picture_again(
    call, here, small, draw, prompt, changes
):
    draw("start.png")
    _, (picture,), _ = call("image", "--", prompt, *changes, *small)
    code, out, err = call("show", picture)
    assert (code, err) == (0, [])
    command = shlex.split("\n".join(out[out.index("") + 1 :]))
    assert command[:2] == ["mutoscope", "image"]
    _, (again,), _ = call(*command[1:])
    assert again != picture
    assert load_image(here / again).equal(load_image(here / picture))
    assert (
        read_recipe(here / again)["settings"].keys()
        == read_recipe(here / picture)["settings"].keys()
    )


def test_what_is_shown_is_a_settings_file(call, here, film):
    from mutoscope.settings import load_settings

    call("render", film)
    _, out, _ = call("show", "images_out/toy/toy/frames/toy_2.png")
    assert out[:3] == ["# version: 0.1.0", "# frame: 2", "# step: 6"]
    (here / "shown.yaml").write_text("\n".join(out[: out.index("")]))
    assert load_settings(here / "shown.yaml") == load_settings(
        here / "images_out/toy/toy/settings.yaml"
    )


def test_a_film_is_shown_too(call, film):
    call("render", film)
    code, out, _ = call("show", "images_out/toy/toy/toy.mp4")
    assert code == 0
    assert 'scenes: "a fox || a boat"' in out


def test_what_has_no_recipe_is_one_line(refused, here, draw):
    draw("plain.png")
    (here / "text.png").write_text("not a picture")
    (here / "folder").mkdir()
    assert "carries no recipe" in refused("show", "plain.png")
    for name in ("missing.png", "text.png", "folder"):
        assert name in refused("show", name)


def test_a_recipe_cannot_steer_the_terminal(call, here, draw):
    from mutoscope.images import save_image

    evil = {"scenes": "a fox \x1b[2J\x1b]0;owned\x07", "seed": 1}
    told = {"program": "mutoscope", "version": "\x1b[31m9", "settings": evil, "frame": "\x1b[1m"}
    save_image(load_image(draw("plain.png")), here / "evil.png", recipe=told)
    code, out, err = call("show", "evil.png")
    assert code == 0
    assert "\x1b" not in "".join([*out, *err])
    assert "\x07" not in "".join([*out, *err])


def test_a_recipe_of_another_version_is_shown_and_its_keys_refused(call, here, draw):
    from mutoscope.images import save_image

    told = {"program": "mutoscope", "version": "9.0", "settings": {"scenes": "a", "new_key": [1]}}
    save_image(load_image(draw("plain.png")), here / "new.png", recipe=told)
    code, out, err = call("show", "new.png")
    assert code == 2
    assert any("new_key" in line for line in out)
    assert len(err) == 1
    assert "new_key" in err[0]


# ── show --settings, show --json ──


def written(here, lines, name="again.yaml"):
    """What a command printed, as a file, as ``>`` makes it."""
    (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ('a fox\'s | "snow":-1_l ${seed} # 狐', []),
        ("[start.png]", ["init_image=start.png", "image_model=Unlimited Palette"]),
        ("a fox", ["image_model=Limited Palette", "palettes=3", "gamma=1.2"]),
    ],
    ids=["words", "pictures", "palette"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_settings_that_are_shown_make_the_picture_again(
    call, here, small, draw, prompt, changes, suffix
):
    draw("start.png")
    output = f"picture{suffix}"
    assert call("image", prompt, *changes, *small, "-o", output)[0] == 0
    (first,) = here.glob("images_out/*/*/frames/*_1.png")
    code, out, err = call("show", "--settings", output)
    assert (code, err) == (0, [])
    assert f"# the recipe of {output}" in out
    code, (again,), _ = call("render", written(here, out))
    assert code == 0
    assert again != str(first.relative_to(here))
    assert load_image(here / again).equal(load_image(first))
    assert read_recipe(here / again) == read_recipe(here / output)


def test_the_settings_of_a_frame_make_its_film_again_as_far_as_it(call, here, film):
    call("render", film, "film=false")
    frames = here / "images_out/toy/toy/frames"
    _, out, _ = call("show", "--settings", frames / "toy_2.png")
    assert "# frame: 2" in out
    assert "# step: 6" in out
    assert any("--frames ..2" in line for line in out if line.startswith("#"))
    call("render", written(here, out), "--frames", "..2")
    (again,) = here.glob("images_out/*/*(1)/frames/*_2.png")
    assert load_image(again).equal(load_image(frames / "toy_2.png"))
    assert len(list(again.parent.glob("*.png"))) == 2


def test_the_settings_of_a_film_are_those_of_its_frames(call, here, film):
    call("render", film)
    _, of_film, _ = call("show", "--settings", "images_out/toy/toy/toy.mp4")
    _, of_frame, _ = call("show", "--settings", "images_out/toy/toy/frames/toy_4.png")
    values = [[line for line in out if not line.startswith("#")] for out in (of_film, of_frame)]
    assert values[0] == values[1]


def test_of_a_sheet_the_settings_are_those_of_its_first_picture(call, here, small):
    code, out, _ = call("image", "--explore", "a {red,blue} fox", *small)
    assert code == 0
    sheet = out[-1]
    _, out, _ = call("show", "--settings", sheet)
    assert "# sheet, axis 1: red | blue" in out
    assert any(line.startswith("# mutoscope image --explore") for line in out)
    _, (again,), _ = call("render", written(here, out))
    first = min((here / sheet).parent.rglob("frames/*.png"), key=str)
    assert load_image(here / again).equal(load_image(first))


def test_settings_of_another_version_are_refused_before_a_line_is_printed(refused, here, draw):
    from mutoscope.images import save_image

    told = {"program": "mutoscope", "version": "9.0", "settings": {"scenes": "a", "new_key": [1]}}
    save_image(load_image(draw("plain.png")), here / "new.png", recipe=told)
    assert "new_key" in refused("show", "--settings", "new.png")


def test_the_comments_of_a_settings_file_hold_no_settings(call, here, draw):
    from mutoscope.images import save_image
    from mutoscope.settings import load_settings

    told = {"program": "mutoscope", "version": "1\nwidth: 8\u2028width: 8", "step": "\rwidth: 8",
            "settings": {"scenes": "a\nfox", "seed": 1},
            "sheet": {"prompt": "a\nwidth: 8", "count": None, "explored": False, "tried": [],
                      "axes": [["\nwidth: 8"]]}}  # fmt: skip
    save_image(load_image(draw("plain.png")), here / "evil.png", recipe=told)
    code, out, _ = call("show", "--settings", "evil.png")
    assert code == 0
    loaded = load_settings(here / written(here, out))
    assert loaded == load_settings(told["settings"])


def test_a_recipe_as_json_is_the_recipe(call, here, film):
    call("render", film)
    for name in ("frames/toy_2.png", "toy.mp4"):
        path = here / "images_out/toy/toy" / name
        code, out, _ = call("show", "--json", path)
        assert code == 0
        assert json.loads("\n".join(out)) == read_recipe(path)


def test_one_way_to_print_at_a_time(refused, draw):
    assert "--json" in refused("show", "--json", "--settings", draw("plain.png"))


def test_the_fields_of_other_programs_are_shown_as_they_are(call, refused, here):
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("text_prompts", "[['a fox']]")
    info.add_text("seed", "7")
    info.add_itxt("Comment", "one\ntwo \x1b[2J")
    Image.new("RGB", (4, 4)).save(here / "theirs.png", pnginfo=info)
    code, out, err = call("show", "theirs.png")
    assert code == 0
    assert out == ["text_prompts: [['a fox']]", "seed: 7", "Comment: one", "    two �[2J"]
    assert len(err) == 1
    assert "carries no recipe" in err[0]
    _, out, _ = call("show", "--json", "theirs.png")
    assert json.loads("\n".join(out))["fields"]["seed"] == "7"
    assert "carries no recipe" in refused("show", "--settings", "theirs.png")
