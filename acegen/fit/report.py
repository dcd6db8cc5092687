"""The report of a fit: one document for people (Markdown) and one for programs (JSON), with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomli_w

from acegen.fit.bayes import BayesFit
from acegen.fit.compression import Repulsion
from acegen.fit.evaluation import ErrorRow, error_rows, table_cells
from acegen.fit.findings import Finding
from acegen.fit.folds import ALWAYS
from acegen.fit.recommended import Recommendation
from acegen.fit.repulsion import Held
from acegen.fit.result import FitResult
from acegen.fit.ridge import PathPoint, RidgeFit
from acegen.fit.uncertainty.reliability import reliability_document
from acegen.fit.uncertainty.report import committee_text, coverage_table, grade_table, grade_text
from acegen.printing import markdown
from acegen.store.documents import json_text
from acegen.store.ownership import REPORT, REPORT_FORMAT
from acegen.version import __version__

ERROR_HEADINGS = (
    "part", "kind", "conf.", "atoms", "E MAE", "E RMSE", "F MAE", "F RMSE", "V MAE", "V RMSE",
)  # fmt: skip
_LISTED = 30
"""Configurations that report.md names per finding."""

ERROR_UNITS = "E: energy and V: virial in meV/atom, F: force components in eV/Å"


def write_report(result: FitResult, folder: Path, pictures: Mapping[str, str]) -> None:
    """Write report.json, report.md and spec.toml, the whole spec, into `folder`.

    Args:
        result: the fit.
        folder: where to.
        pictures: caption by file name.
    """
    document = report_document(result)
    (folder / REPORT).write_text(json_text(document), encoding="utf-8")
    (folder / "spec.toml").write_text(tomli_w.dumps(result.settings.whole_spec.canonical()), encoding="utf-8")
    (folder / "report.md").write_text(_markdown(result, document, pictures), encoding="utf-8")


def report_document(result: FitResult) -> dict[str, Any]:
    """The report as plain values: energies eV/atom, forces eV/Å, times s, memory bytes."""
    spec, parts = result.settings.whole_spec, result.parts
    named = {"training": parts.training, "test": parts.test}
    return {
        "format": REPORT_FORMAT,
        "generator": f"acegen {__version__}",
        "name": spec.name,
        "settings": result.settings.model_dump(mode="json", by_alias=True, exclude={"spec"}),
        "spec": spec.canonical(),
        "recommendation": None if result.recommendation is None else _recommendation(result.recommendation),
        "basis_hash": result.coefficients.basis_hash,
        "functions": _functions(result),
        "atomic_energies": dict(result.coefficients.atomic_energies),
        "data": {
            name: {
                "configurations": len(part.configurations),
                "atoms": part.n_atoms,
                "labels": part.n_labels,
                "missing": part.missing,
            }
            for name, part in named.items()
        },
        "folds": {"number": parts.n_folds, "always_fitted": parts.folds.count(ALWAYS)},
        "findings": [{"text": finding.text, "configurations": list(finding.places)} for finding in result.findings],
        "solution": _solution(result.fit),
        "selection": None
        if result.selection is None
        else {"functions": len(result.selection.functions), "path": [list(point) for point in result.selection.path]},
        "errors": [asdict(row) for row in all_error_rows(result)],
        "uncertainty": reliability_document(result.uncertainty, result.reliability),
        "repulsion": _repulsion(result.repulsion),
        "held": None if result.fit.held is None else asdict(result.fit.held),
        "stages": [asdict(cost) for cost in result.costs],
        "assembly": {"units": result.n_units, "from_cache": result.n_cached},
    }


def _recommendation(found: Recommendation) -> dict[str, Any]:
    trials = [
        {"family": str(t.family), "functions": t.functions, "energy": t.energy, "forces": t.forces, "score": t.score}
        for t in found.trials
    ]
    return {"reasons": found.reasons, "trials": trials}


def _recommendation_lines(found: Recommendation | None) -> list[str]:
    if found is None:
        return []
    rows = [
        [
            str(t.family),
            f"{t.functions:,}",
            "" if t.energy is None else f"{t.energy * 1e3:.2f}",
            "" if t.forces is None else f"{t.forces:.4f}",
            f"{t.score:.3f}",
        ]
        for t in sorted(found.trials, key=lambda trial: trial.score)
    ]
    table = _table(("kind of basis", "functions", "val. E RMSE, meV/atom", "val. F RMSE, eV/Å", "score"), rows)
    return ["## Why this model", "", f"{found.reasons} The spec is in spec.toml.", "", *(table if rows else []), ""]


def _repulsion(found: Repulsion) -> dict[str, Any]:
    """By compressed structure: the smallest distance in the data, and that down to which the energy rises, Å."""
    curve = found.compression
    rows = {} if curve is None else {f"{curve.name}, scaled": {"data": curve.data, "rises_to": curve.rises_to}}
    for (first, second), reached in found.dimers.items():
        rows[f"{first}-{second} dimer"] = {"data": found.nearest[first, second], "rises_to": reached}
    return rows


def _held_lines(held: Held | None) -> list[str]:
    if held is None:
        return []
    text = (
        f"{held.n_structures:,} structures of the data, including dimers of all pairs, were compressed in small steps, "
        f"each of which had to raise the energy. The fit to the data alone met all but {held.missed_before:,} of the "
        f"{held.n_demands:,} demands. "
    )
    if held.price:
        text += (
            f"The nearest solution that satisfies them was taken: the objective of the fit rose by "
            f"{100 * held.price:.2g} %. {held.missed:,} demands are still missed."
        )
    return [text, ""]


def all_error_rows(result: FitResult) -> list[ErrorRow]:
    """Errors of a fit by part and kind of configuration: energies and virials in eV/atom, forces in eV/Å.

    Args:
        result: what `fit` returned.
    """
    return [row for part, comparisons in result.comparisons.items() for row in error_rows(part, comparisons)]


def _functions(result: FitResult) -> dict[str, Any]:
    values = result.coefficients.values
    used = sum(value != 0 for numbers in values.values() for value in numbers)
    by_order: dict[int, int] = {}
    for element, numbers in values.items():
        for label, value in zip(result.model.labels(element), numbers, strict=True):
            if value != 0:
                by_order[label.order] = by_order.get(label.order, 0) + 1
    return {"basis": result.problem.columns.n_functions, "used": used, "by_order": by_order}


def _solution(fit: RidgeFit | BayesFit) -> dict[str, Any]:
    if isinstance(fit, RidgeFit):
        return {
            "kind": "ridge",
            "chosen": _point(fit.chosen),
            "condition": fit.condition,
            "path": [_point(point) for point in fit.path],
        }
    return {
        "kind": "bayes",
        "noise": fit.noise,
        "precision": fit.precision,
        "smoothness": fit.smoothness,
        "evidence": fit.evidence,
        "effective_parameters": fit.freedom,
        "condition": fit.condition,
        "iterations": fit.iterations,
        "path": [{"smoothness": power, "evidence": value} for power, value in fit.path.items()],
    }


def _point(point: PathPoint) -> dict[str, Any]:
    return {
        "weights": point.weights._asdict(),
        "smoothness": point.smoothness,
        "strength": point.strength,
        "effective_parameters": point.freedom,
        "validation_rmse": point.validation,
        "evidence": point.evidence,
        "gcv": point.gcv,
        "score": point.score,
        "uncertainty": point.uncertainty,
    }


def _markdown(result: FitResult, document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    spec = result.settings.whole_spec
    counts = ", ".join(f"{n:,} of order {order}" for order, n in sorted(document["functions"]["by_order"].items()))
    energies = ", ".join(f"{element} {value:.6f}" for element, value in document["atomic_energies"].items())
    where = "given" if result.settings.atomic_energies is not None else "fitted"
    selected = "" if result.selection is None else " Functions were selected without the first fold, for all of them."
    lines = [
        f"# {markdown(spec.name)}",
        "",
        f"{spec.basis.expansion.capitalize()} basis of {', '.join(spec.basis.elements)}, order {spec.basis.order}: "
        f"{document['functions']['used']:,} functions ({counts}). Made by acegen {__version__}.",
        "",
        f"Atomic energies (eV, {where}): {energies}.",
        "",
        *_recommendation_lines(result.recommendation),
        "## Errors",
        "",
        f"{ERROR_UNITS}. Validation errors are those of fits with the same hyperparameters, each to the data without "
        f"the fold it predicts.{selected}",
        "",
        *_table(ERROR_HEADINGS, [table_cells(row, ".2f", ".4f") for row in all_error_rows(result)]),
        "",
        *_reliability_lines(result),
        "## Repulsion",
        "",
        *_held_lines(result.fit.held),
        "Distance (Å) down to which the energy rises monotonically, starting at the smallest one in the data; examined "
        "down to 0.5 Å.",
        "",
        *_table(
            ("compressed", "in the data", "rises to"),
            [[what, f"{row['data']:.3f}", f"{row['rises_to']:.3f}"] for what, row in document["repulsion"].items()],
        ),
        "",
        "## Data",
        "",
        *_table(
            (
                "part",
                "configurations",
                "atoms",
                "energies",
                "forces",
                "virials",
                "without energy",
                "without forces",
                "without virial",
            ),
            [
                [
                    name,
                    f"{part['configurations']:,}",
                    f"{part['atoms']:,}",
                    *(f"{part['labels'][q]:,}" for q in ("energy", "forces", "virial")),
                    *(f"{part['missing'].get(q, 0):,}" for q in ("energy", "forces", "virial")),
                ]
                for name, part in document["data"].items()
            ],
        ),
        "",
        *_finding_lines(result.findings),
        "## Solution",
        "",
        *_solution_lines(result.fit),
        "",
    ]
    if result.selection is not None and result.selection.path:
        lines += ["Validation error by number of functions:", "", *_selection_table(result), ""]
    lines += ["## Time and memory", "", *_stage_table(result), "", "## Pictures", ""]
    for file, caption in pictures.items():
        lines += [f"![{caption}]({file})", "", f"*{caption}*", ""]
    return "\n".join(lines)


def _reliability_lines(result: FitResult) -> list[str]:
    """Grades and uncertainty; empty if neither was asked for."""
    lines: list[str] = []
    for text, (headings, rows) in (
        (committee_text(result.uncertainty), coverage_table(result.reliability)),
        (grade_text(result.uncertainty), grade_table(result.reliability)),
    ):
        if text:
            lines += [text, "", *_table(headings, rows), ""]
    return ["## When not to trust it", "", *lines] if lines else []


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    """What to check in the data; empty if there is nothing."""
    if not findings:
        return []
    lines = ["## To check", ""]
    for finding in findings:
        left_out = len(finding.places) - _LISTED
        lines.append(f"- {markdown(finding.text)}{':' if finding.places else '.'}")
        lines += [f"  - {markdown(place)}" for place in finding.places[:_LISTED]]
        lines += [f"  - and {left_out:,} more: see report.json"] if left_out > 0 else []
    return [*lines, ""]


def _solution_lines(fit: RidgeFit | BayesFit) -> list[str]:
    if isinstance(fit, BayesFit):
        noise = ", ".join(f"{quantity} {value:.4g}" for quantity, value in fit.noise.items())
        return [
            f"Bayesian linear regression: noise {noise} (eV/atom, eV/Å), prior precision {fit.precision:.4g}, "
            f"smoothness {fit.smoothness:g}, {fit.freedom:.0f} effective parameters, evidence {fit.evidence:,.1f} "
            f"after {fit.iterations} iterations, condition number {fit.condition:.2e} with the prior.",
            "",
            *_table(("smoothness", "evidence"), [[f"{p:g}", f"{value:,.1f}"] for p, value in fit.path.items()]),
        ]
    chosen = fit.chosen
    candidates: dict[tuple[float, float, float], list[PathPoint]] = {}
    for point in fit.path:
        candidates.setdefault((point.weights.energy, point.weights.virial, point.smoothness), []).append(point)
    best = [min(points, key=lambda point: (point != chosen, point.score)) for points in candidates.values()]
    rows = [
        [
            f"{point.weights.energy:g}",
            f"{point.smoothness:g}",
            f"{point.strength:.2g}",
            f"{point.freedom:.0f}",
            *(f"{point.validation.get(q, float('nan')):.5g}" for q in ("energy", "forces")),
            f"{point.score:.3f} ± {point.uncertainty:.3f}",
            f"{point.evidence:,.0f}",
            "chosen" if point == chosen else "",
        ]
        for point in best
    ]
    headings = (
        "energy weight",
        "smoothness",
        "strength",
        "eff. parameters",
        "val. E",
        "val. F",
        "score",
        "evidence",
        "",
    )
    return [
        f"Ridge regression: strength {chosen.strength:.3g}, smoothness {chosen.smoothness:g}, weights energy "
        f"{chosen.weights.energy:g}, forces {chosen.weights.forces:g}, virial {chosen.weights.virial:g}; condition "
        f"number of the scaled problem {fit.condition:.2e}. The best strength for each candidate, with "
        "validation RMSE in eV/atom and eV/Å, the score by which candidates are compared (mean logarithm of errors, "
        "smaller is better) and the standard error of its difference to the best:",
        "",
        *_table(headings, rows),
    ]


def _selection_table(result: FitResult) -> list[str]:
    assert result.selection is not None
    rows = [
        [f"{count:,}", *(f"{errors.get(q, float('nan')):.5g}" for q in ("energy", "forces"))]
        for count, errors in result.selection.path
    ]
    return _table(("functions", "val. E RMSE", "val. F RMSE"), rows)


def _stage_table(result: FitResult) -> list[str]:
    rows = [
        [
            c.stage,
            f"{c.seconds:.1f}",
            f"{c.processor_seconds:.1f}",
            f"{c.peak / 2**20:,.0f}",
            f"{c.child_peak / 2**20:,.0f}",
        ]
        for c in result.costs
    ]
    total = sum(c.seconds for c in result.costs)
    rows.append(["total", f"{total:.1f}", f"{sum(c.processor_seconds for c in result.costs):.1f}", "", ""])
    headings = ("stage", "s", "processor s", "peak so far, MiB", "largest child, MiB")
    return _table(headings, rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(headings) + " |",
        "|" + "---|" * len(headings),
        *("| " + " | ".join(map(markdown, row)) + " |" for row in rows),
    ]
