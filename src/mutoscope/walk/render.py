"""A generator as a painter of frames: vectors in, pictures out, a batch ahead of the taker."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from mutoscope.errors import RunError, SettingsError
from mutoscope.gan import Generator, read_generator
from mutoscope.gan.files import NAME, file_digest, read_origin
from mutoscope.gan.origin import Origin, lineage
from mutoscope.images import resize

LARGEST = 8192
"""The largest side of a frame."""

_GLANCE = 32  # pixels, the side at which it is judged how far two pictures are apart
_PIXELS = 2**22  # of a batch on a GPU
_FEW = 2**18  # of a batch on a CPU: more would leave its caches
_MOST = 256


@dataclass(frozen=True, eq=False)
class Renderer:
    """Draws frames of vectors.

    Attributes:
        generator: in evaluation mode, without gradients.
        device: where it lies.
        digest: of its file.
        path: its file.
        size: the side of a frame in pixels; the generator's, if not another.
        batch: how many are drawn at once.
        origin: of the generator, where its file tells.
    """

    generator: Generator
    device: torch.device
    digest: str
    path: Path
    size: int
    batch: int
    origin: Origin | None = None

    @property
    def lineage(self) -> dict[str, Any]:
        """What is behind its pictures, for their recipes."""
        return lineage(self.digest, self.origin)

    @torch.no_grad()
    def images(self, vectors: Tensor, space: str, truncations: Tensor) -> Tensor:
        """Pictures of vectors, (n, d) to (n, C, s, s) in [0, 1], each w truncated by its own psi.

        The grain is the network's own, which stays the same in all: a film does not flicker.
        """
        given = vectors.to(self.device, torch.float32)
        w = self.generator.map(given) if space == "z" else given
        psis = truncations.tolist()
        if len(set(psis)) == 1:
            w = self.generator.truncate(w, psis[0])
        else:
            pairs = zip(w, psis, strict=True)
            w = torch.stack([self.generator.truncate(row, psi) for row, psi in pairs])
        return self.generator.synthesise(w, noise="constant").mul_(0.5).add_(0.5).clamp_(0, 1)

    def glance(self, vectors: Tensor, space: str, truncation: float) -> Tensor:
        """What pictures are compared by, (n, d) to (n, m): small ones, laid out as vectors."""
        seen = []
        for first in range(0, len(vectors), self.batch):
            some = vectors[first : first + self.batch]
            images = self.images(some, space, torch.full((len(some),), truncation))
            small = adaptive_avg_pool2d(images, min(_GLANCE, images.shape[-1]))
            seen.append(small.flatten(1).cpu())
        return torch.cat(seen)

    @torch.no_grad()
    def map(self, z: Tensor) -> Tensor:
        """The w of z, (n, z) to (n, w), on the CPU."""
        return self.generator.map(z.to(self.device, torch.float32)).cpu()

    def mean(self) -> Tensor:
        """The mean of w, (w,), on the CPU."""
        return self.generator.truncate(torch.zeros(1, self.generator.shape.w, device=self.device),
                                       0.0)[0].detach().cpu()  # fmt: skip

    def frames(
        self, total: int, points: Callable[[int, int], tuple[Tensor, Tensor]], space: str
    ) -> Callable[[int], Iterator[Tensor]]:
        """The pictures of a path, (1, 3, s, s) each, from whichever number on.

        While one batch is taken, the next is drawn. Batches begin at the same numbers wherever one
        starts, so that a picture is the same to the bit.

        Args:
            total: how many there are.
            points: the vectors and truncations of frames from one number up to another.
            space: what the vectors are, "z" or "w".
        """

        def drawn(first: int) -> Tensor:
            vectors, truncations = points(first, min(first + self.batch, total))
            return self._finished(self.images(vectors, space, truncations))

        def frames(start: int) -> Iterator[Tensor]:
            if start >= total:
                return
            begin = start - start % self.batch
            with ThreadPoolExecutor(1, "walk") as pool:
                coming = pool.submit(drawn, begin)
                for first in range(begin, total, self.batch):
                    batch = coming.result()
                    if first + self.batch < total:
                        coming = pool.submit(drawn, first + self.batch)
                    for place in range(max(0, start - first), len(batch)):
                        yield batch[place : place + 1]

        return frames

    @torch.no_grad()
    def _finished(self, images: Tensor) -> Tensor:
        """Pictures (n, C, h, h) as they are shown, (n, 3, s, s) on the CPU."""
        images = resize(images, (self.size, self.size))
        if self.device.type != "cpu":
            # A quarter of the bytes to carry, and the film holds no more.
            images = images.mul(255).add(0.5).floor().to(torch.uint8).cpu().float().div(255)
        return images.expand(-1, 3, -1, -1)


def load_renderer(
    path: Path,
    device: torch.device,
    *,
    size: int | None = None,
    batch: int | None = None,
) -> Renderer:
    """The generator in the folder of a training, or in a file, ready to draw.

    Raises:
        RunError: there is no such folder or file, or no generator in it.
        WeightsError: it can't be read.
        SettingsError: the size or the batch is out of range.
    """
    file = file_of(path)
    generator = read_generator(file).eval().requires_grad_(False).to(device)
    own = generator.shape.size
    size = own if size is None else size
    if not 8 <= size <= LARGEST:
        raise SettingsError(f"--size: {size}; allowed are 8 to {LARGEST} pixels")
    if batch is not None and not 1 <= batch <= _MOST:
        raise SettingsError(f"--batch: {batch}; allowed are 1 to {_MOST}")
    room = _FEW if device.type == "cpu" else _PIXELS
    usual = max(1, min(64, room // own**2))
    digest, origin = file_digest(file), read_origin(file)
    return Renderer(generator, device, digest, file, size, batch or usual, origin)


def file_of(path: Path) -> Path:
    """The generator's file in a folder, or the file itself.

    Raises:
        RunError: it is not there.
    """
    if path.is_dir():
        if not (path / NAME).is_file():
            raise RunError(
                f"{path}: holds no {NAME}; give the folder of a training, or a generator's file"
            )
        return path / NAME
    if not path.exists():
        raise RunError(f"{path}: does not exist; give the folder of a training, or a file")
    return path
