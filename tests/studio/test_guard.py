"""The guard: who is let in, who may write, and what every answer bears."""

import asyncio
import contextlib
import time
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mutoscope.studio import guard as guard_module
from mutoscope.studio import login
from mutoscope.studio.guard import Door, Guard

PORT = 8717
HOST = f"127.0.0.1:{PORT}"
KEY = bytes(32)
PASSWORD = "correct horse"  # noqa: S105


class Inner:
    """An application that says that it was asked."""

    def __init__(self):
        self.asked = 0
        self.body = b"<!doctype html><script>1</script>"

    async def __call__(self, scope, receive, send):
        self.asked += 1
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        while scope["method"] == "POST" and (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Answer:
    def __init__(self, sent):
        start = next(m for m in sent if m["type"] == "http.response.start")
        self.status = start["status"]
        self.headers = {k.decode().lower(): v.decode() for k, v in start["headers"]}
        self.body = b"".join(m.get("body", b"") for m in sent)

    @property
    def cookie(self):
        return self.headers.get("set-cookie", "").partition(";")[0]


class Asking:
    """Asks a guarded application, as a browser may."""

    def __init__(self, **named):
        self.door = Door(**{"key": KEY, "port": PORT, "local": True, "password": None} | named)
        self.inner = Inner()
        self.guard = Guard(self.inner, self.door)

    def __call__(self, path="/", *, method="GET", host=HOST, query="", cookie="", origin=None,
                 body=b"", kind="http", headers=()):  # fmt: skip
        given = [("host", host), *headers]
        given += [("cookie", cookie)] if cookie else []
        given += [("origin", origin)] if origin else []
        given += [("content-length", str(len(body)))] if body else []
        scope = {"type": kind, "path": path, "query_string": query.encode(),
                 "client": ("1.2.3.4", 1),
                 "headers": [(k.encode(), v.encode("latin-1")) for k, v in given]}  # fmt: skip
        if kind == "http":
            scope["method"] = method
        parts = [{"type": "http.request", "body": body[i : i + 4096], "more_body": True}
                 for i in range(0, len(body), 4096)]  # fmt: skip
        parts.append({"type": "http.request", "body": b"", "more_body": False})
        sent = []

        async def receive():
            return parts.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(self.guard(scope, receive, send))
        return sent[-1]["type"] if kind == "websocket" else Answer(sent)

    def enter(self):
        return self(query=urlencode({"token": self.door.token})).cookie


@pytest.fixture
def ask():
    return Asking()


@pytest.fixture
def shared():
    return Asking(local=False, password=PASSWORD)


# ── the token ──


def test_the_address_lets_in_and_the_cookie_keeps(ask):
    assert ask.door.address("127.0.0.1") == f"http://{HOST}/?token={ask.door.token}"
    answer = ask(query=f"token={ask.door.token}")
    assert answer.status == 200
    assert ask.door.token.encode() not in answer.body
    for word in ("HttpOnly", "SameSite=strict", f"mutoscope-studio-{PORT}="):
        assert word in answer.headers["set-cookie"]
    assert ask(cookie=answer.cookie).status == 200
    assert ask.inner.asked == 1


@pytest.mark.parametrize(
    "query", ["", "token=", "token=x", "token=" + "0" * 64, "token=%ff&" * 3, "a=1&" * 99]
)
def test_without_the_token_nobody_is_let_in(ask, query):
    assert ask(query=query).status == 403
    assert ask.inner.asked == 0


@pytest.mark.parametrize(
    "value", ["", "x", "9999999999.", "9999999999.0", ".", "é", "9" * 99 + ".x", "-1.0"]
)
def test_a_made_up_cookie_is_none(ask, value):
    assert ask(cookie=f"mutoscope-studio-{PORT}={value}").status == 403
    assert ask.inner.asked == 0


def test_a_session_is_over_some_day(ask, monkeypatch):
    cookie = ask.enter()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + guard_module.SESSION_SECONDS + 1)
    assert ask(cookie=cookie).status == 403


def test_a_session_of_another_place_or_password_is_none(ask):
    cookie = ask.enter()
    assert Asking(key=bytes(31) + b"1")(cookie=cookie).status == 403
    assert Asking(password=PASSWORD[:-1])(cookie=cookie).status == 401


