"""Reading CLIP checkpoints: three families of key names into one, and clear words when it fails.

Inside, the names are those of OpenAI's release, which open_clip kept. Nothing in a file is ever
executed: tensors come from safetensors, or from `torch.load` with ``weights_only=True``. OpenAI's
own archives are TorchScript programs; they are opened only where their digest is the published one.
"""

import hashlib
import json
import logging
import pickle
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mutoscope.atomic import read_bounded
from mutoscope.errors import WeightsError
from mutoscope.names import (
    CLIP_MEAN,
    CLIP_STD,
    KNOWN,
    Activation,
    KnownModel,
    Triple,
)
from mutoscope.weights.plain import load_plain, strange

log = logging.getLogger("mutoscope")

_MAX_SIDECAR = 2**20  # bytes of a configuration
_LEAST_STD, _MOST = 1e-3, 1e3  # that pixels of [0, 1] are divided by, or less by, at the utmost

State = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]

# Entries that say nothing the towers need: the training's temperature, sizes as scalars, counters.
_IDLE = re.compile(
    r"^(logit_scale|logit_bias|input_resolution|context_length|vocab_size|attn_mask)$"
    r"|\.(num_batches_tracked|position_ids|attn_mask)$"
)

# Hugging Face transformers' names for what OpenAI calls …, outside the blocks and inside them.
_TRANSFORMERS = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",  # sic
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "visual_projection.weight": "visual.proj",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection",
}
_TRANSFORMERS_BLOCK = re.compile(r"^(vision_model|text_model)\.encoder\.layers\.(\d+)\.(.+)$")
_TRANSFORMERS_IN_BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_TRANSPOSED = ("visual.proj", "text_projection")  # a Linear there, a bare matrix here


@dataclass(frozen=True)
class Traits:
    """What a checkpoint's weights don't tell about it."""

    activation: Activation
    mean: Triple = CLIP_MEAN
    std: Triple = CLIP_STD
    vision_heads: int = 0  # 0: from the width
    text_heads: int = 0


def read_checkpoint(path: Path) -> State:
    """The tensors of ``path``, in float32 and under OpenAI's names, or a `WeightsError`."""
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if odd := strange(tensors, path):
        raise _unreadable(path, odd)
    renamed = _one_family(tensors, path)
    return {
        key: value.float()
        for key, value in renamed.items()
        if not _IDLE.search(key) and value.is_floating_point()
    }


def read_traits(
    path: Path, *, model: KnownModel | None = None, activation: Activation | None = None
) -> Traits:
    """What the weights of ``path`` leave open: from the table, else the configuration beside it.

    With neither, QuickGELU is taken where the file's own name has "openai" or "quickgelu" in it,
    else GELU, and the log says which and how to have the other.
    """
    if model is not None:
        return Traits(activation or model.activation, model.mean, model.std)
    for file, read in (("open_clip_config.json", _open_clip), ("config.json", _transformers)):
        sidecar = path.with_name(file)
        if sidecar.is_file() and (traits := _configured(sidecar, read)) is not None:
            return replace(traits, activation=activation or traits.activation)
    if activation is None:
        quick = bool(re.search(r"openai|quick.?gelu", path.name, re.IGNORECASE))
        activation = "quickgelu" if quick else "gelu"
        log.warning(
            "%s has no open_clip_config.json beside it that says which nonlinearity it was trained "
            "with; taking %s (write %s::%s for the other)",
            *(path, activation, path, "gelu" if quick else "quickgelu"),
        )
    return Traits(activation)


def check_shapes(state: Mapping[str, Tensor], expected: Shapes, path: Path, *, of: str) -> None:
    """Raise `WeightsError` unless ``state`` has exactly the ``expected`` tensors."""
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {shape}"
        for key, shape in expected.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    faults = [_some("lacks", missing), _some("has unknown", extra), _some("has mis-shaped", wrong)]
    if any(faults):
        raise WeightsError(
            f"{path}: not the {of} of a CLIP model of the shapes known here: it "
            f"{'; '.join(fault for fault in faults if fault)}; for other architectures try "
            f"open_clip:MODEL/TRAINING, or fetch the file again if it was cut short"
        )


def _some(verb: str, items: Collection[str]) -> str:
    """``lacks a, b, c and 4 more``; nothing for no items."""
    if not items:
        return ""
    first = ", ".join(list(items)[:3])
    return f"{verb} {first}" + (f" and {len(items) - 3} more" if len(items) > 3 else "")


# --- files ---------------------------------------------------------------------------------------


def _read_safetensors(path: Path) -> State:
    try:
        return dict(load_file(path))
    except FileNotFoundError as error:
        raise _absent(path) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, _nature(path) or f"is damaged or cut short ({error})") from error


def _read_torch(path: Path) -> State:
    if not path.is_file():
        raise _absent(path)
    try:
        loaded = load_plain(path)
    except pickle.UnpicklingError as error:
        raise _unreadable(path, _nature(path) or _refusal(error)) from error
    except RuntimeError as error:
        if "TorchScript" in str(error):
            return _read_archive(path)
        raise _unreadable(path, _nature(path) or "is damaged or cut short") from error
    except (EOFError, OSError, ArithmeticError, ValueError, LookupError, AttributeError, TypeError,
            AssertionError) as error:  # fmt: skip
        raise _unreadable(path, _nature(path) or "is damaged or cut short") from error
    return _state_inside(loaded, path)


def _state_inside(loaded: Any, path: Path) -> State:
    """The dictionary of tensors in what a training script saved."""
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise _unreadable(path, f"holds a {type(loaded).__name__}, not named tensors")
    return {str(key): value for key, value in loaded.items() if isinstance(value, Tensor)}


