"""What is fuzzed of words and settings: everything that a stranger may write by hand.

A target has valid examples, a way to spoil them, and a call that takes the spoilt bytes and the
room that it may write in. The call may refuse them with a `MutoscopeError`; all else is a finding.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz_change import Change, changed_json, changed_text, text_of

from mutoscope import chart, explore, names, sources, vqgan_names
from mutoscope.build.logs import read_logged
from mutoscope.colours import parse_palette
from mutoscope.curves import TIME_NAMES, parse_curve, parse_vector
from mutoscope.drawings.grid import pixels_of
from mutoscope.drawings.margins import read_margins
from mutoscope.drawings.specimens import read_specimens
from mutoscope.errors import MutoscopeError, ScriptError
from mutoscope.frames.base import as_rate
from mutoscope.perceptors.tokenizer import read_tokenizer
from mutoscope.picking.wire import read_change
from mutoscope.provenance.recipe import parse_recipe
from mutoscope.run.about import About
from mutoscope.script import parse_direct_prompts, parse_scenes, parse_story, parse_weight
from mutoscope.settings import load_settings
from mutoscope.sweep.axes import read_axes
from mutoscope.sweep.jobs import Sweep, sweep_of
from mutoscope.train_gan.recipe import Recipe, parse_overrides
from mutoscope.vqgan.config import read_architecture
from mutoscope.walk.bookmarks import NAME as BOOKMARKS
from mutoscope.walk.bookmarks import read_bookmarks
from mutoscope.walk.keys import keys_from, numbers_of
from mutoscope.walk.places import parse_place

Call = Callable[[bytes, Path], object]
_MOMENTS = (0.0, 0.5, 1e6)


@dataclass(frozen=True)
class Target:
    """A reader, and what it may take.

    Attributes:
        name: what it reads.
        seeds: makes the valid examples, in an empty folder.
        change: spoils them.
        call: reads an input; what it gives back is counted where it is a number of bytes.
        seconds: of CPU that one input may take.
        megabytes: by which memory may grow over one input.
        output: megabytes that may come out of it.
        pure: whether it is Python alone, so that coverage can lead the way.
    """

    name: str
    seeds: Callable[[Path], Sequence[bytes]]
    change: Change
    call: Call
    seconds: float = 2.0
    megabytes: int = 100
    output: int = 50
    pure: bool = False


def texts(*examples: str) -> Callable[[Path], Sequence[bytes]]:
    """Examples that are written here."""
    return lambda _: [text.encode() for text in examples]


def file_call(name: str, read: Callable[[Path], object]) -> Call:
    """A call with the input in a file of that name."""

    def call(data: bytes, room: Path) -> object:
        path = room / name
        path.write_bytes(data)
        return read(path)

    return call


# ── words ──


def _values(moment: float) -> dict[str, float]:
    return dict.fromkeys(TIME_NAMES, moment)


def _tried(curve: Any) -> None:
    """Values of a curve; that it has none at a moment is an answer."""
    for moment in _MOMENTS:
        try:
            curve(_values(moment))
        except ScriptError:
            continue


def _scenes(data: bytes, _: Path) -> None:
    script = parse_scenes(text_of(data), prefix="", suffix="")
    for scene in script.scenes:
        for prompt in scene.prompts:
            for curve in (prompt.weight, prompt.stop, prompt.mask.cutoff):
                if curve is not None:
                    _tried(curve)


def _curve(data: bytes, _: Path) -> None:
    _tried(parse_curve(text_of(data), place="fuzz"))


def _vector(data: bytes, _: Path) -> None:
    _tried(parse_vector(text_of(data), size=4, place="fuzz"))


def _weight(data: bytes, _: Path) -> None:
    parse_weight(text_of(data), place="fuzz", files=True)


def _direct(data: bytes, _: Path) -> None:
    parse_direct_prompts(text_of(data))


def _story(data: bytes, _: Path) -> None:
    parse_story(text_of(data))


def _explored(data: bytes, _: Path) -> None:
    explore.explore(text_of(data), [])


def _small_words(data: bytes, room: Path) -> None:
    """Small languages; each reader has to refuse the others' words."""
    text = text_of(data)
    readers: tuple[Callable[[], object], ...] = (
        lambda: parse_palette(text, place="fuzz"),
        lambda: names.resolve(text),
        lambda: vqgan_names.resolve_vqgan(text),
        lambda: parse_place(text),
        lambda: numbers_of(text),
        lambda: pixels_of(text, 300.0),
        lambda: as_rate(text),
        lambda: sources.name_of(text),
    )
    for read in readers:
        with contextlib.suppress(MutoscopeError):
            read()


