"""`acegen export --to kim` in simulators: LAMMPS on one and two processes, ASE, and KIM's own check of forces.

Every check is also made on models that are wrong on purpose, which must fail it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from kim_fixtures import Items, structure
from kim_tools import BAR, EXAMPLES, FROM_LAMMPS, Item, difference, lammps_data, require, run

import acegen
from acegen.ase import Calculator

pytestmark = [pytest.mark.simulator, pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")]

TIGHT = 1e-11

STATIC = """
newton {newton}
kim init {name} metal
atom_modify map yes
boundary p p p
read_data test.data
kim interactions {elements}
neighbor {skin} bin
compute virial all pressure NULL virial
compute energies all pe/atom
compute virials all stress/atom NULL virial
dump 1 all custom 1 atoms.txt id fx fy fz c_energies c_virials[1] c_virials[2] c_virials[3] c_virials[4] c_virials[5] &
  c_virials[6]
dump_modify 1 sort id format float %.17g
thermo_style custom pe c_virial[1] c_virial[2] c_virial[3] c_virial[4] c_virial[5] c_virial[6]
thermo_modify format float %.17g
run 0
"""

DYNAMIC = """
kim init {name} metal
read_data test.data
kim interactions {elements}
neighbor 0.5 bin
neigh_modify delay 0 every 1 check yes
velocity all create 600 1234 mom yes rot no loop all
fix 1 all nve
timestep 0.001
thermo 50
thermo_style custom step pe etotal
thermo_modify format float %.17g
run {steps}
"""


def thermo(text: str) -> np.ndarray:
    """The table of thermodynamic output in what LAMMPS printed."""
    table = re.search(r"^(?:Step|PotEng) [^\n]*\n(.*?)^Loop time", text, re.MULTILINE | re.DOTALL)
    assert table, text
    return np.array([[float(word) for word in line.split()] for line in table[1].splitlines()])


def lammps_differences(
    item: Item, model: acegen.Model, atoms: Atoms, processes: int = 1, newton: str = "on"
) -> dict[str, float]:
    """How far LAMMPS is from Python: energy, forces, virial (which LAMMPS has from forces), and those of each atom."""
    lammps_data(atoms, model.elements, item.folder / "test.data")
    script = STATIC.format(name=item.name, elements=" ".join(model.elements), skin=0.8, newton=newton)
    done = item.lammps(script, processes)
    assert done.returncode == 0, f"{done.stdout}\n{item.errors()}"
    assert "per-atom virial" not in done.stdout, done.stdout
    energy, *pressure = thermo(done.stdout)[0]
    rows = np.loadtxt(item.folder / "atoms.txt", skiprows=9)
    expected = model.compute(atoms)
    calculator = Calculator(model)
    volume = atoms.get_volume()
    stress, stresses = (calculator.get_property(name, atoms) for name in ("stress", "stresses"))
    return {
        "energy": difference(energy, expected.energy),
        "forces": difference(rows[:, 1:4], expected.forces),
        "virial": difference(np.array(pressure)[FROM_LAMMPS] / BAR, -stress),
        "energies": difference(rows[:, 4], expected.energies),
        "virials": difference(rows[:, 5:11][:, FROM_LAMMPS] / BAR, volume * stresses),
    }


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("key", ["silicon", "oxide", "file"])
def test_lammps_has_what_python_has(kim_items: Items, key: str, processes: int) -> None:
    """Energy, forces and virial, of all and of each atom, for one and two elements."""
    require("lammps", *(["mpirun"] if processes > 1 else []))
    model, item = kim_items[key]
    for newton in ("on", "off"):
        differences = lammps_differences(item, model, structure(key), processes, newton)
        assert max(differences.values()) < TIGHT, (newton, differences)


BROKEN = {
    "forces on images are dropped": (
        "kim_compute.c",
        "on_neighbour[axis] -= pull;",
        "if (self->contributing[batch->neighbour[k]]) on_neighbour[axis] -= pull;",
        {"forces", "virial"},
    ),
    "the energy has a wrong factor": (
        "kim_compute.c",
        "= model->energy_unit * batch->energy[i];",
        "= (1 + 1e-10) * model->energy_unit * batch->energy[i];",
        {"energy", "energies"},
    ),
    "neighbours are all the first element": (
        "kim_compute.c",
        "species[count] = kind;",
        "species[count] = 0;",
        {"energy", "forces", "virial", "energies", "virials"},
    ),
    "a component of virials is another": (
        "kim_compute.c",
        "virial[3] += unit * r[1] * g[2];",
        "virial[3] += unit * r[0] * g[2];",
        {"virials"},
    ),
    "the last batch is forgotten": (
        "kim_compute.c",
        "    if (flush(&self)) return 1;",
        "",
        {"energy", "forces", "virial", "energies", "virials"},
    ),
}


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("what", BROKEN)
def test_lammps_shows_a_broken_model(kim_items: Items, what: str, processes: int) -> None:
    """The same comparison fails, and for the quantities that are wrong."""
    require("lammps", *(["mpirun"] if processes > 1 else []))
    *edit, wrong = BROKEN[what]
    model, _ = kim_items["oxide"]
    differences = lammps_differences(kim_items.broken("oxide", *edit), model, structure("oxide"), processes)
    assert {name for name, value in differences.items() if not value < TIGHT} == wrong, differences


def dynamics(item: Item, model: acegen.Model, processes: int, steps: int = 500) -> np.ndarray:
    """Potential and total energy along a trajectory, with its steps."""
    lammps_data(structure("silicon", size=0.02), model.elements, item.folder / "test.data")
    done = item.lammps(DYNAMIC.format(name=item.name, elements=" ".join(model.elements), steps=steps), processes)
    assert done.returncode == 0, f"{done.stdout}\n{item.errors()}"
    return thermo(done.stdout)


def test_lammps_trajectories_on_one_and_two_processes_agree(kim_items: Items) -> None:
    """500 steps of NVE at 300 K: energies to 8 digits, and the total energy is conserved."""
    require("lammps", "mpirun")
    model, item = kim_items["silicon"]
    one, two = (dynamics(item, model, processes) for processes in (1, 2))
    assert one[-1, 0] == 500
    assert np.ptp(one[:, 1]) > 1.0
    np.testing.assert_allclose(two, one, rtol=1e-8)
    assert np.ptp(one[:, 2]) < 0.02 * np.ptp(one[:, 1])


def test_lammps_trajectories_show_dropped_forces_on_images(kim_items: Items) -> None:
    """Which atoms are images depends on the processes."""
    require("lammps", "mpirun")
    model, _ = kim_items["silicon"]
    broken = kim_items.broken("silicon", *BROKEN["forces on images are dropped"][:3])
    one, two = (dynamics(broken, model, processes, steps=100) for processes in (1, 2))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(two, one, rtol=1e-8)


def ase_difference(item: Item, model: acegen.Model, structures: list[Atoms]) -> float:
    """How far ASE's KIM calculator is from acegen's: energy, forces, stress."""
    worst = 0.0
    for atoms, found in zip(structures, item.evaluate(structures, simulator="ase"), strict=True):
        calculator = Calculator(model)
        for name, value in found.items():
            worst = max(worst, difference(value, calculator.get_property(name, atoms)))
    return worst


@pytest.mark.parametrize("key", ["silicon", "oxide", "file"])
def test_ase_has_what_python_has(kim_items: Items, key: str) -> None:
    """Energy, forces and stress by the calculator of ASE; atoms outside the cell are wrapped."""
    require("kimpy")
    model, item = kim_items[key]
    shifted = structure(key)
    shifted.positions[3] += 2 * shifted.cell.array[0] - shifted.cell.array[1]
    assert ase_difference(item, model, [structure(key), shifted]) < TIGHT
    broken = kim_items.broken(key, *BROKEN["forces on images are dropped"][:3])
    assert ase_difference(broken, model, [structure(key)]) > 1e-3


@pytest.fixture(scope="module")
def force_check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KIM's program that compares forces with numerical derivatives (Ridders' method) of the energy."""
    require("kim", "gfortran", "examples")
    folder = tmp_path_factory.mktemp("force_check")
    source = EXAMPLES / "utility_forces_numer_deriv"
    for command in (["cmake", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"], ["cmake", "--build", folder]):
        done = run(command, folder, {})
        assert done.returncode == 0, done.stdout
    return folder / "utility_forces_numer_deriv"


def force_errors(program: Path, item: Item) -> tuple[float, float]:
    """KIM's α, its mean error of a force weighted by the accuracy of the derivative, and the largest error.

    Both are in units of the largest force and for the worse of its two clusters (all particles contribute, or half)."""
    done = item.run([program], stdin=f"{item.name}\n")
    assert done.returncode == 0, done.stdout
    assert "Error" not in done.stdout, f"{done.stdout}\n{item.errors()}"
    number = r"(-?\d\.\d+E[+-]\d+)"
    alphas = [float(value) for value in re.findall(rf"alpha = .*?= +{number}", done.stdout)]
    forces = np.array(
        re.findall(rf"[123]  +{number} +{number} +{number} +{number} +{number}", done.stdout), dtype=float
    )
    assert len(alphas) == 2
    assert len(forces) > 300
    scale = np.abs(forces[:, 0]).max()
    return max(alphas) / scale, float(forces[:, 2].max() / scale)


@pytest.mark.parametrize("key", ["silicon", "oxide"])
def test_numerical_derivative_check_of_kim(kim_items: Items, force_check: Path, key: str) -> None:
    """Passed if α < 1e-9 and no force is off by more than 1e-6, both in units of the largest force.

    What is left is of the numerical derivative, where a step takes a particle through the cutoff."""
    _, item = kim_items[key]
    alpha, largest = force_errors(force_check, item)
    assert alpha < 1e-9
    assert largest < 1e-6
    for edit in (BROKEN["forces on images are dropped"][:3], BROKEN["the energy has a wrong factor"][:3]):
        file, old, new = edit
        alpha, largest = force_errors(force_check, kim_items.broken(key, file, old, new.replace("1e-10", "1e-4")))
        assert alpha > 1e-9
        assert largest > 1e-6
