"""`Settings`: a checked set of all keys, and what can be asked of it."""

import os
import pathlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from mutoscope.curves import Curve, VectorCurve
from mutoscope.elsewhere import brought
from mutoscope.errors import SettingsError, nearest
from mutoscope.fence import refuse_outside
from mutoscope.home import expanded
from mutoscope.script import DirectPrompt, Script, Weighting
from mutoscope.settings.keys import Keys
from mutoscope.settings.problems import ProblemsError, problems_error
from mutoscope.settings.reading import (
    CURVES,
    WEIGHTS,
    read_curve,
    read_direct_prompts,
    read_rotation,
    read_script,
    read_weight,
)
from mutoscope.settings.rules import find_problems, is_default
from mutoscope.settings.switches import perceptor_names
from mutoscope.settings.values import is_address, is_weights_file
from mutoscope.settings.wording import refused
from mutoscope.settings.writing import as_yaml
from mutoscope.vqgan_names import resolve_vqgan


class Settings(Keys):
    """All settings of a run: every key as an attribute, checked singly and together; frozen.

    Raises:
        SettingsError: Something is wrong; everything that is stands in the one message.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            settings = handler(data)
        except ValidationError as error:
            problems = refused(error)
            bad = {key for problem in problems for key in problem.keys}
            rest = (
                {k: v for k, v in data.items() if k not in bad} if isinstance(data, Mapping) else {}
            )
            # What else is wrong is said too, as far as it doesn't hang on what was refused.
            try:
                cls.model_validate(rest)
            except ProblemsError as more:
                problems += [p for p in more.problems if not bad.intersection(p.keys)]
            raise problems_error(problems) from error
        if problems := find_problems(settings):
            raise problems_error(problems)
        return settings

    @cached_property
    def script(self) -> Script:
        """The scenes, with prefix and suffix."""
        return read_script(self)

    @cached_property
    def direct_prompts(self) -> tuple[DirectPrompt, ...]:
        """The pictures of ``direct_image_prompts``."""
        return read_direct_prompts(self)

    @cached_property
    def rotation(self) -> VectorCurve:
        """The quaternion over time of ``rotate_3d``."""
        return read_rotation(self)

    def curve(self, key: str) -> Curve:
        """The number over time that ``key`` holds, such as ``"translate_x"``.

        Raises:
            SettingsError: That key holds none.
        """
        if key not in CURVES:
            raise SettingsError(f"{key}: is no number over time{nearest(key, CURVES)}")
        return read_curve(self, key)

    def weight(self, key: str) -> Weighting | None:
        """Weight, mask and stop that ``key`` holds, such as ``"direct_init_weight"``.

        None where it asks for nothing: it is empty or always 0.

        Raises:
            SettingsError: That key holds none.
        """
        if key not in WEIGHTS:
            raise SettingsError(f"{key}: is no weight{nearest(key, WEIGHTS)}")
        if key not in self.readings:
            self.readings[key] = read_weight(self, key)
        return self.readings[key]

    @cached_property
    def readings(self) -> dict[str, Weighting | None]:
        """What `weight` has read so far, so that each text is read, and remarked on, once."""
        return {}

    @property
    def perceptor_names(self) -> tuple[str, ...]:
        """The perceptors asked for, by switch or name; ``("auto",)`` where the choice is ours.

        Files with weights have their whole path.
        """
        return tuple(
            self.resolve(name) if is_weights_file(name) else name for name in perceptor_names(self)
        )

    @property
    def vqgan_name(self) -> str:
        """The VQGAN asked for: the name of a published one, or the whole path of a pair."""
        asked = resolve_vqgan(self.vqgan_model, folder=expanded(self.paths_from))
        return asked.text if asked.path is None else self.resolve(str(asked.path))

    @property
    def models_folder(self) -> pathlib.Path:
        """The folder under which networks are kept.

        The usual one is the machine's, not one that these settings name, and lies in no fence.
        """
        usual = type(self).model_fields["models_parent_dir"].get_default()
        if self.models_parent_dir == usual:
            return expanded(usual).absolute()
        return pathlib.Path(self.resolve(self.models_parent_dir))

    def size(self, initial: tuple[int, int] | None = None) -> tuple[int, int]:
        """Width and height in drawn pixels (before ``pixel_size``).

        Args:
            initial: Width and height of init_image; needed where one of ours is -1.
        """
        if initial is None or -1 not in (self.width, self.height):
            return self.width, self.height
        if self.width == -1:
            return max(1, int(self.height * initial[0] / initial[1])), self.height
        return self.width, max(1, int(self.width * initial[1] / initial[0]))

    def resolve(self, path: str) -> str:
        """A path of these settings as one from anywhere; http(s) addresses stay as they are.

        Raises:
            SettingsError: It leads out of the `mutoscope.fence`, where there is one.
        """
        if is_address(path):
            return path
        place = expanded(self.paths_from).absolute()
        found = place / expanded(path)
        refuse_outside(found)
        if "\\" in path and os.sep == "/":
            # Written on Windows; a name may also have backslashes in it, here.
            slashed = place / expanded(path.replace("\\", "/"))
            refuse_outside(slashed)
            found = slashed if os.path.lexists(slashed) and not os.path.lexists(found) else found
        return str(brought(found))

    def replace(self, **changes: Any) -> Self:
        """These settings with some keys changed, checked again."""
        written = {key: getattr(self, key) for key in type(self).model_fields}
        return type(self).model_validate({**written, **changes})

    def to_dict(self, *, full: bool = False, portable: bool = False) -> dict[str, Any]:
        """The keys that differ from their defaults, and the seed, as values for JSON.

        Args:
            full: All keys.
            portable: Leave ``paths_from`` out, which tells where files lie on this machine.
        """
        values = self.model_dump(mode="json")
        return {
            key: _short(key, value)
            for key, value in values.items()
            if not (portable and key == "paths_from")
            and (full or key == "seed" or not is_default(self, key))
        }

    def to_yaml(self, *, full: bool = False, portable: bool = False) -> str:
        """These settings as a file, which loads back to equal settings; see `to_dict`."""
        return as_yaml(self.to_dict(full=full, portable=portable))


def _short(key: str, value: Any) -> Any:
    """A list of one perceptor as its name."""
    return value[0] if key == "perceptors" and len(value) == 1 else value
