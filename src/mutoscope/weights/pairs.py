"""VQGANs on disk, each a pair of a .yaml and a checkpoint, and fetching the published ones.

Published pairs lie where PyTTI has them, ``<models_parent_dir>/vqgan/<name>.yaml`` and ``.ckpt``,
and a pair that is there under its name is used, whoever put it there. The folder where
vqgan-clip-generator keeps them is looked into as well, and never written to. Beside what was
fetched stands its digest, ``<name>.sha256``, in the form that ``sha256sum --check`` reads: few are
published, and so that later damage is noticed.
"""

import contextlib
import logging
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutoscope.atomic import reason
from mutoscope.errors import WeightsError
from mutoscope.vqgan_names import (
    CHECKPOINTS,
    CONFIGS,
    KnownVqgan,
    Published,
    VqganName,
    resolve_vqgan,
)
from mutoscope.weights.digests import keep_digest, record_of, unchanged
from mutoscope.weights.download import Form, download
from mutoscope.weights.hub import offline
from mutoscope.weights.imposters import imposter
from mutoscope.weights.transfer import Progress, digest_of

log = logging.getLogger("mutoscope")

MAX_CONFIG = 65_536  # bytes of a .yaml; the published ones have some 1,000

_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_MANY = 8  # files that a message lists


@dataclass(frozen=True)
class Pair:
    """A VQGAN on disk: what it is made of, and its weights."""

    config: Path
    checkpoint: Path


def locate_pair(name: str | VqganName, models_parent_dir: Path) -> Pair | None:
    """The pair of ``name`` on this machine, or ``None``; the network is not asked."""
    asked = _understood(name)
    if asked.path is not None:
        with contextlib.suppress(WeightsError):
            return _local(asked.path)
        return None
    assert asked.known is not None  # noqa: S101 - a name is one or the other
    return next((pair for pair in _places(asked.known, models_parent_dir) if _there(pair)), None)


def fetch_pair(
    name: str | VqganName, models_parent_dir: Path, *, progress: Progress | None = None
) -> Pair:
    """The pair of ``name``, fetched unless it is on this machine.

    Raises:
        WeightsError: a path that leads to no pair; or it can't be had, and why, from each mirror.
    """
    asked = _understood(name)
    if asked.path is not None:
        return _local(asked.path)
    assert asked.known is not None  # noqa: S101 - a name is one or the other
    if (pair := locate_pair(asked, models_parent_dir)) is not None:
        return pair
    known = asked.known
    pair = next(_places(known, models_parent_dir))
    if offline():
        raise WeightsError(
            f"{known.name}: not in the cache and HF_HUB_OFFLINE is set; unset it, or put its files "
            f"at {pair.config} and {pair.checkpoint}"
        )
    _make(pair.config.parent)
    with _alone(pair.config.with_name(f".{known.name}.lock"), known.name):
        _refuse_stranger(known.config, pair.config, pair.checkpoint)
        _refuse_stranger(known.checkpoint, pair.checkpoint, pair.config)
        _fetch_missing(known.config, pair.config, CONFIG)
        _fetch_missing(known.checkpoint, pair.checkpoint, CHECKPOINT, progress)
    return pair


def check_pair(pair: Pair) -> bool:
    """Whether both files have the digests that were written down when they were fetched.

    ``False`` where none were. A file that has changed since is a `WeightsError`.
    """
    return unchanged((pair.config, pair.checkpoint))


# --- places --------------------------------------------------------------------------------------


def _understood(name: str | VqganName) -> VqganName:
    return resolve_vqgan(name) if isinstance(name, str) else name


def _there(pair: Pair) -> bool:
    return pair.config.is_file() and pair.checkpoint.is_file()


def _places(known: KnownVqgan, models_parent_dir: Path) -> Iterator[Pair]:
    """Where a published pair may be, best first; it is fetched to the first."""
    for folder in (models_parent_dir.expanduser() / "vqgan", _torch_hub()):
        for stem in (known.name, *known.stems):
            yield Pair(folder / f"{stem}.yaml", folder / f"{stem}.ckpt")


