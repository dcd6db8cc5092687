"""Prior knowledge without labels: compressed beyond the data, a structure's energy rises with compression.

Where there are no data, polynomials are unconstrained: energies of crystals fitted without dense ones fall by hundreds
of eV/atom before the core begins. That the energy rises from each scale of a structure to the next is a linear
inequality for the coefficients. Of all coefficients that satisfy these demands, those nearest to the solution in the
metric of its posterior are taken; they move along the directions that the data determine least, so the fit to the data
is as good, or nearly.

Least distance under inequalities is solved by nonnegative least squares (Lawson, Hanson, Solving Least Squares
Problems, ch. 23).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import nnls

from acegen.fit.columns import Columns
from acegen.fit.compression import closest_pairs, energy_per_atom, first_contact, scaled, small_structures
from acegen.fit.dataset import Dataset
from acegen.fit.problem import Solution
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.spec import Spec
from acegen.spec.fields import by_pair
from acegen.store.archives import read_arrays, write_arrays

Floats = NDArray[np.float64]

_STEP = 0.005
"""Decrease of the scale from one demand to the next, in units of the scale at which the first pair is as close as in
the data."""

_RISE = 5e-4
"""Minimum rise of the energy in a step, eV/atom."""

_SLACK = 1e-5
"""eV/atom by which a demand may be missed at the cost of one standard deviation of the posterior."""

_DENSER = 0.98
"""Demands on crystals begin at this scale of the densest one in the data."""

_NEAREST = 0.3
"""Å; smallest distance under compression."""

_STRUCTURES, _ALL_ATOMS = 24, 1200

_FOLDER = "compressed"
"""Folder in the cache of a fit, of paths of compressed structures."""


@dataclass(frozen=True)
class Demands:
    """The inequalities rows · c ≥ rises for the coefficients c of all functions.

    Attributes:
        rows: (m, C) difference of a structure's energy per atom from one scale to the next, by coefficient, eV.
        rises: (m,) eV/atom.
        n_structures: number of compressed structures, including dimers.
    """

    rows: Floats
    rises: Floats
    n_structures: int

    def missed(self, functions: Floats) -> int:
        """Number of demands that these coefficients (C,) miss by more than half of the minimum rise."""
        return int(np.sum(self.rows @ functions < self.rises - 0.5 * _RISE))


@dataclass(frozen=True)
class Held:
    """How a solution was made to satisfy the demands.

    Attributes:
        n_structures: compressed structures.
        n_demands: demands.
        missed_before: number of demands that the fit to the data alone misses.
        missed: number still missed, because the functions cannot satisfy them.
        price: relative increase of the fit's objective.
    """

    n_structures: int
    n_demands: int
    missed_before: int
    missed: int
    price: float


def squeezed(
    spec: Spec,
    basis: Model,
    data: Dataset,
    nearest: Mapping[tuple[str, str], float],
    progress: Progress,
    cache: str | None = None,
) -> Demands | None:
    """Demands for the structure of lowest energy of each kind in the data, some more, and a dimer of each pair.

    Each is compressed from where it is as dense as the densest of the data, or its first pair as close as in the data,
    until the inner cutoff has switched off all of it.

    Args:
        spec: the specification.
        basis: its compiled basis.
        data: the training data.
        nearest: smallest distance by pair of elements in them, Å, in the order of the basis's elements.
        progress: receives the number of structures done.
        cache: folder for what is computed of each structure, for the next fit of this basis; or None.

    Returns:
        None for a specification without a core and an inner cutoff, which define where the demands end.
    """
    if spec.zbl is None or spec.inner_cutoff is None:
        return None
    elements = spec.basis.elements
    begins = by_pair(spec.inner_cutoff.outer, elements)
    pairs = combinations_with_replacement(elements, 2)
    lengths = {pair: nearest.get(pair, begins["-".join(pair)]) for pair in pairs}
    closest = closest_pairs(lengths, elements)
    densest = min((_volume(c.atoms) for c in data.configurations if _fills_space(c.atoms)), default=None)
    structures = _structures(data) + [Atoms(pair, [[0, 0, 0], [0, 0, length]]) for pair, length in lengths.items()]
    rows, rises = [], []
    for done, atoms in enumerate(structures):
        progress.advance(done, len(structures))
        start = _start(atoms, basis, closest, densest)
        if start is None:
            continue
        functions, fixed = _kept_path(atoms, basis, start, cache)
        if len(functions) > 1:
            rows.append(np.diff(functions, axis=0))
            rises.append(_RISE - np.diff(fixed))
    if not rows:
        return None
    matrix, bound = np.concatenate(rows), np.concatenate(rises)
    free = np.abs(matrix).max(axis=1) > 0
    return Demands(matrix[free], bound[free], len(rows))


def nearest_that_obeys(functions: Floats, root: Floats, demands: Demands, noise: float) -> Floats:
    """The move in the posterior, z (K,), such that functions + root z satisfies the demands and ‖z‖ is least.

    Args:
        functions: (C,) the solution.
        root: (C, K): its covariance, up to the noise, is root rootᵀ.
        demands: the inequalities. Demands that cannot be met are missed by as little as possible.
        noise: standard deviation of the rows of the fit.
    """
    matrix, bound = demands.rows @ root, demands.rises - demands.rows @ functions
    z: Floats = np.zeros(root.shape[1])
    looked_at = np.zeros(len(bound), dtype=bool)
    while True:  # few demands are active: only those missed on the way are included
        missed = (matrix @ z < bound - 0.1 * _RISE) & ~looked_at if looked_at.any() else bound > 0
        if not missed.any():
            return z
        looked_at |= missed
        z = _least(matrix[looked_at], bound[looked_at], _SLACK / max(noise, 1e-300))


def _least(matrix: Floats, bound: Floats, slack: float) -> Floats:
    """The shortest z with matrix z ≥ bound, where each row may be missed by `slack` at the cost of a length of one."""
    own = np.hstack([matrix, np.diag(np.full(len(bound), slack))])
    sizes = np.linalg.norm(own, axis=1)
    stacked = np.vstack([(own / sizes[:, None]).T, bound / sizes])
    target = np.zeros(len(stacked))
    target[-1] = 1.0
    multipliers, _ = nnls(stacked, target, maxiter=20 * len(bound))
    residual = stacked @ multipliers - target
    z: Floats = -residual[: matrix.shape[1]] / residual[-1]
    return z


def held(demands: Demands, before: Solution, after: Solution, price: float) -> Held:
    """Summary of how a solution was moved."""
    missed = [demands.missed(solution.functions) for solution in (before, after)]
    return Held(demands.n_structures, len(demands.rises), missed[0], missed[1], price)


def _structures(data: Dataset) -> list[Atoms]:
    """The structure of lowest energy per atom of each kind, and more of them, evenly spread; one if all are large."""
    some = small_structures(data.configurations)
    lowest: dict[str, int] = {}
    for number, c in enumerate(some):
        known = lowest.get(c.config_type)
        if known is None or energy_per_atom(c) < energy_per_atom(some[known]):
            lowest[c.config_type] = number
    first = list(lowest.values())[:_STRUCTURES]
    chosen: list[Atoms] = []
    for number in dict.fromkeys([*first, *range(0, len(some), max(1, len(some) // _STRUCTURES))]):
        if len(chosen) < _STRUCTURES and sum(map(len, chosen)) < _ALL_ATOMS:
            chosen.append(some[number].atoms)
    return chosen


def _fills_space(atoms: Atoms) -> bool:
    return bool(atoms.pbc.all()) and atoms.cell.rank == 3


def _volume(atoms: Atoms) -> float:
    return float(atoms.get_volume()) / len(atoms)


class _Start(NamedTuple):
    """Where compression begins: smallest distance of the structure, Å, scale of first contact, and first scale."""

    smallest: float
    contact: float
    scale: float


def _start(atoms: Atoms, basis: Model, closest: Floats, densest: float | None) -> _Start | None:
    """Where compression begins; None for structures without neighbours."""
    found = first_contact(atoms, basis, closest)
    if found is None:
        return None
    smallest, contact = found
    if densest is None or not _fills_space(atoms):
        return _Start(smallest, contact, contact)
    return _Start(smallest, contact, min(1.0, max(contact, _DENSER * (densest / _volume(atoms)) ** (1 / 3))))


def _kept_path(atoms: Atoms, basis: Model, start: _Start, cache: str | None) -> tuple[Floats, Floats]:
    """The path of a structure as arrays (m, C) and (m,), from the cache if it is there."""
    n_functions = Columns.of_model(basis, 0).n_functions
    file = None if cache is None else Path(cache) / _FOLDER / f"{_key(atoms, basis, start)}.npz"
    if file is not None:
        with suppress(OSError, ValueError, KeyError):
            arrays = read_arrays(file)
            functions, fixed = arrays["functions"], arrays["fixed"]
            whole = functions.shape == (len(fixed), n_functions) and functions.dtype == fixed.dtype == np.float64
            if whole and np.isfinite(functions).all() and np.isfinite(fixed).all():
                return functions, fixed
    path = [*_path(atoms, basis, start)]
    functions = np.array([row for row, _ in path]).reshape(len(path), n_functions)
    fixed = np.array([energy for _, energy in path])
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(file, {"functions": functions, "fixed": fixed})
    return functions, fixed


def _key(atoms: Atoms, basis: Model, start: _Start) -> str:
    """Hash of everything a path depends on."""
    digest = hashlib.sha256(repr((basis.basis_hash, start, _STEP, _NEAREST)).encode())
    for part in (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:32]


def _path(atoms: Atoms, basis: Model, start: _Start) -> Iterator[tuple[Floats, float]]:
    """Per atom, at falling scales: sums of all functions (C,), and the energy without coefficients, eV."""
    species = np.array([basis.elements.index(symbol) for symbol in atoms.get_chemical_symbols()])
    smallest, contact, scale = start
    columns = Columns.of_model(basis, 0)
    of_element = np.array([species == number for number in range(len(basis.elements))], dtype=float)
    while scale * smallest > _NEAREST:
        own = scaled(atoms, scale)
        environments, pairs = basis.environments(own)
        functions = columns.in_order(of_element @ basis.basis_values(environments)) / len(own)
        yield functions, float(basis.reference_of(environments, pairs).energies.mean())
        if not functions.any():
            return
        scale -= _STEP * contact
