"""Expressions of numbers, read by a whitelist and turned into closures; no text is ever executed.

Python's own parser reads the text, so that operators bind as users expect; then every node of its
tree is either on the list here and becomes a closure, or is refused where it stands. There are
numbers, names, ``+ - * / // % **``, comparisons, ``and``/``or``/``not``, ``a if c else b``, calls
to the functions of `mutoscope.expressions.functions`, and lists of numbers with ``[index]``.

All numbers are floats: no integer can grow without bounds, and no step of a computation can take
long. Parts without a variable are computed once, while reading.
"""

import ast
import math
import re
import warnings
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from mutoscope.errors import ScriptError, nearest
from mutoscope.expressions.closures import (
    BINARY,
    COMPARE,
    UNARY,
    Run,
    Values,
    called,
    chosen,
    compared,
    joined,
    listed,
    picked,
    variable,
)
from mutoscope.expressions.functions import (
    CONSTANTS,
    FUNCTIONS,
    NUMPY,
    Function,
)

LENGTH = 2_000
NODES = 500
DEPTH = 100

Report: TypeAlias = Callable[[int, str], ScriptError]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A closure over the variables' values, and what is known of its result before it runs."""

    run: Run
    names: frozenset[str]
    size: int | None = None  # None: a number; n: a list of n numbers


def shown(text: str, most: int = 60) -> str:
    """The text in quotes for a message, without its middle if it is long."""
    if len(text) > most:
        text = f"{text[: most - 20]}…{text[-19:]}"
    return repr(text)


def reason(error: Exception) -> str:
    """Why a computation failed, in words a user knows."""
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, OverflowError):
        return "a number too large to hold"
    return str(error)


_ADVICE: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is written **",
    ast.BitAnd: "conditions are joined by 'and'",
    ast.BitOr: "conditions are joined by 'or'",
    ast.Invert: "'not' turns a condition round",
    ast.Slice: "an index is one whole number",
    ast.Dict: "keyframes are written 0:(1.0), 30:(2.0)",
    ast.Set: "lists are written [1, 2]",
}
_ALLOWED = (
    "allowed are numbers, + - * / // % **, comparisons, 'a if c else b', and, or, not, "
    "lists, and functions such as sin(t)"
)


def compile_expression(text: str, *, names: Collection[str], report: Report) -> Compiled:
    """Read one expression.

    Args:
        text: What the user wrote.
        names: The variables it may use; they hide constants of the same name.
        report: Makes the error from a position in ``text`` and a message.

    Raises:
        ScriptError: The text is no expression, or not one of the allowed kind.
    """
    if len(text) > LENGTH:
        raise report(0, f"an expression of {len(text)} characters; at most {LENGTH} are allowed")
    # The text may be folded over several lines; one line keeps columns and characters the same.
    line = re.sub(r"[\t\r\n\f]", " ", text)
    body = line.lstrip(" ").rstrip(" ")
    if not body:
        raise report(0, "an empty expression; write a number, or leave the whole part out")
    if "#" in body:
        raise report(line.index("#"), f"'#' in {shown(body)} has no meaning here; remove it")
    return _Reader(body, line.index(body[0]), names, report).read()


