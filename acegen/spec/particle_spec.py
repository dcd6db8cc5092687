"""Specifications of models for particles other than atoms: on an interval, in the plane, on a circle, or elsewhere."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from acegen.spec.basis import ParticleBasisSpec
from acegen.spec.fields import ModelName, RationalNumber, Section
from acegen.spec.radial import RadialSpec, agnesi_r0, canonical_radial
from acegen.spec.symmetries import SYMMETRIES

PARTICLE = "particle"
"""The only species of particles."""


class IntervalSpec(Section):
    """One-particle functions on [-1, 1]: p_0 = 1, p_1, p_2, ... of a classical family."""

    polynomial: Literal["chebyshev", "legendre", "jacobi", "monomial"] = Field(
        "chebyshev", description='polynomials p_n of a particle: "chebyshev", "legendre", "jacobi" or "monomial"'
    )
    alpha: RationalNumber = Field(Fraction(0), description="first Jacobi parameter, a rational above -1")
    beta: RationalNumber = Field(Fraction(0), description="second Jacobi parameter, a rational above -1")

    @model_validator(mode="after")
    def _parameters_of_jacobi(self) -> IntervalSpec:
        if self.polynomial != "jacobi" and (self.alpha or self.beta):
            raise ValueError(
                f"interval.alpha and interval.beta belong to polynomial = 'jacobi', not '{self.polynomial}'; "
                "remove them"
            )
        if min(self.alpha, self.beta) <= -1:
            raise ValueError("interval.alpha and interval.beta must be above -1: there is no measure otherwise")
        return self


class ParticleSpec(Section):
    """A model of one species of particles.

    On an interval, a particle is a number x in [-1, 1] with functions p_n(x), n >= 0. Elsewhere it is a vector with
    functions R_n(r) S_lm(r/|r|), n >= 1; without a table `radial` only the direction of the vector matters (particles
    on a circle): the functions are S_lm, all with n = 0.
    """

    model_config = ConfigDict(title="acegen specification for particles other than atoms")

    name: ModelName = Field(description="name of the module and prefix of its C symbols, a C identifier")
    basis: ParticleBasisSpec = Field(description="table: which functions the basis contains")
    interval: IntervalSpec | None = Field(
        None, description="table: polynomials, for symmetry none and O1 (default: Chebyshev)"
    )
    radial: RadialSpec | None = Field(
        None, description="table: radial functions and cutoff of particles in the plane; without it, the circle"
    )

    # Only atoms have these.
    pair: ClassVar[None] = None
    pair_cutoffs: ClassVar[None] = None
    pair_r0: ClassVar[None] = None
    zbl: ClassVar[None] = None
    zbl_ranges: ClassVar[None] = None
    inner_cutoff: ClassVar[None] = None
    inner_ranges: ClassVar[None] = None
    embedding: ClassVar[None] = None
    n_densities: ClassVar[int] = 1

    @model_validator(mode="after")
    def _tables_fit_symmetry(self) -> ParticleSpec:
        symmetry = self.basis.symmetry
        if self.dimension == 1 and self.radial is not None:
            raise ValueError(
                f"radial is given, but particles with symmetry = '{symmetry}' are numbers in [-1, 1] and have no "
                "distance from a centre; remove it, or use symmetry = 'SO2' or 'O2'"
            )
        if self.dimension > 1 and self.interval is not None:
            raise ValueError(
                f"interval is given, but particles with symmetry = '{symmetry}' are vectors; remove it, or use "
                "symmetry = 'none' or 'O1'"
            )
        polynomials = self.polynomials
        if symmetry == "O1" and polynomials is not None and polynomials.alpha != polynomials.beta:
            raise ValueError(
                "symmetry = 'O1' needs polynomials that are even or odd; with Jacobi polynomials give interval.alpha = "
                f"interval.beta, not {polynomials.alpha} and {polynomials.beta}"
            )
        if self.radial is not None:
            if isinstance(self.radial.cutoff, dict):
                raise ValueError("radial.cutoff is a table; there is one species of particles, give one number")
            if self.radial.agnesi is not None and isinstance(self.radial.agnesi.r0, dict):
                raise ValueError("radial.agnesi.r0 is a table; there is one species of particles, give one number")
            if not self.basis.constant:
                raise ValueError("basis.constant belongs to particles without a radial table; remove it")
        return self

    @model_validator(mode="after")
    def _levels_fit_functions(self) -> ParticleSpec:
        from_one = self.radial is not None or (self.dimension == 1 and not self.basis.constant)
        if from_one and self.levels[-1] < self.basis.order:
            raise ValueError(
                f"basis.level = {self.levels[-1]} leaves no function of order {self.basis.order} (n starts at 1); "
                f"raise it to at least {self.basis.order} or lower basis.order"
            )
        if self.dimension == 1 and self.basis.angular_weight != 1:
            raise ValueError(
                "basis.angular_weight is given, but particles on an interval have no directions; remove it"
            )
        return self

    @property
    def dimension(self) -> int:
        """Number of coordinates of a particle."""
        return SYMMETRIES[self.basis.symmetry]

    @property
    def polynomials(self) -> IntervalSpec | None:
        """The table `interval`, or its defaults; None where particles are vectors."""
        return (self.interval or IntervalSpec()) if self.dimension == 1 else None

    @property
    def species(self) -> tuple[str, ...]:
        return (PARTICLE,)

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """Largest level by order, 1 .. order."""
        return self.basis.levels

    @property
    def cutoff(self) -> float | None:
        """Cutoff radius; None where there is none."""
        cutoff = None if self.radial is None else self.radial.cutoff
        return cutoff if isinstance(cutoff, float) else None  # tables are refused above

    @property
    def cutoffs(self) -> tuple[tuple[float, ...], ...]:
        """The same as a matrix, by centre and neighbour; for particles with a cutoff only."""
        return () if self.cutoff is None else ((self.cutoff,),)

    @property
    def agnesi_r0(self) -> tuple[tuple[float, ...], ...] | None:
        """r0 as such a matrix; None unless the transform is that of Agnesi."""
        if self.radial is None or self.radial.transform != "agnesi":
            return None
        r0 = agnesi_r0(None if self.radial.agnesi is None else self.radial.agnesi.r0, self.radial.cutoff)
        return ((r0,),) if isinstance(r0, float) else None  # tables are refused above

    @property
    def reach(self) -> tuple[tuple[float, ...], ...]:
        """Distance by centre and neighbour from which a particle contributes nothing; infinite without a cutoff."""
        return ((inf if self.cutoff is None else self.cutoff,),)

    @property
    def title(self) -> str:
        """One line describing the model."""
        cutoff = "" if self.cutoff is None else f", cutoff {self.cutoff:g}"
        symmetry = f"symmetry {self.basis.symmetry}"
        return f"{self.name}: {self.basis.expansion} basis, {symmetry}, {self.basis.size(self.levels)}{cutoff}."

    def canonical(self) -> dict[str, Any]:
        """The specification in canonical form: the same for every way of writing the same model."""
        document = self.model_dump(mode="json", exclude_none=True)
        document["basis"]["level"] = [str(level) for level in self.levels]
        if self.polynomials is not None:
            document["interval"] = self.polynomials.model_dump(mode="json")
        if self.radial is not None:
            document["radial"] = canonical_radial(self.radial)
        return document
