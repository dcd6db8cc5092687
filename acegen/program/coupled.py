"""Factored products: values coupled to definite angular momenta, and the invariants made of them.

The components of a channel (z, n, l) are the A's times a scale that makes the angular functions of an l equally large:

    c_{±m} = scales[l][m] A_{z n l ±m},                                    a complex number ĉ_m = c_m + i c_{-m}, m > 0,

and ĉ_0 = c_0. A node couples two earlier values a and b, with angular momenta l1 and l2, to l. With

    X = â_m1 b̂_m2,    Y = â_m1 conj(b̂_m2),    f = 1 if l1 + l2 + l is even, otherwise -i,

its components are sums over m1 >= 0 and m2 >= 0,

    ĉ_M = f Σ sums[m1, m2] X                                               with m1 + m2 = M
        + f Σ differences[m1, m2] Y        (of conj(Y) if m1 < m2)         with |m1 - m2| = M, m1 > 0, m2 > 0,

and of the terms with M = 0 only the real part counts. (In the words of the field: Σ <l1 m1 l2 m2|l M> a_m1 b_m2, in
normalized harmonics.) A value has the components -l..l of a rotation of degree l, whichever way it was coupled; so

    P_t = c_0                              of a value with l = 0, or
    P_t = Σ_M c_M c'_M                     of two values of the same l

are invariant under rotations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple, TypeAlias


class Channel(NamedTuple):
    """The A's of one species, n and l."""

    species: int
    n: int
    l: int


class Node(NamedTuple):
    """A value coupled from two earlier ones: their positions, the first not above the second, and its l."""

    left: int
    right: int
    l: int


CouplingTerm: TypeAlias = tuple[int, int, float]
"""m1, m2 and weight."""


@dataclass(frozen=True)
class Coupling:
    """How values of degree `left` and `right` are coupled to `l`.

    Attributes:
        left, right, l: degrees of the two factors and of the result.
        sums: weights of X by m1 >= 0 and m2 >= 0.
        differences: weights of Y by m1 > 0 and m2 > 0.
    """

    left: int
    right: int
    l: int
    sums: tuple[CouplingTerm, ...]
    differences: tuple[CouplingTerm, ...]

    @property
    def odd(self) -> bool:
        """Whether f = -i."""
        return (self.left + self.right + self.l) % 2 == 1


Scalar: TypeAlias = tuple[int, ...]
"""Position of a value with l = 0, or ascending positions of two values of one l."""


@dataclass(frozen=True)
class CoupledProducts:
    """Invariant products of pooled functions, over values that are computed once.

    Attributes:
        scales: by l, for m = 0..l.
        couplings: one for each combination of three degrees that occurs.
        channels: values of one factor; they come first among the values.
        nodes: values of several factors, in an order in which each can be computed from those before it.
        scalars: the products P_t.
    """

    scales: tuple[tuple[float, ...], ...]
    couplings: tuple[Coupling, ...]
    channels: tuple[Channel, ...]
    nodes: tuple[Node, ...]
    scalars: tuple[Scalar, ...]

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """l of every value."""
        return tuple(value.l for values in (self.channels, self.nodes) for value in values)

    @cached_property
    def first_components(self) -> tuple[int, ...]:
        """Number of the first component of every value, if all are counted one after the other; and of all."""
        return tuple(accumulate((2 * l + 1 for l in self.degrees), initial=0))

    @cached_property
    def orders(self) -> tuple[int, ...]:
        """Number of A's in every value."""
        orders = [1] * len(self.channels)
        for node in self.nodes:
            orders.append(orders[node.left] + orders[node.right])
        return tuple(orders)

    @cached_property
    def scalar_orders(self) -> tuple[int, ...]:
        """Number of A's in every invariant."""
        return tuple(sum(self.orders[position] for position in scalar) for scalar in self.scalars)

    @cached_property
    def by_degrees(self) -> dict[tuple[int, int, int], Coupling]:
        """The couplings by the degrees of both factors and of the result."""
        return {(coupling.left, coupling.right, coupling.l): coupling for coupling in self.couplings}
