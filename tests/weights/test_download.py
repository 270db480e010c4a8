"""Fetching from mirrors that break off, lie, send pages, lead elsewhere or are not there."""

import hashlib
import json
import logging
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mutoscope.errors import WeightsError
from mutoscope.vqgan_names import Published
from mutoscope.weights import connection
from mutoscope.weights import download as downloads
from mutoscope.weights.download import Form, download
from mutoscope.weights.transfer import Transfer

DATA = b"PK" + bytes(range(256)) * 2000
DIGEST = hashlib.sha256(DATA).hexdigest()
ANY = Form(lambda _: "", lambda _: "")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "toy.ckpt"


def known(mirrors: Any, *paths: str) -> Published:
    """A file with a published digest, at these mirrors."""
    return Published(tuple(map(mirrors.url, paths)), len(DATA), DIGEST)


def unknown(mirrors: Any, *paths: str) -> Published:
    """A file without one, whose size is only about known."""
    return Published(tuple(map(mirrors.url, paths)), len(DATA) - 9, exact=False)


def parts(target: Path) -> list[Path]:
    return sorted(target.parent.glob(f".{target.name}.*.part"))


def begin(mirrors: Any, file: Published, target: Path, count: int) -> Path:
    """Leave a part of ``count`` bytes behind, as an interrupted download does."""
    path = file.urls[0].removeprefix(mirrors.address + "/")
    mirrors.cuts[path] = [count]
    with pytest.raises(WeightsError):
        download(replace(file, urls=file.urls[:1]), target, form=Form(ANY.begins, ANY.whole))
    mirrors.asked.clear()
    (part,) = parts(target)
    assert part.stat().st_size == count
    return part


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "TRIES", 1)
    monkeypatch.setattr(downloads, "ENOUGH", 1 << 40)


def test_a_file_arrives_whole(mirrors: Any, target: Path, caplog: pytest.LogCaptureFixture) -> None:
    mirrors.files["a"] = DATA
    told: list[Transfer] = []
    with caplog.at_level(logging.INFO, "mutoscope"):
        found = download(known(mirrors, "a"), target, form=ANY, progress=told.append)
    assert found == DIGEST
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]
    assert told[-1] == Transfer("toy.ckpt", len(DATA), len(DATA), 0)
    assert mirrors.asked == [("a", "", "")]
    assert caplog.messages == [f"fetching toy.ckpt from {mirrors.address.removeprefix('http://')}"]


@pytest.mark.parametrize("make", [known, unknown])
def test_a_cut_connection_is_taken_up_again(mirrors: Any, target: Path, make: Any) -> None:
    mirrors.files["a"] = DATA
    mirrors.cuts["a"] = [200_000, 150_000]
    download(make(mirrors, "a"), target, form=ANY)
    assert target.read_bytes() == DATA
    starts = [200_000 - 65_536, 284_464 - 65_536]
    tag = f'"{hashlib.md5(DATA).hexdigest()}"'  # noqa: S324
    assert mirrors.asked[1:] == [("a", f"bytes={start}-", tag) for start in starts]


