"""Rows of the design matrix of a linear fit, structure by structure or, for large structures, in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from acegen.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms

    from acegen.runtime.model import Model

Floats = NDArray[np.float64]


class DesignRows(NamedTuple):
    """What each column of the design matrix gives for a structure, or for some of its atoms.

    With coefficients c of shape (C,), `energy @ c` is the energy in eV, `forces @ c` the forces (N, 3) in eV/Å,
    `virial @ c` the virial in eV as xx, yy, zz, yz, xz, xy. Columns are the basis functions of centres of the model's
    first element, then of the second, and so on: C = (number of elements) × `n_basis`.
    """

    energy: Floats
    forces: Floats
    virial: Floats


@dataclass(frozen=True)
class DesignBlock:
    """Rows of the atoms `first` to `last` (exclusive) of structure number `structure`.

    `rows.energy` and `rows.virial` are the shares of these atoms; their sums over the blocks of a structure are its
    energy and virial.
    """

    structure: int
    first: int
    last: int
    rows: DesignRows


DEFAULT_BLOCK_BYTES = 256 * 1024**2


def design_blocks(
    model: Model, structures: Iterable[Atoms], block_bytes: int = DEFAULT_BLOCK_BYTES
) -> Iterator[DesignBlock]:
    """Rows of any number of structures, one block in memory at a time.

    Args:
        model: a compiled model.
        structures: structures, read as they are needed.
        block_bytes: bound on the size of a block's rows; a structure that needs more comes in several blocks.
            The kernel uses about as much again.

    Raises:
        StructureError: unknown elements, coincident atoms, values that are not finite, or a bound smaller than
            the rows of one atom.
    """
    per_atom = 3 * 8 * model.n_basis * len(model.elements)
    most = block_bytes // per_atom
    if most < 1:
        raise StructureError(f"block_bytes = {block_bytes:,} does not hold the rows of one atom ({per_atom:,} bytes).")
    for number, atoms in enumerate(structures):
        environments, neighbour = model.design_environments(atoms)
        for first in range(0, len(atoms), most):
            last = min(first + most, len(atoms))
            yield DesignBlock(number, first, last, model.design_part(environments, neighbour, first, last))
