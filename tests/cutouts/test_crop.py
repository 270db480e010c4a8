from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from mutoscope.cutouts import AUGMENTATIONS, Augmentation, Cutouts

PLAIN = {"augmentation": "none"}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def photograph_like(size, seed=0):
    """Noise with the 1/f amplitude spectrum that photographs have."""
    width, height = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    spectrum = torch.randn(1, 3, *f.shape, dtype=torch.cfloat, generator=rng(seed))
    image = torch.fft.irfft2(spectrum / f.clamp_min(1 / max(size)), s=(height, width))
    return (image / image.std() * 0.15 + 0.5).clamp(0, 1)


def reference(image, box, side):
    x, y, s = (int(v) for v in box)
    region = image[..., y : y + s, x : x + s]
    return interpolate(region, (side, side), mode="bilinear", antialias=True)[0]


@pytest.mark.parametrize(
    ("size", "side"),
    [((256, 192), 224), ((320, 256), 128), ((512, 512), 224), ((512, 512), 128), ((512, 512), 64)],
)
def test_cutouts_agree_with_an_exact_antialiased_filter(size, side):
    image = photograph_like(size)
    cuts = Cutouts(24, border=0, power=1, **PLAIN).draw(rng(1), size, side)
    errors = []
    for cut, box in zip(cuts.crop(image), cuts.boxes, strict=True):
        exact = reference(image, box, side)
        inner = (cut - exact)[:, 2:-2, 2:-2]  # the reference does not see past the box
        errors.append((inner.square().mean().sqrt() / exact.std()).item())
    assert max(errors) < 0.16
    assert sum(errors) / len(errors) < 0.09


def test_the_whole_picture_at_its_own_size_is_itself():
    image = torch.rand(1, 3, 48, 48)
    cuts = Cutouts(2, power=0, **PLAIN).draw(rng(), (48, 48), 48)
    torch.testing.assert_close(cuts.crop(image), image.expand(2, 3, 48, 48), atol=1e-5, rtol=0)


def test_enlarged_cutouts_are_bilinear():
    image = torch.rand(1, 3, 40, 40)
    cuts = Cutouts(5, power=1, border=0, sizes="uniform", smallest=0.3, **PLAIN).draw(
        rng(2), (40, 40), 64
    )
    for cut, box in zip(cuts.crop(image), cuts.boxes, strict=True):
        inner = (cut - reference(image, box, 64))[:, 4:-4, 4:-4]
        assert inner.abs().max() < 1e-4


@pytest.mark.parametrize("ratio", [2, 3, 4, 6, 8])
def test_what_is_too_fine_for_a_cutout_becomes_flat(ratio):
    side = 32
    n = side * ratio
    board = ((torch.arange(n)[:, None] + torch.arange(n)[None]) % 2).float().expand(1, 3, n, n)
    cut = Cutouts(1, power=0, **PLAIN).draw(rng(), (n, n), side).crop(board)
    assert cut.mean().item() == pytest.approx(0.5, abs=0.01)
    assert cut[..., 1:-1, 1:-1].std() < 0.03  # read without the copies it would be 0.5


def value_at(mode, x, y, ramp):
    """The picture's value past its edge, by each border's definition, for whole pixels."""
    n = ramp.shape[-1]
    if mode == "black" and not (0 <= x < n and 0 <= y < n):
        return 0.0
    fold = {
        "mirror": lambda v: min(v % (2 * n), 2 * n - 1 - v % (2 * n)),
        "wrap": lambda v: v % n,
    }.get(mode, lambda v: min(max(v, 0), n - 1))
    return ramp[0, 0, fold(y), fold(x)].item()


@pytest.mark.parametrize("mode", ["mirror", "wrap", "black", "smear"])
def test_borders_follow_their_mode_without_padding_the_picture(mode):
    n = 16
    image = torch.rand(1, 3, n, n, generator=rng(7))
    # Boxes as large as the picture and read at its scale: pixel for pixel.
    cuts = Cutouts(40, power=0, border=0.5, border_mode=mode, **PLAIN).draw(rng(3), (n, n), n)
    read = cuts.crop(image)
    for cut, box in zip(read, cuts.boxes, strict=True):
        left, top = int(box[0]), int(box[1])
        wanted = [[value_at(mode, left + j, top + i, image) for j in range(n)] for i in range(n)]
        torch.testing.assert_close(cut[0], torch.tensor(wanted), atol=2e-4, rtol=0)
    assert (cuts.boxes[:, 0] < 0).any()


