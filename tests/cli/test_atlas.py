"""``mutoscope atlas``."""

import re
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from mutoscope.images import load_image
from mutoscope.provenance import read_recipe


@pytest.fixture
def trained(here, small_generator):
    """A folder as a training leaves it, without settings."""
    shutil.copytree(small_generator, here / "trained")
    return here / "trained"


@pytest.fixture
def pages(here):
    """A page of lines at 75 dpi."""
    (here / "pages").mkdir()
    paper = np.full((300, 240), 255, np.uint8)
    for _, (a, b, c, d) in zip(range(40), np.random.default_rng(0).integers(0, 240, (40, 4)),
                               strict=True):  # fmt: skip
        cv2.line(paper, (int(a), int(b)), (int(c), int(d)), 0, 1, cv2.LINE_AA)
    Image.fromarray(paper).save(here / "pages" / "<b>&1.png", dpi=(75, 75))
    return here / "pages"


def test_a_map_with_its_drawings(trained, pages, call, here):
    assert call("atlas", trained, "--bookmark", "x=3 + 2*sefa-1")[0] == 0
    code, out, err = call("atlas", trained, "--count", "12", "--first", "5", "-o", "map.html",
                          "--drawings", "pages", "--tiles", "64")  # fmt: skip
    assert (code, out) == (0, ["map.html", "map.png", str(trained / "directions.safetensors")])
    assert any("of 12 samples" in line for line in err)
    page = (here / "map.html").read_text()
    assert [int(n) for n in re.findall(r'data-number="(\d+)"', page)] == list(range(5, 17))
    assert page.count("is most like page &lt;b&gt;&amp;1.png at ") == 12
    assert "<b>&1.png" not in page
    assert "x = 3 + 2*sefa-1" in page
    assert not re.search(r'\b(?:src|href)=(?!"data:image/png;base64,)', page)
    told = read_recipe("map.png")["atlas"]
    assert (told["first"], told["count"]) == (5, 12)
    height, width = load_image("map.png").shape[-2:]
    assert width > 4 * 32 < height
    assert call("atlas", trained, "-o", "map.html", "--count", "12")[0] == 2


def test_without_drawings_it_is_said_and_bookmarks_are_keys_of_walks(trained, call, here):
    code, out, err = call("atlas", trained, "--count", "4")
    assert (code, out[0]) == (0, str(trained / "atlas.html"))
    assert "without the drawings" in err[0]
    assert "drawings were not found" in (here / "trained/atlas.html").read_text()
    marks = ("--bookmark", "a=3", "--bookmark", "b=0.5*a+0.5*9 - 1*pca-2")
    assert call("atlas", trained, *marks)[0] == 0
    film = call("walk", trained, "-o", "w.mkv", "--keys", "a,b,7", "--frames", "3", "--pace", "raw")
    assert film[:2] == (0, ["w.mkv"])
    told = read_recipe("w.mkv")["walk"]["keys"]
    assert (set(told), told["words"]) == ({"w", "count", "words"}, "a,b,7")
    assert call("atlas", trained, "--forget", "a")[0] == 0
    assert "is no bookmark" in call("walk", trained, "-o", "v.mkv", "--keys", "a,b")[2][0]


def test_directions_are_found_once_for_each_generator(trained, call):
    kept = trained / "directions.safetensors"
    assert call("atlas", trained, "--bookmark", "a=3")[0] == 0
    found, written = kept.read_bytes(), kept.stat()
    assert call("atlas", trained, "--bookmark", "b=a + sefa-1")[0] == 0
    assert call("atlas", trained, "--forget", "a")[0] == 0
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    kept.write_bytes(b"damaged")
    assert call("atlas", trained, "--forget", "b")[0] == 0  # which needs none
    assert kept.read_bytes() == b"damaged"
    assert call("atlas", trained, "--bookmark", "c=3 + sefa-1")[0] == 0
    assert kept.read_bytes() == found


def test_a_piece_of_a_drawing_is_found(trained, pages, call):
    with Image.open(pages / "<b>&1.png") as page:
        page.crop((104, 134, 136, 166)).save("piece.png")
    code, out, _ = call(
        "atlas", trained, "--nearest", "piece.png", "--drawings", "pages", "--tiles", "64"
    )
    assert code == 0
    x, y = map(
        int, re.fullmatch(r"page <b>&1\.png at (\d+), (\d+) \((?:0\.9\d|1\.00)\)", out[0]).groups()
    )
    assert abs(x - 120) <= 1
    assert abs(y - 150) <= 1
    code, out, _ = call(
        "atlas", trained, "--nearest", "3 + sefa-1", "--drawings", "pages", "--tiles", "64"
    )
    assert (code, len(out)) == (0, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--count", "3"], "--count: 3"),
        (["--tiles", "3"], "--tiles: 3"),
        (["--first", "-1"], "--first: -1"),
        (["--truncation", "nan"], "--truncation: nan"),
        (["-o", "map.txt"], ".html"),
        (["-o", "none/map.html"], "no folder none"),
        (["--bookmark", "a"], "NAME=PLACE"),
        (["--bookmark", "3=4"], "begins with a letter"),
        (["--bookmark", "a=4", "--count", "9"], "--count means nothing"),
        (["--bookmark", "a=4", "--nearest", "4"], "stands alone"),
        (["--forget", "a"], "is no bookmark"),
        (["--nearest", "gone.png", "--drawings", "pages"], "gone.png"),
        (["--drawings", "pages"], "pages"),
    ],
)
def test_mistakes_are_one_line_and_no_map_is_written(trained, refused, here, options, said):
    assert said in refused("atlas", trained, *options)
    assert not list(here.rglob("*.html"))
    assert not (trained / "bookmarks.json").exists()
