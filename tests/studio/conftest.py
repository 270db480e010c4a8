"""The studio as it is used: a server of its own process, and a browser that was given its address.

`studio_server` is one server for all tests of a module, in a folder of its own.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from mutoscope import fence
from mutoscope.studio.place import Place

pytest.importorskip("nicegui", reason="nicegui is not installed")

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
SECRETS = ("MUTOSCOPE_STUDIO_PASSWORD", "HF_TOKEN", "XDG_CACHE_HOME")
PATIENCE = 60.0  # seconds for what a busy machine has to do


def until(condition, patience=PATIENCE):
    """Waits for a condition and returns what it gave; fails where it does not come."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(0.02)
    return found


@pytest.fixture(autouse=True)
def unfenced(monkeypatch):
    """A fence that a studio puts up in this process does not outlast the test."""
    monkeypatch.setenv(fence.VARIABLE, "")


@pytest.fixture
def place(tmp_path):
    """The place of a studio without a server."""
    made = Place(tmp_path / "studio")
    made.prepare()
    return made


@dataclass
class Server:
    """A studio's process: ``address`` lets a browser in, ``base`` is its beginning alone."""

    root: Path
    options: tuple[str, ...] = ("--no-browser",)
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def start(self):
        self.printed = self.root.with_name(self.root.name + ".printed")
        given = {name: value for name, value in os.environ.items() if name not in SECRETS}
        line = [sys.executable, "-m", "mutoscope", "studio", str(self.root),
                "--port", str(self.port), *self.options]  # fmt: skip
        with self.printed.open("wb") as printed:
            self.process = subprocess.Popen(
                line, env=given | ENVIRONMENT | self.environment, stdout=printed, stderr=printed,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        found = until(self._address)
        self.address, self.base = found[0], found[1]
        self.port = int(self.base.rpartition(":")[2])
        return self

    def _address(self):
        assert self.process.poll() is None, self.printed.read_text()
        return re.search(r"(http://[^/\s]+)/\S*", self.printed.read_text())

    def client(self):
        """What asks for addresses with the cookie of a visitor that was let in."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        opener.open(self.address, timeout=PATIENCE).read()
        return opener

    def records(self):
        """What the queue has written down of its jobs, in its order."""
        found = []
        for path in (self.root / ".studio" / "jobs").glob("*.json"):
            with contextlib.suppress(OSError, ValueError):  # it is being written
                found.append(json.loads(path.read_text()))
        return sorted(found, key=lambda record: record["order"])

    def stop(self, number=signal.SIGINT):
        """Ends it as Ctrl-C does, or otherwise; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def studio_server(tmp_path_factory):
    """A studio that runs, for all tests of a module; its jobs end with it."""
    server = Server(tmp_path_factory.mktemp("place") / "studio").start()
    yield server
    server.stop()


@pytest.fixture
def make_server():
    """Starts a studio in a folder, for one test that ends it, kills it, starts it again."""
    servers = []

    def make(root):
        servers.append(Server(root).start())
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def still():
    """Holds a process still within a block; at its end it goes on, if it lives then."""

    @contextlib.contextmanager
    def held(pid):
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return held


@pytest.fixture
def visit(new_context):
    """Opens an empty page of another visitor's browser, to which a studio has given its cookie.

    Options are those of the browser; what is said in the page's console is in ``said``.
    """

    def opened(server, **options):
        context = new_context(**options)
        assert context.request.get(server.address).ok
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.said = []
        page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
        return page

    return opened


@pytest.fixture
def page(visit, studio_server):
    """An empty page of a browser that was let in."""
    size = {"width": 1280, "height": 800}
    return visit(studio_server, viewport=size, reduced_motion="reduce")


@pytest.fixture
def axe():
    """Looks at a page as axe-core does: the rules of WCAG 2.2 AA that it breaks, in words."""
    core = pytest.importorskip("axe_playwright_python.sync_playwright")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

    def look(page, within=None, but=()):
        rules = {
            "runOnly": {"type": "tag", "values": tags},
            "rules": {name: {"enabled": False} for name in but},
        }
        page.wait_for_function("!document.querySelector('[class*=q-transition--]')")
        found = core.Axe().run(page, context=within, options=rules)
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:200]}"
            for rule in found.response["violations"]
            for node in rule["nodes"]
        ]

    return look
