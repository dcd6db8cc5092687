"""Coupled functions in an orthogonal system of many-body functions, exactly.

On independent particles, canonical functions 𝓠_J of orthogonal one-particle functions with mean zero are themselves
orthogonal: the mean of a product is non-zero only if both factors depend on the same particles.
Each coupled function is a finite combination of them (its Hoeffding decomposition),

    B_i = Σ_J E_iJ 𝓠_J,   so that the Gram matrix is   E B_i B_j = Σ_J E_iJ E_jJ E 𝓠_J².

For a canonical function each slot is expanded separately; a slot that becomes the constant drops out, leaving as a
factor the number of particles it can stand for. A self-interacting function is first written as a sum, over all set
partitions of its slots, of canonical functions in which the slots of each block are multiplied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product as cartesian

from flint import fmpq

from acegen.algebra.field import Rational
from acegen.basis.contraction import Partition, contractions, set_partitions
from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import Channel, Label, channel_pattern
from acegen.basis.purification import CoupledIndex, Row, contracted_entries, sort_slots
from acegen.orthogonal.ensemble import Ensemble
from acegen.orthogonal.orthogonal_functions import CONSTANT, OneParticle, Part
from acegen.progress import Progress, Silent

ONE: CoupledIndex = ((), 0)
"""The constant function among the 𝓠_J."""


@dataclass
class Decomposition:
    """Coupled functions as combinations of the 𝓠_J of an ensemble.

    J is a coupled index whose n number the orthogonal one-particle functions; `ONE` is the constant.
    """

    ensemble: Ensemble
    _one_particle: OneParticle = field(init=False)

    def __post_init__(self) -> None:
        self._one_particle = OneParticle(self.ensemble.radial, self.ensemble.measure)

    def canonical(self, functions: Sequence[CoupledIndex], progress: Progress | None = None) -> list[Row]:
        """Rows of E of canonical functions."""
        return self._rows(functions, _no_partitions, progress or Silent())

    def self_interacting(self, functions: Sequence[CoupledIndex], progress: Progress | None = None) -> list[Row]:
        """Rows of E of self-interacting functions."""
        return self._rows(functions, set_partitions, progress or Silent())

    def norm_squared(self, index: CoupledIndex) -> Rational:
        """E 𝓠_J²; zero where J has more slots than there are particles."""
        label, number = index
        norm = fmpq(self.ensemble.tuples((), label))
        if label:
            norm *= symmetric_space(self.ensemble.angular, *channel_pattern(label)).norms_squared[number]
        for channel in label:
            norm *= self._one_particle.norm_squared(channel.n, _part(channel.l))
        return norm

    def _rows(
        self,
        functions: Sequence[CoupledIndex],
        partitions: Callable[[int], tuple[Partition, ...]],
        progress: Progress,
    ) -> list[Row]:
        rows: list[Row] = []
        known: dict[Label, list[Row]] = {}
        for done, (label, number) in enumerate(functions):
            progress.advance(done, len(functions))
            if label not in known:
                known[label] = self._expand(label, partitions(len(label)))
            rows.append(known[label][number])
        return rows

    def _expand(self, label: Label, partitions: Iterable[Partition]) -> list[Row]:
        """All functions of a label, summed over the given partitions of its slots."""
        angular = self.ensemble.angular
        l, ranks = channel_pattern(label)
        coordinates = symmetric_space(angular, l, ranks).coordinates
        rows: list[defaultdict[CoupledIndex, Rational]] = [defaultdict(fmpq) for _ in coordinates]
        for partition in partitions:
            if any(len({label[slot].species for slot in block}) > 1 for block in partition):
                continue  # one particle has one species: the product of the block vanishes
            for number, contraction in enumerate(contractions(angular, l, partition)):
                blocks = [partition[block] for block in contraction.block_order]
                expansions = [
                    self._one_particle.product([label[slot].n for slot in block], _part(degree))
                    for degree, block in zip(contraction.l, blocks, strict=True)
                ]
                for choice in cartesian(*expansions):
                    slots = [
                        Channel(degree, label[block[0]].species, j)
                        for degree, block, (j, _) in zip(contraction.l, blocks, choice, strict=True)
                    ]
                    kept = [channel for channel in slots if channel.n != CONSTANT]
                    dropped = tuple(channel for channel in slots if channel.n == CONSTANT)
                    target, arrangement = sort_slots(tuple(kept))
                    weight = fmpq(self.ensemble.tuples(target, dropped))
                    if not weight:
                        continue
                    for _, value in choice:
                        weight = weight * value
                    for row, index, entry in contracted_entries(angular, l, ranks, partition, number, arrangement):
                        rows[row][target, index] += weight * entry
        return [{index: value for index, value in row.items() if value} for row in rows]


def _part(l: int) -> Part:
    return "constant" if l == 0 else "direction"


@cache
def _no_partitions(order: int) -> tuple[Partition, ...]:
    """The partition into single slots."""
    return (tuple((slot,) for slot in range(order)),)
