"""The bonds of a model for ML-PACE: what their radial functions are series of, and their other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import flint
from flint import arb

from acegen.basis.definitions import Definitions
from acegen.lower.rounding import WORKING_BITS
from acegen.program.by_pair import ByPair
from acegen.spec import AnySpec
from acegen.yace.conversion.radial import Curve, DistanceMap, RadialSeries
from acegen.yace.conversion.repulsion import RATE, core_strength, repulsion_series
from acegen.yace.potential import PaceBond


class FirstOrder(NamedTuple):
    """What is of order 1 in a density, for one neighbour species.

    Attributes:
        first: coefficients of R_1, R_2, ... in functions of order 1.
        pair: the same of the pair term.
        zbl: factor of a ZBL core that is added to the fitted part.
    """

    first: list[arb]
    pair: list[arb]
    zbl: arb


class Unrounded(NamedTuple):
    """R_1 .. R_size of a bond, then the sum of its functions of order 1 in each density: series, and values."""

    coefficients: list[list[arb]]
    values: list[list[arb]]


@dataclass(frozen=True)
class BondSeries:
    """The series of all bonds of a model."""

    spec: AnySpec
    definitions: Definitions
    radial: RadialSeries

    def of(self, center: int, neighbour: int, size: int, densities: Sequence[FirstOrder]) -> Unrounded:
        """R_1 .. R_size of a bond, and what is of order 1 in each density."""
        spec, cutoff = self.spec, bond_cutoff(self.spec, center, neighbour)
        own = DistanceMap(spec.cutoffs[center][neighbour], _length(spec.agnesi_r0, center, neighbour))
        found = self.radial.of(own, cutoff, max(size, *(len(density.first) for density in densities)))
        rows, values = found.coefficients.tolist(), found.values.tolist()
        parts = [[(density.first, found)] for density in densities]
        count = max(len(density.pair) for density in densities)
        if count and spec.pair_cutoffs is not None:
            apart = DistanceMap(spec.pair_cutoffs[center][neighbour], _length(spec.pair_r0, center, neighbour))
            series = self.radial.of(apart, cutoff, count)
            for part, density in zip(parts, densities, strict=True):
                part.append((density.pair, series))
        if adds_zbl(spec) and spec.zbl_ranges is not None:
            elements, switch = spec.species, spec.zbl_ranges[center][neighbour]
            zbl = repulsion_series(self.definitions.zbl, elements[center], elements[neighbour], switch, cutoff)
            for part, density in zip(parts, densities, strict=True):
                if density.zbl != 0:
                    part.append(([density.zbl], zbl))
        with flint.ctx.workprec(WORKING_BITS):
            sums = [_combined([(weights, one.coefficients.tolist()) for weights, one in part]) for part in parts]
            sampled = [_combined([(weights, one.values.tolist()) for weights, one in part]) for part in parts]
        return Unrounded([*rows[:size], *sums], [*values[:size], *sampled])


def _combined(parts: Sequence[tuple[Sequence[arb], Sequence[Sequence[arb]]]]) -> list[arb]:
    """Σ_n w_n row_n of all parts, whose rows may have different lengths."""
    total = [arb(0)] * max(len(rows[0]) for _, rows in parts)
    for weights, rows in parts:
        for weight, row in zip(weights, rows, strict=False):
            for k, value in enumerate(row):
                total[k] += weight * value
    return total


def adds_zbl(spec: AnySpec) -> bool:
    """Whether a ZBL core is added to the fitted part, which is never switched off."""
    return spec.zbl_ranges is not None and spec.inner_ranges is None


def bond_cutoff(spec: AnySpec, center: int, neighbour: int) -> float:
    """The cutoff of a bond, Å: the largest of its parts."""
    reaches = [spec.cutoffs[center][neighbour]]
    if spec.pair_cutoffs is not None:
        reaches.append(spec.pair_cutoffs[center][neighbour])
    if adds_zbl(spec) and spec.zbl_ranges is not None:
        reaches.append(spec.zbl_ranges[center][neighbour][1])
    return max(reaches)


def kinks(spec: AnySpec, center: int, neighbour: int) -> tuple[float, ...]:
    """Distances within a bond where a radial function is not analytic, Å: series err most there."""
    inside = [spec.cutoffs[center][neighbour]]
    if spec.pair_cutoffs is not None:
        inside.append(spec.pair_cutoffs[center][neighbour])
    if adds_zbl(spec) and spec.zbl_ranges is not None:
        inside += spec.zbl_ranges[center][neighbour]
    return tuple(distance for distance in inside if distance < bond_cutoff(spec, center, neighbour))


def written_bond(
    spec: AnySpec, definitions: Definitions, radial: Sequence[Curve], l_max: int, center: int, neighbour: int
) -> PaceBond:
    """A bond whose R_nl are the same for all l."""
    cutoff, zbl = bond_cutoff(spec, center, neighbour), spec.zbl_ranges
    inner, outer = (0.0, 0.0) if spec.inner_ranges is None else spec.inner_ranges[center][neighbour]
    strength, width = 0.0, 0.01  # the width has no effect without ZBL
    if zbl is not None and adds_zbl(spec):
        strength = core_strength(definitions.zbl, spec.species[center], spec.species[neighbour])
    elif zbl is not None:  # full up to acegen's inner distance, and switched off slowly up to the cutoff
        strength, width = 1.0, cutoff - zbl[center][neighbour][0]
    return PaceBond(
        radial="ChebPow",
        parameters=(1.0,),
        n_base=len(radial[0].coefficients),
        coefficients=tuple((curve.coefficients,) * (l_max + 1) for curve in radial),
        cutoff=cutoff,
        width=width,
        strength=strength,
        rate=RATE,
        inner_cutoff=outer,
        inner_width=outer - inner,
    )


def _length(table: ByPair | None, center: int, neighbour: int) -> float | None:
    return None if table is None else table[center][neighbour]
