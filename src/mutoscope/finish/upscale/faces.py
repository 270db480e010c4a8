"""Face restoration as a plug-in: any package may bring one.

A plug-in is a callable from a picture to a picture of the same size, ``float32 (1, 3, H, W)`` in
[0, 1], registered as an entry point of the group ``mutoscope.faces``::

    [project.entry-points."mutoscope.faces"]
    mine = "my_package:restore"

It is given each enlarged picture. None is embedded.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import torch
from torch import Tensor

from mutoscope.errors import ExtraError, RunError, SettingsError, nearest

GROUP = "mutoscope.faces"

Restore = Callable[[Tensor], Tensor]


def load_faces(name: str | None = None) -> Restore:
    """The face restoration called ``name``, or the only one that is installed.

    Raises:
        ExtraError: none is installed, or it can't be imported.
        SettingsError: there is none of that name, or there are several and no name is given.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if not found:
        raise ExtraError(
            f"faces: no face restoration is installed; install a package that brings one (an entry "
            f"point of the group {GROUP}), or go without"
        )
    if name is None and len(found) > 1:
        raise SettingsError(f"faces: several are installed; say which: {', '.join(sorted(found))}")
    if name is not None and name not in found:
        raise SettingsError(
            f"faces: {name!r} is not installed; there is {', '.join(sorted(found))}"
            f"{nearest(name, found)}"
        )
    point = found[name] if name is not None else next(iter(found.values()))
    return _checked(point)


def _checked(point: EntryPoint) -> Restore:
    """The plug-in, its answers held to what was agreed."""
    try:
        restore = point.load()
    except (ImportError, AttributeError, RuntimeError) as error:
        raise ExtraError(
            f"faces: {point.name} can't be imported ({error}); is it whole?"
        ) from error
    if not callable(restore):
        raise ExtraError(f"faces: {point.name} ({point.value}) is no function")

    def checked(image: Tensor) -> Tensor:
        result = restore(image)
        if not isinstance(result, Tensor) or result.shape != image.shape:
            raise RunError(
                f"faces: {point.name} must answer with a picture of the same size, "
                f"{tuple(image.shape)}, not {_shape(result)}"
            )
        if not bool(torch.isfinite(result).all()):
            raise RunError(f"faces: {point.name} answered with values that are not numbers")
        return result.to(image).clamp(0, 1)

    return checked


def _shape(result: object) -> str:
    return str(tuple(result.shape)) if isinstance(result, Tensor) else type(result).__name__
