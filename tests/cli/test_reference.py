"""settings, models, doctor: the commands that tell."""

import json
from hashlib import sha256

import pytest

from mutoscope.settings.keys import Keys


def test_the_overview_names_every_key(call):
    code, out, err = call("settings")
    assert (code, err) == (0, [])
    text = "\n".join(out)
    for name, field in Keys.model_fields.items():
        assert (name in text) is not bool((field.json_schema_extra or {}).get("hidden")), name


def test_one_key(call, refused):
    code, out, _ = call("settings", "cut_pow")
    assert code == 0
    assert out[0].startswith("cut_pow")
    assert "did you mean 'cut_pow'" in refused("settings", "cut_pov")


def test_markdown_and_json(call):
    assert call("settings", "--markdown")[1][0].startswith("# ")
    schema = json.loads("\n".join(call("settings", "--json")[1]))
    assert "cut_pow" in schema["properties"]


def test_models_lists_what_there_is(call, here):
    code, out, err = call("models")
    assert (code, err) == (0, [])
    rows = [line.split()[:2] for line in out]
    assert ["labels", "embedded"] in rows
    assert ["ViT-B/32::openai", "obtainable"] in rows or ["ViT-B/32", "obtainable"] in rows
    assert str(here / "home/.cache") in out[-2]
    assert str(here / "m") in call("models", "--folder", here / "m")[1][-2]


@pytest.mark.parametrize("name", ["labels", "tiny"])
def test_what_is_embedded_need_not_be_fetched(call, name):
    assert call("models", "fetch", name) == (
        0, [f"{name} is embedded: there is nothing to fetch"], []
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["ViT-B/32", "RN50", "nothing", "auto", "missing.pt", "imagenet", "missing.ckpt", ""]
)
def test_what_cannot_be_fetched_is_one_line(refused, name):
    refused("models", "fetch", name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("imagnet", "imagenet"), ("wikiarts", "wikiart"), ("lables", "labels"), ("RN51", "RN50")],
)
def test_an_unknown_name_suggests_from_both_tables(refused, name, nearest):
    assert f"did you mean {nearest!r}" in refused("models", "fetch", name)


def test_networks_of_depth_and_flow_are_named(call, refused, here):
    assert "no weights" in call("models", "fetch", "relief")[1][0]
    assert "torchvision" in refused("models", "fetch", "raft")
    file = here / "m/depth/depth-anything--Depth-Anything-V2-Small-hf/model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    told = call("models", "--folder", here / "m", "fetch", "depth-anything-v2-small")
    assert told == (0, [str(file)], [])


def test_models_lists_vqgans(call, here):
    for suffix in ("yaml", "ckpt"):
        path = here / f"m/vqgan/coco.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    out = call("models", "--folder", here / "m")[1]
    rows = {line.split()[0]: line.split()[1:] for line in out if line}
    assert rows["imagenet"] == ["obtainable", "980", "MB", "VQGAN", "f16,", "16384", "codes"]
    assert rows["coco"][0] == "cached"


def test_a_path_need_not_be_fetched(call, here):
    for name in ("mine.ckpt", "clip.pt", "pair/x.yaml"):
        path = here / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    for name in ("mine.ckpt", "clip.pt", "pair/", "pair", "pair/x.yaml"):
        told = [f"{name} is a local path: there is nothing to fetch"]
        assert call("models", "fetch", name) == (0, told, [])


@pytest.fixture
def server(here, monkeypatch):
    """A table whose only VQGAN is on a server of this machine."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    from mutoscope import vqgan_names
    from mutoscope.vqgan_names import KnownVqgan, Published

    folder = here / "served"
    folder.mkdir()
    (folder / "y").write_text("model: {target: x}\n")
    (folder / "c").write_bytes(b"\x80\x02" + bytes(3_000_000))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    at = f"http://127.0.0.1:{running.server_port}"
    files = [Published((f"{at}/gone", f"{at}/{name}"), 3_000_000, exact=False) for name in "yc"]
    table = (KnownVqgan("toyvq", "vq", 16, 4, *files, stems=()),)
    monkeypatch.setattr(vqgan_names, "KNOWN", table)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    thread = Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield folder
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_vqgan_is_fetched_and_looked_after(call, here, server):
    fetch = ("models", "--folder", here / "m", "fetch", "ToyVQ")
    code, out, err = call(*fetch)
    pair = [here / "m/vqgan/toyvq.yaml", here / "m/vqgan/toyvq.ckpt"]
    assert (code, out) == (0, [str(path) for path in pair])
    assert pair[1].read_bytes() == (server / "c").read_bytes()
    assert sum("answers 404" in line for line in err) == 2
    assert sum("no digest of it is published" in line for line in err) == 2
    assert "fetching toyvq" in err
    assert call(*fetch) == (0, out, ["toyvq is here, and as it was fetched"])
    pair[1].write_bytes(b"damaged")
    code, out, err = call(*fetch)
    assert (code, out, len(err)) == (2, [], 1)
    assert "has changed since it was fetched" in err[0]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("ViT-B/32::openai", "clip/openai--clip-vit-base-patch32"),
        ("depth-anything-v2-small", "depth/depth-anything--Depth-Anything-V2-Small-hf"),
    ],
)
def test_what_came_from_the_hub_is_compared_with_what_it_was(call, here, name, place):
    folder = here / "m" / place
    folder.mkdir(parents=True)
    file, record = folder / "model.safetensors", folder / "model.sha256"
    file.write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    fetch = ("models", "--folder", here / "m", "fetch", name)
    assert call(*fetch) == (0, [str(file)], [])  # of one that somebody put there nothing is known
    record.write_text(f"{sha256(b'weights').hexdigest()}  {file.name}\n")
    assert call(*fetch) == (0, [str(file)], [f"{name} is here, and as it was fetched"])
    file.write_bytes(b"others")
    code, out, err = call(*fetch)
    assert (code, out, len(err)) == (2, [], 1)
    assert "has changed since it was fetched" in err[0]


def test_doctor(call):
    code, out, err = call("doctor")
    assert (code, err) == (0, [])
    assert [line.split()[1] for line in out if line.startswith(("ok", "-"))][:3] == [
        "python", "cpu", "gpu",
    ]  # fmt: skip
    assert not [line for line in out if line.startswith("MISSING")]


def test_doctor_says_2_where_something_is_missing(call, monkeypatch):
    from mutoscope import doctor

    monkeypatch.setattr(
        doctor, "examine", lambda: [doctor.Finding("film", "missing", "no libx264", "get it")]
    )
    assert call("doctor") == (2, ["MISSING  film  no libx264", "               → get it"], [])
