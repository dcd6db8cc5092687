"""Coupled invariants: candidates of labels, and bases expressed in them, against products of A's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from math import isqrt
from typing import Any

import numpy as np
import pytest
from coupled_cases import at_random, chosen_in_order, small_l_first
from expansions import exact
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from program_cases import Case, case

from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import Channel, channel_pattern
from acegen.errors import CoefficientError
from acegen.lower import (
    ProductExpansion,
    coupled_products,
    descriptor_program,
    expand_products,
    pairing_choices,
    potential_program,
)
from acegen.program import KernelProgram, ProgramError, check_program, program_document, program_hash, read_program
from acegen.program.coupled_interpreter import run_coupled
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.program.kernel import Outputs
from acegen.program.layout import PooledLayout
from acegen.program.pairings import Choice, Coupled, Value, order_of, sort_key
from acegen.spec import load_spec

SIZES: dict[str, dict[str, Any]] = {
    "one": {"order": 1, "level": 4},
    "two, two elements": {"order": 2, "level": 5, "angular_weight": "1/2", "elements": ["Si", "O"]},
    "three": {"order": 3, "level": 7, "angular_weight": "1/2"},
    "three, two elements": {"order": 3, "level": [6, 5, 5], "angular_weight": "2/3", "elements": ["Si", "O"]},
    "three, usual": {"order": 3, "level": 7, "angular_weight": "3/5", "expansion": "self-interacting"},
    "four": {"order": 4, "level": 7, "angular_weight": "1/2"},
    "four, two elements": {"order": 4, "level": [6, 6, 6, 5.5], "angular_weight": "3/4", "elements": ["Si", "O"]},
    "four, larger": {"order": 4, "level": 9, "angular_weight": "3/4"},
    "four, usual": {"order": 4, "level": 8, "angular_weight": "1/2", "expansion": "self-interacting"},
    "four, envelope": {"order": 4, "level": 6, "angular_weight": "1"},
    "four, pairs": {"order": 4, "level": 7, "angular_weight": "3/4", "elements": ["C"]},
    "five": {"order": 5, "level": 7, "angular_weight": "1/2"},
    "six": {"order": 6, "level": 8, "angular_weight": "1"},
}


@cache
def model(key: str) -> Case:
    basis: dict[str, Any] = {"elements": ["Si"], **SIZES[key]}
    spec: dict[str, Any] = {"name": "t", "basis": basis, "radial": {"cutoff": 5.0}}
    if "envelope" in key:
        spec["radial"] = {"family": "envelope", "envelope": [0, 0, 1], "cutoff": 5.0}
    if "pairs" in key:
        spec["pair"] = {"degree": 3, "cutoff": 4.5}
    return Case(load_spec(spec))


@cache
def choices_of(key: str) -> tuple[Choice, ...]:
    return pairing_choices(model(key).expansion.basis)


KEYS = sorted(SIZES)


def magnitudes(program: KernelProgram, center: int, species: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the absolute terms of each output, and of their derivatives: what rounding is relative to."""
    n_products = len(program.products)
    names, rows = (str(t) for t in range(n_products)), (((t, 1.0),) for t in range(n_products))
    each = replace(program, outputs=Outputs(tuple(names), None, (tuple(rows),)), pair=None, embedding=None)
    terms = run_descriptors(each, center, species, x)
    sizes, slopes = np.abs(terms.values), np.abs(terms.gradient)
    for step in (program.outputs.coupling, program.outputs.of(center)):
        if step is not None:
            matrix = np.zeros((len(step), len(sizes)))
            for i, row in enumerate(step):
                for column, weight in row:
                    matrix[i, column] = abs(weight)
            sizes, slopes = matrix @ sizes, np.tensordot(matrix, slopes, 1)
    return sizes, slopes


def assert_same_programs(own: Case, expansion: ProductExpansion, rng: np.random.Generator) -> None:
    """Values, energies and derivatives of both kernels."""
    descriptors = descriptor_program(expansion)
    potential = potential_program(expansion, own.coefficients.values, own.coefficients.atomic_energies)
    center, species, x = own.environment(rng, 6)
    for mine, theirs in ((descriptors, own.descriptors), (potential, own.potential)):
        check_program(mine)
        assert mine.layout == theirs.layout
        assert mine.products != theirs.products
    n_pair = own.descriptors.n_pair
    found, wanted = (run_descriptors(one, center, species, x) for one in (descriptors, own.descriptors))
    sizes, slopes = magnitudes(own.descriptors, center, species, x)
    assert (found.values[:n_pair] == wanted.values[:n_pair]).all()
    assert (np.abs(found.values - wanted.values)[n_pair:] <= 1e-13 * sizes).all()
    assert (np.abs(found.gradient - wanted.gradient)[n_pair:].max(axis=(1, 2)) <= 1e-13 * slopes.max(axis=(1, 2))).all()
    energy, gradient = run_potential(potential, center, species, x)
    own_energy, own_gradient = run_potential(own.potential, center, species, x)
    sizes, slopes = magnitudes(own.potential, center, species, x)
    assert abs(energy - own_energy) <= 1e-13 * (sizes.sum() + abs(own_energy))
    assert np.abs(gradient - own_gradient).max() <= 1e-13 * (slopes.max() + np.abs(own_gradient).max())


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(KEYS), st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.8, 1.0]))
def test_any_choice_computes_the_same(key: str, seed: int, part: float) -> None:
    """Random independent candidates for random labels: programs equal to those of products of A's."""
    own, rng = model(key), np.random.default_rng(seed)
    choices = choices_of(key)
    chosen = at_random(choices, rng, part)
    coupled = coupled_products(choices, chosen)
    if coupled is None:
        assert not any(chosen)
        return
    assert_same_programs(own, expand_products(own.expansion.basis, coupled), rng)


