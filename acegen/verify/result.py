"""What a check of a module finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    """A property, the worst error found, the tolerance, and the scope of the check.

    Errors of values and derivatives are relative to the largest one among the functions of the same order, or to
    1 (1/Å), or to the terms that cancel in it, if these are larger: functions are scaled to be of order one for
    one set of neighbours.

    Attributes:
        name: of the property.
        error: the worst one found, without unit.
        tolerance: the largest that passes; 0 for exact properties.
        scope: what was looked at, in words.
    """

    name: str
    error: float
    tolerance: float
    scope: str

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return bool(self.error <= self.tolerance)  # False for NaN
