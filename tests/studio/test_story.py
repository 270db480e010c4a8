"""The whole of it: what an artist does from the first word to the film, and what may go wrong.

Real browser, real server, real processes that paint. Where something is to be seen while it is
painted, its process is held still meanwhile: no machine is too fast or too slow for that.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow  # a browser, and processes that paint

TINY = "perceptors: tiny\nwidth: 32\nheight: 32\ncutouts: 2\n"
LONG = f"{TINY}steps_per_scene: 600\ndisplay_every: 20\nsave_every: 100\nseed: 7\n"
SLOW = 120_000  # milliseconds
EXPECTED = 130  # the exit code of what Ctrl-C ended


def soon(condition, patience=120.0):
    """Waits for a condition and returns what it gave."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(0.05)
    return found


def record(server, title):
    return next((r for r in reversed(server.records()) if r["job"]["title"] == title), None)


def state(server, title):
    found = record(server, title)
    return found and found["job"]["state"]


def worker(server, title):
    """The process that paints a job, once it has a picture to show."""

    def begun():
        found = record(server, title)
        if not found or found["job"]["state"] != "running" or not found["job"]["run"]:
            return None
        latest = server.root / found["job"]["run"] / "latest.png"
        return found["pid"] if latest.exists() else None

    return soon(begun)