@pytest.mark.parametrize("key", KEYS)
def test_small_l_computes_the_same(key: str) -> None:
    """The first candidates of every label; only labels of order 6 remain products of A's."""
    own, choices = model(key), choices_of(key)
    coupled = coupled_products(choices, small_l_first(choices))
    expansion = expand_products(own.expansion.basis, coupled)
    assert_same_programs(own, expansion, np.random.default_rng(1))
    assert {len(product) for product in expansion.products} == ({6} if key == "six" else set())
    potential = potential_program(expansion, own.coefficients.values)
    assert potential.coupled is not None
    assert max(potential.coupled.scalar_orders) == min(own.spec.basis.order, 5)
    assert read_program(program_document(potential)) == potential
    assert program_hash(potential) != program_hash(own.potential)


def n_odd(value: Value) -> int:
    """Number of couplings with l1 + l2 + l odd."""
    if isinstance(value, Coupled):
        return (value.left.l + value.right.l + value.l) % 2 + n_odd(value.left) + n_odd(value.right)
    return 0


def test_values_of_the_other_parity() -> None:
    """They take part, two in an invariant; a program with as many as possible computes the same."""
    key = "four, larger"
    own, choices = model(key), choices_of(key)
    chosen, numbers = [], set()
    for choice in choices:
        odd = [sum(map(n_odd, candidate)) for candidate in choice.candidates]
        order = sorted(range(len(odd)), key=lambda position: -odd[position])
        chosen.append(chosen_in_order(choice, order))
        numbers |= {odd[position] for position in chosen[-1]}
    assert numbers == {0, 2}
    assert_same_programs(
        own, expand_products(own.expansion.basis, coupled_products(choices, chosen)), np.random.default_rng(8)
    )
    (fifth,) = pairing_choices(own.expansion.basis, [label_of(1, 1, 1, 1, 2)])
    assert {sum(map(n_odd, candidate)) for candidate in fifth.candidates} == {0, 2}


def label_of(*ls: int, equal: bool = False) -> tuple[Channel, ...]:
    """Channels of different species, or all the same."""
    return tuple(Channel(l, 0 if equal else species, 1) for species, l in enumerate(ls))


# ---- candidates


@pytest.mark.parametrize("key", KEYS)
def test_candidates_span_their_label(key: str) -> None:
    """Of the label's channels, in order, distinct; coordinates are unit vectors that span the invariants."""
    basis = model(key).expansion.basis
    choices = choices_of(key)
    labels = list(dict.fromkeys(function.label for function in basis.functions if len(function.label) <= 5))
    assert [tuple((c.l, c.species, c.n) for c in choice.label) for choice in choices] == labels
    for choice, label in zip(choices, labels, strict=True):
        space = symmetric_space(basis.angular, *channel_pattern(label))
        assert choice.dimension == space.dimension
        assert len(set(choice.candidates)) == len(choice.candidates) == len(choice.coordinates)
        rows = np.array(choice.coordinates)
        assert np.abs((rows**2).sum(axis=1) - 1).max() < 1e-14
        assert np.linalg.matrix_rank(rows, tol=1e-3) == choice.dimension
        for candidate in choice.candidates:
            assert sorted(candidate, key=sort_key) == list(candidate)
            assert sum(map(order_of, candidate)) == len(label)
            assert len({value.l for value in candidate}) == 1
            for value in candidate:
                assert_well_formed(value)


def assert_well_formed(value: Value) -> None:
    if isinstance(value, Coupled):
        assert sort_key(value.left) <= sort_key(value.right)
        assert abs(value.left.l - value.right.l) <= value.l <= value.left.l + value.right.l
        assert value.left != value.right or value.l % 2 == 0
        assert_well_formed(value.left)
        assert_well_formed(value.right)


