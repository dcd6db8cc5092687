"""Many inputs for one target, counted."""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from fuzz.python.target import Target
from fuzz.python.targets import TARGETS

from acegen.errors import AcegenError
from acegen.printing import visible_lines


@dataclass
class Outcome:
    """Of the inputs of one target.

    Attributes:
        accepted: inputs that were taken.
        refused: inputs that ended in one error of acegen, by its class.
        faults: everything else, by its last line: the first input that caused it, and a traceback.
        slowest: seconds of the slowest input, and its number.
    """

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: dict[str, tuple[int, str]] = field(default_factory=dict)
    n_faults: int = 0
    slowest: tuple[float, int] = (0.0, 0)

    @property
    def count(self) -> int:
        return self.accepted + self.refused.total() + self.n_faults


class TooSlow(BaseException):
    """An input took longer than allowed; not an `Exception`, so that no handler catches it."""


def run(name: str, folder: Path, first: int, count: int, seed: int) -> Outcome:
    """Give a target `count` inputs, which depend on seed and number only.

    Args:
        name: one of `TARGETS`.
        folder: an empty folder for its files.
        first: number of the first input.
        count: how many.
        seed: of all.
    """

    target = TARGETS[name](folder)

    def too_slow(*_: Any) -> None:
        raise TooSlow(f"more than {target.limit:g} s")

    outcome = Outcome()
    before = signal.signal(signal.SIGALRM, too_slow)
    try:
        for number in range(first, first + count):
            start = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, target.limit)
            _attempt(target, Random(f"{seed} {name} {number}"), number, outcome)
            signal.setitimer(signal.ITIMER_REAL, 0)
            outcome.slowest = max(outcome.slowest, (time.perf_counter() - start, number))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return outcome


def _attempt(target: Target, random: Random, number: int, outcome: Outcome) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.attempt(random)
        outcome.accepted += 1
    except AcegenError as error:
        text = str(error)
        if not text or "pydantic" in text or not visible_lines(text).encode("ascii", "replace"):
            _note(outcome, number, f"message {text[:200]!r}", "")
        else:
            outcome.refused[type(error).__name__] += 1
    except (Exception, TooSlow) as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = next((f for f in reversed(frames) if "/acegen/" in f.filename), frames[-1])
        _note(
            outcome,
            number,
            f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}",
            traceback.format_exc(limit=-12),
        )


def _note(outcome: Outcome, number: int, what: str, trace: str) -> None:
    outcome.n_faults += 1
    outcome.faults.setdefault(what, (number, trace[-6000:]))
