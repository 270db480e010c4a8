"""Fetching a file from a hub that breaks off, lies, sends login pages or never answers."""

import hashlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mutoscope.errors import WeightsError
from mutoscope.weights import unchanged
from mutoscope.weights.hub import NotOnHubError, fetch_file, reachable
from mutoscope.weights.transfer import Transfer, digest_of

DATA = bytes(range(256)) * 400
NAME = "me/clip/model.bin"


@pytest.fixture
def blackhole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_a_file_arrives_whole(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    told: list[Transfer] = []
    path = fetch_file("me/clip", "model.bin", tmp_path / "a", progress=told.append)
    assert path == tmp_path / "a" / "model.bin"
    assert path.read_bytes() == DATA
    assert told[-1].done == told[-1].size == len(DATA)
    assert told[-1].file == NAME
    assert told[-1].seconds_left == 0
    there = {file.name for file in path.parent.iterdir() if file.suffix != ".lock"}
    assert there == {"model.bin", "model.sha256"}
    assert path.with_suffix(".sha256").read_text() == f"{digest_of(path)}  model.bin\n"
    assert unchanged([path])
    hub.asked.clear()
    assert fetch_file("me/clip", "model.bin", tmp_path / "a") == path
    assert not hub.asked
    path.write_bytes(DATA[::-1])
    with pytest.raises(WeightsError, match=r"model\.bin: has changed since it was fetched"):
        unchanged([path])


def test_it_goes_on_where_it_broke_off(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files[NAME] = DATA
    etag = hub.etag(NAME)
    (tmp_path / f".model.bin.{etag[:16]}.part").write_bytes(DATA[:1000])
    (tmp_path / ".model.bin.anotherversion00.part").write_bytes(b"old")
    told: list[Transfer] = []
    path = fetch_file("me/clip", "model.bin", tmp_path, progress=told.append)
    assert path.read_bytes() == DATA
    assert hub.gets == [f"GET {NAME} bytes=1000-"]
    assert told[0].done > 1000
    assert not list(tmp_path.glob("*.part"))


def test_a_broken_connection_leaves_its_part(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files[NAME] = DATA

    def broken(chunk: Transfer) -> None:
        raise ConnectionResetError("the line went dead")

    with pytest.raises(WeightsError, match=r"me/clip/model\.bin: can't be fetched \(the line went"):
        fetch_file("me/clip", "model.bin", tmp_path, progress=broken)
    (part,) = tmp_path.glob(".model.bin.*.part")
    had = part.stat().st_size
    assert had > 0
    assert not (tmp_path / "model.bin").exists()
    assert fetch_file("me/clip", "model.bin", tmp_path).read_bytes() == DATA


def test_a_cut_connection_is_taken_up_again(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    hub.cut = 5_000
    assert fetch_file("me/clip", "model.bin", tmp_path).read_bytes() == DATA
    assert len(hub.gets) == 2


def test_a_server_that_only_begins_anew(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    hub.ignores_ranges = True
    (tmp_path / f".model.bin.{hub.etag(NAME)[:16]}.part").write_bytes(DATA[:1000])
    told: list[Transfer] = []
    path = fetch_file("me/clip", "model.bin", tmp_path, progress=told.append)
    assert path.read_bytes() == DATA
    assert told[-1].done == len(DATA)


def test_what_came_wrong_is_deleted(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    hub.etags[NAME] = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(WeightsError, match=r"came with sha256 .* instead of .* and was deleted"):
        fetch_file("me/clip", "model.bin", tmp_path)
    assert not list(tmp_path.glob("*.part"))
    assert not (tmp_path / "model.bin").exists()


def test_a_known_digest_is_held_to(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    hub.etags[NAME] = "no-digest"
    with pytest.raises(WeightsError, match=f"instead of {'0' * 64}"):
        fetch_file("me/clip", "model.bin", tmp_path, sha256="0" * 64)
    digest = hashlib.sha256(DATA).hexdigest()
    assert fetch_file("me/clip", "model.bin", tmp_path, sha256=digest).read_bytes() == DATA


def test_what_the_hub_has_not(hub: Any, tmp_path: Path) -> None:
    hub.files[NAME] = DATA
    with pytest.raises(NotOnHubError, match=r"me/clip: has no file other\.bin"):
        fetch_file("me/clip", "other.bin", tmp_path)
    with pytest.raises(NotOnHubError, match=r"me/none: the hub knows no such public repository"):
        fetch_file("me/none", "model.bin", tmp_path)


def test_offline(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files[NAME] = DATA
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set; unset it, or put the file at"):
        fetch_file("me/clip", "model.bin", tmp_path)
    assert not reachable("me/clip", "model.bin")
    assert not hub.asked


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"can't be fetched \(.*\); check the network") as caught:
        fetch_file("me/clip", "model.bin", tmp_path)
    assert "\n" not in str(caught.value)
    assert not reachable("me/clip", "model.bin")
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(WeightsError, match=r"HF_ENDPOINT=file:///etc: must begin with https://"):
        fetch_file("me/clip", "model.bin", tmp_path)


def test_reachable(hub: Any) -> None:
    hub.files[NAME] = DATA
    assert reachable("me/clip", "model.bin")
    assert not reachable("me/clip", "other.bin")
    hub.login_page = True
    assert not reachable("me/clip", "model.bin")


def test_a_server_that_never_answers_is_not_waited_for(blackhole: None) -> None:
    begun = time.monotonic()
    assert not reachable("me/clip", "model.bin", timeout=0.3)
    assert time.monotonic() - begun < 5


def test_a_name_server_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(30)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    assert not reachable("me/clip", "model.bin", timeout=0.3)
    assert time.monotonic() - begun < 5
    over.set()


def test_the_token_is_for_the_hub_alone(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mutoscope.weights.hub import _offer

    hub.files[NAME] = DATA
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with caplog.at_level(logging.DEBUG, "mutoscope"):
        here = _offer("me/clip", "model.bin", tmp_path)
    assert here.headers["authorization"] == "Bearer hf_secret"
    import huggingface_hub

    real = huggingface_hub.get_hf_file_metadata

    def elsewhere(*args: Any, **kwargs: Any) -> Any:
        from dataclasses import replace

        return replace(real(*args, **kwargs), location="https://store.example/file")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", elsewhere)
    assert _offer("me/clip", "model.bin", tmp_path).headers == {}
    assert "hf_secret" not in caplog.text
