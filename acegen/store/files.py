"""The files of a module: their names, and which names belong to acegen."""

from __future__ import annotations

import re

from acegen.store.manifest import BASIS, DESCRIPTION, MANIFEST, POTENTIAL, UNCERTAINTY

ABI_HEADER = "acegen.h"
PACKAGE = "__init__.py"
README = "README.md"
COEFFICIENTS = "coefficients.json"

_PARTS = (
    *("particles", "single_particles", "derivatives", "inner", "pair", "products", "basis", "potential"),
    *("functions", "coupled", "core", "values"),
)
"""What follows the model name in the name of a source file."""

_KERNELS = ("grade", "committee", "committee_single")
"""Kernels of their own beside the model's: what follows its name before these parts, or alone."""

_SOURCE = rf"(_({'|'.join(_KERNELS)}))?(_({'|'.join(_PARTS)}|(products|coupled|rows)_\d+))?\.[ch]"


def header(name: str, part: str) -> str:
    """Name of a header of a model."""
    return _file(name, part, "h")


def source(name: str, part: str = "") -> str:
    """Name of a C file of a model; without a part, the one that defines the model."""
    return _file(name, part, "c")


def _file(name: str, part: str, ending: str) -> str:
    suffix = f"_{part}" if part else ""
    if not re.fullmatch(_SOURCE, f"{suffix}.{ending}"):
        raise ValueError(f"{suffix}.{ending} is not a file of a module")
    return f"{name}{suffix}.{ending}"


def is_own(file: str, name: str) -> bool:
    """Whether a file in a model's folder was put there by acegen."""
    documents = {BASIS, COEFFICIENTS, POTENTIAL, DESCRIPTION, UNCERTAINTY, MANIFEST}
    own = {ABI_HEADER, README, PACKAGE, "__pycache__", *documents}
    return file in own or re.fullmatch(rf"{name}{_SOURCE}|_{name}_\w+\..*so", file) is not None
