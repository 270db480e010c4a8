"""What other systems ask for, played here: names, disks, consoles, and what they have not got."""

import io
import os
import re
import signal
import sys
import tomllib
import unicodedata
from pathlib import Path, PureWindowsPath

import elsewhere
import pytest
import torch

from mutoscope import cli, memory
from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.finish.produce import work_folder
from mutoscope.lock import FolderLock, InUseError
from mutoscope.provenance import read_recipe
from mutoscope.run.layout import check_namespace, frame_paths
from mutoscope.settings import load_settings
from mutoscope.sources import name_of, settings_of
from mutoscope.studio.drawings.folders import safe_name
from mutoscope.sweep.sweeping import cores

pytestmark = [
    pytest.mark.usefixtures("single_thread"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="plays others on Linux"),
]

HERE = Path(__file__).parent

TOY = ["perceptors=tiny", "width=32", "height=32", "cutouts=2", "seed=7", "steps_per_scene=2"]
FILM = [
    *TOY[:-1], "steps_per_scene=3", "pre_animation_steps=1", "steps_per_frame=1", "save_every=1",
    "animation_mode=2D", "zoom_x_2d=1",
]  # fmt: skip
SYSTEMS = ("win32", "darwin")


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Runs commands in a folder by a system's rules; its codes, and what the disk refused."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def done(system, *commands, place="here"):
        (tmp_path / place).mkdir(exist_ok=True)
        return elsewhere.done_elsewhere(system, tmp_path / place, commands)

    return done


def files(folder):
    return {str(path.relative_to(folder)): path for path in folder.rglob("*")}


# ── the disk itself ──


