"""The bill of materials: what is installed here, and the weights, as CycloneDX 1.6 (``make sbom``).

The format is written and checked by the CycloneDX project's own library; nothing is fetched. What
is listed is what `supply` finds.
"""

import argparse
import re
from importlib.metadata import distributions, metadata
from pathlib import Path
from uuid import UUID, uuid5

import supply
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement

PROGRAM = "mutoscope"
_LICENCES = LicenseFactory()
_SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122's namespace of addresses


def bill():
    """The bill of materials of this installation, the same each time for the same one."""
    bom = Bom()
    ours = Component(
        name=PROGRAM, version=metadata(PROGRAM)["Version"], type=ComponentType.APPLICATION,
        licenses=[_LICENCES.make_from_string("MIT")], bom_ref=PROGRAM,
    )  # fmt: skip
    bom.metadata.component = ours
    there = {_plain(one.name): _package(one) for one in distributions()}
    there[PROGRAM] = ours
    models = [_model(one) for one in supply.weights()]
    for component in [*there.values(), *models]:
        if component is not ours:
            bom.components.add(component)
    for name, component in there.items():
        wanted = {_plain(word) for word in _requirements(name)} - {name}
        bom.register_dependency(component, [there[word] for word in sorted(wanted & set(there))])
    # A date and a random number would make each bill another one.
    names = "\n".join(sorted(str(one.bom_ref) for one in bom.components))
    bom.serial_number = uuid5(_SPACE, names)
    bom.metadata.timestamp = None
    return bom


def text_of(bom):
    """A bill as JSON.

    Raises:
        ValueError: it is not as the format wants it.
    """
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(error)[:500])
    return text + "\n"


def _package(one):
    """A package of Python's."""
    name, version = one.name, one.version
    told = supply.licence_of(name)
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{name}=={version}",
        purl=PackageURL("pypi", None, _plain(name), version),
        licenses=[_LICENCES.make_from_string(told)] if told else [],
        description=one.metadata.get("Summary"),
    )  # fmt: skip


def _model(one):
    """A file of weights."""
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=one.sha256)] if one.sha256 else []
    told = [("source", one.source), ("network", one.name)]
    told += [("digest", one.why)] if one.why else []
    return Component(
        name=one.file, type=ComponentType.MACHINE_LEARNING_MODEL, hashes=hashes,
        bom_ref=f"{one.source}/{one.name}/{one.file}",
        licenses=[_LICENCES.make_from_string(one.licence)],
        properties=[Property(name=f"{PROGRAM}:{key}", value=value) for key, value in told],
    )  # fmt: skip


def _requirements(name):
    """The names of what a package wants, whatever for."""
    for line in metadata(name).get_all("Requires-Dist") or []:
        try:
            yield Requirement(line).name
        except InvalidRequirement:
            continue


def _plain(name):
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=supply.ROOT / "sbom.json")
    parser.parse_args().out.write_text(text_of(bill()), encoding="utf-8")