# ── the host ──


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_it_goes_by_names_of_this_machine(ask, host):
    assert ask(host=host, cookie=ask.enter()).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8717", "evil.example", "127.0.0.1:80", "127.0.0.1", "10.0.0.1:8717", "",
     "127.0.0.1:8717@evil.example", "127.0.0.1.evil.example:8717", "[::1", "a b", "x" * 5000],
)  # fmt: skip
def test_it_goes_by_no_other_name(ask, host):
    assert ask(host=host, cookie=ask.enter()).status == 421
    assert ask(host=host, cookie=ask.enter(), kind="websocket") == "websocket.close"
    assert ask.inner.asked == 0


def test_two_hosts_are_none(ask):
    assert ask(cookie=ask.enter(), headers=[("host", HOST)]).status == 421


def test_a_shared_one_goes_by_numbers_and_its_own_name(shared, monkeypatch):
    for host in (f"192.168.1.7:{PORT}", f"localhost:{PORT}", f"[2001:db8::1]:{PORT}"):
        assert shared(host=host).status == 401
    assert shared(host=f"evil.example:{PORT}").status == 421


# ── what writes ──


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", f"https://{HOST}", "http://127.0.0.1:9999"]
)
def test_only_its_own_page_writes_and_opens_sockets(ask, origin):
    cookie = ask.enter()
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(method=method, cookie=cookie, origin=origin).status == 403
    assert ask(kind="websocket", cookie=cookie, origin=origin) == "websocket.close"
    assert ask.inner.asked == 0


def test_its_own_page_does(ask):
    cookie = ask.enter()
    assert (
        ask(method="POST", cookie=cookie, origin=f"http://{HOST}", body=b"x" * 9000).status == 200
    )
    assert ask(kind="websocket", cookie=cookie, origin=f"http://{HOST}") == "websocket.accept"
    assert ask(kind="websocket", origin=f"http://{HOST}") == "websocket.close"


@pytest.mark.parametrize("told", [True, False])
def test_a_body_is_not_too_long(ask, monkeypatch, told):
    monkeypatch.setattr(guard_module, "MOST_BYTES", 10_000)
    headers = [] if told else [("content-length", "5")]
    asked = {"method": "POST", "cookie": ask.enter(), "origin": f"http://{HOST}"}
    if told:
        assert ask(**asked, body=b"x" * 20_000).status == 413
    else:
        ask.guard.app = ask.inner
        assert ask(**asked, headers=headers, body=b"").status == 200
        monkeypatch.setattr(guard_module, "_fits", lambda *_: True)  # as with no length at all
        assert ask(**asked, body=b"x" * 20_000).status == 413


def test_an_application_of_starlette_tells_it_too(ask, monkeypatch):
    async def read(request):
        await request.body()

    monkeypatch.setattr(guard_module, "MOST_BYTES", 10_000)
    monkeypatch.setattr(guard_module, "_fits", lambda *_: True)
    ask.guard.app = Starlette(routes=[Route("/", read, methods=["POST"])])
    cookie = ask.enter()
    answer = ask(method="POST", cookie=cookie, origin=f"http://{HOST}", body=b"x" * 20_000)
    assert answer.status == 413


def test_what_others_make_of_it_is_no_error_of_the_server(ask, monkeypatch):
    """Middleware may wrap what is raised; it is answered as a fault, then, by what is outside."""

    async def wrapping(scope, receive, send):
        with contextlib.suppress(Exception):
            while (await receive()).get("more_body"):
                pass
        await PlainTextResponse("Internal Server Error", 500)(scope, receive, send)

    monkeypatch.setattr(guard_module, "MOST_BYTES", 10_000)
    monkeypatch.setattr(guard_module, "_fits", lambda *_: True)
    ask.guard.app = wrapping
    asked = {"method": "POST", "cookie": ask.enter(), "origin": f"http://{HOST}"}
    assert ask(**asked, body=b"x" * 20_000).status == 413
    assert ask(**asked, body=b"x" * 2000).status == 500


