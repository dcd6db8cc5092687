"""A model of acegen as a potential of ML-PACE.

    E_i = E0 + Σ_j pair(r_ij) + many-body part            →    ρ = functions of rank 1 + functions of rank 2 and more

One density and a linear F, or those of `[embedding]` (module `embedding`). The many-body part is written label by
label (`functions`), the pair term and what purification adds to order 1 as functions of rank 1, and all radial
functions as series (`radial`). The cutoff of a bond is the larger one of the pair term and of the many-body part.

**Short distances.** The format has no product of switches. It has a switch from the fitted part to a core,
g F + (1-g) V, by the nearest neighbour, with the same step. A spec with `[inner_cutoff]` is written so, with its
distances, and with ZBL for V if it has `[zbl]`. Where no neighbour is closer than `inner_cutoff.outer`, energies are
the same. Below, with one close neighbour, they differ by ZBL of the others, which acegen's does not have; with several,
the switches differ too. A ZBL core that reaches beyond `inner_cutoff.outer` cannot be written; one without
`[inner_cutoff]` is approximated (`acegen.yace.conversion.repulsion`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

import flint
from flint import arb

from acegen.basis.definitions import Definitions
from acegen.basis.derive import Basis
from acegen.errors import ExportError
from acegen.lower import density_coefficients
from acegen.lower.expansion import coupled_weights
from acegen.lower.rounding import WORKING_BITS
from acegen.spec import AnySpec
from acegen.yace.conversion.bonds import BondSeries, FirstOrder, adds_zbl, kinks, written_bond
from acegen.yace.conversion.embedding import written_embedding
from acegen.yace.conversion.functions import ctilde_functions, first_order_weights
from acegen.yace.conversion.radial import MOST_FUNCTIONS, Curve, RadialSeries, needed_terms, rounded_curve
from acegen.yace.potential import SPLINE_STEP, CTildeFunction, InnerCutoff, PaceBond, YacePotential

Approximation: TypeAlias = Literal["cutoffs", "ZBL", "length"]
"""Different cutoffs of pair term and other functions, a ZBL core added to the fitted part, or series too long."""


@dataclass(frozen=True)
class ExportedBond:
    """How well the radial functions of a bond are represented.

    Attributes:
        center, neighbour: elements.
        cutoff: Å.
        closest: distance from which on energies are those of acegen, Å; 0 if there is no core.
        kinks: distances at which a radial function is not analytic, and most in error, Å.
        n_base: number of g_k.
        error: largest error of any R_n, relative to its largest value.
        pair_error: largest error of the sum of all functions of order 1 of a density, times its weight; eV if F is ρ.
        condition: largest sum of the absolute coefficients of an R_n, relative to its largest value.
    """

    center: str
    neighbour: str
    cutoff: float
    closest: float
    kinks: tuple[float, ...]
    n_base: int
    error: float
    pair_error: float
    condition: float


@dataclass(frozen=True)
class ExportedPotential:
    """A potential for ML-PACE, and what it was made with.

    Attributes:
        potential: the potential.
        bonds: by centre, then neighbour; none if the model was made from a potential file.
        core: what replaces the fitted part below: the energy of free atoms, or ZBL; "" if nothing does.
        approximated: what can only be approximated.
    """

    potential: YacePotential
    bonds: tuple[ExportedBond, ...]
    core: Literal["", "free atoms", "ZBL"]
    approximated: tuple[Approximation, ...]

    def bond(self, center: int, neighbour: int) -> ExportedBond | None:
        """The bond of two elements; None if the model was made from a potential file."""
        return self.bonds[center * len(self.potential.elements) + neighbour] if self.bonds else None


@dataclass(frozen=True)
class _Parts:
    """The site energy of one centre in parts, to working precision.

    Attributes:
        functions: of rank 2 and more.
        first: of order 1, by neighbour and density.
    """

    functions: tuple[CTildeFunction, ...]
    first: tuple[tuple[FirstOrder, ...], ...]


def exported_potential(
    basis: Basis,
    definitions: Definitions,
    coefficients: Mapping[str, Sequence[float]],
    atomic_energies: Mapping[str, float],
) -> ExportedPotential:
    """Write a model for ML-PACE.

    Args:
        basis: of atoms.
        definitions: its numbers.
        coefficients: by element of the centre, one number per basis function.
        atomic_energies: by element, eV; zero if not given.

    Raises:
        ExportError: the format cannot say it, or a number is too large for a double.
    """
    spec = basis.spec
    if spec.radial is None or basis.angular.dimension != 3:
        raise ExportError(f"the model {spec.name} is not one of atoms; only these can be written for ML-PACE.")
    _check_core(basis)
    densities = density_coefficients(basis, coefficients)
    embedding, outside = written_embedding(spec)
    parts = [
        _parts(basis, coefficients[element], [own[element] for own in densities], outside) for element in spec.species
    ]
    series = BondSeries(spec, definitions, RadialSeries(basis.radial, spec.radial, definitions.agnesi))
    functions = [function for part in parts for function in part.functions]
    size = max((n for function in functions for n in function.ns), default=1)
    l_max = max((l for function in functions for l in function.ls), default=0)
    species = range(len(spec.species))
    unrounded = {(z, other): series.of(z, other, size, parts[z].first[other]) for z in species for other in species}
    # ML-PACE evaluates as many g_k for every bond
    needed = needed_terms(row for bond in unrounded.values() for row in bond.coefficients)
    terms = min(needed, MOST_FUNCTIONS)
    bonds: list[list[PaceBond]] = [[] for _ in species]
    described: list[ExportedBond] = []
    first_rank: list[list[CTildeFunction]] = [[] for _ in species]
    for (z, other), (coefficients_of, values) in unrounded.items():
        curves = [rounded_curve(*both, terms) for both in zip(coefficients_of, values, strict=True)]
        radial, first = curves[:size], curves[size:]
        bonds[z].append(written_bond(spec, definitions, radial, l_max, z, other))
        first_rank[z] += _first_rank(other, first)
        errors = [abs(term.weight) * curve.error for term, curve in zip(embedding.terms, first, strict=True)]
        described.append(_described(spec, z, other, bonds[z][-1], radial, max(errors)))
    potential = YacePotential(
        elements=spec.species,
        energies=tuple(float(atomic_energies.get(element, 0.0)) for element in spec.species),
        spline_step=SPLINE_STEP,
        embeddings=(embedding,) * len(spec.species),
        bonds=tuple(map(tuple, bonds)),
        inner_cutoff=_inner_cutoff(basis),
        pair=None,
        functions=tuple((*first, *part.functions) for first, part in zip(first_rank, parts, strict=True)),
    )
    _check_size(potential)
    return ExportedPotential(
        potential,
        bonds=tuple(described),
        core="" if spec.inner_ranges is None else "free atoms" if spec.zbl_ranges is None else "ZBL",
        approximated=_approximated(spec, needed),
    )


def _approximated(spec: AnySpec, needed: int) -> tuple[Approximation, ...]:
    """What is approximated, given the number of g_k that would not be negligible."""
    found: dict[Approximation, bool] = {
        "cutoffs": spec.pair_cutoffs not in (None, spec.cutoffs),
        "ZBL": adds_zbl(spec),
        "length": needed > MOST_FUNCTIONS,
    }
    return tuple(reason for reason, applies in found.items() if applies)


def _check_core(basis: Basis) -> None:
    """Refuse a ZBL core that is added to a part that is switched off."""
    spec = basis.spec
    if spec.zbl_ranges is None or spec.inner_ranges is None:
        return
    for center, (zbl, inner) in enumerate(zip(spec.zbl_ranges, spec.inner_ranges, strict=True)):
        for neighbour, ((_, outer), (_, begin)) in enumerate(zip(zbl, inner, strict=True)):
            if outer > begin:
                pair = f"{spec.species[center]}-{spec.species[neighbour]}"
                raise ExportError(
                    f"the ZBL core of the pair {pair} reaches to {outer:g} Å, beyond inner_cutoff.outer = {begin:g} Å. "
                    "ML-PACE switches from the fitted part to ZBL there, and cannot add the two. Give the spec a "
                    "zbl.outer of at most that, as the recommended model of acegen fit has, and fit again."
                )


def _parts(
    basis: Basis, values: Sequence[float], densities: Sequence[Sequence[float]], outside: Sequence[arb]
) -> _Parts:
    """The parts of a centre.

    Args:
        basis: the basis.
        values: coefficients; those of the pair functions are used.
        densities: coefficients of all other functions, by density of the model.
        outside: factor of pair term and ZBL in each density that is written; further ones have no other functions.
    """
    species = range(len(basis.spec.species))
    with flint.ctx.workprec(WORKING_BITS):
        weights = [coupled_weights(basis, own) for own in densities]
        weights += [[arb(0)] * len(basis.functions)] * (len(outside) - len(weights))
        pair: tuple[list[arb], ...] = tuple([] for _ in species)
        for function, value in zip(basis.pair, values, strict=False):
            _put(pair[function.species], function.n, arb(float(value)) * arb(function.scale_squared).sqrt())
        first: tuple[list[FirstOrder], ...] = tuple([] for _ in species)
        for factor, own in zip(outside, weights, strict=True):
            rows: list[list[arb]] = [[] for _ in species]
            for channel, weight in first_order_weights(basis, own).items():
                _put(rows[channel.species], channel.n, weight)
            for other, row in enumerate(rows):
                first[other].append(FirstOrder(row, [factor * one for one in pair[other] if factor != 0], factor))
    return _Parts(ctilde_functions(basis, weights), tuple(map(tuple, first)))


def _put(row: list[arb], n: int, value: arb) -> None:
    """Set element n, counted from 1."""
    row += [arb(0)] * (n - len(row))
    row[n - 1] = value


def _inner_cutoff(basis: Basis) -> InnerCutoff:
    return "density" if basis.spec.inner_ranges is None else "zbl"


def _first_rank(neighbour: int, densities: Sequence[Curve]) -> Iterator[CTildeFunction]:
    for k, values in enumerate(zip(*(curve.coefficients for curve in densities), strict=True), start=1):
        if any(values):
            yield CTildeFunction((neighbour,), (k,), (0,), ((0,),), (values,))


def _described(
    spec: AnySpec, center: int, neighbour: int, bond: PaceBond, radial: Sequence[Curve], pair_error: float
) -> ExportedBond:
    return ExportedBond(
        spec.species[center],
        spec.species[neighbour],
        cutoff=bond.cutoff,
        closest=bond.inner_cutoff,
        kinks=kinks(spec, center, neighbour),
        n_base=bond.n_base,
        error=max(curve.relative_error for curve in radial),
        pair_error=pair_error,
        condition=max(curve.condition for curve in radial),
    )


def _check_size(potential: YacePotential) -> None:
    """Refuse sums that overflow."""
    for element, functions in zip(potential.elements, potential.functions, strict=True):
        if not all(isfinite(value) for function in functions for row in function.coefficients for value in row):
            raise ExportError(f"the coefficients of {element} are too large: their sums overflow.")
