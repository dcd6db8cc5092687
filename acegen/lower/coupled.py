"""From chosen invariants to coupled products, and from the functions of a basis to those, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from flint import fmpq, fmpq_mat

from acegen.algebra.angular import AngularAlgebra, Matrix
from acegen.algebra.field import Rational
from acegen.basis.derive import SparseRow
from acegen.basis.labels import Channel as BasisChannel
from acegen.basis.labels import Label
from acegen.lower.couplings import component_scales, rounded_coupling
from acegen.lower.trees import Pattern, channels_of, coordinates, ordered, pattern_of, substituted
from acegen.program.checks import ProgramError
from acegen.program.coupled import Channel, CoupledProducts, Node
from acegen.program.pairings import Choice, Coupled, Invariant, Value, sort_key

Chosen = Sequence[Sequence[int] | None]
"""For each choice the positions of its candidates that are used; None if its label stays products of A's."""


def coupled_products(choices: Sequence[Choice], chosen: Chosen) -> CoupledProducts | None:
    """The chosen invariants, over values that are computed once; None if no label is coupled."""
    invariants = [
        choice.candidates[position]
        for choice, positions in zip(choices, chosen, strict=True)
        for position in positions or ()
    ]
    if not invariants:
        return None
    values = sorted({part for one in invariants for value in one for part in _parts(value)}, key=sort_key)
    channels = tuple(value for value in values if isinstance(value, Channel))
    coupled = [value for value in values if isinstance(value, Coupled)]
    position = {value: number for number, value in enumerate((*channels, *coupled))}
    degrees = sorted({(value.left.l, value.right.l, value.l) for value in coupled})
    return CoupledProducts(
        scales=component_scales(max(channel.l for channel in channels)),
        couplings=tuple(rounded_coupling(*three) for three in degrees),
        channels=channels,
        nodes=tuple(Node(position[value.left], position[value.right], value.l) for value in coupled),
        scalars=tuple(tuple(position[value] for value in one) for one in invariants),
    )


def _parts(value: Value) -> Iterator[Value]:
    yield value
    if isinstance(value, Coupled):
        yield from _parts(value.left)
        yield from _parts(value.right)


@dataclass(frozen=True)
class CoupledLabel:
    """The functions b_j of a label in its invariants: b_j = Σ_k matrix[j][k] P_k / sqrt(squares[k]).

    Attributes:
        scalars: positions of the P_k.
        matrix: by function and invariant.
        squares: by invariant.
    """

    scalars: tuple[int, ...]
    matrix: Matrix
    squares: tuple[Rational, ...]

    def row(self, function: int, first: int) -> SparseRow:
        """A function in P_k / sqrt(squares[k]), at the positions first + scalar."""
        entries = zip(self.scalars, self.matrix[function], strict=True)
        return tuple(sorted((first + scalar, value) for scalar, value in entries if value))


def coupled_labels(angular: AngularAlgebra, coupled: CoupledProducts) -> dict[Label, CoupledLabel]:
    """The labels of coupled products, each with the change of basis.

    Raises:
        ProgramError: the invariants of a label are dependent, or there are too few.
    """
    values: list[Value] = list(coupled.channels)
    for node in coupled.nodes:
        values.append(Coupled(values[node.left], values[node.right], node.l))
    by_label: defaultdict[tuple[Channel, ...], list[int]] = defaultdict(list)
    for number, scalar in enumerate(coupled.scalars):
        factors = [channel for position in scalar for channel in channels_of(values[position])]
        by_label[ordered(factors)].append(number)
    found = {}
    for label, numbers in by_label.items():
        own = pattern_of(label)
        invariants = tuple(
            tuple(substituted(values[position], own) for position in coupled.scalars[number]) for number in numbers
        )
        change = _change(angular, tuple(own[channel] for channel in label), invariants)
        if change is None:
            raise ProgramError(f"the coupled invariants of the channels {label} are not a basis of their label's.")
        found[tuple(BasisChannel(c.l, c.species, c.n) for c in label)] = CoupledLabel(tuple(numbers), *change)
    return found


@cache
def _change(
    angular: AngularAlgebra, pattern: Pattern, invariants: tuple[Invariant, ...]
) -> tuple[Matrix, tuple[Rational, ...]] | None:
    """Matrix and squares of the invariants of a pattern; None if they are not a basis."""
    rows = [coordinates(angular, pattern, invariant) for invariant in invariants]
    dense = fmpq_mat([list(row.values) for row in rows])
    size = dense.nrows()
    if dense.ncols() != size or dense.rank() < size:
        return None
    inverse = dense.inv()
    matrix = tuple(tuple(inverse[j, k] + fmpq(0) for k in range(size)) for j in range(size))
    return matrix, tuple(row.square for row in rows)
