"""What may take a moment is done in a thread; the server answers meanwhile."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from nicegui import run
from nicegui.slot import Slot

from mutoscope.errors import RunError

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_thread(act: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
    """What a function gives, which may take a moment; the server answers on meanwhile.

    Raises:
        RunError: the server ends.
        asyncio.CancelledError: the page that asked was left meanwhile; nothing is to be drawn.
    """
    stack = Slot.get_stack()
    client = stack[-1].parent.client if stack else None
    found = await run.io_bound(act, *args, **options)
    if client is not None and client.is_deleted:
        raise asyncio.CancelledError
    if found is None:
        raise RunError("the studio is being ended")
    return found
