"""The model specification: what a user may ask for, with every default and every limit.

The field descriptions are part of the interface: they appear in the JSON schema that editors read and as
the "allowed" part of error messages.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from acegen.spec.basis import BasisSpec
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
"""The order in which they have always been written: it counts for the identity of a basis."""


class PairSpec(Section):
    """A pair term with a cutoff of its own, in place of the functions of order 1.

    Its functions R_1 .. R_degree of each neighbour species are those of `radial`, only y(r) has the other cutoff,
    and with the Agnesi transform the other r0.
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
    r0: PairScales | None = Field(
        None,
        description="length scale of the Agnesi transform in the pair term in Å, in the forms of radial.agnesi.r0 "
        "(default: radial.agnesi.r0, or without it 0.45 times the cutoff of the pair term)",
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

    name: ModelName = Field(
        description="name of the module and prefix of its C symbols, a C identifier such as si_o3d12"
    )
    basis: BasisSpec = Field(description="table: which functions the basis holds")
    radial: RadialSpec = Field(description="table: radial functions, distance transform and cutoff")
    pair: PairSpec | None = Field(
        None, description="table: degree and cutoff of a pair term that replaces the functions of order 1"
    )
    zbl: ZblSpec | None = Field(None, description="table: inner and outer distance of a ZBL core, added to the energy")

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
    def agnesi_r0(self) -> tuple[tuple[float, ...], ...] | None:
        """r0 of the coupled functions in Å by centre and neighbour; None if the transform is not that of Agnesi."""
        if self.radial.transform != "agnesi":
            return None
        return by_species(agnesi_r0(self._given_r0, self.radial.cutoff), self.basis.elements)

    @property
    def pair_r0(self) -> tuple[tuple[float, ...], ...] | None:
        """The same of the pair functions; None without any, too."""
        if self.pair is None or self.radial.transform != "agnesi":
            return None
        return by_species(self._pair_scales(self.pair), self.basis.elements)

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

    @property
    def _given_r0(self) -> PairScales | None:
        return None if self.radial.agnesi is None else self.radial.agnesi.r0

    def _pair_scales(self, pair: PairSpec) -> PairScales:
        return agnesi_r0(self._given_r0 if pair.r0 is None else pair.r0, self._pair_lengths(pair))

    def canonical(self) -> dict[str, Any]:
        """The specification in one standard form: the same for every way to write the same model.

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
        if self.zbl is not None:
            document["zbl"] = {"inner": by_pair(self.zbl.inner, elements), "outer": by_pair(self.zbl.outer, elements)}
        return document
