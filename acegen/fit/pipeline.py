"""A fit, stage by stage.

stage     input → output
--------  ------------------------------------------------------------------------------------------
data      FIT.toml → `FitSettings`; labelled configurations → `Parts`: training data with folds, test data.
model     elements and data → `Recommendation`: the `Spec`, where none was given.
basis     `Spec` → the compiled basis.
assembly  `Parts` → `Problem`: triangles of the design matrix.
solve     `Problem` → `RidgeFit` or `BayesFit`: hyperparameters decided, coefficients with their posterior.
uncertainty  posteriors and training data → `UncertaintyFit`: grades and committee, calibrated by held-out folds.
compile   coefficients and uncertainty → the compiled potential.
errors    potential and `Parts` → labels and predictions, next to each other.
report    all of it → `DIR/NAME/`, complete or not at all.

Data are checked against the needs of the model (`consistency`), before the solution against a first fit, and after it
against the predictions (`crosscheck`): impossible data are errors, suspicious ones warnings, repeated in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import acegen
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.bayes import BayesFit
from acegen.fit.clock import StageClock, Subordinate
from acegen.fit.columns import Columns
from acegen.fit.compression import squeeze
from acegen.fit.consistency import check_content, energy_deviations
from acegen.fit.continued import check_basis, continue_from, reconsidered, record_of
from acegen.fit.crosscheck import check_against_first_fit, check_energy_groups, check_predictions
from acegen.fit.curves import nearest_distances
from acegen.fit.data import describe_missing, read_parts
from acegen.fit.dataset import Dataset, Parts
from acegen.fit.evaluation import Comparison, compare, compare_linear
from acegen.fit.findings import Finding, warn_of
from acegen.fit.folds import ALWAYS
from acegen.fit.problem import Inferred, Problem, Solution
from acegen.fit.recommended import Recommendation, recommend
from acegen.fit.repulsion import squeezed
from acegen.fit.request import ModelRequest
from acegen.fit.result import FitResult
from acegen.fit.ridge import RidgeFit
from acegen.fit.selection import Selection
from acegen.fit.settings import QUANTITIES, FitSource, load_settings
from acegen.fit.solve import solve
from acegen.fit.training import write_record
from acegen.fit.uncertainty.reliability import reliability
from acegen.fit.uncertainty.stage import Fitted, UncertaintyFit, quantify, thinning
from acegen.fit.unit import Assembler
from acegen.progress import Progress, Silent
from acegen.runtime import Model
from acegen.store.archives import write_arrays
from acegen.store.coefficients import Coefficients, write_coefficients
from acegen.store.files import COEFFICIENTS
from acegen.store.ownership import FitFolder
from acegen.store.posterior import write_posterior
from acegen.store.uncertainty import bound_to

Floats = NDArray[np.float64]

ACTIVE_SETS = "active_sets.npz"
"""Name of the file of active sets in a fit's folder."""

_LARGE = 1e9
"""Bytes of a posterior that is written without being asked for: that of 11,000 columns. Selecting needs it."""


