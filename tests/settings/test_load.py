import logging
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from mutoscope.errors import MutoscopeError, ScriptError, SettingsError
from mutoscope.settings import load as loading
from mutoscope.settings import load_settings, presets
from mutoscope.settings.keys import Keys
from mutoscope.settings.rules import facts

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="a.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def refusal(*args, **kwargs):
    with pytest.raises(MutoscopeError) as caught:
        load_settings(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ── What PyTTI's users bring ──


def test_a_users_file_loads(write):
    path = write("""# @package _global_
scenes: "a harbour at dawn:2 | boats:1:0.8 || a harbour at night | lanterns:2*(1+sin(t))"
scene_prefix: "oil painting | "
scene_suffix: " | text:-1:-.9 | watermark:-1:-.9"
image_model: Limited Palette
palettes: 12
animation_mode: 2D
translate_x: "-2"
zoom_x_2d: "3"
zoom_y_2d: "3"
steps_per_scene: 1000
steps_per_frame: 50
save_every: ${steps_per_frame}
interpolation_steps: 300
file_namespace: harbour
seed: 123
device: 0
gradient_accumulation_steps: 1
""")
    settings = load_settings(path)
    assert [len(scene.prompts) for scene in settings.script.scenes] == [5, 5]
    assert settings.save_every == 50
    assert settings.curve("translate_x").constant == -2
    assert settings.device == "auto"
    assert (settings.seed, settings.palettes) == (123, 12)


def test_every_key_at_pyttis_default_loads(write):
    """A file with all keys as PyTTI ships them, but for the words."""
    path = write("""# @package _global_
scenes: a fox
scene_prefix: ''
scene_suffix: ''
interpolation_steps: 0
direct_image_prompts: ''
init_image: ''
direct_init_weight: ''
semantic_init_weight: ''
image_model: Unlimited Palette
vqgan_model: sflckr
animation_mode: off
width: 512
height: 512
steps_per_scene: 100
steps_per_frame: 50
learning_rate: null
reset_lr_each_frame: true
seed: ${now:%f}
cutouts: 40
cut_pow: 2
cutout_border: 0.25
border_mode: clamp
field_of_view: 60
near_plane: 1
far_plane: 10000
input_audio: ""
input_audio_offset: 0
input_audio_filters: []
pre_animation_steps: 50
lock_camera: true
translate_x: '0'
translate_y: 0
translate_z_3d: '0.0'
rotate_3d: '[1,0,0,0]'
rotate_2d: '0'
zoom_x_2d: '0'
zoom_y_2d: '0'
sampling_mode: bicubic
infill_mode: wrap
pixel_size: 1
smoothing_weight: 0.02
random_initial_palette: false
palette_size: 5
palettes: 20
gamma: 1
hdr_weight: 0.01
palette_normalization_weight: 0.2
show_palette: false
target_palette: ''
lock_palette: false
frames_per_second: 12
direct_stabilization_weight: ''
semantic_stabilization_weight: '0'
depth_stabilization_weight: 0
edge_stabilization_weight: ''
flow_stabilization_weight: ''
video_path: ''
frame_stride: 1
reencode_each_frame: true
flow_long_term_samples: 1
ViTB32: true
ViTB16: false
ViTL14: false
RN50: false
RN101: false
RN50x4: false
RN50x16: false
RN50x64: false
ViTL14_336px: false
use_mmc: false
mmc_models: []
file_namespace: default
allow_overwrite: false
display_every: 50
clear_every: 0
display_scale: 1
save_every: 50
backups: 3
show_graphs: false
approximate_vram_usage: false
use_tensorboard: false
models_parent_dir: ${user_cache:}
gradient_accumulation_steps: 1
device: 0
restore: false
""")
    written = set(loading._file_layer(path.read_text(), "x").values)
    own = {name for name in Keys.model_fields if facts(name).get("own")}
    assert written == set(Keys.model_fields) - own
    settings = load_settings(path)
    assert settings.perceptor_names == ("ViTB32",)
    assert 0 <= settings.seed < 1_000_000
    assert settings.models_parent_dir == str(Path("~/.cache").expanduser())


def test_a_real_film_loads():
    """Scenes with a blank prompt and bars at both ends, VQGAN, a 3D flight."""
    settings = load_settings(FIXTURES / "user-3d.yaml")
    assert len(settings.script.scenes[0].prompts) == 11
    assert settings.rotation.size == 4


def test_a_real_sound_film_loads():
    """Weights over bands of sound, one of which another divides by."""
    settings = load_settings(FIXTURES / "reference-audio.yaml")
    assert [band.variable_name for band in settings.input_audio_filters] == ["fLo", "fHi"]
    (scene,) = settings.script.scenes
    weights = {prompt.text.strip(): prompt.weight for prompt in scene.prompts}
    assert weights["coloful sparks"]({"fHi": 0.25, "fLo": 0.5}) == 0.75


def test_misspelt_keys_are_understood_with_a_notice(write, caplog):
    path = write("scenes: a\nimage_model: Limimted Palette\ntarget_pallete: x.png\n"
                 "lock_pallete: true\n")  # fmt: skip
    with caplog.at_level(logging.WARNING, "mutoscope"):
        settings = load_settings(path)
    assert (settings.target_palette, settings.lock_palette) == ("x.png", True)
    assert settings.image_model == "Limited Palette"
    assert f"{path}:3: target_pallete is spelt target_palette" in caplog.text
    assert f"{path}:4: lock_pallete is spelt lock_palette" in caplog.text
    message = refusal(path, ["target_palette=y.png", "lock_pallete=maybe"])
    assert message.startswith("lock_pallete=maybe: lock_palette: 'maybe' is not allowed")


def test_a_key_and_its_misspelling_in_one_file(write):
    path = write("scenes: a\ntarget_pallete: x.png\ntarget_palette: y.png\n")
    assert refusal(path).startswith(f"{path}:2: target_pallete: is target_palette misspelt")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("defaults: [_self_]", "Hydra's list of files"),
        ("conf: demo", "give that file's own path"),
        ("resume: true", "mutoscope resume FOLDER"),
        ("restore: true", "mutoscope resume FOLDER"),
        ("translate_z_3D: 3", "did you mean 'translate_z_3d'?"),
        ("rotate_2D: 3", "did you mean 'rotate_2d'?"),
        ("vitb32: true", "did you mean 'ViTB32'?"),
        ("zzz: 3", "`mutoscope settings` lists them"),
    ],
)
def test_keys_that_are_none(write, key, words):
    path = write(f"scenes: a\n{key}\n")
    message = refusal(path)
    assert message.startswith(f"{path}:2: {key.split(':')[0]}: ")
    assert words in message


