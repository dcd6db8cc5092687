"""How well grades and standard deviations tell errors: measured on held-out and test data, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from acegen.fit.dataset import Configuration, Parts
from acegen.fit.evaluation import Comparison, Spread
from acegen.fit.uncertainty.calibration import Calibration, covered
from acegen.fit.uncertainty.grades import GradeFit, grades_of
from acegen.fit.uncertainty.stage import CommitteeFit, Fitted, UncertaintyFit, errors_of, spread_of_test
from acegen.store.uncertainty import LEVELS

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

SHARES = (0.5, 0.9, 0.99, 1.0)
"""Quantiles of grades that are reported."""


@dataclass(frozen=True)
class Coverage:
    """Predicted standard deviations of one quantity against errors, in one part of the data.

    Attributes:
        part, quantity: of the data.
        errors, deviations: (n,) of energies in eV/atom, of force components in eV/Å; without those that are zero by
            symmetry.
        configurations: number of configurations they are from.
        shares: of the errors within the intervals of `LEVELS`.
        correlation: of ranks, of standard deviations and errors; of forces by atom; None for fewer than three.
    """

    part: str
    quantity: str
    errors: Floats
    deviations: Floats
    configurations: int
    shares: tuple[float, ...]
    correlation: float | None


@dataclass(frozen=True)
class GradeRow:
    """Grades of the atoms of one part of the data.

    Attributes:
        part: "training", "held out" (graded by the data without their fold), or "test".
        grades: (n,).
        quantiles: at `SHARES`.
        above: shares of atoms above the two thresholds.
        correlation: of ranks, of grades and force errors; None without forces.
    """

    part: str
    grades: Floats
    quantiles: tuple[float, ...]
    above: tuple[float, float]
    correlation: float | None


@dataclass(frozen=True)
class Reliability:
    """All that is known; empty where nothing was asked for."""

    coverages: tuple[Coverage, ...]
    grades: tuple[GradeRow, ...]


def reliability(
    fitted: Fitted, found: UncertaintyFit, parts: Parts, comparisons: Mapping[str, Sequence[Comparison]]
) -> Reliability:
    """Measure grades and committee of a fit.

    Args:
        fitted: the fit.
        found: its uncertainty.
        parts: the data.
        comparisons: labels and predictions by part.
    """
    coverages: list[Coverage] = []
    if found.committee is not None:
        own = found.committee
        coverages += _coverages(own.part, own, own.comparisons, own.spreads)
        if parts.test.configurations:
            chosen, spreads = spread_of_test(fitted, own, parts.test)
            coverages += _coverages("test", own, [comparisons["test"][number] for number in chosen], spreads)
    rows = [] if found.grades is None else _grade_rows(fitted, found.grades, parts, comparisons)
    return Reliability(tuple(coverages), tuple(rows))


def _coverages(
    part: str, committee: CommitteeFit, comparisons: Sequence[Comparison], spreads: Sequence[Spread]
) -> list[Coverage]:
    rows = []
    calibrations: dict[str, Calibration] = {"energy": committee.energy, "forces": committee.forces}
    for quantity, found in errors_of(comparisons, spreads).items():
        kept = found.informative
        if len(kept.errors):
            own = calibrations[quantity]
            pairs = (found.errors, own.deviations(found.variances))
            by_atom = [np.linalg.norm(one.reshape(-1, 3 if quantity == "forces" else 1), axis=1) for one in pairs]
            rows.append(
                Coverage(
                    part,
                    quantity,
                    kept.errors,
                    own.deviations(kept.variances),
                    len(np.unique(kept.configurations)),
                    covered(kept.errors, kept.variances, own),
                    rank_correlation(*by_atom),
                )
            )
    return rows


def _grade_rows(
    fitted: Fitted, found: GradeFit, parts: Parts, comparisons: Mapping[str, Sequence[Comparison]]
) -> list[GradeRow]:
    thresholds, training = found.grades.thresholds, parts.training.configurations
    errors = force_errors(training, comparisons["training"])
    rows = [_row("training", found.training, thresholds, _at(errors, found.environments))]
    known = ~np.isnan(found.held_out)
    if known.any():
        order = [i for fold in range(parts.n_folds) for i, own in enumerate(parts.folds) if own == fold]
        unseen = force_errors([training[i] for i in order], comparisons.get("validation", ()))
        by_number = dict(zip(order, unseen, strict=False))
        whole = [by_number.get(i, np.full(len(c.atoms), np.nan)) for i, c in enumerate(training)]
        places = found.environments[known]
        rows.append(_row("held out", found.held_out[known], thresholds, _at(whole, places)))
    if parts.test.configurations:
        test = parts.test.configurations
        grades, places = grades_of(fitted.basis, found.grades, test)
        rows.append(_row("test", grades, thresholds, _at(force_errors(test, comparisons["test"]), places)))
    return rows


def _row(part: str, grades: Floats, thresholds: tuple[float, float], errors: Floats) -> GradeRow:
    quantiles = tuple(float(q) for q in np.quantile(grades, SHARES))
    first, second = (float(np.mean(grades > threshold)) for threshold in thresholds)
    known = ~np.isnan(errors)
    return GradeRow(part, grades, quantiles, (first, second), rank_correlation(errors[known], grades[known]))


def force_errors(configurations: Sequence[Configuration], comparisons: Sequence[Comparison]) -> list[Floats]:
    """Norm of the error of each atom's force by configuration, (N,) in eV/Å; NaN where there is no label."""
    found = []
    for configuration, own in zip(configurations, comparisons, strict=False):
        errors = np.full(len(configuration.atoms), np.nan)
        if own.forces is not None:
            label, predicted = own.forces
            errors[configuration.force_weights > 0] = np.linalg.norm(predicted - label, axis=1)
        found.append(errors)
    return found


