"""Coupled products, run as their formulas say: the reference for all backends, beside `acegen.program.interpreter`.

Every number is followed by its derivatives by all A's, [x, dx/dA_0, dx/dA_1, ...]; products obey the product rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acegen.program.coupled import Channel, CoupledProducts, Coupling
from acegen.program.layout import PooledLayout

Floats = NDArray[np.float64]

Components = NDArray[np.complex128]
"""ĉ_m of a value for m = 0..l with derivatives by the A's, shape (l + 1, 1 + number of A's)."""


def run_coupled(coupled: CoupledProducts, layout: PooledLayout, pooled: Floats) -> tuple[Floats, Floats]:
    """The invariants P_t, and their derivatives by the A's, shape (number of invariants, number of A's)."""
    values = coupled_components(coupled, layout, pooled)
    found = np.zeros((len(coupled.scalars), 1 + layout.size))
    for t, scalar in enumerate(coupled.scalars):
        match [values[position] for position in scalar]:
            case [value]:
                found[t] = value[0].real
            case [first, second]:
                found[t] = sum(_product(np.conj(a), b).real for a, b in zip(first, second, strict=True))
    return found[:, 0], found[:, 1:]


def coupled_components(coupled: CoupledProducts, layout: PooledLayout, pooled: Floats) -> list[Components]:
    """All values, channels first."""
    values = [_channel(channel, coupled.scales[channel.l], layout, pooled) for channel in coupled.channels]
    for left, right, l in coupled.nodes:
        coupling = coupled.by_degrees[coupled.degrees[left], coupled.degrees[right], l]
        values.append(_node(coupling, values[left], values[right]))
    return values


def _channel(channel: Channel, scales: Sequence[float], layout: PooledLayout, pooled: Floats) -> Components:
    species, n, l = channel

    def component(m: int) -> Floats:
        """c_m."""
        position = layout.index(species, n, l, m)
        found = np.zeros(1 + layout.size)
        found[0] = scales[abs(m)] * pooled[position]
        found[1 + position] = scales[abs(m)]
        return found

    return np.array([component(m) + (1j * component(-m) if m else 0j) for m in range(l + 1)])


def _node(coupling: Coupling, a: Components, b: Components) -> Components:
    found = np.zeros((coupling.l + 1, a.shape[1]), dtype=complex)
    for m1, m2, weight in coupling.sums:
        found[m1 + m2] += weight * _product(a[m1], b[m2])
    for m1, m2, weight in coupling.differences:
        y = _product(a[m1], np.conj(b[m2]))
        found[abs(m1 - m2)] += weight * (y if m1 >= m2 else np.conj(y))
    if coupling.odd:
        found *= -1j
    found[0] = found[0].real
    return found


def _product(a: Components, b: Components) -> Components:
    """a b and its derivatives."""
    found: Components = a[0] * b + a * b[0]
    found[0] = a[0] * b[0]
    return found
