"""What is fuzzed of networks: checkpoints, safetensors, and what a run's folder holds of tensors.

Bytes without a plan seldom get past a container. So half of the inputs are sound files that hold
something else than they should: other names, shapes, types and numbers, and tensors that are larger
than their file.
"""

import contextlib
import io
import itertools
import pickle
import random
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from fuzz_change import changed_bytes, changed_json, mend_tensors, mend_zip, mended
from fuzz_states import changed_safe, changed_state
from fuzz_words import Target, file_call, texts
from safetensors.torch import save
from torch import Tensor

from mutoscope.errors import MediaError, WeightsError
from mutoscope.finish.upscale.engines import read_checkpoint as read_upscaler
from mutoscope.gan.files import read_generator, read_origin, write_generator
from mutoscope.gan.generator import Generator
from mutoscope.gan.shape import Shape
from mutoscope.perceptors.clip_text import TextTransformer
from mutoscope.perceptors.clip_vision import ModifiedResNet, VisionTransformer
from mutoscope.perceptors.clip_weights import Traits, read_checkpoint, read_traits
from mutoscope.perceptors.heads import load_head
from mutoscope.run.checkpoint import read_header, read_state, write_state
from mutoscope.vqgan import Architecture, load_vqgan, new_vqgan, write_architecture
from mutoscope.vqgan.pickled import PickleError, read_pickle
from mutoscope.vqgan.tensors import read_tensors
from mutoscope.walk.directions import Directions, read_directions, write_directions


def _state() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return {
        "a.weight": torch.randn(4, 3, generator=rng),
        "a.bias": torch.zeros(4),
        "half": torch.ones(2, dtype=torch.float16),
    }


def _checkpoints(_: Path) -> Sequence[bytes]:
    both = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(
            {"state_dict": _state(), "epoch": 3}, buffer, _use_new_zipfile_serialization=zipped
        )
        both.append(buffer.getvalue())
    return both


class Evil:
    """What must never be called."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name, self.arguments = name, arguments

    def __reduce__(self) -> tuple[object, ...]:
        import builtins
        import os
        import subprocess

        place, _, name = self.name.rpartition(".")
        where = {"os": os, "builtins": builtins, "subprocess": subprocess}[place]
        return getattr(where, name), self.arguments


_EVIL = (
    ("os.system", "true"),
    ("builtins.eval", "1"),
    ("builtins.exec", "pass"),
    ("os.mkdir", "ran"),
    ("builtins.open", "ran", "w"),
    ("subprocess.Popen", ["true"]),
    ("builtins.__import__", "this"),
)


def changed_pickle(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A pickle with instructions put in, taken out, repeated, and calls that must not be made."""
    import pickletools

    if rng.random() < 0.2:
        return changed_bytes(rng, seeds)
    data = rng.choice(seeds)
    if rng.random() < 0.15:
        name, *arguments = rng.choice(_EVIL)
        return pickle.dumps({"state_dict": Evil(name, *arguments)}, rng.randrange(6))
    try:
        places = [at for _, _, at in pickletools.genops(data) if at is not None]
    except ValueError:
        return changed_bytes(rng, seeds)
    pieces = [data[a:b] for a, b in itertools.pairwise([*places, len(data)])]
    for _ in range(rng.choice((1, 2, 4, 10))):
        at = rng.randrange(len(pieces))
        match rng.randrange(5):
            case 0:
                pieces.insert(at, rng.choice(pickletools.opcodes).code.encode("latin-1"))
            case 1:
                del pieces[at : at + rng.choice((1, 1, 3))]
            case 2:
                stop = at + rng.choice((1, 2, 6))
                pieces[at:at] = pieces[at:stop] * rng.choice((1, 2, 100, 5000))
            case 3:
                pieces.insert(
                    at,
                    rng.choice(
                        (
                            b"cos\nsystem\n",
                            b"(S'true'\ntR",
                            b"\x8c\x02os\x8c\x06system\x93",
                            b"\x85R",
                            b"}",
                            b"]",
                            b"(",
                            b"t",
                            b"b",
                            b"Q",
                            b"\x8a\xff" + b"\xff" * 255,
                            b"J\xff\xff\xff\x7f",
                            b"2",
                            b"0",
                            b"\x94",
                            b"h\x00",
                            b"\x8b\xff\xff\xff\x7f",
                            b"B\xff\xff\xff\x7f",
                            b"I" + b"9" * 5000 + b"\n",
                            b"ctorch\nFloatStorage\n",
                            b"ccollections\nOrderedDict\n",
                            b"K\xff",
                            b"\x86",
                            b"P1\n",
                        )
                    ),
                )
            case 4:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
        pieces = pieces[:100_000] or [b"."]
    return b"".join(pieces)[:400_000]


