"""Paths through a latent space: closed curves, at a speed that looks constant."""

from mutoscope.paths.closed import (
    Curve,
    Map,
    bezier,
    bitloop,
    noise_loop,
    orbit,
    period,
    sine,
    spline,
    zigzag,
)
from mutoscope.paths.pace import Features, Pace, angles, measure, pace_of, warped

__all__ = [
    "Curve",
    "Features",
    "Map",
    "Pace",
    "angles",
    "bezier",
    "bitloop",
    "measure",
    "noise_loop",
    "orbit",
    "pace_of",
    "period",
    "sine",
    "spline",
    "warped",
    "zigzag",
]
