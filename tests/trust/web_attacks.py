"""What a stranger, or a visitor who was let in, may say to the studio; and what came back.

Every attack gives cases: what was sent, and its answer. An answer is a fault where it is an error
of the server (500 and above), where it holds what nobody may see (files outside of the folder, the
keys, paths, tracebacks, the token), or where it lets in who is not to be let in.
"""

import io
import itertools
import random
import re
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from web_target import MARK, Answer, Target, parts_of


@dataclass
class Figures:
    """What came of an attack: how often what status was answered, and what was wrong."""

    name: str
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.answers.total()

    def __str__(self) -> str:
        told = ", ".join(f"{status or 'closed'}: {n}" for status, n in sorted(self.answers.items()))
        return f"{self.name}: {self.tried} tried ({told}), {len(self.faults)} faults"


Case = tuple[str, Answer]
Attack = Callable[[Target, int, random.Random], Iterator[Case]]


def prepare(folder: Path, *, password: str = "", files: int = 256) -> Target:
    """A studio in a folder, with files in it and beside it, and links that lead out of it."""
    root = folder / "studio"
    (root / "drawings/lines").mkdir(parents=True)
    (root / "uploads").mkdir()
    Image.new("L", (40, 60), 255).save(root / "drawings/lines/a.png")
    Image.new("RGB", (300, 200), (9, 90, 200)).save(root / "uploads/fox.png")
    (root / "uploads/film.mp4").write_bytes(bytes(range(256)) * 40)
    (root / 'uploads/a"b\r\nX-Evil: 1.yaml').write_text("scenes: a fox\n")
    (folder / "secret.txt").write_text(MARK)
    Image.new("L", (40, 60), 3).save(folder / "secret.png")
    (folder / "secret.png").write_bytes((folder / "secret.png").read_bytes() + MARK.encode())
    (root / "uploads/link.png").symlink_to(folder / "secret.png")
    (root / "uploads/out").symlink_to(folder)
    (root / "drawings/lines/link.png").symlink_to(folder / "secret.png")
    return Target(root, password=password, files=files)


def judge(target: Target, answer: Answer, *, refused: bool = False) -> str:
    """What is wrong with an answer, in a word; empty where nothing is."""
    words = answer.whole
    if answer.status >= 500:
        return f"status {answer.status}"
    if refused and not (answer.status == 0 or 400 <= answer.status < 500):
        return f"let in: {answer.status}"
    key = (target.root / ".studio/key").read_bytes()
    for secret in (
        MARK.encode(),
        key,
        key.hex().encode(),
        b"root:x:",
        b"Traceback (most",
        b"site-packages",
    ):
        if secret in words:
            return f"shows {secret!r}"
    for secret in (target.token, str(target.root), str(target.root.parent)):
        if secret and secret.encode() in words:
            return "shows a path or the token"
    return "splits its headers" if "\nX-Evil:" in answer.headers else ""


def run(attack: Attack, target: Target, *, rounds: int, seed: int = 0) -> Figures:
    """All cases of an attack."""
    figures = Figures(attack.__name__)
    for what, answer in attack(target, rounds, random.Random(seed)):  # noqa: S311
        figures.answers[answer.status] += 1
        wrong = judge(target, answer, refused=attack in REFUSED)
        if wrong:
            figures.faults.append(f"{what[:200]!r}: {wrong}")
    return figures


# ── names that lead elsewhere ──

ROUTES = (
    "/files/{}", "/files/uploads/{}", "/files/{}?w=320", "/files/{}?save=1", "/picking/{}/state",
    "/picking/drawings%2Flines/own/{}", "/picking/drawings%2Flines/pages/{}/thumbnail",
    "/picking/drawings%2Flines/pages/0/{}/0/0", "/_nicegui/{}", "/_nicegui/VERSION/static/{}",
    "/_nicegui/VERSION/libraries/{}", "/_nicegui/VERSION/components/{}",
    "/_nicegui/VERSION/resources/codehilite/{}", "/_nicegui/VERSION/esm/nicegui-codemirror/{}",
    "/_nicegui/VERSION/dynamic_resources/{}", "/_nicegui/client/{}/upload/1", "/{}",
)  # fmt: skip
_POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
_LEFT_OUT = ("secret.txt", "secret.png", "etc/passwd", "studio/.studio/key", "studio.printed")
_UP = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..\\", "..%5c", "%c0%ae%c0%ae/",
       "..%c0%af", "..;/", "....//", "%uff0e%uff0e/", "．．/", "‥/", "..%00/", ".%2e/", "%2e./",
       "..%ef%bc%8f", "./../", "x/../../", "%2e%2e%5c")  # fmt: skip
