"""Where networks' weights are: on this machine, or how to get them."""

from mutoscope.weights.hub import NotOnHubError, Progress, Transfer, offline
from mutoscope.weights.places import (
    Row,
    catalogue,
    fetch,
    find_vocabulary,
    locate,
    reachable,
)

__all__ = [
    "NotOnHubError",
    "Progress",
    "Row",
    "Transfer",
    "catalogue",
    "fetch",
    "find_vocabulary",
    "locate",
    "offline",
    "reachable",
]
