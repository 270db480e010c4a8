"""A film whose camera follows a plan: it stands, then drifts, then zooms."""

from mutoscope import generate, video_tools
from mutoscope.engine import VQGAN_CLIP_Config

STORY = (
    "A pastoral landscape painting by Rembrandt ^ A black dog with red eyes in a cave ^ apple pie"
)


def main(
    config=None, out="example media", frames=300, changes=(60, 100), iterations=15, first=100,
    drift=100, zoom=200, rate=30,
):  # fmt: skip
    """Make ``custom zoom.mp4``, drifting from frame ``drift`` on and zooming from ``zoom``."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[587, 330])
    stills = f"{out}/custom zoom frames"
    told = generate.video_frames(
        frames, iterations, first, config, STORY, change_prompts_on_frame=changes,
        generated_video_frames_path=stills,
        zoom_scale=f"1.02 if frame >= {zoom} else 1",
        shift_x=f"1 if frame >= {drift} else 0", shift_y=f"1 if frame >= {drift} else 0",
    )  # fmt: skip
    video_tools.encode_video(
        f"{out}/custom zoom.mp4",
        rate,
        stills,
        metadata_title=STORY,
        metadata_comment=told,
        overwrite=True,
    )


if __name__ == "__main__":
    main()
