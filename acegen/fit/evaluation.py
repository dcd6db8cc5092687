"""Predictions of a model for labelled configurations, and errors by kind of configuration."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acegen.errors import IsolatedAtomWarning
from acegen.fit.dataset import UNNAMED, Configuration, Dataset
from acegen.fit.problem import Solution
from acegen.fit.voigt import SIZE, voigt
from acegen.progress import Progress
from acegen.runtime import Model, Result, design_blocks

Floats = NDArray[np.float64]

ALL = "all"
"""Kind under which errors of all configurations together are given."""


@dataclass(frozen=True)
class Comparison:
    """Labels and predictions of one configuration; None: no label.

    Attributes:
        config_type: kind of the configuration.
        n_atoms: its atoms.
        energy: eV/atom.
        forces: (n, 3), eV/Å, of the atoms whose forces are used.
        virial: (6,) as xx, yy, zz, yz, xz, xy, eV/atom.
    """

    config_type: str
    n_atoms: int
    energy: tuple[float, float] | None
    forces: tuple[Floats, Floats] | None
    virial: tuple[Floats, Floats] | None


@dataclass(frozen=True)
class Spread:
    """Variances of the predictions of one configuration among members of a posterior.

    Energy in (eV/atom)², forces (n, 3) in (eV/Å)², for the atoms whose forces are used.
    """

    energy: float
    forces: Floats


@dataclass(frozen=True)
class QuantityError:
    """Mean absolute and root mean square error over `count` numbers, and the largest error."""

    count: int
    mae: float
    rmse: float
    largest: float


@dataclass(frozen=True)
class ErrorRow:
    """Errors of one kind of configuration in one part of the data; None where there are no labels.

    Energies and virials in eV/atom, forces by component in eV/Å.
    """

    part: str
    config_type: str
    n_configurations: int
    n_atoms: int
    energy: QuantityError | None
    forces: QuantityError | None
    virial: QuantityError | None


def compare(model: Model, dataset: Dataset, progress: Progress) -> list[Comparison]:
    """Predictions of a compiled potential, next to the labels.

    Args:
        model: the potential.
        dataset: labelled configurations of its elements.
        progress: receives the number of configurations done.

    Returns:
        One comparison for each configuration, in order.

    Raises:
        StructureError: a configuration the model cannot evaluate.
    """

    def predictions() -> Iterator[tuple[float, Floats, Floats]]:
        for done, configuration in enumerate(dataset.configurations):
            progress.advance(done, len(dataset.configurations))
            result = model.compute(configuration.atoms)
            yield float(result.energies.sum()), result.forces, voigt(result.virial)

    return _compared(dataset.configurations, predictions())


def compare_linear(
    model: Model, solution: Solution, composition: Floats, atomic_energies: Floats, dataset: Dataset, block_bytes: int
) -> list[Comparison]:
    """Predictions by coefficients that were not compiled, from the design rows of a basis.

    Args:
        model: the compiled basis.
        solution: coefficients of functions and of directions of composition.
        composition: (elements, k) the directions.
        atomic_energies: (elements,) that were subtracted before the fit, eV.
        dataset: what to predict.
        block_bytes: bound on the rows in memory.
    """
    isolated = atomic_energies + composition @ solution.composition

    def predictions() -> Iterator[tuple[float, Floats, Floats]]:
        everything = _linear(model, solution.functions[:, None], dataset, block_bytes)
        for configuration, values in zip(dataset.configurations, everything, strict=True):
            yield _whole(configuration, values, model, isolated)

    return _compared(dataset.configurations, predictions())


def compare_with_spread(
    model: Model,
    solution: Solution,
    members: Solution,
    composition: Floats,
    atomic_energies: Floats,
    dataset: Dataset,
    block_bytes: int,
) -> tuple[list[Comparison], list[Spread]]:
    """As `compare_linear`, with the spread of deviations (C, K) and (k, K) from the solution, from the same rows."""
    isolated = atomic_energies + composition @ solution.composition
    functions = np.column_stack([solution.functions, members.functions])
    spreads: list[Spread] = []

    def predictions() -> Iterator[tuple[float, Floats, Floats]]:
        everything = _linear(model, functions, dataset, block_bytes)
        for configuration, values in zip(dataset.configurations, everything, strict=True):
            spreads.append(_spread(configuration, values.but_first(), model, composition @ members.composition))
            yield _whole(configuration, values, model, isolated)

    return _compared(dataset.configurations, predictions()), spreads


def spread(model: Model, members: Solution, composition: Floats, dataset: Dataset, block_bytes: int) -> list[Spread]:
    """The spread of deviations; see `compare_with_spread`."""
    energies = composition @ members.composition
    everything = _linear(model, members.functions, dataset, block_bytes)
    return [_spread(c, values, model, energies) for c, values in zip(dataset.configurations, everything, strict=True)]


@dataclass(frozen=True)
class _Values:
    """Energy (S,), forces (N, 3, S) and virial (6, S) of one configuration by S sets of coefficients of functions."""

    energy: Floats
    forces: Floats
    virial: Floats
    reference: Callable[[], Result]

    def but_first(self) -> _Values:
        """Without the first set."""
        return _Values(self.energy[1:], self.forces[..., 1:], self.virial[:, 1:], self.reference)


def _linear(model: Model, functions: Floats, dataset: Dataset, block_bytes: int) -> Iterator[_Values]:
    """Values of each configuration for coefficients (C, S), with one block of design rows in memory."""
    n = functions.shape[1]
    forces: list[Floats] = []
    energy, virial = np.zeros(n), np.zeros((SIZE, n))
    for block in design_blocks(model, (c.atoms for c in dataset.configurations), block_bytes):
        energy = energy + block.rows.energy @ functions
        virial = virial + block.rows.virial @ functions
        rows = block.rows.forces.reshape(-1, len(functions))  # column-major as given: nothing is copied
        forces.append((rows @ functions).reshape(-1, 3, n))
        if block.last == len(dataset.configurations[block.structure].atoms):
            yield _Values(energy, np.concatenate(forces), virial, block.reference)
            forces, energy, virial = [], np.zeros(n), np.zeros((SIZE, n))


def _whole(
    configuration: Configuration, values: _Values, model: Model, isolated: Floats
) -> tuple[float, Floats, Floats]:
    """Energy, forces and virial by the first set of coefficients, isolated atoms and the reference potential."""
    reference = values.reference()
    atomic = float(configuration.counts(model.elements) @ isolated)
    total = float(values.energy[0]) + atomic + float(reference.energies.sum())
    return total, values.forces[..., 0] + reference.forces, values.virial[:, 0] + voigt(reference.virial)


def _spread(configuration: Configuration, values: _Values, model: Model, energies: Floats) -> Spread:
    """Mean squares of deviations whose energies of single atoms are (elements, S)."""
    whole = values.energy + configuration.counts(model.elements) @ energies
    counted = configuration.force_weights > 0
    per_atom = float(np.mean(whole**2)) / len(configuration.atoms) ** 2
    return Spread(per_atom, np.mean(values.forces[counted] ** 2, axis=-1))


def error_rows(part: str, comparisons: Sequence[Comparison]) -> list[ErrorRow]:
    """Errors by kind of configuration, then for all together, unless there is only one kind.

    Args:
        part: what the configurations are called in the rows: "training", "test".
        comparisons: labels and predictions, from `compare`.
    """
    kinds = sorted({c.config_type for c in comparisons})
    groups = [(kind, [c for c in comparisons if c.config_type == kind]) for kind in kinds]
    if kinds == [UNNAMED]:
        groups = []
    if len(groups) != 1:
        groups.append((ALL, list(comparisons)))
    rows = []
    for kind, group in groups:
        errors = {name: _error([getattr(c, name) for c in group]) for name in ("energy", "forces", "virial")}
        rows.append(ErrorRow(part, kind, len(group), sum(c.n_atoms for c in group), **errors))
    return rows


def total_row(part: str, comparisons: Sequence[Comparison]) -> ErrorRow:
    """Errors of all configurations of a part."""
    return error_rows(part, comparisons)[-1]


def _compared(
    configurations: Sequence[Configuration], predictions: Iterator[tuple[float, Floats, Floats]]
) -> list[Comparison]:
    comparisons = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsolatedAtomWarning)
        for c, (energy, forces, virial) in zip(configurations, predictions, strict=True):
            n, counted = len(c.atoms), c.force_weights > 0
            comparisons.append(
                Comparison(
                    c.config_type,
                    n,
                    None if c.energy is None else (c.energy / n, energy / n),
                    None if c.forces is None else (c.forces[counted], forces[counted]),
                    None if c.virial is None else (c.virial / n, virial / n),
                )
            )
    return comparisons


def _error(pairs: Sequence[Any]) -> QuantityError | None:
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return None
    difference = np.concatenate([np.ravel(np.subtract(predicted, label)) for label, predicted in known])
    magnitude = np.abs(difference)
    rmse = float(np.sqrt(np.mean(difference**2)))
    return QuantityError(difference.size, float(magnitude.mean()), rmse, float(magnitude.max()))


def table_cells(row: ErrorRow, energy: str, forces: str) -> list[str]:
    """Cells of a table of errors: energies and virials in meV/atom with format `energy`, forces with `forces`."""
    cells = [row.part, row.config_type, f"{row.n_configurations:,}", f"{row.n_atoms:,}"]
    for error, factor, form in ((row.energy, 1e3, energy), (row.forces, 1.0, forces), (row.virial, 1e3, energy)):
        cells += ["", ""] if error is None else [f"{error.mae * factor:{form}}", f"{error.rmse * factor:{form}}"]
    return cells
