"""Which perceptors the settings ask for: by name, by PyTTI's nine switches, or by its mmc_models.

Rules:

- ``use_mmc: true`` takes those of ``mmc_models``, and the switches are ignored, as in PyTTI.
- As soon as one of the nine switches is written, they mean what they do in PyTTI: those that are
  true judge the picture, and ``ViTB32`` is one of them unless it is false.
- Where none is written, ``perceptors`` decides. Naming some there *and* by a switch is an error.
"""

from collections.abc import Iterator

from mutoscope.errors import WeightsError
from mutoscope.names import SWITCHES, resolve
from mutoscope.settings.keys import Keys
from mutoscope.settings.problems import Problem, shown
from mutoscope.settings.values import MmcModel

AUTO = ("auto",)

# What a later layer of settings sets outweighs what an earlier one said in any of the three ways.
WAYS = (("perceptors",), SWITCHES, ("use_mmc", "mmc_models"))


def perceptor_names(keys: Keys) -> tuple[str, ...]:
    """The perceptors asked for, each by a name; ``("auto",)`` where the choice is left to us."""
    if keys.use_mmc:
        names = [mmc_name(model) for model in keys.mmc_models]
        return tuple(dict.fromkeys(name for name in names if name))
    if keys.perceptors == AUTO and any(getattr(keys, name) is not None for name in SWITCHES):
        return switched_on(keys)
    return keys.perceptors


def switched_on(keys: Keys) -> tuple[str, ...]:
    """The switches that are on under PyTTI's rule, given that at least one is written."""
    return tuple(
        name
        for name in SWITCHES
        if (written if (written := getattr(keys, name)) is not None else name == "ViTB32")
    )


def mmc_name(model: MmcModel) -> str:
    """Our name for one of ``mmc_models``; empty if it is none that we have."""
    known = (
        model.architecture in ("", "clip")
        and model.id.strip() != ""
        and model.publisher in ("", "openai", "mlfoundations")
    )
    architecture, dashes, dataset = model.id.strip().partition("--")
    if not known:
        return ""
    if not dashes:
        return f"{architecture}::openai" if model.publisher != "mlfoundations" else ""
    if not dataset or model.publisher == "openai":
        return ""
    try:
        return resolve(f"{architecture}::{dataset}").text
    except WeightsError:
        return f"open_clip:{architecture}/{dataset}"  # whose package knows them all


def perceptor_problems(keys: Keys) -> Iterator[Problem]:
    """What contradicts itself in the choice of perceptors."""
    yield from _weight_problems(keys)
    on = [name for name in SWITCHES if getattr(keys, name)]
    written = any(getattr(keys, name) is not None for name in SWITCHES)
    if keys.use_mmc:
        yield from _mmc_problems(keys)
    if keys.perceptors != AUTO and keys.use_mmc:
        yield Problem(
            ("perceptors", "use_mmc"),
            "perceptors: names some, and use_mmc takes others; keep one of the two",
        )
    elif keys.perceptors != AUTO and on:
        yield Problem(
            ("perceptors", on[0]),
            f"perceptors: names some, and {', '.join(on)} switch{'es' if len(on) == 1 else ''} "
            "on others; keep one of the two",
        )
    elif keys.use_mmc or keys.perceptors != AUTO:
        yield from _unknown("mmc_models" if keys.use_mmc else "perceptors", perceptor_names(keys))
    elif written and not switched_on(keys):
        yield Problem(
            ("ViTB32",),
            "ViTB32: is false and no other switch is true, so nothing would judge the picture; "
            f"set one of {', '.join(SWITCHES)} to true, or leave all nine out",
        )


def _weight_problems(keys: Keys) -> Iterator[Problem]:
    weights, names = keys.perceptor_weights, perceptor_names(keys)
    if not weights:
        return
    if len(weights) != len(names):
        yield Problem(
            ("perceptor_weights",),
            f"perceptor_weights: {len(weights)} weight{'' if len(weights) == 1 else 's'} for "
            f"{len(names)} perceptor{'' if len(names) == 1 else 's'} ({', '.join(names)}); give "
            "one for each, in that order, or leave it out",
        )
    elif min(weights) < 0 or sum(weights) == 0:
        yield Problem(
            ("perceptor_weights",),
            f"perceptor_weights: {shown(list(weights))}: none may be below 0, and one must be "
            "above; a prompt's own weight may be negative",
        )


def _unknown(key: str, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        try:
            resolve(name, place=key)
        except WeightsError as error:
            yield Problem((key,), str(error))


def _mmc_problems(keys: Keys) -> Iterator[Problem]:
    if not keys.mmc_models:
        yield Problem(
            ("use_mmc", "mmc_models"),
            "use_mmc: is true, but mmc_models names nothing; name some there, or leave use_mmc out",
        )
    for index, model in enumerate(keys.mmc_models):
        if not mmc_name(model):
            written = {k: v for k, v in model.model_dump().items() if v}
            yield Problem(
                ("mmc_models",),
                f"mmc_models[{index}]: {shown(written)} is not at hand; allowed are architecture "
                "clip with publisher openai (id such as ViT-B/16) or mlfoundations (id "
                "MODEL--DATASET)",
            )
