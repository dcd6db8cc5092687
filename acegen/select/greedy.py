"""Greedy design: one configuration after the other, each the one of largest gain given those before.

Information is a submodular function of the set: a gain only falls as others are added, so that greedy choice is within
a factor 1 - 1/e of the best set of its size (Nemhauser, Wolsey, Fisher, Math. Program. 14, 265 (1978)), and a gain once
computed is an upper bound from then on. Only configurations whose bound is the largest are evaluated again (Minoux,
1978). For the variance of a pool the same is done, although its gains may rise, a little and seldom.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.progress import Progress
from acegen.select.criteria import Criterion

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
        room: bytes for rows that are kept, those computed first; when it is used up, the others are computed again.
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


def first_gains(source: RowSource, criterion: Criterion, progress: Progress) -> list[float]:
    """The gain of each configuration alone."""
    gains = []
    for number in range(len(source)):
        progress.advance(number, len(source))
        gains.append(criterion.gain(source.rows(number)))
    return gains


def gram_of(source: RowSource, size: int, progress: Progress) -> Floats:
    """Σ YᵀY (size, size) over all configurations."""
    gram = np.zeros((size, size))
    for number in range(len(source)):
        progress.advance(number, len(source))
        rows = source.rows(number)
        gram += rows.T @ rows
    return gram


class Greedy:
    """Greedy choice with lazy evaluation.

    Args:
        source: rows of the pool.
        criterion: to start from; configurations that are taken are added to it.
        gains: of each configuration, given what `criterion` has.
    """

    def __init__(self, source: RowSource, criterion: Criterion, gains: Sequence[float]) -> None:
        self._source, self._criterion = source, criterion
        self._heap = [(-gain, number, 0) for number, gain in enumerate(gains)]
        heapq.heapify(self._heap)
        self._taken = 0

    @property
    def left(self) -> list[int]:
        """Numbers of the configurations that were not taken, ascending."""
        return sorted(number for _, number, _ in self._heap)

    def best(self) -> tuple[int, float] | None:
        """The configuration of largest gain, and its gain; None if all are taken."""
        while self._heap:
            bound, number, seen = self._heap[0]
            if seen == self._taken:
                return number, -bound
            gain = self._criterion.gain(self._source.rows(number))
            heapq.heapreplace(self._heap, (-gain, number, self._taken))
        return None

    def take(self) -> None:
        """Take the best configuration, which `best` has found."""
        _, number, _ = heapq.heappop(self._heap)
        self._criterion.add(self._source.rows(number))
        self._taken += 1
