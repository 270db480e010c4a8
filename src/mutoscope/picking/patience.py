"""HTTP/1.1 with visitors who don't get on: how long they are waited for, and how many at once.

A connection that says nothing, or a letter now and then, costs a file of the process, of which
there are some hundred on many systems. So a request's head has to come in `HEAD_SECONDS`, its body
not slower than `LEAST_RATE`, and where more than `MOST_WAITING` connections have no request under
way the one that has waited longest gives way, so that a new visitor always gets through.

What comes while an answer is made or fetched is not looked at: a film may be watched slowly.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0  # for a request's head, from the connection, or the end of the last answer
BODY_SECONDS = 20.0  # in which what is uploaded has to come on
LEAST_RATE = 256  # bytes a second of an upload
MOST_WAITING = 100  # connections without a request under way


class PatientProtocol(H11Protocol):
    """What uvicorn speaks on one connection, within those limits."""

    _limit: asyncio.TimerHandle | None = None
    _came = 0  # bytes since one last looked
    waiting_since: float | None = None  # when it began to have no request under way

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; where too many do, let the one go that has longest."""
        super().connection_made(transport)
        self._wait()
        # uvicorn counts all that are open; those that became sockets are of another class.
        waiting = [
            (each.waiting_since, id(each), each) for each in self.connections
            if isinstance(each, PatientProtocol) and each.waiting_since is not None
        ]  # fmt: skip
        if len(waiting) > MOST_WAITING:
            min(waiting)[2].give_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; what makes a whole head ends the waiting for one."""
        self._came += len(data)
        super().data_received(data)
        self._begin()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head."""
        self._wait()
        super().on_response_complete()  # which may go on with a request that came too early
        self._begin()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand a connection on, whose head has nothing in it that wsproto stumbles over."""
        # It decodes headers as ASCII, in a callback, and is then neither open nor closed.
        if not all(value.isascii() for _, value in event.headers):
            self.send_400_response("Invalid HTTP request received.")
            return
        self._stop()
        super().handle_websocket_upgrade(event)

    def give_up(self) -> None:
        """Close it; who does not take what is still to be sent is not waited for either."""
        self._stop()
        if not self.transport.is_closing():
            self.transport.close()
        self._limit = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _wait(self) -> None:
        self._stop()
        self.waiting_since = self.loop.time()
        self._limit = self.loop.call_later(HEAD_SECONDS, self.give_up)

    def _begin(self) -> None:
        """Wait for a head no more, where one has come."""
        if self.waiting_since is not None and self.cycle and not self.cycle.response_complete:
            self._stop()
            self._watch()

    def _watch(self) -> None:
        """Look now and then whether a body comes on, as long as more of it is to come."""
        self._came = 0
        self._limit = self.loop.call_later(BODY_SECONDS, self._look)

    def _look(self) -> None:
        if not self.cycle.more_body or self.cycle.response_complete:
            return
        # Where it is we who don't read, the visitor can't be blamed.
        if self._came < LEAST_RATE * BODY_SECONDS and not self.flow.read_paused:
            self.give_up()
        else:
            self._watch()

    def _stop(self) -> None:
        self.waiting_since = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
