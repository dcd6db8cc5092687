"""The core repulsion of a potential, and what switches to it."""

from __future__ import annotations

from acegen.elements import ATOMIC_NUMBERS
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    Repulsion,
    ScreenedRepulsion,
)
from acegen.yace.lowering.one_particle import SHORTEST, bonds, shape_of
from acegen.yace.potential import Bond, PaceBond, YacePotential

_COULOMB = 14.399645351950543
"""e²/(4πε_0), eV Å, as in ML-PACE."""

_SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
_SCREENING_LENGTH = 0.46850
_SCREENING_POWER = 0.23
"""The universal screening function of Ziegler, Biersack, Littmark (1985), with the length in Å."""


def core_of(potential: YacePotential) -> Core | None:
    """V, and g and h; None if V = 0 and g = 1 everywhere."""
    if potential.inner_cutoff == "zbl":
        return _zbl(potential)
    ranges = tuple((own.core_cutoff, own.core_width) for own in potential.embeddings)
    strengths = [[_strength(bond) for bond in row] for row in potential.bonds]
    if potential.pair is None and not any(map(any, strengths)) and all(v > 0 and v >= w for v, w in ranges):
        return None
    repulsion: Repulsion
    if potential.pair is None:
        repulsion = _gaussian(potential)
    else:
        pair = potential.pair
        repulsion = PolynomialRepulsion(
            shape=shape_of(pair.basis),
            steps=pair.basis.steps,
            coefficients=pair.coefficients,
            cores=tuple(tuple((own.r_i, own.e_0, own.a, own.b) for own in row) for row in pair.cores),
            cutoffs=bonds(potential).cutoffs,
        )
    return Core(repulsion, EnergySwitch(ranges))


def _strength(bond: Bond) -> float:
    return bond.strength if isinstance(bond, PaceBond) else 0.0


def _gaussian(potential: YacePotential) -> GaussianRepulsion:
    rows = potential.bonds
    return GaussianRepulsion(
        strength=tuple(tuple(_strength(bond) for bond in row) for row in rows),
        rate=tuple(tuple(bond.rate if isinstance(bond, PaceBond) else 1.0 for bond in row) for row in rows),
        cutoffs=bonds(potential).cutoffs,
        ranges=tuple(
            tuple(_switched(bond) if potential.inner_cutoff == "distance" else (0.0, 0.0) for bond in row)
            for row in rows
        ),
    )


def _switched(bond: Bond) -> tuple[float, float]:
    """Where the switch from the core begins and ends."""
    if not isinstance(bond, PaceBond):
        return 0.0, 0.0
    return bond.inner_cutoff - (bond.inner_width or SHORTEST), bond.inner_cutoff


def _zbl(potential: YacePotential) -> Core | None:
    rows = [[bond for bond in row if isinstance(bond, PaceBond)] for row in potential.bonds]
    if all(bond.inner_cutoff <= 0 for row in rows for bond in row):
        return None
    charges = [ATOMIC_NUMBERS[symbol] for symbol in potential.elements]
    repulsion = ScreenedRepulsion(
        ranges=tuple(tuple((bond.cutoff - (bond.width or SHORTEST), bond.cutoff) for bond in row) for row in rows),
        strength=tuple(
            tuple(bond.strength * _COULOMB / 2 * z1 * z2 for z2, bond in zip(charges, row, strict=True))
            for z1, row in zip(charges, rows, strict=True)
        ),
        inverse_length=tuple(
            tuple((z1**_SCREENING_POWER + z2**_SCREENING_POWER) / _SCREENING_LENGTH for z2 in charges) for z1 in charges
        ),
        screening=_SCREENING,
    )
    return Core(repulsion, NearestSwitch(tuple(tuple(_switched(bond) for bond in row) for row in rows)))
