"""Expressions of numbers: a safe arithmetic, read once and then fast to evaluate."""

from mutoscope.expressions.closures import Run, Values
from mutoscope.expressions.compiler import (
    LENGTH,
    Compiled,
    Report,
    compile_expression,
    finite,
    reason,
    shown,
    value_of,
)
from mutoscope.expressions.functions import CONSTANTS, FUNCTIONS, NUMPY

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "LENGTH",
    "NUMPY",
    "Compiled",
    "Report",
    "Run",
    "Values",
    "compile_expression",
    "finite",
    "reason",
    "shown",
    "value_of",
]
