"""Ray itself: found, quiet, connected to a cluster that answers, and one that can do our work."""

import logging
import os
import socket
import warnings
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from mutoscope.crew.place import versions
from mutoscope.errors import ExtraError, RunError, SettingsError, printable

REACH = 5.0
"""Seconds within which a cluster has to answer."""

_SAID = 200  # characters of what Ray says that are passed on


def connected(address: str) -> ModuleType:
    """Ray, connected to a cluster, and quiet."""
    host, port = _parsed(address)
    # Before Ray is loaded: it would report its use to its makers.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ExtraError(
            "--on: the package ray is missing; install it with: pip install 'mutoscope[ray]'"
        ) from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if host is not None:
        _probe(address, host, port)
    quiet: dict[str, Any] = {
        "logging_level": logging.CRITICAL, "log_to_driver": False, "configure_logging": False,
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what goes wrong is said below, in one line
            ray.init(address if host is not None else "auto", **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        way = (
            "is ray start --head running there, with this version of Ray and Python? If it wants a "
            "token, set RAY_AUTH_MODE=token"
            if host is not None
            else "this machine belongs to none; begin one with ray start --head, or give its "
            "address: --on ray://HOST:10001"
        )
        raise RunError(f"--on {address}: no cluster answers ({said(error)}); {way}") from error
    found: ModuleType = ray
    return found


def _parsed(address: str) -> tuple[str | None, int]:
    """Host and port of an address, the host None for this machine's own cluster."""
    if address == "ray":
        return None, 0
    try:
        parts = urlsplit(address)
        if parts.scheme == "ray" and parts.hostname and parts.path in ("", "/"):
            return parts.hostname, parts.port or 10001
    except ValueError:
        pass
    raise SettingsError(
        f"--on: {printable(address)[:80]!r} is no cluster; give ray://HOST:PORT, or ray for the "
        "one that this machine belongs to"
    )


def _probe(address: str, host: str, port: int) -> None:
    """Refuse within seconds what Ray would try for half a minute."""
    import grpc  # type: ignore[import-untyped]

    try:
        socket.create_connection((host, port), timeout=REACH).close()
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        with grpc.insecure_channel(f"{host}:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=REACH)
    except OSError as error:
        why = error.strerror or str(error)
    except grpc.FutureTimeoutError:
        why = "something else than Ray listens there"
    else:
        return
    raise RunError(
        f"--on {address}: no cluster answers ({why}); the port is the one for clients, 10001 "
        "unless ray start --head was told otherwise"
    )


def refuse_other_versions(hello: Any) -> None:
    """Refuse a place with other versions than ours: its pictures may not be the same."""
    ours, said = versions(), hello if isinstance(hello, dict) else {}
    for package, version in ours.items():
        theirs = said.get(package)
        if theirs != version:
            machine, has = (printable(str(word))[:80] for word in (said.get("machine"), theirs))
            raise RunError(
                f"{machine}: has {package} {has} and this machine {version}, so its pictures "
                f"might differ; install the same on both: pip install "
                f"mutoscope=={ours['mutoscope']} torch=={ours['torch']}"
            )


def refuse_unprepared(error: Exception) -> None:
    """Refuse a cluster whose machines can't do our work, which trying again would not help."""
    if "No module named" in str(error):
        raise RunError(
            "a machine of the cluster has no Mutoscope; install this one on each: "
            f"pip install 'mutoscope[ray]=={versions()['mutoscope']}' ({said(error)})"
        ) from error


def said(error: BaseException) -> str:
    """What Ray says, as the end of a line: of many lines the last that says anything."""
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return printable(lines[-1] if lines else type(error).__name__)[:_SAID]
