"""Greedy D-optimal design: one configuration after the other, each the one of largest gain given those before.

The gain is a submodular function of the set: it only falls as others are added, so that greedy choice is within a
factor 1 - 1/e of the best set of its size (Nemhauser, Wolsey, Fisher, Math. Program. 14, 265 (1978)), and a gain once
computed is an upper bound from then on. Only configurations whose bound is the largest are evaluated again (Minoux,
1978).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.progress import Progress
from acegen.select.features import Knowledge

Floats = NDArray[np.float64]


class RowSource(Protocol):
    """Rows of all configurations of a pool, by number."""

    def __len__(self) -> int: ...

    def rows(self, number: int) -> Floats: ...


class KeptRows:
    """Rows that are computed when they are needed, and kept while there is room.

    Args:
        compute: rows (r, K) of a configuration.
        count: number of configurations.
        room: bytes for rows that are kept; those of the configurations seen first are replaced last.
    """

    def __init__(self, compute: Callable[[int], Floats], count: int, room: int) -> None:
        self._compute, self._count, self._room = compute, count, room
        self._kept: dict[int, Floats] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._count

    def rows(self, number: int) -> Floats:
        """The rows of a configuration."""
        found = self._kept.get(number)
        if found is None:
            found = self._compute(number)
            if self._size + found.nbytes <= self._room:
                self._kept[number] = found
                self._size += found.nbytes
        return found

    def drop(self, number: int) -> None:
        """Forget the rows of a configuration."""
        found = self._kept.pop(number, None)
        self._size -= 0 if found is None else found.nbytes


def first_gains(source: RowSource, knowledge: Knowledge, progress: Progress) -> list[float]:
    """The gain of each configuration alone."""
    gains = []
    for number in range(len(source)):
        progress.advance(number, len(source))
        gains.append(knowledge.gain(source.rows(number)))
    return gains


def greedy(source: RowSource, knowledge: Knowledge, gains: Sequence[float]) -> Iterator[tuple[int, float]]:
    """The configurations in the order of choice, each with its gain; `knowledge` has those that were taken.

    A configuration is taken when the next one is asked for.

    Args:
        source: rows of the pool.
        knowledge: to start from.
        gains: of each configuration, given `knowledge`.
    """
    heap = [(-gain, number, 0) for number, gain in enumerate(gains)]
    heapq.heapify(heap)
    taken = 0
    while heap:
        bound, number, seen = heapq.heappop(heap)
        if seen < taken:
            heapq.heappush(heap, (-knowledge.gain(source.rows(number)), number, taken))
            continue
        yield number, -bound
        knowledge.add(source.rows(number))
        taken += 1
