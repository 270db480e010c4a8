"""The server answers its own page, and refuses everyone else."""

import json
import os

import pytest

from mutoscope.drawings.specimens import NAME, read_specimens
from mutoscope.errors import SettingsError
from mutoscope.picking.pictures import Pictures

server = pytest.importorskip("mutoscope.picking.server")
testclient = pytest.importorskip("starlette.testclient")

PORT, TOKEN = 4321, "t0ken-that-is-long-enough"
HOME = f"http://127.0.0.1:{PORT}"
CHANGE = {"pages": {"0": [[10, 20, 30, 0]]}, "revision": 0, "gesture": ""}


@pytest.fixture
def client(book, cache):
    """A browser that knows nothing yet."""
    app = server.application(
        book, Pictures(book.pages, cache), port=PORT, token=TOKEN, gap_mm=2, least_mm=4
    )
    return testclient.TestClient(app, base_url=HOME, raise_server_exceptions=False)


@pytest.fixture
def page(client):
    """One that was given the address."""
    assert client.get(f"/?token={TOKEN}").status_code == 200
    client.headers["origin"] = HOME
    return client


def test_the_address_opens_the_page_and_the_cookie_the_rest(client):
    answer = client.get(f"/?token={TOKEN}")
    assert answer.text.startswith("<!doctype html>")
    cookie = answer.headers["set-cookie"]
    assert cookie == f"mutoscope-{PORT}={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    scripts = ("board.js", "hands.js", "pick.js", "saving.js", "strip.js")
    for name in (*scripts, "pick.css", "icon.svg"):
        part = client.get(f"/own/{name}")
        assert part.status_code == 200
        assert name in answer.text + client.get("/own/pick.js").text
        assert "://" not in part.text.replace(
            "http://www.w3.org/2000/svg", ""
        )  # nothing from outside
    state = client.get("/state").json()
    assert [each["name"] for each in state["pages"]] == ["p0", "p1", "p2"]
    assert (state["revision"], state["undo"], state["file"]) == (0, 0, NAME)


def test_changes_are_saved_before_they_are_answered(page, folder):
    answer = page.post("/change", json=CHANGE)
    assert answer.json() == {"pages": {"0": [[10, 20, 30, 0]]}, "revision": 1, "undo": 1, "redo": 0}
    assert len(read_specimens(folder / NAME)["p0"][1]) == 1
    assert page.post("/change", json=CHANGE).status_code == 409
    assert page.post("/undo", json={"revision": 1}).json()["pages"] == {"0": []}
    assert read_specimens(folder / NAME)["p0"][1] == []
    assert page.post("/redo", json={"revision": 2}).json()["pages"] == {"0": [[10, 20, 30, 0]]}
    assert len(page.get("/pages/0/proposal").json()["places"]) == 3
    assert page.get("/pages/0/thumbnail").headers["content-type"] == "image/jpeg"
    assert page.get("/pages/1/2/0/0").headers["cache-control"].startswith("private")


ADDRESSES = ("/", "/own/pick.js", "/state", "/pages/0/thumbnail", "/pages/0/0/0/0", "/none",
             "/pages/0/proposal")  # fmt: skip


@pytest.mark.parametrize("path", ADDRESSES)
def test_without_the_token_nothing_is_answered(client, path):
    for query in ("", "?token=", "?token=wrong", f"?token={TOKEN}x", "?token=é", "?" + "a=1&" * 99):
        answer = client.get(path + query)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    if path != "/":
        assert client.get(f"{path}?token={TOKEN}").status_code == 403
    for cookie in (f"mutoscope-{PORT}=x", f"mutoscope-1={TOKEN}", "mutoscope-4321", ";;=\x01"):
        assert client.get(path, headers={"cookie": cookie}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "",
             "0.0.0.0:4321", f"127.0.0.1:{PORT}.evil.example", "[::1]:4321"],
)  # fmt: skip
def test_another_host_is_refused(page, host):
    assert page.get("/state", headers={"host": host}).status_code == 421


