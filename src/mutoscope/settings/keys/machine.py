"""The machine: where it is computed, how exactly, and the folders."""

from functools import partial
from typing import Literal

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import Answer, Choice, Device, Folder

key = partial(entry, group="machine")


class Machine(Group):
    """Keys of the group ``machine``."""

    device: Device = key(
        "auto",
        "Where to compute: auto, cpu, mps, cuda, cuda:1, or the number of a GPU. 0, which every "
        "PyTTI file has, means auto: the first GPU, or the CPU where there is none.",
        default_text="auto (PyTTI: 0)",
    )
    precision: Choice[Literal["auto", "float32", "bf16", "int8"]] = key(
        "auto",
        "How exactly CLIP's products are computed: float32, bf16 (GPUs, and processors with AMX) "
        "or int8 (processors), each faster than the one before where the machine is made for it. "
        "auto takes a faster one where its embeddings and gradients agree with float32's in the "
        "first step's cutouts (cosine 0.999), says which, and the run writes it down. labels "
        "always computes in float32, which is its fastest.",
        own=True,
        example="precision: float32",
    )
    compile: Answer[Literal["auto", "yes", "no"]] = key(
        "auto",
        "Whether CLIP's vision transformers are compiled for this machine, which takes a minute "
        "or more once and needs a C++ compiler on a processor: auto does it where the steps are "
        "so many that it pays, and the run writes it down.",
        own=True,
        example="compile: no",
    )
    models_parent_dir: Folder = key(
        "~/.cache", "Folder under which networks are kept once fetched."
    )
    paths_from: Folder = key(
        "",
        "Folder that relative paths start from, those in prompts and masks included. Nothing: "
        "the settings file's own, or the current one where there is no file. Runs write it down.",
        own=True,
    )
    restore: bool = key(False, "PyTTI's hidden switch to go on with a run.", hidden=True)
