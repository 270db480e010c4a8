"""A studio to be attacked: its process, and ways to say to it what no browser would."""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

MARK = "nobody-may-see-this"  # in files that lie outside of the studio's folder
PATIENCE = 60.0  # seconds for what a busy machine has to do
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
_NOT_GIVEN = ("MUTOSCOPE_STUDIO_PASSWORD", "HF_TOKEN", "XDG_CACHE_HOME", "MUTOSCOPE_FENCE")


@dataclass(frozen=True)
class Answer:
    """What came back: status 0 is a connection that was closed without a word."""

    status: int
    headers: str
    body: bytes
    whole: bytes


@dataclass
class Target:
    """A studio in a process of its own, and what a visitor of it knows.

    ``files`` limits how many files and connections it may have open, as systems do.
    """

    root: Path
    password: str = ""
    files: int = 256
    token: str = ""
    port: int = 0
    cookie: str = ""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> "Target":
        """Start it, and be let in."""
        given = {name: value for name, value in os.environ.items() if name not in _NOT_GIVEN}
        given |= _ENVIRONMENT | (
            {"MUTOSCOPE_STUDIO_PASSWORD": self.password} if self.password else {}
        )
        limit = f'ulimit -n {self.files}; exec "$@"'
        studio = [sys.executable, "-m", "mutoscope", "studio", str(self.root)]
        line = ["sh", "-c", limit, "sh", *studio, "--port", "0", "--no-browser"]
        self._printed = self.root.with_name(self.root.name + ".printed")
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                line, env=given, stdout=printed, stderr=printed, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + PATIENCE
        while not (
            found := re.search(r"http://127\.0\.0\.1:(\d+)/(?:\?token=(\w+))?", self.said())
        ):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.said())
            time.sleep(0.02)
        self.port, self.token = int(found[1]), found[2] or ""
        if not self.password:
            self.cookie = cookie_of(self.ask("GET", f"/?token={self.token}", known=False))
        return self

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(timeout=PATIENCE)
        finally:
            self._process.kill()

    def said(self) -> str:
        """What it wrote to the terminal."""
        return self._printed.read_text(errors="replace")

    @property
    def host(self) -> str:
        """What a browser has as its Host header."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """What a page of it has as its Origin header."""
        return f"http://{self.host}"

    def memory(self) -> dict[str, float]:
        """MiB in memory now, and at most (``VmRSS``, ``VmHWM``)."""
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return {key: int(value) / 1024 for key, value in re.findall(r"(Vm\w+):\s+(\d+)", text)}

    def open_files(self) -> int:
        """How many files and connections it has open."""
        assert self._process is not None
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())

    def connect(self) -> socket.socket:
        """A connection on which nothing is said yet."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def head(
        self, method: str, path: str, *, known: bool = True, host: str | None = None,
        origin: str | None = None, headers: str = "", length: int | None = None,
    ) -> bytes:  # fmt: skip
        """A request without its body; ``headers`` are lines that end with CRLF."""
        lines = f"{method} {path} HTTP/1.1\r\nHost: {self.host if host is None else host}\r\n"
        lines += f"Cookie: {self.cookie}\r\n" if known else ""
        lines += f"Origin: {origin}\r\n" if origin is not None else ""
        lines += f"Content-Length: {length}\r\n" if length is not None else ""
        return (lines + headers + "\r\n").encode("latin-1", "replace")

    def ask(
        self, method: str, path: str, *, body: bytes = b"", patience: float = PATIENCE,
        headers: str = "", **named: "str | bool | None",
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own."""
        length = len(body) if body else None
        headers += "Connection: close\r\n"
        head = self.head(method, path, length=length, headers=headers, **named)  # type: ignore[arg-type]
        return self.say(head + body, patience=patience)

    def say(self, words: bytes, *, patience: float = PATIENCE) -> Answer:
        """Any bytes on a connection of their own, and all that comes back until it is closed."""
        parts = []
        with self.connect() as connection:
            connection.settimeout(patience)
            with contextlib.suppress(ConnectionError):  # it need not take all that we say
                connection.sendall(words)
            with contextlib.suppress(ConnectionError, TimeoutError):
                while part := connection.recv(65536):
                    parts.append(part)
        return read_answer(b"".join(parts))


def read_answer(whole: bytes) -> Answer:
    """Status, headers and body of the last answer on a connection."""
    head, _, body = whole.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        return read_answer(body)
    found = re.match(rb"HTTP/1\.1 (\d{3})", head)
    return Answer(int(found[1]) if found else 0, head.decode("latin-1"), body, whole)


def cookie_of(answer: Answer) -> str:
    """The session's cookie in an answer, as a browser sends it back; empty where there is none."""
    found = re.search(
        r"(?i)^set-cookie: (mutoscope-studio-\d+=[^;]+)", answer.headers, re.MULTILINE
    )
    return found[1] if found else ""


def parts_of(*parts: tuple[str, bytes]) -> tuple[str, bytes]:
    """A header line and a body that bring files of these names, as a form does."""
    body = b"".join(
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n" % (name.encode("latin-1", "replace"), data)
        for name, data in parts
    )
    return "Content-Type: multipart/form-data; boundary=XX\r\n", body + b"--XX--\r\n"


class Wire:
    """A web socket that takes no care: Socket.IO as a page speaks it, and anything else.

    Raises:
        ConnectionRefusedError: the server doesn't open one.
    """

    PATH = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"

    def __init__(
        self,
        target: Target,
        *,
        origin: str | None = "",
        known: bool = True,
        host: str | None = None,
    ) -> None:
        self._connection = target.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        asked = (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
        )
        origin = target.origin if origin == "" else origin
        self._connection.sendall(
            target.head("GET", self.PATH, origin=origin, known=known, host=host, headers=asked)
        )
        head = b""
        while b"\r\n\r\n" not in head and (part := self._connection.recv(1)):
            head += part
        self.head = head.decode("latin-1")
        if not head.startswith(b"HTTP/1.1 101"):
            self._connection.close()
            raise ConnectionRefusedError(self.head[:40])

    def send(self, data: str | bytes, *, opcode: int | None = None, flags: int = 0x80) -> None:
        """One frame, masked as a client's must be."""
        body = data.encode() if isinstance(data, str) else data
        opcode = (1 if isinstance(data, str) else 2) if opcode is None else opcode
        size = len(body)
        if size < 126:
            head = struct.pack("!BB", flags | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", flags | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", flags | opcode, 0x80 | 127, size)
        with contextlib.suppress(ConnectionError):
            self._connection.sendall(head + bytes(4) + body)

    def receive(self, seconds: float) -> bytes:
        """What comes within a time, as it is on the wire; b"" where it is closed, or nothing is."""
        self._connection.settimeout(seconds)
        try:
            return self._connection.recv(1 << 20)
        except (ConnectionError, TimeoutError):
            return b""

    def begin(self, **handshake: object) -> "Wire":
        """Greet as Socket.IO does; with words, as a page of NiceGUI does."""
        self.receive(PATIENCE)
        self.send("40")
        self.receive(PATIENCE)
        if handshake:
            self.send("42" + json.dumps(["handshake", handshake]))
        return self

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
