"""Neighbour lists with a skin: no pair is ever missed, whatever happens to atoms and cell; rebuilt only when needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structures import quartz_like

import acegen
from acegen.runtime.skin import SkinList

Models = Callable[[str], acegen.Model]

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PERIODIC = st.sampled_from(list(product([True, False], repeat=3)))
pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")


def keys(pairs: acegen.runtime.neighbours.NeighbourList, chosen: np.ndarray) -> set[tuple[int, ...]]:
    """Pairs as (centre, neighbour, three shifts)."""
    columns = np.column_stack([pairs.center, pairs.neighbour, pairs.shift])[chosen]
    return {tuple(int(number) for number in row) for row in columns}


def check_complete(model: acegen.Model, lists: SkinList, atoms: Atoms) -> None:
    """Every pair within its cutoff is listed, once, with the right displacement; energies and forces are those of
    new lists."""
    pairs = lists.pairs(atoms)
    listed = pairs.listed
    fresh_environments, fresh = model.environments(atoms)
    species = fresh_environments.center
    cutoffs = model.cutoffs[species[fresh.center], species[fresh.neighbour]]
    needed = keys(fresh, np.linalg.norm(fresh.displacement, axis=1) < cutoffs)
    held = keys(listed, np.ones(len(listed.center), dtype=bool))
    assert len(held) == len(listed.center)
    assert needed <= held
    expected = (
        atoms.positions[listed.neighbour] - atoms.positions[listed.center] + listed.shift @ atoms.cell.array
    )  # by definition
    np.testing.assert_allclose(pairs.displacement, expected, atol=1e-11 * (1 + np.abs(atoms.positions).max()))
    np.testing.assert_array_equal(pairs.first, listed.first)
    np.testing.assert_array_equal(pairs.center, species)
    np.testing.assert_array_equal(pairs.species, species[listed.neighbour])
    assert pairs.most == np.diff(listed.first).max(initial=0)


def check_results(model: acegen.Model, lists: SkinList, atoms: Atoms) -> None:
    """Energies, forces and virial are those of `compute`."""
    pairs = lists.pairs(atoms)
    energies, gradient = model.evaluate(pairs)
    expected = model.compute(atoms)
    for actual, wanted in zip((energies, pairs.forces(gradient), pairs.virial(gradient)), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-10, atol=1e-10 * (1 + np.abs(gradient).max()))


def disturb(atoms: Atoms, kind: str, size: float, rng: np.random.Generator) -> None:
    """One of the things that happen to atoms between two evaluations."""
    n = len(atoms)
    if kind == "move":
        atoms.positions += rng.normal(scale=size, size=(n, 3))
    elif kind == "one":
        atoms.positions[rng.integers(n)] += rng.normal(scale=3 * size, size=3)
    elif kind == "drift":
        atoms.positions += rng.normal(scale=100 * size, size=3)
    elif kind == "strain":
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=size / 3, size=(3, 3))), scale_atoms=True)
    elif kind == "compress":
        atoms.set_cell(atoms.cell.array * (1 - size / 3), scale_atoms=True)
    elif kind == "cell":  # atoms stay where they are
        atoms.set_cell(atoms.cell.array + rng.normal(scale=size / 3, size=(3, 3)))
    elif kind == "rotate":
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        atoms.set_cell(atoms.cell.array @ rotation)
        atoms.positions[:] = atoms.positions @ rotation
    elif kind == "wrap":
        atoms.wrap()
    elif kind == "jump":
        atoms.positions[rng.integers(n)] += rng.integers(-2, 3, size=3) @ (atoms.cell.array * atoms.pbc[:, None])
    elif kind == "swap":
        atoms.numbers[:] = rng.permutation(atoms.numbers)
    elif kind == "periodic":
        atoms.pbc = rng.integers(2, size=3).astype(bool)


KINDS = st.sampled_from(
    "move one drift strain compress cell rotate wrap jump swap periodic move move strain compress".split()
)
STEPS = st.lists(st.tuples(KINDS, st.floats(1e-4, 0.3)), min_size=1, max_size=8)


@RELAXED
@given(STEPS, PERIODIC, st.sampled_from([0.0, 0.2, 0.5, 1.5]), st.integers(0, 2**31))
def test_no_pair_is_missed(
    models: Models, steps: list[tuple[str, float]], periodic: tuple[bool, bool, bool], skin: float, seed: int
) -> None:
    """Any sequence of moves, deformations of the cell, wrapping, exchanges; cutoffs that differ by pair."""
    model, atoms = models("oxide"), quartz_like(seed % 5)
    rng = np.random.default_rng(seed)
    atoms.pbc = periodic
    lists = SkinList(model, skin)
    check_complete(model, lists, atoms)
    for kind, size in steps:
        disturb(atoms, kind, size, rng)
        check_complete(model, lists, atoms)


@pytest.mark.slow
@RELAXED
@given(STEPS, PERIODIC, st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 2**31))
def test_results_do_not_depend_on_the_skin(
    fitted_silicon: acegen.Model,
    steps: list[tuple[str, float]],
    periodic: tuple[bool, bool, bool],
    skin: float,
    seed: int,
) -> None:
    """Energies, forces and virial equal those with new lists, to 1e-10."""
    atoms = bulk("Si", cubic=True)
    atoms.pbc = periodic
    rng = np.random.default_rng(seed)
    lists = SkinList(fitted_silicon, skin)
    for kind, size in [("move", 0.1), *steps]:
        disturb(atoms, kind, min(size, 0.1), rng)
        check_results(fitted_silicon, lists, atoms)


def chain(distance: float) -> Atoms:
    """Two atoms along x, far from being periodic."""
    return Atoms("Si2", positions=[[0, 0, 0], [distance, 0, 0]])


@pytest.mark.parametrize(("share", "builds"), [(0.999, 1), (1.001, 2)])
def test_two_atoms_may_use_up_the_skin(fitted_silicon: acegen.Model, share: float, builds: int) -> None:
    """Atoms just outside the list approach each other: rebuilt exactly when they reach the cutoff."""
    lists = SkinList(fitted_silicon, 0.6)
    atoms = chain(5.5 + 0.6 + 1e-6)
    assert not len(lists.pairs(atoms).listed.center)
    atoms.positions[:, 0] += np.array([0.3, -0.3]) * share
    check_complete(fitted_silicon, lists, atoms)
    assert lists.builds == builds


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("share", "builds"), [(0.999, 1), (1.001, 2)])
def test_strain_may_use_up_the_skin(fitted_silicon: acegen.Model, axis: int, share: float, builds: int) -> None:
    """A period just outside the list is compressed: rebuilt exactly when it reaches the cutoff."""
    skin, period = 0.6, 5.5 + 0.6 + 1e-6
    lists = SkinList(fitted_silicon, skin)
    atoms = Atoms("Si", positions=[[0.1, 0.2, 0.3]], cell=np.eye(3) * np.where(np.arange(3) == axis, period, 20), pbc=1)
    assert not len(lists.pairs(atoms).listed.center)
    strained = atoms.cell.array.copy()
    strained[axis] *= 1 - share * skin / period
    atoms.set_cell(strained, scale_atoms=True)
    check_complete(fitted_silicon, lists, atoms)
    assert lists.builds == builds


def test_shear_and_moves_add_up(fitted_silicon: acegen.Model) -> None:
    """A strain and a move that each keep the list, but not together."""
    atoms = bulk("Si", cubic=True)
    for strain, move, builds in ((0.05, 0.0, 1), (0.0, 0.2, 1), (0.05, 0.2, 2)):
        lists = SkinList(fitted_silicon, 0.5)
        lists.pairs(atoms)
        changed = atoms.copy()
        changed.set_cell(atoms.cell.array @ (np.eye(3) + strain * np.eye(3, k=1)), scale_atoms=True)
        changed.positions[0, 1] += move
        changed.positions[5, 1] -= move
        check_complete(fitted_silicon, lists, changed)
        assert lists.builds == builds


def test_what_costs_no_new_lists(fitted_silicon: acegen.Model) -> None:
    """Drift of all atoms, rotation with the cell, expansion, and leaving the cell; small moves; the vector of a
    direction that is not periodic."""
    atoms = bulk("Si", cubic=True).repeat(2)
    lists = SkinList(fitted_silicon, 0.5)
    rng = np.random.default_rng(0)
    lists.pairs(atoms)
    for kind, size in (("drift", 1.0), ("rotate", 1.0), ("compress", -0.3), ("move", 0.02)):
        disturb(atoms, kind, size, rng)
        check_complete(fitted_silicon, lists, atoms)
        check_results(fitted_silicon, lists, atoms)
    assert lists.builds == 1
    atoms.wrap()
    check_complete(fitted_silicon, lists, atoms)
    assert lists.builds == 2

    slab = bulk("Si", cubic=True)
    slab.pbc = (True, True, False)
    lists = SkinList(fitted_silicon, 0.5)
    lists.pairs(slab)
    slab.cell[2] = [0.0, 0.0, 50.0]
    check_complete(fitted_silicon, lists, slab)
    assert lists.builds == 1


def test_diffusing_atoms_stay_correct(fitted_silicon: acegen.Model) -> None:
    """Atoms that leave the cell in different directions over many steps."""
    atoms = bulk("Si", cubic=True)
    lists = SkinList(fitted_silicon, 0.4)
    rng = np.random.default_rng(3)
    velocity = rng.normal(scale=0.05, size=(len(atoms), 3))
    with warnings.catch_warnings():
        for step in range(300):
            atoms.positions += velocity
            if step % 20 == 0:
                check_complete(fitted_silicon, lists, atoms)
            else:
                lists.pairs(atoms)
    assert 20 < lists.builds < 200
    assert np.abs(atoms.get_scaled_positions(wrap=False)).max() > 2


def test_errors_leave_the_lists_usable(fitted_silicon: acegen.Model) -> None:
    """Impossible positions and cells are refused, also by kept lists, and later evaluations are right."""
    atoms = bulk("Si", cubic=True)
    lists = SkinList(fitted_silicon, 0.5)
    lists.pairs(atoms)
    for spoil, message in (
        (lambda a: a.positions.__setitem__((3, 1), np.nan), "position of atom 3 is not finite"),
        (lambda a: a.positions.__setitem__((3, 1), np.inf), "position of atom 3 is not finite"),
        (lambda a: a.cell.__setitem__((0, 0), np.nan), "cell has entries that are not finite"),
        (lambda a: a.cell.__setitem__(1, [0.0, 0.0, 0.0]), "zero or linearly dependent"),
        (lambda a: a.numbers.__setitem__(2, 8), "does not know the element 'O'"),
    ):
        bad = atoms.copy()
        spoil(bad)
        with pytest.raises(acegen.StructureError, match=message):
            lists.pairs(bad)
        atoms.positions[0, 0] += 0.01
        check_complete(fitted_silicon, lists, atoms)
        check_results(fitted_silicon, lists, atoms)
    assert lists.builds == 1


def test_shorter_cutoffs_list_fewer_pairs(models: Models) -> None:
    """Pairs are listed as far out as their own cutoff needs."""
    model, atoms = models("oxide"), quartz_like()
    pairs = SkinList(model, 0.5).pairs(atoms)
    reach = model.cutoffs[pairs.center[pairs.listed.center], pairs.species] + 0.5
    assert (np.linalg.norm(pairs.displacement, axis=1) < reach).all()
    assert len(pairs.species) < 0.8 * len(model.environments(atoms, 0.5)[1].center)


@pytest.mark.parametrize("skin", [-0.1, float("nan"), float("inf"), 100.0, "0.5", None, True, [0.5]])
def test_bad_skins(fitted_silicon: acegen.Model, skin: object) -> None:
    """A skin is a length, and not a huge one."""
    with pytest.raises(acegen.ModuleError, match=r"skin = .* is not possible; use a number from 0 to 5\.5"):
        SkinList(fitted_silicon, skin)  # type: ignore[arg-type]


def test_expansion_of_a_cell_does_not_excuse_moves_of_short_pairs(models: Models) -> None:
    """With cutoffs that differ by pair, an expansion gains less for a short cutoff than for the longest."""
    model = models("oxide")
    cutoff = model.cutoffs[1, 1]
    assert cutoff == 3.5
    atoms = Atoms("O2", positions=[[0, 0, 0], [cutoff + 0.5 + 1e-6, 0, 0]], cell=np.eye(3) * 20, pbc=True)
    lists = SkinList(model, 0.5)
    lists.pairs(atoms)
    atoms.set_cell(atoms.cell.array * 1.2, scale_atoms=True)
    atoms.positions[:, 0] += [0.7, -0.7]
    assert atoms.get_distance(0, 1) < cutoff
    check_complete(model, lists, atoms)
