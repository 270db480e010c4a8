"""A small Hugging Face hub on this machine, and mirrors that serve files badly."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest


@dataclass
class Hub:
    """What the hub serves, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)  # "owner/name/file"
    etags: dict[str, str] = field(default_factory=dict)
    cut: int | None = None  # break the next connection after so many bytes
    ignores_ranges: bool = False
    login_page: bool = False
    asked: list[str] = field(default_factory=list)  # "GET owner/name/file bytes=…"
    address: str = ""

    def etag(self, name: str) -> str:
        return self.etags.get(name, hashlib.sha256(self.files[name]).hexdigest())

    @property
    def gets(self) -> list[str]:
        return [asked for asked in self.asked if asked.startswith("GET")]


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            name = self.path.lstrip("/").replace("/resolve/main", "")
            span = self.headers.get("Range", "")
            hub.asked.append(f"{self.command} {name} {span}".strip())
            if hub.login_page:
                self.send_response(200)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"login" if body else b"")
                return
            if name not in hub.files:
                known = any(file.startswith(name.rsplit("/", 1)[0] + "/") for file in hub.files)
                self.send_response(404)
                code = "EntryNotFound" if known else "RepoNotFound"
                self.send_header("X-Error-Code", code)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            whole, start = hub.files[name], 0
            if (wanted := re.match(r"bytes=(\d+)-", span)) and not hub.ignores_ranges:
                start = int(wanted[1])
            data = whole[start:]
            self.send_response(206 if start else 200)
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hub.etag(name)}"')
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if not body:
                return
            if hub.cut is not None:
                data, hub.cut = data[: hub.cut], None
                self.wfile.write(data)
                self.wfile.flush()
                self.connection.close()
                return
            self.wfile.write(data)

    return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, with the environment pointing at it."""
    made = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - broken on purpose
    made.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", made.address)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def plain_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No caches, tokens or offline mode of whoever runs the tests."""
    # It is read once, when the package is loaded, which another test may have done offline.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_HOME", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@dataclass
class Mirrors:
    """Mirrors on one port, one for each beginning of a path, and what they were asked."""

    files: dict[str, bytes] = field(default_factory=dict)  # "mirror/name"
    etags: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # Content-Type, by path
    moved: dict[str, str] = field(default_factory=dict)  # Location, by path
    cuts: dict[str, list[int]] = field(default_factory=dict)  # how many bytes each answer has
    ignores_ranges: set[str] = field(default_factory=set)
    without_length: set[str] = field(default_factory=set)
    wrong_spans: set[str] = field(default_factory=set)
    promises: dict[str, int] = field(default_factory=dict)  # bytes beyond what there is
    slowly: dict[str, float] = field(default_factory=dict)  # seconds before each 64 KiB
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # path, Range, If-Range
    address: str = ""

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


def mirror_handler(mirrors: Mirrors) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            span, only_if = self.headers.get("Range", ""), self.headers.get("If-Range", "")
            mirrors.asked.append((path, span, only_if))
            if path in mirrors.moved:
                self.send_response(302)
                self.send_header("Location", mirrors.moved[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif path not in mirrors.files:
                self.send_error(404)
            else:
                self.serve(path, span, only_if)

        def serve(self, path: str, span: str, only_if: str) -> None:
            whole, start = mirrors.files[path], 0
            etag = mirrors.etags.get(path, f'"{hashlib.md5(whole).hexdigest()}"')  # noqa: S324
            wanted = re.match(r"bytes=(\d+)-", span)
            partly = wanted and path not in mirrors.ignores_ranges and only_if in ("", etag)
            if wanted and partly:
                start = int(wanted[1])
                if start >= len(whole):
                    self.send_error(416)
                    return
            self.send_response(206 if partly else 200)
            said = start + 1 if path in mirrors.wrong_spans else start
            if partly:
                self.send_header("Content-Range", f"bytes {said}-{len(whole) - 1}/{len(whole)}")
            if path not in mirrors.without_length:
                length = len(whole) - start + mirrors.promises.get(path, 0)
                self.send_header("Content-Length", str(length))
            self.send_header("Content-Type", mirrors.types.get(path, "application/octet-stream"))
            self.send_header("ETag", etag)
            self.end_headers()
            data = whole[start:]
            if cuts := mirrors.cuts.get(path):
                data = data[: cuts.pop(0)]
            for at in range(0, len(data), 65_536):
                time.sleep(mirrors.slowly.get(path, 0))
                self.wfile.write(data[at : at + 65_536])
                self.wfile.flush()
            self.connection.close()

    return Handler


@pytest.fixture
def mirrors() -> Iterator[Mirrors]:
    """Mirrors that serve what a test puts there, as badly as it says."""
    made = Mirrors()
    server = ThreadingHTTPServer(("127.0.0.1", 0), mirror_handler(made))
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - broken on purpose
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