def _torch_hub() -> Path:
    """Where vqgan-clip-generator keeps its models: torch's folder for what it fetches itself."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    return home.expanduser() / "hub" / "models"


def _local(path: Path) -> Pair:
    """The pair in a folder, or that one of its files belongs to."""
    try:
        if path.is_dir():
            return _paired(path, _configs(path), _checkpoints(path))
        if path.is_file():
            if path.suffix.lower() in CONFIGS:
                return _paired(path, [path], _files(path.parent, CHECKPOINTS))
            return _paired(path, _files(path.parent, CONFIGS), [path])
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({reason(error)}); give a path that can be"
        ) from error
    raise WeightsError(
        f"{path}: no such file or folder; give the path of a folder with a .yaml and its "
        "checkpoint, or the name of a VQGAN (mutoscope models lists them)"
    )


def _paired(path: Path, configs: list[Path], checkpoints: list[Path]) -> Pair:
    """The only two files of the same stem, else the only two."""
    pairs = [Pair(a, b) for a in configs for b in checkpoints]
    alike = [pair for pair in pairs if pair.config.stem == pair.checkpoint.stem]
    if len(alike) == 1:
        return alike[0]
    if len(pairs) == 1:
        return pairs[0]
    if pairs:
        found = f"holds {len(configs)} .yaml and {len(checkpoints)} checkpoints ({_list(pairs)})"
        out = "give the path of the checkpoint, and name its .yaml like it"
    elif path.is_dir():
        missing = "no checkpoint" if configs else "no .yaml"
        found = f"{missing} in it" if configs or checkpoints else "holds no VQGAN"
        out = f"a VQGAN is a .yaml and its checkpoint ({', '.join(CHECKPOINTS)}) in one folder"
    else:
        found = "has no checkpoint beside it" if configs else "has no .yaml beside it"
        out = "put there the one that was published with it, under the same name"
    raise WeightsError(f"{path}: {found}; {out}")


def _list(pairs: list[Pair]) -> str:
    names = list(dict.fromkeys(f.name for pair in pairs for f in (pair.config, pair.checkpoint)))
    return ", ".join(names[:_MANY]) + (", …" if len(names) > _MANY else "")


def _configs(folder: Path) -> list[Path]:
    """The .yaml files of a folder, else those where taming-transformers' training puts them."""
    return _files(folder, CONFIGS) or [
        path for path in _files(folder / "configs", CONFIGS) if "lightning" not in path.stem
    ]


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, else the last of a training of taming-transformers."""
    found = _files(folder, CHECKPOINTS)
    for below in ("checkpoints", "ckpts"):
        found = found or _files(folder / below, CHECKPOINTS)
    return [path for path in found if path.name == "last.ckpt"] or found


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    )


# --- fetching ------------------------------------------------------------------------------------


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"{folder}: can't be made ({reason(error)}); take another folder with models_parent_dir"
        ) from error


@contextlib.contextmanager
def _alone(lock: Path, name: str) -> Iterator[None]:
    """Nobody else fetches this pair meanwhile; who does is waited for, and that is said."""
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=0.2))
        except TimeoutError:
            log.info("%s is being fetched by another program: waiting for it", name)
            stack.enter_context(WeakFileLock(lock))
        yield


def _fetch_missing(
    file: Published, target: Path, form: Form, progress: Progress | None = None
) -> None:
    """Fetch a file unless it is there, and write its digest down."""
    if target.is_file():
        return
    found = download(file, target, form=form, progress=progress)
    if not file.sha256:
        log.info(
            "%s: no digest of it is published; it was taken as it came, and its own is now in %s",
            target.name,
            record_of(target).name,
        )
    keep_digest(target, found)


def _refuse_stranger(file: Published, there: Path, missing: Path) -> None:
    """Refuse to fetch one file to another that isn't its own: they would not fit."""
    if not there.is_file() or missing.is_file() or not file.sha256:
        return
    size = there.stat().st_size
    if (file.exact and size != file.size) or digest_of(there) != file.sha256:
        raise WeightsError(
            f"{there}: is not the published one, to which {missing.name} could be fetched; put its "
            f"own {missing.name} beside it, or move it away"
        )


# --- what the files must look like ---------------------------------------------------------------


def _a_page(head: bytes) -> str:
    """What is sent in place of a file, by its first bytes, as the verb of a message."""
    if not head.strip():
        return "sends nothing"
    found = imposter(head)
    return f"sends {found} instead of the file" if found else ""


def _begins_config(head: bytes) -> str:
    if page := _a_page(head):
        return page
    return "sends a binary file instead of a .yaml" if b"\0" in head else ""


def _begins_checkpoint(head: bytes) -> str:
    if page := _a_page(head):
        return page
    if head.startswith((b"PK\x03\x04", *_PICKLES)):
        return ""
    return "sends a file that begins neither as zip nor as pickle, as checkpoints do"


def _whole_config(path: Path) -> str:
    """Why a file isn't a mapping in YAML. No tag in it is heeded: plain values alone are built."""
    import yaml

    with path.open("rb") as file:
        data = file.read(MAX_CONFIG + 1)
    if len(data) > MAX_CONFIG:
        return f"sends a .yaml of more than {MAX_CONFIG:,} bytes"
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError):
        return "sends a .yaml that can't be read"
    return "" if isinstance(document, dict) else "sends a .yaml that is no mapping"


def _whole_checkpoint(path: Path) -> str:
    """Why a file isn't a whole checkpoint, as far as that shows without reading it all."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "sends a checkpoint whose end is missing"
    return ""


CONFIG = Form(_begins_config, _whole_config)
CHECKPOINT = Form(_begins_checkpoint, _whole_checkpoint)
