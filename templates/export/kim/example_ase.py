"""The example structure evaluated in ASE through KIM, next to what acegen gave in Python.

Needs the packages ase and kimpy, and the model installed: `make install-user`, or `make` and what README.md says.
"""

import json
from pathlib import Path

import numpy as np
from ase.calculators.kim import KIM
from ase.io import read

here = Path(__file__).parent
atoms = read(here / "example.xyz")
expected = {name: atoms.calc.results[name] for name in ("energy", "forces", "stress")}

atoms.wrap()  # ASE's KIM calculator is wrong for atoms two or more cells outside
atoms.calc = KIM(json.loads((here / "export.json").read_text())["name"])

for name, value in expected.items():
    print(f"{name:7s} differs from Python by up to {np.abs(atoms.calc.get_property(name, atoms) - value).max():.1e}")