# ── settings ──

_YAML = (
    "scenes: a fox:2 | night:-1:0.5 || the sea\nwidth: 64\nheight: 48\nsteps_per_scene: 10\n"
    "perceptors: [tiny]\ntranslate_x: 2*sin(t)\nseed: 7\n",
    "# @package _global_\nscenes: ${file_namespace} of clay\nscene_prefix: 'a | '\n"
    "file_namespace: x_${seed}\n"
    "curves: {swell: 'sin(t)', beat: {log: old/log.jsonl, value: TOTAL}}\nzoom_x_2d: swell\n",
    "scenes: |\n  a fox |\n  night\ninput_audio: a.wav\n"
    "input_audio_filters:\n- variable_name: bass\n  f_center: 60\n"
    "  f_width: 20\n  order: 5\ndevice: 0\nbackups: .inf\n"
    "image_model: Limited Palette\ntarget_palette: '#f00 #0f0'\n",
    "scenes: a\nanimation_mode: 2D\npre_animation_steps: 1\nsteps_per_frame: 2\n"
    "zoom_x_2d: '0:(1), 30:(t)'\nsave_every: 2\npalette_size: 8\ncutouts: 4\n",
)
_YAML_WORDS = (
    ": ",
    "- ",
    "\n",
    "  ",
    "|",
    ">",
    "&a",
    "*a",
    "<<: *a",
    "!!python/object/apply:os.system ['true']",
    "!!int",
    "!!float",
    "!!bool",
    "!!timestamp",
    "!!binary",
    "!!set",
    "!!null",
    "? ",
    "---",
    "...",
    "%YAML",
    "scenes",
    "width",
    "seed",
    "curves",
    "perceptors",
    "${seed}",
    "${now:%f}",
    "${oc.env:HOME}",
    "${user_cache:}",
    "${path_join:a,b}",
    "${oc.decode:1}",
    "~",
    ".nan",
    ".inf",
    "0x_",
    "1:30",
    "'",
    '"',
)


def _settings(path: Path) -> None:
    load_settings(path, quiet=True).to_yaml()


def _overrides(data: bytes, room: Path) -> None:
    words = text_of(data).split("\n")
    load_settings({"scenes": "a fox"}, words, base=room, quiet=True)


def _axes(data: bytes, _: Path) -> None:
    read_axes(text_of(data).split("\n"))


def _sweep(data: bytes, _: Path) -> None:
    prompt, *overrides = text_of(data).split("\n")
    sweep_of(prompt, overrides, explored=True)


_ARCHITECTURE = (
    "model:\n  base_learning_rate: 4.5e-06\n  target: taming.models.vqgan.VQModel\n  params:\n"
    "    embed_dim: 8\n    n_embed: 32\n    ddconfig:\n      double_z: false\n      z_channels: 8\n"
    "      resolution: 32\n      in_channels: 3\n      out_ch: 3\n      ch: 32\n"
    "      ch_mult: [1, 1, 1]\n      num_res_blocks: 1\n      attn_resolutions: []\n"
    "      dropout: 0.0\n"
)


# ── JSON ──


def _recipe(data: bytes, _: Path) -> None:
    sources.settings_of(parse_recipe(text_of(data), "fuzz")["settings"], quiet=True)


_RECIPE = json.dumps(
    {
        "program": "mutoscope",
        "version": "0.1.0",
        "frame": 3,
        "perceptors": ["tiny"],
        "settings": {"scenes": "a fox", "width": 32, "height": 32, "seed": 7, "cutouts": 2},
    }
)
_ABOUT = json.dumps(
    {
        "program": "mutoscope",
        "version": "0.1.0",
        "format": 1,
        "base": "fox",
        "relative_to": "/",
        "started": "2026-01-01T00:00:00",
        "backups": 2,
        "follows": {"a": "b"},
        "resume_points": 4,
        "film": {
            "rate": "12",
            "crf": 18.0,
            "title": "t",
            "recipe": {"a": 1},
            "sound": "a.wav",
            "sound_from": 0.0,
            "lap": 0,
            "files": 3,
            "smoothed": False,
        },
    }
)
_LOG = (
    '{"step": 1, "frame": 1, "t": 0.1, "TOTAL": 1.5, "losses": {"a fox": 0.5}}\n'
    '{"step": 2, "frame": 1, "t": 0.2, "TOTAL": null, "losses": {"a fox": 0.25}}\n'
)


