"""Programs with bonds, contraction, densities and cores: documents, text, checks, and the interpreter."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import exp
from typing import Any

import mpmath
import numpy as np
import pytest
from bond_programs import EMBEDDINGS, Choices, bond_program, environment
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.chebyshev import chebval

from acegen.program import (
    KernelProgram,
    ProgramError,
    check_program,
    program_document,
    program_hash,
    program_text,
    read_program,
)
from acegen.program.bond_interpreter import run_bond
from acegen.program.bonds import Bessel, Bond, Bonds, BondShape, ExponentialCosine, InversePower, Linear, Power
from acegen.program.core_interpreter import run_core, run_repulsion
from acegen.program.embedding import FinnisSinclair, Identity, ShiftedFinnisSinclair
from acegen.program.embedding_interpreter import run_embedding
from acegen.program.interpreter import run_potential

SHAPES: dict[str, BondShape] = {
    "exponential": ExponentialCosine(5.25, 0.3),
    "wide window": ExponentialCosine(2.0, 4.0),
    "power": Power(2.5),
    "linear": Linear(),
    "bessel": Bessel(),
    "inverse": InversePower(2, 2.5, 0.25, 1.6, 2, 3),
    "inverse, one side": InversePower(1, 2.0, 0.3, 4.0, 2, 0),
}


CORES = {
    "none": (None, "energy"),
    "gaussian": ("gaussian", "energy"),
    "screened": ("screened", "nearest"),
    "polynomial": ("polynomial", "energy"),
}
"""Repulsions, and what switches to them."""


def program(seed: int, core: str, embedding: str) -> KernelProgram:
    repulsion, switch = CORES[core]
    return bond_program(seed, Choices(embedding=embedding, repulsion=repulsion, switch=switch, elements=2))


CASES = [(core, embedding) for core in CORES for embedding in EMBEDDINGS]


@pytest.mark.parametrize(("core", "embedding"), CASES)
def test_documents_and_text(core: str, embedding: str) -> None:
    """They read back bit by bit; any number changed gives another hash or is refused; the text holds every number."""
    own = program(1, core, embedding)
    check_program(own)
    text = program_document(own)
    assert read_program(text) == own
    words, missing = program_text(own), []

    def numbers(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            for key, entry in value.items():
                numbers(entry, (*path, key))
        elif isinstance(value, list):
            for position, entry in enumerate(value):
                numbers(entry, (*path, position))
        elif isinstance(value, float):
            changed = json.loads(text)
            entry = changed
            for step in path[:-1]:
                entry = entry[step]
            entry[path[-1]] += 0.125
            with suppress(ProgramError):
                assert program_hash(read_program(json.dumps(changed))) != program_hash(own), path
            if repr(value) not in words:
                missing.append(path)

    document = json.loads(text)
    for part in ("core", "embedding", "one_particle"):
        numbers(document[part], (part,))
    numbers(document["contraction"]["weights"][1][0], ("contraction", "weights", 1, 0))
    assert not [path for path in missing if path[:3] != ("one_particle", "radial", "envelope")]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_gradients_are_those_of_the_energy(core: str, embedding: str) -> None:
    """Against central differences, in environments with close neighbours."""
    rng = np.random.default_rng(5)
    for seed in range(4):
        own = program(seed, core, embedding)
        center, species, x = environment(rng, own, 5)
        _, gradient = run_potential(own, center, species, x)
        step, numerical = 1e-6, np.zeros_like(x)
        for at in np.ndindex(x.shape):
            for sign in (1, -1):
                moved = x.copy()
                moved[at] += sign * step
                numerical[at] += sign * run_potential(own, center, species, moved)[0] / (2 * step)
        assert np.abs(gradient - numerical).max() < 2e-7 * max(1.0, np.abs(gradient).max())


@pytest.mark.parametrize("name", SHAPES)
def test_bonds_are_their_formulas(name: str) -> None:
    """y and e in 40 digits, and their derivatives by differentiation of these; zero outside."""
    shape, cutoff = SHAPES[name], 4.2
    bond = Bond(shape, cutoff, 0.8, 1.5)

    def y(r: Any) -> Any:
        s = r / cutoff
        match shape:
            case ExponentialCosine(rate, _):
                last = mpmath.exp(-rate)
                return 1 - 2 * (mpmath.exp(-rate * s) - last) / (1 - last)
            case Power(exponent):
                return 2 * (1 - (1 - s) ** exponent) - 1
            case Linear():
                return 1 - s
            case Bessel():
                return mpmath.cos(mpmath.pi * s)
            case InversePower(power, r0, left, right, _, _):
                return -1 + 2 * (((1 + r0) / (1 + r)) ** power - left) / (mpmath.mpf(right) - left)

    def e(r: Any) -> Any:
        s, t = r / cutoff, (r - mpmath.mpf(0.8)) / (mpmath.mpf(1.5) - mpmath.mpf(0.8))
        step = t**3 * (10 - 15 * t + 6 * t**2) if t < 1 else 1
        match shape:
            case ExponentialCosine(_, width):
                own = (1 + mpmath.cos(mpmath.pi * s)) / 2
                inside = r - (cutoff - mpmath.mpf(width))
                return step * own * ((1 + mpmath.cos(mpmath.pi * inside / width)) / 2 if inside > 0 else 1)
            case Power(exponent):
                return step * (1 - s) ** exponent
            case Linear():
                return step * s / 2
            case Bessel():
                return step * (1 + y(r)) / 2 * mpmath.sinc(mpmath.pi * s)
            case InversePower(power, r0, left, right, p_left, p_right):
                u = ((1 + r0) / (1 + r)) ** power
                if u < left or (u > right and p_right):
                    return mpmath.mpf(0)
                return step * (u - left) ** p_left * (u - right) ** p_right

    with mpmath.workdps(40):
        for r in (0.9, 1.2, 1.55, 2.2, 3.5, 3.95, 4.15):
            found = run_bond(bond, r)
            expected = [y(mpmath.mpf(r)), mpmath.diff(y, r), e(mpmath.mpf(r)), mpmath.diff(e, r)]
            for value, exact in zip(found, expected, strict=True):
                assert abs(value - float(exact)) < 1e-13 * max(1, abs(float(exact)))
    for r in (0.5, 0.8, 4.2, 5.0):
        assert run_bond(bond, r).e == run_bond(bond, r).de == 0.0
    assert run_bond(replace(bond, full=0.8), 0.81).e == pytest.approx(float(e_without(shape, cutoff, 0.81)), rel=1e-12)


def e_without(shape: BondShape, cutoff: float, r: float) -> float:
    return run_bond(Bond(shape, cutoff, 0.0, 0.0), r).e


@given(
    rho=st.floats(-50, 50).filter(lambda rho: abs(rho) > 1e-4 or rho == 0),
    m=st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.0]),
    weight=st.floats(0.1, 2),
)
def test_embeddings(rho: float, m: float, weight: float) -> None:
    """Odd functions; Finnis-Sinclair is a power away from zero, both are the identity for m = 1."""
    for kind in (FinnisSinclair, ShiftedFinnisSinclair):
        embed: Callable[[float], tuple[float, float]] = partial(_embedded, kind, weight, m)
        value, slope = embed(rho)
        assert value == -embed(-rho)[0]
        h = 1e-5 * max(1e-2, abs(rho))
        numerical = (embed(rho + h)[0] - embed(rho - h)[0]) / (2 * h)
        if abs(rho) > 1e-4:
            assert abs(slope - numerical) < 1e-6 * max(abs(slope), abs(weight))
        if m == 1:
            assert value == pytest.approx(weight * rho, rel=1e-14)
    if rho > 1e-4:
        assert _embedded(FinnisSinclair, weight, m, rho)[0] == pytest.approx(weight * rho**m, rel=1e-13)


def _embedded(kind: Any, weight: float, m: float, rho: float) -> tuple[float, float]:
    energy, (slope,) = run_embedding(kind(((weight, m),)), [rho])
    return energy, slope


def test_embeddings_near_zero() -> None:
    """Both are smooth at zero: values and slopes join, though powers have infinite slopes there."""
    for kind in (FinnisSinclair, ShiftedFinnisSinclair):
        points = [0.0, 1e-11, 2e-10, 1e-8, 1e-7, 5e-7, 1e-6]
        for one, two in pairwise(points):
            (a, da), (b, db) = _embedded(kind, 1.0, 0.5, one), _embedded(kind, 1.0, 0.5, two)
            assert min(da, db) * (two - one) * 0.3 <= b - a <= max(da, db) * (two - one) * 1.7
    energy, slopes = run_embedding(ShiftedFinnisSinclair(((1.0, 1.0), (0.5, 0.5))), [2.0, 3.0])
    assert energy == pytest.approx(2.0 + _half(3.0), rel=1e-14)
    assert slopes[0] == 1.0
    assert run_embedding(Identity(), [4.0]) == (4.0, (1.0,))


def _half(rho: float) -> float:
    """Half of the shifted function with m = 1/2, n = 2, so that x = 2^-2 e^-ρ and y = 2^-1 e^-ρ."""
    return float(0.5 * ((rho + 0.25 * exp(-rho)) ** 0.5 - 0.5 * exp(-rho)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), core=st.sampled_from(list(CORES)[1:]))
def test_cores(seed: int, core: str) -> None:
    """V is zero and flat beyond its reach; g goes from one to zero; a close neighbour leaves nothing of F."""
    rng = np.random.default_rng(seed)
    own = program(seed, core, "identity")
    bonds = own.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    assert own.core is not None
    for center in range(2):
        for z in range(2):
            assert run_repulsion(own.core.repulsion, center, z, 5.6) == (0.0, 0.0)
            slopes = [run_repulsion(own.core.repulsion, center, z, r)[1] for r in (1.1, 1.5)]
            values = [run_repulsion(own.core.repulsion, center, z, r)[0] for r in np.linspace(1.1, 1.5, 1001)]
            trapezoid = (sum(values[:-1]) + sum(values[1:])) / 2 * 0.0004
            assert np.isfinite([*slopes, trapezoid]).all()
        far = np.array([[3.3, 0.0, 0.0]])
        near = np.array([[0.0, 0.0, 0.25]])
        if core != "polynomial":
            assert run_core(own.core, bonds.cutoffs, center, [0], far).switch == pytest.approx(1.0)
            values_near = run_core(own.core, bonds.cutoffs, center, [0], near)
            assert values_near.switch == 0.0
            others = rng.normal(size=(3, 3)) + 2
            x = np.concatenate([near, others])
            energy, _ = run_potential(own, center, [0, 0, 1, 1], x)
            v = run_core(own.core, bonds.cutoffs, center, [0, 0, 1, 1], x).energy
            assert energy == pytest.approx(v + own.atomic_energies[center], rel=1e-13)


def test_contraction_is_the_sum_it_says() -> None:
    """Order one, one neighbour: the energy is Σ weight c_k e(r) T_k(y) S_lm, by NumPy's Chebyshev series."""
    own = program(7, "none", "identity")
    bonds = own.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    assert own.contraction is not None
    x = np.array([[0.7, -1.1, 0.9]])
    r = float(np.linalg.norm(x))
    units = x[0] / r
    harmonics = {(0, 0): 1.0, (1, -1): units[1], (1, 0): units[2], (1, 1): units[0]}
    for center in range(2):
        for z in range(2):
            for l, m in harmonics:
                for n in range(1, own.layout.counts[z][l] + 1):
                    alone = replace(
                        own,
                        products=((own.layout.index(z, n, l, m),),),
                        outputs=replace(own.outputs, rows=((((0, 2.0),),),) * 2),
                        atomic_energies=(0.0, 0.0),
                    )
                    y, _, e, _ = run_bond(bonds.pairs[center][z], r)
                    radial = e * chebval(y, own.contraction.weights[center][z][l][n - 1])
                    energy, _ = run_potential(alone, center, [z], x)
                    assert energy == pytest.approx(2 * radial * harmonics[l, m], rel=1e-12, abs=1e-14)


