"""Tables of coupled values and invariants in the basis kernel, and which values have derivatives of their own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from acegen.codegen.coupled_terms import RealTerm, real_terms
from acegen.codegen.lanes.slopes import SlopeLists
from acegen.program.coupled import CoupledProducts, Coupling

LEFT, RIGHT, BOTH = 1, 2, 3
"""By which factor of a value derivatives are taken; by both of them together if they are one value."""


class CopyEntry(NamedTuple):
    """Components that are derivatives of an invariant, times 1 or 2: X[target + step k] from X[source + k]."""

    source: int
    target: int
    step: int
    width: int
    factor: int
    add: int


class PullEntry(NamedTuple):
    """X[target + step k] from Σ_M dc_M/da_k X[source + M], for a = left or right factor."""

    source: int
    target: int
    step: int
    right: int
    add: int


class RowEntry(NamedTuple):
    """Derivatives of a value by factors with derivatives by one species, in the order of its lists."""

    target: int
    factors: int


class Element(NamedTuple):
    """dc_M/da_k = u b_i + v b_j."""

    i: int
    j: int
    u: float
    v: float


class NodeEntry(NamedTuple):
    """A coupled value: its coupling, places of its factors and itself, its elements, where its pulls and rows end."""

    coupling: int
    left: int
    right: int
    value: int
    elements: tuple[int, int]
    pulls: int
    rows: int


class CouplingEntry(NamedTuple):
    """Components of factors and result, and where the terms end."""

    left: int
    right: int
    rows: int
    terms: int


class ScalarEntry(NamedTuple):
    """Places of two values and their number of components; of one value with none."""

    first: int
    second: int
    width: int


@dataclass(frozen=True)
class InvariantCode:
    """Tables of coupled values; all places are in the array X: values, 1, intermediate derivatives, derivatives.

    Attributes:
        components: positions of the A's that are the channels' components, and their scales.
        n_values: components of all values.
        terms: of all couplings.
        couplings, nodes: in order.
        scalars: by function, as far as they are invariants.
        copies: the first step of derivatives.
        pulls: the further ones, by node from the last to the first.
        rows: likewise.
        row_lists: by species, for each two components of explicit values; with the number of the first component's row.
        elements: of the derivatives of all couplings.
        largest_matrix: the most elements of one derivative.
        scales: of the harmonics, so that derivatives of A's become those of components.
        inverse_scales: by A; for functions that are products.
    """

    components: tuple[tuple[int, float], ...]
    n_values: int
    terms: tuple[RealTerm, ...]
    couplings: tuple[CouplingEntry, ...]
    nodes: tuple[NodeEntry, ...]
    scalars: tuple[ScalarEntry, ...]
    copies: tuple[CopyEntry, ...]
    pulls: tuple[PullEntry, ...]
    rows: tuple[RowEntry, ...]
    row_lists: tuple[tuple[tuple[int, SlopeLists], ...], ...]
    elements: tuple[Element, ...]
    largest_matrix: int
    scales: tuple[float, ...]
    inverse_scales: tuple[float, ...]

    @property
    def widest(self) -> int:
        """Most components of a factor."""
        return max((max(coupling.left, coupling.right) for coupling in self.couplings), default=0)


def elements_of(coupling: Coupling, right: bool, same: bool) -> Iterator[Element]:
    """Derivatives by the left or right factor, row by row; by both if they are the same value.

    An element has at most two terms: |m2| is |M| + |m1| or ||M| - |m1||, and its sign is that of M m1, or its opposite.
    """
    width = 2 * (coupling.right if right else coupling.left) + 1
    found: defaultdict[tuple[int, int], defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    for row, left, other, weight in real_terms(coupling):
        if same or not right:
            found[row, left][other] += weight
        if same or right:
            found[row, other][left] += weight
    for row in range(2 * coupling.l + 1):
        for k in range(width):
            (i, u), (j, v) = (*found[row, k].items(), (0, 0.0), (0, 0.0))[:2]
            assert len(found[row, k]) <= 2
            yield Element(i, j, u, v)


def explicit_values(coupled: CoupledProducts) -> tuple[int, ...]:
    """Coupled values whose derivatives by the neighbours are computed, ascending.

    That takes (2l+1) derivatives by all components of both factors, and 2l+1 multiply-adds for each use of the value;
    otherwise each use takes as many as both factors have components.
    """
    n_channels = len(coupled.channels)
    width = [2 * l + 1 for l in coupled.degrees]
    uses = Counter(value for scalar in coupled.scalars for value in set(scalar))
    forced, explicit = set(), []
    for number, node in reversed(list(enumerate(coupled.nodes))):
        value = number + n_channels
        factors = {node.left, node.right}
        together = sum(width[factor] for factor in factors)
        if value in forced or (uses[value] + together) * width[value] < uses[value] * together:
            explicit.append(value)
            forced |= {factor for factor in factors if factor >= n_channels}
            uses.update(dict.fromkeys(factors, width[value]))
        else:
            uses.update(dict.fromkeys(factors, uses[value]))
    return tuple(sorted(explicit))
