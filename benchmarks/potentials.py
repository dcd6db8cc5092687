"""Potentials for silicon in LAMMPS: the pair style acegen, KIM models, ML-PACE, and those that come with LAMMPS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import acegen
from acegen.export import export_model
from benchmarks import pace
from benchmarks.context import Context, Steps
from benchmarks.crystal import Potential, silicon_model
from benchmarks.lammps import Lammps, find_package, programs_with
from benchmarks.settings import CUTOFF, Size
from benchmarks.yace import write_yace

_FILES = {
    "Stillinger-Weber": ("sw", "* * {0}/Si.sw Si"),
    "Tersoff": ("tersoff", "* * {0}/Si.tersoff Si"),
    "SNAP": ("snap", "* * {0}/Si_Zuo_JPCA2020.snapcoeff {0}/Si_Zuo_JPCA2020.snapparam Si"),
    "quadratic SNAP": (
        "snap",
        "* * {0}/Si_Zuo_JPCA2020.quadratic.snapcoeff {0}/Si_Zuo_JPCA2020.quadratic.snapparam Si",
    ),
}
"""Style and coefficients; {0} is the folder of potentials."""


@dataclass(frozen=True)
class Contenders:
    """Everything that can run here: models of acegen, their potentials in LAMMPS, and other potentials."""

    models: Mapping[Size, acegen.Model]
    own: Mapping[Size, Potential]
    others: tuple[Potential, ...]


def find_lammps(context: Context) -> tuple[Lammps, Path, Path]:
    """LAMMPS, its folder of potentials, and the Python in which it is installed.

    Raises:
        RuntimeError: there is none.
    """
    python = context.lammps or Path(sys.executable)
    return *find_package(python), python


def prepare(context: Context, steps: Steps, notes: list[str]) -> Contenders:
    """Compile, export and build everything; `notes` say what is missing. Four steps for each size.

    Raises:
        RuntimeError: there is no LAMMPS, or the pair style acegen cannot be built.
    """
    lammps, files, python = find_lammps(context)
    models: dict[Size, acegen.Model] = {}
    own: dict[Size, Potential] = {}
    others: list[Potential] = []
    for size in context.settings.lammps.sizes:
        steps(f"compiling {size.label}")
        model = models[size] = silicon_model(context, size)
        steps.advance()
        steps(f"building {size.label} for LAMMPS")
        own[size] = plugin(context, lammps, python, size, model)
        steps.advance()
        for what, build in (("KIM", _kim), ("ML-PACE", _pace)):
            steps(f"{what}, {size.label}")
            try:
                others.append(build(context, size, model))
            except (RuntimeError, OSError, ValueError, acegen.AcegenError) as error:
                if (note := f"{what} in LAMMPS was skipped: {error}") not in notes:
                    notes.append(note)
            steps.advance()
    return Contenders(models, own, (*others, *_included(lammps, files, notes)))


def plugin(
    context: Context, lammps: Lammps, python: Path, size: Size, model: acegen.Model, moves: bool = True
) -> Potential:
    """The pair style acegen with a model; whether it describes silicon, so that atoms may move."""
    folder = export_model(model.path, "lammps", context.scratch / "exports").resolve()
    _make(folder, "all", f"PYTHON={python}")
    build = folder / "build"
    with_plugin = replace(lammps, environment={**lammps.environment, "LAMMPS_PLUGIN_PATH": str(build)})
    coefficients = f"* * {build / model.name}.so Si"
    return Potential(f"acegen, {size.label}", with_plugin, "acegen", coefficients, size, moves)


def _kim(context: Context, size: Size, model: acegen.Model) -> Potential:
    """The same model through KIM, in a separate collection."""
    programs = programs_with("kim")
    if not programs or not shutil.which("kim-api-collections-management"):
        raise RuntimeError("there is no LAMMPS with KIM")
    folder = export_model(model.path, "kim", context.scratch / "exports").resolve()
    _make(folder, "install")
    said = subprocess.run(["make", "-s", "-C", str(folder), "environment"], capture_output=True, text=True, check=True)
    environment = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    return Potential(f"KIM, {size.label}", Lammps(programs[0], None, environment), f"kim {model.name}", "* * Si", size)


def _pace(context: Context, size: Size, model: acegen.Model) -> Potential:
    """ML-PACE with the same basis and random coefficients. A crystal would explode with them, so atoms do not move."""
    if context.pace is None or not pace.has_pace(context.pace):
        raise RuntimeError("give a LAMMPS with ML-PACE as --pace PATH")
    potential = context.scratch / f"{size.name()}.yace"
    write_yace(model.labels("Si"), CUTOFF, potential)
    coefficients = pace.coefficients_of(potential)
    return Potential(
        f"ML-PACE, {size.label}", Lammps(context.pace.resolve()), pace.STYLE, coefficients, size, moves=False
    )


def _included(lammps: Lammps, files: Path, notes: list[str]) -> Iterator[Potential]:
    """Potentials whose files come with the package."""
    for name, (style, text) in _FILES.items():
        coefficients = text.format(files)
        missing = [word for word in coefficients.split() if word.startswith("/") and not Path(word).exists()]
        if missing:
            notes.append(f"{name} was skipped: there is no {Path(missing[0]).name}")
        else:
            yield Potential(name, lammps, style, coefficients)


def _make(folder: Path, *arguments: str) -> None:
    command = ["make", "-C", str(folder), f"-j{os.cpu_count() or 1}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line for line in (result.stdout + result.stderr).splitlines() if "rror" in line] or ["no message"]
        raise RuntimeError(f"make failed in {folder}: {lines[0]}")
