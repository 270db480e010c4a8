"""Where networks' weights are: on this machine, or how to get them."""

from mutoscope.weights.digests import unchanged
from mutoscope.weights.hub import NotOnHubError, offline
from mutoscope.weights.listing import Row, catalogue, state_of
from mutoscope.weights.pairs import Pair, check_pair, fetch_pair, locate_pair
from mutoscope.weights.places import fetch, find_vocabulary, locate, reachable
from mutoscope.weights.transfer import Progress, Transfer

__all__ = [
    "NotOnHubError",
    "Pair",
    "Progress",
    "Row",
    "Transfer",
    "catalogue",
    "check_pair",
    "fetch",
    "fetch_pair",
    "find_vocabulary",
    "locate",
    "locate_pair",
    "offline",
    "reachable",
    "state_of",
    "unchanged",
]
