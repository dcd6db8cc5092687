"""The LAMMPS pair style: the same numbers as Python, in every mode of LAMMPS, and messages for unsupported input."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from example_models import SPECS, random_coefficients
from lammps_tools import Lammps, evaluate, make, needs_lammps, random_structure, setup, thermo

import acegen
from acegen.export import export_model

pytestmark = [pytest.mark.simulator, needs_lammps]
Models = Callable[[str], acegen.Model]


def assert_equal(lammps: Lammps, model: acegen.Model, atoms: Atoms, folder: Path, processes: int = 1) -> None:
    """LAMMPS and Python agree to 1e-11 of the largest number of each kind."""
    expected = model.compute(atoms)
    found = evaluate(lammps, setup(atoms, lammps.library(model), model.elements, folder), folder, processes)
    virial = expected.virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    for mine, theirs in (
        (found.energy, expected.energy),
        (found.site_energies, expected.energies),
        (found.forces, expected.forces),
        (found.virial, virial),
        (found.virial_of_atoms, virial),
    ):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("key", ["silicon", "oxide", "file"])
def test_agrees_with_python(lammps: Lammps, models: Models, key: str, processes: int, tmp_path: Path) -> None:
    """Triclinic cells of one and two elements, on one and two processes: energies, forces, virials."""
    model = models(key)
    for seed in range(2):
        assert_equal(lammps, model, random_structure(model.elements, seed), tmp_path / str(seed), processes)


@pytest.mark.parametrize("pbc", [(False, False, False), (True, False, True)])
def test_agrees_where_not_periodic(
    lammps: Lammps, models: Models, pbc: tuple[bool, bool, bool], tmp_path: Path
) -> None:
    """Clusters and slabs."""
    assert_equal(lammps, models("oxide"), random_structure(("Si", "O"), 5, pbc), tmp_path)


def test_small_cell(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """A cell much smaller than the cutoff: atoms are neighbours of their own images."""
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=2)
    atoms.wrap()
    assert_equal(lammps, models("silicon"), atoms, tmp_path)


def test_more_atoms_than_a_batch(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """Batches that are full, and a last one that is not."""
    atoms = bulk("Si", cubic=True) * (4, 4, 5)
    atoms.rattle(0.1, seed=4)
    atoms.wrap()
    assert_equal(lammps, models("silicon"), atoms, tmp_path)


def test_options_of_kernels(lammps: Lammps, tmp_path: Path) -> None:
    """Pair term, ZBL core, atomic energies; two threads give bitwise the results of one."""
    spec = {
        "name": "full",
        "basis": {"elements": ["Si", "O"], "order": 2, "level": 4},
        "radial": {"cutoff": 4.0},
        "pair": {"degree": 4, "cutoff": 5.0},
        "zbl": {"inner": 1.0, "outer": 2.0},
    }
    bare = acegen.compile(spec, tmp_path / "bare")
    coefficients = acegen.Coefficients(
        {element: tuple(values) for element, values in random_coefficients(bare).items()}, {"Si": -1.5, "O": -2.5}, None
    )
    options = acegen.BuildOptions(openmp=True)
    model = acegen.compile(spec, tmp_path, coefficients, options=options)
    atoms = random_structure(model.elements, 6)
    assert_equal(lammps, model, atoms, tmp_path)
    commands = setup(atoms, lammps.library(model), model.elements, tmp_path)
    one = evaluate(lammps, commands, tmp_path)
    two = evaluate(lammps, "package omp 2 neigh no\n" + commands, tmp_path)
    assert np.array_equal(one.forces, two.forces)


def test_real_units(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """Energies and forces in kcal/mol, also where `units` comes after `pair_style`."""
    model, atoms = models("oxide"), random_structure(("Si", "O"), 7)
    expected = model.compute(atoms)
    library = lammps.library(model)
    commands = setup(atoms, library, model.elements, tmp_path, units="real")
    late = "units metal\npair_style acegen\n"
    late += setup(atoms, library, model.elements, tmp_path, units="real", pair=f"pair_coeff * * {library} Si O")
    factor = 23.060549  # of LAMMPS, metal to real
    for script in (commands, late):
        found = evaluate(lammps, script, tmp_path)
        np.testing.assert_allclose(found.energy, factor * expected.energy, rtol=1e-11)
        np.testing.assert_allclose(
            found.forces, factor * expected.forces, rtol=0, atol=1e-9 * np.abs(expected.forces).max()
        )


def heated(lammps: Lammps, model: acegen.Model, folder: Path, size: int = 3) -> str:
    """Commands for a silicon crystal with velocities that do not depend on the processes."""
    atoms = bulk("Si", a=5.47, cubic=True) * size
    atoms.rattle(0.02, seed=1)
    atoms.wrap()
    commands = setup(atoms, lammps.library(model), ("Si",), folder)
    return (
        commands + "velocity all create 600 4711 loop geom\ntimestep 0.001\nthermo_style custom step etotal pe press\n"
    )


def test_dynamics_on_two_processes(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """500 steps at constant energy: conserved, and the same to eight digits on one and two processes."""
    run = "thermo_modify format float %.15g\nthermo 50\nfix 1 all nve\nrun 500\n"
    results = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        output = lammps.run(heated(lammps, fitted_silicon, folder) + run, folder, processes).stdout
        results.append(np.array([[float(x) for x in row] for row in thermo(output)]))
    assert results[0][-1, 0] == 500
    np.testing.assert_allclose(results[0][:, 1:3], results[1][:, 1:3], rtol=1e-8)
    assert np.ptp(results[0][:, 2]) > 5.0  # eV: the potential energy fluctuates
    assert np.ptp(results[0][:, 1]) < 0.02  # the total energy does not, except for the time-step error


def test_minimize(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """A displaced crystal goes back to its lattice."""
    atoms = bulk("Si", a=5.47, cubic=True) * 2
    lattice = fitted_silicon.compute(atoms).energy
    atoms.rattle(0.05, seed=3)
    commands = setup(atoms, lammps.library(fitted_silicon), ("Si",), tmp_path)
    relax = (
        "thermo_style custom step pe fnorm\nthermo_modify format float %.15g\nmin_style cg\nminimize 0 1e-6 500 5000\n"
    )
    energy, norm = (float(x) for x in thermo(lammps.run(commands + relax, tmp_path).stdout)[-1][1:])
    assert energy == pytest.approx(lattice, rel=1e-10)
    assert norm < 1e-6


def test_npt_conserves(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """Under a Nose-Hoover barostat in a triclinic box the conserved energy is: forces and virial fit each other."""
    commands = heated(lammps, fitted_silicon, tmp_path).replace("velocity", "change_box all triclinic\nvelocity", 1)
    run = (
        "fix 1 all npt temp 600 600 0.1 tri 0 0 0.5\nthermo_style custom step etotal econserve vol\n"
        "timestep 0.00025\nthermo 100\nthermo_modify format float %.15g\nrun 600\n"
    )
    rows = np.array([[float(x) for x in row] for row in thermo(lammps.run(commands + run, tmp_path, 2).stdout)])
    assert np.ptp(rows[:, 2]) < 2e-3  # eV, of 216 atoms
    assert np.ptp(rows[:, 1]) > 0.5
    assert np.ptp(rows[:, 3]) > 1.0


def test_restart_goes_on(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """A run that is stopped and restarted ends where the uninterrupted one does."""
    start = heated(lammps, fitted_silicon, tmp_path) + "thermo_modify format float %.15g\nfix 1 all nve\n"
    whole = thermo(lammps.run(start + "run 60\n", tmp_path).stdout)[-1]
    lammps.run(start + "run 30\nwrite_restart half.restart\n", tmp_path)
    library = lammps.library(fitted_silicon)
    again = (
        f"read_restart half.restart\npair_style acegen\npair_coeff * * {library} Si\nneighbor 1.0 bin\nfix 1 all nve\n"
        "thermo_style custom step etotal pe press\nthermo_modify format float %.15g\nrun 30\n"
    )
    rest = thermo(lammps.run(again, tmp_path).stdout)[-1]
    assert rest[0] == whole[0] == "60"
    np.testing.assert_allclose([float(x) for x in rest], [float(x) for x in whole], rtol=1e-9)


def test_two_models_stay_apart(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """Two models of one name and different cutoffs in one run: each type has its own energy."""
    short = SPECS["silicon"] | {"radial": {"cutoff": 4.0}}
    bare = acegen.compile(short, tmp_path / "short")
    other = acegen.compile(short, tmp_path / "short", random_coefficients(bare, seed=8))
    libraries = [lammps.library(models("silicon")), lammps.library(other)]
    atoms = random_structure(("Si", "Ge"), 9)
    pair = (
        "pair_style hybrid acegen acegen zero 5.0\n"
        f"pair_coeff * * acegen 1 {libraries[0]} Si NULL\npair_coeff * * acegen 2 {libraries[1]} NULL Si\n"
        "pair_coeff 1 2 zero\n"
    )
    found = evaluate(lammps, setup(atoms, Path(), ("Si", "Ge"), tmp_path, pair=pair), tmp_path, 2)
    forces = np.zeros((len(atoms), 3))
    energy = 0.0
    for symbol, model in (("Si", models("silicon")), ("Ge", other)):
        chosen = np.flatnonzero(atoms.symbols == symbol)
        part = atoms[chosen]
        part.symbols = ["Si"] * len(part)
        result = model.compute(part)
        energy += result.energy
        forces[chosen] = result.forces
    assert found.energy == pytest.approx(energy, rel=1e-11)
    np.testing.assert_allclose(found.forces, forces, rtol=0, atol=1e-11 * np.abs(forces).max())


def test_rebuilt_while_open(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """A rebuilt library is read again, also while another simulation has the old one open."""
    atoms = random_structure(("Si",), 5)
    library = tmp_path / "model.so"
    commands = setup(atoms, library, ("Si",), tmp_path) + "run 0"
    old, new = (lammps.library(models(key)) for key in ("silicon", "usual"))
    output = lammps.python(
        f"""
