"""The A's of a potential as combinations of pooled functions e(r) T_k(y(r)) S_lm.

Only A's that some function uses are kept. Those of one species and l are numbered anew, n = 1, 2, ..., in the order of
their n in the file. The functions of rank 1 of a density are linear in the radial functions, so each density has one
more A of l = 0 for each species, their sum; these come last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import flint
from flint import arb

from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.program.bonds import Bessel, Bonds, BondShape, ExponentialCosine, InversePower, Linear, Power
from acegen.program.bonds import Bond as ProgramBond
from acegen.program.coupled import Channel
from acegen.program.kernel import Contraction, Harmonics, OneParticle, Recurrence
from acegen.program.layout import PooledLayout
from acegen.yace.lowering.densities import density_weights
from acegen.yace.lowering.radial import Series, radial_series
from acegen.yace.potential import (
    Bond,
    CTildeFunction,
    PaceBond,
    RecursionBasis,
    RecursionBond,
    YacePotential,
)

SHORTEST = 1e-9
"""Width of a switch that a file gives no width, Å: where ML-PACE jumps."""


@dataclass(frozen=True)
class Numbering:
    """The A's of a potential.

    Attributes:
        numbers: n of the program by species, l and n of the file, ascending in n.
        sums: by species, the number of densities with functions of rank 1.
    """

    numbers: Mapping[tuple[int, int], tuple[int, ...]]
    sums: tuple[int, ...]

    def channel(self, species: int, n: int, l: int) -> Channel:
        """That of a factor of a function of rank 2 or more."""
        return Channel(species, 1 + self.numbers[species, l].index(n), l)

    def sum_channel(self, species: int, density: int) -> Channel:
        """That of the functions of rank 1 of a density."""
        return Channel(species, len(self.numbers.get((species, 0), ())) + 1 + density, 0)


def numbering(potential: YacePotential) -> Numbering:
    """The A's that functions use."""
    used: dict[tuple[int, int], set[int]] = {}
    sums = [0] * len(potential.elements)
    for center, functions in enumerate(potential.functions):
        mix = density_weights(potential.embeddings[center])
        for function in functions:
            if function.rank == 1:
                z = function.elements[0]
                sums[z] = max(sums[z], *(d for d, row in enumerate(mix, start=1) if _contributes(function, row)), 0)
            elif not vanishes(potential, center, function):
                for z, n, l in zip(function.elements, function.ns, function.ls, strict=True):
                    used.setdefault((z, l), set()).add(n)
    for z in range(len(sums)):  # a layout has an A of every species
        sums[z] = sums[z] or int(not any(own == z for own, _ in used))
    return Numbering({key: tuple(sorted(ns)) for key, ns in used.items()}, tuple(sums))


def _contributes(function: CTildeFunction, weights: Sequence[float]) -> bool:
    """Whether a density of the program, with these weights of those of the file, contains a function."""
    return any(w and c for own in function.coefficients for w, c in zip(weights, own, strict=True))


def vanishes(potential: YacePotential, center: int, function: CTildeFunction) -> bool:
    """Whether a factor of a function of rank 2 or more has no radial function other than zero."""
    factors = zip(function.elements, function.ns, function.ls, strict=True)
    return any(not any(radial_coefficients(potential.bonds[center][z], n, l)) for z, n, l in factors)


def radial_coefficients(bond: Bond, n: int, l: int) -> tuple[float, ...]:
    """c_nlk by k; empty where the bond has no R_nl."""
    if isinstance(bond, PaceBond):
        exists = n <= len(bond.coefficients) and l < len(bond.coefficients[n - 1])
        return bond.coefficients[n - 1][l] if exists else ()
    return (*(0.0,) * (n - 1), 1.0) if n <= len(bond.basis.steps) else ()


def _size(bond: Bond) -> int:
    """Number of g_k; those beyond are zero."""
    return bond.n_base if isinstance(bond, PaceBond) else len(bond.basis.steps)


Sums = Mapping[tuple[int, int], Mapping[tuple[int, int], arb]]
"""By centre and density the coefficients of functions of rank 1, by species and k."""


@dataclass(frozen=True)
class Pooling:
    """What a program pools, and the A's made of it."""

    one_particle: OneParticle
    layout: PooledLayout
    contraction: Contraction


