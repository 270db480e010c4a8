"""How much a repainted film flickers: with and without flow_stabilization_weight.

    python benchmarks/flicker.py clip.mp4 "an oil painting of a man" --weights 0 20

The film is painted once for each weight, at otherwise equal settings and seed. Flicker is the mean
squared difference between each frame and the one before it, moved along with the source film, over
the places that can be seen in both. Beside it stands the prompt's loss at the end of the frames: a
film that is held still at the price of its prompt has gained nothing. Any settings key may be given
as KEY=VALUE.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from mutoscope.build import build
from mutoscope.motion.flow import load_flow, track
from mutoscope.motion.video import Follow
from mutoscope.settings import load_settings

BASE = {
    "image_model": "Unlimited Palette",
    "perceptors": "labels",
    "width": 192,
    "height": 160,
    "animation_mode": "Video Source",
    "reencode_each_frame": False,
    "pre_animation_steps": 10,
    "steps_per_frame": 10,
    "save_every": 10,
    "steps_per_scene": 120,
    "cutouts": 8,
    "augmentation": "gentle",
    "cutout_border": 0,
    "smoothing_weight": 1,
    "seed": 1,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint the films, print a line for each, and the ratios to the first."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("prompt")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--weights", nargs="+", default=["0", "20"], metavar="WEIGHT")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    rows = []
    for weight in given.weights:
        row = {"weight": weight, **measure(given.video, given.prompt, weight, given.overrides)}
        rows.append(row)
        print(
            f"flow_stabilization_weight {weight:>6}  flicker {row['flicker']:.5f} "
            f"({row['flicker'] / rows[0]['flicker']:.2f} of the first)  prompt {row['prompt']:.3f}",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def measure(video: Path, prompt: str, weight: str, overrides: Sequence[str]) -> dict[str, float]:
    """Flicker, and the mean loss of the prompt at the frames' ends, of one film."""
    values = {**BASE, "scenes": prompt, "video_path": str(video.absolute())}
    settings = load_settings({**values, "flow_stabilization_weight": weight}, overrides)
    parts = build(settings)
    assert isinstance(parts.motion, Follow)
    frames = [frame for frame in parts.animate() if frame.number is not None]
    label = settings.script.scenes[0].prompts[0].label
    estimator = load_flow("dis")
    apart = []
    for number in range(1, len(frames)):
        found = track(parts.motion.picture(number - 1), parts.motion.picture(number), estimator)
        if found.cut:
            continue
        moved = parts.motion.step(number)(frames[number - 1].image)
        off = (frames[number].image - moved).square().mean(1, keepdim=True) * found.reliable
        apart.append(float(off.sum() / found.reliable.sum()))
    return {
        "flicker": mean(apart),
        "prompt": mean(frame.records[-1][label] for frame in frames[1:]),
    }


if __name__ == "__main__":
    main()