import os, shutil
shutil.copy({str(old)!r}, {str(library)!r})
simulations = [new({commands!r})]
os.remove({str(library)!r})
shutil.copy({str(new)!r}, {str(library)!r})
simulations += [new({commands!r}) for _ in range(2)]
print(*(simulation.get_thermo("pe") for simulation in simulations))
""",
        tmp_path,
    )
    expected = [models(key).compute(atoms).energy for key in ("silicon", "usual", "usual")]
    np.testing.assert_allclose([float(word) for word in output.split()[-3:]], expected, rtol=1e-11)


def test_overlay(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """Together with another potential on the same atoms: energies and virials add up."""
    model, atoms = models("silicon"), random_structure(("Si",), 10)
    library = lammps.library(model)
    styles = {
        "model": f"pair_style acegen\npair_coeff * * {library} Si\n",
        "other": "pair_style lj/cut 4.0\npair_coeff * * 0.01 2.0\n",
        "both": "pair_style hybrid/overlay acegen lj/cut 4.0\n"
        f"pair_coeff * * acegen {library} Si\npair_coeff * * lj/cut 0.01 2.0\n",
    }
    results = {
        name: evaluate(lammps, setup(atoms, library, ("Si",), tmp_path / name, pair=pair), tmp_path / name)
        for name, pair in styles.items()
    }
    assert results["other"].energy != 0.0
    np.testing.assert_allclose(results["both"].energy, results["model"].energy + results["other"].energy, rtol=1e-11)
    virial = results["model"].virial + results["other"].virial
    np.testing.assert_allclose(results["both"].virial, virial, rtol=0, atol=1e-10 * np.abs(virial).max())


def test_dimer_through_the_cutoff(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """What `pair_write` does for pair potentials: energy and force of two atoms by distance, from LAMMPS and Python."""
    model = models("silicon")
    atoms = Atoms("Si2", positions=[[10, 10, 10], [12, 10, 10]], cell=[20, 20, 20])
    commands = setup(atoms, lammps.library(model), ("Si",), tmp_path)
    loop = """
