"""Every number over time asked beforehand, so that a run is not lost to one in its middle."""

from mutoscope.build.wishes import Number, Wishes
from mutoscope.curves import DEPTH_NAMES
from mutoscope.schedule import Schedule, Shot
from mutoscope.settings import Settings


def refuse_what_has_no_value(settings: Settings, schedule: Schedule) -> None:
    """Refuse settings of which a number can't be computed, or isn't finite, at some step.

    What hangs on the depth of the picture is not asked.

    Raises:
        ScriptError: the first there is; it names the key and the time.
    """
    wishes = Wishes(settings)
    moves = [number for wish in wishes.motion() for number in wish.numbers if _known(number)]
    if not any(_known(number) for number in wishes.numbers()):
        return
    for shot in schedule.shots():
        if shot.moves:
            for number in moves:
                number(shot.moment.values)
        _ask(wishes, shot, schedule)


def _ask(wishes: Wishes, shot: Shot, schedule: Schedule) -> None:
    varying = [(wish, number) for wish in wishes(shot) for number in wish.numbers if _known(number)]
    for step in shot.steps if varying else ():
        moment = schedule.moment(step)
        for wish, number in varying:
            if wish.strength(moment.scene_step):
                number(moment.values)


def _known(number: Number) -> bool:
    """Whether it varies, and not with the depth of a picture that is still to be painted."""
    return number.constant is None and not number.names & DEPTH_NAMES
