"""What a model returns besides plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FunctionLabel:
    """The label of a basis function: its order and the (element, n, l) of its factors.

    `index` counts the functions of the same label (there is more than one way to couple four or more l).
    """

    order: int
    elements: tuple[str, ...]
    n: tuple[int, ...]
    l: tuple[int, ...]
    index: int


@dataclass(frozen=True)
class ParticleLabel:
    """The label of a function of particles: its order and the (n, l) of its factors; `index` as in `FunctionLabel`."""

    order: int
    n: tuple[int, ...]
    l: tuple[int, ...]
    index: int


class Result(NamedTuple):
    """Energies (N,) in eV per atom, forces (N, 3) in eV/Å, and the virial (3, 3) in eV.

    The virial is minus the derivative of the energy with respect to strain: stress = -virial / volume.
    """

    energies: Floats
    forces: Floats
    virial: Floats

    @property
    def energy(self) -> float:
        """Total energy, eV."""
        return float(self.energies.sum())


class Members(NamedTuple):
    """What the members of a committee say of a structure, minus what the model says; eV and Å as in `Result`.

    Attributes:
        energies: (N, K), of the atoms.
        forces: (K, N, 3).
        virials: (K, 3, 3).
    """

    energies: Floats
    forces: Floats
    virials: Floats


class HalfWidths(NamedTuple):
    """Half widths of intervals around a model's results: total energy in eV, components of the forces (N, 3) in eV/Å.

    There are none of the energies of the atoms, which have no labels to calibrate them by.
    """

    energy: float
    forces: Floats


class Uncertainties(NamedTuple):
    """Standard deviations of the errors to be expected in a model's results for a structure.

    They are from a committee; those of the total energy and of forces are scaled to what errors were in data that the
    fit had not seen.

    Attributes:
        energy: of the total energy, eV.
        energies: of the energies of the atoms, (N,) in eV. Not calibrated: there are no labels of site energies. They
            have the floor and scale of total energies per atom, and say where these come from.
        forces: of the components of the forces, (N, 3) in eV/Å.
        intervals: by probability, half the width of the interval around a result that holds the true value.
    """

    energy: float
    energies: Floats
    forces: Floats
    intervals: dict[float, HalfWidths]


class DesignRows(NamedTuple):
    """Columns of the design matrix for a structure, or for some of its atoms.

    With coefficients c of shape (C,), `energy @ c` is the energy in eV, `forces @ c` the forces (N, 3) in eV/Å,
    `virial @ c` the virial in eV as xx, yy, zz, yz, xz, xy. Columns are the basis functions of centres of the model's
    first element, then of the second, and so on: C = (number of elements) × `n_basis`.
    """

    energy: Floats
    forces: Floats
    virial: Floats