def pooling(potential: YacePotential, numbers: Numbering, sums: Sums) -> Pooling:
    """The pooled functions, as few as the A's need, and the weights of these, each rounded once."""
    species = range(len(potential.elements))
    degrees = range(1 + max((l for _, l in numbers.numbers), default=0))
    components = tuple(tuple(range(-l, l + 1)) for l in degrees)
    rows = [[[_rows(potential, numbers, sums, center, z, l) for l in degrees] for z in species] for center in species]
    layout = PooledLayout(tuple(tuple(len(rows[0][z][l]) for l in degrees) for z in species), 1, components)
    widths = [[max((len(row) for by_z in rows for row in by_z[z][l]), default=0) for l in degrees] for z in species]
    weights = tuple(
        tuple(
            tuple(tuple((*row, *(0.0,) * (widths[z][l] - len(row))) for row in by_l[l]) for l in degrees)
            for z, by_l in enumerate(by_z)
        )
        for by_z in rows
    )
    contraction = Contraction(PooledLayout(tuple(map(tuple, widths)), 0, components), weights)
    steps = [(1.0, 0.0, 0.0), *[(2.0, 0.0, 1.0)] * contraction.pooled.n_radial]
    radial = Recurrence(0, (1.0,), tuple(steps[: contraction.pooled.n_radial - 1]))
    return Pooling(OneParticle(bonds(potential), radial, Harmonics(degrees[-1])), layout, contraction)


def _rows(
    potential: YacePotential, numbers: Numbering, sums: Sums, center: int, species: int, l: int
) -> list[tuple[float, ...]]:
    """The A's of a centre, species and l in T_0, T_1, ..., up to the last that some of them needs; one if none."""
    bond = potential.bonds[center][species]
    wanted: list[dict[int, arb]] = []
    for n in numbers.numbers.get((species, l), ()):
        wanted.append({k: arb(c) for k, c in enumerate(radial_coefficients(bond, n, l), start=1) if c})
    for density in range(numbers.sums[species] if l == 0 else 0):
        own = sums.get((center, density), {})
        wanted.append({k: value for (z, k), value in own.items() if z == species and k <= _size(bond)})
    series = radial_series(bond, max((k for row in wanted for k in row), default=0))
    return [_combined(row, series) for row in wanted]


def _combined(coefficients: Mapping[int, arb], series: Sequence[Series]) -> tuple[float, ...]:
    """Σ_k coefficients[k] series[k-1] without zeros at the end, but at least one number."""
    with flint.ctx.workprec(WORKING_BITS):
        total = [arb(0)] * max(coefficients, default=1)
        for k, weight in coefficients.items():
            for j, value in enumerate(series[k - 1]):
                total[j] += weight * value
    row = [nearest_double(value) for value in total]
    while len(row) > 1 and row[-1] == 0:
        row.pop()
    return tuple(row)


def bonds(potential: YacePotential) -> Bonds:
    """y and e of all pairs."""
    species = range(len(potential.elements))
    return Bonds(tuple(tuple(_bond(potential, center, z) for z in species) for center in species))


def _bond(potential: YacePotential, center: int, species: int) -> ProgramBond:
    bond = potential.bonds[center][species]
    if not isinstance(bond, PaceBond):
        return ProgramBond(shape_of(bond.basis), _reach(potential, bond), 0.0, 0.0)
    closest, full = bond.inner_cutoff - bond.inner_width, bond.inner_cutoff
    if potential.inner_cutoff == "density":
        full = closest
    if potential.inner_cutoff == "zbl":  # ML-PACE's radial functions begin at 1 Å if the switch has no width
        closest = full = 0.0 if bond.inner_width else 1.0
    if full <= 0:
        closest = full = 0.0
    return ProgramBond(_shape(bond), bond.cutoff, closest, full)


def _shape(bond: PaceBond) -> BondShape:
    match bond.radial:
        case "ChebExpCos":
            return ExponentialCosine(bond.parameters[0], max(bond.width, SHORTEST))
        case "ChebPow":
            return Power(bond.parameters[0])
        case "ChebLinear":
            return Linear()
        case "SBessel":
            return Bessel()


def shape_of(basis: RecursionBasis) -> InversePower:
    """u, as y, and the envelope of a basis of ACE.jl."""
    return InversePower(basis.power, basis.r0, basis.left, basis.right, basis.p_left, basis.p_right)


def _reach(potential: YacePotential, bond: RecursionBond) -> float:
    """Within which ML-PACE evaluates all pairs, but not farther than these or the pair potential reach."""
    bases = [own.basis for row in potential.bonds for own in row if isinstance(own, RecursionBond)]
    pair = [potential.pair.basis] if potential.pair else []
    largest = max(basis.cutoff for basis in (*bases, *pair))
    return min(largest, max(map(_vanishing, (bond.basis, *pair))))


def _vanishing(basis: RecursionBasis) -> float:
    """Distance from which the envelope of a basis is zero; infinite if there is none."""
    if basis.p_left == 0 or basis.left <= 0:
        return inf
    return float((1 + basis.r0) / basis.left ** (1 / basis.power) - 1)