def _log(path: Path) -> None:
    records = chart.read_records(path)
    chart.collect(records)
    read_logged(path, "TOTAL", place="fuzz")


def _sheet_json(room: Path) -> Sequence[bytes]:
    swept = sweep_of(
        "a {red,blue} fox", ["width=32", "height=32", "seed=1", "perceptors=tiny"], explored=True
    )
    return [swept.to_json().encode()]


def _training_json(room: Path) -> Sequence[bytes]:
    from mutoscope.train_gan.presets import PRESETS

    recipe = Recipe(".", "sha256:0", "smoke", PRESETS["smoke"].settings)
    return [recipe.to_json().encode()]


def _tokens(path: Path) -> None:
    read_tokenizer(path, vocabulary=8, context=4)


_TOKENS = json.dumps(
    {
        "model": {
            "vocab": {
                "a": 0,
                "b": 1,
                "a</w>": 2,
                "b</w>": 3,
                "ab": 4,
                "ab</w>": 5,
                "<|startoftext|>": 6,
                "<|endoftext|>": 7,
            },
            "merges": ["a b", "a b</w>"],
        },
    }
)
_CHANGE = json.dumps({"revision": 3, "gesture": "g", "pages": {"0": [[1.0, 2.0, 30.0, 0.0]]}})


