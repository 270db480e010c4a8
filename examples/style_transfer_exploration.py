"""The first frames of footage by many weights and iterations; the last of each tells enough."""

from itertools import product
from pathlib import Path
from shutil import copyfile

from mutoscope import generate, video_tools
from mutoscope.engine import VQGAN_CLIP_Config

WEIGHTS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
ITERATIONS = (5, 10, 15, 30, 60, 100)


def main(
    config=None, video="input video.mp4", out="example media", rate=30, frames=10, weights=WEIGHTS,
    iterations=ITERATIONS, prompt="portrait covered in spiders | horror: 0.5",
):  # fmt: skip
    """Keep the last frame of each combination in ``explored``, named after it."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[256, 256], seed=1)
    footage = video_tools.extract_video_frames(video, rate, f"{out}/footage")[:frames]
    kept = Path(out, "explored")
    kept.mkdir(parents=True, exist_ok=True)
    for weight, steps in product(weights, iterations):
        name = f"weight {weight}, iterations {steps}"
        generate.style_transfer(
            footage, config, prompt, iterations_per_frame=steps, iterations_for_first_frame=steps,
            current_source_frame_image_weight=weight,
            generated_video_frames_path=f"{out}/exploring/{name}",
        )  # fmt: skip
        copyfile(f"{out}/exploring/{name}/{Path(footage[-1]).stem}.jpg", kept / f"{name}.jpg")


if __name__ == "__main__":
    main()
