"""The assembly stage: all units of a fit, wherever they are computed, combined into a `Problem`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from acegen.errors import FitError
from acegen.fit.columns import Columns
from acegen.fit.compiled import CompiledBasis
from acegen.fit.dataset import Configuration, Parts, PlacedUnit
from acegen.fit.folds import ALWAYS
from acegen.fit.problem import Cell, Problem
from acegen.fit.settings import FitSettings
from acegen.fit.unit import Assembler, Factors
from acegen.fit.workers import Tree, assemble_here, assemble_in_processes, assemble_on_cluster
from acegen.progress import Progress
from acegen.runtime import Model

Floats = NDArray[np.float64]

_SHARES = 256
"""Approximate number of units: enough for many processes to end at about the same time. It does not depend on the
number of processes, so results do not either."""

_TALL = 4
"""Minimum ratio of rows to columns of a unit: combining two triangles takes about as long as factorizing half as many
rows as columns, so an eighth of the time to compute them."""

SMALL = 1_000_000
"""Atoms times columns that take no longer than starting processes."""

_CELL_BYTES = 2**29
"""Memory for the triangles of all cells, for one quantity."""

_BUFFERS = 4
"""Memory of a process in units of the rows of a block: block, kernel, buffer, and the workspace of QR."""


def make_assembler(settings: FitSettings, model: Model, parts: Parts, cache: str) -> Assembler:
    """The data shared by all units of a fit.

    Raises:
        FitError: the rows of one atom need more than the memory.
    """
    elements = model.elements
    configurations = parts.training.configurations
    given = settings.atomic_energies
    directions = np.zeros((len(elements), 0))
    if given is None:
        directions = composition_directions(configurations, elements, parts.composition)
    block_bytes = bytes_of_block(settings, Columns.of_model(model, 0).n_functions)
    return Assembler(
        basis=CompiledBasis(str(Path(cache) / settings.spec.name), model.basis_hash, settings.whole_spec),
        composition=tuple(map(tuple, directions.tolist())),
        atomic_energies=tuple((given or {}).get(element, 0.0) for element in elements),
        atoms_power=settings.weights.atoms,
        block_bytes=block_bytes,
        cache=cache,
    )


def bytes_of_block(settings: FitSettings, n_functions: int) -> int:
    """Memory of a process for rows, bytes.

    Args:
        settings: of the fit.
        n_functions: of all centres together.

    Raises:
        FitError: the rows of one atom need more.
    """
    processes = settings.assembly.processes
    block_bytes = settings.assembly.memory // (processes * _BUFFERS)
    per_atom = 3 * 8 * n_functions
    if block_bytes < per_atom:
        raise FitError(
            f"assembly.memory = {settings.assembly.memory:,} bytes for assembly.processes = {processes} does not hold "
            f"the rows of one atom. Give at least {-(-per_atom * processes * _BUFFERS // 2**20)} MiB, or fewer "
            "processes."
        )
    return block_bytes


def assemble(settings: FitSettings, assembler: Assembler, parts: Parts, progress: Progress) -> tuple[Problem, int, int]:
    """Assemble the training data, cell by cell.

    Returns:
        The problem, the number of units found in the cache, and the number of all units.

    Raises:
        FitError: workers die, or there is no cluster.
        StructureError: a configuration the basis cannot evaluate.
    """
    model = assembler.model
    columns = assembler.columns.count
    atoms = parts.training.n_atoms
    processes = settings.assembly.processes
    placed = placed_units(assembler, parts)
    units = [tuple(parts.training.configurations[i] for i in unit.members) for unit in placed]
    places = [(unit.fold, unit.kind) for unit in placed]
    first = {place: places.index(place) for place in dict.fromkeys(places)}
    n_known = sum(assembler.finished(unit) is not None for unit in units)
    totals: dict[tuple[int, str], Factors] = {}
    if settings.assembly.dask is not None:
        for done, result in assemble_on_cluster(assembler, units, places, settings.assembly.dask):
            progress.advance(done, len(units))
            totals |= result or {}
    else:
        small = processes == 1 or atoms * columns < SMALL or len(units) - n_known < 2
        local = assemble_here(assembler, units) if small else assemble_in_processes(assembler, units, processes)
        trees = {place: Tree(places.count(place)) for place in first}
        with closing(local):
            for done, (number, factors) in enumerate(local, start=1):
                progress.advance(done, len(units))
                with threadpool_limits(1):  # more threads would compete with the processes for cores
                    trees[places[number]].add(number - first[places[number]], factors)
        totals |= {place: tree.total for place, tree in trees.items() if tree.total is not None}
    cells = tuple(Cell(fold, kind, totals[fold, kind]) for fold, kind in first)
    return Problem(cells, assembler.columns, _levels(settings, model)), n_known, len(units)


def placed_units(assembler: Assembler, parts: Parts) -> list[PlacedUnit]:
    """All units, those of a cell together. Known ones remain as they were, so that they are found in the cache."""
    columns, atoms = assembler.columns.count, parts.training.n_atoms
    unit_bytes = min(assembler.block_bytes, 8 * columns * max(3 * atoms // _SHARES, _TALL * columns))
    placed = list(parts.known)
    numbers = {id(c): number for number, c in enumerate(parts.training.configurations)}
    for (fold, kind), configurations in cells_of(parts, columns).items():
        for unit in units_of(configurations, columns, unit_bytes):
            placed.append(PlacedUnit(fold, kind, tuple(numbers[id(c)] for c in unit)))
    return sorted(placed, key=lambda unit: (unit.fold, unit.kind))


def cells_of(parts: Parts, columns: int) -> dict[tuple[int, str], list[Configuration]]:
    """Configurations that are in no known unit by fold and kind, in order.

    The smallest kinds are merged, so that triangles of all folds and kinds fit into `_CELL_BYTES`. Configurations that
    are never held out form one cell.
    """
    known = {number for unit in parts.known for number in unit.members}
    alone_before = {unit.kind for unit in parts.known}
    most = max(1, _CELL_BYTES // (8 * columns**2 * max(1, parts.n_folds)))
    atoms: Counter[str] = Counter()
    for c in parts.training.configurations:
        atoms[c.config_type] += len(c.atoms)
    ranked = sorted(atoms, key=lambda kind: (kind not in alone_before, -atoms[kind], kind))
    alone = set(ranked if len(ranked) <= most else ranked[: most - 1])
    cells: dict[tuple[int, str], list[Configuration]] = {}
    for number, (c, fold) in enumerate(zip(parts.training.configurations, parts.folds, strict=True)):
        if number in known:
            continue
        kind = "" if fold == ALWAYS or c.config_type not in alone else c.config_type
        cells.setdefault((fold, kind), []).append(c)
    return dict(sorted(cells.items()))


def _levels(settings: FitSettings, model: Model) -> Floats:
    weight = float(settings.whole_spec.basis.angular_weight)
    return np.array([sum(f.n) + weight * sum(f.l) for z in model.elements for f in model.labels(z)])


def units_of(configurations: Sequence[Configuration], columns: int, unit_bytes: int) -> list[tuple[Configuration, ...]]:
    """Configurations in order, cut into units whose rows take about `unit_bytes`; a larger one is a unit by itself."""
    most = max(1, unit_bytes // (3 * 8 * columns))
    units: list[tuple[Configuration, ...]] = []
    current: list[Configuration] = []
    atoms = 0
    for configuration in configurations:
        size = len(configuration.atoms)
        if current and atoms + size > most:
            units.append(tuple(current))
            current, atoms = [], 0
        current.append(configuration)
        atoms += size
    return [*units, tuple(current)] if current else units


def composition_directions(
    configurations: Sequence[Configuration], elements: Sequence[str], known: Sequence[Sequence[float]] = ()
) -> Floats:
    """Orthonormal directions (elements, k) that the compositions of configurations with an energy span.

    The data do not determine atomic energies along other directions, which are left at zero. Directions of the fit that
    is continued, `known` (elements, k), are taken as they were if they span the same, so that cached units stay valid.
    """
    counts = np.array([c.counts(elements) for c in configurations if c.energy is not None]).reshape(-1, len(elements))
    counts /= np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if np.linalg.matrix_rank(counts) == len(elements):
        return np.eye(len(elements))  # independent of the other compositions, so that cached units stay valid
    values, vectors = np.linalg.eigh(counts.T @ counts)
    directions: Floats = vectors[:, values > 1e-10 * max(1.0, float(values.max(initial=0.0)))]
    before = np.array(known, dtype=np.float64).reshape(len(elements), -1)
    same = before.shape == directions.shape and np.allclose(before @ before.T, directions @ directions.T, atol=1e-8)
    return before if same else directions
