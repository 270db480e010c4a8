"""The architecture of a VQGAN, and the published configuration files that describe it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from mutoscope.atomic import write_text
from mutoscope.errors import WeightsError, printable
from mutoscope.vqgan.files import HEAD, nature, read_head

Kind = Literal["vq", "gumbel"]

_CLASSES: dict[str, Kind] = {
    "taming.models.vqgan.VQModel": "vq",
    "taming.models.vqgan.GumbelVQ": "gumbel",
}
_TRANSFORMER = "taming.models.cond_transformer.Net2NetTransformer"  # has a VQGAN as first stage

_GROUPS = 32  # of the group norms: widths are multiples of it
_WIDEST = 4096
# From and to: far beyond the published ones on both sides, and far below what fills a memory.
_RANGES = {
    "embed_dim": (1, 4096),
    "n_embed": (1, 2**20),
    "z_channels": (1, 4096),
    "ch": (1, _WIDEST),
    "num_res_blocks": (1, 16),
    "resolution": (1, 2**16),
    "in_channels": (3, 3),
    "out_ch": (3, 3),
}
_LISTS = {"ch_mult": (1, 8, 1, 64), "attn_resolutions": (0, 16, 1, 2**16)}  # lengths, values
_OPTIONAL = ("dropout", "double_z", "resamp_with_conv")

MAX_BYTES = 262_144
_MAX_DEPTH = 32
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Architecture:
    """All that decides the shapes of a VQGAN's tensors, under the names of the published files.

    A value out of range, or two that contradict each other, is a `WeightsError`.

    Attributes:
        kind: how an encoded picture finds its codes: the nearest, or by a projection (Gumbel).
        embed_dim: channels of a code and of the latent.
        n_embed: how many codes there are.
        z_channels: channels between the codes and the two networks.
        ch: channels at the full size; ``ch_mult`` times as many at each level.
        num_res_blocks: residual blocks at each level of the encoder; the decoder has one more.
        attn_resolutions: sizes, as seen from ``resolution``, at which the blocks attend.
        resolution: the size of the pictures that it was trained on; it works at others.
        dropout: share of values left out in training.
        double_z: always false; a true one is that of another kind of autoencoder.
        resamp_with_conv: whether halving and doubling have weights.
    """

    kind: Kind
    embed_dim: int
    n_embed: int
    z_channels: int
    ch: int
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    attn_resolutions: tuple[int, ...]
    resolution: int = 256
    in_channels: int = 3
    out_ch: int = 3
    dropout: float = 0.0
    double_z: bool = False
    resamp_with_conv: bool = True

    def __post_init__(self) -> None:
        for key, (low, high) in _RANGES.items():
            _check_integer(key, getattr(self, key), low, high)
        for key, (fewest, most, low, high) in _LISTS.items():
            values = getattr(self, key)
            if not isinstance(values, tuple) or not fewest <= len(values) <= most:
                raise _refused(key, values, f"a list of {fewest} to {most} whole numbers")
            for value in values:
                _check_integer(key, value, low, high)
        for mult in self.ch_mult:
            if self.ch * mult % _GROUPS or self.ch * mult > _WIDEST:
                allowed = f"a multiple of {_GROUPS} up to {_WIDEST}"
                raise _refused("ch times ch_mult", self.ch * mult, allowed)
        if type(self.dropout) not in (int, float) or not 0 <= self.dropout < 1:
            raise _refused("dropout", self.dropout, "a number from 0 to below 1")
        if self.double_z is not False:
            raise _refused("double_z", self.double_z, "false")
        if type(self.resamp_with_conv) is not bool:
            raise _refused("resamp_with_conv", self.resamp_with_conv, "true or false")
        if self.kind == "gumbel" and self.embed_dim != self.z_channels:
            raise _refused(
                "embed_dim", self.embed_dim, f"z_channels, {self.z_channels}, of a GumbelVQ"
            )

    @property
    def f(self) -> int:
        """How many pixels a cell of the latent is wide and high: a power of two."""
        return int(2 ** (len(self.ch_mult) - 1))


def read_architecture(path: Path) -> Architecture:
    """The architecture that a published ``.yaml`` file describes.

    Read are taming-transformers' VQModel and GumbelVQ, and the first stage of its
    Net2NetTransformer; what else stands there (losses, data, schedules) is passed over.

    Raises:
        WeightsError: It can't be read, is no YAML, describes something else, or absurd sizes.
    """
    document = _load(path)
    try:
        return _architecture(_Section(document, document))
    except WeightsError as error:
        raise WeightsError(
            f"{path}: {error}; give the .yaml file that was published with the checkpoint"
        ) from error


def write_architecture(architecture: Architecture, path: Path) -> None:
    """Write ``architecture`` as `read_architecture` and taming-transformers read it."""
    values = asdict(architecture)
    kind = values.pop("kind")
    target = next(name for name, known in _CLASSES.items() if known == kind)
    params = {key: values.pop(key) for key in ("embed_dim", "n_embed")}
    params["ddconfig"] = {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }
    params["lossconfig"] = {"target": "taming.modules.losses.DummyLoss"}
    document = {"model": {"target": target, "params": params}}
    write_text(path, yaml.safe_dump(document, sort_keys=False))


# --- the file ------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML's plain values, of bounded depth, and without aliases, which can grow without bounds."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(None, None, "aliases are not allowed", mark)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, "is nested too deeply", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _load(path: Path) -> Any:
    data = read_head(path, MAX_BYTES + 1)
    if (what := nature(data[:HEAD])) or (what := _unlike_text(data)):
        raise WeightsError(
            f"{path}: {what}; the configuration of a VQGAN is a small .yaml file: "
            "fetch it again, or give its path"
        )
    try:
        # A subclass of the safe loader: it makes plain values and no objects.
        return yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError,
            RecursionError) as error:  # fmt: skip
        # A tag may claim of a text that it is a number or a date, which PyYAML takes for granted.
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise WeightsError(
            f"{where}: is not plain YAML ({printable(problem[:120])}); "
            "give the .yaml file that was published with the checkpoint"
        ) from error


def _unlike_text(data: bytes) -> str:
    """Why these bytes are no text file of a reasonable size, or nothing."""
    if data.startswith(b"PK\x03\x04") or b"\0" in data:
        return "is a binary file (config and checkpoint exchanged?)"
    if len(data) > MAX_BYTES:
        return f"is larger than the {MAX_BYTES // 1024} KiB that a configuration may have"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    return ""


@dataclass(frozen=True)
class _Section:
    """One mapping of a document, and the names of those that it stands in."""

    values: Any
    document: Any
    place: str = ""

    def __getitem__(self, key: str) -> Any:
        if not isinstance(self.values, Mapping):
            raise WeightsError(f"{self.place or 'the file'} is no list of 'key: value' lines")
        if key not in self.values:
            raise WeightsError(f"has no {self._named(key)}")
        return self._resolved(self.values[key], self._named(key))

    def __contains__(self, key: str) -> bool:
        return isinstance(self.values, Mapping) and key in self.values

    def section(self, key: str) -> "_Section":
        return _Section(self[key], self.document, self._named(key))

    def _named(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def _resolved(self, value: Any, place: str) -> Any:
        """What a whole-value ``${path.to.key}`` refers to: a value, not a further reference."""
        if isinstance(value, str) and (reference := _REFERENCE.fullmatch(value)) is not None:
            value = self.document
            for key in reference[1].split("."):
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is None or (isinstance(value, str) and "${" in value):
                raise WeightsError(f"{place}: nothing stands at {reference[0]}")
        return value


def _architecture(document: _Section) -> Architecture:
    model = document.section("model")
    if model["target"] == _TRANSFORMER:
        model = model.section("params").section("first_stage_config")
    target = model["target"]
    if not isinstance(target, str) or target not in _CLASSES:
        known = ", ".join([*_CLASSES, _TRANSFORMER])
        raise WeightsError(
            f"{model.place}.target: {_shown(target)} is not a class that is read here; "
            f"those are {known}"
        )
    kind = _CLASSES[target]
    params = model.section("params")
    if kind == "gumbel" and "remap" in params and params["remap"] is not None:
        raise _refused("remap", params["remap"], "null")
    sizes = params.section("ddconfig")
    values: dict[str, Any] = {key: params[key] for key in ("embed_dim", "n_embed")}
    for field in fields(Architecture):
        key = field.name
        if key not in ("kind", *values) and not (key in _OPTIONAL and key not in sizes):
            values[key] = tuple(v) if isinstance(v := sizes[key], list) else v
    return Architecture(kind=kind, **values)


# --- values --------------------------------------------------------------------------------------


def _check_integer(key: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        allowed = f"{low}" if low == high else f"a whole number from {low} to {high}"
        raise _refused(key, value, allowed)


def _refused(key: str, value: Any, allowed: str) -> WeightsError:
    return WeightsError(f"{key}: {_shown(value)} should be {allowed}")


def _shown(value: Any) -> str:
    """A value for a message: in one line, and not all of it if it is long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of many digits"
    text = repr(value)
    return printable(text if len(text) <= 60 else f"{text[:58]} …")
