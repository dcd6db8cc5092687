"""The model specification: what a user may ask for, with every default and every limit.

The field descriptions are part of the interface: they appear in the JSON schema that editors read and as
the "allowed" part of error messages.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag, field_serializer, field_validator, model_validator

from acegen.elements import ATOMIC_NUMBERS
from acegen.spec.fields import (
    Length,
    PairLengths,
    RationalNumber,
    Section,
    by_pair,
    by_species,
    check_pairs,
)

MAX_DEGREE = 100
MAX_ORDER = 8
_MAX_NAME = 63

_RESERVED = frozenset(keyword.kwlist) | frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    main acegen
    """.split()
)
"""Names that C, Python or acegen's own header keep for themselves."""


class BasisSpec(Section):
    """Which functions the basis holds."""

    expansion: Literal["canonical", "self-interacting"] = Field(
        "canonical", description='"canonical" (free of self-interaction) or "self-interacting"'
    )
    symmetry: Literal["O3"] = Field("O3", description='"O3": invariant under rotation and inversion')
    elements: tuple[str, ...] = Field(description='chemical symbols, each once, such as ["Si"] or ["Si", "O"]')
    order: int = Field(
        ge=1, le=MAX_ORDER, strict=True, description=f"correlation order, an integer from 1 to {MAX_ORDER}"
    )
    level: RationalNumber | tuple[RationalNumber, ...] = Field(
        description="largest Σ(n + angular_weight·l): one number, or one per order, not increasing"
    )
    angular_weight: RationalNumber = Field(
        Fraction(3, 2), description="weight of l against n in the level, a positive number"
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

    @field_validator("angular_weight")
    @classmethod
    def _positive_weight(cls, weight: Fraction) -> Fraction:
        if weight <= 0:
            raise ValueError("is not positive")
        return weight

    @model_validator(mode="after")
    def _levels_fit_order(self) -> BasisSpec:
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
        if levels[-1] < self.order:
            raise ValueError(
                f"basis.level = {levels[-1]} leaves no function of order {self.order} (n starts at 1); "
                f"raise it to at least {self.order} or lower basis.order"
            )
        return self

    @field_serializer("level")
    def _plain_level(self, level: Fraction | tuple[Fraction, ...]) -> str | list[str]:
        return [str(value) for value in level] if isinstance(level, tuple) else str(level)

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """Largest level by order, 1 .. order."""
        return self.level if isinstance(self.level, tuple) else (self.level,) * self.order


class AgnesiSpec(Section):
    """Parameters of the Agnesi transform, y = t(r/r0) · smoothstep(r/r_cut).

    t(x) = 1 / (1 + a x^q / (1 + x^(q-p))), with a such that t is steepest at x = 1 (as in ACEpotentials.jl).
    """

    r0: Length | None = Field(None, description="length scale in Å, a positive number (default: 0.45·cutoff)")
    p: int = Field(2, ge=1, le=8, strict=True, description="decay power at large r, an integer from 1 to 8")
    q: int = Field(4, ge=1, le=8, strict=True, description="power at small r, an integer from p to 8")

    @model_validator(mode="after")
    def _powers_ordered(self) -> AgnesiSpec:
        if self.p == self.q == 1:
            raise ValueError("radial.agnesi.p = radial.agnesi.q = 1 makes the transform do nothing; raise q")
        if self.q < self.p:
            raise ValueError(f"radial.agnesi.q = {self.q} is below radial.agnesi.p = {self.p}; it must be at least p")
        return self


class _RadialSpec(Section):
    transform: Literal["smoothstep", "smootherstep", "agnesi"] = Field(
        "smoothstep",
        description='"smoothstep" (C¹ energies at the cutoff), "smootherstep" (C²) or "agnesi" (C¹, finer at small r)',
    )
    agnesi: AgnesiSpec | None = Field(None, description="table with r0, p, q; for transform = 'agnesi' only")
    cutoff: PairLengths = Field(
        description=(
            'cutoff radius in Å, one positive number (0.01 to 1000), or a table with one per pair such as "Si-O" = 5.0'
        )
    )

    @model_validator(mode="after")
    def _agnesi_only_with_transform(self) -> _RadialSpec:
        if self.agnesi is not None and self.transform != "agnesi":
            raise ValueError(
                f"radial.agnesi is given but radial.transform is '{self.transform}'; "
                'remove the table or set transform = "agnesi"'
            )
        return self


class ClosedRadialSpec(_RadialSpec):
    """R_n = y·p_{n-1}(y), p = Jacobi(0,2): the family closed under products within every level."""

    family: Literal["closed"] = Field("closed", description='"closed" or "envelope"')


class EnvelopeRadialSpec(_RadialSpec):
    """R_n = e(y)·p_{n-1}(y) with any rational polynomial envelope e and a classical polynomial p in 2y-1."""

    family: Literal["envelope"] = Field(description='"closed" or "envelope"')
    envelope: tuple[RationalNumber, ...] = Field(
        description='coefficients of e(y) = e0 + e1·y + e2·y² + ..., rationals such as [0, 0, "1/2"], with e0 = 0'
    )
    polynomial: Literal["jacobi", "legendre", "chebyshev", "monomial"] = Field(
        "jacobi", description='"jacobi", "legendre", "chebyshev" (in 2y-1) or "monomial" (in y)'
    )
    alpha: RationalNumber = Field(Fraction(0), description="first Jacobi parameter, a rational above -1")
    beta: RationalNumber = Field(Fraction(0), description="second Jacobi parameter, a rational above -1")

    @field_validator("envelope")
    @classmethod
    def _vanishes_at_cutoff(cls, envelope: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        if not any(envelope):
            raise ValueError("is zero: every radial function would vanish")
        if envelope[0]:
            raise ValueError("has e0 ≠ 0, so that energies would jump at the cutoff (y = 0 there)")
        return envelope

    @field_validator("alpha", "beta")
    @classmethod
    def _integrable(cls, value: Fraction) -> Fraction:
        if value <= -1:
            raise ValueError("is not above -1")
        return value

    @model_validator(mode="after")
    def _parameters_only_for_jacobi(self) -> EnvelopeRadialSpec:
        if self.polynomial != "jacobi" and (self.alpha or self.beta):
            raise ValueError(
                f"radial.alpha and radial.beta belong to polynomial = 'jacobi', not '{self.polynomial}'; remove them"
            )
        return self


def _radial_family(value: Any) -> str:
    family = value.get("family", "closed") if isinstance(value, Mapping) else getattr(value, "family", "closed")
    return family if isinstance(family, str) else repr(family)


RadialSpec: TypeAlias = Annotated[
    Annotated[ClosedRadialSpec, Tag("closed")] | Annotated[EnvelopeRadialSpec, Tag("envelope")],
    Discriminator(_radial_family),
]


class PairSpec(Section):
    """A pair term with a cutoff of its own, in place of the functions of order 1.

    Its functions R_1 .. R_degree of each neighbour species are those of `radial`, only y(r) has the other cutoff.
    """

    degree: int = Field(
        ge=1,
        le=MAX_DEGREE,
        strict=True,
        description=f"number of radial functions of each neighbour species, an integer from 1 to {MAX_DEGREE}",
    )
    cutoff: PairLengths | None = Field(
        None, description="cutoff radius of the pair term in Å, in the forms of radial.cutoff (default: radial.cutoff)"
    )


class ZblSpec(Section):
    """Screened nuclear repulsion at short range: the universal ZBL potential, switched off from inner to outer."""

    inner: PairLengths = Field(
        description="distance in Å up to which the repulsion is that of ZBL; one number, or a table by pair"
    )
    outer: PairLengths = Field(
        description="distance in Å from which it is zero, above inner; one number, or a table by pair"
    )


class Spec(Section):
    """A model specification."""

    model_config = ConfigDict(title="acegen model specification")

    name: str = Field(description="name of the module and prefix of its C symbols, a C identifier such as si_o3d12")
    basis: BasisSpec = Field(description="table: which functions the basis holds")
    radial: RadialSpec = Field(description="table: radial functions, distance transform and cutoff")
    pair: PairSpec | None = Field(
        None, description="table: degree and cutoff of a pair term that replaces the functions of order 1"
    )
    zbl: ZblSpec | None = Field(None, description="table: inner and outer distance of a ZBL core, added to the energy")

    @field_validator("name")
    @classmethod
    def _c_identifier(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise ValueError("is not a C identifier (a letter, then letters, digits and underscores)")
        if len(name) > _MAX_NAME:
            raise ValueError(f"is longer than {_MAX_NAME} characters")
        if name in _RESERVED:
            raise ValueError("is a reserved word of C, Python or acegen")
        return name

    @model_validator(mode="after")
    def _lengths_for_every_pair(self) -> Spec:
        elements = self.basis.elements
        check_pairs("radial.cutoff", self.radial.cutoff, elements)
        if self.pair is not None:
            check_pairs("pair.cutoff", self.pair.cutoff, elements)
        if self.zbl is not None:
            check_pairs("zbl.inner", self.zbl.inner, elements)
            check_pairs("zbl.outer", self.zbl.outer, elements)
            outer = by_pair(self.zbl.outer, elements)
            for pair, inner in by_pair(self.zbl.inner, elements).items():
                if inner >= outer[pair]:
                    raise ValueError(
                        f"zbl.inner = {inner:g} is not below zbl.outer = {outer[pair]:g} for the pair {pair}; "
                        "the repulsion is switched off between the two"
                    )
        return self

    @model_validator(mode="after")
    def _pair_with_higher_orders(self) -> Spec:
        if self.pair is not None and self.basis.order == 1:
            raise ValueError(
                "basis.order = 1 with a pair table leaves no many-body functions; use order 2 or more with it, or "
                "remove the pair table (the functions of order 1 are a pair term)"
            )
        return self

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """Largest level by order, 1 .. order.

        With a pair term no function of order 1 is left for the first level; that of order 2 is put in its place.
        """
        levels = self.basis.levels
        return levels if self.pair is None else (levels[1], *levels[1:])

    @property
    def cutoffs(self) -> tuple[tuple[float, ...], ...]:
        """Cutoff radius of the coupled functions in Å by centre and neighbour, in the order of `basis.elements`."""
        return by_species(self.radial.cutoff, self.basis.elements)

    @property
    def pair_cutoffs(self) -> tuple[tuple[float, ...], ...] | None:
        """The same of the pair functions; None without any."""
        return None if self.pair is None else by_species(self._pair_lengths(self.pair), self.basis.elements)

    @property
    def zbl_ranges(self) -> tuple[tuple[tuple[float, float], ...], ...] | None:
        """Inner and outer distance of the ZBL switch in Å by centre and neighbour; None without ZBL."""
        if self.zbl is None:
            return None
        inner, outer = (by_species(value, self.basis.elements) for value in (self.zbl.inner, self.zbl.outer))
        return tuple(tuple(zip(*rows, strict=True)) for rows in zip(inner, outer, strict=True))

    @property
    def reach(self) -> tuple[tuple[float, ...], ...]:
        """Distance in Å by centre and neighbour from which on a neighbour contributes to nothing."""
        tables = [self.cutoffs, self.pair_cutoffs or self.cutoffs]
        if self.zbl_ranges:
            tables.append(tuple(tuple(outer for _, outer in row) for row in self.zbl_ranges))
        return tuple(tuple(map(max, zip(*rows, strict=True))) for rows in zip(*tables, strict=True))

    def _pair_lengths(self, pair: PairSpec) -> PairLengths:
        return self.radial.cutoff if pair.cutoff is None else pair.cutoff

    def canonical(self) -> dict[str, Any]:
        """The specification in one standard form: the same for every way to write the same model.

        Defaults are filled in, one level per order, one cutoff per pair in the order of the elements, no
        trailing zeros of the envelope. Plain JSON values; rationals are strings.
        """
        document = self.model_dump(mode="json", exclude_none=True)
        elements = self.basis.elements
        document["basis"]["level"] = [str(level) for level in self.levels]
        document["radial"]["cutoff"] = by_pair(self.radial.cutoff, elements)
        if self.pair is not None:
            document["pair"]["cutoff"] = by_pair(self._pair_lengths(self.pair), elements)
        if self.zbl is not None:
            document["zbl"] = {"inner": by_pair(self.zbl.inner, elements), "outer": by_pair(self.zbl.outer, elements)}
        if self.radial.transform == "agnesi" and self.radial.agnesi is None:
            document["radial"]["agnesi"] = AgnesiSpec().model_dump(mode="json", exclude_none=True)
        if isinstance(self.radial, EnvelopeRadialSpec):
            last = max(power for power, value in enumerate(self.radial.envelope) if value)
            document["radial"]["envelope"] = document["radial"]["envelope"][: last + 1]
        return document