def test_the_other_name_of_this_machine_will_do(page):
    there = {"host": f"localhost:{PORT}", "cookie": f"mutoscope-{PORT}={TOKEN}"}
    assert page.get("/state", headers=there).status_code == 200
    assert page.post("/undo", json={"revision": 0}, headers=there).status_code == 403
    there["origin"] = f"http://localhost:{PORT}"
    assert page.post("/undo", json={"revision": 0}, headers=there).status_code == 200


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1", f"https://127.0.0.1:{PORT}",
               f"http://127.0.0.1:{PORT}/", "http://127.0.0.1:4322"],
)  # fmt: skip
def test_changes_from_another_page_are_refused(page, folder, origin):
    for path in ("/change", "/undo", "/redo"):
        answer = page.post(path, json=CHANGE, headers={"origin": origin})
        assert answer.status_code == 403
    del page.headers["origin"]
    assert page.post("/change", json=CHANGE).status_code == 403
    assert not (folder / NAME).exists()


BODIES = [
    b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"pages": {}, "revision": 0}',
    *(json.dumps({**CHANGE, **part}).encode() for part in (
        {"more": 1}, {"revision": -1}, {"revision": True}, {"revision": "0"}, {"gesture": 1},
        {"gesture": "x" * 41}, {"pages": []}, {"pages": {}}, {"pages": {"-1": []}},
        {"pages": {"٣": []}}, {"pages": {"7": []}}, {"pages": {"0" * 7: []}}, {"pages": {"0": 1}},
        {"pages": {"0": [1]}}, {"pages": {"0": [[1, 2, 3]]}}, {"pages": {"0": [[1, 2, 3, "4"]]}},
        {"pages": {"0": [[1, 2, 3, None]]}}, {"pages": {"0": [[1, 2, 0, 0]]}},
        {"pages": {"0": [[1e300, 2, 3, 4]]}}, {"pages": {"0": [[10**400, 2, 3, 4]]}},
        {"pages": {"0": [[True, 2, 3, 4]]}}, {"pages": {"0": [[1, 2, 3, 4]] * 5001}},
        {"pages": {"0": [[float("nan"), 2, 3, 4]]}},
    )),
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40].decode(errors="replace"))
def test_what_is_no_change_is_refused(page, folder, body):
    answer = page.post("/change", content=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert not (folder / NAME).exists()


def test_large_bodies_are_refused_whatever_they_say(page):
    large = b" " * (4 * 2**20 + 1)
    assert page.post("/change", content=large).status_code == 413
    pieces = (large[: 2**20] for _ in range(6))  # without a length
    assert page.post("/change", content=pieces).status_code == 413
    for length in ("-1", "1e9", "9" * 30, "٣"):
        answer = page.post("/undo", content=b"", headers={"content-length": length.encode()})
        assert answer.status_code == 413


@pytest.mark.parametrize(
    "path", ["/own/server.py", "/own/..%2fserver.py", "/own/%2e%2e/server.py", "/own/",
             "/pages/x/thumbnail", "/pages/-1/thumbnail", "/pages/1e3/0/0/0", "/pages/٣/thumbnail",
             "/pages/" + "9" * 5000 + "/thumbnail", "/specimens.json", "/pages/p0.png", "/%00"],
)  # fmt: skip
def test_only_the_folder_s_own_pages_are_shown(page, path):
    assert page.get(path).status_code == 404


def test_numbers_beyond_what_is_there_are_refused(page):
    for path in ("/pages/3/thumbnail", "/pages/0/9/0/0", "/pages/0/0/999/0", "/pages/99/proposal"):
        assert page.get(path).status_code == 400
    assert page.get("/change").status_code == 405
    assert page.delete("/state").status_code == 405


def test_no_answer_names_a_path_or_shows_a_fault(page, folder, book, caplog, monkeypatch):
    (folder / NAME).write_text("{")
    answer = page.post("/change", json=CHANGE)
    assert answer.status_code == 500
    assert str(folder.parent) not in answer.text
    assert str(folder) in caplog.text  # the terminal has it
    (folder / NAME).unlink()

    def faulty(*_, **__):
        raise KeyError(f"{folder}")

    monkeypatch.setattr(book, "change", faulty)
    answer = page.post("/change", json=CHANGE)
    assert answer.status_code == 500
    assert "KeyError" in answer.text
    assert str(folder) not in answer.text
    assert "Traceback" not in answer.text


def test_it_listens_on_this_machine_alone_and_says_when_it_cannot():
    heard = server.listen(None)
    try:
        host, port = heard.getsockname()
        assert host == "127.0.0.1"
        assert server.address(heard, "x") == f"http://127.0.0.1:{port}/?token=x"
        with pytest.raises(SettingsError, match=f"port: {port} can't be had"):
            server.listen(port)
    finally:
        heard.close()
    if os.name == "posix" and os.geteuid():
        with pytest.raises(SettingsError, match="permission"):
            server.listen(1)