def _pickles(_: Path) -> Sequence[bytes]:
    with zipfile.ZipFile(io.BytesIO(_checkpoints(Path())[0])) as archive:
        found = archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
    plain = {"a": [1, 2.5, None, True, "x", b"y", (1,), {"b": {2: 3}}], "c": {1, 2}, "n": 2**80}
    return [found, *(pickle.dumps(plain, protocol) for protocol in range(6))]


def changed_checkpoint(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A checkpoint whose bytes are spoilt, or a sound archive around a spoilt pickle."""
    if rng.random() < 0.4:
        return mended(changed_bytes, mend_zip)(rng, seeds)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seeds[0])) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith("data.pkl"):
                content = changed_pickle(rng, [content])
            elif rng.random() < 0.1:
                content = changed_bytes(rng, [content]) if content else b"x"
            new.writestr(entry.filename, content)
    return buffer.getvalue()


def _pickle_call(data: bytes, _: Path) -> None:
    try:
        read_pickle(io.BytesIO(data))
    except PickleError as error:
        raise MediaError(str(error)) from error  # as whoever reads a checkpoint does


def _numbers(path: Path) -> int:
    tensors = read_tensors(path)
    return sum(
        int(tensor.clone().float().sum() != 0) + tensor.nbytes for tensor in tensors.values()
    )


def _sizes(tensors: object) -> int:
    assert isinstance(tensors, dict)
    return sum(tensor.nbytes for tensor in tensors.values())


_SEEN = 32  # pixels of a side that are looked at here
_WIDTH, _OUT = 8, 4  # of a CLIP; its published sisters have 64 and more for each head
_TRAITS = Traits("gelu", vision_heads=2, text_heads=2)


def _block(name: str) -> dict[str, Tensor]:
    shapes = {
        "attn.in_proj_weight": (3 * _WIDTH, _WIDTH),
        "attn.in_proj_bias": (3 * _WIDTH,),
        "attn.out_proj.weight": (_WIDTH, _WIDTH),
        "mlp.c_fc.weight": (_OUT, _WIDTH),
        "mlp.c_fc.bias": (_OUT,),
        "mlp.c_proj.weight": (_WIDTH, _OUT),
    }
    shapes |= dict.fromkeys(("attn.out_proj.bias", "mlp.c_proj.bias"), (_WIDTH,))
    shapes |= {f"ln_{n}.{part}": (_WIDTH,) for n in (1, 2) for part in ("weight", "bias")}
    return {f"{name}.resblocks.0.{key}": torch.ones(shape) for key, shape in shapes.items()}


def _ear() -> dict[str, Tensor]:
    return {
        "token_embedding.weight": torch.ones(3, _WIDTH),
        "positional_embedding": torch.ones(2, _WIDTH),
        "ln_final.weight": torch.ones(_WIDTH),
        "ln_final.bias": torch.ones(_WIDTH),
        "text_projection": torch.ones(_WIDTH, _OUT),
        **_block("transformer"),
    }


def _eye() -> dict[str, Tensor]:
    norms = {f"visual.ln_{n}.{part}" for n in ("pre", "post") for part in ("weight", "bias")}
    return {
        "visual.conv1.weight": torch.ones(_WIDTH, 3, 2, 2),
        "visual.class_embedding": torch.ones(_WIDTH),
        "visual.positional_embedding": torch.ones(5, _WIDTH),
        "visual.proj": torch.ones(_WIDTH, _OUT),
        "logit_scale": torch.tensor(4.6),
        **{name: torch.ones(_WIDTH) for name in sorted(norms)},
        **_block("visual.transformer"),
    }


def _clips(_: Path) -> Sequence[bytes]:
    whole = _eye() | _ear()
    made = []
    for state in (whole, {"state_dict": {f"module.{k}": v.half() for k, v in whole.items()}}):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        made.append(buffer.getvalue())
    return made


def _safe_clips(_: Path) -> Sequence[bytes]:
    return [save(_eye() | _ear())]


def _clip(path: Path) -> None:
    """Both towers, with the heads that a configuration says and with those that a width has."""
    state = read_checkpoint(path)
    tower = ModifiedResNet if any("attnpool" in key for key in state) else VisionTransformer
    for traits in (_TRAITS, Traits("quickgelu")):
        with contextlib.suppress(WeightsError):
            eye = tower(state, traits, path)
            if eye.size <= _SEEN:
                eye(torch.zeros(1, 3, eye.size, eye.size))
    TextTransformer(state, Traits("quickgelu"), path)([[0]])


_CONFIGURED = (
    '{"model_cfg": {"embed_dim": 4, "quick_gelu": true, "vision_cfg": {"layers": 2, "width": 64, '
    '"head_width": 32}, "text_cfg": {"heads": 2}}, "preprocess_cfg": {"mean": [0, 0, 0], '
    '"std": [1, 1, 1]}}'
)


_HUGGING = (
    '{"vision_config": {"hidden_act": "quick_gelu", "num_attention_heads": 2, "hidden_size": 8}, '
    '"text_config": {"num_attention_heads": 2}, "image_mean": [0, 0, 0]}'
)


def _configured(path: Path) -> None:
    """What stands beside a checkpoint, in both forms that are known."""
    (path.parent / "config.json").write_bytes(path.read_bytes())
    read_traits(path.parent / "model.pt")


def _heads(_: Path) -> Sequence[bytes]:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(1, 8), "bias": torch.zeros(1)}, buffer)
    return [buffer.getvalue()]


def _vqgans(room: Path) -> Sequence[bytes]:
    architecture = Architecture(
        kind="vq", embed_dim=1, n_embed=2, z_channels=1, ch=32, ch_mult=(1,),
        num_res_blocks=1, attn_resolutions=(), resolution=8,
    )  # fmt: skip
    model = new_vqgan(architecture, generator=torch.Generator().manual_seed(0))
    write_architecture(architecture, room / "model.yaml")
    # Layers of one shape share their numbers: the file is a twentieth, and nobody looks at them.
    one: dict[torch.Size, Tensor] = {}
    state = {k: one.setdefault(v.shape, v.half()) for k, v in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"state_dict": state}, buffer)
    return [buffer.getvalue()]


def _vqgan(data: bytes, room: Path) -> None:
    (room / "model.ckpt").write_bytes(data)
    load_vqgan(room / "seeds" / "model.yaml", room / "model.ckpt")


def _tensor_files(_: Path) -> Sequence[bytes]:
    return [save(_state()), save(_state(), {"mark": "x"})]


def changed_tensors(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Safetensors with a spoilt header of the length it says, or with spoilt bytes."""
    data = rng.choice(seeds)
    if rng.random() < 0.4:
        return mended(changed_bytes, mend_tensors, 0.3)(rng, seeds)
    length = int.from_bytes(data[:8], "little")
    header = changed_json(rng, [data[8 : 8 + length]])
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def _generators(room: Path) -> Sequence[bytes]:
    shape = Shape(size=32, channels=1, z=8, w=8, cbase=64, cmax=8, mapping_layers=1)
    write_generator(room / "g.safetensors", Generator(shape, torch.Generator().manual_seed(0)))
    return [(room / "g.safetensors").read_bytes()]


def _generator(path: Path) -> None:
    try:
        read_origin(path)
    finally:
        read_generator(path)


def _states(room: Path) -> Sequence[bytes]:
    write_state(room / "s.safetensors", 3, _state(), {"seed": 7, "rate": 0.5}, log_bytes=10)
    return [(room / "s.safetensors").read_bytes()]


def _resumed(path: Path) -> None:
    try:
        read_header(path)
    finally:
        read_state(path)


def _direction_files(room: Path) -> Sequence[bytes]:
    vectors = torch.nn.functional.normalize(torch.randn(2, 8), dim=1)
    directions = Directions(("sefa-1", "pca-1"), vectors, torch.ones(2), "sha256:0")
    return [write_directions(room, directions).read_bytes()]


_STATE, _SAFE = changed_state(changed_checkpoint), changed_safe(changed_tensors)

TARGETS: tuple[Target, ...] = (
    Target("pickles", _pickles, changed_pickle, _pickle_call, pure=True),
    Target("VQGAN checkpoints", _checkpoints, _STATE, file_call("m.ckpt", _numbers)),
    Target("VQGANs", _vqgans, _STATE, _vqgan),
    Target("safetensors", _tensor_files, _SAFE, file_call("m.safetensors", _numbers)),
    Target(
        "CLIP in PyTorch's form",
        _clips,
        _STATE,
        file_call("clip.pt", _clip),
    ),
    Target(
        "CLIP in safetensors",
        _safe_clips,
        _SAFE,
        file_call("clip.safetensors", _clip),
    ),
    Target(
        "CLIP configurations",
        texts(_CONFIGURED, _HUGGING),
        changed_json,
        file_call("open_clip_config.json", _configured),
        pure=True,
    ),
    Target("heads", _heads, _STATE, file_call("head.pth", load_head)),
    Target(
        "upscalers",
        _checkpoints,
        _STATE,
        file_call("up.pth", lambda path: _sizes(read_upscaler(path))),
    ),
    Target("generators", _generators, _SAFE, file_call("g.safetensors", _generator)),
    Target("states of runs", _states, _SAFE, file_call("s.safetensors", _resumed)),
    Target(
        "directions",
        _direction_files,
        _SAFE,
        file_call(
            "directions.safetensors",
            lambda path: read_directions(path.parent, generator="sha256:0", w=8),
        ),
    ),
)
