"""Densities in the exact invariants of their labels.

The coefficients of a file are combinations of Clebsch-Gordan coefficients, rounded. Where those of a label are such a
combination up to rounding, the label can be evaluated in coupled products, whichever way it was coupled in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod, sqrt

import flint
from flint import arb, fmpq, fmpq_mat

from acegen.algebra.field import Rational
from acegen.algebra.sphere import O3
from acegen.lower.pairings import LARGEST_ORDER
from acegen.lower.rounding import WORKING_BITS
from acegen.lower.trees import Pattern, pattern_of, space_of
from acegen.yace.lowering.products import Label, MTuple, Slot

TOLERANCE = 1e-11
"""Largest deviation from the invariants, relative to the largest coefficient, both in normalized harmonics."""


_MOST_WORK = 60_000
"""Of finding invariants, in units of about 0.1 ms; labels of the largest l stay products rather than take longer."""


def with_known_invariants(labels: Iterable[Label]) -> set[Label]:
    """The labels of moderate order whose invariants are looked for: those with the least work, as far as it goes."""
    work = {label: _work(label) for label in labels if len(label) <= LARGEST_ORDER}
    chosen: set[Label] = set()
    patterns: set[Pattern] = set()
    total = 0
    for label in sorted(work, key=lambda label: work[label]):
        pattern = _general(label)
        if pattern not in patterns:
            total += work[label]
            if total > _MOST_WORK:
                break
            patterns.add(pattern)
        chosen.add(label)
    return chosen


def _work(label: Label) -> int:
    """Of finding the invariants of a label: about the number of combinations of m."""
    return prod(2 * channel.l + 1 for channel in label) * (5 if len(label) == LARGEST_ORDER else 1)


def _general(label: Label) -> Pattern:
    """The label with its channels named by number."""
    names = pattern_of(label)
    return tuple(names[channel] for channel in label)


@dataclass(frozen=True)
class InvariantLabel:
    """The coefficients of a label in invariants b_j, those of `acegen.basis.invariants.SymmetricSpace`.

    Attributes:
        coordinates: by centre and density.
        residual: largest deviation of a coefficient, relative to the largest one.
    """

    coordinates: Mapping[Slot, tuple[arb, ...]]
    residual: float


def in_invariants(label: Label, polynomial: Mapping[MTuple, Mapping[Slot, arb]]) -> InvariantLabel | None:
    """A label in its invariants, by least squares in normalized harmonics.

    None if it does not lie in their span, or if there are no invariants, even where all coefficients are zero.
    """
    projection = _projection(_general(label))
    if not projection.polynomials:
        return None
    found, worst = {}, 0.0
    with flint.ctx.workprec(WORKING_BITS):
        for slot in sorted({slot for coefficients in polynomial.values() for slot in coefficients}):
            own = {ms: values[slot] for ms, values in polynomial.items() if slot in values}
            found[slot] = projection.coordinates(own)
            worst = max(worst, projection.residual(own, found[slot]))
            if worst > TOLERANCE:
                return None
    return InvariantLabel(found, worst)


@dataclass(frozen=True)
class _Projection:
    """Onto the invariants of a pattern.

    Attributes:
        polynomials: the invariants, in products of S_lm.
        dual: by invariant, what each product contributes to its coordinate.
        degrees: l of every factor.
    """

    polynomials: tuple[Mapping[MTuple, Rational], ...]
    dual: tuple[Mapping[MTuple, Rational], ...]
    degrees: tuple[int, ...]

    def coordinates(self, values: Mapping[MTuple, arb]) -> tuple[arb, ...]:
        """Of the invariant closest to a polynomial."""
        return tuple(
            sum((weight * values[ms] for ms, weight in dual.items() if ms in values), arb(0)) for dual in self.dual
        )

    def residual(self, values: Mapping[MTuple, arb], coordinates: tuple[arb, ...]) -> float:
        """How far it is away, relative to the largest coefficient."""
        left = dict(values)
        for polynomial, weight in zip(self.polynomials, coordinates, strict=True):
            for ms, value in polynomial.items():
                left[ms] = left.get(ms, arb(0)) - weight * value
        largest = max(self._size(ms, value) for ms, value in values.items())
        return max(self._size(ms, value) for ms, value in left.items()) / largest if largest else 0.0

    def _size(self, ms: MTuple, value: arb) -> float:
        return abs(float(value)) * sqrt(float(_norm_squared(self.degrees, ms)))


@cache
def _projection(pattern: Pattern) -> _Projection:
    degrees = tuple(channel.l for channel in pattern)
    polynomials = space_of(O3, pattern).real_polynomials
    weighted = [{ms: value * _norm_squared(degrees, ms) for ms, value in own.items()} for own in polynomials]
    gram = [[_dot(own, other) for other in polynomials] for own in weighted]
    inverse = fmpq_mat(gram).inv() if gram else fmpq_mat(0, 0)
    dual = []
    for j in range(len(polynomials)):
        total: dict[MTuple, Rational] = {}
        for k, own in enumerate(weighted):
            if inverse[j, k]:
                for ms, value in own.items():
                    total[ms] = total.get(ms, fmpq(0)) + inverse[j, k] * value
        dual.append(total)
    return _Projection(polynomials, tuple(dual), degrees)


def _dot(first: Mapping[MTuple, Rational], second: Mapping[MTuple, Rational]) -> Rational:
    return sum((value * second[ms] for ms, value in first.items() if ms in second), fmpq(0))


@cache
def _norm_squared(degrees: tuple[int, ...], ms: MTuple) -> Rational:
    """Mean of Π S_lm² over independent directions."""
    square = fmpq(1)
    for l, m in zip(degrees, ms, strict=True):
        square *= O3.norm_squared(l, m) / (2 if m else 1)
    return square
