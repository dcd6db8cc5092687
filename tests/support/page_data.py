"""Data and a fit that several pages of the documentation begin with: copper, labelled by EMT."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.io import write

FIT = """\
output = "fits"

[spec]
name = "cu"
basis = { elements = ["Cu"], order = 3, level = 8 }
radial = { cutoff = 5.0 }
pair = { degree = 8 }
zbl = { inner = 0.8, outer = 1.6 }
inner_cutoff = { inner = 1.2, outer = 1.8 }

[data]
train = "train.xyz"
test = "test.xyz"
"""


def copper(number: int) -> Atoms:
    """A labelled cell of copper: strained, hot, or a surface, by turns."""
    rng = np.random.default_rng(number)
    kind = ("strained", "hot", "surface")[number % 3]
    atoms = (
        fcc111("Cu", (2, 2, 3), a=3.59, vacuum=6.0) if kind == "surface" else bulk("Cu", a=3.59, cubic=True) * (2, 2, 1)
    )
    strain = rng.uniform(-1, 1, (3, 3)) * (0.05 if kind == "strained" else 0.02)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += rng.normal(scale=0.16 if kind == "hot" else 0.06, size=atoms.positions.shape)
    atoms.pbc, atoms.info = True, {"config_type": kind}
    atoms.calc = EMT()
    atoms.get_forces(), atoms.get_stress()
    return atoms


def copper_data(folder: Path | None = None) -> None:
    """train.xyz and test.xyz, in the current folder if none is given."""
    folder = folder or Path()
    write(folder / "train.xyz", [copper(number) for number in range(45)])
    write(folder / "test.xyz", [copper(number) for number in range(100, 112)])


@cache
def _fitted() -> Path:
    from acegen.fit import fit

    folder = Path(tempfile.mkdtemp(prefix="copper"))
    copper_data(folder)
    (folder / "fit.toml").write_text(FIT)
    fit(folder / "fit.toml")
    return folder


def copper_fit() -> None:
    """The data, fit.toml and fits/cu in the current folder; fitted once in a process."""
    shutil.copytree(_fitted(), Path(), dirs_exist_ok=True)