def _read_archive(path: Path) -> State:
    """Tensors from one of OpenAI's TorchScript archives, known by its digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    published = {row.archive.sha256 for row in KNOWN if row.archive is not None}
    if digest not in published:
        raise _unreadable(
            path,
            f"is a TorchScript program (sha256 {digest}) and not one of those that OpenAI "
            "published, so it is not run",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is of the past
        script = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    return {key: value.detach() for key, value in script.state_dict().items()}


def _nature(path: Path) -> str:
    """What a file that isn't weights is instead, as far as its first bytes tell."""
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip().lower()
    except OSError:
        return ""
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not weights: the download was answered by a login or error page"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the weights: fetch the file itself"
    return "is empty" if not head else ""


def _refusal(error: Exception) -> str:
    """Why `torch.load` refused a pickle: for what it wanted to run, or because it is broken."""
    if (wanted := re.search(r"GLOBAL ([\w.]+)", str(error))) is not None:
        return f"is a pickle that wants to run {wanted[1]}, which was not done"
    return "is not weights only (nothing in it was run), or damaged"


def _absent(path: Path) -> WeightsError:
    return WeightsError(f"{path}: no such weights file; give the path of a file that exists")


def _unreadable(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{path}: {what}; allowed are .safetensors files and PyTorch files of tensors alone: "
        "delete it and fetch it again, or convert it to safetensors"
    )


# --- names ---------------------------------------------------------------------------------------


def _one_family(tensors: State, path: Path) -> State:
    """Tensors under OpenAI's names, whichever of the three families they came in."""
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    if any(key.startswith(("vision_model.", "text_model.")) for key in tensors):
        return _from_transformers(tensors, path)
    if "text.token_embedding.weight" in tensors:  # open_clip's models with a text tower of its own
        tensors = {key.removeprefix("text."): value for key, value in tensors.items()}
    return tensors


def _from_transformers(tensors: State, path: Path) -> State:
    """Tensors under OpenAI's names from those of Hugging Face transformers."""
    state: State = {}
    parts: dict[str, State] = {}
    for key, value in tensors.items():
        if (block := _TRANSFORMERS_BLOCK.match(key)) is None:
            state[_TRANSFORMERS.get(key, key)] = value
            continue
        tower = "visual.transformer" if block[1] == "vision_model" else "transformer"
        name, _, leaf = block[3].rpartition(".")
        prefix = f"{tower}.resblocks.{block[2]}"
        if (part := re.fullmatch(r"self_attn\.([qkv])_proj", name)) is not None:
            parts.setdefault(f"{prefix}.attn.in_proj_{leaf}", {})[part[1]] = value
        else:
            state[f"{prefix}.{_TRANSFORMERS_IN_BLOCK.get(name, name)}.{leaf}"] = value
    for key, three in parts.items():
        if len(three) != 3 or len({part.shape for part in three.values()}) != 1:
            raise _unreadable(path, f"has incomplete or uneven query, key and value for {key}")
        state[key] = torch.cat([three[part] for part in "qkv"])
    for key in _TRANSPOSED:
        if key in state and state[key].ndim == 2:
            state[key] = state[key].T
    return state


# --- configuration -------------------------------------------------------------------------------


def _configured(sidecar: Path, read: Callable[[Path], Traits]) -> Traits | None:
    """The traits in a configuration file, or ``None`` for one that is of another kind."""
    try:
        return read(sidecar)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
            ArithmeticError):  # fmt: skip
        log.info("%s is not a CLIP configuration that can be read; going without", sidecar)
        return None


def _open_clip(sidecar: Path) -> Traits:
    config = json.loads(read_bounded(sidecar, _MAX_SIDECAR))
    model, pixels = config["model_cfg"], config.get("preprocess_cfg", {})
    vision, text = model["vision_cfg"], model["text_cfg"]
    layers, width = vision.get("layers"), int(vision.get("width") or 0)
    # A ResNet's width is of its stem; its attention pooling always has heads of 64.
    heads = width // int(vision["head_width"]) if "head_width" in vision else 0
    return Traits(
        "quickgelu" if model.get("quick_gelu", False) else "gelu",
        _triple(pixels.get("mean", CLIP_MEAN)),
        _triple(pixels.get("std", CLIP_STD), least=_LEAST_STD),
        0 if isinstance(layers, list) else heads,
        int(text.get("heads") or 0),
    )


def _transformers(sidecar: Path) -> Traits:
    config = json.loads(read_bounded(sidecar, _MAX_SIDECAR))
    pixels = {}
    if (beside := sidecar.with_name("preprocessor_config.json")).is_file():
        pixels = json.loads(read_bounded(beside, _MAX_SIDECAR))
    vision, text = config["vision_config"], config["text_config"]
    activations = {part.get("hidden_act", "quick_gelu") for part in (vision, text)}
    return Traits(
        "quickgelu" if activations == {"quick_gelu"} else "gelu",
        _triple(pixels.get("image_mean", CLIP_MEAN)),
        _triple(pixels.get("image_std", CLIP_STD), least=_LEAST_STD),
        vision_heads=int(vision.get("num_attention_heads") or 0),
        text_heads=int(text.get("num_attention_heads") or 0),
    )


def _triple(values: Any, least: float = -_MOST) -> Triple:
    red, green, blue = (float(value) for value in values)
    if not all(least <= value <= _MOST for value in (red, green, blue)):
        raise ValueError(f"{red}, {green}, {blue} are no mean or deviation of pixels")
    return red, green, blue
