"""A ZBL core that is added to the fitted part, in functions of rank 1 and ML-PACE's core repulsion.

ML-PACE adds strength exp(-rate r²)/r (1 + cos(π r/cutoff))/2 of each neighbour, which is as singular as ZBL if the
strength is that of the bare nuclei. The difference is smooth but for the ends of ZBL's switch, where its third
derivative jumps: a series of n terms has an error of order n^-3, and its derivative one of order n^-2.
"""

from __future__ import annotations

from flint import arb

from acegen.basis.definitions import ZblNumbers
from acegen.elements import ATOMIC_NUMBERS
from acegen.yace.conversion.radial import Series, piecewise_series

RATE = 5.0
"""lambdahc of the core repulsion, 1/Å²: it ends where ZBL has lost most of its strength."""


def core_strength(numbers: ZblNumbers, center: str, neighbour: str) -> float:
    """prehc of a pair: half of Z Z' e², eV Å."""
    return float(numbers.coulomb) * ATOMIC_NUMBERS[center] * ATOMIC_NUMBERS[neighbour] / 2


def repulsion_series(
    numbers: ZblNumbers, center: str, neighbour: str, switch: tuple[float, float], cutoff: float
) -> Series:
    """Half of the ZBL energy of a pair without the core repulsion.

    Args:
        numbers: of ZBL.
        center, neighbour: elements.
        switch: inner and outer distance of ZBL, Å.
        cutoff: of the bond, Å.
    """
    z, other = ATOMIC_NUMBERS[center], ATOMIC_NUMBERS[neighbour]
    inner, outer = map(arb, switch)

    def difference(r: arb) -> list[arb]:
        exponent = arb(numbers.exponent)
        length = arb(numbers.length) / (arb(z) ** exponent + arb(other) ** exponent)
        screening = sum((arb(w) * (-arb(rate) * r / length).exp() for w, rate in numbers.screening), arb(0))
        t = (r - inner) / (outer - inner)
        if not r < outer:
            screening = arb(0)
        elif r > inner:
            screening *= 1 - t**3 * (10 - 15 * t + 6 * t**2)
        core = (-arb(RATE) * r**2).exp() * (1 + arb.cos_pi(r / cutoff)) / 2
        return [arb(core_strength(numbers, center, neighbour)) * (screening - core) / r]

    return piecewise_series(difference, cutoff)