def test_borders_hold_in_the_small_copies_too():
    image = torch.ones(1, 3, 128, 128)
    rotated = Augmentation(affine=1, turn=45)
    for mode, least in (("clamp", 1.0), ("mirror", 1.0), ("wrap", 1.0), ("black", 0.0)):
        cuts = Cutouts(12, power=0, border_mode=mode, augmentation=rotated).draw(
            rng(4), (128, 128), 24
        )
        read = cuts.crop(image)
        assert read.min().item() == pytest.approx(least, abs=1e-5)
        assert read.max().item() == pytest.approx(1.0, abs=1e-5)


def test_an_augmentation_that_looks_past_its_box_sees_the_picture_there():
    image = torch.zeros(1, 3, 64, 128)
    image[..., 64:] = 1.0
    change = Augmentation(affine=1, shift=(0.25, 0.0))
    cuts = Cutouts(200, border=0, sizes="uniform", smallest=0.4, augmentation=change)
    drawn = cuts.draw(rng(5), (128, 64), 32)
    read = drawn.crop(image)
    inside = drawn.boxes[:, 0] + drawn.boxes[:, 2] <= 62  # boxes of black alone
    saw = read[inside].amax((1, 2, 3))
    assert inside.any()
    assert (saw == 1).any()  # white from beside the box, not its own edge smeared


@pytest.mark.parametrize("mode", ["clamp", "wrap"])
def test_parts_are_the_same_pixels_as_the_whole(mode):
    image = torch.rand(1, 3, 96, 80)
    cuts = Cutouts(7, border_mode=mode).draw(rng(6), (80, 96), 32)
    whole = cuts.crop(image)
    parts = torch.cat([cuts.crop(image, slice(0, 3)), cuts.crop(image, slice(3, 7))])
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=0)


def test_noise_has_its_strength_and_is_white():
    cuts = Cutouts(200, augmentation="none", noise=0.1).draw(rng(8), (32, 32), 32)
    noise = cuts.crop(torch.full((1, 3, 32, 32), 0.5)) - 0.5
    strength = noise.flatten(1).std(1)
    torch.testing.assert_close(strength, cuts.noise.float(), atol=0.006, rtol=0)
    assert strength.max() < 0.107
    assert strength.mean().item() == pytest.approx(0.05, abs=0.006)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert abs(neighbours.item()) < 0.01


def test_erased_rectangles_are_black_before_the_noise():
    cuts = Cutouts(50, noise=0).draw(rng(9), (64, 64), 32)
    read = cuts.crop(torch.ones(1, 3, 64, 64))
    black = (read == 0).all(1).float().mean((1, 2))
    area = (cuts.erased[:, 2] - cuts.erased[:, 0]) * (cuts.erased[:, 3] - cuts.erased[:, 1])
    torch.testing.assert_close(black, area.float(), atol=0.06, rtol=0)
    assert (black > 0.08).any()
    assert (black == 0).any()


@pytest.mark.parametrize("mode", ["clamp", "mirror", "wrap", "black", "smear"])
def test_the_gradient_is_the_transpose_of_the_reading(mode):
    image, other = torch.rand(2, 1, 3, 44, 52, dtype=torch.float64, generator=rng(11)).unbind(0)
    cuts = Cutouts(5, power=1, border_mode=mode).draw(rng(10), (52, 44), 16)
    read = cuts.crop(image.requires_grad_())
    probe = torch.rand(read.shape, dtype=torch.float64, generator=rng(12))
    read.backward(probe)
    # Reading is affine in the picture, so the gradient must give any difference exactly.
    difference = (cuts.crop(other) - read.detach()).mul(probe).sum()
    torch.testing.assert_close((image.grad * (other - image.detach())).sum(), difference)


def test_a_picture_of_another_size_is_refused():
    cuts = Cutouts(2).draw(rng(), (32, 24), 16)
    with pytest.raises(ValueError, match="cuts of a"):
        cuts.crop(torch.rand(1, 3, 32, 24))


