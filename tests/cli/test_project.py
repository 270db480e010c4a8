import torch

from mutoscope.gan.files import generator_file, read_generator
from mutoscope.images import load_image, save_image
from mutoscope.walk.keys import keys_from


def drawn(model, number):
    z = torch.randn(1, 16, generator=torch.Generator().manual_seed(number))
    image = model.synthesise(model.truncate(model.map(z), 0.7)).detach()
    return ((image.expand(-1, 3, -1, -1) + 1) / 2).clamp(0, 1)


def test_a_likeness_is_found_and_its_style_is_a_key_of_walks(call, here, small_generator):
    model = read_generator(generator_file(small_generator))
    save_image(drawn(model, 5), here / "bird.png")
    code, out, err = call("project", here / "bird.png", small_generator, "-o", here / "like.png",
                          "--keys", here / "k.json", "--steps", "60")  # fmt: skip
    assert (code, out) == (0, [str(here / "like.png"), str(here / "k.json")])
    one, many = (float(line.split()[-2]) for line in err)
    assert many >= one
    like, bird = load_image(here / "like.png"), load_image(here / "bird.png")
    grey = (bird - bird.mean()).square().mean()
    assert float((like - bird).square().mean()) < 0.3 * float(grey)
    keys = keys_from(here / "k.json", z=16, w=16)
    assert (keys.space, keys.vectors.shape) == ("w", (1, 16))


def test_nothing_is_overwritten_and_what_is_missing_is_said(call, refused, here, small_generator):
    save_image(torch.rand(1, 3, 20, 30), here / "a.png")
    (here / "like.png").write_text("mine")
    assert "like.png" in refused(
        "project", here / "a.png", small_generator, "-o", here / "like.png"
    )
    assert (here / "like.png").read_text() == "mine"
    assert "gone" in refused("project", here / "a.png", here / "gone", "-o", here / "b.png")
    assert not (here / "b.png").exists()
