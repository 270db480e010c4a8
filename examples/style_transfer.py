"""Footage painted anew, with its sound."""

from mutoscope import generate, video_tools
from mutoscope.engine import VQGAN_CLIP_Config

PROMPT = "portrait covered in spiders | horror: 0.5"


def main(
    config=None, video="input video.mp4", out="example media", rate=30, iterations=60, first=60,
    smooth=True,
):  # fmt: skip
    """Make ``styled.mp4`` with the sound of ``video``, and ``styled_4x.mp4`` with more frames."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[684, 384])
    footage = video_tools.extract_video_frames(video, rate, f"{out}/footage")
    told = generate.style_transfer(
        footage, config, PROMPT, iterations_per_frame=iterations, iterations_for_first_frame=first,
        current_source_frame_image_weight=3.2, generated_video_frames_path=f"{out}/styled frames",
        z_smoother=smooth, z_smoother_buffer_len=3, z_smoother_alpha=0.9,
    )  # fmt: skip
    silent, film = f"{out}/styled, silent.mp4", f"{out}/styled.mp4"
    video_tools.encode_video(
        silent,
        rate,
        f"{out}/styled frames",
        metadata_title=PROMPT,
        metadata_comment=told,
        overwrite=True,
    )
    video_tools.copy_video_audio(video, silent, film, overwrite=True)
    video_tools.RIFE_interpolation(film, f"{out}/styled_4x.mp4", 4, PROMPT, told, overwrite=True)


if __name__ == "__main__":
    main()
