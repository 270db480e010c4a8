"""``log.jsonl``: one line of JSON a step, appended whole, cut back when a run is rewound.

Nothing that differs between equal runs belongs in it, no clock and no path: the log of a resumed
run equals that of the run never stopped.
"""

import contextlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope import atomic


def line(record: Mapping[str, Any]) -> str:
    """A record as a line; tensors of one number become that number, NaN and infinity null."""
    values = {key: _plain(value) for key, value in record.items()}
    return json.dumps(values, ensure_ascii=False) + "\n"


def append(path: Path, records: Sequence[Mapping[str, Any]], *, durable: bool) -> None:
    """Append lines, and wait for the disk if `durable`.

    Raises:
        OSError: They can't be written; the file is then as it was.
    """
    text = "".join(line(record) for record in records)
    before = length(path)
    try:
        with path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.truncate(path, before)
        raise
    if durable and before == 0:
        atomic.sync_folder(path.parent)


def length(path: Path) -> int:
    """How many bytes the log has, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
