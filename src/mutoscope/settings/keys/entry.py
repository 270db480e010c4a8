"""An entry of the table of settings: a key's default and help, and all else that is known of it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

# With which other settings a key has an effect, where keys of several groups share it.
FILM = {"animation_mode": ("2D", "3D", "Video Source")}
VQGAN = {"image_model": ("VQGAN",)}


class Group(BaseModel):
    """The keys of one group; `Keys` has those of all, and is what checks them."""

    # Compiled only if it is ever asked to check anything, for it is a part.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def entry(
    default: Any,
    meaning: str,
    *,
    group: str,
    unit: str = "",
    default_text: str = "",
    only: Mapping[str, tuple[str, ...]] | None = None,
    example: str = "",
    own: bool = False,
    differs: str = "",
    hidden: bool = False,
    **constraints: Any,
) -> Any:
    """An entry of the table.

    Args:
        default: The value where nothing is written, or a function that makes it.
        meaning: The help.
        group: One of `GROUPS`.
        unit: What a number counts.
        default_text: The default in words, where it is not a plain value.
        only: The key and its values with which this one has an effect; with others, a notice.
        example: A line of YAML.
        own: It is not one of PyTTI's.
        differs: How it differs from PyTTI's key of that name.
        hidden: Leave it out of the reference.
        constraints: ``ge``, ``gt``, ``le``, ``lt``, ``max_length``.
    """
    facts: JsonDict = {
        "group": group,
        "unit": unit,
        "default_text": default_text,
        "only": {name: list(values) for name, values in (only or {}).items()},
        "example": example,
        "own": own,
        "differs": differs,
        "hidden": hidden,
    }
    made: dict[str, Any] = {"default_factory" if callable(default) else "default": default}
    extra: JsonDict = {name: fact for name, fact in facts.items() if fact}
    return Field(**made, description=meaning, json_schema_extra=extra, **constraints)
