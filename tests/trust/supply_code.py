"""What in Python's text could run something that a file says, found by reading its syntax tree.

`findings` lists every call that could; those that are well stand in ALLOWED, with the reason.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Never, however they are called.
BANNED = {
    *("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"),
    *("os.system", "os.popen", "os.startfile", "pty.spawn", "code.interact"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
    *("marshal.load", "marshal.loads", "shelve.open", "joblib.load", "dill.load", "dill.loads"),
    *("cloudpickle.load", "cloudpickle.loads", "pandas.read_pickle", "torch.package"),
    *("yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"),
    *("yaml.load_all", "torch.hub.load", "torch.hub.load_state_dict_from_url", "runpy.run_path"),
    *("runpy.run_module", "shutil.unpack_archive", "tempfile.mktemp", "safetensors.pickle"),
    *("ssl._create_unverified_context", "torch.jit.load", "torch.compiler.load_cache_artifacts"),
    *("yaml.load", "ctypes.CDLL", "importlib.import_module", "logging.config.listen"),
}
# Of these modules nothing but …
ONLY = {"pickle": {"UnpicklingError", "PickleError"}, "cPickle": set(), "_pickle": set()}
# Methods of whatever object: an archive's, or a loader's that takes code along.
METHODS = {"extractall", "extract", "load_module", "exec_module"}
# Calls that are well only with this keyword, and it must stand there as the very constant.
WITH = {
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "numpy.lib.format.read_array": ("allow_pickle", False),
    "numpy.lib.format.write_array": ("allow_pickle", False),
}
# Keywords that are never well.
WITHOUT = {("shell", True), ("trust_remote_code", True), ("allow_pickle", True), ("verify", False)}
METHODS_WITH = {"from_pretrained": ("use_safetensors", True)}

ALLOWED = {
    ("perceptors/clip_weights.py", "torch.jit.load"): (
        "OpenAI's own archives are TorchScript; only those whose digest is the published one"
    ),
    ("vqgan/config.py", "yaml.load"): "its loader is SafeLoader with limits",
    ("finish/upscale/engines.py", "ctypes.CDLL"): "the system's Vulkan loader, by a fixed name",
    ("motion/flow.py", "importlib.import_module"): "torchvision, by a fixed name",
    ("sweep/results.py", "importlib.import_module"): "pyarrow, by fixed names",
    ("__init__.py", "importlib.import_module"): "our own modules, from a table",
    ("cli/tables.py", "importlib.import_module"): "our own modules, from a table",
    ("studio/shell.py", "importlib.import_module"): "our own modules, from a table",
    ("process.py", "ctypes.CDLL"): "the C library that is loaded already",
    ("finish/upscale/engines.py", ".extract"): "ncnn's word for what comes out of a network",
}
"""(file, call) that is well, and why."""


@dataclass(frozen=True)
class Finding:
    """A call that could run what a file says: where it stands, and what it is."""

    file: str
    line: int
    what: str


def findings(root: Path) -> Iterator[Finding]:
    """All of them in the Python files below ``root``, those that are allowed among them."""
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for line, what in in_text(path.read_text(encoding="utf-8")):
            yield Finding(name, line, what)


def in_text(text: str) -> Iterator[tuple[int, str]]:
    """The line and the name of every such call in a module's text."""
    tree = ast.parse(text)
    known = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            name = _name(node, known)
            module, _, word = name.rpartition(".")
            if (module in ONLY and word not in ONLY[module]) or name in BANNED:
                yield node.lineno, name
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _of_call(node, known))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node.module in ONLY and alias.name not in ONLY[node.module]:
                    yield node.lineno, f"{node.module}.{alias.name}"


def _of_call(node: ast.Call, known: dict[str, str]) -> Iterator[str]:
    name = _name(node.func, known)
    given = {
        word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)
    }
    if name in WITH and given.get(WITH[name][0]) is not WITH[name][1]:
        yield name
    yield from (f"{word}={value}" for word, value in WITHOUT if given.get(word, ...) is value)
    if isinstance(node.func, ast.Attribute):
        method = node.func.attr
        if method in METHODS:
            yield f".{method}"
        if method in METHODS_WITH and given.get(METHODS_WITH[method][0]) is not True:
            yield f".{method}"


def _imported(tree: ast.AST) -> dict[str, str]:
    """What the names in a module stand for, by its imports."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def _name(node: ast.expr, known: dict[str, str]) -> str:
    """The dotted name of an expression, by what was imported; nothing for any other."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = _name(node.value, known)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