@pytest.mark.parametrize("tile", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize(("size", "side"), [((64, 48), 48), ((40, 56), 64)])
def test_a_tile_is_read_as_if_it_were_repeated(tile, size, side):
    """Through rotation, shift and perspective, and whatever lies beyond the other axis."""
    image = torch.rand(1, 3, size[1], size[0], generator=rng(13), dtype=torch.float64)
    change = replace(AUGMENTATIONS["pytti"], noise=(0.0, 0.0))
    cuts = Cutouts(30, power=1, tile=tile, border_mode="mirror", augmentation=change).draw(
        rng(14), size, side
    )
    assert cuts._levels == range(1)  # that of smaller copies is the atlas's own test
    across, down = (5 if tiled else 1 for tiled in tile)
    centred = [[1 / across, 0, across // 2 / across], [0, 1 / down, down // 2 / down], [0, 0, 1]]
    big = replace(
        cuts,
        image_size=(size[0] * across, size[1] * down),
        borders=("mirror", "mirror"),
        maps=torch.tensor(centred, dtype=torch.float64) @ cuts.maps,
    )
    torch.testing.assert_close(
        cuts.crop(image), big.crop(image.repeat(1, 1, down, across)), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(("side", "level"), [(48, 0), (20, 2)])
def test_a_tile_has_no_beginning(side, level):
    """Rolled, and cut as far away, it shows the same."""
    image = torch.rand(1, 3, 48, 64, generator=rng(15))
    tile = Cutouts(20, power=0, tile=(True, True), augmentation="none")
    cuts = tile.draw(rng(16), (64, 48), side)
    assert cuts._levels == range(level, level + 1)
    by = torch.tensor([32.0, 24.0, 0.0])  # whole pixels of the copy half as large, too
    share = by[:2] / torch.tensor(cuts.image_size)
    there = replace(cuts, boxes=cuts.boxes + by, maps=moved(cuts.maps, share))
    rolled = image.roll((24, 32), (2, 3))
    torch.testing.assert_close(there.crop(rolled), cuts.crop(image), atol=2e-4, rtol=0)


def moved(maps, by):
    maps = maps.clone()
    maps[:, :2, 2] += by
    return maps


@pytest.mark.parametrize("mode", ["clamp", "mirror", "wrap", "black", "smear"])
@pytest.mark.parametrize("tile", [(False, False), (True, False)])
def test_pieces_are_what_boxes_show(mode, tile):
    width, height = size = (24, 20)
    image = torch.rand(1, 3, height, width, generator=rng(17))
    cuts = Cutouts(60, power=1, border=0.6, border_mode=mode, tile=tile, augmentation="none").draw(
        rng(18), size, 20
    )
    starts, stops, parts = cuts.pieces
    assert starts.min() >= 0
    assert stops.max() <= 1 + 1e-9
    assert (stops >= starts).all()
    total = parts.sum(1)
    if mode != "black":
        torch.testing.assert_close(total, torch.ones_like(total))
    scale = torch.tensor(size)
    fold = {"mirror": lambda v, n: min(v % (2 * n), 2 * n - 1 - v % (2 * n)),
            "wrap": lambda v, n: v % n}  # fmt: skip
    modes = ["wrap" if tiled else mode for tiled in tile]
    for i, box in enumerate(cuts.boxes.long().tolist()):
        seen = 0.0
        for a, b, part in zip(starts[i] * scale, stops[i] * scale, parts[i], strict=True):
            (x0, y0), (x1, y1) = a.round().long().tolist(), b.round().long().tolist()
            if part > 0:
                seen += part * image[0, 0, y0:y1, x0:x1].mean()
        shown = []
        for down in range(box[2]):
            for across in range(box[2]):
                at = (box[0] + across, box[1] + down)
                if any(m == "black" and not 0 <= v < n
                       for m, v, n in zip(modes, at, size, strict=True)):  # fmt: skip
                    continue
                x, y = (fold.get(m, lambda v, n: min(max(v, 0), n - 1))(v, n)
                        for m, v, n in zip(modes, at, size, strict=True))  # fmt: skip
                shown.append(image[0, 0, y, x].item())
        if shown:
            assert float(seen) == pytest.approx(sum(shown) / len(shown), abs=1e-5)
        else:
            assert total[i] == 0


def test_boxes_that_all_lie_inside_are_one_piece_each():
    cuts = Cutouts(30).draw(rng(19), (40, 30), 16)
    starts, stops, parts = cuts.pieces
    assert torch.equal(parts, torch.ones(30, 1, dtype=torch.float64))
    torch.testing.assert_close(starts[:, 0].float(), cuts.positions)
    torch.testing.assert_close((stops - starts)[:, 0].float(), cuts.sizes)
