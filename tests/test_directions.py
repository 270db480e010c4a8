"""Imports point one way: cli → api → build, run → methods → parts → ground."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mutoscope

ROOT = Path(mutoscope.__file__).parent

# A module may import from its own row only where it is the same package, and from rows above.
LAYERS = [
    ["errors"],
    ["home"],
    [
        *["atomic", "closable", "colours", "elsewhere", "expressions", "fence", "names", "process"],
        *["tokens", "vqgan_names"],
    ],
    ["curves", "explore", "lock", "report"],
    ["script"],
    ["settings"],
    ["schedule"],
    ["provenance", "fetch", "media", "weights"],
    ["sources"],
    ["images", "memory"],
    ["lettering"],
    ["sheet"],
    ["cutouts"],
    ["look", "slope"],
    ["gan", "vqgan"],
    [
        *["canvas", "chart", "depth", "drawings", "frames", "motion", "paths", "perceptors"],
        *["sound", "terms"],
    ],
    ["descent", "dissolve", "smoothing"],
    ["paint"],
    ["run"],
    ["training"],
    ["finish", "picking", "plan", "quality"],
    ["build"],
    ["profile"],
    ["perform", "train_gan", "train_vqgan", "walk"],
    ["crew"],
    ["atlas", "preview", "retake", "sweep"],
    ["api", "networks", "notebook"],
    ["doctor"],
    ["vqgan_clip"],
    ["_functional", "engine", "esrgan", "generate", "video_tools"],
    ["studio"],
    ["cli"],
    ["__main__"],
]
# The same within the studio, whose pages are folders: what stands before them knows no page.
STUDIO = [
    ["bringing", "login", "look", "meanwhile", "place"],
    ["complaints", "guard", "thumbs"],
    ["files", "queue"],
    ["shared"],
    ["shell"],
    ["app"],
    ["compose", "drawings"],
    ["gallery", "timeline"],
    ["render"],
]
GROUND = [
    *["errors", "home", "colours", "expressions", "tokens", "curves", "explore", "script", "names"],
    *["vqgan_names", "settings", "schedule", "sources"],
]


def modules(root=ROOT):
    return sorted(p for p in root.rglob("*.py") if p != root / "__init__.py")


def part_of(path, root):
    first = path.relative_to(root).parts[0]
    return first.removesuffix(".py")


def imported_parts(path, package):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module == package:
                names = [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(f"{package}."):
                yield name.removeprefix(f"{package}.").split(".")[0]


def assert_points_one_way(path, rows, root, package):
    rank = {name: number for number, row in enumerate(rows) for name in row}
    part = part_of(path, root)
    assert part in rank, f"{part} has no place in the house yet: give it one"
    for other in imported_parts(path, package):
        if other in rank and other != part:
            assert rank[other] < rank[part], f"{path.name} imports {other}, which stands above it"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    assert_points_one_way(path, LAYERS, ROOT, "mutoscope")


@pytest.mark.parametrize(
    "path", modules(ROOT / "studio"), ids=lambda p: str(p.relative_to(ROOT / "studio"))
)
def test_imports_within_the_studio_point_one_way(path):
    assert_points_one_way(path, STUDIO, ROOT / "studio", "mutoscope.studio")


def test_the_ground_imports_no_torch():
    code = (
        "import sys\n"
        + "".join(f"import mutoscope.{name}\n" for name in GROUND)
        + "print(sorted({'torch', 'numpy', 'av', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_public_name_is_there_and_listed_in_order():
    assert mutoscope.__all__ == sorted(mutoscope.__all__)
    for name in mutoscope.__all__:
        assert getattr(mutoscope, name) is not None


def test_importing_the_package_runs_nothing_heavy():
    code = "import sys, mutoscope; print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
