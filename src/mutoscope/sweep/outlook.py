"""What a sheet will cost, before it is paid for, and whether all of it can be had."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mutoscope.build import Shelf, build
from mutoscope.build.pictures import Pictures
from mutoscope.crew.painting import Fetching
from mutoscope.errors import MutoscopeError
from mutoscope.plan import Plan
from mutoscope.sweep.jobs import Job, Sweep

TRIALS = 12  # kinds of pictures whose cost is tried out; the rest cost what these do on average
_CHEAP = ("scenes", "seed", "file_namespace")  # what hardly changes the cost of a picture


@dataclass(frozen=True)
class Outlook:
    """What a sheet will cost; ``sweep`` names the perceptors that were really taken."""

    sweep: Sweep
    plan: Plan


def foresee(
    sweep: Sweep,
    shelf: Shelf,
    *,
    progress: Fetching | None = None,
    left: Sequence[int] = (),
    trials: int = TRIALS,
    spare: bool = False,
) -> Outlook:
    """What the pictures of a sheet will cost, from trial steps; nothing is written.

    Kinds of pictures are built, so that what can't be had is refused before the first.

    Args:
        sweep: the pictures.
        shelf: where the networks are left for them.
        progress: as for `mutoscope.build.build`.
        left: the numbers of those that are still to be made, all where there are none.
        trials: how many kinds of pictures are built and tried.
        spare: whether what can't be had for some of them is left to be found out when they are
            made, so that the others are.

    Raises:
        MutoscopeError: something that their settings name can't be had.
    """
    jobs = [sweep.jobs[index] for index in left] or list(sweep.jobs)
    kinds: dict[str, list[Job]] = {}
    refused: MutoscopeError | None = None
    for job in jobs:
        try:
            Pictures(job.settings)
        except MutoscopeError as error:
            if not spare:
                raise
            refused = refused or error
            continue
        told = {k: v for k, v in job.settings.to_dict().items() if k not in _CHEAP}
        kinds.setdefault(repr(sorted(told.items(), key=lambda item: item[0])), []).append(job)
    plans: list[tuple[Plan, int]] = []
    for same in kinds.values():
        if len(plans) >= trials:
            break
        try:
            # Nothing is compiled for a few trial steps.
            trial = same[0].settings.replace(compile="no")
            parts = build(trial, progress=progress, shelf=shelf)
        except MutoscopeError as error:
            if not spare:
                raise
            refused = refused or error
            continue
        sweep = sweep.with_choices(parts.settings)
        plans.append((parts.plan(), len(same)))
    if not plans:
        assert refused is not None  # noqa: S101 - or there was a plan
        raise refused
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