thermo_style custom step pe
variable r index 1.5 2.0 3.0 5.0 5.499 5.4999999 5.5 5.6
label loop
set atom 2 x $(10+v_r)
run 0 post no
print "dimer $r $(pe:%.17g) $(fx[2]:%.17g)"
next r
jump SELF loop
"""
    lines = re.findall(r"^dimer (\S+) (\S+) (\S+)", lammps.run(commands + loop, tmp_path).stdout, re.MULTILINE)
    assert len(lines) == 8
    scale = abs(model.energy("Si", ["Si"], [[1.5, 0, 0]]))
    for distance, energy, force in lines:
        one, gradient = model.energy_gradient("Si", ["Si"], [[float(distance), 0, 0]])
        assert float(energy) == pytest.approx(2 * one, abs=1e-12 * scale)
        assert float(force) == pytest.approx(-2 * gradient[0, 0], abs=1e-10 * scale)
    assert abs(float(lines[-3][1])) < 1e-10 * scale  # continuous at the cutoff
    assert float(lines[-1][1]) == float(lines[-2][1]) == 0.0


def test_heat_flux(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """compute heat/flux with centroid stresses is the time derivative of Σ r_i E_i of a cluster."""
    model = models("oxide")
    atoms = random_structure(("Si", "O"), 11, pbc=False)
    atoms.set_cell(atoms.cell.array + 0.0, scale_atoms=False)
    rng = np.random.default_rng(0)
    velocities = rng.normal(size=(40, 3))  # Å/ps
    commands = setup(atoms, lammps.library(model), model.elements, tmp_path)
    commands += "".join(
        f"set atom {i + 1} vx {v[0]:.17g} vy {v[1]:.17g} vz {v[2]:.17g}\n" for i, v in enumerate(velocities)
    )
    commands += (
        "compute ke all ke/atom\ncompute pe all pe/atom\ncompute s all centroid/stress/atom NULL virial\n"
        "compute flux all heat/flux ke pe s\nthermo_style custom step c_flux[1] c_flux[2] c_flux[3]\n"
        "thermo_modify format float %.17g\nrun 0\n"
    )
    found = np.array([float(x) for x in thermo(lammps.run(commands, tmp_path).stdout)[0][1:]])

    def moment(time: float) -> np.ndarray:
        moved = atoms.copy()
        moved.positions = atoms.positions + time * velocities
        energies = model.compute(moved).energies
        return np.array(energies @ moved.positions)

    step = 1e-5
    derivative = (8 * (moment(step) - moment(-step)) - (moment(2 * step) - moment(-2 * step))) / (12 * step)
    # of the kinetic energies: Σ v_i (m v²/2) + Σ r_i F_i·v_i
    forces = model.compute(atoms).forces
    kinetic = 0.5 * 1.0364269e-4 * atoms.get_masses() * (velocities**2).sum(axis=1)  # LAMMPS' mvv2e
    derivative += kinetic @ velocities + (forces * velocities).sum(axis=1) @ atoms.positions
    np.testing.assert_allclose(found, derivative, rtol=0, atol=1e-7 * np.abs(derivative).max())


NUMDIFF = """
fix difference all numdiff 1 1e-4
variable off atom "sqrt((fx-f_difference[1])^2+(fy-f_difference[2])^2+(fz-f_difference[3])^2)"
compute off all reduce max v_off
fix virial all numdiff/virial 1 1e-5
compute virial2 all pressure NULL virial
thermo_style custom step c_off f_virial[*] c_virial2[*]
thermo_modify format float %.17g
run 0
"""


def derivative_errors(lammps: Lammps, commands: str, folder: Path, plugin: Path | None = None) -> tuple[float, float]:
    """Largest differences of LAMMPS' own numerical derivatives: forces in eV/Å, virial relative."""
    numbers = [float(x) for x in thermo(lammps.run(commands + NUMDIFF, folder, plugin=plugin).stdout)[0][1:]]
    numeric, virial = np.array(numbers[1:7])[[0, 1, 2, 5, 4, 3]], np.array(numbers[7:13])
    return numbers[0], float(np.abs(numeric - virial).max() / np.abs(virial).max())