# ── Layers ──


def test_overrides_win_over_the_file_and_the_file_over_the_preset(write, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "PRESETS", tmp_path)
    write("width: 100\nheight: 100\ncutouts: 7\nsave_every: ${steps_per_frame}\n", "small.yaml")
    path = write("scenes: a\nwidth: 200\nsteps_per_frame: 9\n")
    settings = load_settings(path, ["height=300", "steps_per_frame=11"], preset="small")
    assert (settings.width, settings.height, settings.cutouts) == (200, 300, 7)
    assert settings.save_every == settings.steps_per_frame == 11
    assert load_settings({"scenes": "a"}, preset="small").save_every == 50
    message = refusal({"scenes": "a"}, preset="smal")
    assert "preset: 'smal' is not known" in message
    assert message.endswith("did you mean 'small'?")


def test_a_presets_mistakes_are_placed(write, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "PRESETS", tmp_path)
    write("\nwidht: 100\n", "odd.yaml")
    assert refusal({"scenes": "a"}, preset="odd").startswith("preset odd:2: widht: is no setting")


@pytest.mark.parametrize("name", presets())
def test_our_presets_load(name):
    assert load_settings({"scenes": "a fox"}, preset=name).scenes == "a fox"


def test_a_preset_is_a_name_and_no_path(tmp_path):
    (tmp_path / "x.yaml").write_text("width: 64\n")
    assert "is not known" in refusal({"scenes": "a"}, preset=str(tmp_path / "x"))
    assert "is not known" in refusal({"scenes": "a"}, preset="../load")


def test_nothing_at_all_says_what_to_write():
    assert "scenes: there is no prompt" in refusal()
    assert "write one, such as scenes: a harbour at dawn" in refusal()


# ── Overrides ──


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30))
def test_a_text_comes_through_an_override_as_it_is(text):
    loaded = load_settings({"scenes": "a"}, [f"scene_prefix={as_prompt(text)}"])
    assert loaded.scene_prefix == as_prompt(text)


