"""A repulsive core below the distances of the data: where ZBL replaces the fitted part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

from ase.data import atomic_numbers, covalent_radii

OUTER = 0.85
"""Where the core begins, in units of the smallest distance in the data.

The smallest distance is that of a few atoms, and others come closer: when data are split at random into halves or
fifths, the smallest distance of one part is below that of the rest by up to 2 % (a molecule), 4 % (water), 7 %
(silicon), 11 % (copper) and 18 % (the rarer pairs of an alloy). Within the switch, forces include those of switching
off a whole site energy: a model whose switch began at 0.99 had force errors of 0.75 eV/Å, while cross-validation, which
does not include the switch, gave 0.022.

A ZBL that reaches 1.4 times as far, into the data, is steep there and the fit has to cancel it: the force error of
copper (EMT, order 3, levels 10, 9, 8) was then 0.129 eV/Å instead of 0.003.
"""

INNER = 0.7
"""Where it has replaced the fitted part entirely, in the same units."""

_UNSEEN = 0.8
"""Assumed smallest distance of a pair that does not occur, in units of the sum of covalent radii."""


def core_tables(nearest: Mapping[tuple[str, str], float], elements: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Tables `zbl` and `inner_cutoff` of a specification, for data with these smallest distances.

    Both switches share one window below the data: from its upper to its lower end the fitted part goes to zero and
    ZBL is switched on. Nothing changes for the data, neither their energies nor what can be fitted to them. Below the
    window the energy is that of ZBL and rises. In and above it, `acegen.fit.repulsion` constrains the fit.

    Args:
        nearest: smallest distance (Å) by pair of elements, either way round, as `nearest_distances` gives it; pairs
            without data may be missing.
        elements: in the order of the specification.

    Returns:
        {"zbl": {"inner": ..., "outer": ...}, "inner_cutoff": likewise}, each with a length by pair such as "Si-O", Å.
    """
    inner, outer = dict[str, float](), dict[str, float]()
    for first, second in combinations_with_replacement(elements, 2):
        seen = [nearest[pair] for pair in ((first, second), (second, first)) if pair in nearest]
        radii = sum(float(covalent_radii[atomic_numbers[symbol]]) for symbol in (first, second))
        smallest = min(seen) if seen else _UNSEEN * radii
        pair = f"{first}-{second}"
        outer[pair] = round(OUTER * smallest, 4)
        inner[pair] = round(INNER * smallest, 4)
    return {key: {"inner": dict(inner), "outer": dict(outer)} for key in ("zbl", "inner_cutoff")}
