"""Ownership of pairs: frozen lists never change, whoever made them; moving pairs have one owner that writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structures import quartz_like

import acegen
from acegen.runtime.environments import Environments, constant
from acegen.runtime.neighbours import NeighbourList, neighbour_list
from acegen.runtime.pairs import MovingPairs
from acegen.runtime.skin import SkinList

Models = Callable[[str], acegen.Model]
Seeds = st.integers(0, 2**31)
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")


def arrays_of(frozen: Environments | NeighbourList) -> dict[str, np.ndarray]:
    return {field.name: getattr(frozen, field.name) for field in fields(frozen)}


@FEW
@given(moves=st.lists(st.floats(1e-3, 0.4), min_size=1, max_size=5), skin=st.sampled_from([0.1, 0.5]), seed=Seeds)
def test_only_the_owner_changes(models: Models, moves: list[float], skin: float, seed: int) -> None:
    """Whatever a skin list has given out: what is frozen keeps its values, what moves follows the atoms, and results
    of frozen environments are those of the structure that they were made for."""
    model, atoms = models("oxide"), quartz_like(seed % 5)
    rng = np.random.default_rng(seed)
    lists = SkinList(model, skin)
    kept: list[tuple[dict[str, np.ndarray], dict[str, bytes]]] = []
    evaluated = []
    for size in moves:
        atoms.positions += rng.normal(scale=size, size=(len(atoms), 3))
        pairs = lists.pairs(atoms)
        taken = Environments(pairs.center, pairs.first, pairs.species, pairs.displacement)
        for frozen in (taken, pairs.listed, *model.environments(atoms, skin)):
            arrays = arrays_of(frozen)
            kept.append((arrays, {name: array.tobytes() for name, array in arrays.items()}))
        evaluated.append((taken, model.basis_values(taken)))
        owner, image = pairs.listed.center, pairs.listed.neighbour
        expected = atoms.positions[image] - atoms.positions[owner] + pairs.listed.shift @ atoms.cell.array
        np.testing.assert_allclose(pairs.displacement, expected, atol=1e-10)
        np.testing.assert_array_equal(taken.displacement, pairs.displacement)
    for arrays, values in kept:
        assert {name: array.tobytes() for name, array in arrays.items()} == values
    for environments, descriptors in evaluated:
        np.testing.assert_array_equal(model.basis_values(environments), descriptors)


def test_nobody_else_can_write(models: Models) -> None:
    """Returned arrays are read-only, for owners as for frozen lists."""
    model, atoms = models("oxide"), quartz_like()
    environments, listed = model.environments(atoms)
    pairs = MovingPairs(environments, listed)
    given_out = [*arrays_of(environments).values(), *arrays_of(listed).values()]
    given_out += [pairs.center, pairs.first, pairs.species, pairs.displacement]
    given_out += arrays_of(listed.part(np.ones(len(listed.center), dtype=bool))).values()
    for array in given_out:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert environments.displacement is listed.displacement  # kept once: nothing has to be copied
    before = listed.displacement.copy()
    pairs.move(atoms.positions + np.arange(len(atoms))[:, None], atoms.cell.array)
    assert np.abs(pairs.displacement - before).max() > 1
    np.testing.assert_array_equal(listed.displacement, before)


@FEW
@given(periodic=st.sampled_from(list(product([True, False], repeat=3))), seed=Seeds)
def test_moved_pairs_have_forces_and_virials_of_new_ones(
    models: Models, periodic: tuple[bool, bool, bool], seed: int
) -> None:
    """For the same pairs, at positions other than those listed: sums over pairs by definition."""
    atoms, rng = quartz_like(seed % 5), np.random.default_rng(seed)
    atoms.pbc = periodic
    model = models("oxide")
    pairs = MovingPairs(*model.environments(atoms))
    cell = atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.1, size=(3, 3)))
    positions = atoms.positions + rng.normal(size=(len(atoms), 3))
    pairs.move(positions, cell)
    gradient = rng.normal(size=pairs.displacement.shape)
    forces, sites = np.zeros((len(atoms), 3)), np.zeros((len(atoms), 3, 3))
    listed = pairs.listed
    for i, j, shift, g in zip(listed.center, listed.neighbour, listed.shift, gradient, strict=True):
        forces[i] += g
        forces[j] -= g
        sites[i] -= np.outer(positions[j] + shift @ cell - positions[i], g)
    scale = 1 + np.abs(sites).max(initial=0)
    np.testing.assert_allclose(pairs.forces(gradient), forces, atol=1e-11 * scale)
    np.testing.assert_allclose(pairs.site_virials(gradient), sites, atol=1e-11 * scale)
    np.testing.assert_allclose(pairs.virial(gradient), sites.sum(axis=0), atol=1e-11 * scale)


@given(
    shape=st.tuples(st.integers(0, 4), st.integers(1, 3)),
    kinds=st.tuples(st.sampled_from(["i4", "i8", "f8", ">f8"]), st.sampled_from([np.int32, np.int64, float])),
    view=st.sampled_from(["whole", "transposed", "every other", "reversed", "read-only view", "list"]),
    seed=Seeds,
)
@settings(deadline=None)
def test_constants_are_nobody_elses(shape: tuple[int, int], kinds: tuple[str, type], view: str, seed: int) -> None:
    """Equal to their source, whatever happens to it later; and built only once."""
    source = np.random.default_rng(seed).integers(-9, 9, size=shape).astype(kinds[0])
    ways = {"transposed": source.T, "every other": source[::2], "reversed": source[::-1]}
    given_one = ways.get(view, source)
    if view == "read-only view":
        given_one = source.view()
        given_one.flags.writeable = False
    expected = np.array(given_one, dtype=kinds[1])
    found = constant(given_one.tolist() if view == "list" and given_one.size else given_one, kinds[1])
    source += 1
    assert found.dtype == kinds[1]
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="read-only"):
        found[...] = 0
    assert constant(found, kinds[1]) is found


def test_frozen_lists_share_what_is_frozen() -> None:
    """A list built from another's arrays copies none of them."""
    found = neighbour_list(quartz_like(), 4.0)
    again = NeighbourList(found.first, found.center, found.neighbour, found.shift, found.displacement)
    for name, array in arrays_of(found).items():
        assert getattr(again, name) is array
