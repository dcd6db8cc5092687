"""Purification in the coupled space, by the recursion of the paper: a second derivation of the same operator.

    𝒜_{1..ν} = 𝒜_{1..ν-1} A_ν - Σ_{t<ν} 𝒜_{.. t merged with ν ..}

(Ho, Gutleb, Ortner, arXiv 2401.01550, eq. for 𝒜 by order.) Slower than the partition formula and used to
check it: `acegen verify` and the tests demand exact equality.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from flint import fmpq

from acegen.algebra.angular import AngularAlgebra, Matrix
from acegen.algebra.field import Rational
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.contraction import contractions
from acegen.basis.invariants import invariant_space, row_times_matrix, symmetric_space, symmetrization
from acegen.basis.labels import Channel, Label, channel_pattern
from acegen.basis.purification import CoupledIndex, Row, sort_slots

State = tuple[tuple[Channel, bool], ...]
"""Slots of ascending l: a channel, and whether its particle must still differ from those of the other marked slots."""

Image = dict[tuple[Channel, ...], Matrix]
"""Plain products by slot channels, each with a matrix acting on invariant-space coordinates."""


@dataclass
class Recursion:
    """Purification by recursion on the number of slots, with the results for each state kept."""

    radial: PolynomialAlgebra
    angular: AngularAlgebra
    _known: dict[State, Image] = field(default_factory=dict)

    def purify_label(self, label: Label) -> list[Row]:
        """The rows of `acegen.basis.purification.purify_label`, by the recursion."""
        l, ranks = channel_pattern(label)
        image = self._plain_products(tuple((channel, True) for channel in label))
        rows: list[Row] = []
        for function in symmetric_space(self.angular, l, ranks).coordinates:
            row: defaultdict[CoupledIndex, Rational] = defaultdict(fmpq)
            for slots, matrix in image.items():
                target, arrangement = sort_slots(tuple(slots))
                degrees = tuple(channel.l for channel in target)
                symmetrized = symmetrization(self.angular, degrees, arrangement)
                weights = row_times_matrix(row_times_matrix(function, matrix), symmetrized)
                for index, weight in enumerate(weights):
                    if weight:
                        row[target, index] += weight
            rows.append({key: value for key, value in row.items() if value})
        return rows

    def _plain_products(self, state: State) -> Image:
        """Sums over tuples whose marked slots are distinct particles, in terms of plain products."""
        marked = [slot for slot, (_, mark) in enumerate(state) if mark]
        if len(marked) <= 1:
            dimension = invariant_space(self.angular, tuple(channel.l for channel, _ in state)).dimension
            identity = tuple(tuple(fmpq(int(i == j)) for j in range(dimension)) for i in range(dimension))
            return {tuple(channel for channel, _ in state): identity}
        if state in self._known:
            return self._known[state]
        *others, last = marked
        released = tuple((channel, mark and slot != last) for slot, (channel, mark) in enumerate(state))
        total = dict(self._plain_products(released))
        for other in others:
            self._subtract_merged(total, state, other, last)
        self._known[state] = total
        return total

    def _subtract_merged(self, total: Image, state: State, other: int, last: int) -> None:
        """total -= the terms in which the particles of slots `other` and `last` coincide."""
        first, second = state[other][0], state[last][0]
        if first.species != second.species:
            return
        l = tuple(channel.l for channel, _ in state)
        blocks = tuple(tuple([slot, last] if slot == other else [slot]) for slot in range(len(state)) if slot != last)
        for contraction in contractions(self.angular, l, blocks):
            for n, rho in self.radial.product((first.n, second.n)):
                merged = []
                for degree, block in zip(contraction.l, contraction.block_order, strict=True):
                    channel, mark = state[blocks[block][0]]
                    is_pair = len(blocks[block]) == 2
                    merged.append((Channel(degree, channel.species, n if is_pair else channel.n), mark))
                for slots, matrix in self._plain_products(tuple(merged)).items():
                    before = total.get(slots)
                    change = [row_times_matrix(row, matrix) for row in contraction.matrix]
                    total[slots] = tuple(
                        tuple((before[i][j] if before else fmpq(0)) - rho * value for j, value in enumerate(row))
                        for i, row in enumerate(change)
                    )