def pairing_of(candidate: Sequence[Value]) -> tuple[Any, ...]:
    """A candidate without its l."""

    def bare(value: Value) -> Any:
        return (bare(value.left), bare(value.right)) if isinstance(value, Coupled) else value

    return tuple(sorted(map(bare, candidate), key=repr))


@pytest.mark.parametrize(
    ("ls", "n_pairings", "dimension"),
    [((1, 2, 3), 6, 1), ((0, 1, 1, 2), 6, 1), ((1, 2, 2, 3), 3, 3), ((2, 3, 3, 4), 3, 5), ((1, 1, 1, 1, 2), 10, 6)],
)
def test_all_pairings_of_different_channels(ls: tuple[int, ...], n_pairings: int, dimension: int) -> None:
    """Each is an orthonormal basis; of order 5 there are ten, of which not more than thirty invariants are offered.

    Of three channels, alone or beside one with l = 0, there are three more: values with l = 0.
    """
    (choice,) = pairing_choices(model("four").expansion.basis, [label_of(*ls)])
    assert choice.dimension == dimension
    groups: dict[Any, list[tuple[float, ...]]] = {}
    for candidate, row in zip(choice.candidates, choice.coordinates, strict=True):
        groups.setdefault(pairing_of(candidate), []).append(row)
    assert len(groups) == n_pairings
    for rows in groups.values():
        assert np.array(rows) @ np.array(rows).T == pytest.approx(np.eye(len(rows)), abs=1e-13)
    assert len(choice.candidates) == min(30, n_pairings * dimension) if len(ls) == 5 else n_pairings * dimension


def test_equal_channels_have_fewer() -> None:
    """Of four equal ones a single pairing, with even l alone."""
    (choice,) = pairing_choices(model("four").expansion.basis, [label_of(2, 2, 2, 2, equal=True)])
    a = choice.label[0]
    assert choice.candidates == tuple((Coupled(a, a, l), Coupled(a, a, l)) for l in (0, 2, 4))
    assert choice.dimension == 1


def test_labels_of_one_pattern_share_their_coordinates() -> None:
    """The same object: an optimizer selects once for all of them."""
    choices = choices_of("four, two elements")
    assert len({id(choice.coordinates) for choice in choices}) < len(choices) / 2
    assert pairing_choices(model("four").expansion.basis, []) == ()
    label = model("four").expansion.basis.functions[-1].label
    (choice,) = pairing_choices(model("four").expansion.basis, [label])
    assert choice in choices_of("four")


@pytest.mark.parametrize("ls", [(1, 1, 2, 2), (1, 2, 2, 3), (1, 1, 1, 1, 2)])
def test_coordinates_have_the_inner_products_of_the_tensors(ls: tuple[int, ...]) -> None:
    """Tensors of all candidates, from their values at unit vectors: the Gram matrix is that of the coordinates."""
    label = label_of(*ls)
    (choice,) = pairing_choices(model("four").expansion.basis, [label])
    coupled = coupled_products([choice], [range(len(choice.candidates))])
    assert coupled is not None
    components = tuple(tuple(range(-l, l + 1)) for l in range(max(ls) + 1))
    counts = tuple(tuple(int(l == own) for l in range(max(ls) + 1)) for own in ls)
    layout = PooledLayout(counts, 1, components)
    tensors = []
    for m_tuple in product(*(components[l] for l in ls)):
        pooled = np.zeros(layout.size)
        for (l, species, n), m in zip(label, m_tuple, strict=True):
            pooled[layout.index(species, n, l, m)] = 1 / coupled.scales[l][abs(m)]
        tensors.append(run_coupled(coupled, layout, pooled)[0])
    overlaps = np.einsum("ki,kj->ij", tensors, tensors)
    norms = np.sqrt(np.diag(overlaps))
    assert norms == pytest.approx([(2 * candidate[0].l + 1) ** 0.5 for candidate in choice.candidates], rel=1e-13)
    rows = np.array(choice.coordinates)
    assert np.abs(overlaps / np.outer(norms, norms) - rows @ rows.T).max() < 1e-13
    assert np.abs(rows @ rows.T - np.eye(len(rows))).max() > 0.3


# ---- numbers


def root(value: fmpq, digits: int = 10**200) -> fmpq:
    p, q = int(value.p), int(value.q)
    return fmpq(isqrt(p * q * digits**2), q * digits)


