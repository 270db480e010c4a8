"""Commands of the pages, really run at toy size, in the order in which they stand there."""

import shlex
import shutil
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image, ImageDraw

from mutoscope.cli import run
from mutoscope.finish.upscale import upscaler
from mutoscope.images import resize

ROOT = Path(__file__).parents[2]
SMALL = "perceptors=tiny width=32 height=32 cutouts=2"
STILL = f"{SMALL} steps_per_scene=2"
FILM = (
    f"{SMALL} pre_animation_steps=2 steps_per_frame=2 save_every=2 steps_per_scene=6 "
    "interpolation_steps=2"
)
# What makes a command small, by its name: words that are given behind its own.
TOYS = {
    "render": FILM, "plan": FILM, "preview": FILM, "image": STILL,
    "walk": "--frames 4", "atlas": "--count 4", "project": "--steps 3",
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("single_thread")


class Stretched:
    """Stands for an upscaling network."""

    name, overlap, memory = "stretched", 4, 100

    def __init__(self, _model, factor, **_):
        self.factor = factor

    def __call__(self, image):
        return resize(image, (self.factor * image.shape[-1], self.factor * image.shape[-2]))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own, without any cache or network."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(upscaler, "NcnnEngine", Stretched)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# What is not run here, and why; all of it is parsed by test_commands.py.
NOT_RUN = {
    "models fetch": "it needs the network",
    "train": "it takes minutes; tests/cli/test_train_gan.py trains",
    "drawings pick": "it waits for a browser; tests/picking opens one",
}


def blocks(page):
    """The code of a page: language and text."""
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    return [(t.info, t.content) for t in MarkdownIt("commonmark").parse(text) if t.type == "fence"]


def commands(page):
    """The words of a page's commands of ours, in their order, up to a pipe."""
    for language, text in blocks(page):
        for line in text.replace("\\\n", " ").splitlines() if language == "sh" else ():
            words = shlex.split(line, comments=True)
            if words and words[0].endswith("mutoscope"):
                yield words[1 : words.index("|") if "|" in words else None]


def name_of(words):
    return " ".join(words[:2] if words[0] in ("drawings", "models") else words[:1])


def toy_of(name, words):
    """What makes this command small."""
    if name == "walk" and "--sheet" in words:
        return "--count 4"
    if name == "walk" and "--keys" not in words:
        return "--segments 2 --frames 4"
    if name == "film" and "--frames" in words:
        return "--frames 1..2"
    if name == "image" and "image_model=GAN" in words:
        return "perceptors=tiny steps_per_scene=2"
    return TOYS.get(name, "")


def follow(page, capsys):
    """Run the commands of a page one after the other; says how many were run."""
    count = 0
    for words in commands(page):
        name = name_of(words)
        if name in NOT_RUN:
            continue
        words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
        code = run([*words, *toy_of(name, words).split()])
        printed = capsys.readouterr()
        assert code == 0, f"{page}.md: {words}: {printed.err}"
        if target:
            Path(target).write_text(printed.out, encoding="utf-8")
        count += 1
    return count


def write_settings(page, name):
    """The first settings file that a page shows, under the name that its commands have."""
    text = next(text for language, text in blocks(page) if language == "yaml")
    Path(name).write_text(text, encoding="utf-8")


def scans(folder):
    """Two small pages with a drawn frame and a stroke each."""
    Path(folder).mkdir()
    for number in range(2):
        sheet = Image.new("L", (640, 480), 255)
        pen = ImageDraw.Draw(sheet)
        pen.ellipse((180, 120, 420 + 20 * number, 330), outline=0, width=4)
        pen.line((60, 400, 580, 380 + 10 * number), fill=0, width=4)
        sheet.save(Path(folder) / f"page-{number}.png", dpi=(75, 75))


def test_the_quickstart(capsys):
    write_settings("quickstart", "ship.yaml")
    assert follow("quickstart", capsys) >= 9
    assert Path("fox.png").exists()
    assert Path("images_out/ship/ship/ship.mp4").exists()


def test_the_page_for_artists(capsys, play):
    write_settings("settings-file", "harbour.yaml")
    shutil.copytree(ROOT / "recipes", "recipes")
    play("song.mp3")
    assert follow("settings-file", capsys) >= 14
    assert all(map(Path, ["calm.mp4", "fluent.mp4", "large.mp4", "harbour.mov"]))
    assert Path("images_out/harbour/harbour(1)").is_dir()


def test_the_page_for_draughtsmen(capsys, play, draw, small_generator):
    scans("scans")
    shutil.copytree(small_generator, "my-lines")
    play("song.mp3", length=0.5)
    draw("bird.png", (32, 32))
    assert follow("scans", capsys) >= 11
    for made in ("check.png", "grid.png", "walk.mp4", "song.mp4", "coloured.mp4", "large.mp4"):
        assert Path(made).stat().st_size > 0


def test_the_page_of_metadata(capsys):
    assert follow("metadata", capsys) >= 5
    assert "a fox in the snow" in Path("again.yaml").read_text(encoding="utf-8")


def test_the_page_of_films(capsys, play, draw):
    for name in ("dawn", "noon"):
        done = ["image", name, f"file_namespace={name}", "save_every=1", *STILL.split()]
        assert run(done) == 0
    Path("pictures").mkdir()
    draw("pictures/1.png", (32, 32))
    play("song.mp3", length=14)
    assert follow("films", capsys) == 6
    assert Path("dawn.gif").exists()


def test_what_is_left_out_is_on_a_page():
    pages = ("quickstart", "settings-file", "scans", "metadata", "films", "tiles")
    names = {name_of(words) for page in pages for words in commands(page)}
    assert set(NOT_RUN) <= names
