"""What a fit would do, without doing it: for `acegen fit --dry-run`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

import acegen
from acegen.basis.estimate import check_size, estimate_size
from acegen.compiler import compiled_basis
from acegen.fit.assembly import (
    SMALL,
    bytes_of_block,
    cells_of,
    composition_directions,
    make_assembler,
    placed_units,
)
from acegen.fit.consistency import check_content
from acegen.fit.continued import continue_from, reconsidered
from acegen.fit.data import read_parts
from acegen.fit.dataset import Dataset, Parts
from acegen.fit.findings import Finding
from acegen.fit.recommended import candidates, pilot_folder
from acegen.fit.request import ModelRequest
from acegen.fit.settings import QUANTITIES, FitSettings
from acegen.fit.unit import REDUCED
from acegen.spec import Spec
from acegen.store.ownership import FitFolder

_PROBE = 600
"""Columns of the matrix whose factorization tells how fast the machine is."""

_PROBE_SECONDS = 0.033
"""Of that factorization on the machine on which the costs below were measured: one core of an Intel Xeon, 2.6 GHz."""

# Seconds on that machine, from default fits to silicon (order 4, 1,048 functions), tantalum, water, acetylacetone and
# copper.
_PILOT, _PILOT_PER_PAIR = 2.3, 0.5
_BASIS, _BASIS_PER_PRODUCT = 1.8, 8e-5
_ASSEMBLY, _PROCESSES, _FLOPS = 0.4, 2.1, 11e9
_REPULSION, _REPULSION_PER_FUNCTION, _SOLVE_PER_COLUMN_SQUARED = 1.5, 5e-3, 2.2e-5
_UNCERTAINTY, _UNCERTAINTY_PER_ATOM, _UNCERTAINTY_PER_VALUE = 1.2e-3, 4e-5, 3.6e-7
_COMPILE, _COMPILE_PER_PRODUCT = 3.0, 5.0e-4
_REPORT, _REPORT_PER_ATOM = 2.5, 1.5e-4

_FOUND, _SAVED = 0.3, 0.8
"""Seconds to find something in the cache, and what part of the time of a small model it saves."""

_USUAL_CANDIDATES, _USUAL_FOLDS = 6, 5
"""Of weights and smoothness, and folds, in the fits from which `_SOLVE_PER_COLUMN_SQUARED` is."""

_START, _PER_FUNCTION, _PER_COLUMN = 230 * 2**20, 430_000, 150_000
"""Peak memory of these fits besides triangles, bytes: to begin with, for each function of a centre, for each column."""


@dataclass(frozen=True)
class Cached:
    """What earlier fits have left of this one.

    Attributes:
        folder: the cache.
        spec: the model whose basis is compiled; None if there is none.
        finished: units of the assembly of this model that are there.
        units: all its units; 0 if no basis is compiled, since they are known by its hash.
        pilots: small models that are there.
    """

    folder: str
    spec: Spec | None
    finished: int
    units: int
    pilots: int


@dataclass(frozen=True)
class Plan:
    """What a fit would do.

    Attributes:
        settings: complete, or still with the request for a model.
        target: the folder that it would write.
        replaces: whether there is a fit in it that would be replaced.
        parts: the data, with folds; configurations that a fit to be continued knows are in `parts.known`.
        cached: what is there already.
        pilots: small models that would be compared to choose one.
        specs: the model; or those of which one would be chosen by cross-validation.
        functions: functions of a centre, smallest and largest of these models.
        columns: unknowns of the largest.
        rows: of the design matrix, by quantity.
        seconds: estimated for the largest, by stage.
        triangles: of the assembly, bytes at most.
        memory: estimated peak, bytes.
        findings: what is odd about the data.
    """

    settings: FitSettings
    target: Path
    replaces: bool
    parts: Parts
    cached: Cached
    pilots: tuple[Spec, ...]
    specs: tuple[Spec, ...]
    functions: tuple[int, int]
    columns: int
    rows: dict[str, int]
    seconds: dict[str, float]
    triangles: int
    memory: int
    findings: tuple[Finding, ...]


def plan(given: FitSettings) -> Plan:
    """Read and check the data of a fit as it would do, and estimate the rest. Nothing is written.

    Times are estimates, relative to a factorization that is timed here.

    Raises:
        FitError, SpecError: as the fit would, as far as data and settings are concerned.
    """
    target = Path(given.output) / given.spec.name
    FitFolder().check(target)
    settings, previous = continue_from(given)
    parts = read_parts(settings, previous)
    findings: list[Finding] = []
    if previous is not None:
        settings, parts, findings = reconsidered(given, settings, previous, parts)
    findings += check_content(parts, settings)
    requested = isinstance(settings.spec, ModelRequest)
    pilots, specs = candidates(settings, parts) if requested else ((), (settings.whole_spec,))
    if not requested:
        check_size(specs[0])
    sizes = [(sum(size.functions), sum(size.products)) for size in map(estimate_size, specs)]
    functions = [count for count, _ in sizes]
    n_elements = len(settings.elements)
    directions = 0
    if settings.atomic_energies is None:
        directions = composition_directions(parts.training.configurations, settings.elements, ()).shape[1]
    columns = n_elements * max(functions) + directions
    bytes_of_block(settings, n_elements * min(functions))
    cached = _cached(settings, parts, pilots, specs)
    rows = {quantity: parts.training.n_labels[quantity] for quantity in QUANTITIES}
    products = max(count for _, count in sizes)
    seconds = _seconds(settings, parts, len(pilots), max(functions), columns, sum(rows.values()), products)
    if cached.pilots:
        seconds["model"] *= 1 - _SAVED * cached.pilots / len(pilots)
    if cached.units:
        seconds["basis"] = _FOUND
        seconds["assembly"] = _FOUND + seconds["assembly"] * (1 - cached.finished / cached.units)
    rate = _slowness()
    triangles = _triangle_bytes(parts, columns + 1)  # with the targets
    return Plan(
        settings=settings,
        target=target,
        replaces=target.exists(),
        parts=parts,
        cached=cached,
        pilots=pilots,
        specs=specs,
        functions=(min(functions), max(functions)),
        columns=columns,
        rows=rows,
        seconds={stage: rate * value for stage, value in seconds.items()},
        triangles=triangles,
        memory=_START + triangles + _PER_FUNCTION * max(functions) + _PER_COLUMN * columns,
        findings=tuple(findings),
    )


def _cached(settings: FitSettings, parts: Parts, pilots: Sequence[Spec], specs: Sequence[Spec]) -> Cached:
    """Of the models that could be chosen, at most one is in the cache: they have the same name."""
    folder = str(Path(settings.cache_folder).resolve())
    compared = sum(compiled_basis(spec, pilot_folder(folder, i)) is not None for i, spec in enumerate(pilots))
    for spec in specs:
        target = compiled_basis(spec, folder)
        if target is not None:
            own = settings.model_copy(update={"spec": spec})
            assembler = make_assembler(own, acegen.load(target), parts, folder)
            data = parts.training.configurations
            units = [tuple(data[i] for i in unit.members) for unit in placed_units(assembler, parts)]
            return Cached(
                folder, spec, sum(assembler.finished(unit) is not None for unit in units), len(units), compared
            )
    return Cached(folder, None, 0, 0, compared)


def _triangle_bytes(parts: Parts, columns: int) -> int:
    """Rows of all cells: those of energies, and at most as many as columns of every other quantity."""
    cells = cells_of(parts, columns)
    for unit in parts.known:
        own = (parts.training.configurations[i] for i in unit.members)
        cells.setdefault((unit.fold, unit.kind), []).extend(own)
    labels = [Dataset(tuple(configurations)).n_labels for configurations in cells.values()]
    n_rows = sum(min(n, columns) if q in REDUCED else n for own in labels for q, n in own.items())
    return 8 * n_rows * columns


def _seconds(
    settings: FitSettings, parts: Parts, n_pilots: int, functions: int, columns: int, n_rows: int, products: int
) -> dict[str, float]:
    """By stage, on the machine of the constants."""
    solver, weights, atoms = settings.solver, settings.weights, parts.training.n_atoms
    n_elements, processes = len(settings.elements), settings.assembly.processes
    flops = 2 * n_rows * columns**2
    tried = len(weights.energy) * len(weights.virial) * len(solver.smoothness)
    share = (1 + tried) / (1 + _USUAL_CANDIDATES) * (1 + parts.n_folds) / (1 + _USUAL_FOLDS)
    pilots = n_pilots * (_PILOT + _PILOT_PER_PAIR * (n_elements * (n_elements + 1) // 2 - 1))
    everything = atoms + parts.test.n_atoms
    given, known = settings.spec, settings.uncertainty
    repulsion = solver.repulsion and (isinstance(given, ModelRequest) or bool(given.zbl and given.inner_cutoff))
    uncertain = known.grade != "none" or known.members > 0
    uncertainty = _UNCERTAINTY * functions + (_UNCERTAINTY_PER_ATOM + _UNCERTAINTY_PER_VALUE * functions) * atoms
    return {
        **({"model": pilots} if isinstance(given, ModelRequest) else {}),
        "basis": _BASIS + _BASIS_PER_PRODUCT * products,
        "assembly": _ASSEMBLY + _PROCESSES * (atoms * columns >= SMALL) + flops / _FLOPS / processes,
        "solve": (_REPULSION + _REPULSION_PER_FUNCTION * functions) * repulsion
        + _SOLVE_PER_COLUMN_SQUARED * columns**2 * share,
        "uncertainty": uncertainty * uncertain,
        "compile": _COMPILE + _COMPILE_PER_PRODUCT * products,
        "report": _REPORT + _REPORT_PER_ATOM * everything,
    }


def _slowness() -> float:
    """Time of a factorization relative to the machine of the constants; the best of three."""
    matrix = np.random.default_rng(0).normal(size=(2 * _PROBE, _PROBE))
    times: list[float] = []
    with threadpool_limits(1):
        for _ in range(3):
            start = time.perf_counter()
            scipy.linalg.qr(matrix, mode="r", check_finite=False)
            times.append(time.perf_counter() - start)
    return min(times) / _PROBE_SECONDS


def total_seconds(seconds: Sequence[float]) -> str:
    """A time in words that do not promise more than an estimate can."""
    whole = sum(seconds)
    return f"about {whole:.0f} s" if whole < 100 else f"about {whole / 60:.0f} minutes"