def as_prompt(text):
    """The text as one the scene language reads, whatever it holds."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"x{escaped}"'


@pytest.mark.parametrize(
    "text",
    ["a fox: 2 | b", 'say "hi", ok = {x} [y', "#1 & é", "${x} \\${y}", "off", "null", "12", " a "],
)
def test_scenes_by_override(text):
    try:
        loaded = load_settings(None, [f"scenes={text}"])
    except ScriptError:  # the scene language's own business
        assert "[y" in text
    else:
        assert loaded.scenes == text


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("width=384", "width", 384),
        ("+width=384", "width", 384),
        ("width = 384", "width", 384),
        ("animation_mode=off", "animation_mode", "off"),
        ("learning_rate=null", "learning_rate", None),
        ("learning_rate=1e-2", "learning_rate", 0.01),
        ("backups=all", "backups", "all"),
        ("backups=.inf", "backups", "all"),
        ("rotate_3d=[1, 0, 0, 0]", "rotate_3d", "[1, 0, 0, 0]"),
        ("perceptors=[labels, tiny]", "perceptors", ("labels", "tiny")),
        ("perceptors=ViT-B-32::openai", "perceptors", ("ViT-B-32::openai",)),
        ("save_every=${steps_per_frame}", "save_every", 50),
        ("file_namespace=run_${width}", "file_namespace", "run_512"),
        ("direct_image_prompts=", "direct_image_prompts", ""),
        ("translate_x=4*sin(t)", "translate_x", "4*sin(t)"),
        ("gradient_accumulation_steps=auto", "gradient_accumulation_steps", "auto"),
        ("device=1", "device", "cuda:1"),
    ],
)
def test_overrides(override, key, value):
    assert getattr(load_settings({"scenes": "a"}, [override]), key) == value


def test_the_last_override_of_a_key_wins():
    assert load_settings({"scenes": "a"}, ["width=100", "width=200"]).width == 200


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("width", "'width': is no KEY=VALUE; write for example width=384"),
        ("=3", "'=3': is no KEY=VALUE"),
        ("width=abc", "width=abc: width: 'abc' is not allowed; give a whole number from 16 to"),
        ("width=[1", "width=[1: is not YAML"),
        ("widht=3", "widht=3: widht: is no setting; did you mean 'width'?"),
        ("translate_x=2*", "translate_x=2*: translate_x"),
        ("scenes=a:b", "scenes=a:b: scenes"),
        (
            "width=${hieght}",
            "width=${hieght}: width: ${hieght} names no key; did you mean 'height'?",
        ),
    ],
)
def test_refused_overrides(override, message):
    assert refusal({"scenes": "a"}, [override]).startswith(message)


# ── Mappings ──


def test_an_override_of_several_lines_is_refused_in_one():
    assert refusal({"scenes": "a"}, ["width=1\n2"]).startswith("width=1\\n2: width: ")
    assert refusal({"scenes": "a"}, ["file_namespace=\udcff"]).startswith(
        "file_namespace=\\udcff: "
    )


def test_a_mapping_is_taken_as_it_is():
    settings = load_settings({"scenes": "${x} \\${y}", "file_namespace": "a$b", "translate_x": 0.5})
    assert settings.scenes == "${x} \\${y}"
    assert settings.translate_x == "0.5"
    assert "3 stands as a key" in refusal({3: 4})


def test_a_config_of_omegaconf_is_a_mapping():
    config = OmegaConf.create({"scenes": "a", "width": "${height}", "height": 64,
                               "mmc_models": [{"id": "RN50"}], "use_mmc": True})  # fmt: skip
    settings = load_settings(config)
    assert settings.width == 64
    assert settings.perceptor_names == ("RN50::openai",)


# ── Seeds ──


def test_no_seed_is_a_new_one_that_is_written_down():
    first, second = load_settings({"scenes": "a"}), load_settings({"scenes": "a", "seed": None})
    assert first.seed != second.seed
    assert f"\nseed: {first.seed}\n" in first.to_yaml()


def test_a_new_seed_is_one_seed_everywhere():
    settings = load_settings({"scenes": "a"}, ["file_namespace=run_${seed}"])
    assert settings.file_namespace == f"run_{settings.seed}"


def test_zero_is_a_seed():
    assert load_settings({"scenes": "a", "seed": 0}).seed == 0


# ── Paths ──


def test_paths_in_a_file_begin_in_its_folder(write, tmp_path):
    path = write("scenes: a | [b.png]\ninit_image: sub/c.png\ndirect_init_weight: 1\n")
    settings = load_settings(path)
    assert settings.init_image == "sub/c.png"
    assert settings.resolve(settings.init_image) == str(tmp_path / "sub/c.png")
    assert settings.resolve("/x/y.png") == "/x/y.png"
    assert settings.resolve("https://h:80/a.png") == "https://h:80/a.png"
    assert settings.resolve("~/a.png") == str(Path("~/a.png").expanduser())


def test_paths_of_overrides_begin_in_the_current_folder(write, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    (here / "b.png").touch()
    path = write("scenes: a\n")
    monkeypatch.chdir(here)
    overrides = [
        "init_image=c.png",
        "scenes=[b.png]:1_[-b.png] | x [d.png]",
        "target_palette=p.png",
    ]
    settings = load_settings(path, [*overrides, "image_model=Limited Palette"])
    assert settings.init_image == str(here / "c.png")
    assert settings.target_palette == str(here / "p.png")
    assert settings.scenes == f"[{here}/b.png]:1_[-{here}/b.png] | x [d.png]"
    assert settings.resolve("d.png") == str(tmp_path / "d.png")
    settings = load_settings(path, ["init_image=https://h/a.png", "perceptors=[m.pt, tiny]"])
    assert settings.init_image == "https://h/a.png"
    assert settings.perceptors == (str(here / "m.pt"), "tiny")


def test_paths_of_a_mapping_begin_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"scenes": "a", "init_image": "c.png"}, ["init_image=d.png"])
    assert settings.resolve(settings.init_image) == str(tmp_path / "d.png")


def test_an_unknown_home_is_a_name_like_any_other(write, tmp_path):
    path = write("scenes: a\ninit_image: ~nobody-here/a.png\n")
    settings = load_settings(
        path, ["target_palette=~nobody-here/p.png", "image_model=Limited Palette"]
    )
    assert settings.resolve(settings.init_image) == str(tmp_path / "~nobody-here/a.png")
    assert "does not exist" in refusal("~nobody-here/a.yaml")
    assert "paths_from: ['x'] is not allowed" in refusal({"scenes": "a", "paths_from": ["x"]})


def test_where_paths_begin_can_be_said(write, tmp_path):
    path = write("scenes: a\npaths_from: other\n")
    assert load_settings(path).resolve("x") == str(tmp_path / "other/x")
    assert load_settings({"scenes": "a"}, base=tmp_path).resolve("x") == str(tmp_path / "x")


# ── Everything that is wrong, at once ──


def test_all_problems_are_said_together(write):
    path = write(
        "scenes: 'a:('\nwidht: 3\nheight: true\nimage_model: Limited palette\n"
        "cutouts: 0\nsteps_per_scene: 0\n"
    )
    parts = refusal(path, ["cut_pow=no"]).split("; ")
    places = [p.split(": ")[0] for p in parts if p.startswith((f"{path}:", "cut_pow"))]
    assert sorted(places) == sorted([*(f"{path}:{n}" for n in (1, 2, 3, 4, 5, 6)), "cut_pow=no"])


def test_what_hangs_on_a_refused_value_is_not_said(write):
    path = write("scenes: [a]\ncutouts: x\ngradient_accumulation_steps: 100\n")
    message = refusal(path)
    assert "there is no prompt" not in message
    assert "can't be made of" not in message


def test_only_a_scene_wrong_is_a_script_error(write):
    with pytest.raises(ScriptError):
        load_settings({"scenes": "a:("})
    with pytest.raises(SettingsError) as caught:
        load_settings({"scenes": "a:(", "width": 1})
    assert not isinstance(caught.value, ScriptError)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("width", 15, "a whole number from 16 to 16384, or -1"),
        ("width", -2, "or -1"),
        ("width", 20_000, "or -1"),
        ("width", 512.5, "a whole number"),
        ("width", True, "width: true is not allowed"),
        ("width", None, "width: null is not allowed"),
        ("steps_per_scene", 0, "a whole number from 1 to"),
        ("steps_per_frame", 0, "a whole number from 1 to"),
        ("save_every", -1, "a whole number from 0 to"),
        ("cutouts", 4097, "a whole number from 1 to 4096"),
        ("cut_pow", 0, "a number above 0 to 100"),
        ("cut_pow", math.nan, "a number above 0"),
        ("cutout_border", 1.5, "a number from 0 to 1"),
        ("palettes", 0, "a whole number from 1"),
        ("gamma", 0, "a number above 0"),
        ("frames_per_second", math.inf, "a number above 0 to 1000"),
        ("learning_rate", 0, "a number above 0 to 100, or null"),
        ("learning_rate_decay", 0, "a number above 0 to 1"),
        ("contrast_weight", -1, "a number of at least 0"),
        ("film_quality", 52, "a whole number from 0 to 51"),
        ("backups", -1, "0 or more, or all"),
        ("backups", "some", "0 or more, or all"),
        ("gradient_accumulation_steps", 0, "auto, or a whole number of at least 1"),
        ("device", "gpu", "auto, cpu, mps, cuda, cuda:N, or the number of a GPU"),
        ("device", -1, "auto, cpu"),
        ("seed", 1.5, "a whole number from -2^63"),
        ("seed", 2**64, "a whole number from -2^63"),
        ("border_mode", "clmap", "did you mean 'clamp'?"),
        ("sampling_mode", "cubic", "did you mean 'bicubic'?"),
        ("infill_mode", False, "one of mirror, wrap, black, smear"),
        ("animation_mode", True, "one of off, 2D"),
        ("augmentation", "kornia", "one of pytti, gentle, none"),
        ("reset_lr_each_frame", "maybe", "true or false"),
        ("RN50", "x", "true or false"),
        ("scenes", ["a"], "give text"),
        ("scenes", True, "give text"),
        ("translate_x", True, "a number, an expression of t"),
        ("rotate_3d", "1", "4 numbers"),
        ("translate_x", "__import__('os')", "translate_x"),
        ("translate_x", "fLo", "fLo"),
        ("file_namespace", "a/b", "a folder's name"),
        ("file_namespace", "..", "a folder's name"),
        ("file_namespace", "con", "a folder's name"),
        ("file_namespace", "x" * 121, "a folder's name"),
        ("init_image", "a\0b", "a path or an http(s) address"),
        ("mmc_models", [3], "mmc_models[0]: 3 is no mapping of architecture, publisher, id"),
        ("mmc_models", [{"name": "x"}], "mmc_models[0].name: is not known; allowed are"),
        ("mmc_models", "x", "a list of at most 16 mappings"),
        (
            "input_audio_filters",
            [{"variable_name": "a", "f_center": 1}],
            "input_audio_filters[0]: f_width is missing; give a number above 0",
        ),
        (
            "input_audio_filters",
            [{"variable_name": "a b", "f_center": 1, "f_width": 1}],
            "input_audio_filters[0].variable_name: 'a b' is not allowed",
        ),
    ],
)
def test_values_out_of_range(key, value, allowed):
    message = refusal({"scenes": "a", key: value})
    assert message.startswith(key)
    assert allowed in message


def test_a_files_own_faults_come_first(write, tmp_path):
    assert f"{tmp_path / 'b.yaml'}: does not exist" in refusal(tmp_path / "b.yaml")
    assert "stands here and on line 1" in refusal(write("width: 3\nwidth: 4\n"))
    path = write("scenes: a\nwidth: ${width}\n")
    assert refusal(path).startswith(f"{path}:2: width: leads back to itself")
    path = write("scenes: ${oc.env:HOME}\n")
    assert refusal(path).startswith(f"{path}:1: scenes: '${{oc.env:HOME}}' is not allowed")


# ── Speed ──


def test_loading_imports_nothing_heavy_and_refuses_before(write):
    path = write("scenes: a\nwidht: ${height}\nwidth: x\n")
    code = (
        "import sys, time\nbegan = time.process_time()\n"
        "from mutoscope.settings import load_settings\n"
        "took = time.process_time() - began\n"
        f"try: load_settings({str(path)!r})\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print(sorted({'torch', 'numpy', 'av', 'cv2', 'PIL', 'scipy'} & set(sys.modules)))\n"
        "print(took)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    name, heavy, took = ran.stdout.split("\n")[:3]
    assert (name, heavy) == ("ProblemsError", "[]")
    assert float(took) < 0.8  # twice what it should be, for a busy machine
