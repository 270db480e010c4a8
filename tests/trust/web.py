"""The studio under attack: the strong version, with figures.

    python tests/trust/web.py [--rounds 20] [--schemathesis PATH] [--gigabyte]

``--schemathesis`` is the program of that name, which then scans the routes too, with a session,
without one, and with a wrong one. ``--gigabyte`` sends an upload of more than is taken.
"""

import argparse
import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from web_attacks import ATTACKS, Figures, bomb, prepare, run
from web_target import Answer, Target, Wire, cookie_of, parts_of

PASSWORD = "correct horse"  # noqa: S105 - of a studio that lives for a minute
MOST_SECONDS = 10.0  # in which a page has to come, whatever others do
FORGOTTEN = 75.0  # seconds after which pages that nobody has open any more are forgotten
MOST_GROWTH = 10.0  # MiB, from the first third of all attacks to the last


def loads(target: Target) -> float:
    """How many seconds a page takes that a visitor opens now.

    Raises:
        RuntimeError: it does not come.
    """
    began = time.monotonic()
    answer = target.ask("GET", "/compose", patience=30)
    if answer.status != 200:
        raise RuntimeError(f"the page is answered {answer.status}")
    return time.monotonic() - began


# ── slow clients ──


def half_open(target: Target, how_many: int) -> Iterator[socket.socket]:
    """Connections that begin a request and don't end it, each in another way."""
    beginnings = (
        b"",
        b"GET / HTTP/1.1\r\nHost: ",
        target.head("POST", "/login", known=False, origin=target.origin, length=4000) + b"pass",
        target.head("POST", "/x", known=False, length=8_000_000) + b"a",
        target.head("GET", "/", known=False),
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upg",
    )
    for number in range(how_many):
        connection = target.connect()
        with contextlib.suppress(ConnectionError):
            connection.sendall(beginnings[number % len(beginnings)])
        yield connection


def slow_clients(target: Target, how_many: int) -> tuple[float, int]:
    """Seconds that a page takes, and files that are open, while very many don't get on."""
    connections = list(half_open(target, how_many))
    try:
        for connection in connections[::7]:
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
        return loads(target), target.open_files()
    finally:
        for connection in connections:
            connection.close()


# ── sockets ──


def client_of(target: Target) -> str:
    """The id of a page that somebody else has open."""
    page = target.ask("GET", "/compose").body.decode()
    found = re.search(r"'client_id': '([-\w]+)'", page)
    assert found is not None
    return found[1]


def words_of_sockets(client: str) -> list[list[str | bytes]]:
    """Messages that no page sends."""
    events: list[list[object]] = [
        ["nothing", {}],
        ["event"],
        ["event", {"client_id": "x"}],
        ["event", [1]],
        ["handshake", {}],
        ["event", {"client_id": client, "id": 3, "listener_id": "x", "args": []}],
        ["event", {"client_id": client, "id": "a"}],
        ["ack", {"client_id": client}],
        ["log", {"client_id": client, "level": "error", "message": "\x1b]0;steered\x07"}],
        ["log", {"client_id": client, "level": "x", "message": ""}],
        ["javascript_response", {"client_id": client, "request_id": "x", "result": "y" * 9000}],
        ["handshake", {"client_id": client, "tab_id": [1], "document_id": {}}],
        ["disconnect"],
        ["connect", {}],
        ["__proto__", {"constructor": 1}],
    ]
    said: list[list[str | bytes]] = [["42" + json.dumps(event)] for event in events]
    said += [
        ["42" + "[" * 100_000],
        ["42" + '["x",' + '{"a":' * 5000 + "1" + "}" * 5000 + "]"],
        ["a" * 9_000_000],
        ["5999999999-[]"],
        ["51-" + '["event",{"_placeholder":true,"num":7}]', b"abc"],
        ['42["x","' + "a" * 2_000_000 + '"]'],
        ["9", "4", "42[", "44", "2probe", "5", "6" * 1000, b"\xff" * 1000, ""],
        ["40/" + "n" * 5000 + ","] * 50,
    ]
    return said


