"""Greedy design: one configuration after the other, each the one of largest gain given those before.

Information is a submodular function of the set: a gain only falls as others are added, so that greedy choice is within
a factor 1 - 1/e of the best set of its size (Nemhauser, Wolsey, Fisher, Math. Program. 14, 265 (1978)), and a gain once
computed is an upper bound from then on. Only configurations whose bound is the largest are evaluated again (Minoux,
1978). For the variance of a pool the same is done, although its gains may rise, a little and seldom.
"""

from __future__ import annotations

import heapq
import tempfile
import weakref
from collections.abc import Callable, Sequence
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.progress import Progress
from acegen.select.criteria import Criterion

Floats = NDArray[np.float64]


class RowSource(Protocol):
    """Rows of all configurations of a pool, by number."""

    def __len__(self) -> int:
        """Number of configurations."""
        ...

    def rows(self, number: int) -> Floats:
        """The rows (r, K) of a configuration: r may differ between configurations, K may not."""
        ...


class KeptRows:
    """Rows that are computed when they are needed, and kept: in memory, then on disk in single precision.

    Args:
        compute: rows (r, K) of a configuration.
        count: number of configurations.
        memory: bytes for rows that are kept in memory, those computed first.
        disk: bytes for further ones in a temporary file; when these are used up, or the disk is full, the others are
            computed again.
    """

    def __init__(self, compute: Callable[[int], Floats], count: int, memory: int, disk: int = 0) -> None:
        self._compute, self._count, self._memory, self._disk = compute, count, memory, disk
        self._kept: dict[int, Floats] = {}
        self._places: dict[int, tuple[int, tuple[int, ...]]] = {}  # offset in the file, shape
        self._file: IO[bytes] | None = None
        self._size = self._end = 0

    def __len__(self) -> int:
        """Number of configurations."""
        return self._count

    def rows(self, number: int) -> Floats:
        """The rows (r, K) of a configuration."""
        if number in self._kept:
            return self._kept[number]
        if number in self._places:
            return self._read(number)
        found = self._compute(number)
        if self._size + found.nbytes <= self._memory:
            self._kept[number] = found
            self._size += found.nbytes
        else:
            self._write(number, found)
        return found

    def _write(self, number: int, rows: Floats) -> None:
        """Write rows to the file, if there is room."""
        content = rows.astype(np.float32).tobytes()
        if self._end + len(content) > self._disk:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with this object
                weakref.finalize(self, self._file.close)
            self._file.seek(self._end)
            self._file.write(content)
            self._file.flush()
        except OSError:
            self._disk = 0
            return
        self._places[number] = self._end, rows.shape
        self._end += len(content)

    def _read(self, number: int) -> Floats:
        assert self._file is not None  # it has a place in it
        offset, shape = self._places[number]
        self._file.seek(offset)
        content = self._file.read(4 * shape[0] * shape[1])
        return np.frombuffer(content, dtype=np.float32).reshape(shape).astype(np.float64)


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
