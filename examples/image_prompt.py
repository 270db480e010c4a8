"""A picture that resembles another one."""

from mutoscope import esrgan, generate
from mutoscope.engine import VQGAN_CLIP_Config


def main(config=None, picture="input image.jpg", out="example media", iterations=200, upscale=True):
    """Make ``example image.jpg`` from what a perceptor sees in ``picture``."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[448, 448])
    made = f"{out}/example image.jpg"
    print(generate.image(made, config, image_prompts=picture, iterations=iterations))
    if upscale:
        esrgan.inference_realesrgan(made, output_images_path=out)


if __name__ == "__main__":
    main()
