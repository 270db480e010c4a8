import contextlib
import ipaddress
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mutoscope import fetch
from mutoscope.errors import MediaError
from mutoscope.fetch import fetch_picture, is_url
from mutoscope.images import encode, load_image

PNG = encode(torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)), ".png")


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, "get_" + self.path.strip("/").split("/")[0])()

    def answer(self, body, kind="image/png", length=None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_fox(self):
        self.answer(PNG)

    def get_page(self):
        self.answer(b"<!doctype html><p>a page that shows a fox</p>", "text/html; charset=utf-8")

    def get_short(self):
        self.answer(PNG[:100], length=len(PNG))

    def get_tiny(self):
        self.answer(b"\x89PNG")

    def get_large(self):
        self.answer(PNG[:40], length=10**9)

    def get_endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(64):
            self.wfile.write(PNG[:40] + b"\0" * 65_536)

    def get_drip(self):
        self.send_response(200)
        self.end_headers()
        for byte in PNG[:200]:
            self.wfile.write(bytes([byte]))
            time.sleep(0.02)

    def get_slowhead(self):
        for _ in range(200):
            self.wfile.write(b"x")
            time.sleep(0.02)

    def get_garbage(self):
        self.wfile.write(b"\0\1\2 nothing\r\n\r\n")

    def get_once(self):
        self.redirect("/fox")

    def get_round(self):
        self.redirect(f"/round/{time.perf_counter_ns()}")

    def get_file(self):
        self.redirect("file:///etc/passwd")

    def get_elsewhere(self):
        self.redirect(f"http://127.0.0.2:{self.server.server_port}/fox")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_picture_is_fetched_and_loaded(site):
    assert fetch_picture(f"{site}/fox") == PNG
    assert fetch_picture(f"{site}/once") == PNG
    assert load_image(f"{site}/fox").shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("page", "'text/html', not a picture"),
        ("short", "only 100 of"),
        ("tiny", "no picture"),
        ("large", "larger than 32 MiB"),
        ("endless", "larger than 1 MiB"),
        ("garbage", "can't be fetched"),
        ("round", "more than 5 times"),
        ("file", "not allowed"),
    ],
)
def test_what_is_not_a_picture_or_too_much_is_refused_in_one_line(site, path, why):
    limit = 2**20 if path == "endless" else fetch.MAX_BYTES
    with pytest.raises(MediaError, match=why) as caught:
        fetch_picture(f"{site}/{path}", max_bytes=limit)
    assert str(caught.value).startswith(f"{site}/{path}")
    assert "\n" not in str(caught.value)


def test_a_missing_page_is_named_by_its_number(site, monkeypatch):
    monkeypatch.setattr(Handler, "get_gone", lambda self: self.send_error(404), raising=False)
    with pytest.raises(MediaError, match="answers 404"):
        fetch_picture(f"{site}/gone")


@pytest.mark.parametrize("path", ["drip", "slowhead"])
def test_a_server_that_drips_is_given_up_in_time(site, path):
    start = time.monotonic()
    with pytest.raises(MediaError, match=r"longer than 0\.3 s"):
        fetch_picture(f"{site}/{path}", seconds=0.3)
    assert time.monotonic() - start < 8


def test_no_thread_is_left_behind(site):
    fetch_picture(f"{site}/fox")
    time.sleep(0.05)
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "file addresses"),
        ("ftp://example.org/a.png", "ftp addresses"),
        ("data:image/png;base64,AAAA", "data addresses"),
        ("http:///a.png", "needs a host"),
        ("http://example.org:99999/", "not an address"),
        ("http://[::1/", "not an address"),
        ("http://example.org/a b.png", "percent-encoded"),
        ("http://example.org/\r\nHost: x", "percent-encoded"),
        ("http://me:secret@example.org/a.png", "user name"),
    ],
)
def test_other_addresses_are_refused_unopened(url, why, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("looked up"))
    with pytest.raises(MediaError, match=why) as caught:
        fetch_picture(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_network_it_says_so(monkeypatch):
    def offline(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    for public_only in (False, True):
        with pytest.raises(MediaError, match=r"nowhere\.example.*online"):
            fetch_picture("http://nowhere.example/fox.png", public_only=public_only)


def test_a_closed_port_is_refused():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(MediaError, match="refuses"):
        fetch_picture(f"http://127.0.0.1:{port}/a.png")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0", "10.1.2.3", "192.168.0.1", "169.254.169.254",
     "100.64.0.1", "2130706433", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
     "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "[fe80::1%25lo]",
     "0x7f000001", "0177.0.0.1", "127.1", "000.0.0.0", "[::]", "255.255.255.255", "[ff02::1]"],
)  # fmt: skip
def test_private_addresses_are_refused_where_only_public_ones_are_meant(host, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("connected"))
    with pytest.raises(MediaError, match=r"not on the public internet|not found"):
        fetch_picture(f"http://{host}/a.png", public_only=True)


