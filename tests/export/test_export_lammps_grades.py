"""Grades and uncertainties in LAMMPS: those of Python, configurations that are written, runs that end."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from example_models import Spec
from lammps_tools import Lammps, make, needs_lammps, programs, random_structure, setup, thermo
from uncertain_models import random_coefficients, random_uncertainty, uncertain_model

import acegen
from acegen.export import export_model
from acegen.options import BuildOptions
from acegen.select.dump import read_dump

pytestmark = [pytest.mark.simulator, needs_lammps]
Models = Callable[[str], acegen.Model]

REAL = 23.060549
"""LAMMPS' units real, kcal/mol, in one eV."""


@pytest.fixture(scope="module")
def oxide(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """A model of two elements with everything."""
    return uncertain_model(tmp_path_factory.mktemp("graded"), options=BuildOptions(backend="plain"))[0]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """A model of one element, with grades of the other kind and another cutoff."""
    spec = {"name": "lone", "basis": {"elements": ["Ge"], "order": 2, "level": 4}, "radial": {"cutoff": 4.5}}
    return graded(spec, tmp_path_factory.mktemp("other"), BuildOptions(backend="plain"))


def graded(spec: Spec, folder: Path, options: BuildOptions | None = None) -> acegen.Model:
    """A potential with grades of the kind d-optimality and a committee."""
    uncertainty = random_uncertainty(spec, "d-optimality")
    coefficients = random_coefficients(uncertainty, spec)
    return acegen.compile(spec, folder, coefficients, options=options, uncertainty=uncertainty)


def dump(commands: str, columns: str) -> str:
    """Commands that dump columns of all atoms with all digits, in a run of no steps."""
    return (
        f"{commands}\ndump all all custom 1 values.dump id {columns}\n"
        "dump_modify all format float %.17g sort id\nrun 0\n"
    )


def values(folder: Path) -> np.ndarray:
    """Columns of the last step."""
    count = int((folder / "values.dump").read_text().split("\n")[3])
    return np.loadtxt((folder / "values.dump").read_text().splitlines()[-count:], ndmin=2)[:, 1:]


@pytest.mark.parametrize("processes", [1, 2])
def test_grades_are_those_of_python(lammps: Lammps, oxide: acegen.Model, tmp_path: Path, processes: int) -> None:
    """Of every atom, in a triclinic cell; the fix knows the largest; a model of its own is the same."""
    atoms = random_structure(oxide.elements, 3)
    library = lammps.library(oxide)
    commands = setup(atoms, library, oxide.elements, tmp_path)
    commands += (
        f"compute pair all acegen/grade/atom\ncompute own all acegen/grade/atom file {library} Si O\n"
        "fix watch all acegen/grade 5 stop none\n"
    )
    output = lammps.run(dump(commands, "c_pair c_own") + 'print "largest $(f_watch:%.17g)"', tmp_path, processes).stdout
    expected = oxide.grades(atoms)
    for column in values(tmp_path).T:
        np.testing.assert_allclose(column, expected, rtol=1e-10)
    (largest,) = re.findall(r"^largest (\S+)", output, re.MULTILINE)
    assert float(largest) == pytest.approx(expected.max(), rel=1e-10)


def test_more_atoms_than_a_batch_and_a_group(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """Atoms outside the group have zero, and are not looked at by the fix."""
    atoms = bulk("Si", cubic=True) * (4, 4, 3)
    rng = np.random.default_rng(2)
    atoms.symbols = rng.choice(oxide.elements, len(atoms))
    atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
    atoms.wrap()
    commands = setup(atoms, lammps.library(oxide), oxide.elements, tmp_path, units="real")
    commands += (
        "group some id 1:300:2\ncompute grade some acegen/grade/atom\nfix watch some acegen/grade 1 stop none\n"
        "thermo_style custom step f_watch f_watch[1] f_watch[2] f_watch[3]\nthermo_modify format float %.17g\n"
    )
    rows = thermo(lammps.run(dump(commands, "c_grade"), tmp_path).stdout)
    expected = oxide.grades(atoms)
    inside = np.isin(np.arange(len(atoms)) + 1, np.arange(1, 301, 2))
    found = values(tmp_path)[:, 0]
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-10)
    assert not found[~inside].any()
    largest, above, written, last = map(float, rows[0][1:])
    assert largest == pytest.approx(expected[inside].max(), rel=1e-10)
    assert above == (expected[inside] > oxide.grade_thresholds[0]).sum() > 0
    assert (written, last) == (0, -1)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("units", ["metal", "real"])
def test_uncertainties_are_those_of_python(
    lammps: Lammps, oxide: acegen.Model, tmp_path: Path, units: str, processes: int
) -> None:
    """Standard deviations of energies and forces of atoms, and of the energy; forces of images are sent back."""
    atoms = random_structure(oxide.elements, 4)
    commands = setup(atoms, lammps.library(oxide), oxide.elements, tmp_path, units=units)
    commands += "compute u all acegen/uncertainty/atom\nthermo_style custom step c_u\n"
    commands += "thermo_modify format float %.17g norm no\n"
    rows = thermo(lammps.run(dump(commands, "c_u[*]"), tmp_path, processes).stdout)
    expected = oxide.uncertainties(atoms)
    unit = REAL if units == "real" else 1.0
    np.testing.assert_allclose(float(rows[0][1]), unit * expected.energy, rtol=1e-10)
    found = values(tmp_path)
    np.testing.assert_allclose(found[:, 0], unit * expected.energies, rtol=1e-10)
    np.testing.assert_allclose(found[:, 1:], unit * expected.forces, rtol=1e-10)


def test_hybrid_styles_by_name(lammps: Lammps, oxide: acegen.Model, other: acegen.Model, tmp_path: Path) -> None:
    """Two models in one run, each for its types, chosen by name or file; the others' atoms have zero."""
    atoms = random_structure(("Si", "O", "Ge"), 5)
    first, second = lammps.library(oxide), lammps.library(other)
    pair = (
        f"pair_style hybrid acegen acegen zero 6.0\npair_coeff * * acegen 1 {first} Si O NULL\n"
        f"pair_coeff * * acegen 2 {second} NULL NULL Ge\npair_coeff 1*2 3 zero\n"
    )
    commands = setup(atoms, first, ("Si", "O", "Ge"), tmp_path, pair=pair)
    styles = "compute 1 all acegen/grade/atom model oxide_small\n" + f"compute 2 all acegen/grade/atom model {second}\n"
    watch = "fix watch all acegen/grade 1 model lone select 1e-3 file found.dump stop none\n"
    lammps.run(dump(commands + styles + watch, "c_1 c_2"), tmp_path, 2)
    found = values(tmp_path)
    for column, model in enumerate((oxide, other)):
        chosen = np.isin(atoms.get_chemical_symbols(), model.elements)
        np.testing.assert_allclose(found[chosen, column], model.grades(atoms[chosen]), rtol=1e-10)
        assert not found[~chosen, column].any()
    written = read(tmp_path / "found.dump", format="lammps-dump-text", index=-1)
    assert written.get_chemical_symbols() == atoms.get_chemical_symbols()
    result = lammps.run(commands + "compute 1 all acegen/grade/atom\nrun 0\n", tmp_path, check=False)
    said = re.sub(r"\s+", " ", result.stdout + result.stderr)
    assert "several pair styles acegen fit; choose one of model oxide_small (" in said
    assert "by 'model' and its name or file" in said


def watched(output: str) -> list[list[str]]:
    """Rows of the thermodynamic output, between which the fix says what it does: step and what the fix knows."""
    lines = [line.split() for line in output.splitlines()]
    return [words for words in lines if len(words) == 5 and all(re.fullmatch(r"[-+.e\d]+", word) for word in words)]


def dynamics(lammps: Lammps, model: acegen.Model, folder: Path, atoms: Atoms) -> str:
    """Half of the atoms move steadily through the others: forces of random coefficients have no part in it."""
    commands = setup(atoms, lammps.library(model), model.elements, folder)
    return commands + (
        "group half id <= 20\nfix move half move linear 5 3 1 units box\n"
        "thermo_style custom step f_watch f_watch[1] f_watch[2] f_watch[3]\nthermo 1\n"
        "thermo_modify format float %.17g\ntimestep 0.01\n"
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_configurations_are_written(lammps: Lammps, oxide: acegen.Model, tmp_path: Path, processes: int) -> None:
    """ASE and `acegen select` read them; their grades are Python's; as many and as often as asked, over two runs."""
    atoms = random_structure(oxide.elements, 6)
    watch = "fix watch all acegen/grade 2 select 0.1 stop none file found.dump max 4 interval 5\n"
    script = dynamics(lammps, oxide, tmp_path, atoms)
    script = script.replace("group half", watch + "group half", 1) + "run 7\nrun 30\n"
    output = lammps.run(script, tmp_path, processes).stdout
    configurations = read(tmp_path / "found.dump", format="lammps-dump-text", index=":")
    assert len(configurations) == len(read_dump(str(tmp_path / "found.dump"), None)) == 4
    steps = re.findall(r"ITEM: TIMESTEP\n(\d+)\n", (tmp_path / "found.dump").read_text())
    assert steps == ["0", "6", "12", "18"]
    largest = {row[0]: float(row[1]) for row in watched(output)}
    for step, configuration in zip(steps, configurations, strict=True):
        assert configuration.get_chemical_symbols() == atoms.get_chemical_symbols()
        np.testing.assert_allclose(configuration.cell.lengths(), atoms.cell.lengths(), rtol=1e-12)
        assert configuration.pbc.all()
        expected = oxide.grades(configuration)
        np.testing.assert_allclose(configuration.arrays["c_grade"].ravel(), expected, rtol=1e-10)
        assert largest[step] == pytest.approx(expected.max(), rel=1e-10)
    assert watched(output)[-1][-2:] == ["4", "18"]
    assert output.count("of at most 4 written to found.dump: atom ") == 4


def test_run_ends_and_the_input_goes_on(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """At the first step over the threshold: what follows is done, runs are skipped unless they are to go on."""
    atoms = random_structure(oxide.elements, 6)
    start = dynamics(lammps, oxide, tmp_path, atoms)
    free = start.replace("group half", "fix watch all acegen/grade 1 stop none\ngroup half", 1) + "run 40\n"
    grades = np.array([float(row[1]) for row in watched(lammps.run(free, tmp_path).stdout)])
    threshold = 0.5 * (grades[0] + grades.max())
    (first,) = np.flatnonzero(grades > threshold)[:1]
    assert 0 < first < 40
    for option, last in (("", first), ("error continue", first + 1)):
        watch = f"fix watch all acegen/grade 1 select 0.1 stop {threshold} file found.dump interval 1000 {option}\n"
        script = start.replace("group half", watch + "group half", 1) + (
            "run 40\nwrite_data after.data\nfix watch all acegen/grade 1 stop none\nrun 1\n"
            if option
            else "run 40\nwrite_data after.data\nrun 1\n"
        )
        output = lammps.run(script, tmp_path, 2).stdout
        assert int(watched(output)[-1][0]) == last
        assert f"step {first}: the run ends, since atom " in output
        assert ("later runs are skipped" in output) == (not option)
        assert (tmp_path / "after.data").exists()
        steps = re.findall(r"ITEM: TIMESTEP\n(\d+)\n", (tmp_path / "found.dump").read_text())
        assert steps == ["0", str(first)]  # that at which it ends is written whatever the interval
        (tmp_path / "after.data").unlink()


def test_thresholds_of_the_model(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """Those in the model are used if none are given: 40 and 60 here."""
    atoms = random_structure(oxide.elements, 6)
    largest = oxide.grades(atoms).max()
    output = lammps.run(
        setup(atoms, lammps.library(oxide), oxide.elements, tmp_path)
        + 'fix watch all acegen/grade 1\nrun 3\nprint "above $(f_watch[1])"\n',
        tmp_path,
    ).stdout
    assert f"above {(oxide.grades(atoms) > 40.0).sum()}" in output
    assert ("above 60: model oxide_small" in output) == (largest > 60.0)
    assert largest > 60.0


def test_minimize(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """Grades are watched in a minimization, which ends too; by damped dynamics every step is one configuration."""
    atoms = random_structure(oxide.elements, 6)
    start = setup(atoms, lammps.library(oxide), oxide.elements, tmp_path)
    for style in ("fire", "cg"):
        watch = "fix watch all acegen/grade 3 select 0.1 stop none file found.dump\n"
        lammps.run(start + watch + f"min_style {style}\nminimize 0 0 9 100\n", tmp_path)
        configurations = read(tmp_path / "found.dump", format="lammps-dump-text", index=":")
        assert len(configurations) == 4 if style == "fire" else configurations
        for configuration in configurations:
            expected = oxide.grades(configuration)
            np.testing.assert_allclose(configuration.arrays["c_grade"].ravel(), expected, rtol=1e-10)
    output = lammps.run(
        start + "fix watch all acegen/grade 1 stop 1.0 select 0.5\nminimize 0 0 9 100\n", tmp_path
    ).stdout
    assert "Stopping criterion = walltime limit reached" in output


WRONG = {
    "fix w all acegen/grade 0": "N is every how many steps grades are evaluated, at least 1, not 0",
    "fix w all acegen/grade": "needs N, every how many steps",
    "fix w all acegen/grade 1 select 0": "'select' is a grade above zero, or none, not 0",
    "fix w all acegen/grade 1 stop -2": "'stop' is a grade above zero, or none, not -2",
    "fix w all acegen/grade 1 max 0": "'max' must be at least 1, not 0",
    "fix w all acegen/grade 1 often 3": "there is no keyword 'often'; choose from select, file, max",
    "fix w all acegen/grade 1 file": "after 'file' its value is missing",
    "fix w all acegen/grade 1 error hard": "'error' is soft or continue, not 'hard'",
    "fix w all acegen/grade 1 select none file a.dump": "'select none' leaves nothing to write to the file a.dump",
    "fix w all acegen/grade 1 file gone/a.dump": "the file gone/a.dump cannot be written: No such file or directory",
    "fix w all acegen/grade 1 select 3 stop 2": "'stop' must not be less than 'select'",
    "fix w all acegen/grade 1 select 70": "'select' is 70, but above 60, the threshold of model oxide_small",
    "fix w all acegen/grade 1 model gone": "no pair style acegen has a model 'gone', there is model oxide_small",
    "compute w all acegen/grade/atom gone": "there is no keyword 'gone'; it takes nothing, or 'model NAME', or 'file",
    "compute w all acegen/grade/atom model": "'model' takes the name of a model, or its file, and nothing follows",
    "compute w all acegen/grade/atom file gone.so Si O": "there is no file gone.so",
    "compute w all acegen/grade/atom file {} Si": "there are 2 atom types, but 1 elements were given; write compute w",
    "compute w all acegen/uncertainty/atom file {} Si O Ge": "there are 2 atom types, but 3 elements were given",
}


def test_mistakes_are_named(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """One message each, all from one program that goes on."""
    library = lammps.library(oxide)
    commands = setup(random_structure(oxide.elements, 6), library, oxide.elements, tmp_path)
    wrong = [command.format(library) for command in WRONG]
    output = lammps.python(
        f"""
for command in {wrong!r}:
    simulation = new({commands!r})
    try:
        simulation.commands_list([command, "run 0"])
        print("accepted")
    except Exception as error:
        print(" ".join(str(error).split()))
""",
        tmp_path,
    )
    lines = [line for line in output.splitlines() if line]
    for command, expected, said in zip(wrong, WRONG.values(), lines, strict=True):
        assert expected in said, command
        assert "acegen/" in said


def test_models_without_grades(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """It is said what to do, in every command."""
    library = lammps.library(models("silicon"))
    commands = setup(random_structure(("Si",), 6), library, ("Si",), tmp_path)
    for command, missing in (
        ("fix w all acegen/grade 1", "grades: fit again with this acegen, which makes them"),
        ("compute w all acegen/grade/atom", "grades: fit again with this acegen, which makes them"),
        (f"compute w all acegen/grade/atom file {library} Si", "grades: fit again with this acegen, which makes them"),
        ("compute w all acegen/uncertainty/atom", "committee: fit again with this acegen, which makes one"),
    ):
        result = lammps.run(f"{commands}{command}\nrun 0\n", tmp_path, check=False)
        assert result.returncode > 0
        assert f"has no {missing}" in re.sub(r"\s+", " ", result.stdout + result.stderr)


def test_other_potentials(lammps: Lammps, oxide: acegen.Model, tmp_path: Path) -> None:
    """Grades of a run with another potential, by a list of the model's cutoff; without one it is said."""
    library = lammps.library(oxide)
    atoms = random_structure(oxide.elements, 6)
    for radius, expected in (
        (6.0, None),
        (3.0, "has a cutoff of 5.5 Angstrom for types 1 and 1, but the neighbour lists"),
    ):
        commands = setup(atoms, library, oxide.elements, tmp_path, pair=f"pair_style zero {radius}\npair_coeff * *\n")
        script = dump(f"{commands}compute own all acegen/grade/atom file {library} Si O\n", "c_own")
        result = lammps.run(script, tmp_path, check=expected is None)
        if expected is None:
            np.testing.assert_allclose(values(tmp_path)[:, 0], oxide.grades(atoms), rtol=1e-10)
        else:
            assert expected in re.sub(r"\s+", " ", result.stdout + result.stderr)
    commands = setup(atoms, library, oxide.elements, tmp_path, pair="pair_style zero 6.0\npair_coeff * *\n")
    result = lammps.run(commands + "fix w all acegen/grade 1\nrun 0\n", tmp_path, check=False)
    assert "fix w all acegen/grade needs pair_style acegen" in result.stdout + result.stderr


def test_example_and_kernels_of_vectors(lammps: Lammps, tmp_path: Path) -> None:
    """The input of an export prints what Python says, with kernels of the usual backend."""
    spec = {"name": "vectors", "basis": {"elements": ["Si"], "order": 2, "level": 4}, "radial": {"cutoff": 5.0}}
    model = graded(spec, tmp_path)
    export = export_model(model.path, "lammps", tmp_path / "out")
    make(export, "model")
    shutil.copy(lammps.plugin, export / "build")
    command = [str(Path(programs(), "lmp")), "-in", "in.example", "-log", "none"]
    output = subprocess.run(command, cwd=export, capture_output=True, text=True, check=True).stdout
    atoms = read(export / "example.xyz")
    grades, deviation = model.grades(atoms), model.uncertainties(atoms).energy
    found = re.search(r"^largest grade (\S+); acegen in Python: (\S+), atom (\d+)", output, re.MULTILINE)
    assert found
    assert float(found[1]) == pytest.approx(grades.max(), rel=1e-10)
    assert float(found[2]) == pytest.approx(grades.max(), rel=1e-10)
    assert int(found[3]) == grades.argmax() + 1
    found = re.search(r"^standard deviation of the energy (\S+) eV; acegen in Python: (\S+) eV", output, re.MULTILINE)
    assert found
    assert float(found[1]) == pytest.approx(deviation, rel=1e-8)
    assert float(found[2]) == pytest.approx(deviation, rel=1e-10)
    written = read(export / "build" / "selected.dump", format="lammps-dump-text", index=0)
    np.testing.assert_allclose(written.arrays["c_grade"].ravel(), grades, rtol=1e-10)
    readme = (export / "README.md").read_text()
    assert "kind d-optimality" in readme
    energies, forces = model.committee_quantiles
    assert f"of 90 % are {energies[1]:.3g} standard deviations" in readme
    assert f"{forces[1]:.3g} for forces; those of 95 % are {energies[2]:.3g} and {forces[2]:.3g}." in readme
