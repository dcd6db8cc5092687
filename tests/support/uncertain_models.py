"""Models with grades and a committee of random rows, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import acegen
from acegen.options import BuildOptions
from acegen.store.uncertainty import Committee, GradeKind, Grades, Uncertainty

OXIDE: dict[str, Any] = {
    "name": "oxide_small",
    "basis": {"elements": ["Si", "O"], "order": 2, "level": 5},
    "radial": {"cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}},
    "pair": {"degree": 5, "cutoff": 5.5},
    "zbl": {"inner": 0.6, "outer": 1.2},
    "inner_cutoff": {"inner": 0.7, "outer": 1.4},
}
"""Two elements with everything a site energy can contain."""

CALIBRATION = (0.002, 3.0, 0.05, 4.0)


def random_uncertainty(
    model: acegen.Model, kind: GradeKind = "leverage", n_rows: int = 5, seed: int = 7
) -> Uncertainty:
    """Grades and a committee of eight members for the basis of a model."""
    rng = np.random.default_rng(seed)
    elements, n_basis = len(model.elements), model.n_basis
    constants = rng.normal(size=(elements, n_rows)) if kind == "leverage" else np.zeros((elements, n_rows))
    grades = Grades(kind, rng.normal(size=(elements, n_rows, n_basis)), constants, (40.0, 60.0), 0.05)
    committee = Committee(
        rows=0.1 * rng.normal(size=(elements, 8, n_basis)),
        constants=0.1 * rng.normal(size=(elements, 8)),
        energy=CALIBRATION[:2],
        forces=CALIBRATION[2:],
        quantiles=((0.6, 1.7, 2.2), (0.5, 1.6, 2.1)),
    )
    return Uncertainty(model.basis_hash, grades, committee)


def uncertain_model(
    folder: Path, kind: GradeKind = "leverage", options: BuildOptions | None = None, spec: dict[str, Any] = OXIDE
) -> tuple[acegen.Model, Uncertainty]:
    """A potential with both, and what they were made from."""
    bare = acegen.compile(spec, folder, options=options)
    rng = np.random.default_rng(1)
    coefficients = {element: rng.normal(size=bare.n_basis) for element in bare.elements}
    uncertainty = random_uncertainty(bare, kind)
    return acegen.compile(spec, folder, coefficients, options=options, uncertainty=uncertainty), uncertainty