def test_programs_that_contradict_themselves() -> None:
    """Each fault is named."""
    own = program(1, "gaussian", "shifted")
    assert own.contraction is not None
    assert own.core is not None
    bonds = own.one_particle.coordinate
    assert isinstance(bonds, Bonds)

    def with_bond(**changes: Any) -> KernelProgram:
        (first, *row), *rows = bonds.pairs
        changed = Bonds(((replace(first, **changes), *row), *rows))
        return replace(own, one_particle=replace(own.one_particle, coordinate=changed))

    weights, earlier = own.contraction.weights, replace(own.contraction.pooled, first=0)
    faults = [
        (replace(own, contraction=replace(own.contraction, weights=weights[:1])), "every species"),
        (replace(own, contraction=replace(own.contraction, weights=(weights[0][:1], weights[1]))), "every A and every"),
        (replace(own, contraction=replace(own.contraction, pooled=earlier)), "layout"),
        (replace(own, core=replace(own.core, switch=short_switch(own))), "core.switch"),
        (replace(own, embedding=(Identity(), Identity())), "a term for every output"),
        (replace(own, embedding=(Identity(),)), "an entry for every species"),
        (with_bond(cutoff=0.0), "positive cutoffs"),
        (with_bond(shape=Power(0.0)), "positive exponents"),
        (with_bond(shape=ExponentialCosine(0.0, 0.1)), "other than zero"),
        (replace(own, one_particle=replace(own.one_particle, coordinate=Bonds(bonds.pairs[:1]))), "pair of species"),
    ]
    for wrong, message in faults:
        with pytest.raises(ProgramError, match=message):
            check_program(wrong)


def short_switch(own: KernelProgram) -> Any:
    """A switch with one entry too few."""
    assert own.core is not None
    return replace(own.core.switch, ranges=own.core.switch.ranges[:1])
