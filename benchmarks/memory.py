"""Peak memory of this process and of its children."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
from pathlib import Path
from types import TracebackType

_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of `ru_maxrss`."""


def high_water() -> int:
    """Peak memory of this process in bytes; since `reset_high_water`, where that is possible."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def reset_high_water() -> None:
    """Start the peak anew (Linux; elsewhere this does nothing)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def children_high_water() -> int:
    """Largest peak memory of the finished child processes, bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _UNIT


class TreeMeter:
    """Memory of this process and its descendants together, sampled while the body of `with` runs.

    Without /proc it is the sum of the two peaks.
    """

    def __init__(self, interval: float = 0.02) -> None:
        self.peak = 0
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> TreeMeter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.peak = self.peak or high_water() + children_high_water()

    def _watch(self) -> None:
        while not self._stop.wait(self._interval):
            self.peak = max(self.peak, _tree_memory(os.getpid()))


def _tree_memory(root: int) -> int:
    """Resident memory of a process and its descendants, bytes; 0 if unknown."""
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            parents[int(folder.name)], pages[int(folder.name)] = int(fields[1]), int(fields[21])
    family = {root}
    while True:
        more = {process for process, parent in parents.items() if parent in family} - family
        if not more:
            return sum(pages.get(process, 0) for process in family) * resource.getpagesize()
        family |= more
