"""A film of three prompts, one after the other, with nothing that moves but the paint."""

from mutoscope import esrgan, generate, video_tools
from mutoscope.engine import VQGAN_CLIP_Config

STORY = (
    "A pastoral landscape painting by Rembrandt ^ A black dog with red eyes in a cave ^ apple pie"
)


def main(
    config=None, out="example media", frames=150, changes=(60, 100), iterations=30, first=500,
    rate=30, upscale=True, smooth=True,
):  # fmt: skip
    """Make ``video.mp4``, and ``video_4x.mp4`` with four times its frames."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[256, 144])
    stills = f"{out}/video frames"
    told = generate.video_frames(
        frames, iterations, first, config, STORY, change_prompts_on_frame=changes,
        generated_video_frames_path=stills, z_smoother=smooth, z_smoother_buffer_len=3,
        z_smoother_alpha=0.9,
    )  # fmt: skip
    if upscale:
        larger = f"{out}/video frames, larger"
        esrgan.inference_realesrgan(stills, "RealESRGAN_x4plus_anime_6B.pth",
                                    output_images_path=larger)  # fmt: skip
        stills = larger
    film = f"{out}/video.mp4"
    video_tools.encode_video(
        film, rate, stills, metadata_title=STORY, metadata_comment=told, overwrite=True
    )
    video_tools.RIFE_interpolation(film, f"{out}/video_4x.mp4", 4, STORY, told, overwrite=True)


if __name__ == "__main__":
    main()
