"""One thing in many styles, from the same seed."""

from mutoscope import esrgan, generate
from mutoscope.engine import VQGAN_CLIP_Config

STYLES = (
    "oil painting", "watercolour", "pencil sketch", "woodcut", "stained glass", "mosaic",
    "impressionism", "art nouveau", "pixel art", "blueprint", "made of insects", "knitted",
)  # fmt: skip


def main(config=None, out="example media", styles=STYLES, iterations=1000, upscale=True):
    """Make a picture for each style, named after it."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[256, 144], seed=1)
    for style in styles:
        prompt = f"A Victorian House on a hill | {style}"
        path = f"{out}/styles/{style}.jpg"
        print(generate.image(path, config, prompt, iterations=iterations))
    if upscale:
        esrgan.inference_realesrgan(f"{out}/styles", output_images_path=f"{out}/styles, larger")


if __name__ == "__main__":
    main()