def write(page, server, text):
    """Begins a new draft with a text of YAML."""
    page.goto(f"{server.base}/compose")
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_text("an empty page").click()
    page.wait_for_url(re.compile(r"draft=\w{8}"))
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def paint(page, server, text):
    write(page, server, text)
    page.get_by_text("These settings are right.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_url("**/render")


def card(page, title):
    return page.locator(".job").filter(has=page.get_by_role("heading", name=title, exact=True))


def deed(page, name, title):
    return page.get_by_role("button", name=f"{name}: {title}", exact=True)


def open_in_gallery(page, server, name):
    page.goto(f"{server.base}/gallery")
    page.get_by_role("button", name=re.compile(rf"^{name}, ")).first.click()
    page.get_by_text("The command that makes it again").wait_for()


def terminal(server, *words):
    """A command that somebody gives in a terminal, in the studio's folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "mutoscope", *words], cwd=server.root,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_from_the_first_word_to_the_picture(page, visit, studio_server, still):
    """Write, paint, watch, stop, reload, resume, done; and another browser sees it all."""
    server, title = studio_server, "a heron in the reeds"
    page.goto(f"{server.base}/compose")
    page.get_by_text("Write what the picture is to show").wait_for()
    page.get_by_label("Prompt 1 of scene 1", exact=True).fill(title)
    page.locator(".cm-content").get_by_text(f"scenes: {title}").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(f"\n{LONG}")
    page.get_by_text("These settings are right.").wait_for()
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_url("**/render")

    shown = card(page, title)
    picture = shown.locator("img")
    first = soon(lambda: picture.get_attribute("src"))
    page.wait_for_function(
        "first => document.querySelector('.job img').getAttribute('src') !== first", arg=first
    )
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") >= 32
    with still(worker(server, title)):
        told = soon(lambda: re.search(
            r"painting · (\d+) of 600 · \d+ s left", shown.inner_text()))  # fmt: skip
        assert 0 < int(told[1]) < 600
        assert 0 < float(shown.get_by_role("progressbar").get_attribute("aria-valuenow")) < 1
        shown.get_by_text(title).nth(1).wait_for()  # its loss has a line in the plot
        page.locator(".studio-now", has_text=title).wait_for()

        other = visit(server)
        other.goto(f"{server.base}/render")
        card(other, title).wait_for(timeout=SLOW)
        seen = re.compile(r"\d+ of 600")
        soon(lambda: seen.findall(card(other, title).inner_text())
             == seen.findall(shown.inner_text()))  # fmt: skip
        deed(page, "Stop", title).focus()
        page.keyboard.press("Enter")
        deed(page, "Stop at once", title).wait_for()
        deed(other, "Stop at once", title).wait_for()
        # Its button is gone, but not the place of the one who pressed it.
        focus = "document.activeElement.closest('.job') !== null"
        page.wait_for_function(focus)
    deed(page, "Resume", title).wait_for(timeout=SLOW)
    page.wait_for_function(focus)
    assert state(server, title) == "stopped"
    page.reload()
    stopped = re.search(r"stopped · (\d+) of 600", shown.inner_text())
    assert int(stopped[1]) >= int(told[1])
    deed(page, "Resume", title).click()
    shown.get_by_text(re.compile("^done · took")).wait_for(timeout=SLOW)
    card(other, title).get_by_text(re.compile("^done · took")).wait_for()
    run = server.root / record(server, title)["job"]["run"]
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps[-1] == 600
    assert steps == sorted(set(steps))
    assert len(list((run / "frames").glob("*.png"))) == 6
    assert [said for said in page.said if said.startswith("error")] == []


@pytest.mark.long
def test_the_queue_is_put_in_order_and_one_of_a_terminal_is_seen(page, studio_server, still):
    """Pause, earlier, later, remove, resume; and what a terminal paints stands there, too."""
    server = studio_server
    for word in ("wren", "crow", "lark"):
        (server.root / f"{word}.yaml").write_text(
            f"scenes: a {word}\nfile_namespace: {word}\n{TINY}steps_per_scene: 50000\n"
            "save_every: 500\ndisplay_every: 10\n"
        )
    alien = terminal(server, "render", "wren.yaml")
    paint(page, server, f"scenes: an owl\nfile_namespace: owl\n{LONG}")
    painting = worker(server, "owl")
    with still(painting):
        soon(lambda: (server.root / "images_out" / "wren" / "wren" / "latest.png").exists())
        with still(alien.pid):
            theirs = card(page, "a wren")
            theirs.get_by_text("begun in a terminal").wait_for(timeout=SLOW)
            assert theirs.get_by_role("button", name=re.compile("Stop")).count() == 0
        for word in ("crow", "lark"):
            paint(page, server, f"scenes: a {word}\n{TINY}steps_per_scene: 3\n")
        waiting = page.get_by_role("list", name="Next").locator(".job-title")
        soon(lambda: waiting.all_inner_texts() == ["a crow", "a lark"])
        deed(page, "Earlier", "a lark").click()
        soon(lambda: waiting.all_inner_texts() == ["a lark", "a crow"])
        deed(page, "Later", "a lark").click()
        soon(lambda: waiting.all_inner_texts() == ["a crow", "a lark"])
        deed(page, "Pause", "a crow").click()
        deed(page, "Resume", "a crow").wait_for()
        deed(page, "Remove", "a crow").click()
        soon(lambda: waiting.all_inner_texts() == ["a lark"])
        deed(page, "Pause", "owl").click()
        deed(page, "Stop at once", "owl").wait_for()
    alien.send_signal(signal.SIGINT)
    card(page, "a lark").get_by_text(re.compile("^done")).wait_for(timeout=SLOW)
    assert state(server, "owl") == "paused"  # it let the next one pass, and waits to be resumed
    deed(page, "Remove", "owl").click()
    card(page, "owl").wait_for(state="detached")
    assert alien.wait(timeout=60) == EXPECTED
    assert card(page, "a wren").count() == 0


def test_a_clip_is_restyled_played_and_made_anew(page, studio_server, shoot):
    """Upload a clip, paint it over, play it in place; another seed; a fork; larger."""
    server = studio_server
    clip = shoot("waves.mp4", [0.2, 0.5, 0.9, 0.4], size=(32, 32))
    write(page, server, f"scenes: a storm\nfile_namespace: storm\nanimation_mode: Video Source\n"
          f"{TINY}steps_per_scene: 8\nsteps_per_frame: 2\npre_animation_steps: 0\n"
          "frames_per_second: 12\nseed: 3\n")  # fmt: skip
    page.get_by_text("video_path").first.wait_for()
    page.get_by_label("Search the settings").fill("video_path")
    page.get_by_label("Choose a file for video_path").click()
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_text("These settings are right.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_url("**/render")
    card(page, "storm").get_by_text(re.compile("^done")).wait_for(timeout=SLOW)

    open_in_gallery(page, server, "a storm")
    film = page.locator(".viewer video")
    part = (
        "one => fetch(one.src, {headers: {Range: 'bytes=100-199'}}).then(async (answer) => "
        "[answer.status, (await answer.arrayBuffer()).byteLength])"
    )
    assert film.evaluate(part) == [206, 100]
    film.evaluate("one => { one.muted = true; return one.play(); }")
    page.wait_for_function("document.querySelector('.viewer video').readyState >= 3")
    page.wait_for_function("document.querySelector('.viewer video').currentTime > 0.05")
    length = film.evaluate("one => one.duration")
    run = server.root / record(server, "storm")["job"]["run"]
    assert length == pytest.approx(len(list((run / "frames").glob("*.png"))) / 12, abs=0.02)
    film.evaluate("one => { one.pause(); one.currentTime = one.duration / 2; }")
    page.wait_for_function("!document.querySelector('.viewer video').seeking")
    assert film.evaluate("one => one.currentTime") == pytest.approx(length / 2, abs=0.05)

    page.get_by_role("button", name="Again with another seed").click()
    again = soon(lambda: next((r for r in server.records() if "storm · seed" in
                               r["job"]["title"]), None))  # fmt: skip
    assert again["job"]["command"][-1] != "seed=3"
    page.get_by_role("button", name="Fork…").click()
    page.get_by_label("Settings (YAML)").fill(
        page.get_by_label("Settings (YAML)").input_value().replace("a storm", "a calm sea")
    )
    page.get_by_role("button", name="Paint the fork").click()
    page.get_by_role("button", name="Paint the fork").wait_for(state="detached")
    page.get_by_role("button", name="Larger").click()
    page.locator(".q-menu").get_by_text("2 times").click()
    soon(lambda: {r["job"]["command"][0] for r in server.records()} >= {"render", "upscale"})
    soon(lambda: all(r["job"]["state"] not in ("waiting", "running") for r in server.records()))
    last = server.records()[-3:]
    assert [r["job"]["state"] for r in last[:2]] == ["done", "done"]
    assert last[1]["job"]["command"][2] == "--from"
    page.goto(f"{server.base}/gallery")
    page.get_by_role("button", name=re.compile("^a calm sea, film")).wait_for()


def test_nothing_is_lost_when_the_server_ends(visit, tmp_path, make_server, still):
    """Ctrl-C, a new server, kill -9, another: it is one run, and painted to its end."""
    server = make_server(tmp_path / "studio")
    page = visit(server)
    paint(page, server, f"scenes: a moor\n{LONG}")
    with still(worker(server, "a moor")):
        server.process.send_signal(signal.SIGINT)
        soon(lambda: state(server, "a moor") == "stopping")
    assert server.process.wait(timeout=120) == 0
    assert state(server, "a moor") == "waiting"
    run = server.root / record(server, "a moor")["job"]["run"]
    painted = len((run / "log.jsonl").read_text().splitlines())

    server.start()  # under the same address; the page that stayed open finds it by itself
    pid = worker(server, "a moor")
    with still(pid):
        page.locator(".studio-now", has_text="a moor").wait_for(timeout=SLOW)
        server.stop(signal.SIGKILL)
        os.kill(pid, 0)  # it lives
        server.start()
        time.sleep(1.5)  # the queue is looked at once a second
        assert record(server, "a moor")["pid"] == pid
        assert state(server, "a moor") == "running"
        deed(page, "Stop", "a moor").wait_for(timeout=SLOW)
    card(page, "a moor").get_by_text(re.compile("^done")).wait_for(timeout=SLOW)
    assert len((run / "log.jsonl").read_text().splitlines()) > painted
    assert len([one for one in server.records() if one["job"]["state"] == "done"]) == 1


@pytest.mark.long
def test_what_goes_wrong_with_one_does_not_keep_the_next(page, studio_server, still):
    """A picture that is too large, settings of an enemy, and a process that is killed."""
    server = studio_server
    write(page, server, "scenes: a sea\nwidth: 40000\nheight: 40000\n")
    refused = subprocess.run(
        [sys.executable, "-m", "mutoscope", "plan", "scenes=a sea", "width=40000", "height=40000"],
        capture_output=True, text=True, check=False, cwd=server.root, timeout=120,
    ).stderr  # fmt: skip
    page.get_by_text("40000").nth(1).wait_for()
    said = page.locator(".compose-fault").first.inner_text()
    assert said.partition(": ")[2] in refused or said in refused
    page.get_by_role("button", name="Paint", exact=True).click()
    page.locator(".q-notification").first.wait_for()
    assert "/compose" in page.url

    write(page, server, f"scenes: a spy\ninit_image: /etc/passwd\n{TINY}")
    page.get_by_text("These settings are right.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_url("**/render")
    card(page, "a spy").get_by_text("lies outside").wait_for(timeout=SLOW)
    assert "/etc" not in card(page, "a spy").inner_text()

    paint(page, server, f"scenes: a victim\n{LONG}")
    pid = worker(server, "a victim")
    with still(pid):
        paint(page, server, f"scenes: a survivor\n{TINY}steps_per_scene: 3\n")
        os.kill(pid, signal.SIGKILL)
    card(page, "a victim").get_by_text("it was ended from outside").wait_for(timeout=SLOW)
    card(page, "a survivor").get_by_text(re.compile("^done")).wait_for(timeout=SLOW)
    deed(page, "Try again", "a victim").wait_for()
    assert str(server.root) not in page.content()
