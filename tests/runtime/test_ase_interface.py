"""`acegen.ase.Calculator` as an object: what it keeps, copies, files, errors."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from test_ase import assert_is_model, heat, rattled

import acegen
from acegen.ase import Calculator


def test_results_are_kept_while_nothing_changes(fitted_silicon: acegen.Model) -> None:
    """Charges and momenta do not matter; the smallest move does. Returned arrays are copies."""
    atoms = rattled()
    calculator = atoms.calc = Calculator(fitted_silicon)
    atoms.get_forces()[:] = 0
    kept = calculator.results["forces"]
    atoms.set_initial_charges(np.ones(8))
    heat(atoms, 300)
    atoms.get_stress()
    assert calculator.results["forces"] is kept
    assert kept.any()
    assert not calculator.calculation_required(atoms, ["energy", "forces", "stress"])
    atoms.positions[0, 0] = np.nextafter(atoms.positions[0, 0], 1)
    assert calculator.check_state(atoms) == ["positions"]
    assert calculator.check_state(atoms, tol=1e-8) == []
    atoms.get_stress()
    assert calculator.results["forces"] is not kept
    atoms.get_stresses()
    assert set(calculator.results) == set(Calculator.implemented_properties)


def test_copies_and_pickles(fitted_silicon: acegen.Model) -> None:
    """Copies are independent; two calculators share a model."""
    atoms = rattled()
    original = Calculator(fitted_silicon, skin=0.7)
    expected = original.get_forces(atoms)
    for other in (copy.copy(original), copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert isinstance(other, Calculator)
        assert other.parameters["skin"] == 0.7
        moved = rattled(seed=9)
        moved.calc = other
        assert_is_model(moved, fitted_silicon)
        np.testing.assert_array_equal(original.get_forces(atoms), expected)
    first, second = rattled(seed=4), rattled(repeat=2, seed=5)
    first.calc, second.calc = Calculator(fitted_silicon), Calculator(fitted_silicon, skin=0)
    for _ in range(3):
        for each in (first, second):
            each.rattle(0.03)
            assert_is_model(each, fitted_silicon)
    assert second.calc.rebuilds == 3


def test_one_calculator_for_many_structures(fitted_silicon: acegen.Model) -> None:
    """Structures of different sizes, in turn."""
    calculator = Calculator(str(fitted_silicon.path))
    for repeat in (1, 2, 1):
        atoms = rattled(repeat, seed=repeat)
        atoms.calc = calculator
        assert_is_model(atoms, fitted_silicon)
    assert calculator.rebuilds == 3
    assert calculator.name == "acegen"
    assert calculator.set(skin=0.1) == {"skin": 0.1}
    atoms.rattle(0.01)
    assert_is_model(atoms, fitted_silicon)
    assert calculator.rebuilds == 1


def test_files(fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """Trajectories and extended XYZ hold the results."""
    atoms = rattled()
    atoms.calc = Calculator(fitted_silicon)
    energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
    for name in ("one.traj", "one.xyz"):
        atoms.write(tmp_path / name)
        again = ase.io.read(tmp_path / name)
        assert again.get_potential_energy() == pytest.approx(energy)
        np.testing.assert_allclose(again.get_forces(), forces, atol=1e-7)
        np.testing.assert_allclose(again.get_stress(), stress, atol=1e-7)
    single = SinglePointCalculator(atoms, **atoms.calc.results)
    np.testing.assert_array_equal(single.get_forces(atoms), forces)
    assert dict(atoms.calc.calculate_properties(atoms, ["energy", "stresses"]))["energy"] == energy


def test_errors(fitted_silicon: acegen.Model, tmp_path: Path, small_spec: dict[str, object]) -> None:
    """Each is one message."""
    bare = acegen.compile(small_spec, tmp_path)
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: Calculator(bare), acegen.ModuleError, "compiled without coefficients and has no energies"),
        (lambda: Calculator(tmp_path / "no"), acegen.ModuleError, "no compiled module at"),
        (lambda: Calculator(7), acegen.ModuleError, "model = 7 is not a compiled model; give the folder of one"),
        (
            lambda: Calculator(fitted_silicon, threads=2),
            acegen.ModuleError,
            "threads = 2 applies to a model's folder only",
        ),
        (lambda: Calculator(fitted_silicon.path, threads=2), acegen.ModuleError, "needs OpenMP"),
        (lambda: Calculator(fitted_silicon, skin=-1), acegen.ModuleError, "skin = -1 is not possible"),
        (lambda: Calculator(fitted_silicon).set(colour=1), acegen.ModuleError, "only skin can be set, not colour"),
        (lambda: Calculator(fitted_silicon).set(skin="x"), acegen.ModuleError, "skin = 'x' is not possible"),
        (
            lambda: Calculator(fitted_silicon).get_forces(molecule("H2O")),
            acegen.StructureError,
            "does not know the element",
        ),
        (lambda: Calculator(fitted_silicon).get_dipole_moment(rattled()), PropertyNotImplementedError, "dipole"),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
    calculator, atoms = Calculator(fitted_silicon), rattled(size=0.01)
    calculator.get_forces(atoms)
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(acegen.StructureError, match="at the same place as atom"):
        calculator.get_forces(atoms)


def test_coincident_atoms_of_kept_lists(fitted_silicon: acegen.Model) -> None:
    """The kernel refuses them; the message still names the atoms."""
    calculator = Calculator(fitted_silicon, skin=1.0)
    atoms = Atoms("Si2", positions=[[0, 0, 0], [0, 0, 0.8]])
    calculator.get_forces(atoms)
    atoms.positions[1] = 0
    with pytest.raises(acegen.StructureError, match="atom 1 is at the same place as atom 0"):
        calculator.get_forces(atoms)
    assert calculator.rebuilds == 1


def test_without_ase() -> None:
    """One message, and the rest of acegen works."""
    code = """
import sys
import acegen
sys.modules["ase"] = None
try:
    import acegen.ase
except acegen.DependencyError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "acegen.ase needs the packages 'ase' and 'vesin': pip install vesin ase."
