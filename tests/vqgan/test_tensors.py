"""Checkpoints as training scripts wrote them, broken ones, and hostile ones."""

import collections
import contextlib
import io
import os
import pickle
import struct
import sys
import time
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mutoscope.errors import WeightsError
from mutoscope.vqgan import pickled
from mutoscope.vqgan.pickled import UNKNOWN, PickleError, read_pickle
from mutoscope.vqgan.tensors import read_tensors


@contextlib.contextmanager
def training_program():
    """The modules that a checkpoint of 2020 speaks of, there as long as it is being written."""
    places = {
        "ModelCheckpoint": ("pytorch_lightning.callbacks.model_checkpoint", ()),
        "AttributeDict": ("pytorch_lightning.utilities.parsing", (dict,)),
        "DictConfig": ("omegaconf.dictconfig", ()),
        "ListConfig": ("omegaconf.listconfig", (list,)),
    }
    classes = [type(name, bases, {"__module__": at}) for name, (at, bases) in places.items()]
    hidden = {}
    for made in classes:
        parts = made.__module__.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name not in hidden:
                hidden[name] = sys.modules.get(name)
                sys.modules[name] = types.ModuleType(name)
        setattr(sys.modules[made.__module__], made.__name__, made)
    try:
        yield types.SimpleNamespace(**{made.__name__: made for made in classes})
    finally:
        for name, module in hidden.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def numbers(seed=0):
    rng = torch.Generator().manual_seed(seed)
    shared = torch.randn(4, 6, generator=rng)
    return {
        "decoder.conv_in.weight": torch.randn(5, 3, 3, 3, generator=rng),
        "turned": shared.T,
        "part": shared[1:3, 2:4],
        "half": torch.randn(7, generator=rng).half(),
        "brain": torch.randn(3, 2, generator=rng).bfloat16(),
        "counts": torch.arange(5),
        "flag": torch.tensor(True),
        "empty": torch.zeros(0, 3),
    }


def lightning_checkpoint(program, state):
    """What pytorch-lightning 1.0 saved, with all that is not a tensor."""
    config = program.DictConfig()
    config.__dict__.update(_content={"target": "x"}, _flags={"struct": True}, _parent=config)
    hyper = program.AttributeDict(learning_rate=4.5e-6, config=config)
    hyper.more = program.ListConfig([1, config])
    optimiser = {"state": {0: {"step": 3, "exp_avg": torch.ones(9)}}, "param_groups": [{"lr": 1}]}
    return {
        "epoch": 11,
        "global_step": 250_000,
        "callbacks": {
            program.ModelCheckpoint: {"best_model_score": np.float64(0.25), "best": ["a"]},
            "set": {1, 2},
            "frozen": frozenset({config}),
        },
        "optimizer_states": [optimiser],
        "hyper_parameters": hyper,
        "state_dict": collections.OrderedDict(state),
        "scores": np.arange(3),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_checkpoint_of_its_time(tmp_path, zipped, protocol):
    state = numbers()
    state["loss.perceptual"] = torch.nn.Parameter(torch.ones(4))
    path = tmp_path / "last.ckpt"
    with training_program() as program:
        torch.save(
            lightning_checkpoint(program, state),
            path,
            _use_new_zipfile_serialization=zipped,
            pickle_protocol=protocol,
        )
    assert_equal(read_tensors(path), state)
    assert set(read_tensors(path, wanted=lambda name: "loss." not in name)) == set(numbers())


def assert_equal(found, state):
    assert set(found) == set(state)
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.detach()), name


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"model": s}])
@pytest.mark.parametrize("zipped", [True, False])
def test_plain_dictionaries(tmp_path, wrap, zipped):
    path = tmp_path / "plain.pt"
    torch.save(wrap(numbers()), path, _use_new_zipfile_serialization=zipped)
    assert_equal(read_tensors(path), numbers())


