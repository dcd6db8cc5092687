"""The table `radial` of a specification: radial functions, distance transform and cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from acegen.printing import shown
from acegen.spec.fields import PairLengths, PairScales, RationalNumber, Section

_DEFAULT_R0 = 0.45
"""Default length scale of the Agnesi transform, in units of the cutoff."""


_FAMILIES = (
    '"closed" (R_n = y·p_{n-1}(y) with Jacobi polynomials (0, 2) in 2y-1, closed under products within a level) or '
    '"envelope" (R_n = e(y)·p_{n-1}(y), chosen by envelope and polynomial)'
)


class AgnesiSpec(Section):
    """Parameters of the Agnesi transform, y = t(r/r0) · smoothstep(r/r_cut).

    t(x) = 1 / (1 + a x^q / (1 + x^(q-p))), with a such that t is steepest at x = 1 (as in ACEpotentials.jl).
    """

    r0: PairScales | None = Field(
        None,
        description="length scale in Å, one positive number (0.001 to 1000), or a table with one per pair such as "
        '"O-H" = 1.0 (default: 0.45·cutoff)',
    )
    p: int = Field(2, ge=1, le=8, strict=True, description="power of its decay at large r, an integer from 1 to 8")
    q: int = Field(4, ge=1, le=8, strict=True, description="its power at small r, an integer from p to 8")

    @model_validator(mode="after")
    def _powers_ordered(self) -> AgnesiSpec:
        if self.p == self.q == 1:
            raise ValueError("radial.agnesi.p = radial.agnesi.q = 1 gives a transform without effect; raise q")
        if self.q < self.p:
            raise ValueError(f"radial.agnesi.q = {self.q} is below radial.agnesi.p = {self.p}; it must be at least p")
        return self


class _RadialSpec(Section):
    transform: Literal["smoothstep", "smootherstep", "agnesi"] = Field(
        "smoothstep",
        description='y(r), 0 at the cutoff: "smoothstep" (energies are C¹ there), "smootherstep" (C²) or "agnesi" (C¹, '
        "finer at small r)",
    )
    agnesi: AgnesiSpec | None = Field(None, description='table with r0, p, q; for transform = "agnesi" only')
    cutoff: PairLengths = Field(
        description=(
            'cutoff radius in Å, one positive number (0.01 to 1000), or a table with one per pair such as "Si-O" = 4.5'
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
    """R_n = y·p_{n-1}(y), p = Jacobi(0,2): the family closed under products within every level.

    It has the same properties as a table of the other family.
    """

    family: Literal["closed"] = Field("closed", description=_FAMILIES)
    envelope: ClassVar[tuple[Fraction, ...]] = (Fraction(0), Fraction(1))
    polynomial: ClassVar[Literal["jacobi"]] = "jacobi"
    alpha: ClassVar[Fraction] = Fraction(0)
    beta: ClassVar[Fraction] = Fraction(2)


class EnvelopeRadialSpec(_RadialSpec):
    """R_n = e(y)·p_{n-1}(y) with any rational polynomial envelope e and a classical polynomial p in 2y-1."""

    family: Literal["envelope"] = Field(description=_FAMILIES)
    envelope: tuple[RationalNumber, ...] = Field(
        description='coefficients of e(y) = e0 + e1·y + e2·y² + ... from e0 on, rationals such as [0, 0, "1/2"], with '
        "e0 = 0"
    )
    polynomial: Literal["jacobi", "legendre", "chebyshev", "monomial"] = Field(
        "jacobi",
        description='p of R_n = e(y)·p_{n-1}: "jacobi", "legendre", "chebyshev" (in 2y-1) or "monomial" (in y)',
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
    return family if isinstance(family, str) else shown(family)


RadialSpec: TypeAlias = Annotated[
    Annotated[ClosedRadialSpec, Tag("closed")] | Annotated[EnvelopeRadialSpec, Tag("envelope")],
    Discriminator(_radial_family),
]

RadialTable: TypeAlias = ClosedRadialSpec | EnvelopeRadialSpec
"""Either of them, validated."""


def agnesi_r0(given: PairScales | None, cutoff: PairLengths) -> PairScales:
    """r0 of the Agnesi transform in Å as given, or its default for a cutoff."""
    if given is not None:
        return given
    if isinstance(cutoff, dict):
        return {pair: _DEFAULT_R0 * length for pair, length in cutoff.items()}
    return _DEFAULT_R0 * cutoff


def canonical_radial(radial: RadialTable) -> dict[str, Any]:
    """The table in canonical form: defaults filled in, no trailing zeros of the envelope.

    Cutoff and r0 remain a number or a table, as given.
    """
    if radial.transform == "agnesi":  # filled in first, to keep the order of the keys
        agnesi = radial.agnesi or AgnesiSpec()
        agnesi = agnesi.model_copy(update={"r0": agnesi_r0(agnesi.r0, radial.cutoff)})
        radial = radial.model_copy(update={"agnesi": agnesi})
    document = radial.model_dump(mode="json", exclude_none=True)
    if isinstance(radial, EnvelopeRadialSpec):
        last = max(power for power, value in enumerate(radial.envelope) if value)
        document["envelope"] = document["envelope"][: last + 1]
    return document
