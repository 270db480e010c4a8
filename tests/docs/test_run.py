"""Every command that a page, a notebook or the help shows is really run, at toy size.

Each page is followed from its first command to its last, in a folder of its own that holds what it
names (``workshop``). Commands of one form are run once, on the first page that shows one: a form is
the command's words but for its prompt and its seed, and of what it writes only the ending. What
can't be run so stands in ELSEWHERE, with the reason and with what runs it.
"""

import ast
import importlib.util
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from mutoscope.cli import run


def loaded(name, path):
    """A Python file as a module."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shown = loaded("shown", Path(__file__).with_name("shown.py"))
ROOT = shown.ROOT

# ── what makes a command small, and leaves what it does ──

STILL = "perceptors=tiny width=32 height=32 cutouts=2 steps_per_scene=2"
MOVES = "perceptors=tiny width=32 height=32 cutouts=2 pre_animation_steps=2 steps_per_frame=2"
FILM = f"{MOVES} save_every=2 steps_per_scene=6 interpolation_steps=2"
TRAINED = "size=32 z=8 w=8 cbase=64 cmax=4 batch=4 images=8 tick=4 compared=8 augment_images=64"
# Settings that a command is given, each in place of the same one on the page.
KEYS = {
    "image": STILL, "render": FILM, "plan": FILM, "preview": FILM, "demo": FILM, "video": MOVES,
    "restyle": MOVES, "train": TRAINED,
}  # fmt: skip
# Options that have smaller values than on the page, and those that are given besides.
SMALLER = {
    "--pages": "2", "--segments": "2", "--still": "0.1", "--count": "4", "--frames": "3",
}  # fmt: skip
ADDED = {
    "walk": "--frames 3 --segments 2", "walk --keys": "--frames 3", "walk --sheet": "--count 4",
    "walk --toward": "--frames 3 --segments 2 --perceptors tiny",
    "atlas": "--count 4 --tiles 16", "atlas --nearest": "--tiles 16", "atlas --bookmark": "",
    "atlas --forget": "", "project": "--steps 2", "video": "--frames 3",
    "drawings sample": "--pages 2 --dpi 40", "drawings tiles": "--size 64",
    "train-vqgan": "--preset toy --steps 1",
}  # fmt: skip


def toy(words):
    """A command that does the same with less."""
    name, small = named(words), []
    keys = dict(word.split("=", 1) for word in KEYS.get(name, "").split())
    if "image_model=GAN" in words:  # whose pictures have a size of their own
        del keys["width"], keys["height"]
    if name == "train" and "--keys" in words:
        return words
    if name == "train" and words[1:] == ["lines"]:  # which has its keys, and was trained to its end
        return [*words, "images=12"]
    for before, word in zip(["", *words], words, strict=False):
        if before == "--frames" and ".." in word:
            small.append("..2" if word.startswith("..") else "1..2")
        elif before in SMALLER and name != "drawings tiles":
            small.append(SMALLER[before])
        elif word.partition("=")[0] not in keys:
            small.append(word)
    options = dict(zip(*[iter(added_to(name, words).split())] * 2, strict=True))
    if "--minutes" in small:  # which is as long as --steps here
        at = small.index("--minutes")
        del small[at : at + 2]
    for option, value in options.items():
        if option in small:
            small[small.index(option) + 1] = value
        else:
            small += [option, value]
    return small + [f"{key}={value}" for key, value in keys.items()]


def added_to(name, words):
    """The options that a command is given besides; one of its own may decide on them."""
    special = (ADDED.get(f"{name} {word}") for word in words if word.startswith("--"))
    return next((row for row in special if row is not None), ADDED.get(name, ""))


# A network that would have to be fetched, and one that is here.
REAL = {"vqgan_model=imagenet": "vqgan_model=my-vqgan"}
# Scripts, which are run in this process too, and what makes them small: before and behind.
SCRIPTS = {
    "pictures": ("", f"{STILL} --only 1-1"),
    "starts": (STILL, "--models Fourier --cameras zoom --frames 2 --seeds 1 --steps 1 --first 1"),
    "walk": ("", "--size 32 --cbase 64 --frames 4 --rounds 1"),
}

# The settings files that pages show, by the names that their commands have for them.
SETTINGS = {
    "quickstart.md": "ship.yaml", "settings-file.md": "harbour.yaml",
    "from-pytti.md": "harbour.yaml", "space.md": "flight-photo.yaml",
}  # fmt: skip

# ── what is not run here ──

# How a command begins, why it is not run here, and what runs it: a test, or a line of a file.
ELSEWHERE = (
    ("make (install|constraints)", "it fetches packages", "Makefile: test: $(STAMP)"),
    ("make (test|test-all)", "it runs this", ".ci/run: make test"),
    ("make lint", "it reads all files", ".ci/run: make lint"),
    ("make browser", "it fetches a browser", "Makefile: test: $(STAMP) browser"),
    ("make demo", "it installs; then it is mutoscope demo", "Makefile: -m mutoscope demo"),
    ("make bench", "it takes minutes",
     "tests/test_benchmarks.py::test_cases_are_measured_and_told"),
    ("python benchmarks/report.py", "it takes minutes",
     "tests/test_benchmarks.py::test_cases_are_measured_and_told"),
    ("make docs", "it writes into docs/", "tests/settings/test_reference.py: settings.md"),
    ("make licences", "it writes into docs/",
     "tests/trust/test_supply.py::test_every_file_of_weights_stands_on_the_page"),
    ("make sbom", "it writes sbom.json",
     "tests/trust/test_supply.py::test_the_bill_of_materials_is_whole"),
    ("make trust-faults", "it takes minutes", "tests/trust/test_faults.py: kill_many"),
    ("make trust-soak", "it takes minutes", "tests/trust/test_soak.py: soak"),
    ("make trust-numbers", "it takes minutes", "tests/trust/test_numbers_tried.py: numbers_tried"),
    ("make trust-sameness", "it takes minutes", "tests/trust/test_sameness.py: sameness"),
    ("make trust-web", "it takes minutes", "tests/trust/test_web.py: web"),
    ("make trust-support", "it takes minutes", "tests/trust/test_support.py: elsewhere"),
    ("make trust-fuzz", "it takes minutes", "tests/trust/test_fuzz.py: fuzz"),
    ("make site", "it writes into site/",
     "tests/docs/test_site.py::test_every_page_of_docs_is_in_it"),
    ("pip install", "it fetches packages", "Makefile: pip install"),
    ("python3? -m venv", "it makes an environment", "Makefile: -m venv"),
    ("jq", "it is another program", "tests/docs/test_commands.py: jq"),
    ("ssh", "it wants another machine", "tests/studio/test_app.py::test_who_is_local"),
    ("mutoscope .*--on ray", "it wants a cluster",
     "tests/crew/test_ray.py::test_a_film_made_on_a_cluster_is_the_same_bytes"),
    ("mutoscope (sweep|resume images_out/a-red-fox-in-the-snow)", "it begins processes",
     "tests/cli/test_sweep.py: resume"),
    ("mutoscope studio", "it serves until Ctrl-C",
     "tests/studio/test_story.py::test_from_the_first_word_to_the_picture"),
    ("mutoscope drawings pick", "it serves until Ctrl-C",
     "tests/cli/test_drawings_pick.py::test_it_serves_until_ctrl_c_which_is_no_error"),
    ("mutoscope models fetch", "it needs the network",
     "tests/cli/test_reference.py::test_a_vqgan_is_fetched_and_looked_after"),
    ("mutoscope train .*--gpus|accelerate launch|torchrun", "it begins processes",
     "tests/train_gan/test_team.py: def test_two_processes"),
)  # fmt: skip


def elsewhere(words):
    """Why a command is not run here, and what runs it; nothing where it is."""
    text = " ".join((shown.program(words), *words[1:]))
    found = [row[1:] for row in ELSEWHERE if re.match(rf"({row[0]})(?![\w-])", text)]
    return found[0] if found else None


def only_named(words):
    """Whether a sentence only names a command, or an option of it, without what that needs."""
    rest = words[1 + len(named(words[1:]).split()) :]
    return (
        words[0] == "mutoscope"
        and all(word.startswith("--") for word in rest)
        and words[1] not in ALONE
    )


# ── one command of each form ──

ALONE = ("--help", "demo", "doctor", "models", "settings")  # need nothing behind their names
PROMPT = {"image": 2, "video": 2, "restyle": 3}  # which word is the prompt


def named(words):
    """The name of a command of ours, of two words where it is one in a group."""
    return " ".join(words[:2] if words[0] in ("drawings", "models") else words[:1])


def form(words):
    """What commands have in common that differ in nothing but words to paint and names to write."""
    told = [shown.program(words)]
    for number, (before, word) in enumerate(pairwise(words), start=1):
        if number == PROMPT.get(words[1]) and not word.startswith("-"):
            told.append("PROMPT")
        elif word.startswith("seed=") or before == "--seed":
            told.append("SEED")
        elif before in ("-o", "--output", "--sheet", ">"):
            told.append(f"OUTPUT{Path(word).suffix}")
        else:
            told.append(word.rstrip("/"))
    return tuple(told)


def chosen():
    """The command that is run of each form, with its page."""
    first = {}
    for page, words, inside in SHOWN:
        if elsewhere(words) is None and not (inside and only_named(words)):
            first.setdefault(form(words), (page, words))
    return first


SHOWN = list(shown.shown())
CHOSEN = chosen()
RUN_PAGES = list(dict.fromkeys(page for page, _ in CHOSEN.values()))


@pytest.fixture
def here(tmp_path, workshop, monkeypatch, single_thread, without_network):
    """A folder with what the pages name."""
    shutil.copytree(workshop, tmp_path / "here")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def output_of(words):
    """What a command is to write, where it says so."""
    for option in ("-o", "--output", "--sheet", ">"):
        if option in words:
            return Path(words[words.index(option) + 1])
    if words[1:3] == ("drawings", "sample"):
        return Path(words[3])
    if words[1:3] == ("drawings", "specimens"):
        return Path(words[3]) / "specimens.json"
    return None


def follow(words, capsys):
    """Run a command of a page: its exit code, and what it says of a mistake."""
    words = [REAL.get(word, word) for word in words]
    name, words, target = shown.program(words), words[1:], None
    if ">" in words:
        words, target = words[: words.index(">")], Path(words[-1])
    if name == "mutoscope":
        code = run(toy(words))
    else:
        script = Path(words[0])
        assert script.stem in SCRIPTS, f"{name} {' '.join(words)}: is in no table of this file"
        before, behind = (text.split() for text in SCRIPTS[script.stem])
        loaded(script.stem, ROOT / script).main([*before, *words[1:], *behind])
        code = 0
    told = capsys.readouterr()
    if target:
        target.write_text(told.out, encoding="utf-8")
    return code, told.err


@pytest.mark.parametrize("page", dict.fromkeys(page for page, _ in CHOSEN.values()))
def test_the_commands_of_a_page_run(page, here, capsys):
    if page in SETTINGS:
        text = next(text for info, text in shown.blocks(ROOT / "docs" / page) if info == "yaml")
        Path(SETTINGS[page]).write_text(text, encoding="utf-8")
    for words in (words for at, words in CHOSEN.values() if at == page):
        made = output_of(words)
        if made and "--overwrite" not in words:
            shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
        code, said = follow(words, capsys)
        assert code == 0, f"{page}: {' '.join(words)}: {said}"
        assert made is None or made.exists(), f"{page}: {' '.join(words)} wrote no {made}"


# ── nothing is left out ──


def test_each_command_is_of_a_form_that_is_run_or_is_run_elsewhere():
    left = [
        (page, words)
        for page, words, inside in SHOWN
        if form(words) not in CHOSEN
        and elsewhere(words) is None
        and not (inside and only_named(words))
    ]
    assert left == []
    assert len(CHOSEN) > 150
    assert len({page for page, _ in CHOSEN.values()}) > 25


def test_forms_differ_where_commands_do_other_things():
    same = ("mutoscope image fox seed=3 -o a.png", "mutoscope image 'a boat' seed=4 -o b.png")
    assert form(tuple(same[0].split())) == form(tuple(shown.shlex.split(same[1])))
    others = (
        "image fox -o a.png", "image fox seed=3 -o a.jpg", "image fox seed=3 -o a.png width=3",
        "image fox seed=3", "image --explore {a,b} seed=3 -o a.png", "render fox seed=3 -o a.png",
        "render a.yaml", "render b.yaml", "film a -o a.mp4", "film a -o a.webm",
        "walk a --style sine -o a.mp4", "walk a --style orbit -o a.mp4",
    )  # fmt: skip
    assert len({form(("mutoscope", *words.split())) for words in others}) == len(others)


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row[0])
def test_what_is_run_elsewhere_is_shown_and_there(row):
    start, why, where = row
    assert why
    assert [words for _, words, _ in SHOWN if elsewhere(words) == row[1:]], f"none is {start}"
    name, _, inside = where.partition("::")
    if inside:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        assert inside in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
    else:
        name, _, line = where.partition(": ")
        assert line in (ROOT / name).read_text(encoding="utf-8")


def test_a_new_command_is_noticed():
    """So that one which is neither run nor in the table can't pass."""
    for text in ("python benchmarks/new.py", "ray start --head", "mutoscope studios"):
        assert elsewhere(tuple(text.split())) is None
    assert elsewhere(("mutoscope", "studio", "pictures")) is not None
