"""A step as notebooks that join CLIP and a canvas take it, to be measured beside ours.

Written from the description of such loops, not copied from one: cutouts cropped and shrunk one by
one, augmentations one after another with a round trip through hue and saturation, networks as
`stock.py` lays them out, the graph kept, each loss read at each step. The weights of the networks
may want a gradient, as where nobody froze them, or not: ``frozen`` in an order. It reads the same
checkpoint files and paints the same canvases at the same settings: the defaults of PyTTI.

It is called as a script by `turns`, as `case.py` is; both take the same orders.
"""

import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor

import turns
from canvases import Canvas, Fourier, Palette, Pixels, Vqgan
from mutoscope.memory import peak_memory
from stock import Eye, load_eye
from turns import Clock, Figures, Lap, Order, Turn

POWER, BORDER, SMOOTHING = 2.0, 0.25, 0.02


def measure(order: Order, turn: Turn) -> Figures:
    """Steps of the loop.

    ``order`` has canvas (a name, or a VQGAN's file), perceptor (a CLIP file or ``labels``),
    cutouts, size, threads, device, warm and steps; and ``ways``, which of "frozen" and "open" are
    taken in turn. The peak of memory of "frozen" is counted before the first step of "open".
    """
    torch.set_num_threads(order["threads"])
    torch.manual_seed(0)
    device = torch.device(order["device"])
    clock = Clock(order["device"])
    eye = load_eye(order["perceptor"]).to(device)
    canvas = load_canvas(order["canvas"], order["size"]).to(device)
    with torch.no_grad():
        wish = torch.randn_like(eye(torch.zeros(1, 3, eye.size, eye.size, device=device)))
    adam = torch.optim.Adam(canvas.drawn(), lr=canvas.lr)
    networks = torch.nn.ModuleList([eye, *canvas.networks()])

    def step(way: str) -> Lap:
        networks.requires_grad_(way == "open")
        turn()
        start = clock.now()
        told = descend(canvas, eye, wish, adam, order["cutouts"])
        lap = clock.since(start)
        assert all(math.isfinite(value) for value in told.values()), told
        return lap

    laps: dict[str, list[Lap]] = {way: [] for way in order["ways"]}
    peaks = {}
    for way in order["ways"]:
        for _ in range(order["warm"]):
            step(way)
        peaks[way] = peak_memory(device)
    for _ in range(order["steps"]):
        for way, found in laps.items():
            found.append(step(way))
    return {
        way: {
            "seconds": statistics.median(lap.cpu for lap in found),
            "steps_per_second": 1 / statistics.median(lap.wall for lap in found),
            "peak_bytes": peaks[way],
        }
        for way, found in laps.items()
    }


def load_canvas(name: str, side: int) -> Canvas:
    """The canvas called ``name``, or that of the VQGAN in the file ``name``."""
    kinds = {"Unlimited Palette": Pixels, "Limited Palette": Palette, "Fourier": Fourier}
    return kinds[name](side) if name in kinds else Vqgan(Path(name), side)


def descend(canvas: Canvas, eye: Eye, wish: Tensor, adam: Any, cutouts: int) -> dict[str, float]:
    """One step; the losses as they were read."""
    adam.zero_grad()
    image = canvas()
    losses = {"smoothing": SMOOTHING * total_variation(image), **canvas.losses()}
    batch = noisy(augmented(cut(image, cutouts, eye.size)))
    seen = F.normalize(eye(batch), dim=-1)
    apart = (seen - F.normalize(wish, dim=-1)).norm(dim=-1)
    losses["prompt"] = apart.div(2).arcsin().pow(2).mul(2).mean()
    total = sum(losses.values(), torch.zeros((), device=image.device))
    total.backward(retain_graph=True)
    adam.step()
    canvas.update()
    return {name: loss.item() for name, loss in {**losses, "total": total}.items()}


def total_variation(image: Tensor) -> Tensor:
    """The mean of squared forward differences."""
    import torch.nn.functional as F  # noqa: N812 - the name that the field gives it

    padded = F.pad(image, (0, 1, 0, 1), "replicate")
    across = padded[..., :-1, 1:] - padded[..., :-1, :-1]
    down = padded[..., 1:, :-1] - padded[..., :-1, :-1]
    return (across**2 + down**2).mean()


# --- cutouts -------------------------------------------------------------------------------------


def cut(image: Tensor, count: int, side: int) -> Tensor:
    """Cutouts (count, 3, side, side) of ``image`` (1, 3, H, W), each shrunk by itself."""
    height, width = image.shape[-2:]
    shorter = min(width, height)
    pieces = []
    for _ in range(count):
        share = torch.zeros(1).normal_(0.8, 0.3).clip(min(1.0, side / shorter), 1.0)
        size = max(1, int(shorter * share**POWER))
        corner = []
        for length in (width, height):
            reach, room = round(length * BORDER), length - size
            place = math.floor(float(torch.rand(())) * (room + 1 + 2 * reach) - reach)
            corner.append(min(max(place, 0), room))
        x, y = corner
        piece = image[:, :, y : y + size, x : x + size]
        pieces.append(F.adaptive_avg_pool2d(piece, side))
    return torch.cat(pieces)


