"""A film twice as large, with its sound."""

from mutoscope import esrgan, video_tools


def main(video="input video.mp4", out="example media", rate=30, scale=2):
    """Make ``upscaled.mp4``."""
    video_tools.extract_video_frames(video, rate, f"{out}/small frames")
    esrgan.inference_realesrgan(
        f"{out}/small frames", "RealESRGAN_x2plus.pth", output_images_path=f"{out}/large frames",
        outscale=scale,
    )  # fmt: skip
    silent = f"{out}/upscaled, silent.mp4"
    video_tools.encode_video(silent, rate, f"{out}/large frames", overwrite=True)
    video_tools.copy_video_audio(video, silent, f"{out}/upscaled.mp4", overwrite=True)


if __name__ == "__main__":
    main()
