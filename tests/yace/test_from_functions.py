"""Functions of a basis as C-tilde functions: their values, and which combinations of m are written."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np
import pytest
from flint import arb
from numpy.polynomial import Legendre
from scipy.special import sph_harm_y

import acegen
from acegen.basis import Basis
from acegen.yace.conversion.functions import ctilde_functions, first_order_weights
from acegen.yace.potential import CTildeFunction

COUNT, N_MAX = 5, 8

BASES = {
    "one element, order 4": {"elements": ["Si"], "order": 4, "level": 7, "angular_weight": "3/4"},
    "two elements, order 3": {"elements": ["Si", "O"], "order": 3, "level": 5, "angular_weight": 1},
    "self-interacting": {"elements": ["Si"], "order": 3, "level": 8, "expansion": "self-interacting"},
    "order 5": {"elements": ["Si"], "order": 5, "level": 7, "angular_weight": "1/2"},
}


@pytest.fixture(params=BASES, scope="module")
def basis(request: pytest.FixtureRequest) -> Basis:
    return acegen.derive({"name": "some", "basis": BASES[request.param], "radial": {"cutoff": 5.0}})


class Particles:
    """Random particles with any radial values, and what is pooled of them."""

    def __init__(self, n_species: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.species = rng.integers(n_species, size=COUNT)
        self.radial = rng.normal(size=(N_MAX + 1, COUNT))
        directions = rng.normal(size=(COUNT, 3))
        self.unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)

    def real(self, species: int, n: int, l: int, m: int) -> float:
        """A in the functions Q_l^|m|(z) Re or Im (x+iy)^|m|."""
        x, y, z = self.unit.T
        phase = (x + 1j * y) ** abs(m)
        angular = Legendre.basis(l).deriv(abs(m))(z) * (phase.real if m >= 0 else phase.imag)
        return float(np.sum((self.species == species) * self.radial[n] * angular))

    def complex(self, species: int, n: int, l: int, m: int) -> complex:
        """A in standard harmonics, with Y_00 = 1."""
        x, y, z = self.unit.T
        angular = sqrt(4 * np.pi) * sph_harm_y(l, m, np.arccos(z), np.arctan2(y, x))
        return complex(np.sum((self.species == species) * self.radial[n] * angular))

    def density(self, functions: tuple[CTildeFunction, ...]) -> float:
        """Σ c Re Π A."""
        total = 0.0
        for one in functions:
            for ms, (value,) in zip(one.ms, one.coefficients, strict=True):
                factors = zip(one.elements, one.ns, one.ls, ms, strict=True)
                total += value * prod((self.complex(*factor) for factor in factors), start=1 + 0j).real
        return total


def test_values_are_those_of_the_coupled_functions(basis: Basis) -> None:
    """With random weights, at random particles: against the real polynomials of the basis."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=len(basis.functions))
    for seed in range(3):
        particles = Particles(len(basis.spec.species), seed)
        expected, size = 0.0, 0.0
        for weight, function in zip(weights, basis.functions, strict=True):
            if function.order > 1:
                for ms, value in function.polynomial.items():
                    channels = zip(function.label, ms, strict=True)
                    term = weight * float(value.p) / float(value.q)
                    term *= prod(particles.real(c.species, c.n, c.l, m) for c, m in channels)
                    expected, size = expected + term, size + abs(term)
        found = particles.density(ctilde_functions(basis, [[arb(weight) for weight in weights]]))
        assert abs(expected) > 1e-6 * size
        assert abs(found - expected) < 1e-13 * size


def test_each_product_is_written_once(basis: Basis) -> None:
    """One function for each label; Σ m = 0, and of m and -m only one, up to the order of equal factors."""
    functions = ctilde_functions(basis, [[arb(1)] * len(basis.functions)])
    labels = [(one.elements, one.ns, one.ls) for one in functions]
    assert len(set(labels)) == len(labels)
    assert [one.rank for one in functions] == sorted(one.rank for one in functions)
    for one in functions:
        factors = list(zip(one.elements, one.ns, one.ls, strict=True))
        seen: set[tuple[object, ...]] = set()
        for ms in one.ms:
            assert sum(ms) == 0
            both = {tuple(sorted(zip(factors, (sign * m for m in ms), strict=True))) for sign in (1, -1)}
            assert not both & seen
            seen |= both


def test_what_has_no_weight_is_left_out(basis: Basis) -> None:
    """Labels whose functions all have zero weight, and functions of order 1 among those of higher rank."""
    last = basis.functions[basis.n_coupled - 1]
    weights = [arb(int(function.label == last.label)) for function in basis.functions]
    (only,) = ctilde_functions(basis, [weights])
    assert only.ns == tuple(channel.n for channel in last.label)
    assert first_order_weights(basis, weights) == {}
    first = {f.label[0]: arb(i + 1) for i, f in enumerate(basis.functions) if f.order == 1}
    assert first
    found = first_order_weights(basis, [arb(i + 1) for i in range(len(basis.functions))])
    assert {channel: float(value) for channel, value in found.items()} == {c: float(v) for c, v in first.items()}