def augmented(batch: Tensor) -> Tensor:
    """``batch`` (n, 3, s, s) after one change after another, each for some of the pictures."""
    changes: list[tuple[float, Callable[[Tensor], Tensor]]] = [
        (0.3, lambda some: some.flip(-1)),
        (0.8, affine),
        (0.4, perspective),
        (0.7, colours),
        (0.7, erased),
    ]
    for chance, change in changes:
        chosen = torch.rand(len(batch), device=batch.device) < chance
        if chosen.any():
            changed = batch.clone()
            changed[chosen] = change(batch[chosen])
            batch = changed
    return batch


def affine(batch: Tensor) -> Tensor:
    """Turned by up to 30° and shifted by up to a tenth."""
    n = len(batch)
    angle = (torch.rand(n) * 2 - 1) * math.radians(30)
    shift = (torch.rand(n, 2) * 2 - 1) * 0.2
    rows = [angle.cos(), -angle.sin(), shift[:, 0], angle.sin(), angle.cos(), shift[:, 1]]
    maps = torch.stack(rows, dim=1).view(n, 2, 3).to(batch.device)
    grid = F.affine_grid(maps, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def perspective(batch: Tensor) -> Tensor:
    """Each corner moved inward by up to a tenth of the side."""
    n, side = len(batch), batch.shape[-1]
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    moved = corners * (1 - 0.2 * torch.rand(n, 4, 2))
    # Eight unknowns from four corners: each seen corner to where it was.
    x, y = corners.expand(n, 4, 2).unbind(-1)
    u, v = moved.unbind(-1)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    across = torch.stack([x, y, one, none, none, none, -u * x, -u * y], dim=-1)
    down = torch.stack([none, none, none, x, y, one, -v * x, -v * y], dim=-1)
    solved = torch.linalg.solve(torch.cat([across, down], 1), torch.cat([u, v], 1)[..., None])
    maps = torch.cat([solved[..., 0], torch.ones(n, 1)], dim=1).view(n, 3, 3)
    line = torch.linspace(-1, 1, side)
    places = torch.stack([line.expand(side, side), line[:, None].expand(side, side),
                          torch.ones(side, side)], dim=-1)  # fmt: skip
    grid = (places.view(1, -1, 3) @ maps.transpose(1, 2)).view(n, side, side, 3)
    grid = (grid[..., :2] / grid[..., 2:]).to(batch.device)
    return F.grid_sample(batch, grid, align_corners=True)


def colours(batch: Tensor) -> Tensor:
    """Hue turned by up to a hundredth and saturation changed as little, each by way of HSV."""
    shape = (len(batch), 1, 1)
    h, s, v = to_hsv(batch)
    turned = h + 0.02 * torch.rand(shape, device=batch.device) - 0.01
    h, s, v = to_hsv(to_rgb(turned % 1, s, v))
    stronger = s * (1 + 0.02 * torch.rand(shape, device=batch.device) - 0.01)
    return to_rgb(h, stronger.clamp(0, 1), v)


def to_hsv(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in turns, saturation and value, each (n, h, w), of ``rgb`` (n, 3, h, w)."""
    value, which = rgb.max(dim=1)
    range_ = value - rgb.min(dim=1).values
    r, g, b = ((value[:, None] - rgb) / torch.where(range_ == 0, 1, range_)[:, None]).unbind(1)
    sides = torch.stack([b - g, 2 + r - b, 4 + g - r], dim=1)
    hue = sides.gather(1, which[:, None])[:, 0] / 6 % 1
    return hue, range_ / (value + 1e-8), value


def to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The way back: (n, 3, h, w)."""
    sector = (hue * 6).floor()
    rest = hue * 6 - sector
    low, falls = value * (1 - saturation), value * (1 - rest * saturation)
    rises = value * (1 - (1 - rest) * saturation)
    table = torch.stack([value, falls, low, low, rises, value,
                         rises, value, value, falls, low, low,
                         low, low, rises, value, value, falls], dim=1)  # fmt: skip
    index = torch.stack([sector.long() % 6 + 6 * channel for channel in range(3)], dim=1)
    return table.gather(1, index)


def erased(batch: Tensor) -> Tensor:
    """A rectangle of 10 to 40 % of each picture black."""
    side, mask = batch.shape[-1], torch.ones_like(batch[:, :1])
    for index in range(len(batch)):
        area, ratio = 0.1 + 0.3 * float(torch.rand(())), 0.3 + 3.03 * float(torch.rand(()))
        high, wide = (min(side, max(1, round(side * math.sqrt(area * r)))) for r in
                      (ratio, 1 / ratio))  # fmt: skip
        top, left = (int(torch.randint(side - length + 1, ())) for length in (high, wide))
        mask[index, :, top : top + high, left : left + wide] = 0
    return batch * mask


def noisy(batch: Tensor) -> Tensor:
    """With noise of up to a tenth in each."""
    strength = 0.1 * torch.rand(len(batch), 1, 1, 1, device=batch.device)
    return batch + strength * torch.randn_like(batch)


if __name__ == "__main__":
    turns.play(measure)
