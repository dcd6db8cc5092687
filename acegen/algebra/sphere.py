"""Functions on the sphere with the group O(3): spherical harmonics, coupled by Clebsch-Gordan coefficients.

The algebra is done in the complex harmonics Z of `acegen.algebra.harmonics`, in which m is conserved and everything
stays sparse; `to_real` converts to the S_lm that kernels evaluate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

from flint import fmpq

from acegen.algebra import harmonics
from acegen.algebra.angular import AngularAlgebra, AngularTerm, MTuple, Tensor
from acegen.algebra.field import Rational


class IsometriesOfSpace(AngularAlgebra):
    """Invariance under O(3): rotations and the inversion."""

    @property
    def symmetry(self) -> str:
        return "O3"

    @property
    def dimension(self) -> int:
        return 3

    @property
    def formula(self) -> str:
        return "S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|, Q_l^m = d^m P_l / dz^m (Re for m >= 0, Im for m < 0)"

    def components(self, l: int) -> tuple[int, ...]:
        return tuple(range(-l, l + 1))

    def product(self, factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
        return _product(factors)

    def norm_squared(self, l: int, m: int) -> Rational:
        return harmonics.norm_squared(l, m)

    def admits(self, l: tuple[int, ...]) -> bool:
        """The sum is even (inversion), and the others can balance the largest."""
        return sum(l) % 2 == 0 and 2 * max(l) <= sum(l)

    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        return _coupling_trees(l) if sum(l) % 2 == 0 else []

    @property
    def countable(self) -> bool:
        return True

    def to_real(self, polynomial: Tensor, canonical: Callable[[MTuple], MTuple]) -> Tensor:
        return harmonics.to_real(polynomial, canonical)


@cache
def _product(factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
    total = sum(m for _, m in factors)
    return tuple((l, total, gamma) for l, gamma in harmonics.product(factors))


def _coupling_trees(l: tuple[int, ...]) -> list[dict[MTuple, Rational]]:
    """Invariant tensors of the left-to-right coupling trees ((l1 l2)L l3)L' ... → 0."""
    partial: dict[int, list[dict[MTuple, Rational]]] = {l[0]: [{(m,): fmpq(1) for m in range(-l[0], l[0] + 1)}]}
    for position, degree in enumerate(l[1:], start=1):
        rest = l[position + 1 :]
        grown: defaultdict[int, list[dict[MTuple, Rational]]] = defaultdict(list)
        for current, tensors in partial.items():
            for target in range(abs(current - degree), current + degree + 1):
                if not _can_cancel(target, rest):
                    continue
                g = harmonics.coupling(current, degree, target)
                for tensor in tensors:
                    product: dict[MTuple, Rational] = {}
                    for key, value in tensor.items():
                        total = sum(key)
                        for m in range(-degree, degree + 1):
                            weight = g.get((total, m))
                            if weight:
                                product[(*key, m)] = value * weight
                    grown[target].append(product)
        partial = grown
    return partial.get(0, [])


def _can_cancel(l: int, rest: Sequence[int]) -> bool:
    """Whether angular momentum l can couple with those in `rest` to zero."""
    low = high = l
    for degree in rest:
        if degree < low:
            low -= degree
        elif degree > high:
            low = degree - high
        else:
            low = 0
        high += degree
    return low == 0


O3 = IsometriesOfSpace()
