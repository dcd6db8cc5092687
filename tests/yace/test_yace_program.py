"""Potentials of `.yace` files as kernel programs: run by the interpreter, against ML-PACE and the plain evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import inf, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pace_reference import NAMES, deviations, reference, with_tables
from random_yace import RADIAL, potentials, random_environment, random_potential

from acegen.errors import CoefficientError
from acegen.program.core import EnergySwitch, NearestSwitch
from acegen.program.embedding import FinnisSinclair, Identity
from acegen.program.interpreter import run_potential
from acegen.program.kernel import KernelProgram
from acegen.yace.evaluation.evaluator import evaluate, harmonic
from acegen.yace.lowering.products import real_part
from acegen.yace.lowering.program import product_program
from acegen.yace.potential import CTildeFunction, ElementEmbedding, EmbeddingTerm, PaceBond, YacePotential

Floats = NDArray[np.float64]

SEEDS = st.integers(0, 10**9)


def bond(**changes: object) -> PaceBond:
    """One with three radial functions of each l up to 2."""
    rng = np.random.default_rng(1)
    own = PaceBond(
        radial="ChebPow",
        parameters=(2.0,),
        n_base=4,
        coefficients=tuple(tuple(tuple(map(float, rng.normal(size=4))) for _ in range(3)) for _ in range(3)),
        cutoff=5.0,
        width=0.5,
        strength=0.0,
        rate=1.0,
        inner_cutoff=0.0,
        inner_width=0.0,
    )
    return replace(own, **changes)  # type: ignore[arg-type]


def sum_of(ns: Sequence[int], ls: Sequence[int], elements: Sequence[int] | None = None) -> CTildeFunction:
    """A function with m = 0 only."""
    rank = len(ns)
    zs = tuple(elements or (0,) * rank)
    return CTildeFunction(zs, tuple(ns), tuple(ls), ((0,) * rank,), ((0.7,),))


LINEAR = ElementEmbedding("FinnisSinclair", (EmbeddingTerm(1.0, 1.0),), 100000.0, 250.0)


def potential_of(functions: Sequence[CTildeFunction], own: PaceBond | None = None, **changes: object) -> YacePotential:
    """Of one element."""
    made = YacePotential(
        elements=("Cu",),
        energies=(-1.5,),
        spline_step=0.001,
        embeddings=(LINEAR,),
        bonds=((own or bond(),),),
        inner_cutoff="density",
        pair=None,
        functions=(tuple(functions),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def recursive_potential() -> YacePotential:
    """With bonds of ACE.jl and functions of rank 1, the last of which does not exist."""
    potential = random_potential(np.random.default_rng(3), elements=1, recursive=True, densities=1, ranks=(2,))
    size = len(potential.bonds[0][0].basis.steps)  # type: ignore[union-attr]
    return replace(potential, functions=((sum_of([1], [0]), sum_of([size + 1], [0]), *potential.functions[0]),))


NEIGHBOURS = np.array([[1.3, 0.2, -0.4], [-0.5, 2.0, 1.1], [0.3, -1.6, 2.4]])


def close(found: tuple[float, Floats], expected: tuple[float, Floats], tolerance: float) -> None:
    """Energies and derivatives, relative to the largest of each, or to one if all are smaller."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    largest = max(1.0, np.abs(expected[1]).max(initial=0.0))
    assert np.abs(found[1] - expected[1]).max(initial=0.0) <= tolerance * largest


# ---- ML-PACE


@pytest.mark.parametrize("name", NAMES)
def test_energies_and_derivatives_of_ml_pace(name: str) -> None:
    """To 1e-9 and 2e-8 relative: measured 1.3e-10 and 9.2e-9 at most, from its tables with a step of 0.001 Å."""
    potential, environments = reference(name)
    program = product_program(potential, name)
    for environment in environments:
        found = run_potential(program, environment.center, environment.species, environment.displacements)
        energy, gradient = deviations(environment, *found)
        assert energy < 1e-9
        assert gradient < 2e-8


