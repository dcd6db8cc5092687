"""The model specification: what a user may ask for, with every default and every limit.

The field descriptions are part of the interface: they appear in the JSON schema that editors read and as
the "allowed" part of error messages.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from acegen.spec.basis import BasisSpec
from acegen.spec.embedding import EmbeddingSpec
from acegen.spec.fields import (
    MAX_DEGREE,
    ModelName,
    PairLengths,
    PairScales,
    Section,
    by_pair,
    by_species,
    check_pairs,
)
from acegen.spec.radial import RadialSpec, agnesi_r0, canonical_radial

_BASIS_KEYS = ("expansion", "symmetry", "elements", "order", "level", "angular_weight")
"""The order in which they have always been written; it affects the identity of a basis."""


class PairSpec(Section):
    """A pair term with its own cutoff, in place of the functions of order 1.

    Its functions R_1 .. R_degree of each neighbour species are those of `radial`, except that y(r) has the cutoff of
    this table, and with the Agnesi transform its r0.
    """

    degree: int = Field(
        ge=1,
        le=MAX_DEGREE,
        strict=True,
        description=f"radial functions R_1 to R_degree of each neighbour species, an integer from 1 to {MAX_DEGREE}",
    )
    cutoff: PairLengths | None = Field(
        None, description="cutoff radius of the pair term in Å, in the forms of radial.cutoff (default: radial.cutoff)"
    )
    r0: PairScales | None = Field(
        None,
        description="length scale of the Agnesi transform in the pair term in Å, in the forms of radial.agnesi.r0 "
        "(default: radial.agnesi.r0, otherwise 0.45 times the cutoff of the pair term)",
    )


class ZblSpec(Section):
    """Screened nuclear repulsion at short range: the universal ZBL potential, switched off from inner to outer."""

    inner: PairLengths = Field(
        description="distance in Å up to which the repulsion is that of ZBL; one number, or a table by pair"
    )
    outer: PairLengths = Field(
        description="distance in Å from which it is zero, above inner; one number, or a table by pair"
    )


class InnerCutoffSpec(Section):
    """A switch of all fitted terms: from one at `outer` to zero at `inner`, by the distance of every neighbour.

    Site energies are E0 + ZBL + Π_j f(r_j) · (pair term + many-body part), with f a C² step.
    """

    inner: PairLengths = Field(
        description="distance in Å up to which a neighbour switches the fitted part off; one number, or a table by pair"
    )
    outer: PairLengths = Field(
        description="distance in Å beyond which it has no effect, above inner; one number, or a table by pair"
    )


class Spec(Section):
    """A model specification."""

    model_config = ConfigDict(title="acegen model specification")

    name: ModelName = Field(
        description="name of the module and prefix of its C symbols, a C identifier such as si_o3d12"
    )
    basis: BasisSpec = Field(description="table: which functions the basis contains")
    radial: RadialSpec = Field(description="table: radial functions, distance transform and cutoff")
    pair: PairSpec | None = Field(
        None, description="table: degree and cutoff of a pair term that replaces the functions of order 1"
    )
    zbl: ZblSpec | None = Field(None, description="table: inner and outer distance of a ZBL core, added to the energy")
    inner_cutoff: InnerCutoffSpec | None = Field(
        None, description="table: inner and outer distance between which everything fitted is switched off"
    )
    embedding: EmbeddingSpec | None = Field(
        None, description="table: densities and their exponents, for site energies that are not linear"
    )

    polynomials: ClassVar[None] = None  # those of particles on an interval

    @model_validator(mode="after")
    def _lengths_for_every_pair(self) -> Spec:
        elements = self.basis.elements
        check_pairs("radial.cutoff", self.radial.cutoff, elements)
        if self.radial.agnesi is not None:
            check_pairs("radial.agnesi.r0", self.radial.agnesi.r0, elements)
        if self.pair is not None:
            check_pairs("pair.cutoff", self.pair.cutoff, elements)
            check_pairs("pair.r0", self.pair.r0, elements)
        if self.zbl is not None:
            _check_switch("zbl", self.zbl, elements, "the repulsion is switched off between the two")
        if self.inner_cutoff is not None:
            _check_switch("inner_cutoff", self.inner_cutoff, elements, "the fit is switched off between the two")
            largest = {pair: max(cutoffs) for pair, cutoffs in self._fitted_cutoffs().items()}
            for pair, outer in by_pair(self.inner_cutoff.outer, elements).items():
                if outer >= largest[pair]:
                    raise ValueError(
                        f"inner_cutoff.outer = {outer:g} is not below the cutoff {largest[pair]:g} for the pair "
                        f"{pair}; choose it below the smallest distance in the data"
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

    @model_validator(mode="after")
    def _embedding_without_switch(self) -> Spec:
        if self.embedding is not None and self.inner_cutoff is not None:
            raise ValueError("embedding and inner_cutoff cannot be combined; remove one of the tables")
        return self

    @model_validator(mode="after")
    def _r0_only_with_agnesi(self) -> Spec:
        if self.pair is not None and self.pair.r0 is not None and self.radial.transform != "agnesi":
            raise ValueError(
                f"pair.r0 is given but radial.transform is '{self.radial.transform}', which has no r0; "
                'remove it or set transform = "agnesi"'
            )
        return self

    @property
    def species(self) -> tuple[str, ...]:
        """The species of particles: the elements."""
        return self.basis.elements

    @property
    def n_densities(self) -> int:
        """Number of densities that site energies are a function of."""
        return 1 if self.embedding is None else len(self.embedding.exponents)

    @property
    def levels(self) -> tuple[Fraction, ...]:
        """Largest level by order, 1 .. order.

        With a pair term no functions of order 1 remain for the first level; that of order 2 takes its place.
        """
        levels = self.basis.levels
        return levels if self.pair is None else (levels[1], *levels[1:])

    @property
    def cutoffs(self) -> tuple[tuple[float, ...], ...]:
        """Cutoff radius of the coupled functions in Å by centre and neighbour, in the order of `basis.elements`."""
        return by_species(self.radial.cutoff, self.basis.elements)

    @property
    def pair_cutoffs(self) -> tuple[tuple[float, ...], ...] | None:
        """The same for the pair functions; None if there are none."""
        return None if self.pair is None else by_species(self._pair_lengths(self.pair), self.basis.elements)

    @property
    def agnesi_r0(self) -> tuple[tuple[float, ...], ...] | None:
        """r0 of the coupled functions in Å by centre and neighbour; None unless the transform is that of Agnesi."""
        if self.radial.transform != "agnesi":
            return None
        return by_species(agnesi_r0(self._given_r0, self.radial.cutoff), self.basis.elements)

    @property
    def pair_r0(self) -> tuple[tuple[float, ...], ...] | None:
        """The same for the pair functions; None also if there are none."""
        if self.pair is None or self.radial.transform != "agnesi":
            return None
        return by_species(self._pair_scales(self.pair), self.basis.elements)

    @property
    def zbl_ranges(self) -> tuple[tuple[tuple[float, float], ...], ...] | None:
        """Inner and outer distance of the ZBL switch in Å by centre and neighbour; None without ZBL."""
        return None if self.zbl is None else self._ranges(self.zbl)

    @property
    def inner_ranges(self) -> tuple[tuple[tuple[float, float], ...], ...] | None:
        """Inner and outer distance of the switch of the fitted part in Å by centre and neighbour; None without it."""
        return None if self.inner_cutoff is None else self._ranges(self.inner_cutoff)

    @property
    def reach(self) -> tuple[tuple[float, ...], ...]:
        """Distance in Å by centre and neighbour from which a neighbour contributes nothing."""
        tables = [self.cutoffs, self.pair_cutoffs or self.cutoffs]
        if self.zbl_ranges:
            tables.append(tuple(tuple(outer for _, outer in row) for row in self.zbl_ranges))
        return tuple(tuple(map(max, zip(*rows, strict=True))) for rows in zip(*tables, strict=True))

    @property
    def title(self) -> str:
        """One line describing the model."""
        radii = ", ".join(f"{radius:g}" for radius in sorted({cutoff for row in self.cutoffs for cutoff in row}))
        extra = f", pair term of degree {self.pair.degree}" if self.pair else ""
        extra += ", ZBL core" if self.zbl else ""
        extra += ", inner cutoff" if self.inner_cutoff else ""
        extra += f", embedding of {self.n_densities} densities" if self.embedding else ""
        return (
            f"{self.name}: {self.basis.expansion} basis of {', '.join(self.species)}, {self.basis.size(self.levels)}, "
            f"cutoff {radii} Å{extra}."
        )

    def _ranges(self, switch: ZblSpec | InnerCutoffSpec) -> tuple[tuple[tuple[float, float], ...], ...]:
        inner, outer = (by_species(value, self.basis.elements) for value in (switch.inner, switch.outer))
        return tuple(tuple(zip(*rows, strict=True)) for rows in zip(inner, outer, strict=True))

    def _fitted_cutoffs(self) -> dict[str, list[float]]:
        """Cutoffs of the fitted parts by pair."""
        parts = [self.radial.cutoff] if self.pair is None else [self.radial.cutoff, self._pair_lengths(self.pair)]
        tables = [by_pair(lengths, self.basis.elements) for lengths in parts]
        return {pair: [table[pair] for table in tables] for pair in tables[0]}

    def _pair_lengths(self, pair: PairSpec) -> PairLengths:
        return self.radial.cutoff if pair.cutoff is None else pair.cutoff

    @property
    def _given_r0(self) -> PairScales | None:
        return None if self.radial.agnesi is None else self.radial.agnesi.r0

    def _pair_scales(self, pair: PairSpec) -> PairScales:
        return agnesi_r0(self._given_r0 if pair.r0 is None else pair.r0, self._pair_lengths(pair))

    def canonical(self) -> dict[str, Any]:
        """The specification in canonical form: the same for every way of writing the same model.

        Defaults are filled in, one level per order, one cutoff and r0 per pair in the order of the
        elements, no trailing zeros of the envelope. Plain JSON values; rationals are strings.
        """
        document = self.model_dump(mode="json", exclude_none=True)
        elements = self.basis.elements
        document["basis"] = {key: document["basis"][key] for key in _BASIS_KEYS}
        document["basis"]["level"] = [str(level) for level in self.levels]
        document["radial"] = canonical_radial(self.radial)
        document["radial"]["cutoff"] = by_pair(self.radial.cutoff, elements)
        if self.radial.transform == "agnesi":
            document["radial"]["agnesi"]["r0"] = by_pair(agnesi_r0(self._given_r0, self.radial.cutoff), elements)
        if self.pair is not None:
            document["pair"] = {
                "degree": self.pair.degree,
                "cutoff": by_pair(self._pair_lengths(self.pair), elements),
            }
            if self.radial.transform == "agnesi":
                document["pair"]["r0"] = by_pair(self._pair_scales(self.pair), elements)
        for key, switch in (("zbl", self.zbl), ("inner_cutoff", self.inner_cutoff)):
            if switch is not None:
                document[key] = {"inner": by_pair(switch.inner, elements), "outer": by_pair(switch.outer, elements)}
        if self.embedding is not None:
            document["embedding"] = self.embedding.canonical()
        return document


def _check_switch(key: str, switch: ZblSpec | InnerCutoffSpec, elements: tuple[str, ...], why: str) -> None:
    """Check that there are lengths for every pair, with inner below outer."""
    check_pairs(f"{key}.inner", switch.inner, elements)
    check_pairs(f"{key}.outer", switch.outer, elements)
    outer = by_pair(switch.outer, elements)
    for pair, inner in by_pair(switch.inner, elements).items():
        if inner >= outer[pair]:
            raise ValueError(
                f"{key}.inner = {inner:g} is not below {key}.outer = {outer[pair]:g} for the pair {pair}; {why}"
            )
