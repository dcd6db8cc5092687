"""Gram matrices of coupled functions in three dimensions: against a sum over matchings, and against sampled kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product as cartesian
from math import perm, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from orthogonal_cases import dense

import acegen
from acegen.algebra import build_algebra, harmonics
from acegen.algebra.circle import O2, SO2
from acegen.algebra.measure import RADIAL, UNIFORM, Measure
from acegen.algebra.sphere import O3
from acegen.basis import Basis, Channel, CoupledFunction, derive_basis
from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import channel_pattern
from acegen.errors import OrthogonalizationError
from acegen.orthogonal import basis_gram, condition_number, ensemble_of, orthogonalize_samples
from acegen.spec import load_spec

ELEMENTS = ("Si", "O")
MEASURES = [RADIAL, Measure(fmpq(1), fmpq(1, 2), fmpq(0), fmpq(1)), Measure(lower=fmpq(0), upper=fmpq(2, 3))]


def spec_of(
    order: int, level: int, elements: int = 1, weight: Any = 1, expansion: str = "canonical", **radial: Any
) -> dict[str, Any]:
    return {
        "name": "t",
        "basis": {
            "expansion": expansion,
            "elements": list(ELEMENTS[:elements]),
            "order": order,
            "level": level,
            "angular_weight": weight,
        },
        "radial": {"cutoff": 5.0, **radial},
    }


def basis_of(*args: Any, **kwargs: Any) -> Basis:
    return derive_basis(build_algebra(load_spec(spec_of(*args, **kwargs))))


CASES = [(3, 6, 1), (3, 5, 2), (4, 8, 1, "1/2"), (2, 6, 2)]
"""Order, level, number of elements, angular weight; the third has labels with several functions."""

FAMILIES: list[dict[str, Any]] = [
    {},
    {"family": "envelope", "envelope": [0, 0, 1], "polynomial": "legendre"},
]


def matchings(first: Sequence[Any], second: Sequence[Any]) -> Iterator[list[tuple[int | None, int | None]]]:
    """All partial matchings of slots of one channel-wise equal species; the slots left over stand with None."""
    if not first:
        yield [(None, s) for s in range(len(second))]
        return
    t = len(first) - 1
    for rest in matchings(first[:-1], second):
        yield [*rest, (t, None)]
        for position, (partner, s) in enumerate(rest):
            if partner is None and s is not None and first[t][0].species == second[s][0].species:
                yield [*rest[:position], *rest[position + 1 :], (t, s)]


class Matchings:
    """E 𝓑_i 𝓑_j term by term: 𝒜_k 𝒜_k' over the ways in which particles of the two tuples can be the same.

    Σ over matchings M of Π_species (N)_(ν+ν'-|M|) · Π_matched <φ φ'> · Π_unmatched <φ>, in real harmonics.
    """

    def __init__(self, basis: Basis, counts: Sequence[int], measure: Measure) -> None:
        self._basis, self._counts, self._measure = basis, counts, measure
        self._known: dict[Any, fmpq] = {}

    def gram(self, first: CoupledFunction, second: CoupledFunction) -> fmpq:
        total = fmpq(0)
        for m, value in first.polynomial.items():
            for m_other, other in second.polynomial.items():
                slots = list(zip(first.label, m, strict=True)), list(zip(second.label, m_other, strict=True))
                if sorted((c.l, n) for c, n in slots[0] if c.l) == sorted((c.l, n) for c, n in slots[1] if c.l):
                    total += value * other * self._mean(*slots)
        return total

    def _mean(self, first: list[tuple[Channel, int]], second: list[tuple[Channel, int]]) -> fmpq:
        total = fmpq(0)
        for matching in matchings(first, second):
            used = [0] * len(self._counts)
            weight = fmpq(1)
            for t, s in matching:
                own = [first[t]] if t is not None else []
                own += [second[s]] if s is not None else []
                used[own[0][0].species] += 1
                weight *= self._one_particle(tuple(own))
                if not weight:
                    break
            else:
                total += weight * prod(perm(count, k) for count, k in zip(self._counts, used, strict=True))
        return total

    def _one_particle(self, factors: tuple[tuple[Channel, int], ...]) -> fmpq:
        if factors not in self._known:
            self._known[factors] = self._integral(factors)
        return self._known[factors]

    def _integral(self, factors: tuple[tuple[Channel, int], ...]) -> fmpq:
        """Mean of one function, or of the product of two: half of that of |Z_lm|², or of 1 on the circle, for m ≠ 0."""
        angles = {(channel.l, m) for channel, m in factors}
        if len(angles) > 1 or (len(factors) == 1 and angles != {(0, 0)}):
            return fmpq(0)
        ((l, m),) = angles
        radial = prod((self._basis.radial.function(c.n) for c, _ in factors[1:]), start=self._function(factors[0][0].n))
        angular = fmpq(1, 2 if m else 1)
        if self._basis.angular == O3:
            angular *= harmonics.norm_squared(l, m)
        return self._measure.mean(radial) * angular

    def _function(self, n: int) -> Any:
        return self._basis.radial.function(n)


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(st.data())
def test_canonical_gram_equals_the_sum_over_matchings(data: st.DataObject) -> None:
    """Exactly, for entries with and without overlap, two species, several functions a label, any measure."""
    case = data.draw(st.sampled_from(CASES))
    basis, elements = basis_of(*case, **data.draw(st.sampled_from(FAMILIES))), case[2]
    counts = data.draw(st.lists(st.integers(0, 6), min_size=elements, max_size=elements))
    measure = data.draw(st.sampled_from(MEASURES))
    gram = basis_gram(basis, dict(zip(ELEMENTS, counts, strict=False)), measure)
    reference = Matchings(basis, counts, measure)
    pick = st.integers(0, basis.n_basis - 1)
    entries = data.draw(st.lists(st.tuples(pick, pick), min_size=10, max_size=10))
    entries += [(i, j) for i in data.draw(st.lists(pick, max_size=3)) for j, _ in gram.rows[i][:6]]
    for i, j in entries:
        expected = reference.gram(basis.functions[i], basis.functions[j])
        assert dict(gram.rows[i]).get(j, fmpq(0)) == expected


PLANE: dict[str, Any] = {"radial": {"cutoff": 1.0}}


@pytest.mark.parametrize("symmetry", ["SO2", "O2"])
@pytest.mark.parametrize(("tables", "level"), [(PLANE, 6), ({}, 6)], ids=["plane", "circle"])
@pytest.mark.parametrize("particles", [2, 5])
def test_gram_matrix_in_the_plane(symmetry: str, tables: dict[str, Any], level: int, particles: int) -> None:
    """The same with cos(lθ), sin(lθ), all entries."""
    content = {"name": "t", "basis": {"symmetry": symmetry, "order": 3, "level": level, "angular_weight": 1}, **tables}
    basis = derive_basis(build_algebra(load_spec(content)))
    assert basis.angular == (SO2 if symmetry == "SO2" else O2)
    gram = basis_gram(basis, particles)
    reference = Matchings(basis, [particles], basis.measure)
    own = basis.functions[: basis.n_basis]
    for i, first in enumerate(own):
        row = dict(gram.rows[i])
        assert all(row.get(j, fmpq(0)) == reference.gram(first, second) for j, second in enumerate(own) if j >= i)
    assert not gram.is_diagonal
    assert bool(gram.zero) == (particles < 3)


@pytest.mark.parametrize("elements", [1, 2])
def test_self_interacting_gram_is_joined_to_the_canonical_one(elements: int) -> None:
    """G_A = 𝒫⁻¹ G_𝒜 𝒫⁻ᵀ exactly; K' = K in the closed family."""
    particles = dict(zip(ELEMENTS[:elements], (4, 3), strict=False))
    canonical = basis_of(3, 6 if elements == 1 else 5, elements)
    plain = basis_of(3, 6 if elements == 1 else 5, elements, expansion="self-interacting")
    assert not canonical.n_auxiliary
    operator = dense(canonical.purification)
    inverse = operator.inv()
    expected = inverse * dense(basis_gram(canonical, particles).rows) * inverse.transpose()
    assert dense(basis_gram(plain, particles).rows) == expected


def test_diagonal_of_a_single_shell() -> None:
    """With as many particles as slots, functions without l = 0 have the mean square ν!² / s² · (integral over sets)."""
    basis = basis_of(3, 7)
    gram = basis_gram(basis, 3)
    assert basis_gram(basis, np.int64(3)) == gram  # type: ignore[arg-type]
    for function, scale, value in zip(basis.functions, basis.scales_squared, gram.diagonal, strict=True):
        if all(channel.l for channel in function.label):
            assert value * scale == perm(3, function.order)


def test_functions_without_l_zero_are_orthogonal_to_those_of_other_l() -> None:
    """In the closed family R_n are orthogonal, and so are canonical functions without l = 0 (means do not vanish)."""
    basis = basis_of(4, 7)
    gram = basis_gram(basis, 5)
    for i, row in enumerate(gram.rows):
        if all(channel.l for channel in basis.functions[i].label):
            assert [j for j, _ in row if all(channel.l for channel in basis.functions[j].label)] == [i]
        l = [channel.l for channel in basis.functions[i].label if channel.l]
        assert all([channel.l for channel in basis.functions[j].label if channel.l] == l for j, _ in row)
    assert not gram.is_diagonal


def test_several_functions_of_a_label_are_orthogonal() -> None:
    """Order 4 has labels with several invariants, which the coupling makes orthogonal."""
    basis = basis_of(4, 8, 1, "1/2")
    several = {f.label for f in basis.functions if f.number}
    assert several
    gram = basis_gram(basis, 4)
    for label in several:
        own = [i for i, function in enumerate(basis.functions) if function.label == label]
        assert gram.part(own).is_diagonal
        assert len(own) == symmetric_space(O3, *channel_pattern(label)).dimension


def test_few_particles_and_rank() -> None:
    """Canonical functions above the number of particles are zero; those of one species miss the other."""
    basis = basis_of(3, 5, 2)
    gram = basis_gram(basis, {"Si": 2, "O": 0})
    beyond = {
        i
        for i, function in enumerate(basis.functions)
        if function.order > 2 or any(channel.species == 1 for channel in function.label)
    }
    assert set(gram.zero) == beyond == set(gram.factorize().dependent)


# Sampled with compiled kernels.

SAMPLES = 4_000


def displacements(rng: np.random.Generator, count: int, cutoff: float) -> np.ndarray:
    """Particles with y = smoothstep uniform on [0,1] and uniform directions."""
    s = np.linspace(0, 1, 200_001)
    y = (1 - s) ** 2 * (1 + 2 * s)
    r = np.interp(rng.uniform(size=count), y[::-1], s[::-1]) * cutoff
    directions = rng.normal(size=(count, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True) * r[:, None]


def sampled(model: acegen.Model, particles: dict[str, int], rng: np.random.Generator) -> np.ndarray:
    """Basis functions of the centres of clusters that do not see each other."""
    symbols = [element for element, count in particles.items() for _ in range(count)]
    clusters = displacements(rng, SAMPLES * len(symbols), model.cutoff).reshape(SAMPLES, -1, 3)
    positions = np.concatenate([np.zeros((SAMPLES, 1, 3)), clusters], axis=1)
    grid = np.stack(np.unravel_index(np.arange(SAMPLES), (16, 16, 16)), axis=1)
    positions += 4 * model.cutoff * grid[:, None]
    atoms = Atoms(["Si", *symbols] * SAMPLES, positions.reshape(-1, 3))
    return model.descriptors(atoms)[:: len(symbols) + 1]


def sample_gram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of products, and their standard errors."""
    mean = values.T @ values / len(values)
    return mean, np.sqrt(((values**2).T @ values**2 / len(values) - mean**2) / len(values))


def scaled_gram(basis: Basis, particles: int | dict[str, int]) -> np.ndarray:
    """The exact Gram matrix of the functions with their scales."""
    gram = basis_gram(basis, particles)
    scales = np.sqrt([float(value) for value in basis.scales_squared])
    exact = np.array([[float(dict(row).get(j, 0)) for j in range(gram.size)] for row in gram.rows])
    return exact * np.outer(scales, scales)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "particles"),
    [
        (spec_of(3, 6), {"Si": 4}),
        (spec_of(3, 6, expansion="self-interacting"), {"Si": 4}),
        (spec_of(3, 5, 2), {"Si": 3, "O": 3}),
    ],
    ids=["canonical", "self-interacting", "two species"],
)
def test_gram_matrix_of_a_compiled_kernel(spec: dict[str, Any], particles: dict[str, int], tmp_path: Path) -> None:
    """Means over random environments agree with the exact Gram matrix within five standard errors."""
    basis, model = acegen.derive(spec), acegen.compile(spec, tmp_path)
    gram = basis_gram(basis, particles)
    values = sampled(model, particles, np.random.default_rng(5))
    mean, errors = sample_gram(values)
    assert (np.abs(mean - scaled_gram(basis, particles)) <= 5 * errors).all()
    transform = gram.factorize().transform(basis.scales_squared)
    new = values @ transform.T
    assert np.abs(new.T @ new / SAMPLES - np.eye(gram.size)).max() < 0.5
    found = orthogonalize_samples(values)
    assert found.rank == gram.size
    assert 0.2 < found.condition_number / condition_number(gram) < 5


@pytest.mark.parametrize("expansion", ["canonical", "self-interacting"])
def test_gram_matrix_of_a_compiled_kernel_on_the_interval(expansion: str, tmp_path: Path) -> None:
    """On all triples of Chebyshev nodes, means are those of the arcsine measure to rounding errors."""
    spec = {"name": "t", "basis": {"symmetry": "none", "order": 3, "level": 6, "expansion": expansion}}
    basis, model = acegen.derive(spec), acegen.compile_particles(spec, tmp_path)
    nodes = np.cos(np.pi * (np.arange(8) + 0.5) / 8)
    values = model.descriptors(np.array(list(cartesian(nodes, repeat=3))))
    exact = scaled_gram(basis, 3)
    np.testing.assert_allclose(values.T @ values / len(values), exact, rtol=1e-12, atol=1e-12 * exact.max())


def test_gram_matrix_of_a_compiled_kernel_in_the_plane(tmp_path: Path) -> None:
    """Means over random particles in the plane, y = smoothstep uniform, within five standard errors."""
    spec = {"name": "t", "basis": {"symmetry": "SO2", "order": 3, "level": 6, "angular_weight": 1}, **PLANE}
    basis, model = acegen.derive(spec), acegen.compile_particles(spec, tmp_path)
    rng = np.random.default_rng(8)
    angles = rng.uniform(0, 2 * np.pi, size=(SAMPLES, 4))
    radii = np.linalg.norm(displacements(rng, SAMPLES * 4, model.cutoff), axis=1).reshape(SAMPLES, 4)
    values = model.descriptors(radii[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=2))
    mean, errors = sample_gram(values)
    assert (np.abs(mean - scaled_gram(basis, 4)) <= 5 * errors).all()


# What is refused.


def test_particles_that_do_not_fit_the_elements() -> None:
    one, two = basis_of(2, 3), basis_of(2, 3, 2)
    with pytest.raises(OrthogonalizationError, match=r"particles = 4 does not tell.*Si, O.*\"Si\": 4"):
        ensemble_of(two, 4)
    with pytest.raises(OrthogonalizationError, match=r"given for Si; .* each species of the basis: Si, O"):
        ensemble_of(two, {"Si": 3})
    with pytest.raises(OrthogonalizationError, match=r"given for O, Si; .* Si\."):
        ensemble_of(one, {"Si": 3, "O": 1})
    assert ensemble_of(one, 3) == ensemble_of(one, {"Si": 3})


def test_measures_and_pair_terms_that_are_refused() -> None:
    basis = acegen.derive({"name": "t", "basis": {"symmetry": "none", "order": 1, "level": 2}})
    with pytest.raises(acegen.AcegenError, match=r"measure = 'uniform' is not a measure; .* UNIFORM, ARCSINE"):
        basis_gram(basis, 3, "uniform")  # type: ignore[arg-type]
    with pytest.raises(OrthogonalizationError, match=r"does not fit the space: its particles are in \[0, 1\]"):
        basis_gram(basis_of(2, 3), 3, UNIFORM)
    spec = {**spec_of(2, 4), "pair": {"degree": 3, "cutoff": 6.0}}
    with pytest.raises(OrthogonalizationError, match=r"'t' has a pair term.*Remove \[pair\]"):
        basis_gram(derive_basis(build_algebra(load_spec(spec))), 3)


def test_number_of_matchings() -> None:
    """Σ_k C(3,k) C(2,k) k! = 13 partial matchings of three slots with two."""
    slot = (Channel(0, 0, 1), 0)
    found = {tuple(sorted(map(str, m))) for m in matchings([slot] * 3, [slot] * 2)}
    assert len(found) == 13 == len(list(matchings([slot] * 3, [slot] * 2)))
