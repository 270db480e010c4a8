"""Connections that don't get on are given up; those that do are not."""

import asyncio
import contextlib

import pytest

patience = pytest.importorskip("mutoscope.picking.patience")
uvicorn = pytest.importorskip("uvicorn")

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope, receive, send):
    """Reads a body to its end, if it is to, and says how long it was."""
    length = 0
    try:
        while scope["path"] == "/read":
            message = await receive()
            length += len(message.get("body", b""))
            if message["type"] != "http.request" or not message["more_body"]:
                break
        if scope["path"] == "/long":
            await asyncio.sleep(0.6)
    finally:
        scope["state"]["lengths"].append(length)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % length})


class Served:
    """A server of the application; ``connect`` opens a connection to it."""

    async def __aenter__(self):
        self.config = uvicorn.Config(
            self._answer, http=patience.PatientProtocol, ws="wsproto", lifespan="off",
            log_config=None, access_log=False, port=0, interface="asgi3",
        )  # fmt: skip
        self.lengths = []
        self.writers = []
        self.server = uvicorn.Server(self.config)
        self.task = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.005)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    async def _answer(self, scope, receive, send):
        scope["state"] = {"lengths": self.lengths}
        await application(scope, receive, send)

    async def __aexit__(self, *_):
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        self.server.should_exit = True
        await self.task

    async def connect(self, words=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(words)
        return reader, writer


async def ended(reader, seconds=2.0):
    """What came before the other side closed."""
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), seconds)
    return b""


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(patience, "LEAST_RATE", 100)


def told(play):
    async def main():
        async with Served() as served:
            return await asyncio.wait_for(play(served), 20)

    return asyncio.run(main())


@pytest.mark.parametrize("words", [b"", b"GET / HTTP", HEAD[:-2]])
def test_a_head_is_not_waited_for_long(words):
    async def play(served):
        reader, _ = await served.connect(words)
        return await ended(reader)

    assert told(play) == b""


def test_letters_now_and_then_do_not_make_it_longer():
    async def drip(writer):
        while True:
            writer.write(b"a")
            await asyncio.sleep(0.05)

    async def play(served):
        for words in (
            b"GET / HTTP/1.1\r\nA: ",
            HEAD.replace(b"GET", b"POST").replace(
                b"\r\n\r\n", b"\r\nContent-Length: 9000000\r\n\r\n"
            ),
        ):
            reader, writer = await served.connect(words)
            dripping = asyncio.create_task(drip(writer))
            await ended(reader)
            dripping.cancel()

    told(play)


def test_a_body_that_stops_is_given_up():
    async def play(served):
        reader, _ = await served.connect(
            b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc"
        )
        await ended(reader)
        return served.lengths

    assert told(play) == [3]


def test_a_body_that_comes_on_slowly_is_taken():
    async def play(served):
        reader, writer = await served.connect(
            b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"
        )
        for _ in range(10):
            await asyncio.sleep(0.08)
            writer.write(b"x" * 100)
        return await ended(reader)

    assert b"\r\n1000\r\n" in told(play)


def test_an_answer_may_take_its_time():
    async def play(served):
        reader, _ = await served.connect(
            HEAD.replace(b"/ ", b"/long ") + HEAD.replace(b"/ ", b"/long ")
        )
        return await ended(reader)

    assert told(play).count(b"200 OK") == 2


def test_the_one_that_has_waited_longest_gives_way(monkeypatch):
    monkeypatch.setattr(patience, "HEAD_SECONDS", 60.0)
    monkeypatch.setattr(patience, "MOST_WAITING", 3)

    async def play(served):
        waiting = []
        for _ in range(3):
            waiting.append(await served.connect(b"GET"))
            await asyncio.sleep(0.02)
        reader, _ = await served.connect(
            HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert b"200 OK" in await ended(reader)
        assert await ended(waiting[0][0]) == b""
        with pytest.raises(TimeoutError):
            await ended(waiting[2][0], 0.1)

    told(play)


def test_what_stumbles_in_a_socket_is_no_request():
    async def play(served):
        reader, _ = await served.connect(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: \xff\r\n\r\n"
        )
        return await ended(reader)

    assert told(play).startswith(b"HTTP/1.1 400")