def _at(by_configuration: Sequence[Floats], places: Numbers) -> Floats:
    """The numbers of some atoms, by configuration and atom."""
    first = np.cumsum([0, *map(len, by_configuration)])
    whole = np.concatenate([*by_configuration, np.zeros(0)])
    chosen: Floats = whole[first[places[:, 0]] + places[:, 1]]
    return chosen


def rank_correlation(first: Floats, second: Floats) -> float | None:
    """Spearman's, of two series (n,); None for fewer than three, or if one is constant."""
    if len(first) < 3:
        return None
    ranks = [rankdata(series) for series in (first, second)]
    if min(float(np.ptp(own)) for own in ranks) == 0:
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def reliability_document(found: UncertaintyFit, measured: Reliability) -> dict[str, Any]:
    """The numbers as plain values: energies eV/atom, forces eV/Å."""
    committee, grades = found.committee, found.grades
    return {
        "committee": None
        if committee is None
        else {
            "members": committee.members.shape[1],
            "calibrated_by": committee.part,
            "inflation": committee.inflation,
            "energy": asdict(committee.energy),
            "forces": asdict(committee.forces),
            "levels": list(LEVELS),
            "coverage": [
                {
                    "part": row.part,
                    "quantity": row.quantity,
                    "count": len(row.errors),
                    "configurations": row.configurations,
                    "shares": list(row.shares),
                    "rank_correlation": row.correlation,
                }
                for row in measured.coverages
            ],
        },
        "grades": None
        if grades is None
        else {
            "kind": grades.grades.kind,
            "rows": grades.grades.rows.shape[1],
            "error": grades.grades.error,
            "thresholds": list(grades.grades.thresholds),
            "distribution": [
                {
                    "part": row.part,
                    "atoms": len(row.grades),
                    "quantiles": dict(zip(map(str, SHARES), row.quantiles, strict=True)),
                    "above": list(row.above),
                    "rank_correlation": row.correlation,
                }
                for row in measured.grades
            ],
            "active_sets": {
                element: {"rows": len(own.rows), "unit_rows": own.n_units} for element, own in grades.active.items()
            },
        },
    }
