"""From what the members of a committee say to the errors to be expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acegen.runtime.results import HalfWidths, Uncertainties
from acegen.store.uncertainty import LEVELS

Floats = NDArray[np.float64]


def calibrated(
    energies: Floats, forces: Floats, calibration: Sequence[float], quantiles: Sequence[Sequence[float]]
) -> Uncertainties:
    """Standard deviations √(floor² + scale² v), where v is the mean over the members of their squares.

    Those of site energies are not calibrated, since there are no labels of these: they have floor and scale of energies
    per atom.

    Args:
        energies: of the members, (N, K) in eV, minus those of the model.
        forces: likewise, (K, N, 3) in eV/Å.
        calibration: floor (eV per atom) and scale of energies, floor (eV/Å) and scale of forces.
        quantiles: as in `acegen.store.uncertainty.Committee`.
    """
    floor, scale, force_floor, force_scale = calibration
    of_total = np.mean(energies.sum(axis=0) ** 2)
    energy = float(np.hypot(len(energies) * floor, scale * np.sqrt(of_total)))
    of_sites: Floats = np.hypot(floor, scale * np.sqrt(np.mean(energies**2, axis=1)))
    of_forces: Floats = np.hypot(force_floor, force_scale * np.sqrt(np.mean(forces**2, axis=0)))
    intervals = {
        level: HalfWidths(wide * energy, wide_force * of_forces)
        for level, wide, wide_force in zip(LEVELS, *quantiles, strict=True)
    }
    return Uncertainties(energy, of_sites, of_forces, intervals)
