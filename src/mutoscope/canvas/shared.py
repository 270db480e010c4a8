"""A network that draws for a canvas without being part of it."""

from typing import Any, Generic, TypeVar

from torch import nn

_Model = TypeVar("_Model", bound=nn.Module)


class Shared(Generic[_Model]):
    """A model that is nobody's part: a module doesn't find it here, and a copy doesn't copy it."""

    def __init__(self, model: _Model) -> None:
        self.model = model

    def __deepcopy__(self, memo: dict[int, Any]) -> "Shared[_Model]":
        return self
