"""Radial functions that differ by pair of species: y(r) and a factor e(r) of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from acegen.program.by_pair import ByPair


@dataclass(frozen=True)
class ExponentialCosine:
    """y = 1 - 2 (exp(-rate s) - exp(-rate)) / (1 - exp(-rate)), e = (1 + cos π s)/2, s = r/cutoff.

    In the last `width` (Å) before the cutoff, e is also multiplied by (1 + cos π t)/2 with t from 0 to 1.
    """

    rate: float
    width: float


@dataclass(frozen=True)
class Power:
    """y = 1 - 2 (1-s)^exponent, e = (1-s)^exponent, s = r/cutoff."""

    exponent: float


@dataclass(frozen=True)
class Linear:
    """y = 1 - s, e = s/2, s = r/cutoff: e jumps to zero at the cutoff."""


@dataclass(frozen=True)
class Bessel:
    """y = cos π s, e = (1 + cos π s)/2 sin(π s)/(π s), s = r/cutoff."""


@dataclass(frozen=True)
class InversePower:
    """y = (2 u - left - right) / (right - left), e = (u - left)^p_left (u - right)^p_right, u = ((1+r0)/(1+r))^power.

    With p_left > 0, e is zero for u < left; with p_right > 0, for u > right.
    """

    power: int
    r0: float
    left: float
    right: float
    p_left: int
    p_right: int


BondShape: TypeAlias = ExponentialCosine | Power | Linear | Bessel | InversePower


@dataclass(frozen=True)
class Bond:
    """y and e of a pair of species, functions of the distance r.

    Attributes:
        shape: their formulas.
        cutoff: distance from which e is zero, Å.
        closest: up to this distance e is zero, Å.
        full: between `closest` and this distance e is multiplied by f((r - closest)/(full - closest)), Å; if it is not
            above `closest`, e begins with a jump.
    """

    shape: BondShape
    cutoff: float
    closest: float
    full: float


@dataclass(frozen=True)
class Bonds:
    """y in about [-1, 1] and a factor e of all radial functions, by centre and neighbour species."""

    pairs: tuple[tuple[Bond, ...], ...]

    @cached_property
    def cutoffs(self) -> ByPair:
        """Their cutoffs."""
        return tuple(tuple(bond.cutoff for bond in row) for row in self.pairs)