def fit(source: FitSource, progress: Progress | None = None) -> FitResult:
    """Fit a potential and write it, with a report, to `output`/NAME.

    Args:
        source: a FIT.toml, a mapping of the same shape, or `FitSettings`.
        progress: receives each stage; silent by default.

    Raises:
        FitError, SpecError, BuildError, StructureError: with one clear message; what was in `output`/NAME is then
            untouched, and finished parts of the assembly are kept for the next attempt.
    """
    clock = StageClock(progress or Silent())
    with clock.stage("data"):
        settings = given = load_settings(source)
        target = Path(settings.output) / settings.spec.name
        FitFolder().check(target)
        requested = settings.spec
        settings, previous = continue_from(settings)
        parts = read_parts(settings, previous)
        findings: list[Finding] = []
        if previous is not None:
            settings, parts, findings = reconsidered(given, settings, previous, parts)
        findings += check_content(parts, settings)
        warn_of(findings)
        clock.report(_describe_data(parts))
    cache = str(Path(settings.cache_folder).resolve())  # workers start elsewhere
    recommendation = None
    if isinstance(settings.spec, ModelRequest):
        with clock.stage("model"):
            recommendation = recommend(settings, parts, cache, clock)
            settings = settings.model_copy(update={"spec": recommendation.spec})
            clock.report(_describe_model(recommendation))
    with clock.stage("basis"):
        basis = acegen.compile(settings.whole_spec, cache, progress=Subordinate(clock))
        if previous is not None:
            check_basis(previous, basis.basis_hash, settings.data.previous)
        clock.report(f"{Columns.of_model(basis, 0).n_functions:,} functions of {', '.join(basis.elements)}")
    with clock.stage("assembly"):
        assembler = make_assembler(settings, basis, parts, cache)
        problem, n_cached, n_units = assemble(settings, assembler, parts, clock)
        known = f", {n_cached} of {n_units} units from the cache" if n_cached else ""
        rows = sum(problem.everything[q].n_rows for q in QUANTITIES)
        clock.report(f"{rows:,} rows × {problem.columns.n_functions:,} columns{known}")
    with clock.stage("solve"):
        contradictions = check_against_first_fit(problem, settings, parts, _linear(basis, assembler))
        warn_of(contradictions)
        findings += contradictions
        nearest = nearest_distances(parts.training, basis.elements, basis.cutoff)
        demands = None
        if settings.solver.repulsion:
            demands = squeezed(settings.whole_spec, basis, parts.training, nearest, clock, cache)
        kept = None if previous is None or settings.data.search else previous.hyperparameters
        thinned = thinning(settings.uncertainty)
        found, selection, held_out = solve(problem, settings, clock, demands, kept, thinned)
        clock.report(_describe_solution(found))
    with clock.stage("uncertainty"):
        unseen = None if settings.solver.refit else 0
        fitted = _fitted(basis, assembler, problem, found, selection, held_out, unseen)
        uncertain = quantify(fitted, settings.uncertainty, parts, clock)
        warn_of(uncertain.findings)
        findings += uncertain.findings
        clock.report(_describe_uncertainty(uncertain))
    with FitFolder().making(target) as staging:
        with clock.stage("compile"):
            coefficients = _coefficients(basis, assembler, found.solution)
            beside = bound_to(coefficients, uncertain.uncertainty)
            uncertain = replace(uncertain, uncertainty=beside)
            compiled = None if beside.grades is None and beside.committee is None else beside
            potential = acegen.compile(
                settings.whole_spec, staging, coefficients, Subordinate(clock), uncertainty=compiled
            )
            write_coefficients(
                staging / COEFFICIENTS, basis.basis_hash, coefficients.values, coefficients.atomic_energies
            )
            findings += _write_posterior(potential, fitted, settings.solver.kind == "bayes")
            _write_active_sets(staging, uncertain)
            clock.report(str(target / potential.name))
        with clock.stage("errors"):
            comparisons = _comparisons(potential, uncertain.validation, parts, clock)
            odd = _odd(parts, comparisons, basis.elements)
            warn_of(odd)
            clock.report(f"{sum(map(len, comparisons.values())):,} configurations")
        with clock.stage("report"):
            from acegen.fit.pictures import draw_pictures  # Matplotlib takes a second to import
            from acegen.fit.report import write_report

            repulsion = squeeze(potential, parts.training, nearest)
            result = FitResult(
                settings, recommendation, target, potential, parts, problem, found, selection, coefficients,
                uncertain, reliability(fitted, uncertain, parts, comparisons), comparisons, (*findings, *odd),
                repulsion, (), n_cached, n_units,
            )  # fmt: skip
            pictures = draw_pictures(result, staging)
            clock.report(f"report.md, report.json, {len(pictures)} pictures")
        result = replace(result, costs=clock.costs)
        write_report(result, staging, pictures)
        write_record(record_of(result, requested, assembler, kept), staging)
    return replace(result, model=acegen.load(target / potential.name))


def _coefficients(basis: Model, assembler: Assembler, solution: Solution) -> Coefficients:
    values = assembler.columns.by_element(solution.functions)
    isolated = np.array(assembler.atomic_energies) + np.array(assembler.composition) @ solution.composition
    return Coefficients(
        {element: list(map(float, row)) for element, row in zip(basis.elements, values, strict=True)},
        {element: float(energy) for element, energy in zip(basis.elements, isolated, strict=True)},
        basis.basis_hash,
    )


def _fitted(
    basis: Model,
    assembler: Assembler,
    problem: Problem,
    found: RidgeFit | BayesFit,
    selection: Selection | None,
    held_out: Sequence[Inferred],
    unseen: int | None,
) -> Fitted:
    functions = problem.used if selection is None else np.intersect1d(selection.functions, problem.used)
    functions = np.union1d(functions, problem.unseen)  # an environment where one of them is not zero is new
    if isinstance(found, BayesFit):
        whole = Inferred(found.solution.functions, found.solution.composition, found.factor)
        n_rows, freedom = sum(problem.everything[q].n_rows for q in QUANTITIES), found.freedom
        prior = problem.prior_of_unseen(found.precision**-0.5, found.smoothness)
    else:
        whole, freedom = found.solution, found.chosen.freedom
        n_rows = sum(problem.everything[q].n_rows for q in QUANTITIES if getattr(found.chosen.weights, q) > 0)
        prior = problem.prior_of_unseen(found.prior, found.chosen.smoothness)
    if selection is None:
        whole = replace(whole, factor=np.hstack([whole.factor, prior]))
    return Fitted(basis, assembler, whole, held_out, functions, freedom / max(1, n_rows), unseen)