@given(
    st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                     "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/8", "224.0.0.0/4"]),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["{}", "::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}", "64:ff9b:1::{}",
                     "2002:{:x}:{:x}::1", "2001:0:0:0:0:0:{:x}:{:x}"]),
)  # fmt: skip
def test_no_private_address_is_public_however_it_is_wrapped(network, offset, wrapping):
    """6to4 has the address in bits 16 to 48, Teredo at the end, inverted."""
    inside = ipaddress.ip_network(network)
    address = inside[offset % inside.num_addresses]
    number = int(address) ^ (2**32 - 1 if wrapping.startswith("2001") else 0)
    words = (number >> 16, number & 0xFFFF) if ":x" in wrapping else (address,)
    assert not fetch._is_public(wrapping.format(*words))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:220:1::1", "64:ff9b::5db8:d70e"])
def test_what_is_public_is(address):
    assert fetch._is_public(address)


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    answer = [(2, 1, 6, "", (ip, 80)) for ip in ("93.184.215.14", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("connected"))
    with pytest.raises(MediaError, match=r"127\.0\.0\.1"):
        fetch_picture("http://rebind.example/a.png", public_only=True)


def test_a_redirect_to_a_private_address_is_refused(site, monkeypatch):
    monkeypatch.setattr(fetch, "_is_public", lambda address: address == "127.0.0.1")
    assert fetch_picture(f"{site}/fox", public_only=True) == PNG
    with pytest.raises(MediaError, match=r"127\.0\.0\.2.*public"):
        fetch_picture(f"{site}/elsewhere", public_only=True)


def test_a_name_that_means_another_address_at_a_redirect_is_refused(site, monkeypatch):
    answers = ["127.0.0.1", "127.0.0.2"]
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        name = answers.pop(0) if host == "rebind.example" else host
        return real(name, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(fetch, "_is_public", lambda address: address == "127.0.0.1")
    port = site.rpartition(":")[2]
    with pytest.raises(MediaError, match=r"127\.0\.0\.2"):
        fetch_picture(f"http://rebind.example:{port}/once", public_only=True)
    assert answers == []


def test_the_connection_goes_to_the_checked_address(site, monkeypatch):
    lookups = []
    port = int(site.rpartition(":")[2])

    def resolve(host, *args, **kwargs):
        lookups.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(lookups) == 1 else "127.0.0.2", port))]

    monkeypatch.setattr(fetch, "_is_public", lambda address: True)
    opened = []
    connect = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda to, *a: (opened.append(to[0]), connect(to, *a))[1]
    )
    with monkeypatch.context() as patch:
        patch.setattr(fetch.socket, "getaddrinfo", resolve)
        # create_connection looks the number up again, which is no second question to any server.
        with contextlib.suppress(MediaError):
            fetch_picture(f"http://rebind.example:{port}/fox", public_only=True)
    assert lookups[0] == "rebind.example"
    assert opened == ["127.0.0.1"]
    assert "rebind.example" not in lookups[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org/a.png", True),
        ("HTTP://EXAMPLE.ORG", True),
        ("file:///a", True),
        ("C:/a.png", False),
        ("c://a.png", False),
        ("a fox: red", False),
        ("images/a.png", False),
        ("://x", False),
    ],
)
def test_addresses_are_told_from_paths(text, expected):
    assert is_url(text) is expected
