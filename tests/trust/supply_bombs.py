"""Hostile files of every kind that this program reads, and what is known of the harm they try.

A `Bomb` pickles into a call that leaves a mark: a file that is there once anything of it has run.
"""

import collections
import io
import json
import os
import pickle
import struct
import subprocess
import tarfile
import warnings
import zipfile
from pathlib import Path

import torch


class Bomb:
    """Pickles into a call of ``function``."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Sneaking:
    """Pickles as something that every checkpoint has, with a bomb in the state that it is given."""

    def __init__(self, inner):
        self.inner = inner

    def __reduce__(self):
        return (collections.OrderedDict, (), {"inner": self.inner})


CHARGES = {
    "write": lambda mark: Bomb(Path.write_text, mark, "was here"),
    "touch": lambda mark: Bomb(Path.touch, mark),
    "system": lambda mark: Bomb(os.system, f"touch '{mark}'"),
    "call": lambda mark: Bomb(subprocess.call, ["touch", str(mark)]),
    "eval": lambda mark: Bomb(eval, f"open({str(mark)!r}, 'w').close()"),
    "exec": lambda mark: Bomb(exec, f"open({str(mark)!r}, 'w').close()"),
    "save": lambda mark: Bomb(torch.save, 0, str(mark)),
    "loads": lambda mark: Bomb(pickle.loads, pickle.dumps(Bomb(Path.touch, mark))),
    "storage": lambda mark: Bomb(
        torch.storage._load_from_bytes, _saved(Bomb(Path.touch, mark), True)
    ),
    "state": lambda mark: Sneaking(Bomb(Path.touch, mark)),
}
"""What a pickle may want to call; each leaves ``mark`` behind if it does."""


def as_zip(content):
    """As torch.save writes it."""
    return _saved(content, True)


def as_legacy(content):
    """As torch.save wrote it before 1.6."""
    return _saved(content, False)


def as_pickle(content):
    """A pickle alone."""
    return pickle.dumps(content, 2)


def as_new_pickle(content):
    """A pickle alone, in the newest form."""
    return pickle.dumps(content, 5)


def as_old_tar(content):
    """As torch.save wrote it in its first year: a tar archive of pickles."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            _add(archive, name, pickle.dumps(content, 2))
    return buffer.getvalue()


def as_script(content):
    """A zip archive that calls itself a TorchScript program: its constants and its data explode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("constants.pkl", "data.pkl"):
            archive.writestr(f"a/{name}", pickle.dumps(content, 2))
        archive.writestr("a/code/__torch__.py", "import os\n")
        archive.writestr("a/version", "3\n")
    return buffer.getvalue()


def as_foreign_name(content):
    """A pickle in a file that begins as safetensors do."""
    data = pickle.dumps(content, 2)
    return struct.pack("<Q", len(data)) + data


PACKS = (as_zip, as_legacy, as_pickle, as_new_pickle, as_old_tar, as_script, as_foreign_name)
"""The forms in which a pickle may come."""


def _saved(content, new):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, buffer, _use_new_zipfile_serialization=new)
    return buffer.getvalue()


def _add(archive, name, data, **traits):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in traits.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(data))


def tar_of(*members):
    """A tar archive of (name, bytes, traits), for what a webdataset may hold."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data, traits in members:
            _add(archive, name, data, **traits)
    return buffer.getvalue()


# --- safetensors ---------------------------------------------------------------------------------


def safetensors(header, data=b"", *, length=None):
    """A file of that form: ``header`` as text or as what JSON is made of."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _tensor(**changes):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


DEEP = b"[" * 200_000
HEADERS = {
    "no file": b"",
    "seven bytes": b"1234567",
    "a length of nothing": safetensors(b"", length=0),
    "a length beyond the file": safetensors({}, length=2**40),
    "a length beyond all files": safetensors({}, length=2**64 - 1),
    "no JSON": safetensors(b"{'a': 1}"),
    "JSON in JSON in JSON": safetensors(b'{"a":' + DEEP),
    "a list": safetensors(b"[1, 2]"),
    "two of a name": safetensors(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":[]}}',
        bytes(8),
    ),
    "no such numbers": safetensors(_tensor(dtype="EVAL"), bytes(8)),
    "too large a shape": safetensors(_tensor(shape=[2**33, 2**33]), bytes(8)),
    "a negative shape": safetensors(_tensor(shape=[-2]), bytes(8)),
    "numbers beyond the file": safetensors(_tensor(data_offsets=[0, 2**50]), bytes(8)),
    "numbers before the file": safetensors(_tensor(data_offsets=[-8, 0]), bytes(8)),
    "numbers backwards": safetensors(_tensor(data_offsets=[8, 0]), bytes(8)),
    "numbers of another count": safetensors(_tensor(shape=[3]), bytes(8)),
    "numbers twice": safetensors({**_tensor(), "b": _tensor()["a"]}, bytes(8)),
    "a hole": safetensors(_tensor(data_offsets=[8, 16]), bytes(16)),
    "metadata of another kind": safetensors({"__metadata__": {"a": {"b": 1}}, **_tensor()}),
    "text behind the numbers": safetensors(_tensor(), bytes(8) + b"x" * 100),
}
"""Files whose header is a lie."""

# --- YAML ----------------------------------------------------------------------------------------

TAGS = (
    "!!python/object/apply:os.system ['touch {mark}']",
    "!!python/object/apply:builtins.exec ['import pathlib; pathlib.Path(\"{mark}\").touch()']",
    '!!python/object/apply:builtins.eval [\'open("{mark}", "w").close()\']',
    "!!python/object/apply:subprocess.call [[touch, '{mark}']]",
    "!!python/object/new:os.system ['touch {mark}']",
    "!!python/object/new:type {{args: [z, !!python/tuple [], {{extend: !!python/name:exec }}], "
    "listitems: \"open('{mark}','w').close()\"}}",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object:pathlib.Path {{}}",
    "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {mark}']",
    "!custom [1]",
)
"""Values that an unsafe loader would make by calling something."""

RESOLVERS = (
    "${oc.env:HOME}",
    "${oc.env:HOME,x}",
    "${oc.decode:'[1]'}",
    "${oc.select:seed}",
    "${oc.dict.values:seed}",
    "${oc.deprecated:seed}",
    "${oc.create:{}}",
    "${bomb:}",
    "${bomb:x}",
    "x${bomb:a,b}y",
    "${path_join:a,${bomb:x}}",
    "${user_cache:${bomb:x}}",
    "${now:${bomb:x}}",
    "${${bomb:x}}",
)
"""Interpolations that would call a resolver of OmegaConf's, or the one called ``bomb``."""

JSON = {
    "nested": DEEP,
    "nested objects": b'{"a":' * 100_000,
    "half a text": b'"\xff\xfe',
    "a large number": b"[" + b"9" * 5_000 + b"]",
    "no numbers": b'{"a": NaN, "b": Infinity, "c": 1e999}',
    "a null": b"null",
    "a text": b'"__import__"',
    "an empty list": b"[]",
    "an empty object": b"{}",
}
"""What stands in for a file of JSON."""
