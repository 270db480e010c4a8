"""The same words drawn by several VQGANs."""

from mutoscope import generate
from mutoscope.engine import VQGAN_CLIP_Config

MODELS = (
    "vqgan_imagenet_f16_16384", "vqgan_imagenet_f16_1024", "vqgan_gumbel_f8", "sflckr",
    "coco_transformer",
)  # fmt: skip


def main(config=None, out="example media", models=MODELS, iterations=400):
    """Make a picture with each model, named after it."""
    if config is None:
        config = VQGAN_CLIP_Config(output_image_size=[684, 384], seed=1)
    for number, model in enumerate(models, 1):
        config.vqgan_model_name = model
        path = f"{out}/model {number}.jpg"
        print(generate.image(path, config, "A pastoral landscape", iterations=iterations))


if __name__ == "__main__":
    main()