def test_safetensors_under_any_name(tmp_path):
    state = {name: tensor.contiguous() for name, tensor in numbers().items()}
    for name in ("a.safetensors", "a.ckpt"):
        save_file(state, tmp_path / name)
        assert_equal(read_tensors(tmp_path / name), state)
        assert set(read_tensors(tmp_path / name, wanted=lambda name: name == "half")) == {"half"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is asked of Linux")
def test_tensors_stay_in_the_file_until_they_are_used(tmp_path):
    """A checkpoint of 128 MiB, nearly all of it unused, costs no memory."""
    path = tmp_path / "large.ckpt"
    torch.save({"small": torch.ones(3), "large": torch.zeros(2**25)}, path)
    before = resident()
    tensors = read_tensors(path)
    assert tensors["small"].sum() == 3
    assert resident() - before < 40 * 2**20
    assert tensors["large"].shape == (2**25,)


def resident():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


# --- broken files --------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_a_file_that_was_cut_short(tmp_path, zipped, share):
    path = tmp_path / "cut.ckpt"
    torch.save({"state_dict": {"a": torch.ones(3000)}}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(WeightsError, match=r"cut short|neither a PyTorch") as refused:
        read_tensors(path)
    assert "fetch it again" in str(refused.value)
    assert "\n" not in str(refused.value)


def zip_of(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE HTML><html>virus scan warning", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"words, words", "is neither a PyTorch checkpoint nor safetensors"),
        (np.random.default_rng(1).bytes(600), "is neither|damaged"),
        # The instruction c, with what would be an odd escape in Python's source.
        (b"cw\\method\nname\n.", "is neither"),
        (pickle.dumps({"a": 1}), "is neither a PyTorch checkpoint nor safetensors"),
        (zip_of(**{"readme.txt": "hello"}), "without a data.pkl"),
        (zip_of(**{"a/data.pkl": b"\x80\x02"}), "damaged or cut short"),
        (zip_of(**{"a/data.pkl": pickle.dumps([1], 2)}), "holds no named tensors"),
        (zip_of(**{"a/data.pkl": pickle.dumps(1), "a/byteorder": "big"}), "big-endian"),
        (struct.pack("<Q", 10**15) + b'{"a": 1}', "damaged or cut short"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, complaint):
    path = tmp_path / "odd.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=complaint) as refused:
        read_tensors(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_no_file(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        read_tensors(tmp_path / "none.ckpt")
    with pytest.raises(WeightsError, match="is a folder"):
        read_tensors(tmp_path)


def test_a_zip_that_was_packed_again(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as old,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(WeightsError, match="compressed"):
        read_tensors(tmp_path / "b.pt")


# --- hostile files -------------------------------------------------------------------------------


REBUILD = torch._utils._rebuild_tensor_v2


class Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "bomb",
    [
        lambda ran: Calls(os.system, f"touch {ran}"),
        lambda ran: Calls(eval, f"open({str(ran)!r}, 'w')"),
        lambda ran: Calls(exec, f"open({str(ran)!r}, 'w')"),
        lambda ran: Calls(getattr, Calls(__import__, "os"), "mkdir"),
        lambda ran: Calls(torch.load, str(ran)),
        lambda ran: Calls(torch.storage._load_from_bytes, b"cos\nsystem\n(S'true'\ntR."),
        lambda ran: Calls(open, str(ran), "w"),
        lambda ran: Calls(collections.OrderedDict, Calls(open, str(ran), "w")),
        lambda ran: Calls(REBUILD, Calls(open, str(ran), "w"), 0, (1,), (1,), False, None),
    ],
)
def test_nothing_that_a_file_names_is_called(tmp_path, monkeypatch, bomb, protocol):
    ran = tmp_path / "ran"
    text = pickle.dumps({"state_dict": {"a": bomb(ran)}, "b": 1}, protocol)
    value = read_pickle(io.BytesIO(text)).value
    assert value["b"] == 1
    assert value["state_dict"]["a"] in (UNKNOWN, {})
    assert not ran.exists()
    (tmp_path / "bad.ckpt").write_bytes(zip_of(**{"a/data.pkl": text}))
    with pytest.raises(WeightsError, match="holds no named tensors"):
        read_tensors(tmp_path / "bad.ckpt")
    assert not ran.exists()


class Described:
    """Pickles as a tensor of a storage with ``count`` numbers."""

    def __init__(self, count, offset, size, stride, key="0"):
        self.storage = ("storage", torch.FloatStorage, key, "cpu", count)
        self.rest = (offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return (REBUILD, (self, *self.rest))


class Pickler(pickle.Pickler):
    """Writes a `Described` first as its tensor, and within that as its storage."""

    def persistent_id(self, thing):
        if isinstance(thing, Described):
            if getattr(thing, "open", False):
                return thing.storage
            thing.open = True
        return None


def archive_of(described, data=bytes(400)):
    text = io.BytesIO()
    Pickler(text, 2).dump({"state_dict": {"weight": described}})
    return zip_of(**{"a/data.pkl": text.getvalue(), "a/data/0": data})


def test_a_tensor_described_by_hand_is_read(tmp_path):
    path = tmp_path / "a.ckpt"
    path.write_bytes(archive_of(Described(100, 4, (8, 12), (12, 1)), bytes(range(200)) * 2))
    expected = torch.frombuffer(bytearray(range(200)) * 2, dtype=torch.float32)[4:].view(8, 12)
    found = read_tensors(path)["weight"]
    assert torch.equal(found.view(torch.int32), expected.view(torch.int32))


@pytest.mark.parametrize(
    "described",
    [
        Described(100, 5, (8, 12), (12, 1)),  # ends one behind the last
        Described(100, -1, (8, 12), (12, 1)),
        Described(100, 0, (8, 12), (-12, 1)),
        Described(100, 0, (2**40,), (0,)),  # one number as a trillion
        Described(100, 0, (2**70,), (1,)),
        Described(100, 0, (8, 12), (1,)),
        Described(100, 0, (8, 12.0), (12, 1)),
        Described(100, 0, (True, 12), (12, 1)),
        Described(100, "0", (8, 12), (12, 1)),
        Described(100, 0, [8, 12], [12, 1]),
        Described(100, 0, (0, 2**80), (1, 1)),
        Described(100, 0, (1,) * 100, (1,) * 100),
        Described(101, 0, (101,), (1,)),  # more than the file has
        Described(-1, 0, (1,), (1,)),
        Described(100, 0, (8, 12), (12, 1), key="1"),  # not there
        Described(100, 0, (8, 12), (12, 1), key="../../../etc/passwd"),
    ],
)
def test_tensors_that_are_not_in_their_numbers(tmp_path, described):
    described.open = False
    path = tmp_path / "bad.ckpt"
    path.write_bytes(archive_of(described))
    with pytest.raises(WeightsError, match="is damaged: weight"):
        read_tensors(path)


def test_old_files_with_wrong_counts(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(50)}, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    assert data.count(struct.pack("<Q", 50)) == 1
    path.write_bytes(data.replace(struct.pack("<Q", 50), struct.pack("<Q", 2**62)))
    with pytest.raises(WeightsError, match="fewer numbers"):
        read_tensors(path)
    path.write_bytes(data.replace(struct.pack("<Q", 50), struct.pack("<Q", 20)))
    with pytest.raises(WeightsError, match="lacks its numbers"):
        read_tensors(path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".",
        b"0.",
        b"t.",
        b"(0" + b".",  # takes the mark itself
        b"}u.",
        b"}(K\x01u.",  # a key without a value
        b"g9\n.",
        b"j\xff\xff\xff\xff.",  # a memo that was never written
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes without end
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"I" + b"9" * 10_000 + b"\n.",
        b"\x97.",  # a buffer from elsewhere
        b"\xff.",
    ],
)
def test_broken_pickles(text):
    with pytest.raises(PickleError):
        read_pickle(io.BytesIO(text))


def test_a_pickle_of_too_many_steps(monkeypatch):
    monkeypatch.setattr(pickled, "MAX_STEPS", 1000)
    assert read_pickle(io.BytesIO(b"N" * 999 + b".")).value is None
    with pytest.raises(PickleError, match="over 1000 steps"):
        read_pickle(io.BytesIO(b"N" * 1000 + b"."))


def test_a_huge_memo_index_costs_nothing():
    assert read_pickle(io.BytesIO(b"K\x05r\xff\xff\xff\xff0j\xff\xff\xff\xff.")).value == 5


def test_names_that_repeat_one_another_without_end():
    """Twofold nesting a thousand deep, as the module of a name: to write it out would never end."""
    nested = b"N" + b"2\x86" * 1000
    value = read_pickle(io.BytesIO(b"\x80\x04" + nested + b"\x8c\x01a\x93.")).value
    assert value is UNKNOWN


def test_what_is_not_known_stands_for_itself_everywhere():
    """As a key, a base of items, a member, and the result of a call of itself."""
    unknown = b"cx\ny\n"
    for text, expected in [
        (unknown + b")R.", UNKNOWN),
        (unknown + b")\x81.", UNKNOWN),
        (unknown + b")}\x92.", UNKNOWN),
        (unknown + b"}b.", UNKNOWN),
        (unknown + b"(K\x01K\x02u.", UNKNOWN),
        (unknown + b"K\x01K\x02s.", UNKNOWN),
        (unknown + b"(K\x01e.", UNKNOWN),
        (unknown + b"K\x01a.", UNKNOWN),
        (b"\x8f(K\x01\x90.", UNKNOWN),
        (b"(K\x01\x91.", UNKNOWN),
        (b"(" + unknown + b"K\x01o.", UNKNOWN),
        (b"(K\x01ix\ny\n.", UNKNOWN),
        (b"\x82\x01.", UNKNOWN),
        (b"Pid\n.", UNKNOWN),
        (unknown + b"Q.", UNKNOWN),
        (b"}(" + unknown + b"K\x01X\x01\x00\x00\x00aK\x02u.", {"a": 2}),
        (b"](" + unknown + b"K\x01e.", [UNKNOWN, 1]),
    ]:
        assert read_pickle(io.BytesIO(text)).value == expected, text


def test_values_of_every_protocol():
    value = {
        "none": None,
        "yes": True,
        "no": False,
        "numbers": [0, 255, 65_535, -1, 2**40, 10**30, 0.5],
        "texts": ["", "é", "x" * 300],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "again": {"a": {"b": []}},
    }
    value["same"] = value["numbers"]
    for protocol in range(6):
        found = read_pickle(io.BytesIO(pickle.dumps(value, protocol))).value
        assert found == value
        assert found["same"] is found["numbers"]


def test_work_in_a_pickle_is_counted_by_what_it_does():
    # The same 20,000 pairs made a dictionary of 20,000 times, and names of megabytes put together.
    pairs = b"]q\x01(" + b"K\x01K\x02\x86" * 20_000 + b"eccollections\nOrderedDict\nq\x02"
    with pytest.raises(PickleError, match="steps"):
        read_pickle(io.BytesIO(pairs + b"h\x02h\x01\x85R0" * 20_000 + b"."))
    name = b"X" + (2_000_000).to_bytes(4, "little") + b"a" * 2_000_000 + b"q\x00"
    begun = time.process_time()
    assert isinstance(read_pickle(io.BytesIO(name + b"h\x00h\x00\x930" * 5_000 + b".")).value, str)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(("offset", "value"), [(8, b"\x01\x00"), (6, b"\xff\x00")])
def test_an_archive_that_is_locked_or_of_another_kind_is_refused(tmp_path, offset, value):
    # The flag of encryption, and the version that is wanted to take it apart.
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": {"a": torch.ones(2)}}, path)
    data = bytearray(path.read_bytes())
    for mark, shift in ((b"PK\x01\x02", 0), (b"PK\x03\x04", -2)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset + shift : at + offset + shift + 2] = value
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(path)
