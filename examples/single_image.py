"""One picture from words, and the same four times as large."""

from mutoscope import esrgan, generate
from mutoscope.engine import VQGAN_CLIP_Config


def main(config=None, out="example media", iterations=400, upscale=True):
    """Make ``example image.jpg``, and if wanted ``example image_upscaled.jpg``."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[684, 384])
    picture = f"{out}/example image.jpg"
    prompt = "A pastoral landscape painting by Rembrandt"
    print(generate.image(picture, config, prompt, iterations=iterations))
    if upscale:
        esrgan.inference_realesrgan(picture, output_images_path=out)


if __name__ == "__main__":
    main()
