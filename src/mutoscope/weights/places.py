"""The places where weights and vocabularies may be, and fetching them into ours.

What is fetched lies under ``<models_parent_dir>/clip/<owner>--<repository>/``. The standard cache
of the Hugging Face hub and that of OpenAI's ``clip`` package are looked into as well, and never
written to.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from mutoscope.errors import WeightsError
from mutoscope.names import DEFAULT, KNOWN, ModelName, resolve
from mutoscope.weights import hub
from mutoscope.weights.hub import NotOnHubError, fetch_file
from mutoscope.weights.transfer import Progress, digest_of

_VOCABULARY_REPO = "openai/clip-vit-base-patch32"
_VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("bpe_simple_vocab_16e6.txt.gz",),  # in packages alone
)
_SIDECARS = ("open_clip_config.json", "config.json", "preprocessor_config.json")


def locate(name: str | ModelName, models_parent_dir: Path) -> Path | None:
    """The weights of ``name`` on this machine, or ``None``; the network is not asked."""
    for path, digest in _places(_understood(name), models_parent_dir):
        if path.is_file() and (digest is None or digest_of(path) == digest):
            return path
    return None


def held(name: str | ModelName, models_parent_dir: Path) -> bool:
    """Whether weights of ``name`` seem to be on this machine: no digest is compared."""
    return any(path.is_file() for path, _ in _places(_understood(name), models_parent_dir))


def fetch(
    name: str | ModelName, models_parent_dir: Path, *, progress: Progress | None = None
) -> Path:
    """The weights of ``name``, fetched with their vocabulary unless they are on this machine.

    Raises `WeightsError` where they can't be had.
    """
    model = _understood(name)
    path = locate(model, models_parent_dir)
    if path is None:
        if not model.sources:
            raise WeightsError(
                f"{model.path or model.text}: no such weights file; give the path of a file that "
                "exists, or the name of a model (mutoscope models lists them)"
            )
        path = _fetch_weights(model, models_parent_dir, progress)
    if find_vocabulary(path, models_parent_dir) is None:
        _fetch_vocabulary(model, models_parent_dir, progress)
    return path


def find_vocabulary(weights: Path, models_parent_dir: Path) -> Path | None:
    """The vocabulary file for the CLIP model in ``weights``, on this machine, or ``None``.

    Beside it, else that of any known CLIP model (they all have the same), else the one that an
    installed open_clip or clip package carries; the packages are found without being imported.
    """
    repos = dict.fromkeys([_VOCABULARY_REPO, *(of.repo for row in KNOWN for of in row.sources)])
    folders = [weights.parent, *(_folder(repo, models_parent_dir) for repo in repos)]
    folders += [place for repo in repos for place in _snapshots(repo)]
    for folder in [*folders, *_packages()]:
        for files in _VOCABULARIES:
            if all((folder / file).is_file() for file in files):
                return folder / files[0]
    return None


def reachable(name: str | ModelName = DEFAULT, *, timeout: float = 3.0) -> bool:
    """Whether the hub answers for the weights of ``name``: known within ``timeout`` seconds."""
    sources = _understood(name).sources
    if not sources:
        return False
    return hub.reachable(sources[0].repo, sources[0].files[0], timeout=timeout)


# --- places --------------------------------------------------------------------------------------


def _understood(name: str | ModelName) -> ModelName:
    return resolve(name) if isinstance(name, str) else name


def _places(model: ModelName, models_parent_dir: Path) -> Iterator[tuple[Path, str | None]]:
    """Paths where the weights may be, best first, with the digest without which one won't do."""
    if model.path is not None:
        yield model.path, None
    for source in model.sources:
        for folder in (_folder(source.repo, models_parent_dir), *_snapshots(source.repo)):
            for file in source.files:
                yield folder / file, None
    if model.model is not None and (archive := model.model.archive) is not None:
        yield Path.home() / ".cache" / "clip" / archive.file, archive.sha256


def _folder(repo: str, models_parent_dir: Path) -> Path:
    return models_parent_dir.expanduser() / "clip" / repo.replace("/", "--")


def _snapshots(repo: str) -> list[Path]:
    """The folder of a repository's current version in the hub's own cache, if it is there."""
    home = os.environ.get("HF_HOME") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface"
    )
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()
    root = cache / f"models--{repo.replace('/', '--')}"
    try:
        commit = (root / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return []
    return [root / "snapshots" / commit]


def _packages() -> list[Path]:
    """The folders of installed packages that carry CLIP's vocabulary."""
    specs = [importlib.util.find_spec(name) for name in ("open_clip", "clip")]
    return [Path(at) for spec in specs if spec for at in spec.submodule_search_locations or ()]


# --- fetching ------------------------------------------------------------------------------------


def _fetch_weights(model: ModelName, models_parent_dir: Path, progress: Progress | None) -> Path:
    """Weights and configuration from the first repository that has them."""
    for source in model.sources:
        folder = _folder(source.repo, models_parent_dir)
        for file in source.files:
            try:
                path = fetch_file(source.repo, file, folder, progress=progress)
            except NotOnHubError:
                continue
            for sidecar in _SIDECARS if model.model is None else ():
                _fetch_if_there(source.repo, sidecar, folder)
            return path
    tried = "; ".join(f"{source.repo}: {', '.join(source.files)}" for source in model.sources)
    raise WeightsError(
        f"{model.text}: the hub has none of its files ({tried}); check the name, set HF_TOKEN for "
        "a private repository, or give the path of a weights file"
    )


def _fetch_vocabulary(model: ModelName, models_parent_dir: Path, progress: Progress | None) -> None:
    """The vocabulary from the model's own repository, else from OpenAI's."""
    repos = [source.repo for source in model.sources] + [_VOCABULARY_REPO]
    for repo in dict.fromkeys(repos):
        for files in _VOCABULARIES[:2]:
            try:
                for file in files:
                    fetch_file(repo, file, _folder(repo, models_parent_dir), progress=progress)
            except NotOnHubError:
                continue
            return
    raise WeightsError(
        f"{model.text}: no vocabulary for its text side on the hub; put the tokenizer.json of "
        f"{_VOCABULARY_REPO} beside its weights"
    )


def _fetch_if_there(repo: str, file: str, folder: Path) -> None:
    try:
        fetch_file(repo, file, folder)
    except NotOnHubError:
        return
