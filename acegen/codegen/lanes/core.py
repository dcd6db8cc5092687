"""Constants of the core: a repulsion of close neighbours, and how it takes over from the rest of the energy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, inf, sqrt

from acegen.program.bonds import Bonds, InversePower
from acegen.program.core import (
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    Repulsion,
    ScreenedRepulsion,
)
from acegen.program.kernel import KernelProgram


@dataclass(frozen=True)
class CoreCode:
    """The core as generated code sees it.

    Attributes:
        repulsion: "gaussian", "screened" or "polynomial".
        fields: names of its constants by pair.
        pairs: by centre and neighbour, the distance from which V is zero, and these constants.
        faded: whether V of some pair is faded out between two distances.
        screening: weights and rates, for "screened".
        steps: of the recurrence, for "polynomial".
        coefficients: by pair, likewise.
        shape: likewise; gives u and e.
        energies: by centre, cutoff and width of a switch by the energy; None if it is by the nearest neighbour.
        distances: by pair, for a switch by the nearest neighbour: cutoff, inner and outer distance, 1/(outer - inner).
    """

    repulsion: str
    fields: tuple[str, ...]
    pairs: tuple[tuple[tuple[float, ...], ...], ...]
    faded: bool
    screening: tuple[tuple[float, float], ...]
    steps: tuple[tuple[float, float, float], ...]
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]
    shape: InversePower | None
    energies: tuple[tuple[float, float], ...] | None
    distances: tuple[tuple[tuple[float, float, float, float], ...], ...]


_FIELDS = {
    "gaussian": ("strength", "rate", "inverse_cutoff", "inner", "inverse_width"),
    "screened": ("strength", "inverse_length", "inner", "inverse_width", "a", "b", "c"),
    "polynomial": ("radius", "constant", "a", "b"),
}


def core_code(program: KernelProgram) -> CoreCode | None:
    """The core of a potential; None without one."""
    core, bonds = program.core, program.one_particle.coordinate
    if core is None:
        return None
    assert isinstance(bonds, Bonds)
    repulsion, switch, numbers = core.repulsion, core.switch, range(len(program.species))
    pairs, distances = [], []
    for center in numbers:
        row, switches = [], []
        for species in numbers:
            cutoff = bonds.cutoffs[center][species]
            limit, *constants = _constants(repulsion, center, species)
            row.append((min(limit, cutoff), *constants))
            if isinstance(switch, NearestSwitch):
                inner, outer = switch.ranges[center][species]
                switches.append((cutoff, inner, outer, 1 / (outer - inner)))
        pairs.append(tuple(row))
        distances.append(tuple(switches))
    name = _name(repulsion)
    polynomial = repulsion if isinstance(repulsion, PolynomialRepulsion) else None
    return CoreCode(
        repulsion=name,
        fields=_FIELDS[name],
        pairs=tuple(pairs),
        faded=_faded(repulsion),
        screening=repulsion.screening if isinstance(repulsion, ScreenedRepulsion) else (),
        steps=polynomial.steps if polynomial else (),
        coefficients=polynomial.coefficients if polynomial else (),
        shape=polynomial.shape if polynomial else None,
        energies=switch.ranges if isinstance(switch, EnergySwitch) else None,
        distances=tuple(distances),
    )


def _name(repulsion: Repulsion) -> str:
    match repulsion:
        case GaussianRepulsion():
            return "gaussian"
        case ScreenedRepulsion():
            return "screened"
        case PolynomialRepulsion():
            return "polynomial"


def _faded(repulsion: Repulsion) -> bool:
    match repulsion:
        case GaussianRepulsion():
            return any(inner < outer for row in repulsion.ranges for inner, outer in row)
        case ScreenedRepulsion():
            return True
        case PolynomialRepulsion():
            return False


def _constants(repulsion: Repulsion, center: int, species: int) -> Iterator[float]:
    """The distance from which V is zero, and the constants of a pair."""
    match repulsion:
        case GaussianRepulsion():
            tables = (repulsion.strength, repulsion.rate, repulsion.cutoffs)
            strength, rate, cutoff = (table[center][species] for table in tables)
            inner, outer = repulsion.ranges[center][species]
            switched = inner < outer
            far = sqrt(50 / rate) if rate > 0 else inf  # zero from there on
            yield min(cutoff, far, outer if switched else inf) if strength else 0.0
            yield from (strength, rate, 1 / cutoff if cutoff else 0.0)
            yield from (inner, 1 / (outer - inner)) if switched else (0.0, 0.0)
        case ScreenedRepulsion():
            strength, inverse_length = (
                table[center][species] for table in (repulsion.strength, repulsion.inverse_length)
            )
            inner, outer = repulsion.ranges[center][species]
            yield outer if strength else 0.0
            yield from (strength, inverse_length, inner, 1 / (outer - inner))
            yield from _smooth(repulsion, inverse_length, outer, outer - inner)
        case PolynomialRepulsion():
            yield repulsion.cutoffs[center][species]
            yield from repulsion.cores[center][species]


def _smooth(term: ScreenedRepulsion, inverse_length: float, outer: float, h: float) -> tuple[float, float, float]:
    """A/3, B/4 and C of `ScreenedRepulsion`."""
    rates = [(w, k * inverse_length) for w, k in term.screening]
    phi = [sum(w * (-k) ** order * exp(-k * outer) for w, k in rates) for order in range(3)]
    v = phi[0] / outer
    dv = (phi[1] - v) / outer
    ddv = (phi[2] - 2 * dv) / outer
    return (h * ddv - 3 * dv) / (3 * h**2), (2 * dv - h * ddv) / (4 * h**3), -v + h * dv / 2 - h**2 * ddv / 12
