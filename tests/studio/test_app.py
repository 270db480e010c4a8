"""The studio as a whole: files, bad addresses, and servers that come and go."""

import os
import re
import urllib.error
import urllib.request

import pytest
from PIL import Image

from mutoscope.cli import run
from mutoscope.errors import RunError, SettingsError
from mutoscope.studio import app as app_module
from mutoscope.studio.place import Place
from mutoscope.studio.queue.jobs import Jobs


def asked(client, address, **headers):
    """Status, headers and body of an answer."""
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - of our own server
    try:
        with client.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def client(studio_server):
    return studio_server.client()


@pytest.fixture(scope="module")
def files(studio_server):
    """Pictures and other files in the place of the server."""
    root = studio_server.root
    Image.new("RGB", (900, 600), (200, 90, 10)).save(root / "images_out/fox ä.png")
    (root / "uploads/bad.svg").write_text("<svg xmlns='x'><script>1</script></svg>")
    (root / "uploads/bad.html").write_text("<script>1</script>")
    (root / "uploads/a.yaml").write_text("scenes: a fox\n")
    (root / "uploads/film.mp4").write_bytes(bytes(range(256)) * 40)
    (root / "uploads/not.png").write_bytes(b"no picture")
    (root.parent / "secret.png").write_bytes(b"secret")
    (root / "uploads/link.png").symlink_to(root.parent / "secret.png")
    return root


def test_files_of_the_place_are_served(studio_server, client, files):
    status, headers, body = asked(client, f"{studio_server.base}/files/images_out/fox%20%C3%A4.png")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert body == (files / "images_out/fox ä.png").read_bytes()
    assert headers["cache-control"] == "private, no-cache"


def test_films_are_served_in_parts(studio_server, client, files):
    address = f"{studio_server.base}/files/uploads/film.mp4"
    status, headers, body = asked(client, address, Range="bytes=100-199")
    assert (status, headers["content-type"]) == (206, "video/mp4")
    assert headers["content-range"] == "bytes 100-199/10240"
    assert body == (files / "uploads/film.mp4").read_bytes()[100:200]


def test_thumbnails_are_made_once(studio_server, client, files):
    address = f"{studio_server.base}/files/images_out/fox%20%C3%A4.png?w=300"
    status, headers, first = asked(client, address)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    kept = list((files / ".studio/thumbs").glob("*/*.jpg"))
    assert [path.read_bytes() for path in kept] == [first]
    with Image.open(kept[0]) as picture:
        assert picture.size == (320, 213)
    assert asked(client, address)[2] == first
    assert asked(client, f"{studio_server.base}/files/uploads/not.png?w=300")[0] == 404


@pytest.mark.parametrize("name", ["bad.svg", "bad.html", "a.yaml"])
def test_what_could_act_is_only_saved(studio_server, client, files, name):
    status, headers, _ = asked(client, f"{studio_server.base}/files/uploads/{name}")
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


BAD = [
    "files/.studio/key",
    "files/uploads/../.studio/key",
    "files/%2e%2e/secret.png",
    "files/..%2fsecret.png",
    "files//etc/passwd",
    "files/%2fetc%2fpasswd",
    "files/uploads/link.png",
    "files/uploads",
    "files/",
    "files/uploads/link.png?w=320",
    "files/images_out/fox.png%00.png",
    "files/" + "a" * 4000,
    "files/uploads/a.yaml?w=320",
    "files/uploads/film.mp4?w=320",
    "files/uploads/film.mp4?w=-1",
    "files/uploads/film.mp4?w=%F0%9F%A6%8A",
    "nothing",
    "_nicegui/x",
    "_nicegui/../../etc/passwd",
    "docs",
    "openapi.json",
    "_nicegui/client/x/upload/1",
    "login/x",
    "%ff%fe",
    "files/%ff",
    "compose/../../x",
    "_nicegui_ws/socket.io/?EIO=4&transport=polling&sid=x",
    "_nicegui_ws/socket.io/?EIO=9",
]


