"""Commands that only tell something answer at once: they load no torch."""

import json
import os
import subprocess
import sys

import torch

from mutoscope.cli import COMMANDS
from mutoscope.images import save_image

# Each with the code that it ends with; what is refused is refused as fast.
LIGHT = [
    ([], 0), (["--help"], 0), (["--version"], 0), (["settings"], 0), (["settings", "cut_pow"], 0),
    (["settings", "cut_pov"], 2), (["show", "made.png"], 0), (["show", "made.png", "--json"], 0),
    (["show", "made.png", "--settings"], 0), (["show", "none.png"], 2),
    (["render", "none.yaml"], 2), (["image", "a", "fox"], 2), (["image", "a fox", "sede=1"], 2),
    *(([command, "--help"], 0) for command in COMMANDS),
]  # fmt: skip
CODE = """
import contextlib, io, json, sys
from mutoscope.cli import run
told = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = run(arguments)
    told.append([code, sorted({"torch", "numpy", "scipy", "cv2", "av", "PIL"} & set(sys.modules))])
print(json.dumps(told))
"""


def test_what_only_tells_something_loads_nothing_heavy(here):
    recipe = {"program": "mutoscope", "version": "0", "settings": {"scenes": "a fox", "seed": 1}}
    save_image(torch.zeros(1, 3, 8, 8), here / "made.png", recipe=recipe)
    command = [sys.executable, "-c", CODE, json.dumps([arguments for arguments, _ in LIGHT])]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    for (arguments, code), (ended, loaded) in zip(LIGHT, json.loads(ran.stdout), strict=True):
        assert (ended, loaded) == (code, []), f"mutoscope {' '.join(arguments)}"