_WHOLE = (
    "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "C:/Windows/win.ini",
    "C:%5cWindows%5cwin.ini", "\\\\host\\share", "%5c%5chost%5cshare", "~/.ssh/id_rsa", "~root",
    ".studio/key", "./.studio/key", ".%2fstudio", "uploads/link.png", "uploads/out/secret.txt",
    "uploads%2fout%2fsecret.png", "uploads/link.png%00.png", "fox.png%00", "%00", "%0d%0aX-Evil:1",
    "fox.png%0d%0aX-Evil:%201", "CON", "nul.png", "fox.png::$DATA", "a" * 5000, "a/" * 3000,
    "%ff%fe", "%ed%a0%80", "uploads/fox.png/../link.png", ".", "..", "%2e", "...", "%20",
    "uploads/.", "/", "//",
    "pages/../../secret.png", "proc/self/environ", "..%2f..%2f..%2fproc%2fself%2fenviron",
)  # fmt: skip


def traversal(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """Names that lead out of the folder, in every route that takes one."""
    version = re.search(rb"/_nicegui/([\d.]+)/", target.ask("GET", "/compose").body)
    routes = [route.replace("VERSION", version[1].decode() if version else "3") for route in ROUTES]
    names = list(_WHOLE)
    names += [up * n + end for up, n, end in itertools.product(_UP, (1, 2, 4, 8), _LEFT_OUT)]
    cases = list(itertools.product(routes, names))
    for _ in range(rounds * 50):  # and what nobody has thought of
        pieces = [*_UP, *_LEFT_OUT, "uploads/", "link.png", "%00", "%2f", "/", "?", "#", "%", "\t"]
        cases.append(
            (chance.choice(routes), "".join(chance.choices(pieces, k=chance.randint(1, 9))))
        )
    chance.shuffle(cases)
    first = [
        ("/files/{}", name) for name in (*_WHOLE, *(up + end for up in _UP for end in _LEFT_OUT))
    ]
    first += [("/picking/{}/state", name) for name in _WHOLE]
    for route, name in (first + cases)[: rounds * 350]:
        path = route.format(name).replace(" ", "%20").replace("\t", "%09")
        path = path if path.isascii() else quote(path, safe="/%?=&;:\\~")
        yield path, target.ask("HEAD" if chance.random() < 0.1 else "GET", path)


# ── strangers ──


def strangers(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """Who was not let in: no cookie, a wrong one, another host, another site's page."""
    port, good = target.port, target.cookie
    paths = ("/", "/compose", "/files/uploads/fox.png", "/picking/drawings%2Flines/state", "/docs",
             "/openapi.json", _POLLING)  # fmt: skip
    hosts = (
        f"evil.example:{port}",
        "evil.example",
        f"127.0.0.1.evil.example:{port}",
        f"0:{port}",
        f"127.0.0.1:{port}@evil.example",
        f"localhost.:{port}",
        f"127.0.0.1:{port + 1}",
        "",
        "\xff",
        f"169.254.169.254:{port}",
        f"2130706433x:{port}",
        f"0.0.0.0:{port}",
        f"[::]:{port}",
        f"127.0.0.1:{port}, evil.example",
        f"evil.example\\127.0.0.1:{port}",
    )
    origins = (
        "http://evil.example",
        "null",
        "",
        "https://127.0.0.1",
        f"http://127.0.0.1:{port + 1}",
        f"http://evil.example:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"HTTP://127.0.0.1:{port}",
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port}/",
    )
    name, _, value = good.partition("=")
    until, _, signed = value.partition(".")
    cookies = [
        "",
        f"{name}=",
        f"{name}={value[:-1]}",
        f"{name}=9{until}.{signed}",
        f"{name}={until}.",
        f"{name}={until}.{signed[::-1]}",
        f"x{name}={value}",
        f"{name}=0.{signed}",
        f'{name}="{value}x"',
        f"{name}={'9' * 5000}.{signed}",
        "=;=;;",
        "\xff=\xfe",
        f"{name}-tab={value}",
    ]
    queries = [
        "?token=",
        "?token=" + "0" * 64,
        "?token[]=1",
        "?" + "a=1&" * 40,
        "?token=%00",
        "?token=" + target.token[:-1],
        "?token=" + "x" * 9000,
        "?%ff=%ff",
        "?TOKEN=" + target.token,
    ]
    for path in paths:
        for host in hosts:
            yield f"Host: {host}", target.ask("GET", path, host=host)
        for origin, method in itertools.product(origins, ("POST", "PUT", "DELETE", "OPTIONS", "X")):
            yield f"Origin: {origin}", target.ask(method, path, origin=origin)
        for method in ("POST", "TRACE", "CONNECT"):
            yield f"{method} without an origin", target.ask(method, path)
        for cookie in cookies:
            sent = f"Cookie: {cookie}\r\n"
            yield f"Cookie: {cookie}", target.ask("GET", path, known=False, headers=sent)
        for query in queries:
            yield query, target.ask("GET", path.partition("?")[0] + query, known=False)
    for _ in range(rounds * 10):
        wrong = f"{until}.{chance.randbytes(32).hex()}"
        yield (
            "a random cookie",
            target.ask("GET", "/", known=False, headers=f"Cookie: {name}={wrong}\r\n"),
        )


# ── heads and bodies that are none ──

_UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"


def malformed(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """Bytes that are no request, or two in one; and requests with bytes changed at random."""
    host, cookie = f"Host: {target.host}\r\n", f"Cookie: {target.cookie}\r\n"
    own = f"{host}{cookie}Origin: {target.origin}\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    many = "A: a\r\n" * 9000
    chunked = "Transfer-Encoding: chunked\r\n"
    heads = [
        "\0" * 99,
        "\r\n" * 99,
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\xff HTTP/1.1\r\n" + host + "\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        f"GET / HTTP/1.1\r\n{host}{host}\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\xfc",
        f"GET / HTTP/1.1\r\n{host}A: {'a' * 300_000}\r\n\r\n",
        f"GET /{'a' * 300_000} HTTP/1.1\r\n{host}\r\n",
        f"GET / HTTP/1.1\r\n{host}{many}\r\n",
        f"GET / HTTP/1.1\r\n{host} folded: x\r\n\r\n",
        f"POST /x HTTP/1.1\r\n{own}{chunked}Content-Length: 4\r\n\r\n0\r\n\r\nGET /x",
        f"POST /x HTTP/1.1\r\n{own}Content-Length: 3\r\nContent-Length: 9\r\n\r\nabc",
        f"POST /x HTTP/1.1\r\n{own}Content-Length: -1\r\n\r\n",
        f"POST /x HTTP/1.1\r\n{own}Content-Length: 9e9\r\n\r\n",
        f"POST /x HTTP/1.1\r\n{own}Content-Length: {'9' * 40}\r\n\r\n",
        f"POST /x HTTP/1.1\r\n{own}Content-Length: {2**63}\r\n\r\nabc",
        f"POST /x HTTP/1.1\r\n{own}{chunked}\r\nzz\r\n",
        f"POST /x HTTP/1.1\r\n{own}{chunked}\r\n{'f' * 17}\r\n",
        f"POST /x HTTP/1.1\r\n{own}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        f"GET http://evil.example/ HTTP/1.1\r\n{host}{cookie}Connection: close\r\n\r\n",
        f"GET /x HTTP/1.1\r\n{own}{_UPGRADE}{key}Sec-WebSocket-Protocol: \xff\xfe\r\n\r\n",
        f"GET /x HTTP/1.1\r\n{own}{_UPGRADE}Sec-WebSocket-Key: \xff\r\n\r\n",
        f"GET /x HTTP/1.1\r\n{own}{_UPGRADE}{key}Sec-WebSocket-Extensions: \xff\r\n\r\n",
        f"GET /x HTTP/1.1\r\n{own}{_UPGRADE}\r\n",
        f"POST /x HTTP/1.1\r\n{own}{_UPGRADE}{key}Content-Length: 3\r\n\r\nabc",
        f"GET /x HTTP/1.1\r\nHost: {target.host}\r\n{_UPGRADE}{key}\r\n",
        f"GET /x HTTP/1.0\r\n{own}{_UPGRADE}{key}\r\n",
        f"GET /x HTTP/1.1\r\n{host}{own}{_UPGRADE}{key}\r\n",
        f"GET /x HTTP/1.1\r\n{own}Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    for head in heads:
        yield head[:80], target.say(head.encode("latin-1"), patience=0.4)
    whole = f"GET /files/uploads/fox.png HTTP/1.1\r\n{own}{_UPGRADE}{key}Range: bytes=0-9\r\n\r\n"
    for _ in range(rounds * 20):
        changed = bytearray(whole.encode())
        for _ in range(chance.randint(1, 6)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        yield "a request with bytes changed", target.say(bytes(changed), patience=0.1)


def ranges(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """Parts of files that are none, too large, or very many."""
    odd = [
        "bytes=0-0," * 6000,
        "bytes=" + "0-," * 9000,
        "bytes=-0",
        "bytes=9-1",
        "bytes=0-" + "9" * 40,
        "x=1-2",
        "bytes=-",
        "bytes=a-b",
        "bytes=--5",
        "bytes=" + "9" * 6000,
        "bytes=0-1,2-3,4-5",
        "bytes=²-³",
        "",
        "bytes=0-1\tx",
        "bytes=-99999999999999999999",
        "bytes=10240-",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 9000, 2)),
    ]
    odd += [
        "bytes=" + "".join(chance.choices("0123456789-, =", k=chance.randint(1, 40)))
        for _ in range(rounds * 5)
    ]
    for value in odd:
        began = time.monotonic()
        answer = target.ask(
            "GET", "/files/uploads/film.mp4", headers=f"Range: {value[:60_000]}\r\n"
        )
        slow = time.monotonic() - began > 10 or len(answer.body) > 10 * 10240
        yield value, Answer(599, "too much for a range", b"", b"") if slow else answer


def bomb(width: int, height: int, *, colour: int = 6) -> bytes:
    """A PNG of very many equal pixels in very few bytes: RGBA, or grey (0)."""
    deflate = zlib.compressobj(9)
    row = bytes(1 + width * (4 if colour == 6 else 1))
    data = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    shape = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", shape) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def uploads(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """Forms with too much in them, names that lead elsewhere, pictures that are bombs."""
    page = target.ask("GET", "/drawings").body.decode()
    found = re.search(r"/_nicegui/client/[-\w]+/upload/\d+", page)
    assert found is not None
    address, own = found[0], target.origin
    png = io.BytesIO()
    Image.new("L", (20, 20), 7).save(png, "PNG")
    side = 3000 if rounds < 10 else 20_000
    names = [
        "../../../x.png",
        "..\\..\\y.png",
        "/etc/z.png",
        "C:\\w.png",
        "\0.png",
        "n\r\nX-Evil: 1.png",
        "a" * 2000 + ".png",
        ".htaccess.png",
        "con.png",
        "a.png/../../b.png",
        "%2e%2e%2fq.png",
        "é\xff.png",
        ".studio",
        "x.svg",
        "x.html",
        "",
    ]
    forms = [parts_of((name, png.getvalue())) for name in names]
    forms += [
        parts_of(*[("a.png", b"")] * 5000),
        parts_of(("a" * 200_000 + ".png", b"x")),
        parts_of(("b.png", b"x" * 9999)),
        parts_of(("bomb.png", bomb(side, side, colour=0))),
        parts_of(("a.png", b"PK\x03\x04" + b"\0" * 999)),
        ("Content-Type: multipart/form-data; boundary=XX\r\n", b"--XX\r\nA: " + b"a" * 3_000_000),
        ("Content-Type: multipart/form-data\r\n", b"abc"),
        ("Content-Type: text/plain\r\n", b"abc"),
        ("", b"abc"),
        (f"Content-Type: multipart/form-data; boundary={'X' * 9000}\r\n", b"abc"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", b"&" * 100_000),
    ]
    for headers, body in forms:
        yield (
            headers + repr(body[:80]),
            target.ask("POST", address, body=body, headers=headers, origin=own),
        )
    multipart = "Content-Type: multipart/form-data; boundary=XX\r\n"
    lie = target.head("POST", address, origin=own, headers=multipart, length=2**31)
    yield "2 GiB announced", target.say(lie, patience=0.5)
    endless = b"100000\r\n%s\r\n" % bytes(2**20) * 16
    for path in ("/picking/drawings%2Flines/change", "/compose", "/login", _POLLING):
        chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n"
        head = target.head("POST", path, origin=own, headers=chunked)
        yield f"an endless body for {path}", target.say(head + endless, patience=5)


def bodies_of_changes(target: Target, rounds: int, chance: random.Random) -> Iterator[Case]:
    """What is no change of picked specimens: JSON of other shapes, sizes, depths and numbers."""
    values = [
        "",
        "null",
        "[]",
        "{}",
        "1e999",
        "NaN",
        "[" * 60_000,
        '{"a":' * 60_000,
        '"\\ud800"',
        '{"revision":1e400}',
        '{"pages":{"0":[[1e308,NaN,1,0]]},"gesture":"","revision":0}',
        '{"pages":{"99999999":[]},"gesture":"","revision":0}',
        '{"pages":{"../x":[]},"gesture":"","revision":0}',
        '{"pages":{"0":%s},"gesture":"","revision":0}' % ([[1, 1, 1, 0]] * 20_000),
        '{"pages":[],"gesture":{},"revision":[]}',
        '{"revision":' + "9" * 5000 + "}",
        "\xff\xfe",
    ]
    for where, value in itertools.product(("change", "undo", "redo"), values):
        path = f"/picking/drawings%2Flines/{where}"
        yield (
            value[:60],
            target.ask("POST", path, body=value.encode("latin-1"), origin=target.origin),
        )


REFUSED = (strangers,)
ATTACKS: tuple[Attack, ...] = (traversal, strangers, malformed, ranges, uploads, bodies_of_changes)
