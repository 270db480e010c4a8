"""What a table of `report.py` is: cases, how each is measured, and how its figures are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from turns import Figures, Order

CHECKPOINTS = "checkpoints"  # the folder with networks of random weights


@dataclass(frozen=True)
class Setup:
    """What holds for all cases. ``folder`` is for files that are made on the way."""

    folder: Path
    device: str = "cpu"
    threads: int = 1
    quick: bool = False
    every: bool = False
    steps: int | None = None
    overrides: tuple[str, ...] = ()

    @property
    def common(self) -> dict[str, object]:
        """The part of an order that is the same for all contestants."""
        return {
            "device": self.device,
            "threads": self.threads,
            "quick": self.quick,
            "folder": str(self.folder),
        }


Orders = Sequence[tuple[str, Order]]


@dataclass(frozen=True)
class Case:
    """One line of a table: ``words`` are its first cells, by which it can be asked for.

    ``needs`` names the networks of random weights whose files must be there, and ``orders`` are
    those of its contestants, scripts of this folder, given those files by name.
    """

    words: tuple[str, ...]
    orders: Callable[[dict[str, str]], Orders]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the results know it by."""
        return ", ".join(self.words)


@dataclass(frozen=True)
class Table:
    """A table: ``told`` says what is compared; ``heads`` begin with those of the cases' words.

    ``cells`` makes the rest of a line of what the contestants of a case have found, in order.
    ``targets`` are lines that say which figures were aimed at.
    """

    name: str
    title: str
    told: str
    heads: tuple[str, ...]
    cases: Callable[[Setup], list[Case]]
    cells: Callable[[list[Figures]], list[str]]
    targets: str = ""
    devices: tuple[str, ...] = field(default=("cpu",))


def percent(share: float) -> str:
    """A share, as it is shown."""
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def seconds(value: float) -> str:
    """Seconds with three digits that count."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def times(ratio: float) -> str:
    """A ratio, as it is shown."""
    return f"{ratio:.2f} ×"


def amount(count: float) -> str:
    """Bytes, as they are shown."""
    return f"{count / 1e9:.2f} GB"
