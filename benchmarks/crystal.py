"""Dynamics of a silicon crystal in LAMMPS, the same for all potentials, and models that describe silicon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

import acegen
from benchmarks.context import Context
from benchmarks.lammps import Lammps, Run
from benchmarks.settings import Cells, Size

LATTICE = 5.47
"""Lattice constant of the potential in examples/silicon, Å."""

ATOMS_A_CELL = 8
AS_NEEDED = "every 1 delay 0 check yes"
BUILD_EVERY = 20
REGULARLY = f"every {BUILD_EVERY} delay 0 check no"
"""When neighbour lists are built. Whether a crystal needs one in a short run is luck, so that costs would be random."""

WARM_UP = 2
"""Steps before those that are timed."""

_FITTED = Path(__file__).parent.parent / "examples" / "silicon" / "si_o3d12.coefficients.json"
_EXAMPLE = Size(3, 12)
_TINY = 1e-10
_INPUT = f"""units metal
atom_style atomic
lattice diamond {LATTICE}
region box block 0 ${{x}} 0 ${{y}} 0 ${{z}}
create_box 1 box
create_atoms 1 box
mass 1 28.085
displace_atoms all random 0.1 0.1 0.1 4711 units box
velocity all create 500 4711 loop geom
pair_style ${{pair}}
pair_coeff ${{coeff}}
neighbor ${{skin}} bin
neigh_modify ${{lists}}
timestep 0.001
if "${{move}} == 1" then "fix move all nve"
include ${{watch}}
thermo 100
run ${{warm}}
run ${{steps}}
if "${{write}} == 1" then "write_dump all custom ${{dump}} x y z modify format float %.17g"
if "${{rest}} > 0" then "shell sleep ${{rest}}"
"""


@dataclass(frozen=True)
class Potential:
    """What LAMMPS uses.

    Attributes:
        name: for tables.
        lammps: the program.
        pair: arguments of pair_style.
        coeff: arguments of pair_coeff.
        size: of the model, if it is one of acegen or has the same basis.
        moves: whether it describes silicon, so that atoms may move.
    """

    name: str
    lammps: Lammps
    pair: str
    coeff: str
    size: Size | None = None
    moves: bool = True

    def variables(
        self,
        cells: Cells,
        steps: int,
        skin: float = 1.0,
        lists: str = AS_NEEDED,
        dump: Path | None = None,
        rest: float = 0.0,
        watch: Path | None = None,
    ) -> Mapping[str, object]:
        """Variables of the input.

        `rest` is how long the program stays alive when it is done, in seconds; `watch` a file of more commands.
        """
        x, y, z = cells
        return {
            "x": x,
            "y": y,
            "z": z,
            "warm": WARM_UP,
            "steps": steps,
            "skin": skin,
            "lists": lists,
            "move": int(self.moves),
            "pair": self.pair,
            "coeff": self.coeff,
            "write": int(dump is not None),
            "dump": dump or "none",
            "rest": rest,
            "watch": watch or "/dev/null",
        }

    def run(
        self,
        folder: Path,
        cells: Cells,
        steps: int,
        skin: float = 1.0,
        lists: str = AS_NEEDED,
        processes: int = 1,
        dump: Path | None = None,
        watch: Path | None = None,
    ) -> Run:
        """Simulate, and return what LAMMPS says about the timed steps."""
        variables = self.variables(cells, steps, skin, lists, dump, watch=watch)
        return self.lammps.run(write_input(folder), variables, processes)[-1]


def write_input(folder: Path) -> Path:
    """The input of all simulations."""
    script = folder / "in.crystal"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(_INPUT, encoding="utf-8")
    return script


def n_atoms(cells: Cells) -> int:
    """Number of atoms of a crystal."""
    return int(ATOMS_A_CELL * np.prod(cells))


def read_dump(path: Path, cells: Cells) -> Atoms:
    """The atoms at the end of a simulation, in the order of LAMMPS."""
    positions = np.loadtxt(path, skiprows=9, ndmin=2)
    return Atoms(f"Si{len(positions)}", positions=positions, cell=[LATTICE * edge for edge in cells], pbc=True)


def silicon_model(context: Context, size: Size) -> acegen.Model:
    """A model whose potential is that of the silicon example, whatever its size.

    The larger bases contain all functions of the example. These have its coefficients, the others nearly zero. So
    crystals are stable, and all sizes follow the same trajectory and build lists at the same steps; only their times
    differ.

    Raises:
        CoefficientError: the coefficients of the example belong to another basis.
    """
    example = acegen.compile(
        _EXAMPLE.spec(_EXAMPLE.name("silicon")), context.modules, _FITTED, options=context.options()
    )
    if size == _EXAMPLE:
        return example
    fitted = json.loads(_FITTED.read_text(encoding="utf-8"))
    labels = context.compile(size).labels("Si")
    known = dict(zip(example.labels("Si"), fitted["coefficients"]["Si"], strict=True))
    tiny = np.random.default_rng(0).normal(scale=_TINY, size=len(labels))
    values: NDArray[np.float64] = np.array([known.get(label, c) for label, c in zip(labels, tiny, strict=True)])
    return acegen.compile(size.spec(size.name("silicon")), context.modules, {"Si": values}, options=context.options())