def _write_posterior(potential: Model, fitted: Fitted, always: bool) -> list[Finding]:
    """Write the posterior, unless it was not asked for and is large: a finding then says so."""
    columns, factor = fitted.columns, fitted.whole.factor
    if factor.nbytes > _LARGE and not always:
        return [
            Finding(
                f"the posterior of the coefficients, {factor.nbytes / 1e6:,.0f} MB, was not written: committee and "
                "grades are compiled into the potential, but acegen select needs it, except for --method maxvol. "
                'solver.kind = "bayes" writes it'
            )
        ]
    energies = fitted.composition @ factor[columns.composition]
    write_posterior(potential.path, factor[columns.functions], fitted.basis.basis_hash, energies)
    return []


def _write_active_sets(folder: Path, uncertain: UncertaintyFit) -> None:
    """By element the (m, 2) configuration, counted from 0, and atom of each member; -1 for unit rows."""
    if uncertain.grades is not None and uncertain.grades.members:
        write_arrays(folder / ACTIVE_SETS, dict(uncertain.grades.members))


def _comparisons(
    potential: Model, validation: Sequence[Comparison], parts: Parts, progress: Progress
) -> dict[str, list[Comparison]]:
    comparisons = {"training": compare(potential, parts.training, progress)}
    if validation:
        comparisons["validation"] = list(validation)
    if parts.test.configurations:
        comparisons["test"] = compare(potential, parts.test, progress)
    return comparisons


def _linear(basis: Model, assembler: Assembler) -> Callable[[Solution, Dataset], list[Comparison]]:
    """Predictions by coefficients that were not compiled."""
    composition, isolated = np.array(assembler.composition), np.array(assembler.atomic_energies)
    return lambda solution, data: compare_linear(basis, solution, composition, isolated, data, assembler.block_bytes)


def _odd(parts: Parts, comparisons: Mapping[str, list[Comparison]], elements: Sequence[str]) -> list[Finding]:
    """Configurations that the potential describes much worse than the others."""
    named = {"training": parts.training, "test": parts.test}
    compared = {part: own for part, own in comparisons.items() if part in named}
    everything = [c for part in compared for c in named[part].configurations]
    deviations, spread = energy_deviations(everything, elements)
    findings = check_energy_groups(everything, [c for own in compared.values() for c in own], deviations)
    for part, own in compared.items():
        findings += check_predictions(named[part], own, deviations[: len(own)], spread, part)
        deviations = deviations[len(own) :]
    return findings


def _describe_data(parts: Parts) -> str:
    named = (("training", parts.training), ("test", parts.test))
    counts = ", ".join(f"{len(part.configurations):,} {name}" for name, part in named if part.configurations)
    left_out = describe_missing(parts.training)
    known = f", {sum(len(unit.members) for unit in parts.known):,} of them known" if parts.known else ""
    always = parts.folds.count(ALWAYS)
    folds = f", {parts.n_folds} folds" if parts.n_folds > 1 else ""
    held = f" ({len(parts.folds) - always:,} held out for validation)" if parts.n_folds == 1 else ""
    return f"{counts} configurations{held}{known}{folds}{f'; training:{left_out[1:]}' if left_out else ''}"


def _describe_model(recommendation: Recommendation) -> str:
    spec = recommendation.spec
    levels = ", ".join(f"{float(level):g}" for level in spec.levels)
    return (
        f"{spec.radial.transform}, order {spec.basis.order}, levels {levels}, angular weight "
        f"{float(spec.basis.angular_weight):g}"
    )


def _describe_uncertainty(found: UncertaintyFit) -> str:
    parts = []
    if found.committee is not None:
        count = found.committee.members.shape[1]
        parts.append(f"committee of {count}, scaled by {found.committee.forces.scale:.2g} for forces")
    if found.grades is not None:
        grades = found.grades.grades
        first, second = grades.thresholds
        error = f" ± {100 * grades.error:.0f} %" if grades.error else ""
        parts.append(f"grade {grades.kind}{error}, thresholds {first:.3g} and {second:.3g}")
    return "; ".join(parts) or "none asked for"


def _describe_solution(found: RidgeFit | BayesFit) -> str:
    if isinstance(found, BayesFit):
        noise = ", ".join(f"{quantity} {value:.3g}" for quantity, value in found.noise.items())
        return f"evidence {found.evidence:,.0f}, noise {noise}, {found.freedom:.0f} effective parameters"
    chosen = found.chosen
    return (
        f"strength {chosen.strength:.2g}, smoothness {chosen.smoothness:g}, energy weight {chosen.weights.energy:g}, "
        f"condition {found.condition:.1e}"
    )
