"""Rows of the design matrix of a linear fit, by structure, or in parts for large structures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from acegen.errors import StructureError
from acegen.runtime.model import Model
from acegen.runtime.results import DesignRows, Result

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class DesignBlock:
    """Rows of the atoms `first` to `last` (exclusive) of structure number `structure`.

    `rows.energy` and `rows.virial` are the contributions of these atoms; summed over the blocks of a structure they
    give its energy and virial. `reference()` is the model's for the whole structure, from the same neighbour list.
    """

    structure: int
    first: int
    last: int
    rows: DesignRows
    reference: Callable[[], Result] = field(repr=False, compare=False)


DEFAULT_BLOCK_BYTES = 256 * 1024**2


def design_blocks(
    model: Model, structures: Iterable[Atoms], block_bytes: int = DEFAULT_BLOCK_BYTES
) -> Iterator[DesignBlock]:
    """Rows of any number of structures, with one block in memory at a time.

    Args:
        model: a compiled model.
        structures: the structures, read as needed.
        block_bytes: bound on the size of a block's rows; a structure that needs more is split into several.
            The kernel uses about as much memory again.

    Raises:
        StructureError: unknown elements, coincident atoms, values that are not finite, or a bound smaller than
            the rows of one atom.
        ModuleError: the model has no basis functions, since it was made from a potential file.
    """
    model.require_basis()
    per_atom = 3 * 8 * model.n_basis * len(model.elements)
    most = block_bytes // per_atom
    if most < 1:
        raise StructureError(
            f"block_bytes = {block_bytes:,} is too small for the rows of one atom ({per_atom:,} bytes)."
        )
    for number, atoms in enumerate(structures):
        environments, pairs = model.environments(atoms)
        reference = partial(model.reference_of, environments, pairs)
        for first in range(0, len(atoms), most):
            last = min(first + most, len(atoms))
            yield DesignBlock(number, first, last, model.design_part(environments, pairs, first, last), reference)
