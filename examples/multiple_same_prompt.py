"""The same words several times, each time by another seed."""

from mutoscope import esrgan, generate
from mutoscope.engine import VQGAN_CLIP_Config


def main(config=None, out="example media", count=5, iterations=200, upscale=True):
    """Make ``frame_000000000001.jpg`` and so on; one config may serve all of them."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[256, 144])
    prompt = "A pastoral landscape painting by Rembrandt"
    for number in range(1, count + 1):
        config.seed = number
        path = f"{out}/same prompt/frame_{number:012d}.jpg"
        print(generate.image(path, config, prompt, iterations=iterations, save_every=50))
    if upscale:
        esrgan.inference_realesrgan(
            f"{out}/same prompt", output_images_path=f"{out}/same prompt, larger"
        )


if __name__ == "__main__":
    main()
