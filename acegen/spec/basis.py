"""The table `basis` of a specification: which functions a basis contains."""

from __future__ import annotations

from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field, field_serializer, field_validator, model_validator

from acegen.elements import ATOMIC_NUMBERS
from acegen.spec.fields import MAX_ORDER, RationalNumber, Section
from acegen.spec.symmetries import SYMMETRIES, is_known


class LevelledSpec(Section):
    """What all bases have: an expansion, an order, and levels."""

    lowest_n: ClassVar[int] = 1

    expansion: Literal["canonical", "self-interacting"] = Field(
        "canonical",
        description='"canonical" (free of self-interaction: a function of order ν sees ν distinct neighbours) or '
        '"self-interacting" (the usual products of sums over neighbours)',
    )
    order: int = Field(
        ge=1, le=MAX_ORDER, strict=True, description=f"correlation order, an integer from 1 to {MAX_ORDER}"
    )
    level: RationalNumber | tuple[RationalNumber, ...] = Field(
        description="largest Σ(n + angular_weight·l) over the factors of a function: one number, or one per order, not "
        "increasing"
    )
    angular_weight: RationalNumber = Field(
        Fraction(3, 2), description="weight of l against n in the level, a positive number"
    )

    @field_validator("angular_weight")
    @classmethod
    def _positive_weight(cls, weight: Fraction) -> Fraction:
        if weight <= 0:
            raise ValueError("is not positive")
        return weight

    @model_validator(mode="after")
    def _levels_fit_order(self) -> LevelledSpec:
        if isinstance(self.level, tuple) and len(self.level) != self.order:
            raise ValueError(
                f"basis.level has {len(self.level)} numbers for order {self.order}; give one number, or {self.order}"
            )
        levels = self.levels
        if any(later > earlier for earlier, later in pairwise(levels)):
            raise ValueError(
                f"basis.level = [{', '.join(map(str, levels))}] increases with the order; each number must be "
                "at most the one before it"
            )
        if levels[-1] < self.order * self.lowest_n:
            raise ValueError(
                f"basis.level = {levels[-1]} leaves no function of order {self.order} (n starts at {self.lowest_n}); "
                f"raise it to at least {self.order * self.lowest_n} or lower basis.order"
            )
        return self

    @field_serializer("level")
    def _plain_level(self, level: Fraction | tuple[Fraction, ...]) -> str | list[str]:
        return [str(value) for value in level] if isinstance(level, tuple) else str(level)

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """Largest level by order, 1 .. order."""
        return self.level if isinstance(self.level, tuple) else (self.level,) * self.order

    def size(self, levels: tuple[Fraction, ...]) -> str:
        """Order and levels in words."""
        return f"order {self.order}, level {', '.join(map(str, levels if len(set(levels)) > 1 else levels[:1]))}"


class BasisSpec(LevelledSpec):
    """Which functions the basis of an atomic model contains."""

    constant: ClassVar[bool] = False  # no radial function is constant

    symmetry: Literal["O3"] = Field("O3", description='"O3" for atoms (others are for particles, without elements)')
    elements: tuple[str, ...] = Field(
        description='chemical symbols, each once, such as ["Si"] or ["Si", "O"]; every element has its own functions '
        "as a centre (other particles have a symmetry instead)"
    )

    @field_validator("elements")
    @classmethod
    def _known_elements(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        if not elements:
            raise ValueError("names no element")
        for symbol in elements:
            if symbol not in ATOMIC_NUMBERS:
                close = get_close_matches(symbol.capitalize(), ATOMIC_NUMBERS, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                raise ValueError(f"names '{symbol}', which is not a chemical element{hint}")
        if len(set(elements)) < len(elements):
            raise ValueError("names an element twice")
        return elements


class ParticleBasisSpec(LevelledSpec):
    """Which functions a basis of particles on an interval, in the plane, or in a custom space contains."""

    lowest_n: ClassVar[int] = 0

    symmetry: str = Field(
        description='"none" or "O1" (particles on an interval; O1: even functions), "SO2" or "O2" (particles in the '
        "plane or on the circle), or a symmetry that was added with acegen.add_space"
    )
    angular_weight: RationalNumber = Field(
        Fraction(1), description="weight of l against n in the level, a positive number"
    )
    constant: bool = Field(
        True,
        strict=True,
        description="whether the constant function of a particle (n = 0, l = 0) is one of the factors; with false, a "
        "function of order ν depends on every one of its ν particles. There is none with a radial table",
    )

    @field_validator("symmetry")
    @classmethod
    def _known_symmetry(cls, symmetry: str) -> str:
        if not is_known(symmetry):
            close = get_close_matches(symmetry, SYMMETRIES, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ValueError(f"is not a known symmetry{hint}")
        return symmetry
