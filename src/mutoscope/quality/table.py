"""A film's report in lines for people, few enough for one screen."""

from collections.abc import Iterator

from mutoscope.quality.faults import Fault
from mutoscope.quality.report import Quality
from mutoscope.quality.wishes import Wish

_PROMPTS = 12  # so many, and the rest are in quality.json
_LABEL = 40


def table(quality: Quality) -> list[str]:
    """The report, line by line."""
    return [*_head(quality), *_figures(quality), *_prompts(quality), *_worst(quality)]


def _head(quality: Quality) -> Iterator[str]:
    film = quality.film
    seconds = f", {len(film) / film.rate:.1f} s at {film.rate:g} a second" if film.rate else ""
    count = f"{len(film)} frame" + ("" if len(film) == 1 else "s")
    yield f"{quality.name}: {count}{seconds}, {film.size[0]} × {film.size[1]}"
    for finding in quality.findings():
        yield f"  ! {finding}"


def _figures(quality: Quality) -> Iterator[str]:
    film = quality.film
    if quality.flicker is not None:
        yield _row("flicker", f"{quality.flicker:.2f} %", "0 is steady, above 5 it boils")
    contrast, colours = (
        quality.last(quality.ratio(name)) for name in ("contrast", "colourfulness")
    )
    drift = quality.last(quality.drift())
    yield _row("colour drift", f"{drift:.1f}", "2 can be seen; first to last second")
    yield _row("contrast", f"{contrast:.2f} ×", f"colourfulness {colours:.2f} ×, same seconds")
    black, white = (100 * quality.last(film.column(name)) for name in ("black", "white"))
    yield _row("black, white", f"{black:.1f} %", f"and {white:.1f} % of the picture at the end")
    if quality.seam is not None:
        what = "last to first frame, in mean steps" + ("; 1 can't be seen" if film.loops else "")
        yield _row("loop seam" if film.loops else "seam", f"{quality.seam:.2f} ×", what)


def _prompts(quality: Quality) -> Iterator[str]:
    if not quality.wishes:
        return
    yield ""
    yield f"{'agreement':48}  begins    ends"
    for wish in quality.wishes[:_PROMPTS]:
        yield _wish(wish)
    if len(quality.wishes) > _PROMPTS:
        yield f"and {len(quality.wishes) - _PROMPTS} more, in quality.json"


def _wish(wish: Wish) -> str:
    begin, end = wish.met(wish.begin), wish.met(wish.end)
    if begin is not None and end is not None:
        figures = f"{begin:6.2f}  {end:6.2f}"
    else:
        figures = f"{'masked':>14}" if not wish.whole else ""
    away = " (away)" if wish.away else ""
    label = f"{wish.label[: _LABEL - len(away)]}{away}"
    return f"scene {wish.scene:<2} {label:{_LABEL}}{figures}  {wish.trend}"


def _worst(quality: Quality) -> Iterator[str]:
    yield ""
    if not quality.faults:
        yield "no frame stands out"
        return
    yield "worst frames"
    for fault in quality.worst:
        yield _fault(quality, fault)
    if len(quality.faults) > len(quality.worst):
        yield f"  and {len(quality.faults) - len(quality.worst)} more"


def _fault(quality: Quality, fault: Fault) -> str:
    film = quality.film
    last = film.numbers[fault.place + fault.length - 1]
    number = f"{film.numbers[fault.place]}" + (f"–{last}" if fault.length > 1 else "")
    time = film.time(fault.place)
    when = "" if time is None else f"{time:7.2f} s"
    unit = "" if fault.kind == "colour" else " %"
    usual = "" if fault.usual is None else f" (usually {fault.usual:.1f}{unit})"
    value = "" if fault.kind == "blank" else f" {fault.value:.1f}{unit}{usual}"
    return f"  frame {number:>7} {when}  {fault.what}{value}"


def _row(name: str, value: str, meaning: str) -> str:
    return f"{name:14}{value:>9}   {meaning}"
