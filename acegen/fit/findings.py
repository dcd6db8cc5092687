"""Findings of checks of the data: a sentence, and the configurations it is about."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acegen.errors import DataWarning

NAMED = 3
"""Number of configurations a message names; the others are counted."""


@dataclass(frozen=True)
class Finding:
    """Something about the data that a person should check.

    Attributes:
        text: what was found, and what to do.
        places: file and number of the configurations, most important first; empty if it is about all of them.
    """

    text: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.text}: {listed(self.places)}." if self.places else f"{self.text}."


def warn_of(findings: Iterable[Finding]) -> None:
    """A warning for each finding."""
    for finding in findings:
        warnings.warn(str(finding), DataWarning, stacklevel=3)


def listed(places: Sequence[str]) -> str:
    """The first few configurations, and how many more there are."""
    more = f"; and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
    return "; ".join(places[:NAMED]) + more


def configurations(count: int, one: str = "is", more: str = "are") -> str:
    """A number of configurations, with a verb."""
    return f"{count:,} configuration {one}" if count == 1 else f"{count:,} configurations {more}"
