"""golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.

25 functions (6 of order 1, 11 of order 2, 8 of order 3) and a potential. See README.md.
"""

from pathlib import Path
from typing import Any

from acegen.runtime import Model

model = Model.open(Path(__file__).parent)

labels = model.labels
basis = model.basis
basis_gradient = model.basis_gradient
descriptors = model.descriptors
energy = model.energy
energy_gradient = model.energy_gradient
compute = model.compute


def __getattr__(name: str) -> Any:
    """Everything else the model has: name, elements, n_basis, cutoff, basis_hash, ..."""
    return getattr(model, name)
