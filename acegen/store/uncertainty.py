"""What a fit knows of its own uncertainty: `uncertainty.npz` in a model's folder, compiled into the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNCERTAINTY = "uncertainty.npz"

GradeKind: TypeAlias = Literal["leverage", "d-optimality"]

LEVELS = (0.5, 0.9, 0.95)
"""Probabilities of the intervals."""


@dataclass(frozen=True)
class Grades:
    """Grades of environments: γ = ‖rows b + constants‖ for the basis functions b of a centre.

    Attributes:
        kind: "leverage", with the Euclidean norm: rows are a factor of the posterior covariance of the coefficients,
            in such units that γ = 1 for the largest standard deviation that is usual in data the fit has not seen.
            "d-optimality", with the largest absolute value: rows are the inverse of the active set, transposed (rows b
            are the coefficients of b in the descriptors of the active set), and constants are zero.
        rows: (elements, K, n_basis), in the order of the labels.
        constants: (elements, K).
        thresholds: γ above which a configuration is worth labelling, and above which results are not to be trusted.
        error: relative error of γ that a smaller K than would be exact causes: 95 % of the training data are within;
            0 if it is exact.
    """

    kind: GradeKind
    rows: Floats
    constants: Floats
    thresholds: tuple[float, float]
    error: float


@dataclass(frozen=True)
class Committee:
    """Samples of the posterior, as deviations from the coefficients of the potential.

    Of a sum of site energies or their derivatives, with deviations x_k, the variance is v = Σ_k x_k² / K; the standard
    deviation of the error to be expected is sqrt(floor² + scale² v).

    Attributes:
        rows: (elements, K, n_basis), eV, in the order of the labels.
        constants: (elements, K), eV: those of the energies of single atoms.
        energy: floor (eV per atom; that of a structure is proportional to its size) and scale of energies.
        forces: floor (eV/Å) and scale of the components of forces.
        quantiles: (2, len(LEVELS)): of energies and forces, the half width of the intervals that hold a true value with
            these probabilities, in standard deviations of the error to be expected.
    """

    rows: Floats
    constants: Floats
    energy: tuple[float, float]
    forces: tuple[float, float]
    quantiles: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Uncertainty:
    """Grades and committee of a model, either of which may be missing.

    Attributes:
        basis_hash: the basis they belong to.
        grades, committee: what there is.
    """

    basis_hash: str
    grades: Grades | None
    committee: Committee | None


def write_uncertainty(path: str | Path, uncertainty: Uncertainty) -> Path:
    """Write it to a model's folder, or to a file. Returns the file.

    Raises:
        ModuleError: arrays have wrong shapes or values that are not finite, or the file cannot be written.
    """
    raise NotImplementedError


def read_uncertainty(path: str | Path) -> Uncertainty:
    """Read it from a model's folder, or from a file.

    Raises:
        ModuleError: there is none, or it is damaged.
    """
    raise NotImplementedError