def sockets(target: Target, rounds: int) -> int:
    """Sockets that say what no page says; how many were opened and closed."""
    for _ in range(max(1, rounds // 5)):
        for words in words_of_sockets(client_of(target)):
            wire = Wire(target).begin()
            for word in words:
                wire.send(word)
            wire.receive(0.1)
            wire.close()
        for opcode, flags, body in (
            (0, 0x80, b"x"),
            (3, 0x80, b""),
            (9, 0x80, b"x" * 200),
            (1, 0xC0, b"x"),
            (1, 0x80, b"\xff\xfe"),
            (8, 0x80, b"\0"),
        ):
            wire = Wire(target)
            wire.send(body, opcode=opcode, flags=flags)
            wire.receive(0.1)
            wire.close()
    return max(1, rounds // 5) * (len(words_of_sockets("x")) + 6)


def foreign_sockets(target: Target) -> list[str]:
    """Sockets that should not have been opened: other sites' pages, other hosts, no session."""
    opened = []
    port = target.port
    for named in (
        {"origin": "http://evil.example"}, {"origin": None}, {"origin": "null"}, {"known": False},
        {"origin": f"http://127.0.0.1:{port + 1}"}, {"host": f"evil.example:{port}"},
        {"host": f"evil.example:{port}", "origin": f"http://evil.example:{port}"},
    ):  # fmt: skip
        with contextlib.suppress(ConnectionRefusedError):
            Wire(target, **named).close()  # type: ignore[arg-type]
            opened.append(str(named))
    return opened


# ── the password ──


def log_in(target: Target, password: str) -> Answer:
    """A try at the password."""
    form = "Content-Type: application/x-www-form-urlencoded\r\n"
    body = f"password={password}".encode()
    return target.ask("POST", "/login", body=body, known=False, origin=target.origin, headers=form)


def tries(target: Target, how_many: int) -> tuple[int, int]:
    """How many tries of many were looked at, and how many let in; the last is the right one."""
    answers = [log_in(target, f"wrong {number}") for number in range(how_many)]
    answers.append(log_in(target, PASSWORD.replace(" ", "+")))
    looked_at = sum(answer.status == 401 for answer in answers)
    return looked_at, sum(bool(cookie_of(answer)) for answer in answers)


# ── memory ──


def bombs(target: Target) -> tuple[int, float]:
    """Thumbnails of pictures that are small in bytes and huge in pixels; the most MiB."""
    shapes = ((12_000, 14_000, 6), (13_300, 13_300, 0), (40_000, 40_000, 0), (65_000, 60_000, 0))
    for number, (width, height, colour) in enumerate(shapes):
        picture = target.root / f"uploads/bomb-{number}.png"
        picture.write_bytes(bomb(width, height, colour=colour))
    for number in range(len(shapes)):
        answer = target.ask("GET", f"/files/uploads/bomb-{number}.png?w=160")
        assert answer.status in (200, 404), answer.status
    return len(shapes), target.memory()["VmHWM"]


def gigabyte(target: Target) -> int:
    """The status of an upload without end, of which more than a GiB is sent."""
    page = target.ask("GET", "/drawings").body.decode()
    found = re.search(r"/_nicegui/client/[-\w]+/upload/\d+", page)
    assert found is not None
    headers, body = parts_of(("a.png", b"\x89PNG"))
    headers += "Transfer-Encoding: chunked\r\nConnection: close\r\n"
    head = target.head("POST", found[0], origin=target.origin, headers=headers)
    beginning = body.removesuffix(b"\r\n--XX--\r\n")
    piece = b"100000\r\n%s\r\n" % bytes(2**20)
    with target.connect() as connection:
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(beginning), beginning))
        with contextlib.suppress(ConnectionError):
            for _ in range(1100):
                connection.sendall(piece)
        with contextlib.suppress(ConnectionError):
            return int(connection.recv(65536)[9:12] or b"0")
    return 0


# ── the scanner ──


def schema() -> dict[str, object]:
    """The routes that the studio has, as OpenAPI; it publishes none itself."""
    texts = {"type": "string"}
    number = {"type": "integer"}
    ok: dict[str, object] = {"responses": {"default": {"description": "any"}}}

    def get(**named: dict[str, str]) -> dict[str, object]:
        inside = re.compile(r"^(name|folder|key|page|level|column|row|client|element)$")
        parameters = [
            {"name": key, "in": "path" if inside.match(key) else "query", "schema": kind,
             "required": bool(inside.match(key))}
            for key, kind in named.items()
        ]  # fmt: skip
        return {**ok, "parameters": parameters}

    def body(kind: str, shape: dict[str, object], **named: dict[str, str]) -> dict[str, object]:
        return {**get(**named), "requestBody": {"content": {kind: {"schema": shape}}}}

    change: dict[str, object] = {
        "type": "object",
        "properties": {"pages": {"type": "object"}, "gesture": texts, "revision": number},
    }
    brought: dict[str, object] = {
        "type": "object", "properties": {"file": {"type": "string", "format": "binary"}},
    }  # fmt: skip
    tile = {"page": number, "level": number, "column": number, "row": number}
    paths: dict[str, object] = {
        "/": {"get": get(token=texts)},
        "/files/{name}": {"get": get(name=texts, w=number, v=texts, save=texts)},
        "/files/uploads/fox.png": {"get": get(w=number, v=texts, save=texts)},
        "/picking/{folder}/state": {"get": get(folder=texts)},
        "/picking/drawings%2Flines/own/{name}": {"get": get(name=texts)},
        "/picking/drawings%2Flines/own/pick.js": {"get": get()},
        "/picking/drawings%2Flines/state": {"get": get()},
        "/picking/drawings%2Flines/pages/0/{level}/{column}/{row}": {
            "get": get(level=number, column=number, row=number)
        },
        "/picking/drawings%2Flines/pages/{page}/thumbnail": {"get": get(page=number)},
        "/picking/drawings%2Flines/pages/{page}/proposal": {"get": get(page=number)},
        "/picking/drawings%2Flines/pages/{page}/{level}/{column}/{row}": {"get": get(**tile)},
        "/login": {
            "get": get(),
            "post": body(
                "application/x-www-form-urlencoded",
                {"type": "object", "properties": {"password": texts}},
            ),
        },
        "/_nicegui/client/{client}/upload/{element}": {
            "post": body("multipart/form-data", brought, client=texts, element=number)
        },
        "/_nicegui_ws/socket.io/": {
            "get": get(EIO=texts, transport=texts, sid=texts),
            "post": body("text/plain", {"type": "string"}, EIO=texts, transport=texts, sid=texts),
        },
    }
    for where in ("change", "undo", "redo"):
        paths[f"/picking/drawings%2Flines/{where}"] = {"post": body("application/json", change)}
    for page in ("compose", "timeline", "render", "gallery", "drawings"):
        paths[f"/{page}"] = {"get": get(run=texts, v=number)}
    info = {"title": "Mutoscope's studio", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "paths": paths}


def schemathesis(program: str, target: Target, cookie: str, examples: int) -> str:
    """The last words of a scan of all routes by someone with this cookie."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.json"
        file.write_text(json.dumps(schema()))
        line = [
            program,
            "run",
            str(file),
            "--url",
            target.origin,
            "--checks",
            "not_a_server_error",
            "--max-examples",
            str(examples),
            "--mode",
            "all",
            "--phases",
            "coverage,fuzzing",
            "--workers",
            "1",
            "--seed",
            "1",
            "--no-color",
            "--continue-on-failure",
            "-H",
            f"Origin: {target.origin}",
            "--request-timeout",
            "30",
        ]
        line += ["-H", f"Cookie: {cookie}"] if cookie else []
        done = subprocess.run(line, capture_output=True, text=True, cwd=folder, check=False)
    lines = [one.strip() for one in done.stdout.splitlines() if one.strip()]
    start = next((i for i, one in enumerate(lines) if "SUMMARY" in one), -12)
    return "\n  ".join(lines[start:])


def thrice(target: Target, rounds: int) -> list[str]:
    """All attacks, a third of them at a time, with what is in memory after each; the faults."""
    figures = [Figures(attack.__name__) for attack in ATTACKS]
    said, slowest, after = 0, 0.0, []
    for part in range(3):
        for total, attack in zip(figures, ATTACKS, strict=True):
            one = run(attack, target, rounds=-(-rounds // 3), seed=part)
            total.answers += one.answers
            total.faults += one.faults
        said += sockets(target, rounds)
        seconds, files = slow_clients(target, 1000)
        slowest = max(slowest, seconds)
        time.sleep(FORGOTTEN)
        after.append((target.memory()["VmRSS"], target.open_files()))
    print(*figures, sep="\n")
    print(f"sockets that say what no page says: {said}")
    print(f"1000 slow clients: a page in {slowest:.2f} s, {files} of {target.files} files open")
    told = ", ".join(f"{memory:.1f} MiB and {files} files" for memory, files in after)
    print(f"after each third: {told}", flush=True)
    faults = [fault for one in figures for fault in one.faults]
    if slowest > MOST_SECONDS:
        faults.append("a page waits for slow clients")
    if after[2][0] > after[0][0] + MOST_GROWTH or after[2][1] > after[0][1] + 2:
        faults.append("memory or open files grow")
    return faults


def main() -> int:
    """Everything, with figures; 1 where something fell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--schemathesis", default="")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--gigabyte", action="store_true")
    given = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        target = prepare(Path(folder)).start()
        faults += thrice(target, given.rounds)
        opened = foreign_sockets(target)
        faults += opened
        print(f"sockets of others: {len(opened)} of 7 opened", flush=True)
        if given.schemathesis:
            wrong = target.cookie[:-8] + "0" * 8
            for who, cookie in (("session", target.cookie), ("nobody", ""), ("wrong", wrong)):
                told = schemathesis(given.schemathesis, target, cookie, given.examples)
                print(f"schemathesis, {who}:\n  {told}", flush=True)
        if given.gigabyte:
            print(f"an upload of more than a GiB: {gigabyte(target)}", flush=True)
        print("{} bombs as pictures: {:.0f} MiB at the worst moment".format(*bombs(target)))
        print(f"a page in {loads(target):.2f} s; Ctrl-C: {target.stop()}", flush=True)
        faults += re.findall(r"[\x00-\x08\x0b-\x1f]", target.said())
    with tempfile.TemporaryDirectory() as folder:
        target = prepare(Path(folder), password=PASSWORD).start()
        looked_at, let_in = tries(target, 500)
        print(f"501 tries at a password: {looked_at} looked at, {let_in} let in; {target.stop()}")
    print(*faults[:40], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