@pytest.mark.parametrize("name", NAMES)
def test_rest_is_in_the_tables_of_ml_pace(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With radial functions from the same tables the plain evaluation agrees to 1e-13 and 1e-11."""
    potential, environments = reference(name)
    with_tables(monkeypatch, potential.spline_step)
    for environment in environments:
        found = evaluate(potential, environment.center, environment.species, environment.displacements)
        energy, gradient = deviations(environment, *found)
        assert energy < 1e-13
        assert gradient < 1e-11


# ---- the plain evaluation, differences, symmetry


@given(potentials(), SEEDS)
@settings(max_examples=30, deadline=None)
def test_program_is_the_potential(potential: YacePotential, seed: int) -> None:
    """Any potential: energy and derivatives of every centre."""
    rng = np.random.default_rng(seed)
    program = product_program(potential, "any")
    for center in range(len(potential.elements)):
        species, x = random_environment(rng, potential, center, int(rng.integers(8)))
        close(run_potential(program, center, species, x), evaluate(potential, center, species, x), 1e-12)


def by_differences(program: KernelProgram, center: int, species: Sequence[int], x: Floats) -> Floats:
    """dE/dr_j by central differences of fourth order."""
    h, found = 1e-4, np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        e = [run_potential(program, center, species, x + k * step)[0] for k in (-2, -1, 1, 2)]
        found[index] = (e[0] - 8 * e[1] + 8 * e[2] - e[3]) / (12 * h)
    return found


@given(SEEDS, st.sampled_from(RADIAL))
@settings(max_examples=12, deadline=None)
def test_derivatives_are_differences(seed: int, radial: str) -> None:
    """Of the energy, to 1e-8 of the largest."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng, elements=2, radial=radial, recursive=False)  # type: ignore[arg-type]
    program = product_program(potential, "any")
    species, x = random_environment(rng, potential, 0, 4)
    gradient = run_potential(program, 0, species, x)[1]
    largest = max(1.0, np.abs(gradient).max())
    assert np.abs(by_differences(program, 0, species, x) - gradient).max() < 1e-8 * largest


@given(SEEDS)
@settings(max_examples=12, deadline=None)
def test_energy_does_not_see_rotations_and_the_inversion(seed: int) -> None:
    """If the functions of a file are invariant; derivatives turn with the neighbours."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng, invariant=True)
    program = product_program(potential, "any")
    species, x = random_environment(rng, potential, 0, 6)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.choice([-1.0, 1.0])
    energy, gradient = run_potential(program, 0, species, x)
    close(run_potential(program, 0, species, x @ turn), (energy, gradient @ turn), 1e-12)


# ---- real products


@pytest.mark.parametrize("ls", [(1,), (1, 1), (2, 1, 3), (2, 2, 1, 1)])
def test_real_part_of_a_product(ls: tuple[int, ...]) -> None:
    """Re Π Y_lm of different directions from real and imaginary parts, for all m."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(len(ls), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def y(t: int, m: int) -> complex:
        return complex(harmonic(ls[t], m, directions[t : t + 1])[0][0])

    def part(t: int, m: int) -> float:
        """S_lm times N_lm: (-1)^m times the real or imaginary part of Y_l|m|."""
        value = (-1) ** m * y(t, abs(m))
        return value.real if m >= 0 else value.imag

    for ms in product(*(range(-l, l + 1) for l in ls)):
        found = sum(sign * prod(part(t, m) for t, m in enumerate(key)) for key, sign in real_part(ms))
        assert found == pytest.approx(prod(y(t, m) for t, m in enumerate(ms)).real, abs=1e-12)


def test_equal_products_are_one() -> None:
    """Whatever the order of the factors and of the functions, and m and -m; what cancels is left out."""
    function = CTildeFunction((0, 0), (1, 2), (1, 1), ((0, 0), (1, -1), (-1, 1)), ((0.5,), (-0.5,), (-0.5,)))
    swapped = CTildeFunction((0, 0), (2, 1), (1, 1), ((0, 0), (-1, 1)), ((0.25,), (-0.5,)))
    opposite = CTildeFunction((0, 0), (1, 2), (1, 1), ((0, 0),), ((-0.75,),))
    program = product_program(potential_of([function, swapped, opposite]), "any")
    assert len(program.products) == 2
    assert [weight for _, weight in program.outputs.rows[0][0]] == pytest.approx([2.25, 2.25])


# ---- only what is needed


def test_radial_functions_of_use_are_kept() -> None:
    """n = 3 of l = 1 becomes the first; functions of rank 1 become one; pooled functions end with the last weight."""
    own = bond()
    rows = [list(by_l) for by_l in own.coefficients]
    rows[2][1] = (0.3, 0.4, 0.0, 0.0)
    own = replace(own, coefficients=tuple(map(tuple, rows)))
    functions = [sum_of([1], [0]), sum_of([3], [0]), sum_of([3, 3], [1, 1]), sum_of([2, 2], [0, 0])]
    potential = potential_of(functions, own)
    program = product_program(potential, "any")
    assert program.layout.counts == ((2, 1),)
    assert program.contraction is not None
    assert program.contraction.pooled.counts == ((4, 2),)
    assert program.contraction.weights[0][0][1] == ((0.3 + 0.4 * 2, 0.8),)
    close(run_potential(program, 0, [0] * 3, NEIGHBOURS), evaluate(potential, 0, [0] * 3, NEIGHBOURS), 1e-13)


def test_functions_that_vanish_are_left_out() -> None:
    """A factor without coefficients, or one that the bond does not have; of rank 1 as well."""
    own = bond()
    rows = [list(by_l) for by_l in own.coefficients]
    rows[0][2] = (0.0,) * 4
    own = replace(own, coefficients=tuple(map(tuple, rows)))
    functions = [sum_of([2, 2], [1, 1]), sum_of([1, 2], [2, 2]), sum_of([4, 4], [0, 0]), sum_of([1, 1], [3, 3])]
    program = product_program(potential_of(functions, own), "any")
    assert program.layout.counts == ((0, 1),)
    assert len(program.products) == 1
    for beyond in (potential_of([sum_of([5], [0]), *functions], own), recursive_potential()):
        with_sum = product_program(beyond, "any")
        close(run_potential(with_sum, 0, [0] * 3, NEIGHBOURS), evaluate(beyond, 0, [0] * 3, NEIGHBOURS), 1e-13)


def test_species_without_functions_has_an_a() -> None:
    """It is zero; so are densities without functions."""
    potential = potential_of([])
    both = replace(
        potential,
        elements=("Cu", "Zn"),
        energies=(1.0, 2.0),
        embeddings=(LINEAR,) * 2,
        bonds=((bond(),) * 2,) * 2,
        functions=((sum_of([1, 2], [1, 1], [0, 0]),), ()),
    )
    program = product_program(both, "any")
    assert program.layout.counts == ((0, 2), (1, 0))
    assert run_potential(program, 1, [0, 1, 1], NEIGHBOURS)[0] == 2.0
    close(run_potential(program, 0, [0, 1, 0], NEIGHBOURS), evaluate(both, 0, [0, 1, 0], NEIGHBOURS), 1e-13)


def test_linear_embedding_is_one_density() -> None:
    """With all exponents one, densities are added up with their weights; with another one they are not."""
    terms = (EmbeddingTerm(2.0, 1.0), EmbeddingTerm(-0.5, 1.0))
    function = replace(sum_of([1, 2], [0, 0]), coefficients=((0.25, 1.0),))
    linear = potential_of([function], embeddings=(replace(LINEAR, terms=terms),))
    program = product_program(linear, "any")
    assert program.embedding == (Identity(),)
    assert program.products == ()
    assert program.outputs.rows == (((),),)
    other = potential_of([function], embeddings=(replace(LINEAR, terms=(terms[0], EmbeddingTerm(-0.5, 0.5))),))
    program = product_program(other, "any")
    assert program.embedding == (FinnisSinclair(((2.0, 1.0), (-0.5, 0.5))),)
    assert [[weight for _, weight in row] for row in program.outputs.rows[0]] == [[0.25], [1.0]]


def test_sums_that_overflow_are_refused() -> None:
    """With the name of the model."""
    function = replace(sum_of([1, 2], [0, 0]), coefficients=((1.7e308,),))
    with pytest.raises(CoefficientError, match="coefficients of 'large' are too large"):
        product_program(potential_of([function, function]), "large")


# ---- cores


def test_no_core_where_it_is_zero() -> None:
    """Without strengths and with g = 1, that is if the switch lies above zero."""
    functions = [sum_of([1], [0])]
    assert product_program(potential_of(functions), "any").core is None
    for cutoff, width, expected in ((0.0, 1.0, 0.0), (-3.0, 1.0, 0.0), (3.0, 6.0, 0.5), (3.0, 3.0, 1.0)):
        embedded = replace(LINEAR, core_cutoff=cutoff, core_width=width)
        potential = potential_of(functions, embeddings=(embedded,))
        program = product_program(potential, "any")
        assert (program.core is None) == (expected == 1)
        found = run_potential(program, 0, [0] * 3, NEIGHBOURS)
        plain = run_potential(product_program(potential_of(functions), "any"), 0, [0] * 3, NEIGHBOURS)
        assert found[0] + 1.5 == pytest.approx(expected * (plain[0] + 1.5), abs=1e-14)
        close(found, evaluate(potential, 0, [0] * 3, NEIGHBOURS), 1e-13)


def test_core_without_neighbours_switches_off() -> None:
    """V = 0 is not below a cutoff of zero, so E = E0 and nothing else, whatever F(0)."""
    potential = potential_of([sum_of([1], [0])], embeddings=(replace(LINEAR, core_cutoff=0.0, core_width=0.1),))
    program = product_program(potential, "any")
    assert program.core is not None
    assert isinstance(program.core.switch, EnergySwitch)
    assert run_potential(program, 0, [], np.zeros((0, 3)))[0] == -1.5


@pytest.mark.parametrize("kind", ["density", "distance", "zbl"])
def test_inner_cutoff_without_width(kind: str) -> None:
    """Everything jumps at rcut_in."""
    own = bond(strength=3.0, inner_cutoff=2.0)
    potential = potential_of([sum_of([1], [0]), sum_of([1, 2], [1, 1])], own, inner_cutoff=kind)
    program = product_program(potential, "any")
    for nearest in (1.5, 1.9999, 2.0001, 3.0):
        x = np.array([[nearest, 0, 0], [0, 2.5, 0.3], [-0.3, 0.2, 4.0]])
        close(run_potential(program, 0, [0] * 3, x), evaluate(potential, 0, [0] * 3, x), 1e-12)


def test_zbl_of_a_bond_without_inner_cutoff() -> None:
    """Beside one that has it, the switch of the first is on its way at all distances; without any there is no core."""
    own = bond(strength=1.0, inner_cutoff=1.5, inner_width=0.8)
    open_bond = replace(own, inner_cutoff=0.0, inner_width=0.3)
    single = potential_of([sum_of([1], [0])], open_bond, inner_cutoff="zbl")
    assert product_program(single, "any").core is None
    both = replace(
        single,
        elements=("Cu", "Zn"),
        energies=(0.0, 0.0),
        embeddings=(LINEAR,) * 2,
        bonds=((own, open_bond), (open_bond, own)),
        functions=((sum_of([1], [0]), sum_of([1], [0], [1])), ()),
    )
    program = product_program(both, "any")
    assert program.core is not None
    assert isinstance(program.core.switch, NearestSwitch)
    for r in (0.6, 1.1, 1.4, 2.0):
        x = np.array([[r, 0, 0], [0, 1.0, 0.1], [-0.3, 0.2, 3.0]])
        for species in ([0, 1, 0], [1, 0, 1]):
            close(run_potential(program, 0, species, x), evaluate(both, 0, species, x), 1e-12)


def test_bonds_of_ace_jl_reach_as_far_as_their_envelope() -> None:
    """The cutoff is where the envelope is zero, if it is, and not beyond that of the pair potential."""
    for seed in range(20):
        potential = random_potential(np.random.default_rng(seed), elements=1, recursive=True)
        own = potential.bonds[0][0].basis  # type: ignore[union-attr]
        program = product_program(potential, "any")
        bases = [own, potential.pair.basis] if potential.pair else [own]
        ends = [(1 + b.r0) / b.left ** (1 / b.power) - 1 if b.p_left else inf for b in bases]
        assert program.reach[0][0] == pytest.approx(min(own.cutoff, max(ends)))
