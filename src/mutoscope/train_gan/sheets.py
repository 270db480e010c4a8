"""Sheets of many small pictures, which a training is looked at by."""

from torch import Tensor

from mutoscope.images import contact_sheet

SHEET = 1536  # its width in pixels, about, where its pictures are small enough
LEAST = 64  # smaller pictures are enlarged to this side
COLUMNS = (4, 12)


def sheet_size(size: int) -> tuple[int, int]:
    """How many columns and rows a sheet of pictures of a side has."""
    columns = min(max(SHEET // max(size, LEAST), COLUMNS[0]), COLUMNS[1])
    return columns, columns // 2


def sheet_of(pictures: Tensor) -> Tensor:
    """Pictures (n, 1 or 3, s, s) in [0, 1] as one sheet (1, 3, H, W), small ones enlarged."""
    columns, _ = sheet_size(pictures.shape[-1])
    times = max(1, LEAST // pictures.shape[-1])
    large = pictures.repeat_interleave(times, dim=-2).repeat_interleave(times, dim=-1)
    cells = list(large.expand(-1, 3, -1, -1)[:, None])
    return contact_sheet(cells, columns=columns, gap=4)
