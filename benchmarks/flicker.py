"""How much a film flickers: with and without flow_stabilization_weight.

    python benchmarks/flicker.py clip.mp4 "an oil painting of a man" --weights 0 20
    python benchmarks/flicker.py photo.png "a volcano" --mode 3D --weights 0 20

The film is painted once for each weight, at otherwise equal settings and seed: along the film that
is given, or by a camera that goes into the picture that is given. Flicker is the mean squared
difference between each frame and the one before it, moved along with the source film or the
camera, over the places that can be seen in both. Beside it stands the prompt's loss at the end of
the frames: a film that is held still at the price of its prompt has gained nothing. Any settings
key may be given as KEY=VALUE, before --weights.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from torch import Tensor

from mutoscope.build import Parts, build
from mutoscope.motion.carried import Carrying
from mutoscope.motion.flow import load_flow, track
from mutoscope.motion.video import Follow
from mutoscope.settings import load_settings

BASE = {
    "image_model": "Unlimited Palette",
    "perceptors": "labels",
    "width": 192,
    "height": 160,
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
MODES: dict[str, dict[str, object]] = {
    "Video Source": {"reencode_each_frame": False},
    "2D": {"zoom_x_2d": 5, "zoom_y_2d": 4},
    "3D": {"translate_z_3d": 60, "translate_x": 2},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint the films, print a line for each, and the ratios to the first."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="a film, or with 2D and 3D a picture")
    parser.add_argument("prompt")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--mode", choices=MODES, default="Video Source")
    parser.add_argument("--weights", nargs="+", default=["0", "20"], metavar="WEIGHT")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    rows = []
    for weight in given.weights:
        measured = measure(given.source, given.prompt, weight, given.overrides, mode=given.mode)
        row = {"weight": weight, **measured}
        rows.append(row)
        print(
            f"flow_stabilization_weight {weight:>6}  flicker {row['flicker']:.5f} "
            f"({row['flicker'] / rows[0]['flicker']:.2f} of the first)  prompt {row['prompt']:.3f}",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def measure(
    source: Path, prompt: str, weight: str, overrides: Sequence[str], *, mode: str
) -> dict[str, float]:
    """Flicker, and the mean loss of the prompt at the frames' ends, of one film."""
    key = "video_path" if mode == "Video Source" else "init_image"
    values = {**BASE, **MODES[mode], "scenes": prompt, "animation_mode": mode}
    values |= {key: str(source.absolute()), "flow_stabilization_weight": weight}
    settings = load_settings(values, overrides)
    parts = build(settings)
    frames = [frame for frame in parts.animate() if frame.number is not None]
    images = [frame.image for frame in frames]
    follow = parts.motion if isinstance(parts.motion, Follow) else None
    moved = along_film(follow, images) if follow is not None else along_camera(parts, images)
    label = settings.script.scenes[0].prompts[0].label
    return {
        "flicker": mean(apart(images[number], *past) for number, *past in moved),
        "prompt": mean(frame.records[-1][label] for frame in frames[1:]),
    }


def apart(image: Tensor, before: Tensor, mask: Tensor) -> float:
    """The mean squared difference of two pictures (1, 3, H, W) where ``mask`` (1, 1, H, W) is 1."""
    off = (image - before).square().mean(1, keepdim=True) * mask
    return float(off.sum() / mask.sum())


def along_film(follow: Follow, images: Sequence[Tensor]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Each frame's number, the frame before it moved along, and where that can be believed."""
    estimator = load_flow("dis")
    for number in range(1, len(images)):
        found = track(follow.picture(number - 1), follow.picture(number), estimator)
        if not found.cut:
            yield number, follow.step(number)(images[number - 1]), found.reliable


def along_camera(parts: Parts, images: Sequence[Tensor]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """The same, moved as the camera moves, which is known exactly."""
    assert parts.motion is not None
    camera = Carrying(parts.motion)
    for shot in parts.schedule.shots():
        number = shot.moment.frame
        if shot.moves and number < len(images):
            camera(images[number - 1], shot)
            for past in camera.carried(number):
                yield number, past.picture, past.mask


if __name__ == "__main__":
    main()
