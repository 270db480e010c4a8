"""Keys in words: what is allowed, what was refused and why."""

from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mutoscope.errors import nearest
from mutoscope.settings.keys import Keys
from mutoscope.settings.problems import Problem, bare, shown
from mutoscope.settings.values import kind_of
from mutoscope.settings.writing import as_scalar

# Words that other programs' files hold where ours would stand.
_FOREIGN = {
    "defaults": "is Hydra's list of files to merge, which is not used here; write the keys "
    "themselves into one file",
    "conf": "is Hydra's choice of a file; give that file's own path instead",
    "hydra": "configures Hydra, which is not used here; leave it out",
    "resume": "is not how a run is picked up here; leave it out and type `mutoscope resume FOLDER`",
    "base_name": "is not used; file_namespace names the files",
    "<<": "is YAML's merge, which is not used here; write the keys themselves",
}


def type_name(field: FieldInfo) -> str:
    """A field's type in a word or two."""
    kind = kind_of(field.metadata)
    if kind is not None:
        return kind.name
    kinds = [_bare(a) for a in get_args(field.annotation) or (field.annotation,)]
    words = {bool: "switch", int: "whole number", float: "number", str: "text"}
    return words.get(kinds[0], "list")


def _bare(annotation: Any) -> Any:
    """A type without what is annotated to it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words among which a field is one; empty if it is no choice."""
    annotation = field.annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def allowed(field: FieldInfo) -> str:
    """What may stand in a field, as the end of "give …"."""
    if words := choices(field):
        return f"one of {', '.join(words)}"
    kind = kind_of(field.metadata)
    if kind is not None and kind.allowed:
        return kind.allowed
    name = type_name(field)
    if name == "switch":
        return "true or false"
    if name in ("whole number", "number"):
        return f"a {name}{_range(field)}{_or_null(field)}"
    most = [f"at most {rule.max_length} " for rule in field.metadata if isinstance(rule, MaxLen)]
    return "text" if name == "text" else f"a list of {''.join(most)}mappings"


def _range(field: FieldInfo) -> str:
    low, high = "", ""
    for rule in field.metadata:
        match rule:
            case Ge(ge):
                low = f"from {as_scalar(ge)}"
            case Gt(gt):
                low = f"above {as_scalar(gt)}"
            case Le(le):
                high = f"to {as_scalar(le)}"
            case Lt(lt):
                high = f"and below {as_scalar(lt)}"
    if low.startswith("from") and not high:
        low = f"of at least {low.removeprefix('from ')}"
    return "".join(f" {part}" for part in (low, high) if part)


def _or_null(field: FieldInfo) -> str:
    return ", or null" if NoneType in get_args(field.annotation) else ""


def unknown_key(name: object) -> Problem:
    """The problem with a key that is none of ours."""
    text = str(name)
    reason = _FOREIGN.get(text)
    if reason is None:
        known = {key.lower(): key for key in Keys.model_fields}
        hint = nearest(text, Keys.model_fields) or (
            f"; did you mean {known[text.lower()]!r}?" if text.lower() in known else ""
        )
        reason = f"is no setting{hint or '; `mutoscope settings` lists them'}"
    return Problem((text,), f"{bare(text)}: {reason}")


def refused(error: ValidationError) -> list[Problem]:
    """What pydantic found, one problem a value, in our words."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        if not detail["loc"]:
            problem = Problem((), f"settings: {shown(detail['input'])} is no mapping of keys")
        elif detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
            problem = unknown_key(detail["loc"][0])
        else:
            problem = _refused_value(detail)
        found.setdefault(problem.text.split(":")[0], problem)
    return list(found.values())


def _refused_value(detail: ErrorDetails) -> Problem:
    name, *inner = detail["loc"]
    field = Keys.model_fields[str(name)]
    path = str(name)
    item = _item_type(field)
    if item is not None and inner and isinstance(inner[0], int):
        path += f"[{inner[0]}]"
        if len(inner) > 1:
            return _refused_item(path, item, str(inner[1]), detail, str(name))
        return Problem((str(name),), f"{path}: {shown(detail['input'])} is no mapping of "
                       f"{', '.join(item.model_fields)}")  # fmt: skip
    if detail["type"] == "value_error" and (reason := str(detail["ctx"]["error"])):
        return Problem((str(name),), f"{path}: {reason}")
    return Problem((str(name),), _sentence(path, detail["input"], field))


def _refused_item(
    path: str, item: type[BaseModel], inner: str, detail: ErrorDetails, key: str
) -> Problem:
    field = item.model_fields.get(inner)
    if field is None:
        hint = nearest(inner, item.model_fields)
        return Problem(
            (key,),
            f"{path}.{inner}: is not known; allowed are {', '.join(item.model_fields)}{hint}",
        )
    if detail["type"] == "missing":
        return Problem((key,), f"{path}: {inner} is missing; give {allowed(field)}")
    return Problem((key,), _sentence(f"{path}.{inner}", detail["input"], field))


def _sentence(path: str, value: Any, field: FieldInfo) -> str:
    hint = nearest(value, choices(field)) if isinstance(value, str) else ""
    return f"{path}: {_written(value)} is not allowed; give {allowed(field)}{hint}"


def _written(value: Any) -> str:
    """A value as YAML has it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else shown(value)


def _item_type(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a list's items."""
    for argument in get_args(field.annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    return None
