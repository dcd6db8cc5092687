"""Where si_o3d12.coefficients.json comes from: a ridge fit with nothing but the design kernel and NumPy.

    python examples/silicon/fit.py TRAIN.xyz

Least squares on energies per atom (weight 30) and force components (weight 1) of an extended-XYZ file, with a
ridge on the coefficients and a free energy per atom, which is not written. Made with the 214 training
configurations of silicon of Zuo et al., J. Phys. Chem. A 124, 731 (2020).
"""

from __future__ import annotations

import sys
from pathlib import Path

import ase.io
import numpy as np
from rich.progress import track

import acegen

HERE = Path(__file__).parent
ENERGY_WEIGHT = 30.0
RIDGE = 1e-6


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/silicon/fit.py TRAIN.xyz")
    model = acegen.compile(HERE / "si_o3d12.toml", HERE.parent.parent / "generated")
    size = model.n_basis + 1
    gram, right = np.zeros((size, size)), np.zeros(size)
    for atoms in track(ase.io.read(sys.argv[1], ":"), description="assembling"):
        energy, forces, _ = model.design_rows(atoms)
        rows = np.zeros((1 + 3 * len(atoms), size))
        rows[0] = [*energy / len(atoms), 1.0]
        rows[1:, :-1] = forces.reshape(-1, model.n_basis)
        target = np.concatenate([[atoms.get_potential_energy() / len(atoms)], atoms.get_forces().ravel()])
        rows[0] *= ENERGY_WEIGHT
        target[0] *= ENERGY_WEIGHT
        gram += rows.T @ rows
        right += rows.T @ target
    scale = 1 / np.sqrt(np.diag(gram))
    ridge = RIDGE * np.eye(size)
    solution = scale * np.linalg.solve(scale[:, None] * gram * scale + ridge, scale * right)
    path = HERE / "si_o3d12.coefficients.json"
    acegen.write_coefficients(path, model.basis_hash, {"Si": solution[:-1]})
    print(f"{model.n_basis} coefficients in {path}; energy per atom at zero: {solution[-1]:.4f} eV")


if __name__ == "__main__":
    main()
