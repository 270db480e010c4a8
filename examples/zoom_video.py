"""A film that zooms and drifts through three prompts."""

from mutoscope import generate, video_tools
from mutoscope.engine import VQGAN_CLIP_Config

STORY = (
    "A pastoral landscape painting by Rembrandt ^ A black dog with red eyes in a cave ^ apple pie"
)


def main(
    config=None, out="example media", frames=150, changes=(60, 100), iterations=15, first=500,
    rate=15, smooth=True,
):  # fmt: skip
    """Make ``zoom.mp4``, and ``zoom_4x.mp4`` with four times its frames."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[256, 144])
    stills = f"{out}/zoom frames"
    told = generate.video_frames(
        frames, iterations, first, config, STORY, change_prompts_on_frame=changes,
        generated_video_frames_path=stills, zoom_scale=1.02, shift_x=1, shift_y=1,
        z_smoother=smooth, z_smoother_buffer_len=3, z_smoother_alpha=0.9,
    )  # fmt: skip
    film = f"{out}/zoom.mp4"
    video_tools.encode_video(
        film, rate, stills, metadata_title=STORY, metadata_comment=told, overwrite=True
    )
    video_tools.RIFE_interpolation(film, f"{out}/zoom_4x.mp4", 4, STORY, told, overwrite=True)


if __name__ == "__main__":
    main()
