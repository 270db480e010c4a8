"""Fetching one file from the Hugging Face hub: resumed, checked, and never waited for in vain.

A download goes into a part file named after the version fetched. An interrupted one goes on where
it stopped, whichever process fetches next; only a whole file whose digest is right gets its name.
"""

import contextlib
import logging
import os
import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from mutoscope.errors import WeightsError
from mutoscope.weights.digests import keep_digest
from mutoscope.weights.transfer import Progress, Told, digest_of

log = logging.getLogger("mutoscope")

_HUB = "https://huggingface.co"
_COMMIT = "X-Repo-Commit"  # what only the hub, or a mirror of it, answers with


class NotOnHubError(WeightsError):
    """The hub answers, and has no such file or repository."""


def offline() -> bool:
    """Whether the user forbade the network, by ``HF_HUB_OFFLINE=1``."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def reachable(repo: str, file: str, *, timeout: float = 3.0) -> bool:
    """Whether the hub answers for ``file`` of ``repo``, known after ``timeout`` seconds at most.

    The question is asked in a thread that is left behind when time is up: neither a name server
    nor a proxy that never answers can hold the caller longer. A login page of a hotel's network
    is not the hub: the answer must name the repository's commit.
    """
    if offline():
        return False
    answer = threading.Event()
    yes: list[bool] = []

    def ask() -> None:
        with contextlib.suppress(Exception):  # whatever fails, it is not reachable
            yes.append(_names_commit(_address(repo, file), timeout))
        answer.set()

    threading.Thread(target=ask, name="mutoscope-reachable", daemon=True).start()
    return answer.wait(timeout) and yes == [True]


def fetch_file(
    repo: str,
    file: str,
    folder: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch ``file`` of the hub's ``repo`` into ``folder``, unless it is there; return its path.

    The digest is compared with ``sha256`` where given and with the one that the hub names, and
    written down beside the file.
    Raises `NotOnHubError`, or `WeightsError` where it can't be had or came wrong.
    """
    target = folder / file
    if target.is_file():
        return target
    if offline():
        raise WeightsError(
            f"{repo}/{file}: not in the cache and HF_HUB_OFFLINE is set; unset it, or put the file "
            f"at {target}"
        )
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    offer = _offer(repo, file, target)
    folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(folder / f".{file}.lock"):  # two programs must not write one part file
        if not target.is_file():
            part = folder / f".{file}.{_tag(offer.etag)}.part"
            _transfer(offer, part, target, progress)
            keep_digest(target, _verified(part, offer, target, sha256))
            part.replace(target)
    return target


@dataclass(frozen=True)
class _Offer:
    """What the hub says of a file before it is fetched."""

    name: str
    url: str
    etag: str
    size: int | None
    headers: dict[str, str]


def _offer(repo: str, file: str, target: Path) -> _Offer:
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    try:
        data = get_hf_file_metadata(_address(repo, file), timeout=10)
    except EntryNotFoundError as error:
        raise NotOnHubError(f"{repo}: has no file {file} on the hub") from error
    except GatedRepoError as error:
        raise WeightsError(
            f"{repo}: its owners want to be asked first; accept their terms on "
            f"{_endpoint()}/{repo} and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise NotOnHubError(
            f"{repo}: the hub knows no such public repository; check its name, or set HF_TOKEN if "
            "it is private"
        ) from error
    except Exception as error:  # the hub's HTTP library differs between versions
        raise _unobtainable(f"{repo}/{file}", target, error) from error
    # The token is for the hub alone, not for the store that it may send us to.
    at_hub = urlsplit(data.location).netloc == urlsplit(_endpoint()).netloc
    headers = build_hf_headers() if at_hub else {}
    name = f"{repo}/{file}"
    return _Offer(name, data.location, data.etag or "", data.size, headers)


def _transfer(offer: _Offer, part: Path, target: Path, progress: Progress | None) -> None:
    """Append what is missing to ``part``; what came stays there if the connection breaks."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        disable_progress_bars,
        enable_progress_bars,
    )

    for other in part.parent.glob(f".{target.name}.*.part"):
        if other != part:
            other.unlink()  # of a version that is no longer offered
    had = part.stat().st_size if part.exists() else 0
    if offer.size is not None and had > offer.size:
        part.unlink()
        had = 0
    log.info("fetching %s%s", offer.name, f", going on at {had:,} bytes" if had else "")
    disable_progress_bars("huggingface_hub.http_get")
    try:
        with part.open("ab") as file:
            told = Told(file, offer.name, had, offer.size, progress)
            http_get(
                offer.url,
                cast(BinaryIO, told),
                resume_size=had,
                headers=offer.headers,
                expected_size=offer.size,
            )
    except Exception as error:  # the hub's HTTP library differs between versions
        raise _unobtainable(offer.name, target, error) from error
    finally:
        enable_progress_bars("huggingface_hub.http_get")


def _verified(part: Path, offer: _Offer, target: Path, sha256: str | None) -> str:
    """The digest of ``part``, which is deleted unless it is what was offered and wanted."""
    found = digest_of(part)
    # For files in its large store the hub's tag is their sha256; other tags are of another kind.
    named = offer.etag if re.fullmatch(r"[0-9a-f]{64}", offer.etag) else None
    for wanted in (sha256, named):
        if wanted is not None and found != wanted:
            part.unlink()
            raise WeightsError(
                f"{offer.name}: came with sha256 {found} instead of {wanted} and was deleted; "
                f"try again, or put the right file at {target}"
            )
    return found


def _unobtainable(name: str, target: Path, error: Exception) -> WeightsError:
    reason = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
    return WeightsError(
        f"{name}: can't be fetched ({reason}); check the network and try again, or put the file "
        f"at {target}"
    )


def _endpoint() -> str:
    """The hub's address, or that of the mirror in ``HF_ENDPOINT``."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _HUB
    if not endpoint.startswith(("https://", "http://")):
        raise WeightsError(f"HF_ENDPOINT={endpoint}: must begin with https:// or http://")
    return endpoint


def at_endpoint(url: str) -> str:
    """``url`` as the mirror in ``HF_ENDPOINT`` has it, if it is one of the hub's."""
    return _endpoint() + url.removeprefix(_HUB) if url.startswith(f"{_HUB}/") else url


def _address(repo: str, file: str) -> str:
    return f"{_endpoint()}/{repo}/resolve/main/{file}"


def _tag(etag: str) -> str:
    return re.sub(r"\W", "", etag)[:16] or "unnamed"


class _StopAtCommit(urllib.request.HTTPRedirectHandler):
    """Follows redirects until one names the repository's commit."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if _COMMIT in headers:
            return None  # which makes it an error that carries these headers
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _names_commit(address: str, timeout: float) -> bool:
    opener = urllib.request.build_opener(_StopAtCommit)
    question = urllib.request.Request(address, method="HEAD")  # noqa: S310 - http(s), see _endpoint
    headers: Message
    try:
        with opener.open(question, timeout=timeout) as response:
            headers = response.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
        error.close()
    return _COMMIT in headers
