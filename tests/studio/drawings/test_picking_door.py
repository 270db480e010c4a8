"""The page for picking specimens, as a part of the studio."""

import asyncio
import json

import numpy as np
import pytest
from PIL import Image

from mutoscope import fence
from mutoscope.studio.drawings.picking_door import PickingDoor, address


@pytest.fixture
def place(place):
    folder = place.drawings / "my lines"
    folder.mkdir()
    Image.fromarray(np.full((40, 30), 255, np.uint8)).save(folder / "a.png")
    return place


def ask(door, path, body=None):
    """Status, headers and body of an answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "GET" if body is None else "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "/picking",
        "headers": [(b"host", b"elsewhere:80"), (b"cookie", b"x=y")], "client": None,
    }  # fmt: skip
    asyncio.run(door(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:])


def test_the_page_and_its_scripts_stay_below_the_prefix(place):
    door, base = PickingDoor(place), address(place, place.drawings / "my lines")
    assert base == "/picking/drawings%2Fmy%20lines/"
    for path in ("", "own/pick.js", "own/board.js"):
        status, headers, body = ask(door, base + path)
        assert status == 200
        assert "set-cookie" not in headers
        assert int(headers["content-length"]) == len(body)
        for word in (b'"/own/', b'"/state', b"`/pages/", b'"/change', b'"/undo', b'"/redo', b'"/"'):
            assert word not in body
    assert base.encode() + b"own/pick.js" in ask(door, base)[2]


def test_specimens_are_picked_and_saved_in_the_folder(place):
    door, base = PickingDoor(place), address(place, place.drawings / "my lines")
    state = json.loads(ask(door, base + "state")[2])
    assert [one["name"] for one in state["pages"]] == ["a"]
    change = {"pages": {"0": [[10, 12, 8, 0]]}, "gesture": "", "revision": state["revision"]}
    status, _, _ = ask(door, base + "change", json.dumps(change).encode())
    assert status == 200
    kept = json.loads((place.drawings / "my lines" / "specimens.json").read_text())
    assert kept["pages"][0]["specimens"][0]["x"] == 10


@pytest.mark.parametrize("word", ["..", "..%2F..%2Fetc", "%2Fetc", ".studio", "nothing", "", "%00"])
def test_what_lies_elsewhere_is_not_there(place, word):
    status, _, body = ask(PickingDoor(place), f"/picking/{word}/state")
    assert status == 404
    assert str(place.root).encode() not in body


def test_a_link_that_leads_out_is_no_scan(place, tmp_path, monkeypatch):
    folder = place.drawings / "my lines"
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "own.png").symlink_to(folder / "a.png")
    monkeypatch.setenv(fence.VARIABLE, str(place.root))  # as where a studio answers
    state = json.loads(ask(PickingDoor(place), address(place, folder) + "state")[2])
    assert [one["name"] for one in state["pages"]] == ["a", "own"]