class _Reader:
    """The walk over one expression's syntax tree."""

    def __init__(self, text: str, offset: int, names: Collection[str], report: Report) -> None:
        self.text = text
        self.offset = offset
        self.known = names
        self.report = report
        self.nodes = 0

    def read(self) -> Compiled:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Warning)  # of "1if t else 2", which Python reads
                tree = ast.parse(self.text, mode="eval")
        except SyntaxError as error:
            raise self._unreadable(error) from None
        except (ValueError, MemoryError, RecursionError, OverflowError):
            raise self.report(
                self.offset, f"{shown(self.text)} can't be read; {_ALLOWED}"
            ) from None
        return self._node(tree.body, 0)

    def _unreadable(self, error: SyntaxError) -> ScriptError:
        column = error.offset or len(self.text) + 1
        index = min(max(column - 1, 0), len(self.text))
        token = re.match(r"\s*(\w+|\S)", self.text[index:])
        near = f"at {token[1]!r}" if token else "at its end"
        why = error.msg or ""
        why = "" if why.startswith("invalid syntax") else f" ({why})"
        message = f"{shown(self.text)} can't be read {near}{why}; {_ALLOWED}"
        return self.report(self.offset + index, message)

    def _refuse(self, node: ast.AST, message: str, advice: str = "") -> ScriptError:
        column = getattr(node, "col_offset", 0)  # in bytes of UTF-8
        index = len(self.text.encode()[:column].decode(errors="ignore"))
        end = f"; {advice}" if advice else ""
        return self.report(self.offset + index, f"{message} in {shown(self.text)}{end}")

    def _not_allowed(self, node: ast.AST, what: str, kind: ast.AST | None = None) -> ScriptError:
        advice = _ADVICE.get(type(kind or node), _ALLOWED)
        return self._refuse(node, f"{what} is not allowed", advice)

    def _node(self, node: ast.AST, depth: int) -> Compiled:
        self.nodes += 1
        if self.nodes > NODES:
            raise self._refuse(node, f"more than {NODES} parts", "make it shorter")
        if depth > DEPTH:
            raise self._refuse(node, f"more than {DEPTH} levels", "nest fewer terms")
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BinOp():
                if type(node.op) not in BINARY:
                    raise self._not_allowed(node, "that operator", node.op)
                parts = self._numbers((node.left, node.right), depth)
                run = BINARY[type(node.op)](parts[0].run, parts[1].run)
                return self._made(node, run, parts)
            case ast.UnaryOp():
                if type(node.op) not in UNARY:
                    raise self._not_allowed(node, "that operator", node.op)
                parts = self._numbers((node.operand,), depth)
                return self._made(node, UNARY[type(node.op)](parts[0].run), parts)
            case ast.BoolOp():
                parts = self._numbers(node.values, depth)
                return self._made(node, joined(node.op, [part.run for part in parts]), parts)
            case ast.Compare():
                return self._compare(node, depth)
            case ast.IfExp():
                return self._condition(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case ast.Attribute():
                return self._attribute(node)
            case ast.List() | ast.Tuple():
                parts = self._numbers(node.elts, depth)
                if not parts:
                    raise self._refuse(node, "an empty list", "write numbers into it")
                return self._made(node, listed([p.run for p in parts]), parts, len(parts))
            case ast.Subscript():
                return self._item(node, depth)
            case _:
                raise self._not_allowed(node, _kind(node))

    def _numbers(self, nodes: Iterable[ast.AST], depth: int) -> list[Compiled]:
        parts = []
        for node in nodes:
            part = self._node(node, depth + 1)
            if part.size is not None:
                raise self._refuse(
                    node, f"a list of {part.size} stands where a number must", "take one item, [0]"
                )
            parts.append(part)
        return parts

    def _made(
        self, node: ast.AST, run: Run, parts: Iterable[Compiled], size: int | None = None
    ) -> Compiled:
        """The closure with its variables; computed here and now if it has none."""
        names = frozenset[str]().union(*(part.names for part in parts))
        if names:
            return Compiled(run, names, size)
        try:
            value = run({})
        except (ArithmeticError, ValueError) as error:
            raise self._refuse(node, f"{reason(error)}, whatever the time,", "rewrite it") from None
        return Compiled(lambda _: value, names, size)

    def _constant(self, node: ast.Constant) -> Compiled:
        if not isinstance(node.value, int | float):  # True and False are numbers too
            raise self._not_allowed(node, _kind(node))
        try:
            value = float(node.value)
        except OverflowError:
            raise self._refuse(node, "a number too large", "up to 1e308 is possible") from None
        return Compiled(lambda _: value, frozenset())

    def _name(self, node: ast.Name) -> Compiled:
        name = node.id
        if name in self.known:
            return Compiled(variable(name), frozenset((name,)))
        if name in CONSTANTS:
            value = CONSTANTS[name]
            return Compiled(lambda _: value, frozenset())
        if name in FUNCTIONS:
            raise self._refuse(node, f"{name!r} has no arguments", f"write {name}(…)")
        raise self._unknown(node, name)

    def _unknown(self, node: ast.AST, name: str) -> ScriptError:
        if name in ("np", "numpy"):
            return self._refuse(node, f"{name!r} stands alone", "write np.sin(t)")
        variables = ", ".join(_listed(self.known)) or "none"
        words = [*self.known, *CONSTANTS, *FUNCTIONS]
        return self._refuse(
            node,
            f"unknown name {name!r}",
            f"the variables here are {variables} (sound brings bass, beat and others by "
            f"input_audio, and bands of its own by input_audio_filters; MIDI note, key36, cc1 and "
            f"others by input_midi; curves names your own), besides pi, e and functions such as "
            f"sin and max"
            f"{nearest(name, words)}",
        )

    def _compare(self, node: ast.Compare, depth: int) -> Compiled:
        for op in node.ops:
            if type(op) not in COMPARE:
                raise self._not_allowed(node, "that comparison", op)
        parts = self._numbers((node.left, *node.comparators), depth)
        tests = [
            (COMPARE[type(op)], part.run) for op, part in zip(node.ops, parts[1:], strict=True)
        ]
        return self._made(node, compared(parts[0].run, tests), parts)

    def _condition(self, node: ast.IfExp, depth: int) -> Compiled:
        (test,) = self._numbers((node.test,), depth)
        yes, no = (self._node(branch, depth + 1) for branch in (node.body, node.orelse))
        if yes.size != no.size:
            raise self._refuse(
                node, "two values of different lengths", "both sides of 'else' must be alike"
            )
        return self._made(node, chosen(test.run, yes.run, no.run), (test, yes, no), yes.size)

    def _item(self, node: ast.Subscript, depth: int) -> Compiled:
        whole = self._node(node.value, depth + 1)
        if whole.size is None:
            raise self._refuse(node, "a number is followed by [", "only a list has items")
        if isinstance(node.slice, ast.Slice):
            raise self._not_allowed(node.slice, "a range", node.slice)
        (index,) = self._numbers((node.slice,), depth)
        return self._made(node, picked(whole.run, index.run, whole.size), (whole, index))

    def _attribute(self, node: ast.Attribute) -> Compiled:
        name = node.attr
        if not (isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")):
            known = name in FUNCTIONS or name in CONSTANTS
            advice = f"write {name} alone" if known else "only np.NAME may have a dot"
            raise self._refuse(node, f"'.{name}' is not allowed", advice)
        if name in NUMPY:
            raise self._refuse(node, f"'np.{name}' has no arguments", f"write np.{name}(…)")
        if name not in CONSTANTS:
            raise self._no_numpy(node, name)
        value = CONSTANTS[name]
        return Compiled(lambda _: value, frozenset())

    def _no_numpy(self, node: ast.AST, name: str) -> ScriptError:
        some = "np.sin, np.clip, np.where and their like are"
        return self._refuse(node, f"np.{name} is not offered", f"{some}{nearest(name, NUMPY)}")

    def _call(self, node: ast.Call, depth: int) -> Compiled:
        name, function = self._function(node.func)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            advice = "write the arguments in order, without names"
            raise self._refuse(node, f"{name} is given arguments by name or by *", advice)
        parts = [self._node(arg, depth + 1) for arg in node.args]
        kinds = "".join("n" if part.size is None else "v" for part in parts)
        if not re.fullmatch(function.takes.kinds, kinds):
            advice = f"{name} takes {function.takes.words}"
            raise self._refuse(node, f"{name} is given the wrong arguments", advice)
        run = called(function.call, [part.run for part in parts])
        return self._made(node, run, parts, function.size)

    def _function(self, node: ast.expr) -> tuple[str, Function]:
        match node:
            case ast.Name(id=name) if name in FUNCTIONS:
                return name, FUNCTIONS[name]
            case ast.Name(id=name) if name in self.known or name in CONSTANTS:
                advice = "only a function can be called; times is written *"
                raise self._refuse(node, f"{name} is a number and followed by (", advice)
            case ast.Name(id=name):
                raise self._unknown(node, name)
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name):
                if name in NUMPY:
                    return f"np.{name}", NUMPY[name]
                raise self._no_numpy(node, name)
            case ast.Attribute():
                self._attribute(node)
        advice = "only a function can be called, by its name; times is written *"
        raise self._refuse(node, "a value is followed by (", advice)


def _listed(names: Collection[str]) -> list[str]:
    """Variables in order; those that differ in a number as the first and the last of them."""
    numbered: dict[tuple[str, str], list[int]] = {}
    plain = []
    for name in names:
        if match := re.fullmatch(r"(\D*)(\d{1,9})(_prev)?", name):
            numbered.setdefault((match[1], match[3] or ""), []).append(int(match[2]))
        else:
            plain.append(name)
    for (word, rest), numbers in numbered.items():
        if len(numbers) > 3:
            plain.append(f"{word}{min(numbers)}{rest} to {word}{max(numbers)}{rest}")
        else:
            plain += [f"{word}{number}{rest}" for number in numbers]
    return sorted(plain)


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        kinds = {str: "quoted text", bytes: "quoted text", complex: "a complex number"}
        return kinds.get(type(node.value), f"the value {node.value!r}")
    if isinstance(node, ast.JoinedStr):
        return "quoted text"
    return "a " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()


_NOTHING: Values = {}


def value_of(compiled: Compiled) -> Any:
    """What a `Compiled` without variables gives, else ``None``; NaN counts as a value."""
    return None if compiled.names else compiled.run(_NOTHING)


def finite(value: float, *, infinite: bool) -> bool:
    """Whether a result may be used: never NaN, and ±inf only where ``infinite`` allows it."""
    return math.isfinite(value) or (infinite and not math.isnan(value))
