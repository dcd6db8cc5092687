"""Numbers by centre and neighbour species."""

from __future__ import annotations

from typing import TypeAlias

ByPair: TypeAlias = tuple[tuple[float, ...], ...]
"""A number by centre and neighbour species."""

Ranges: TypeAlias = tuple[tuple[tuple[float, float], ...], ...]
"""An inner and an outer distance by centre and neighbour species, Å."""