@pytest.mark.parametrize("address", BAD)
def test_no_bad_address_says_anything(studio_server, client, files, address):
    status, _, body = asked(client, f"{studio_server.base}/{address}")
    assert 400 <= status < 500
    text = body.decode(errors="replace")
    token = studio_server.address.rpartition("=")[2]
    for word in (
        str(studio_server.root),
        str(files.parent),
        "Traceback",
        token,
        "site-packages",
        "secret",
        "root:",
    ):
        assert word not in text.replace("/etc/passwd", "")


def test_the_server_is_still_there_after_all_that(studio_server, client):
    assert asked(client, f"{studio_server.base}/")[0] == 200
    assert "Traceback" not in studio_server.printed.read_text()


def test_nobody_else_is_let_in(studio_server):
    stranger = urllib.request.build_opener()
    for address in ("", "files/uploads/a.yaml", "_nicegui_ws/socket.io/?EIO=4&transport=polling"):
        assert asked(stranger, f"{studio_server.base}/{address}")[0] == 403


def test_a_second_studio_in_the_same_folder_is_refused(studio_server, capsys):
    assert run(["studio", str(studio_server.root), "--no-browser", "--port", "0"]) == 2
    assert "another studio works in this folder" in capsys.readouterr().err


def test_sharing_needs_a_password(tmp_path, monkeypatch):
    place = Place(tmp_path)
    place.prepare()
    studio = app_module.Studio(place, Jobs(place))
    with pytest.raises(SettingsError, match="needs a password"):
        app_module.serve(studio, host="192.0.2.1", port=0, password=None, open_browser=False)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True),
     ("192.168.1.2", False), ("::", False)],
)  # fmt: skip
def test_who_is_local(host, local):
    assert app_module.is_local(host) == local


def test_a_key_is_made_once_and_is_nobodys_to_read(tmp_path):
    place = Place(tmp_path)
    place.prepare()
    key = app_module.key_of(place)
    assert len(key) == 32
    assert app_module.key_of(place) == key
    assert (place.own / "key").stat().st_mode & 0o077 == 0


def test_addresses_of_files(tmp_path):
    place = Place(tmp_path)
    place.prepare()
    studio = app_module.Studio(place, Jobs(place))
    (place.uploads / "a b#?.png").write_bytes(b"x")
    first = studio.url(place.uploads / "a b#?.png", width=320)
    assert re.fullmatch(r"/files/uploads/a%20b%23%3F\.png\?v=[0-9a-f]+&w=320", first)
    os.utime(place.uploads / "a b#?.png", (1, 1))
    assert studio.url(place.uploads / "a b#?.png", width=320) != first
    with pytest.raises(Exception, match="outside"):
        studio.url(tmp_path.parent / "x.png")


def test_a_port_that_is_taken_is_refused(studio_server):
    with pytest.raises(SettingsError, match="choose another"):
        app_module.listen("127.0.0.1", studio_server.port)


def test_a_lock_is_let_go_where_it_cannot_begin(tmp_path, studio_server):
    place = Place(tmp_path)
    place.prepare()
    studio = app_module.Studio(place, Jobs(place))
    for _ in range(2):  # the second is not told of another studio
        with pytest.raises(SettingsError):
            app_module.serve(
                studio, host="127.0.0.1", port=studio_server.port, password=None, open_browser=False
            )
    assert not issubclass(SettingsError, RunError)


def test_empty_storages_of_nobody_are_forgotten(monkeypatch):
    page = type("Page", (), {"session": {"id": "there"}})
    clients = {
        "1": type("Client", (), {"request": page}),
        "2": type("Client", (), {"request": None}),
    }
    kept = {"there": {}, "full": {"draft": "7"}} | {str(number): {} for number in range(600)}
    monkeypatch.setattr(app_module.Client, "instances", clients)
    monkeypatch.setattr(app_module.nicegui_app.storage, "_users", kept)
    app_module._forget()
    assert set(kept) == {"there", "full"}
