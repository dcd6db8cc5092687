"""What a measurement passes to the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table of text cells; the first column is aligned left, the others right."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Headline:
    """A result in one line: what it is, its value, and how to read it."""

    what: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """Outcome of a measurement.

    Attributes:
        data: numbers for the results file.
        tables: for the report.
        headlines: for the summary.
        notes: what was skipped and why.
    """

    title: str
    data: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    headlines: list[Headline] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
