"""Models with grades and a committee of random rows, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import acegen
from acegen.basis.describe import basis_hash, describe_basis
from acegen.options import BuildOptions
from acegen.store.coefficients import Coefficients
from acegen.store.uncertainty import Committee, GradeKind, Grades, Uncertainty

OXIDE: dict[str, Any] = {
    "name": "oxide_small",
    "basis": {"elements": ["Si", "O"], "order": 3, "level": 4},
    "radial": {"cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}},
    "pair": {"degree": 3, "cutoff": 5.5},
    "zbl": {"inner": 0.6, "outer": 1.2},
    "inner_cutoff": {"inner": 0.7, "outer": 1.7},
}
"""Two elements with everything a site energy can contain."""

THRESHOLDS = (40.0, 60.0)
CALIBRATION = (0.002, 3.0, 0.05, 4.0)
QUANTILES = ((0.6, 1.7, 2.2), (0.5, 1.6, 2.1))


def random_uncertainty(spec: dict[str, Any] = OXIDE, kind: GradeKind = "leverage", seed: int = 7) -> Uncertainty:
    """Grades of five rows and a committee of eight members for the basis of a spec."""
    basis = acegen.derive(spec)
    rng = np.random.default_rng(seed)
    elements, n_basis, n_rows = len(basis.spec.species), basis.n_basis, 5
    constants = np.zeros((elements, n_rows)) if kind == "d-optimality" else rng.normal(size=(elements, n_rows))
    grades = Grades(kind, rng.normal(size=(elements, n_rows, n_basis)), constants, THRESHOLDS, 0.05)
    rows = 0.1 * rng.normal(size=(elements, 8, n_basis))
    committee = Committee(rows, 0.1 * rng.normal(size=rows.shape[:2]), CALIBRATION[:2], CALIBRATION[2:], QUANTILES)
    return Uncertainty(basis_hash(describe_basis(basis)), grades, committee)


def random_coefficients(uncertainty: Uncertainty, spec: dict[str, Any] = OXIDE) -> Coefficients:
    """Coefficients and atomic energies for the same basis."""
    assert uncertainty.committee is not None
    rng = np.random.default_rng(1)
    elements, n_basis = spec["basis"]["elements"], uncertainty.committee.rows.shape[2]
    values = {element: rng.normal(size=n_basis).tolist() for element in elements}
    return Coefficients(values, {element: float(rng.normal()) for element in elements}, uncertainty.basis_hash)


def uncertain_model(
    folder: Path, kind: GradeKind = "leverage", options: BuildOptions | None = None
) -> tuple[acegen.Model, Uncertainty]:
    """A potential of two elements with both, and what they were made from."""
    uncertainty = random_uncertainty(kind=kind)
    coefficients = random_coefficients(uncertainty)
    return acegen.compile(OXIDE, folder, coefficients, options=options, uncertainty=uncertainty), uncertainty