def test_the_disk_that_is_played_keeps_the_rules_of_windows(tmp_path):
    (tmp_path / "Fox").mkdir()
    (tmp_path / "Fox" / "a").write_text("x", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        disk = elsewhere.Disk(tmp_path, "win32", patch)
        assert (tmp_path / "fOX" / "A").read_text(encoding="utf-8") == "x"
        for name in ("con", "a:b", "a.", "a ", "NUL.txt", "x" * 260):
            with pytest.raises(OSError, match=r"."):
                (tmp_path / name).write_text("x", encoding="utf-8")
        with (tmp_path / "fox/a").open("rb"):
            for change in (Path.unlink, lambda path: path.rename(tmp_path / "b")):
                with pytest.raises(PermissionError):
                    change(tmp_path / "Fox/a")
            with pytest.raises(PermissionError):
                (tmp_path / "Fox").rename(tmp_path / "b")
        with pytest.raises(PermissionError):
            os.open(tmp_path / "Fox", os.O_RDONLY)
        assert {call for call, _ in disk.refusals} == {"open", "unlink", "rename"}
    assert not (tmp_path / "fox").exists()


def test_a_film_is_the_same_by_other_rules(at, tmp_path):
    """Made, and its film once more from its frames."""
    name = "file_namespace=Füchse"
    scenes = "scenes=a fox || a boat"
    (tmp_path / "toy.yaml").write_text("{}", encoding="utf-8")
    run = "images_out/Füchse/Füchse"
    commands = [
        ("render", "../toy.yaml", scenes, name, *FILM),
        ("film", run, "-o", "again.mp4"),
    ]
    for system in ("linux", *SYSTEMS):
        assert at(system, *commands, place=system) == ([0, 0], [])
    usual, *others = (files(tmp_path / system) for system in ("linux", *SYSTEMS))
    pictures = [one for one in usual if one.endswith((".png", ".mp4"))]
    assert sum("/frames/" in one for one in pictures) > 3
    for other in others:
        assert other.keys() == usual.keys()
        for one in pictures:
            assert other[one].read_bytes() == usual[one].read_bytes(), one


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_runs_whose_names_differ_in_case_keep_apart(at, tmp_path, system):
    codes, refusals = at(
        system,
        ("image", "a fox", "file_namespace=Fox", *TOY),
        ("image", "a fox", "file_namespace=fox", *TOY),
        ("image", "a fox", "file_namespace=fOX", "allow_overwrite=true", *TOY, "seed=8"),
    )
    assert (codes, refusals) == ([0, 0, 0], [])
    assert os.listdir(tmp_path / "here/images_out") == ["Fox"]  # noqa: PTH208
    found = files(tmp_path / "here/images_out/Fox")
    seeds = {name: read_recipe(found[name])["settings"]["seed"]
             for name in found if "/frames/" in name}  # fmt: skip
    assert sorted(seeds.values()) == [7, 8]
    assert len({name.split("/")[0] for name in seeds}) == 2


def test_a_command_that_is_refused_leaves_nothing_on_windows(at, tmp_path, monkeypatch):
    from mutoscope.run import layout

    def full(folder):
        raise OSError(28, "no space")

    monkeypatch.setattr(layout, "make_rooms", full)
    codes, _ = at("win32", ("image", "a fox", *TOY))
    assert codes == [2]
    assert not any("a-fox/a-fox" in name for name in files(tmp_path / "here"))


def test_a_finished_films_work_folder_goes_on_windows(tmp_path):
    """Its lock is open till the end, and what is open can't be removed there."""
    from mutoscope.finish.produce import produce

    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with pytest.MonkeyPatch.context() as patch:
        disk = elsewhere.Disk(tmp_path, "win32", patch)
        out = tmp_path / "a.mkv"
        produce(out, lambda first: iter([picture] * (3 - first)), key={}, rate=12, total=3)
        assert not work_folder(out).exists()
        assert disk.refusals == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_a_lock_on_windows_holds_names_its_holder_and_goes(tmp_path, monkeypatch):
    windows = elsewhere.on_windows("mutoscope.lock", monkeypatch)
    held = windows.FolderLock(tmp_path)
    with pytest.raises(windows.InUseError, match=str(os.getpid())):
        windows.FolderLock(tmp_path)
    held.release()
    again = windows.FolderLock(tmp_path)
    again.discard()
    assert not tmp_path.exists()


def test_a_lock_that_is_discarded_leaves_what_else_is_there(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(InUseError):
        FolderLock(tmp_path)
    (tmp_path / "a").touch()
    lock.discard()
    lock.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# ── names and paths ──

BAD = (
    "CON", "con.png", "Nul .txt", "COM¹", "lpt³.a", "CONIN$", "conout$", "a.", "a ", "a:b", "a?",
    "a*", "a<b", 'a"b', "a|b", "a\\b", "a\x07", "..",
)  # fmt: skip


@pytest.mark.parametrize("name", [*BAD, "a/b"])
def test_names_that_windows_refuses_are_refused_everywhere(name):
    with pytest.raises(SettingsError, match="file_namespace"):
        check_namespace(name)
    with pytest.raises(MutoscopeError, match="file_namespace"):
        load_settings({"scenes": "a fox", "file_namespace": name})


@pytest.mark.parametrize("text", [*BAD, "con", "aux: a fox", "LPT1", "~", "é" * 200, "名前 " * 90])
def test_names_that_are_made_of_words_are_ones_that_windows_takes(text):
    assert check_namespace(name_of(text))
    for made in (name_of(text), safe_name(text)):
        assert not made or not elsewhere.windows_refuses(made)


def test_frames_are_found_by_a_name_in_either_form(tmp_path):
    """Disks of macOS tell ``é`` as ``e`` and an accent, and on Linux they are two names."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/café_1.png").touch()
    apart = unicodedata.normalize("NFD", "café")
    assert [number for number, _ in frame_paths(tmp_path, "café")] == [1]
    assert frame_paths(tmp_path, apart) == []
    with pytest.MonkeyPatch.context() as patch:
        elsewhere.Disk(tmp_path, "darwin", patch)
        for base in ("café", apart, "CAFÉ"):
            assert [number for number, _ in frame_paths(tmp_path, base)] == [1]


def test_anothers_file_is_no_frame_for_its_letters(tmp_path):
    (tmp_path / "frames").mkdir()
    for name in ("fox_1.png", "Fox_1.png", "FOX_2.png", "fox_3.PNG"):
        (tmp_path / "frames" / name).touch()
    assert [path.name for _, path in frame_paths(tmp_path, "fox")] == ["fox_1.png"]


def test_paths_written_on_windows_are_found_here(at, tmp_path, draw):
    """In settings and in a recipe, relative to where they are read; a drive is nowhere."""
    (tmp_path / "here").mkdir()
    draw("start.png", (32, 32)).rename(tmp_path / "here/start.png")
    written = str(PureWindowsPath("../here") / "start.png")
    assert at("linux", ("image", "a fox", f"init_image={written}", *TOY))[0] == [0]
    kept = next((tmp_path / "here").rglob("a-fox_1.png"))
    assert read_recipe(kept)["settings"]["init_image"] == written
    (tmp_path / "new").mkdir()
    again = settings_of(kept)
    assert again.init_image == written
    assert again.resolve("C:\\a.png").endswith("C:\\a.png")


def test_a_name_with_a_backslash_is_first_itself_and_the_fence_holds(tmp_path, monkeypatch):
    inside = tmp_path / "in"
    (inside / "a").mkdir(parents=True)
    for name in ("a\\b.png", "a/b.png", "a/c.png", "../out.png"):
        (inside / name).touch()
    settings = load_settings({"scenes": "a fox"}, base=inside)
    assert Path(settings.resolve("a\\b.png")).name == "a\\b.png"
    assert settings.resolve("a\\c.png") == str(inside / "a/c.png")
    monkeypatch.setenv("MUTOSCOPE_FENCE", str(inside))
    for path in ("..\\out.png", "..\\nothing.png", "a\\..\\..\\out.png"):
        with pytest.raises(SettingsError, match="outside"):
            settings.resolve(path)


# ── what a system has not got ──

ABSENT = ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog", "posix")


@pytest.mark.parametrize(
    "name", ["mutoscope.lock", "mutoscope.studio.gallery.holding", "mutoscope.studio.queue.worker"]
)
def test_modules_that_ask_for_the_system_are_imported_on_windows(name, monkeypatch):
    module = elsewhere.on_windows(name, monkeypatch)
    assert not hasattr(module, "fcntl")


def test_no_other_module_needs_what_only_posix_has():
    """Each is imported under a look at ``sys.platform``, or where it is used."""
    package = Path(memory.__file__).parent
    plain = re.compile(rf"^(?:import|from) (?:{'|'.join(ABSENT)})\b", re.MULTILINE)
    signals = re.compile(r"^[^\s#].*signal\.(?!SIGINT|SIGTERM|signal\b|Signals|SIG_IGN)SIG", re.M)
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not plain.search(text), path
        assert not signals.search(text), path


def test_a_process_may_be_ended_where_there_is_no_sigkill(monkeypatch, tmp_path):
    worker = elsewhere.on_windows("mutoscope.studio.queue.worker", monkeypatch)
    sent = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    monkeypatch.delattr(os, "killpg")

    class Process:
        pid, poll = 7, staticmethod(lambda: None)

    one = worker.Worker(tmp_path, "a", 7, Process())
    one.kill()
    assert sent == [(7, signal.SIGTERM)]


def test_memory_is_unknown_where_nothing_tells_it(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(memory, "Path", lambda name: Path("/nowhere") / name[1:])
    assert memory.free_memory(cpu) > 2**20  # by sysconf
    peak = memory.peak_memory(cpu)
    with monkeypatch.context() as mac:
        mac.setattr(sys, "platform", "darwin")
        assert peak * 0.9 <= memory.peak_memory(cpu) * 1024 <= peak * 1.2  # bytes there, KiB here
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        windows.setitem(sys.modules, "resource", None)
        windows.delattr(os, "sysconf")
        assert memory.peak_memory(cpu) == 0
        assert memory.free_memory(cpu) is None
        assert memory.total_memory() is None


def test_cores_are_counted_where_none_are_assigned(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cores() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_a_console_that_lacks_letters_is_no_fault(tmp_path, monkeypatch, encoding):
    monkeypatch.chdir(tmp_path)
    printed, told = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", printed)
    monkeypatch.setattr(sys, "stderr", told)
    codes = [cli.run(["image", "狐 é", *TOY]), cli.run(["render", "狐\udcff.yaml"])]
    printed.flush()
    told.flush()
    assert codes == [0, 2]
    assert b"images_out/\\u72d0" in printed.buffer.getvalue()
    assert b"mutoscope: \\u72d0\\ufffd.yaml" in told.buffer.getvalue()


# ── what is said ──


def test_the_package_says_where_it_runs():
    found = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    project = found["project"]
    assert project["requires-python"] == ">=3.11"
    said = {one.rpartition(" ")[2] for one in project["classifiers"] if "Python :: 3." in one}
    # What was run; docs/reliability.md tells of the rest.
    assert said == {"3.11", "3.12", "3.13", "3.14"}
