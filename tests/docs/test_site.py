"""The site builds strictly, asks nothing of another host, and has no dead link."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = "https://github.com/mutoscope/mutoscope/"
OTHERS = ("https://docs.ray.io",)  # programs that one sets up by their own pages
FETCHED = {"src", "srcset", "poster", "data", "action", "background"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site. (With --quiet, warnings would not count.)"""
    folder = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Page(HTMLParser):
    """What a page fetches, what it links to, its anchors, and its pictures without words."""

    def __init__(self, path):
        super().__init__()
        self.path, self.fetched, self.links, self.anchors, self.silent = path, [], [], {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.anchors.add(named.get("id", ""))
        self.fetched += [value for name, value in attrs if name in FETCHED]
        if tag == "a" and named.get("href"):
            self.links.append(named["href"])
        elif named.get("href") and named.get("rel") not in ("canonical", "prev", "next"):
            self.fetched.append(named["href"])
        if tag == "img" and not named.get("alt"):
            self.silent.append(named["src"])


@pytest.fixture(scope="module")
def pages(site):
    """Every page by its name."""
    return {str(path.relative_to(site)): Page(path) for path in site.rglob("*.html")}


def test_every_page_of_docs_is_in_it(site, pages):
    names = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {name.removesuffix(".html") for name in pages} == names | {"404"}


def test_no_page_fetches_from_another_host(pages, site):
    for page in pages.values():
        for address in page.fetched:
            parts = urlsplit(address)
            assert not parts.netloc, f"{page.path.name} asks {parts.netloc}"
            assert parts.scheme in ("", "data")
            target = page.path.parent / unquote(parts.path)
            if page.path.name != "404.html" and parts.scheme == "":
                assert target.is_file(), f"{page.path.name}: {address}"
    for style in site.rglob("*.css"):
        for address in re.findall(r"url\(([^)]*)\)", style.read_text(encoding="utf-8")):
            assert address.strip("\"'").startswith(("data:", "#", "../", "./")), address
        assert "@import" not in style.read_text(encoding="utf-8")


def test_every_link_leads_somewhere(pages, site):
    followed = 0
    for page in pages.values():
        if page.path.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.netloc:
                if link.startswith(OTHERS):
                    continue
                assert link.startswith(SOURCE), f"{page.path.name}: {link} is of another host"
                assert (ROOT / re.sub(r"^(blob|tree)/main/", "", link[len(SOURCE) :])).exists()
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            if target.is_dir():
                target /= "index.html"
            assert target.is_file(), f"{page.path.name}: {link}"
            name = str(target.relative_to(site.resolve() if parts.path else site))
            if name in pages and parts.fragment != "__skip":
                assert unquote(parts.fragment) in pages[name].anchors, f"{page.path.name}: {link}"
            followed += 1
    assert followed > 500


def test_every_picture_has_words(pages):
    assert [page.silent for page in pages.values() if page.silent] == []


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_browser_asks_no_other_host_and_finds(new_context, address, pages):
    context = new_context(viewport={"width": 390, "height": 800})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for name in sorted(pages):
        page.goto(address + name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.goto(address + "index.html")
    page.get_by_role("textbox", name="Search").or_(
        page.locator("label[for=__search]")
    ).first.click()
    page.keyboard.type("keyframes", delay=20)
    page.get_by_role("link", name=re.compile("scene language", re.IGNORECASE)).first.wait_for()
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert len(asked) > len(pages)
