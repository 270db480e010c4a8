"""Which crew does the work: processes of this machine, or a cluster."""

import os

from mutoscope.crew.processes import Processes
from mutoscope.crew.ray import RayCluster
from mutoscope.crew.task import Crew


def crew_of(on: str | None, workers: int | None = None, threads: int | None = None) -> Crew:
    """The crew that is asked for.

    Args:
        on: the address of a Ray cluster (see `RayCluster`); None for processes of this machine.
        workers: how many; by default as many as there is room for.
        threads: of each; by default one on a cluster, here what the workers leave to each.

    Raises:
        ExtraError: Ray is not installed.
        SettingsError: that is no address.
        RunError: no cluster answers there.
    """
    if on is not None:
        return RayCluster(on, workers=workers, threads=threads or 1)
    cores = os.cpu_count() or 1
    count = workers or max(1, cores // (threads or 1))
    return Processes(count, threads or max(1, cores // count))
