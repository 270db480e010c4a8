"""What a pickle says, found out without doing what it says.

A pickle is a small program: it may import and call anything. This reads that program with a stack
machine of its own, which knows plain values, containers, and the three functions by which PyTorch
describes a tensor. All else that a training script left in there (callbacks, configuration
objects, NumPy scalars, and whatever a stranger thought of) becomes `UNKNOWN`, which nothing calls.
The instructions are those of Python's `pickletools`, protocols 0 to 5.
"""

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

MAX_STEPS = 4_000_000  # a checkpoint of a thousand tensors takes a hundred thousand


class PickleError(ValueError):
    """A pickle that is damaged, cut short, or larger than any checkpoint's."""


class _Unknown:
    """Stands for every object that is not read. There is one, and it can do nothing."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Storage:
    """The numbers behind one or several tensors, by the name under which the file has them."""

    dtype: str  # as in "float32"
    key: str
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a pickle describes it; nothing in it has been checked."""

    storage: Storage
    offset: Any
    size: Any
    stride: Any


@dataclass(frozen=True)
class _Name:
    """Something of another module that the machine knows."""

    name: str


_DTYPES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_KNOWN = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    *(f"torch.{name}" for name in _DTYPES),
}


_LONGEST_NAME = max(map(len, _KNOWN))


@dataclass(frozen=True)
class Pickle:
    """What a pickle says: its value, and every storage that it names, by key."""

    value: Any
    storages: dict[str, Storage]


def read_pickle(file: IO[bytes]) -> Pickle:
    """The next pickle in ``file``, which is left standing behind it.

    Dictionaries keep what has a string for a key. Raises `PickleError`.
    """
    machine = _Machine()
    try:
        return _run(machine, file)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise PickleError(str(error) or type(error).__name__) from error


def _run(machine: "_Machine", file: IO[bytes]) -> Pickle:
    with warnings.catch_warnings():
        # A broken text in a file is the file's matter, not one of this program's source.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if step == MAX_STEPS:
                raise PickleError(f"it has over {MAX_STEPS} steps")
            if opcode.name == "STOP":
                return Pickle(machine.pop(), machine.storages)
            machine.do(opcode.name, argument)
    raise PickleError("it has no end")


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.spent = 0

    def spend(self, steps: int) -> None:
        """Count the work of an instruction that has more of it than the others."""
        self.spent += steps
        if self.spent > MAX_STEPS:
            raise PickleError(f"it has over {MAX_STEPS} steps")

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise PickleError("it takes more from its stack than is there")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def do(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _PUTS:
            self.memo[argument] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in _GETS:
            self.stack.append(self.memo[argument])
        else:
            _STEPS[name](self, argument)


def _mark(m: _Machine, _: Any) -> None:
    m.marks.append(len(m.stack))


def _pop(m: _Machine, _: Any) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.pop()


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def make(m: _Machine, _: Any) -> None:
        items = [m.pop() for _ in range(count)]
        m.stack.append(tuple(reversed(items)))

    return make


def _append(m: _Machine, items: list[Any]) -> None:
    if isinstance(m.stack[-1], list):
        m.stack[-1].extend(items)


def _set_items(target: Any, items: list[Any]) -> None:
    if isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((key, value) for key, value in pairs if isinstance(key, str))


def _set_item(m: _Machine, _: Any) -> None:
    value, key = m.pop(), m.pop()
    _set_items(m.stack[-1], [key, value])


def _set_marked(m: _Machine, _: Any) -> None:
    items = m.pop_to_mark()
    _set_items(m.stack[-1], items)


def _dictionary(m: _Machine, _: Any) -> None:
    made: dict[str, Any] = {}
    _set_items(made, m.pop_to_mark())
    m.stack.append(made)


def _global(m: _Machine, argument: str) -> None:
    m.stack.append(_known(argument.replace(" ", ".", 1)))


def _stack_global(m: _Machine, _: Any) -> None:
    name, module = m.pop(), m.pop()
    named = isinstance(module, str) and isinstance(name, str)
    # Names of megabytes, put together again and again, would be the work of hours.
    short = named and len(module) + len(name) < _LONGEST_NAME
    m.stack.append(_known(f"{module}.{name}") if short else UNKNOWN)


def _known(name: str) -> Any:
    return _Name(name) if name in _KNOWN else UNKNOWN


def _reduce(m: _Machine, _: Any) -> None:
    arguments, function = m.pop(), m.pop()
    m.stack.append(_made(m, function, arguments))


def _made(m: _Machine, function: Any, arguments: Any) -> Any:
    """What ``function`` would have made, of those that are known."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        return UNKNOWN
    match function.name.rpartition(".")[2], arguments:
        case "OrderedDict", ():
            return {}
        case "OrderedDict", (list(pairs),):
            m.spend(len(pairs))
            made: dict[str, Any] = {}
            _set_items(made, [item for key, value in pairs for item in (key, value)])
            return made
        case "_rebuild_tensor" | "_rebuild_tensor_v2", (Storage() as of, offset, size, stride, *_):
            return StoredTensor(of, offset, size, stride)
        case "_rebuild_parameter" | "_rebuild_parameter_with_state", (StoredTensor() as data, *_):
            return data
    return UNKNOWN


def _persistent(m: _Machine, _: Any) -> None:
    found = _storage(m.pop())
    if isinstance(found, Storage):
        found = m.storages.setdefault(found.key, found)
    m.stack.append(found)


def _storage(described: Any) -> Any:
    match described:
        case ("storage", _Name(name), str(key), _, int(count), *view):
            # Old files may say that a storage is a part of another; none of this kind do.
            dtype = _DTYPES.get(name.removeprefix("torch."))
            if dtype is not None and (not view or view[0] is None):
                return Storage(dtype, key, count)
    return UNKNOWN


def _forget(count: int) -> Callable[[_Machine, Any], None]:
    """An instruction that makes some object of ``count`` others."""

    def make(m: _Machine, _: Any) -> None:
        for _ in range(count):
            m.pop()
        m.stack.append(UNKNOWN)

    return make


def _forget_marked(m: _Machine, _: Any) -> None:
    m.pop_to_mark()
    m.stack.append(UNKNOWN)


def _drop(m: _Machine, _: Any) -> None:
    m.pop()


def _drop_marked(m: _Machine, _: Any) -> None:
    m.pop_to_mark()


def _ignore(m: _Machine, _: Any) -> None:
    pass


_PUSHES = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"}
    | {"BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: UNKNOWN,
    "EXT1": lambda: UNKNOWN,
    "EXT2": lambda: UNKNOWN,
    "EXT4": lambda: UNKNOWN,
    "PERSID": lambda: UNKNOWN,
}
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _ignore,
    "FRAME": _ignore,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _drop_marked,
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "LIST": lambda m, _: m.stack.append(m.pop_to_mark()),
    "APPEND": lambda m, _: _append(m, [m.pop()]),
    "APPENDS": lambda m, _: _append(m, m.pop_to_mark()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "DICT": _dictionary,
    "SETITEM": _set_item,
    "SETITEMS": _set_marked,
    "ADDITEMS": _drop_marked,
    "FROZENSET": _forget_marked,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _drop,  # what is built into keeps what it was
    "NEWOBJ": _forget(2),
    "NEWOBJ_EX": _forget(3),
    "OBJ": _forget_marked,
    "INST": _forget_marked,
    "BINPERSID": _persistent,
}
