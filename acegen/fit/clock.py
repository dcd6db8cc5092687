"""Time and memory of a fit by stage."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from acegen.progress import Progress

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class StageCost:
    """A stage: wall time, processor time of this process and its children (s), and the memory peak so far (bytes).

    `peak` is the largest resident size of this process up to the end of the stage, `child_peak` that of its largest
    child.
    """

    stage: str
    seconds: float
    processor_seconds: float
    peak: int
    child_peak: int


class StageClock:
    """A `Progress` that forwards everything and measures stages."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._costs: list[StageCost] = []

    @property
    def costs(self) -> tuple[StageCost, ...]:
        """Stages finished so far."""
        return tuple(self._costs)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start, used = time.perf_counter(), _processor_seconds()
        with self._progress.stage(name):
            yield
        own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        seconds, busy = time.perf_counter() - start, _processor_seconds() - used
        self._costs.append(StageCost(name, seconds, busy, own * _MAXRSS_BYTES, children * _MAXRSS_BYTES))

    def advance(self, done: int, total: int) -> None:
        self._progress.advance(done, total)

    def report(self, text: str) -> None:
        self._progress.report(text)


class Subordinate:
    """A `Progress` for work inside a stage: its bar is shown, its own stages are not."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        yield

    def advance(self, done: int, total: int) -> None:
        self._progress.advance(done, total)

    def report(self, text: str) -> None:
        pass


def _processor_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