@pytest.mark.parametrize("key", ["three, two elements", "four", "four, envelope", "five"])
def test_weights_are_rounded_once(key: str) -> None:
    """Rows of descriptors and coefficients of potentials: within half a unit in the last place of the exact numbers."""
    own, choices = model(key), choices_of(key)
    basis = own.expansion.basis
    expansion = expand_products(basis, coupled_products(choices, at_random(choices, np.random.default_rng(4), 0.7)))
    n_products = len(expansion.products)
    factors = [fmpq(1)] * n_products + [1 / root(square) for square in expansion.squares]
    coefficients = own.coefficients.values
    folded = {symbol: [fmpq(0)] * len(factors) for symbol in own.spec.species}
    descriptors, potential = descriptor_program(expansion), potential_program(expansion, coefficients)
    coupling = descriptors.outputs.coupling
    assert coupling is not None
    of_label = [row for f, row in zip(basis.functions, coupling, strict=True) if f.label in expansion.labels]
    assert sorted(of_label) == [((n_products + scalar, 1.0),) for scalar in range(len(expansion.squares))]
    rows = zip(descriptors.outputs.of(0), basis.purification, basis.scales_squared, strict=True)
    for i, (row, weights, square) in enumerate(rows):
        total = [fmpq(0)] * len(factors)
        scale = root(square)
        unexpanded = {}
        for function, weight in weights:
            if basis.functions[function].label not in expansion.labels:
                unexpanded[function] = weight * scale
            for term, value in expansion.coupling[function]:
                total[term] += weight * value
        numbers = [value * scale * factor for value, factor in zip(total, factors, strict=True)]
        terms_of_row = [coupling[column][0][0] for column, _ in row if column not in unexpanded]
        wanted = [term for term, value in enumerate(total) if value and term >= n_products]
        assert sorted(terms_of_row) == wanted
        for column, weight in row:
            number = unexpanded[column] if column in unexpanded else numbers[coupling[column][0][0]]
            assert abs(exact(weight) / number - 1) <= fmpq(1, 2**53)
        for symbol, sums in folded.items():
            c = exact(float(coefficients[symbol][i]))
            for term, number in enumerate(numbers):
                sums[term] += c * number
    for center, sums in enumerate(folded.values()):
        ((*terms,),) = potential.outputs.of(center)
        assert [term for term, _ in terms] == list(range(len(factors)))
        for (_, weight), number in zip(terms, sums, strict=True):
            assert abs(exact(weight) - number) <= abs(number) * fmpq(1, 2**53) + fmpq(1, 10**60)


def test_only_labels_without_invariants_are_expanded() -> None:
    """Their products are all there are; those of coupled labels are never looked at."""
    own, choices = model("four"), choices_of("four")
    chosen = [
        own_choice if len(choice.label) == 4 else None
        for choice, own_choice in zip(choices, small_l_first(choices), strict=True)
    ]
    basis = own.expansion.basis
    unread: Any = None
    functions = tuple(
        replace(function, polynomial=unread) if function.order == 4 else function for function in basis.functions
    )
    expansion = expand_products(replace(basis, functions=functions), coupled_products(choices, chosen))
    assert {len(product) for product in expansion.products} == {1, 2, 3}
    assert set(expansion.products) == {product for product in own.expansion.products if len(product) < 4}
    assert len(expansion.squares) == sum(function.order == 4 for function in functions)


# ---- what is refused


def test_invariants_that_are_no_basis() -> None:
    """Dependent ones, too few, and those of other labels; the label is named."""
    own, choices = model("four, larger"), choices_of("four, larger")
    basis = own.expansion.basis
    number = next(i for i, c in enumerate(choices) if c.dimension > 1)
    choice, chosen = choices[number], small_l_first(choices)
    equal = next(i for i, c in enumerate(choices) if len(c.candidates) > c.dimension == 1)

    def expansion(position: int, candidates: tuple[int, ...]) -> ProductExpansion:
        changed = [*chosen[:position], candidates, *chosen[position + 1 :]]
        return expand_products(basis, coupled_products(choices, changed))

    for position, candidates in [
        (number, chosen[number][:-1]),
        (number, (chosen[number][0],) * choice.dimension),
        (equal, tuple(range(len(choices[equal].candidates)))),
    ]:
        with pytest.raises(ProgramError, match="are not a basis") as caught:
            descriptor_program(expansion(position, candidates))
        assert str(choices[position].label) in str(caught.value)
    others = choices_of("five")
    with pytest.raises(ProgramError, match="no function of the basis"):
        descriptor_program(expand_products(basis, coupled_products(others, small_l_first(others))))


def test_sums_that_overflow() -> None:
    """Refused as for products of A's."""
    own, choices = model("four"), choices_of("four")
    expansion = expand_products(own.expansion.basis, coupled_products(choices, small_l_first(choices)))
    with pytest.raises(CoefficientError, match="overflow"):
        potential_program(expansion, {"Si": [1.7e308] * expansion.basis.n_basis})


@pytest.mark.parametrize("key", ["circle, SO2", "plane, O2", "jacobi"])
def test_particles_in_other_spaces_have_none(key: str) -> None:
    """Their labels stay products of A's."""
    choices = pairing_choices(case(key).expansion.basis)
    assert choices == ()
    assert coupled_products(choices, ()) is None
