"""Labels of basis functions: multisets of one-particle channels within a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from acegen.algebra.angular import AngularAlgebra
from acegen.basis.invariants import symmetric_space


class Channel(NamedTuple):
    """A one-particle channel (l, species, n): the functions R_n S_lm, all m of l, of one species of particles.

    The field order is the sort order of channels within a label, so the l of a label ascend.
    """

    l: int
    species: int
    n: int


Label = tuple[Channel, ...]


@dataclass(frozen=True)
class LevelSet:
    """All labels of order ν with Σ_t (n_t + angular_weight·l_t) <= levels[ν-1], for ν = 1 .. len(levels).

    Attributes:
        n_species: number of species of particles.
        levels: largest level by order.
        angular_weight: weight of l in the level.
        angular: tells which l exist, and which l and n have invariants.
        first, last: lowest and highest n; None if there is no highest.
        constant: whether n = 0 may go with l = 0: a factor that does not depend on its particle.
    """

    n_species: int
    levels: tuple[Fraction, ...]
    angular_weight: Fraction
    angular: AngularAlgebra
    first: int = 1
    last: int | None = None
    constant: bool = True

    def labels(self, order: int) -> Iterator[Label]:
        """Labels of one order that carry at least one invariant function, sorted by l, then channel."""
        limit = self.levels[order - 1]
        for ls in self._angular_tuples(order, limit):
            budget = limit - self.angular_weight * sum(ls)
            yield from self._fill(ls, (), budget)

    def _angular_tuples(self, order: int, limit: Fraction) -> Iterator[tuple[int, ...]]:
        """Ascending l-tuples within the level that may have invariants."""
        most = int((limit - self.first * order) / self.angular_weight)
        largest = most if self.angular.l_max is None else min(most, self.angular.l_max)

        def extend(prefix: tuple[int, ...], left: int) -> Iterator[tuple[int, ...]]:
            if len(prefix) == order:
                if self.angular.admits(prefix):
                    yield prefix
                return
            lowest = prefix[-1] if prefix else 0
            for l in range(lowest, min(left, largest) + 1):
                yield from extend((*prefix, l), left - l)

        yield from extend((), most)

    def _fill(self, ls: Sequence[int], chosen: Label, budget: Fraction) -> Iterator[Label]:
        """Assign (species, n) to the remaining l's, non-decreasing among equal l."""
        slot = len(chosen)
        if slot == len(ls):
            possible = self.angular.admits_degrees(tuple(channel.n for channel in chosen))
            if possible and symmetric_space(self.angular, *channel_pattern(chosen)).dimension:
                yield chosen
            return
        reserve = self.first * (len(ls) - slot - 1)
        for species in range(self.n_species):
            for n in range(self.first, self._highest(budget - reserve) + 1):
                channel = Channel(ls[slot], species, n)
                if (slot and chosen[-1] > channel) or (n == 0 and channel.l == 0 and not self.constant):
                    continue
                yield from self._fill(ls, (*chosen, channel), budget - n)

    def _highest(self, budget: Fraction) -> int:
        return int(budget) if self.last is None else min(int(budget), self.last)


def channel_pattern(label: Label) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The l-tuple of a sorted label and, slot by slot, the rank of its channel among the distinct ones."""
    ranks: list[int] = []
    for rank, (_, group) in enumerate(groupby(label)):
        ranks.extend(rank for _ in group)
    return tuple(channel.l for channel in label), tuple(ranks)
