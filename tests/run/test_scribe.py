"""The thread that writes while the next steps are made."""

import threading
import time

import pytest

from mutoscope.errors import RunError
from mutoscope.run.scribe import Scribe, Watchful


class Gate:
    """Work that lasts until it is let go."""

    def __init__(self, result=None, error=None):
        self.result, self.error = result, error
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.open.wait(10)
        if self.error:
            raise self.error
        return self.result


def test_it_works_in_order_while_its_owner_goes_on():
    done = []
    with Scribe() as scribe:
        first = Gate("first")
        assert scribe.hand(first) == []
        assert first.begun.wait(10)  # and we are here
        assert scribe.ready() == []
        done.append("owner")
        threading.Timer(0.02, first.open.set).start()
        assert scribe.hand(lambda: done.append("second")) == ["first"]
        assert scribe.rest() == [None]
        assert scribe.rest() == []
    assert done == ["owner", "second"]


def test_what_is_done_soon_is_waited_for():
    with Scribe() as scribe:
        scribe.hand(lambda: "soon")
        assert scribe.ready(patience=10) == ["soon"]
        assert scribe.ready(patience=10) == []


def test_waiting_leaves_the_result_to_be_taken():
    with Scribe() as scribe:
        scribe.hand(lambda: "kept")
        scribe.wait()
        assert scribe.ready() == ["kept"]


@pytest.mark.parametrize("ask", [
    lambda scribe: scribe.hand(lambda: pytest.fail("this must not be begun")),
    lambda scribe: scribe.ready(10), lambda scribe: scribe.rest(), lambda scribe: scribe.wait(),
    lambda scribe: scribe.check(),
], ids=["hand", "ready", "rest", "wait", "check"])  # fmt: skip
def test_what_went_wrong_is_raised_by_what_is_called_next_and_only_once(ask):
    with Scribe() as scribe:
        work = Gate(error=RunError("the disk is full"))
        scribe.hand(work)
        scribe.check()  # it has not failed yet
        work.open.set()
        while not scribe._work.done():
            time.sleep(0.001)
        with pytest.raises(RunError, match="the disk is full"):
            ask(scribe)
        assert scribe.rest() == []


def test_leaving_waits_for_what_is_being_written():
    work, scribe = Gate(), Scribe()

    def interrupted():
        with scribe:
            scribe.hand(work)
            threading.Timer(0.02, work.open.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert scribe._work is None
    assert not any(thread.name.startswith("mutoscope-scribe") for thread in threading.enumerate())


def test_an_error_at_the_end_is_raised_unless_another_one_is_on_its_way(caplog):
    def fail():
        raise RunError("the disk is full")

    def failing_twice():
        with Scribe() as scribe:
            scribe.hand(fail)
            raise ZeroDivisionError

    with pytest.raises(RunError, match="the disk is full"), Scribe() as scribe:
        scribe.hand(fail)
    with pytest.raises(ZeroDivisionError):
        failing_twice()
    assert caplog.messages == ["the disk is full"]


def test_patience_is_a_small_part_of_the_time_since_it_was_asked_for():
    watchful = Watchful()
    time.sleep(0.05)
    assert 0.02 * 0.05 <= watchful.patience() < 0.02 * 5
    assert watchful.patience() < 0.02 * 0.05
