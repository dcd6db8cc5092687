"""Timing: one core, contenders that alternate, all samples kept.

Every contender runs once in every round, so that whatever slows the machine for a while slows all of them. Ratios are
formed within a round. So is the fraction of the multiply-add peak, which is measured before every contender.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Clock = Callable[[], float]


@dataclass(frozen=True)
class Samples:
    """Values of one quantity, one for each round."""

    values: NDArray[np.float64]

    @classmethod
    def of(cls, values: Sequence[float]) -> Samples:
        return cls(np.asarray(values, dtype=np.float64))

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.percentile(self.values, [25, 75])
        return float(low), float(high)

    def __mul__(self, factor: float) -> Samples:
        return Samples(self.values * factor)

    def over(self, other: Samples) -> Samples:
        """Ratios, round by round."""
        return Samples(self.values / other.values)

    def under(self, number: float) -> Samples:
        """number / value."""
        return Samples(number / self.values)

    def record(self) -> dict[str, Any]:
        """For the results file."""
        extremes = [float(self.values.min()), float(self.values.max())]
        quartiles = list(self.quartiles)
        return {"median": self.median, "quartiles": quartiles, "range": extremes, "rounds": len(self.values)}


@dataclass(frozen=True)
class Timings:
    """Seconds of each contender by round, and the multiply-add peak just before it."""

    seconds: Mapping[str, Samples]
    peaks: Mapping[str, Samples]


@contextmanager
def pinned(core: int | None = None) -> Iterator[None]:
    """Keep this process on one core, by default the last it may use (Linux; elsewhere this does nothing)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed) if core is None else core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def own_clock() -> float:
    """CPU seconds of this thread, which other programs on the core disturb least."""
    return time.thread_time()


def process_clock() -> float:
    """CPU seconds of all threads of this process."""
    return time.process_time()


def wall_clock() -> float:
    """Elapsed seconds, for work in several threads and for comparison with programs that time themselves."""
    return time.perf_counter()


def seconds(call: Callable[[], object], clock: Clock = own_clock) -> float:
    """Time of one call."""
    start = clock()
    call()
    return clock() - start


def alternate(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    peak: Callable[[], float] | None = None,
    advance: Callable[[], None] | None = None,
    clock: Clock = own_clock,
) -> Timings:
    """Time all contenders in every round; each round begins with a different one. First calls do not count.

    Args:
        contenders: what to time, by name.
        rounds: number of rounds.
        peak: measures the multiply-add peak; called before every contender.
        advance: called after every round.
        clock: `own_clock` or `wall_clock`.
    """
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    peaks: dict[str, list[float]] = {name: [] for name in names}
    for call in contenders.values():
        call()
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            peaks[name].append(peak() if peak else float("nan"))
            times[name].append(seconds(contenders[name], clock))
        if advance:
            advance()
    return Timings({n: Samples.of(v) for n, v in times.items()}, {n: Samples.of(v) for n, v in peaks.items()})