TARGETS: tuple[Target, ...] = (
    Target(
        "scenes",
        texts(
            "a fox:2_[mask.png]_0.5:0.1 | night:-1 || [sea.png]:sin(t):0.5",
            'quoted "a | b":2 | it\\:s | a:1_[m.png]_0.3:-.2 || noise',
            "a:0:(1), 30:(2*sin(t)) | b:(t if t else 1) || c",
            "",
        ),
        changed_text(("|", "||", ":", "_", "[a.png]", "[-a.png]", "sin(t)", "_left_0.5", "0:(1)")),
        _scenes,
        pure=True,
    ),
    Target(
        "prompts of vqgan-clip",
        texts(
            "a fox:2 | night:-1 ^ the sea : 0.5",
            "a | b ^ c | d:.5",
            'a:"b"|c',
        ),
        changed_text(("^", "|", ":", "0.5", "-1")),
        _story,
        pure=True,
    ),
    Target(
        "expressions",
        texts(
            "2*sin(t)",
            "[1, 2, t][floor(t) % 3]",
            "t if t > 1 else max(1, abs(-t)**.5)",
            "np.clip(t, 0, 1) + clamp(cos(t), 0, 1)",
            "1 < t <= 2 and not t or 3 // (t + 1)",
        ),
        changed_text(
            (
                "sin(",
                "t",
                "**",
                "//",
                "%",
                "if",
                "else",
                "and",
                "not",
                "<",
                "max(",
                "[0]",
                "np.",
                "frame",
                "1e308",
                "clamp(t,0,1)",
                "lambda",
                ":=",
                "await",
                "...",
            )
        ),
        _curve,
        pure=True,
    ),
    Target(
        "keyframes",
        texts(
            "0:(1.0), 30:(2*sin(t)), 60:(0)",
            "0: (1), 10: ([1,2][0])",
            "5:(t)",
        ),
        changed_text(("0:(", "30:(", ")", ",", "t")),
        _curve,
        pure=True,
    ),
    Target(
        "vectors",
        texts("[cos(t), 0, 0, sin(t)]", "0:([1,0,0,0]), 30:([t,0,0,1])"),
        changed_text(("[", "]", ",", "t", "0:(")),
        _vector,
        pure=True,
    ),
    Target(
        "weights and masks",
        texts(
            "2_[mask.png]_0.5:0.1",
            "sin(t)",
            "1_[-m.png]",
            "3",
        ),
        changed_text(("_", ":", "|", "[m.png]", "_left", "t")),
        _weight,
        pure=True,
    ),
    Target(
        "braces",
        texts("a {red,blue} {1..3} fox", 'a {"x,y",z} {0.5,1}', "{1,2}{3..9..2}"),
        changed_text(("{", "}", ",", "..", "{1..9}", "{a,b}")),
        _explored,
        pure=True,
    ),
    Target(
        "short words",
        texts(
            "#f00 red 10,20,30",
            "ViT-B/32",
            "imagenet_16384",
            "3,bird,42 + 2*sefa-1",
            "8..11",
            "12mm",
            "30000/1001",
            "1/0",
            "a fox in the night",
        ),
        changed_text(("#", "/", "..", "+", "*", "-", "mm", "0", "1e9")),
        _small_words,
        pure=True,
    ),
    Target(
        "settings in YAML",
        texts(*_YAML),
        changed_text(_YAML_WORDS),
        file_call("settings.yaml", _settings),
        pure=True,
    ),
    Target(
        "overrides",
        texts(
            "width=64\nscenes=a | b\ncurves.a=sin(t)\nperceptors=[tiny]",
            "seed=1\nseed=2",
            "zoom_x_2d=0:(1), 30:(t)\nfile_namespace=x_${seed}",
        ),
        changed_text(("=", "\n", "[", "{", "${seed}", "curves.", "+")),
        _overrides,
    ),
    Target(
        "sweep axes",
        texts(
            "width=1,2,3\nseed=range(8)",
            'scenes="a, b",c',
            "x=linspace(0,1,5)\ny=geomspace(1,100,3)",
            "a=[1,2],[3]\nb=range(0,10,2)",
        ),
        changed_text(
            ("=", ",", "range(", "linspace(", "geomspace(", ")", "1e999999", "1e-999999", "1e9")
        ),
        _axes,
        pure=True,
    ),
    Target(
        "sweeps",
        texts("a {red,blue} fox\nwidth=32\nseed={1..3}", "a fox\ncutouts={2,4}"),
        changed_text(("{", "}", ",", "..", "\n", "=")),
        _sweep,
        seconds=10,
    ),
    Target(
        "VQGAN configurations",
        texts(_ARCHITECTURE),
        changed_text(_YAML_WORDS),
        file_call("model.yaml", read_architecture),
        pure=True,
    ),
    Target(
        "overrides of a training",
        texts("size=64\nchannels=1", "images=100\nbatch=4"),
        changed_text(("=", "\n", "auto", "1e9", "-1")),
        lambda data, _: parse_overrides(text_of(data).split("\n")),
        pure=True,
    ),
    Target("recipes as text", texts(_RECIPE), changed_json, _recipe, pure=True),
    Target("run.json", texts(_ABOUT), changed_json, file_call("run.json", About.read), pure=True),
    Target(
        "sheet.json", _sheet_json, changed_json, file_call("sheet.json", Sweep.read), seconds=10
    ),
    Target(
        "settings of a training",
        _training_json,
        changed_json,
        lambda data, _: Recipe.from_json(text_of(data), "fuzz"),
        pure=True,
    ),
    Target(
        "log.jsonl",
        texts(_LOG),
        changed_text(('{"step": 3}', "\n", "null")),
        file_call("log.jsonl", _log),
        pure=True,
    ),
    Target(
        "adj_xy.json",
        texts(
            '{"adj_x": {"1": 0.5, "02": 1}, "adj_y": {"1": 0, "02": 2}, "adj_cols": {"1": 3}}',
            '[{"index": 0, "x": 1.0, "y": 2}, {"index": 1, "x": 0, "y": 0}]',
        ),
        changed_json,
        file_call("adj_xy.json", lambda path: read_margins(path, ["01", "02", "a"])),
        pure=True,
    ),
    Target(
        "specimens",
        texts(
            '{"version": 1, "pages": [{"page": "01", "digest": "ab", "width": 100, "height": 80, '
            '"specimens": [{"x": 10, "y": 20, "side": 30, "angle": 0}]}]}',
        ),
        changed_json,
        file_call("specimens.json", read_specimens),
        pure=True,
    ),
    Target(
        "bookmarks",
        texts(
            '{"form": 1, "bookmarks": {"tall-bird": {"latent": "3", "generator": "sha256:0", '
            '"w": [0.5, 1, -2]}}}',
        ),
        changed_json,
        file_call(BOOKMARKS, lambda path: read_bookmarks(path.parent)),
        pure=True,
    ),
    Target(
        "keys of a walk",
        texts("[3, 17, 42]", '{"z": [[0.5, 1], [1, 2]]}', '{"w": [[1, 2]]}'),
        changed_json,
        file_call("keys.json", lambda path: keys_from(path, z=2, w=2)),
        pure=True,
    ),
    Target(
        "tokenizers", texts(_TOKENS), changed_json, file_call("tokenizer.json", _tokens), pure=True
    ),
    Target(
        "changes of specimens",
        texts(_CHANGE),
        changed_json,
        lambda data, _: read_change(data),
        pure=True,
    ),
)