def test_derivatives_and_broken_plugins(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """LAMMPS' numerical derivatives agree with forces and virial, and detect deliberate errors."""
    model, atoms = models("oxide"), random_structure(("Si", "O"), 12)
    commands = setup(atoms, lammps.library(model), model.elements, tmp_path)
    forces, virial = derivative_errors(lammps, commands, tmp_path)
    scale = np.abs(model.compute(atoms).forces).max()
    assert forces < 1e-5 * scale
    assert virial < 1e-6

    def broken(old: str, new: str) -> tuple[float, float]:
        export = export_model(model.path, "lammps", tmp_path / "broken")
        source = export / "pair_acegen.cpp"
        text = source.read_text()
        assert text.count(old) == 1
        source.write_text(text.replace(old, new))
        make(export, "all")
        return derivative_errors(lammps, commands, tmp_path, export / "build" / "acegenplugin.so")

    # forces on ghost atoms are forgotten
    forces, _ = broken("fj[0] -= g[0];", "if (atoms[m] < atom->nlocal) fj[0] -= g[0];")
    assert forces > 1e-2 * scale
    # half of the virial
    forces, virial = broken("v[c] = -d[A[c]] * g[B[c]];", "v[c] = -0.5 * d[A[c]] * g[B[c]];")
    assert forces < 1e-5 * scale
    assert virial > 0.1


def test_skin_and_moves(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """After 200 steps with lists that are kept, forces are those of a fresh list."""
    commands = heated(lammps, fitted_silicon, tmp_path) + "fix 1 all nve\nrun 200\nwrite_data moved.data\n"
    output = lammps.run(
        commands
        + 'print "kept $(pe:%.17g)"\nunfix 1\nneigh_modify every 1 delay 0\nrun 0\nprint "fresh $(pe:%.17g)"\n',
        tmp_path,
        2,
    ).stdout
    kept, fresh = (float(re.search(rf"^{name} (\S+)", output, re.MULTILINE).group(1)) for name in ("kept", "fresh"))  # type: ignore[union-attr]
    assert kept == pytest.approx(fresh, rel=1e-11)


def test_example_runs(fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """`make run` of an export, as `acegen export` suggests, on one and two processes."""
    export = export_model(fitted_silicon.path, "lammps", tmp_path)
    for processes in (1, 2):
        command = ["make", "-C", str(export), "run", f"PYTHON={sys.executable}", f"NP={processes}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"^energy (\S+) eV; acegen in Python: (\S+) eV", output, re.MULTILINE)
        assert found is not None
        assert float(found[1]) == pytest.approx(float(found[2]), rel=1e-11)
        assert f"on {processes} procs for 100 steps" in output
    assert export_model(fitted_silicon.path, "lammps", tmp_path) == export  # build products and logs do not prevent it


def test_built_from_sources(lammps: Lammps, fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """Against a source tree and its compiler, as for a LAMMPS built by hand; its header as LAMMPS reads it."""
    export = export_model(fitted_silicon.path, "lammps", tmp_path)
    found = (lammps.plugin.parent / "lammps.mk").read_text()
    headers, mpi = (Path(path) for path in re.findall(r"-I(\S+)", found))
    program = re.findall(r"^LMP := (.*)$", found, re.MULTILINE)[0]
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "src").symlink_to(headers)
    make(export, f"LAMMPS={tree}", f"CXX=c++ -I{mpi}", f"LMP={program}", "run")
    assert not (export / "build" / "lammps.mk").exists()
    listed = tmp_path / "list.cpp"
    listed.write_text('#define PAIR_CLASS\n#define PairStyle(key, Class) found key Class\n#include "pair_acegen.h"\n')
    command = ["c++", "-E", "-P", f"-I{export}", str(listed)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["found", "acegen", "PairACEGEN;"]
    plugin = export / "build" / "acegenplugin.so"
    for compiled_again in (True, False):  # for the LAMMPS of the packages, in the same folder
        before = plugin.stat().st_mtime_ns
        make(export, "all")
        assert (plugin.stat().st_mtime_ns > before) == compiled_again
