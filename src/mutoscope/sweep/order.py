"""What was asked for when a sheet or a sweep was begun."""

from dataclasses import dataclass
from typing import Any

from mutoscope.errors import SettingsError

MOST_THREADS = 1024


@dataclass(frozen=True)
class Order:
    """What was asked for: enough to ask again.

    ``count``: seeds, None for one that is not spoken of; ``explored``: whether braces count;
    ``tried``: the overrides with braces. Of a sweep, ``threads`` is how many each of its jobs is
    painted by, since the last bits hang on it, and ``tried`` its axes as they were written; of a
    sheet, which is painted by one process, it is None.
    """

    prompt: str
    count: int | None
    explored: bool
    tried: tuple[str, ...] = ()
    threads: int | None = None

    @property
    def title(self) -> str:
        """What the sheet shows, in one line."""
        return "  ".join(part for part in [self.prompt, *self.tried] if part)

    @property
    def swept(self) -> bool:
        """Whether it is a sweep's."""
        return self.threads is not None


def write_order(order: Order) -> dict[str, Any]:
    """An order as JSON holds it."""
    return {
        "prompt": order.prompt,
        "count": order.count,
        "explored": order.explored,
        "tried": list(order.tried),
        **({"threads": order.threads} if order.swept else {}),
    }


def read_order(told: Any) -> Order:
    """An order as it is written in a recipe or file, checked for its shape.

    Raises:
        SettingsError: it has another.
    """
    try:
        prompt, count, explored, tried = (
            told[key] for key in ("prompt", "count", "explored", "tried")
        )
    except (KeyError, TypeError) as error:
        raise SettingsError(f"sheet: its recipe is damaged (no {error})") from error
    threads = told.get("threads")
    if not (
        isinstance(prompt, str)
        and (threads is None or (type(threads) is int and 1 <= threads <= MOST_THREADS))
        and (count is None or (isinstance(count, int) and not isinstance(count, bool)))
        and isinstance(explored, bool)
        and isinstance(tried, list)
        and all(isinstance(one, str) for one in tried)
    ):
        raise SettingsError("sheet: its recipe is damaged (something in it has the wrong form)")
    return Order(prompt, count, explored, tuple(tried), threads)
