"""How well hyperparameters predict held-out data: a figure of merit that no single configuration decides.

For solutions S along the path of a candidate, every held-out energy and every cell of forces is predicted by the fit
without its fold. The merit is the mean over energies and forces of a mean logarithm of errors,

    energies  mean over configurations of ½ log(e² + f²), f the smallest median |e| on all of the path,
    forces    mean over kinds, weighted by their numbers, of ½ log(s² + f²), s the root mean square error of a kind in
              all folds, f a tenth of the smallest such error of all kinds together,

that is, the negative logarithm of a likelihood with heavy tails (energies) and with noise by kind (forces), apart from
constants. A floor f limits the influence of errors that happen to be near zero; a single energy, which has no median,
is ignored where there are forces: its error crosses zero somewhere. Virials are scored, like forces, only where there
is nothing else: they follow from energies and forces, and favoured a weaker prior than is good for these (tantalum).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from acegen.fit.columns import residuals
from acegen.fit.problem import Cell
from acegen.fit.settings import QUANTITIES

Floats = NDArray[np.float64]

_FLOOR = 0.1
"""Floor of the errors of cells, in units of the smallest error of all together."""

_LEAST = 1e-8
"""Smallest floor, eV/atom and eV/Å: smaller errors are the digits of files, or rounding of forces zero by symmetry."""


@dataclass(frozen=True)
class Residuals:
    """Squared errors of one quantity in one cell: (rows, S) of single rows, or (1, S) means of `count` rows."""

    fold: int
    kind: str
    squares: Floats
    count: int
    single: bool

    def total(self) -> Floats:
        """(S,) sum over all rows."""
        sums: Floats = self.squares.sum(axis=0) * (self.count / len(self.squares))
        return sums


Predictions = dict[str, list[Residuals]]
"""Residuals of all held-out cells by quantity."""


def predict(cells: Sequence[Cell], coefficients: Floats) -> Predictions:
    """Residuals of cells for solutions.

    Args:
        cells: the held-out cells.
        coefficients: (n, S) in the order of `Columns`, a solution a column.
    """
    found: Predictions = {quantity: [] for quantity in QUANTITIES}
    for cell in cells:
        for quantity in QUANTITIES:
            factor = cell.factors[quantity]
            if not factor.n_rows:
                continue
            squares = residuals(factor.matrix, coefficients) ** 2
            if not factor.single:
                squares = squares.sum(axis=0, keepdims=True) / factor.n_rows
            found[quantity].append(Residuals(cell.fold, cell.kind, squares, factor.n_rows, factor.single))
    return found


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Residuals of several folds."""
    return {quantity: [r for part in parts for r in part[quantity]] for quantity in QUANTITIES}


def rms(several: Sequence[Residuals]) -> Floats:
    """(S,) root mean square error of all rows."""
    total: Floats = np.sqrt(reduce(np.add, (r.total() for r in several)) / sum(r.count for r in several))
    return total


def floors(candidates: Sequence[Predictions]) -> dict[str, float]:
    """The floor of each quantity for comparing candidates, from all of them."""
    found = {}
    for quantity in QUANTITIES:
        least = []
        for predictions in candidates:
            own = predictions[quantity]
            if own and all(r.single for r in own):
                least.append(np.sqrt(np.median(np.vstack([r.squares for r in own]), axis=0)).min())
            elif own:
                least.append(_FLOOR * rms(own).min())
        if least:
            found[quantity] = max(float(min(least)), _LEAST)
    lone = all(sum(r.count for r in predictions["energy"]) == 1 for predictions in candidates)
    return {"forces": found["forces"]} if lone and "forces" in found else found


def merit(predictions: Predictions, floor: dict[str, float]) -> Floats:
    """(S,) the figure of merit, smaller is better; the mean over the quantities that have a floor."""
    means = [_log_errors(predictions[q], floor[q]) for q in _decisive(floor) if predictions[q]]
    mean: Floats = np.mean(means, axis=0)
    return mean


@dataclass(frozen=True)
class Best:
    """The best of a candidate's solutions: its score, and root mean square errors by quantity."""

    score: float
    errors: dict[str, float]


def compared(candidates: Sequence[Predictions]) -> list[Best]:
    """The best solution of each candidate, by scores with common floors."""
    floor = floors(candidates)
    best = []
    for predictions in candidates:
        scores = merit(predictions, floor)
        k = int(scores.argmin())
        best.append(Best(float(scores[k]), {q: float(rms(own)[k]) for q, own in predictions.items() if own}))
    return best


def merit_by_fold(predictions: Predictions, floor: dict[str, float]) -> Floats:
    """(folds, S) the figure of merit of each fold that has a decisive quantity, by itself."""
    decisive = _decisive(floor)
    folds = sorted({r.fold for quantity in decisive for r in predictions[quantity]})
    rows = [merit({q: [r for r in own if r.fold == fold] for q, own in predictions.items()}, floor) for fold in folds]
    return np.array(rows)


def _decisive(floor: dict[str, float]) -> list[str]:
    return [q for q in floor if q != "virial"] or list(floor)


def _log_errors(several: Sequence[Residuals], floor: float) -> Floats:
    if all(r.single for r in several):
        rows = np.vstack([r.squares for r in several])
        single: Floats = 0.5 * np.log(rows + floor**2).mean(axis=0)
        return single
    kinds: dict[str, list[Residuals]] = {}
    for r in several:
        kinds.setdefault(r.kind, []).append(r)
    counts = [sum(r.count for r in own) for own in kinds.values()]
    logs = [np.log(rms(own) ** 2 + floor**2) for own in kinds.values()]
    weighted: Floats = 0.5 * np.average(logs, axis=0, weights=counts)
    return weighted
