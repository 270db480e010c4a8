"""The studio under attack, in small: nothing falls, and nobody sees what is not theirs.

`web.py` beside this has the strong version of the same.
"""

import sys
import time

import pytest

pytest.importorskip("nicegui", reason="nicegui is not installed")
if not sys.platform.startswith("linux"):
    pytest.skip("reads how much a process has open as Linux tells it", allow_module_level=True)

import web
import web_attacks as attacks
import web_target

Answer = web_target.Answer


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One studio, on which everything is tried, one after the other; it ends as if nothing was."""
    started = attacks.prepare(tmp_path_factory.mktemp("web")).start()
    yield started
    assert web.loads(started) < 30
    assert started.stop() == 0
    said = started.said()
    assert "\x1b" not in said
    assert "Fatal error" not in said


LEAST = {"traversal": 250, "strangers": 600, "malformed": 50, "ranges": 20, "uploads": 30}


@pytest.mark.parametrize("attack", attacks.ATTACKS, ids=lambda attack: attack.__name__)
def test_no_attack_gets_an_error_a_secret_or_in(target, attack):
    figures = attacks.run(attack, target, rounds=1, seed=time.time_ns() // 10**12)
    assert figures.faults == []
    assert figures.tried >= LEAST.get(figures.name, 40)
    assert "Exception in ASGI application" not in target.said()


def test_what_was_uploaded_lies_where_it_may(target):
    there = {path.name for path in target.root.parent.iterdir()}
    assert there == {"studio", "studio.printed", "secret.txt", "secret.png"}
    brought = list((target.root / "drawings/my-drawings").iterdir())
    assert brought
    assert all(path.suffix == ".png" and path.name[0] not in ".-" for path in brought)


def test_links_that_lead_out_are_no_scans(target):
    state = target.ask("GET", "/picking/drawings%2Flines/state")
    assert b'"name":"a"' in state.body
    assert b'"name":"link"' not in state.body


def test_sockets_are_opened_by_its_own_pages_alone(target):
    assert web.foreign_sockets(target) == []
    wire = web_target.Wire(target)
    assert "permessage-deflate" not in wire.head  # so that nothing small becomes large
    wire.close()


def test_sockets_may_say_anything(target):
    before = target.memory()["VmRSS"]
    assert web.sockets(target, 1) > 20
    assert web.loads(target) < 30
    assert target.memory()["VmRSS"] < before + 60  # MiB


def test_slow_clients_keep_nobody_out(target):
    seconds, files = web.slow_clients(target, 2 * target.files)
    assert files < target.files * 3 / 4
    assert seconds < 30  # without an end to patience it never comes


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (Answer(500, "", b"", b""), "status 500"),
        (Answer(200, "", b"", web_target.MARK.encode()), "shows"),
        (Answer(404, "", b"", b"Traceback (most recent call last)"), "shows"),
        (Answer(404, "", b"", b"ROOT/uploads"), "path"),
        (Answer(200, "HTTP/1.1 200 OK\r\nX-Evil: 1", b"", b""), "splits"),
        (Answer(200, "", b"", b""), "let in"),
    ],
)
def test_what_is_wrong_is_seen(target, answer, wrong):
    whole = answer.whole.replace(b"ROOT", str(target.root).encode())
    seen = Answer(answer.status, answer.headers, answer.body, whole)
    assert wrong in attacks.judge(target, seen, refused=wrong == "let in")
    assert attacks.judge(target, Answer(404, "", b"no", b"no"), refused=True) == ""
