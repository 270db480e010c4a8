"""What a sheet will cost, before it is paid for, and whether all of it can be had."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mutoscope.build import Shelf, build
from mutoscope.build.pictures import Pictures
from mutoscope.plan import Plan
from mutoscope.sweep.jobs import Job, Sweep
from mutoscope.weights import Progress

Fetching = Callable[[str], Progress]

_TRIALS = 12  # kinds of pictures whose cost is tried out; the rest cost what these do on average
_CHEAP = ("scenes", "seed", "file_namespace")  # what hardly changes the cost of a picture


@dataclass(frozen=True)
class Outlook:
    """What a sheet will cost; ``sweep`` names the perceptors that were really taken."""

    sweep: Sweep
    plan: Plan


def foresee(
    sweep: Sweep, shelf: Shelf, *, progress: Fetching | None = None, left: Sequence[int] = ()
) -> Outlook:
    """What the pictures of a sheet will cost, from trial steps; nothing is written.

    Every kind of picture is built once, so that what can't be had is refused before the first.

    Args:
        sweep: the pictures.
        shelf: where the networks are left for them.
        progress: as for `mutoscope.build.build`.
        left: the numbers of those that are still to be made, all where there are none.

    Raises:
        MutoscopeError: something that their settings name can't be had.
    """
    jobs = [sweep.jobs[index] for index in left] or list(sweep.jobs)
    kinds: dict[str, list[Job]] = {}
    for job in jobs:
        Pictures(job.settings)
        told = {k: v for k, v in job.settings.to_dict().items() if k not in _CHEAP}
        kinds.setdefault(repr(sorted(told.items(), key=lambda item: item[0])), []).append(job)
    plans: list[tuple[Plan, int]] = []
    for same in list(kinds.values())[:_TRIALS]:
        parts = build(same[0].settings, progress=progress, shelf=shelf)
        if "auto" in same[0].settings.perceptor_names:
            sweep = sweep.with_perceptors(parts.settings.perceptor_names)
        plans.append((parts.plan(), len(same)))
    tried = sum(count for _, count in plans)
    share = len(jobs) / tried
    plan = plans[-1][0]
    notes = (f"{len(jobs)} picture{'s' if len(jobs) > 1 else ''}", *plan.notes)
    total = replace(
        plan,
        seconds=share * sum(one.seconds * count for one, count in plans),
        memory=max(one.memory for one, _ in plans),
        disk=round(share * sum(one.disk * count for one, count in plans)),
        notes=notes,
    )
    return Outlook(sweep, total)
