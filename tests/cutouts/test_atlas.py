import pytest
import torch
from torch.nn.functional import interpolate

from mutoscope.cutouts.atlas import _pyramid, make_atlas

TILES = [("wrap", "wrap"), ("wrap", "clamp"), ("clamp", "wrap")]


def picture(size, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, size[1], size[0], generator=rng, dtype=torch.float64)


def repeated(image, borders, times=5):
    across, down = (times if mode == "wrap" else 1 for mode in borders)
    return image.repeat(1, 1, down, across), (down, across)


@pytest.mark.parametrize("borders", TILES)
@pytest.mark.parametrize("size", [(64, 48), (47, 31), (33, 64)])
def test_small_copies_of_a_tile_are_those_of_the_repeated_picture(size, borders):
    image = picture(size)
    big, times = repeated(image, borders)
    copies = _pyramid(image, range(6), borders)
    made = {0: big}
    for k in range(1, 6):
        h, w = copies[k].shape[2:]
        made[k] = interpolate(
            made[max(0, k - 2)], (h * times[0], w * times[1]), mode="bilinear", antialias=True
        )
        top, left = (n * (times[axis] // 2) for axis, n in enumerate((h, w)))
        middle = made[k][..., top : top + h, left : left + w]
        torch.testing.assert_close(copies[k], middle, atol=1e-6, rtol=0)


def test_down_to_a_single_pixel_a_ring_keeps_its_mean():
    image = picture((8, 8))
    copies = _pyramid(image, range(7), ("wrap", "wrap"))
    assert copies[6].shape == (1, 3, 1, 1)
    mean = image.mean((2, 3), keepdim=True)
    torch.testing.assert_close(copies[6], mean, atol=1e-6, rtol=0)


@pytest.mark.parametrize("borders", [*TILES, ("black", "black"), ("wrap", "black")])
def test_the_gradient_is_the_transpose_of_the_making(borders):
    image, other = picture((13, 11)).requires_grad_(), picture((13, 11), seed=1)
    atlas, _ = make_atlas(image, range(1, 4), borders)
    probe = picture((atlas.shape[3], atlas.shape[2]), seed=2)
    atlas.backward(probe)
    difference = (make_atlas(other, range(1, 4), borders)[0] - atlas.detach()).mul(probe).sum()
    torch.testing.assert_close((image.grad * (other - image.detach())).sum(), difference)


def test_around_a_copy_lies_what_its_borders_say():
    image = picture((5, 4))
    atlas, rooms = make_atlas(image, range(1), ("wrap", "black"))
    assert atlas.shape == (1, 3, 6, 7)
    assert torch.equal(atlas[..., 1:5, 1:6], image)
    assert torch.equal(atlas[..., 1:5, 0], image[..., -1])
    assert torch.equal(atlas[..., 1:5, 6], image[..., 0])
    assert (atlas[..., (0, 5), :] == 0).all()
    torch.testing.assert_close(rooms[0, :, 0], torch.tensor([-0.5 / 5, -0.5 / 4]))
