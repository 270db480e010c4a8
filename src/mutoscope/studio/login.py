"""The page that asks for the password, and how often it may be tried."""

import ipaddress
import time
from html import escape

MOST_BYTES = 4096  # of what the page sends
SECONDS = 10.0  # in which it has to come
_FREE = 5  # wrong ones from one address before the next has to wait
_LONGEST = 300.0  # seconds
_FORGOTTEN = 900.0  # seconds after which an address is new again
_MOST_ADDRESSES = 10_000

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;background:#141416;color:#ececee;display:grid;"
    "place-items:center;min-height:100vh;margin:0}main{width:min(22rem,86vw)}h1{font-weight:500;"
    "font-size:1.4rem}label{display:block;margin:1rem 0 .3rem}input,button{font:inherit;width:100%;"
    "box-sizing:border-box;padding:.7rem;border-radius:.5rem;border:1px solid #77777f;"
    "background:#1d1d20;color:inherit}button{margin-top:1rem;background:#e8c07a;color:#1b1509;"
    "border-color:#e8c07a;cursor:pointer}a{color:#e8c07a}"
    ":focus-visible{outline:3px solid #9ec5ff;outline-offset:2px}"
)
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width,initial-scale=1"><title>Mutoscope</title>'
    f"<style>{_STYLE}</style>"
)
ENTER = (
    _HEAD.replace("<style>", '<meta http-equiv="refresh" content="0;url=/"><style>', 1)
    + '</head><body><main><h1>Mutoscope</h1><p><a href="/">Open the studio</a></p></main></body>'
    "</html>"
)


def page(words: str) -> str:
    """The page, with what is to be said about the last try."""
    said = f'<p role="alert">{escape(words)}</p>' if words else ""
    return (
        f'{_HEAD}</head><body><main><h1>Mutoscope</h1><form method="post" action="/login">'
        f'{said}<label for="password">Password</label><input id="password" name="password" '
        'type="password" autocomplete="current-password" required autofocus>'
        '<button type="submit">Open the studio</button></form></main></body></html>'
    )


class Tries:
    """How often each address has tried in vain; after a few, each makes the next wait longer.

    One that has IPv6 has 2^64 addresses at least, so these count as one.
    """

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, float]] = {}  # how many, and when the last

    def wait(self, who: str) -> float:
        """How many seconds an address has to wait before it may try."""
        count, last = self._wrong.get(self._known(who), (0, 0.0))
        since = time.monotonic() - last
        if count < _FREE or since > _FORGOTTEN:
            return 0.0
        return max(0.0, min(_LONGEST, 2.0 ** (count - _FREE + 1)) - since)

    def begin(self, who: str) -> None:
        """An address tries."""
        now = time.monotonic()
        if len(self._wrong) >= _MOST_ADDRESSES:
            self._wrong = {k: v for k, v in self._wrong.items() if now - v[1] < _FORGOTTEN}
        who = self._known(who)
        count, last = self._wrong.get(who, (0, 0.0))
        self._wrong[who] = (1 if now - last > _FORGOTTEN else count + 1, now)

    def right(self, who: str) -> None:
        """It was right: all is forgotten."""
        self._wrong.pop(self._known(who), None)

    def _known(self, who: str) -> str:
        """What an address is counted under; where there are very many, new ones are one."""
        who = _network(who)
        return who if who in self._wrong or len(self._wrong) < _MOST_ADDRESSES else ""


def _network(who: str) -> str:
    """An IPv4 address, however it is written; of an IPv6 address the part that is assigned."""
    try:
        address = ipaddress.ip_address(who.partition("%")[0])
    except ValueError:
        return who
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