def test_a_mirror_that_brings_nothing_more_is_left(
    mirrors: Any, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirrors.files |= {"a": DATA, "b": DATA}
    mirrors.cuts["a"] = [300_000, *[65_536] * 9]  # each time no more than what we have
    told: list[Transfer] = []
    with caplog.at_level(logging.INFO, "mutoscope"):
        download(known(mirrors, "a", "b"), target, form=ANY, progress=told.append)
    assert target.read_bytes() == DATA
    assert [path for path, _, _ in mirrors.asked] == ["a", "a", "b"]
    assert mirrors.asked[-1] == ("b", f"bytes={300_000 - 65_536}-", "")  # goes on with a's part
    assert any("broke off after 300,000 of 512,002 bytes" in line for line in caplog.messages)
    assert caplog.messages[-1] == "fetching toy.ckpt, going on at 300,000 bytes"
    assert told[-1].done == len(DATA)


def test_small_pieces_are_not_waited_for_without_end(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.cuts["a"] = [66_000] * 99  # some 464 bytes more each time
    with pytest.raises(WeightsError, match="broke off after"):
        download(known(mirrors, "a"), target, form=ANY)
    assert len(mirrors.asked) == downloads.TRIES


@pytest.mark.usefixtures("one_try")
def test_a_part_without_a_digest_belongs_to_its_mirror(mirrors: Any, target: Path) -> None:
    mirrors.files |= {"a": DATA, "b": DATA[::-1]}
    file = unknown(mirrors, "a", "b")
    begin(mirrors, file, target, 200_000)
    del mirrors.files["a"]
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA[::-1]
    assert mirrors.asked == [("a", "bytes=134464-", mirrors.asked[0][2]), ("b", "", "")]
    assert not parts(target)


@pytest.mark.usefixtures("one_try")
def test_another_file_is_never_appended(mirrors: Any, target: Path) -> None:
    other = b"PK" + bytes(range(255, -1, -1)) * 2000
    mirrors.files |= {"a": other, "b": DATA}
    file = known(mirrors, "a", "b")
    begin(mirrors, file, target, 200_000)
    del mirrors.files["a"]
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA
    # The last bytes are asked for and are others: then all of it is.
    assert [(path, span) for path, span, _ in mirrors.asked] == [
        ("a", "bytes=134464-"), ("b", "bytes=134464-"), ("b", ""),
    ]  # fmt: skip


@pytest.mark.usefixtures("one_try")
@pytest.mark.parametrize("size", [len(DATA), len(DATA) + 5, 150_000, 100])
def test_a_file_that_was_replaced_begins_anew(mirrors: Any, target: Path, size: int) -> None:
    mirrors.files["a"] = DATA
    file = unknown(mirrors, "a")
    begin(mirrors, file, target, 200_000)
    mirrors.files["a"] = new = (DATA[::-1] * 2)[:size]
    download(file, target, form=ANY)
    assert target.read_bytes() == new


@pytest.mark.usefixtures("one_try")
@pytest.mark.parametrize("count", [200_000, 3_000])
def test_a_replaced_file_under_its_old_tag_is_noticed(
    mirrors: Any, target: Path, count: int
) -> None:
    mirrors.files["a"] = DATA
    mirrors.etags["a"] = '"same"'
    file = unknown(mirrors, "a")
    begin(mirrors, file, target, count)
    mirrors.files["a"] = DATA[::-1]
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA[::-1]


@pytest.mark.usefixtures("one_try")
def test_weak_tags_are_not_relied_on(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.etags["a"] = 'W/"weak"'
    file = unknown(mirrors, "a")
    begin(mirrors, file, target, 200_000)
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA
    assert mirrors.asked == [("a", "bytes=134464-", "")]


@pytest.mark.usefixtures("one_try")
def test_a_server_that_ignores_ranges(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    file = known(mirrors, "a")
    begin(mirrors, file, target, 200_000)
    mirrors.ignores_ranges.add("a")
    told: list[Transfer] = []
    download(file, target, form=ANY, progress=told.append)
    assert target.read_bytes() == DATA
    assert told[-1].done == len(DATA)


@pytest.mark.usefixtures("one_try")
def test_a_server_that_sends_other_bytes_than_asked_for(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    file = known(mirrors, "a")
    part = begin(mirrors, file, target, 200_000)
    mirrors.wrong_spans.add("a")
    with pytest.raises(WeightsError, match="answers with bytes that were not asked for"):
        download(file, target, form=ANY)
    assert part.stat().st_size == 200_000


@pytest.mark.usefixtures("one_try")
@pytest.mark.parametrize("note", ["", "[]", '{"url": 1, "tag": 2, "size": "x"}', None])
def test_a_part_without_a_note_begins_anew(mirrors: Any, target: Path, note: str | None) -> None:
    mirrors.files["a"] = DATA
    file = known(mirrors, "a")
    part = begin(mirrors, file, target, 200_000)
    said = part.with_name(f"{part.name}.json")
    assert json.loads(said.read_text())["url"] == file.urls[0]
    said.unlink() if note is None else said.write_text(note)
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA
    assert mirrors.asked == [("a", "", "")]


@pytest.mark.usefixtures("one_try")
def test_a_whole_part_needs_no_network(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    file = known(mirrors, "a")
    begin(mirrors, file, target, 200_000).write_bytes(DATA)
    assert download(file, target, form=ANY) == DIGEST
    assert not mirrors.asked


@pytest.mark.usefixtures("one_try")
def test_a_part_with_wrong_bytes_inside_is_found_out(mirrors: Any, target: Path) -> None:
    mirrors.files |= {"a": DATA, "b": DATA}
    file = known(mirrors, "a", "b")
    part = begin(mirrors, file, target, 200_000)
    part.write_bytes(b"x" * 100_000 + DATA[100_000:200_000])
    download(file, target, form=ANY)
    assert target.read_bytes() == DATA
    assert [path for path, _, _ in mirrors.asked] == ["a", "b"]


def test_a_wrong_digest_leads_to_the_next_mirror(
    mirrors: Any, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirrors.files |= {"a": DATA[::-1], "b": DATA}
    with caplog.at_level(logging.WARNING, "mutoscope"):
        download(known(mirrors, "a", "b"), target, form=ANY)
    assert target.read_bytes() == DATA
    (line,) = caplog.messages
    assert "sent a file with sha256" in line
    assert f"instead of {DIGEST}; it was deleted" in line


def test_each_mirror_that_fails_is_named_with_its_reason(
    mirrors: Any, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirrors.files |= {"short": DATA[:-1]}
    urls = [
        *map(mirrors.url, ("absent", "short")),
        "http://127.0.0.1:9/x",
        "http://127.0.0.1:9/y",
        "http://nowhere.invalid/x",
    ]
    with caplog.at_level(logging.WARNING, "mutoscope"), pytest.raises(WeightsError) as caught:
        download(Published(tuple(urls), len(DATA), DIGEST), target, form=ANY)
    host = mirrors.address.removeprefix("http://")
    assert caplog.messages == [
        f"toy.ckpt: {host} answers 404 (Not Found)",
        f"toy.ckpt: {host} offers 512,001 bytes instead of 512,002",
        "toy.ckpt: 127.0.0.1:9 refuses the connection",  # once: it is not asked again
        "toy.ckpt: nowhere.invalid is not found by its name",
    ]
    message = str(caught.value)
    assert message.startswith("toy.ckpt: no mirror serves it (")
    assert message.endswith(f"or put the file at {target}")
    assert "\n" not in message
    assert not target.exists()


def test_more_is_promised_than_comes(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.promises["a"] = 7
    with pytest.raises(WeightsError, match="broke off after 512,002 of 512,009 bytes"):
        download(unknown(mirrors, "a"), target, form=ANY)
    with pytest.raises(WeightsError, match="offers 512,009 bytes instead of 512,002"):
        download(known(mirrors, "a"), target, form=ANY)


def test_more_comes_than_there_may_be(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA * 3
    with pytest.raises(WeightsError, match=r"offers 1,536,006 bytes instead of about 511,993"):
        download(unknown(mirrors, "a"), target, form=ANY)
    mirrors.without_length.add("a")
    with pytest.raises(WeightsError, match=r"sends more than 1,023,986 bytes"):
        download(unknown(mirrors, "a"), target, form=ANY)
    assert parts(target)[0].stat().st_size <= 1_023_986


def test_a_length_need_not_be_said(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.without_length.add("a")
    assert download(known(mirrors, "a"), target, form=ANY) == DIGEST


def test_the_form_is_asked_before_and_after(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    seen: list[bytes] = []
    picky = Form(lambda head: seen.append(head) or "begins oddly", lambda _: "")  # type: ignore[func-returns-value]
    with pytest.raises(WeightsError, match="begins oddly"):
        download(known(mirrors, "a"), target, form=picky)
    assert seen == [DATA[: downloads.HEAD]]
    assert not parts(target)
    with pytest.raises(WeightsError, match="ends oddly; it was deleted"):
        download(known(mirrors, "a"), target, form=Form(ANY.begins, lambda _: "ends oddly"))
    assert not parts(target)


@pytest.mark.usefixtures("one_try")
def test_a_page_in_place_of_the_rest_leaves_the_part(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    file = known(mirrors, "a")
    part = begin(mirrors, file, target, 200_000)
    mirrors.files["a"] = b"<!DOCTYPE html><title>Sign in</title>"
    mirrors.types["a"] = "text/html; charset=utf-8"
    mirrors.ignores_ranges.add("a")
    with pytest.raises(WeightsError, match="sends a web page instead of the file"):
        download(file, target, form=ANY)
    assert part.read_bytes() == DATA[:200_000]


def test_redirects(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.moved = {"b": "/a", "loop": "/loop", "file": "file:///etc/passwd", "ftp": "ftp://x/a"}
    mirrors.moved["user"] = mirrors.url("a").replace("//", "//me:secret@")
    mirrors.moved |= {f"far{i}": f"/far{i + 1}" for i in range(6)} | {"far6": "/a"}
    assert download(known(mirrors, "b"), target, form=ANY) == DIGEST
    target.unlink()
    assert download(known(mirrors, "far2"), target, form=ANY) == DIGEST
    target.unlink()
    for path, why in {
        "loop": "redirect",
        "far1": "redirects more than 5 times",
        "file": "'file:///etc/passwd' is not allowed",
        "ftp": "leads to a ftp address, not http or https",
        "user": "leads to an address without a host, or with a user's name",
    }.items():
        with pytest.raises(WeightsError, match=why):
            download(known(mirrors, path), target, form=ANY)
    assert not target.exists()


def test_redirects_into_a_local_network(
    mirrors: Any, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors.files["a"] = DATA
    mirrors.moved["b"] = mirrors.url("a")
    local = connection._local
    monkeypatch.setattr(connection, "_local", lambda url: local(url) and not url.endswith("/b"))
    with pytest.raises(WeightsError, match="redirects into a local network"):
        download(known(mirrors, "b"), target, form=ANY)
    assert [path for path, _, _ in mirrors.asked] == ["b"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1/", True), ("http://[::1]/", True), ("http://10.1.2.3/x", True),
        ("http://169.254.169.254/latest", True), ("http://localhost:80/", True),
        ("http://[fe80::1]/", True), ("http://8.8.8.8/", False),
        ("https://nowhere.invalid/", False),
    ],
)  # fmt: skip
def test_what_is_local(url: str, local: bool) -> None:
    assert connection._local(url) is local


def test_out_of_https_only_with_a_digest() -> None:
    import urllib.request
    from email.message import Message
    from io import BytesIO

    request = urllib.request.Request("https://8.8.8.8/a")
    to = (302, "Found", Message(), "http://8.8.8.8/b")
    with pytest.raises(connection.MirrorError, match="redirects out of https"):
        connection._Redirects(secure=True).redirect_request(request, BytesIO(), *to)
    assert connection._Redirects(secure=False).redirect_request(request, BytesIO(), *to)


def test_a_mirror_that_only_keeps_us_waiting(
    mirrors: Any, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors.files |= {"a": DATA, "b": DATA}
    mirrors.slowly["a"] = 0.3
    monkeypatch.setattr(downloads, "WINDOW", 1.0)
    monkeypatch.setattr(downloads, "SLOWEST", 300_000)
    assert download(known(mirrors, "a", "b"), target, form=ANY) == DIGEST
    assert [path for path, _, _ in mirrors.asked] == ["a", "b"]
    monkeypatch.setattr(downloads, "WINDOW", 60.0)
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    mirrors.slowly["a"] = 1.0
    target.unlink()
    with pytest.raises(WeightsError, match=r"broke off \(timed out\)"):
        download(known(mirrors, "a"), target, form=ANY)


def test_disks(mirrors: Any, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrors.files |= {"a": DATA, "b": DATA}
    file = known(mirrors, "a", "b")
    from shutil import _ntuple_diskusage

    with monkeypatch.context() as patched:
        patched.setattr(downloads.shutil, "disk_usage", lambda _: _ntuple_diskusage(1, 1, 99))
        with pytest.raises(WeightsError, match=r"needs 0\.0 GB of disk and 0\.0 GB are free in"):
            download(file, target, form=ANY)
    assert len(mirrors.asked) == 1  # no other mirror helps

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads.Told, "write", full)
    with pytest.raises(WeightsError, match=r"can't be written \(the disk is full\); make room"):
        download(file, target, form=ANY)
    assert len(mirrors.asked) == 2


PROGRAM = """
import sys
from pathlib import Path
from mutoscope.vqgan_names import Published
from mutoscope.weights.download import Form, download
url, size, digest, target = sys.argv[1:]
form = Form(lambda head: "", lambda path: "")
download(Published((url,), int(size), digest), Path(target), form=form)
"""


def test_killed_in_the_middle_it_goes_on(mirrors: Any, target: Path) -> None:
    mirrors.files["a"] = DATA
    mirrors.slowly["a"] = 0.15
    run = [sys.executable, "-c", PROGRAM, mirrors.url("a"), str(len(DATA)), DIGEST, str(target)]
    with subprocess.Popen(run) as program:
        until = time.monotonic() + 30
        while not (parts(target) and parts(target)[0].stat().st_size > 100_000):
            assert time.monotonic() < until
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(signal.SIGKILL)
    assert not target.exists()
    had = parts(target)[0].stat().st_size
    mirrors.asked.clear()
    mirrors.slowly.clear()
    told: list[Transfer] = []
    download(known(mirrors, "a"), target, form=ANY, progress=told.append)
    assert target.read_bytes() == DATA
    assert [span for _, span, _ in mirrors.asked] == [f"bytes={had - 65_536}-"]
    assert told[0].done > had
    assert list(target.parent.iterdir()) == [target]