def test_files_may_be_longer(ask):
    most = guard_module._most
    assert most({"path": "/_nicegui/client/0a-b/upload/7"}) > most({"path": "/login"})
    assert most({"path": "/_nicegui/client/0a-b/upload/7/../x"}) == most({"path": "/"})


# ── every answer ──


def test_every_answer_bears_the_headers(ask):
    for answer in (ask(), ask(cookie=ask.enter()), ask(host="evil.example")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_scripts_of_a_page_have_the_nonce_of_its_answer(ask):
    cookie = ask.enter()
    first, second = ask(cookie=cookie), ask(cookie=cookie)
    nonce = first.body.split(b'nonce="')[1].split(b'"')[0]
    assert f"'nonce-{nonce.decode()}'" in first.headers["content-security-policy"]
    assert nonce not in second.body
    assert int(first.headers["content-length"]) == len(first.body)


# ── the password ──


def log_in(shared, password):
    return shared(
        "/login", method="POST", origin=f"http://{HOST}",
        body=urlencode({"password": password}).encode(),
    )  # fmt: skip


def test_a_password_is_asked_for(shared):
    page = shared(headers=[("accept", "text/html")])
    assert page.status == 401
    assert b'type="password"' in page.body
    assert shared("/files/a.png").status == 403
    assert shared(query=f"token={shared.door.token}").status == 401
    assert "token" not in shared.door.address("127.0.0.1")


def test_the_right_one_lets_in(shared):
    answer = log_in(shared, "correct horse")
    assert answer.status == 200
    assert shared(cookie=answer.cookie).status == 200
    assert shared("/login", cookie=answer.cookie).status == 303
    assert shared.inner.asked == 1


@pytest.mark.parametrize("password", ["", "x", "correct horse ", "Correct horse", "é" * 99])
def test_a_wrong_one_does_not(shared, password):
    answer = log_in(shared, password)
    assert answer.status == 401
    assert answer.cookie == ""
    assert b"correct horse" not in answer.body


def test_it_is_not_tried_often(shared, monkeypatch):
    now = time.monotonic()
    clock = [now]
    monkeypatch.setattr(login.time, "monotonic", lambda: clock[0])
    tries = shared.door.tries
    for _ in range(5):
        tries.begin("1.2.3.4")
    answer = log_in(shared, "correct horse")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert tries.wait("5.6.7.8") == 0  # others may
    clock[0] += 400
    assert log_in(shared, "correct horse").status == 200
    assert tries.wait("1.2.3.4") == 0
    for _ in range(30):
        tries.begin("1.2.3.4")
    assert 200 < tries.wait("1.2.3.4") <= 300


def test_very_many_addresses_are_no_way_around(monkeypatch):
    monkeypatch.setattr(login, "_MOST_ADDRESSES", 50)
    tries = login.Tries()
    for number in range(50):
        tries.begin(f"10.0.0.{number}")
    for _ in range(30):
        tries.begin("192.0.2.1")
    assert tries.wait("192.0.2.1") > 0
    assert tries.wait("192.0.2.2") > 0
    assert tries.wait("10.0.0.1") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False),
     ("192.0.2.1", "::ffff:192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False),
     ("fe80::1%eth0", "fe80::2%eth0", True)],
)  # fmt: skip
def test_one_who_has_many_addresses_is_one(one, other, same):
    tries = login.Tries()
    for _ in range(9):
        tries.begin(one)
    assert (tries.wait(other) > 0) == same
    tries.right(other)
    assert (tries.wait(one) == 0) == same


def test_a_login_that_does_not_come_is_not_waited_for(shared, monkeypatch):
    monkeypatch.setattr(login, "SECONDS", 0.05)

    async def never(_):
        await asyncio.sleep(30)

    monkeypatch.setattr(guard_module, "_body", never)
    assert log_in(shared, "correct horse").status == 408


def test_a_form_of_many_fields_is_none(shared):
    answer = shared(
        "/login", method="POST", origin=f"http://{HOST}",
        body=b"a=1&" * 99 + b"password=correct+horse",
    )  # fmt: skip
    assert answer.status == 401


def test_the_login_is_not_long(shared):
    assert log_in(shared, "x" * 9000).status == 413


def test_words_on_the_login_page_are_words():
    assert "<b>" not in login.page("<b>")
