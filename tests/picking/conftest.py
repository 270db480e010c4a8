"""A folder of pages with dots whose centres are known, and a server that shows it."""

import threading
import urllib.request

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope.drawings.cache import PageCache
from mutoscope.picking.book import Book
from mutoscope.picking.guard import new_token
from mutoscope.picking.pictures import Pictures

DOTS = ((310.5, 250.5), (1400.5, 300.5), (700.5, 900.5))  # in the scan's pixels
SIZE = (1800, 1300)


@pytest.fixture(scope="session")
def scans(tmp_path_factory):
    """Three pages of 150 dpi: dots on two of them, the last one blank."""
    folder = tmp_path_factory.mktemp("scans")
    for number in range(3):
        page = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
        for x, y in DOTS if number < 2 else ():
            cv2.circle(page, (int(x), int(y)), 20 + 8 * number, 0, -1)
        Image.fromarray(page).save(folder / f"p{number}.png", dpi=(150, 150))
    return folder


@pytest.fixture
def folder(scans, tmp_path):
    """A copy of the pages, of the test's own."""
    target = tmp_path / "pages"
    target.mkdir()
    for path in scans.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return PageCache(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def book(folder):
    return Book(folder)


@pytest.fixture
def served(book, cache):
    """The address of a running server on ``book``."""
    server = pytest.importorskip("mutoscope.picking.server")
    uvicorn = pytest.importorskip("uvicorn")
    heard, token = server.listen(None), new_token()
    app = server.application(
        book, Pictures(book.pages, cache), port=heard.getsockname()[1], token=token,
        gap_mm=2.0, least_mm=4.0,
    )  # fmt: skip
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [heard]})
    thread.start()
    address = server.address(heard, token)
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310 - our own
        assert answer.status == 200
    yield address
    running.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
