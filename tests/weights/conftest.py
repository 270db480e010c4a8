"""A small Hugging Face hub on this machine, as far as fetching a file goes."""

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
