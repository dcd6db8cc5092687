"""`compute` and `descriptors` on ASE structures: forces, virial, periodicity, real data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from example_models import DATA, random_coefficients
from structures import central_difference, quartz_like

import acegen

Models = Callable[[str], acegen.Model]


@pytest.mark.parametrize("periodic", list(product([True, False], repeat=3)))
def test_forces_are_minus_the_energy_gradient(models: Models, periodic: tuple[bool, bool, bool]) -> None:
    """Every combination of periodic directions."""
    model, atoms = models("oxide"), quartz_like()
    atoms.pbc = periodic
    result = model.compute(atoms)
    assert result.energies.shape == (9,)
    assert result.energy == pytest.approx(result.energies.sum())
    np.testing.assert_allclose(result.forces.sum(axis=0), 0, atol=1e-9 * np.abs(result.forces).max())
    for atom, axis in ((0, 0), (4, 1), (8, 2)):

        def energy(shift: float, atom: int = atom, axis: int = axis) -> float:
            moved = atoms.copy()
            moved.positions[atom, axis] += shift
            return model.compute(moved).energy

        expected = -central_difference(energy)
        assert result.forces[atom, axis] == pytest.approx(expected, rel=1e-7, abs=1e-6)


def test_virial_is_minus_the_strain_derivative(models: Models) -> None:
    """All nine components of the virial of a periodic cell."""
    model, atoms = models("oxide"), quartz_like(1)
    virial = model.compute(atoms).virial
    for i, j in product(range(3), repeat=2):

        def energy(strain: float, i: int = i, j: int = j) -> float:
            deformed = atoms.copy()
            matrix = np.eye(3)
            matrix[i, j] += strain
            deformed.set_cell(atoms.cell.array @ matrix, scale_atoms=True)
            return model.compute(deformed).energy

        assert virial[i, j] == pytest.approx(-central_difference(energy, 1e-4), rel=1e-6, abs=1e-4)


def test_supercell_and_cluster(models: Models) -> None:
    """A supercell repeats energies and forces; a structure without a cell equals its sum over environments."""
    model, atoms = models("oxide"), quartz_like(2)
    once, many = model.compute(atoms), model.compute(atoms.repeat((2, 1, 3)))
    np.testing.assert_allclose(many.energies, np.tile(once.energies, 6), rtol=1e-10)
    np.testing.assert_allclose(many.forces, np.tile(once.forces, (6, 1)), rtol=1e-8, atol=1e-8)

    cluster = Atoms(atoms.symbols, positions=atoms.positions)
    energies = model.compute(cluster).energies
    values = model.descriptors(cluster)
    assert values.shape == (9, model.n_basis)
    for i in range(9):
        others = [j for j in range(9) if j != i]
        numbers = [cluster.symbols[j] for j in others]
        displacements = cluster.positions[others] - cluster.positions[i]
        assert energies[i] == pytest.approx(model.energy(cluster.symbols[i], numbers, displacements), rel=1e-11)
        np.testing.assert_allclose(
            values[i], model.basis(cluster.numbers[i], numbers, displacements), rtol=1e-10, atol=1e-10
        )


def test_symbols_and_atomic_numbers_are_the_same(models: Models) -> None:
    """Elements may be given either way, as lists or arrays."""
    model = models("oxide")
    vectors = np.array([[1.5, 0.3, 0.2], [-0.9, 1.1, 1.0]])
    by_symbol = model.basis("O", ["Si", "O"], vectors)
    np.testing.assert_array_equal(by_symbol, model.basis(8, np.array([14, 8]), vectors))
    np.testing.assert_array_equal(by_symbol, model.basis("O", np.array(["Si", "O"]), vectors.tolist()))
    assert model.labels("O") == model.labels(8)


def test_isolated_atom_warns_and_has_energy_zero(models: Models) -> None:
    """An atom without neighbours is evaluated, with a warning."""
    model = models("silicon")
    atoms = Atoms("Si3", positions=[[0, 0, 0], [0, 0, 2.2], [0, 0, 50.0]])
    with pytest.warns(acegen.IsolatedAtomWarning, match=r"1 of 3 atoms .* atom 2"):
        result = model.compute(atoms)
    assert result.energies[2] == 0.0
    assert not result.forces[2].any()
    assert result.energies[0] != 0.0


def test_atom_isolated_by_its_own_pair_cutoff_warns(models: Models) -> None:
    """The cutoff of the pair matters, not the largest one."""
    with pytest.warns(acegen.IsolatedAtomWarning, match="2 of 2 atoms"):
        assert models("oxide").compute(Atoms("O2", positions=[[0, 0, 0], [0, 0, 4.0]])).energy == 0.0


def test_energy_is_smooth_through_the_cutoff(models: Models) -> None:
    """C¹ with smoothstep, C² with smootherstep: energy and slopes fade to zero at the cutoff."""
    for key, powers in (("silicon", (2, 1)), ("oxide", (3, 2))):
        model = models(key)
        center = model.elements[0]
        cutoff = model.cutoffs[0, 0]
        for gap in (1e-3, 1e-4):
            energy, gradient = model.energy_gradient(center, [center], [[0, 0, cutoff - gap]])
            size = np.abs(random_coefficients(model)[center]).sum() * 1e3
            assert abs(energy) < size * gap ** powers[0]
            assert abs(gradient[0, 2]) < size * gap ** powers[1]
        energy, gradient = model.energy_gradient(center, [center], [[0, 0, cutoff]])
        assert energy == 0.0
        assert not gradient.any()


@pytest.mark.skipif(not (DATA / "zuo2020").exists(), reason="the Zuo et al. data set is not here")
def test_real_silicon_structures(models: Models) -> None:
    """Every frame of a published test set: finite energies, no net force, forces from energies."""
    model = models("silicon")
    frames = ase.io.read(DATA / "zuo2020" / "Si_test.xyz", ":")
    assert len(frames) == 25
    for atoms in frames:
        result = model.compute(atoms)
        assert np.isfinite(result.energies).all()
        assert np.abs(result.forces.sum(axis=0)).max() < 1e-12 * np.abs(result.energies).sum()
    atoms = frames[0]

    def energy(shift: float) -> float:
        moved = atoms.copy()
        moved.positions[5, 1] += shift
        return model.compute(moved).energy

    assert model.compute(atoms).forces[5, 1] == pytest.approx(-central_difference(energy), rel=1e-7)


def test_diamond_lattice_has_no_forces(models: Models) -> None:
    """Symmetry makes forces vanish and the virial isotropic."""
    model = models("silicon")
    result = model.compute(bulk("Si", "diamond", a=5.43))
    scale = abs(result.energy)
    np.testing.assert_allclose(result.forces, 0, atol=1e-10 * scale)
    np.testing.assert_allclose(result.virial, np.trace(result.virial) / 3 * np.eye(3), atol=1e-9 * scale)
