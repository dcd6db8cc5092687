"""Rows of the design matrix against energies, forces and virials, and against derivatives of the basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from example_models import DATA, SPECS, random_coefficients
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.errors import StructureError

Models = Callable[[str], acegen.Model]

pytestmark = pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")


def structure(model: acegen.Model, seed: int, repeat: int = 2, periodic: bool = True) -> Atoms:
    """A rattled, sheared crystal of random elements."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Si", "diamond", a=5.0, cubic=True) * (repeat, 1, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(scale=0.2, size=atoms.positions.shape)
    atoms.symbols = rng.choice(model.elements, size=len(atoms))
    atoms.pbc = periodic
    return atoms


@settings(deadline=None, max_examples=12)
@given(key=st.sampled_from(sorted(SPECS)), seed=st.integers(0, 10**6), periodic=st.booleans())
def test_rows_times_coefficients_are_energy_forces_virial(models: Models, key: str, seed: int, periodic: bool) -> None:
    """For any structure, against the potential kernel."""
    model = models(key)
    atoms = structure(model, seed, periodic=periodic)
    rows, result = model.design_rows(atoms), model.compute(atoms)
    assert rows.forces.shape == (len(atoms), 3, len(model.elements) * model.n_basis)
    c = np.concatenate([random_coefficients(model)[element] for element in model.elements])
    virial = result.virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    terms = [(rows.energy, result.energy), (rows.forces, result.forces), (rows.virial, virial)]
    for row, expected in terms:
        assert np.abs(row @ c - expected).max() < 1e-12 * max(1.0, (np.abs(row) @ np.abs(c)).max())


def test_rows_are_sums_of_descriptors_and_gradients(models: Models) -> None:
    """Column by column: energy rows from `descriptors`, force rows from finite differences of them."""
    model = models("oxide")
    atoms = structure(model, 5, repeat=1)
    rows = model.design_rows(atoms)

    def energies(moved: Atoms) -> np.ndarray:
        values, symbols = model.descriptors(moved), np.array(moved.get_chemical_symbols())
        return np.concatenate([values[symbols == element].sum(axis=0) for element in model.elements])

    scale = np.maximum(1.0, np.abs(rows.forces).max(axis=(0, 1)))
    np.testing.assert_allclose(rows.energy, energies(atoms), rtol=1e-12, atol=1e-11)
    step = 1e-3
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    for atom, axis in ((0, 0), (3, 2), (7, 1)):
        slope = np.zeros_like(rows.energy)
        for k, w in weights.items():
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[atom, axis] += sign * k * step
                slope += sign * w / step * energies(moved)
        assert (np.abs(rows.forces[atom, axis] + slope) / scale).max() < 1e-8


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), atoms_at_once=st.integers(1, 17))
def test_blocks_are_the_whole_in_parts(models: Models, seed: int, atoms_at_once: int) -> None:
    """Any block size gives the same force rows; energy and virial add up to the structure's."""
    model = models("oxide")
    structures = [structure(model, seed), structure(model, seed + 1, repeat=1, periodic=False)]
    per_atom = 3 * 8 * len(model.elements) * model.n_basis
    blocks = list(acegen.design_blocks(model, structures, atoms_at_once * per_atom))
    for number, atoms in enumerate(structures):
        whole = model.design_rows(atoms)
        own = [block for block in blocks if block.structure == number]
        assert [(b.first, b.last) for b in own] == [
            (first, min(first + atoms_at_once, len(atoms))) for first in range(0, len(atoms), atoms_at_once)
        ]
        scale = np.maximum(1.0, np.abs(whole.forces).max(axis=(0, 1)))
        together = np.concatenate([block.rows.forces for block in own])
        assert (np.abs(together - whole.forces) / scale).max() < 1e-12
        for name in ("energy", "virial"):
            total = sum(getattr(block.rows, name) for block in own)
            expected = getattr(whole, name)
            assert np.abs(total - expected).max() < 1e-12 * max(1.0, np.abs(expected).max())


def test_blocks_are_made_as_they_are_needed(models: Models) -> None:
    """Structures are read one at a time, so that a data set need not fit into memory."""
    model = models("silicon")
    read = []

    def structures() -> Iterator[Atoms]:
        for number in range(5):
            read.append(number)
            yield structure(model, number, repeat=1)

    blocks = acegen.design_blocks(model, structures())
    next(blocks)
    assert read == [0]


def test_a_bound_below_one_atom_is_an_error(models: Models) -> None:
    """The message says what one atom needs."""
    with pytest.raises(StructureError, match=r"is too small for the rows of one atom \([\d,]+ bytes\)"):
        next(acegen.design_blocks(models("silicon"), [structure(models("silicon"), 1)], 100))


def test_few_or_no_neighbours(models: Models) -> None:
    """Atoms without neighbours have zero rows; no atoms give no rows."""
    model = models("silicon")
    rows = model.design_rows(Atoms("Si2", positions=[[0, 0, 0], [50, 0, 0]]))
    assert rows.forces.shape == (2, 3, model.n_basis)
    assert not rows.energy.any()
    assert not rows.forces.any()
    assert not rows.virial.any()
    empty = model.design_rows(Atoms())
    assert empty.forces.shape == (0, 3, model.n_basis)
    assert not empty.energy.any()
    assert list(acegen.design_blocks(model, [Atoms()])) == []


def test_wrong_elements_are_an_error(models: Models) -> None:
    """As everywhere, the message names the element and those of the model."""
    with pytest.raises(StructureError, match="does not know the element 'H'"):
        models("silicon").design_rows(molecule("H2O"))


@pytest.mark.skipif(not (DATA / "zuo2020").is_dir(), reason="no data/zuo2020 beside the checkout")
def test_rows_on_real_data(models: Models) -> None:
    """Silicon structures of the Zuo et al. benchmark, of all kinds."""
    from ase.io import read

    model = models("silicon")
    c = random_coefficients(model)["Si"]
    for atoms in read(DATA / "zuo2020" / "Si_test.xyz", "::6"):
        rows, result = model.design_rows(atoms), model.compute(atoms)
        assert abs(rows.energy @ c - result.energy) < 1e-12 * (np.abs(rows.energy) @ np.abs(c))
        assert np.abs(rows.forces @ c - result.forces).max() < 1e-12 * (np.abs(rows.forces) @ np.abs(c)).max()
