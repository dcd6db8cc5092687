"""Potentials of `.yace` files in coupled products: the same potential, coupled exactly where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace_reference import NAMES, reference_potential
from random_yace import invariants, random_environment, random_potential

from acegen.program.coupled import Channel
from acegen.program.interpreter import run_potential
from acegen.program.kernel import KernelProgram
from acegen.yace.lowering.coupled import coupled_part, coupled_program
from acegen.yace.lowering.invariants import with_known_invariants
from acegen.yace.lowering.program import product_program
from acegen.yace.potential import CTildeFunction, YacePotential

SEEDS = st.integers(0, 10**9)


def assert_same(
    potential: YacePotential, rng: np.random.Generator, first: KernelProgram, second: KernelProgram
) -> None:
    """Energies and derivatives around all centres, to 1e-12."""
    for center in range(len(potential.elements)):
        species, x = random_environment(rng, potential, center, 6)
        energy, gradient = run_potential(first, center, species, x)
        found, slopes = run_potential(second, center, species, x)
        assert found == pytest.approx(energy, rel=1e-12, abs=1e-12)
        assert np.abs(slopes - gradient).max() <= 1e-12 * max(1.0, np.abs(gradient).max())


@given(SEEDS, st.booleans())
@settings(max_examples=25, deadline=None)
def test_coupled_program_is_the_product_program(seed: int, invariant: bool) -> None:
    """Of any potential; with invariant functions up to order five nothing is left of the products."""
    rng = np.random.default_rng(seed)
    ranks = (1, 2, 3, 4, 5) if rng.random() < 0.2 else (1, 2, 3, 4)
    potential = random_potential(rng, invariant=invariant, ranks=ranks)
    program = coupled_program(potential, "any")
    assert program is not None
    if invariant:
        assert not program.products
    assert_same(potential, rng, product_program(potential, "any"), program)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_of_pacemaker_are_invariants(name: str) -> None:
    """To 2e-14 at most, and all are coupled."""
    potential = reference_potential(name)
    part = coupled_part(potential)
    assert part.labels.keys() == part.expanded.polynomials.keys()
    assert part.residual < 2e-14
    program = coupled_program(potential, name)
    assert program is not None
    assert_same(potential, np.random.default_rng(0), product_program(potential, name), program)


def one_function(ls: Sequence[int], elements: int = 1, seed: int = 0) -> YacePotential:
    """A single invariant function of each centre, of n = 1, 2, ... and the first element."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng, elements=elements, recursive=True, densities=1, inner_cutoff="density")
    while min(len(row[0].basis.steps) for row in potential.bonds) < len(ls):  # type: ignore[union-attr]
        potential = random_potential(rng, elements=elements, recursive=True, densities=1, inner_cutoff="density")
    ms, basis = invariants(tuple(ls))
    function = CTildeFunction(
        elements=(0,) * len(ls),
        ns=tuple(range(1, len(ls) + 1)),
        ls=tuple(ls),
        ms=tuple(ms),
        coefficients=tuple((float(c),) for c in basis.T @ rng.normal(size=len(basis))),
    )
    return replace(potential, functions=((function,),) * elements)


def disturbed(function: CTildeFunction, size: float) -> CTildeFunction:
    """One coefficient, and that of the opposite m's, changed by a part of the largest."""
    change = size * max(map(abs, chain(*function.coefficients)))
    (c,), *others = function.coefficients
    return replace(function, coefficients=((c + change,), *others))


def test_only_what_is_invariant_is_coupled() -> None:
    """Coefficients that are off by 1e-12 are taken for rounded ones, those off by 1e-9 are not."""
    potential = one_function((1, 2, 3))
    function = potential.functions[0][0]
    for size, coupled in ((0.0, True), (1e-12, True), (1e-9, False), (0.1, False)):
        changed = replace(potential, functions=((disturbed(function, size),),))
        part = coupled_part(changed)
        assert len(part.labels) == coupled
        program = coupled_program(changed, "any")
        assert (program is not None) == coupled
        if coupled:
            assert 0.01 * size <= part.residual <= 10 * size + 1e-14


def test_label_is_coupled_for_all_centres_or_none() -> None:
    """If it is not invariant around one of them, all use products."""
    potential = one_function((1, 1, 2), elements=2)
    function = potential.functions[0][0]
    program = coupled_program(potential, "any")
    assert program is not None
    assert program.products == ()
    other = replace(potential, functions=((function,), (disturbed(function, 1e-3),)))
    assert coupled_program(other, "any") is None


def test_products_stand_beside_invariants() -> None:
    """Of a potential with both, products of A's come first."""
    potential = one_function((1, 2, 3))
    pair = CTildeFunction((0, 0), (1, 1), (1, 1), ((0, 0),), ((0.5,),))
    both = replace(potential, functions=((*potential.functions[0], pair),))
    program = coupled_program(both, "any")
    assert program is not None
    assert [len(product) for product in program.products] == [2]
    assert program.coupled is not None
    assert len(program.coupled.scalars) == 1
    assert_same(both, np.random.default_rng(1), product_program(both, "any"), program)


def test_order_six_stays_products() -> None:
    """Whether invariant or not."""
    potential = one_function((1, 1, 1, 1, 1, 1))
    assert coupled_program(potential, "any") is None
    assert product_program(potential, "any").notes.max_order == 6


def test_labels_whose_invariants_take_long_stay_products() -> None:
    """However many there are: those with small l come first, and the rest is not looked at."""
    small = [tuple(Channel(0, n, 1) for n in range(1, 5))]
    large = [tuple(Channel(0, n, l) for n in range(1, 6)) for l in (4, 6, 8, 10)]
    many = [tuple(Channel(0, n + k, 2 + n % 3) for n in range(1, 5)) for k in range(300)]
    chosen = with_known_invariants([*large, *small, *many])
    assert chosen == {*small, *many}  # all of the many are one pattern


def test_odd_sums_of_l_have_no_invariants() -> None:
    """A function of l = 1, 1, 1 changes its sign under the inversion and stays as it is."""
    potential = one_function((1, 1, 1))
    assert potential.functions[0][0].ms
    assert coupled_program(potential, "any") is None
    assert product_program(potential, "any").products


@pytest.mark.parametrize("coefficients", [(0.0,), (0.5, -0.5)], ids=["zero", "cancelling"])
def test_functions_of_no_effect_that_are_not_invariant_are_left_out(coefficients: tuple[float, ...]) -> None:
    """Their labels have no invariants to choose from; what else there is stays coupled."""
    potential = one_function((1, 1))
    own = potential.functions[0][0]
    useless = tuple(replace(own, ls=(1, 0), ms=((0, 0),), coefficients=((c,),)) for c in coefficients)
    program = coupled_program(replace(potential, functions=((own, *useless),)), "any")
    assert program is not None
    assert program.coupled is not None
    assert not program.products
    assert coupled_program(replace(potential, functions=(useless,)), "any") is None
    assert_same(potential, np.random.default_rng(0), product_program(potential, "any"), program)
