"""A selection, stage by stage.

stage   input → output
------  --------------------------------------------------------------------------------------------------
fit     a fit's folder → `Fitted`: potential, posterior, noise.
pool    files → `Pool`: configurations.
gains   `Pool` → rows of their labels in units of what is known (`features`), and the gain of each alone;
        or, by "maxvol", the environments of each that enter the active set (`active`).
select  rows → `SelectionResult`: configurations in the order of choice (`greedy`).
write   the result → an extended-XYZ file, complete or not at all.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from acegen.errors import DataWarning, FitError, SelectError
from acegen.fit.convert import check_output, writable, write_xyz
from acegen.printing import shown
from acegen.progress import Progress, Silent
from acegen.select.active import environments_entering, training_configurations
from acegen.select.criteria import Knowledge, PoolVariance
from acegen.select.features import Labels
from acegen.select.fitted import Fitted, open_fit
from acegen.select.grading import ByLeverage, ByPosterior, Grading, Watch
from acegen.select.greedy import Greedy, KeptRows, first_gains, gram_of
from acegen.select.pool import Candidate, Pool, read_pool
from acegen.select.result import Chosen, Method, SelectionResult
from acegen.store.posterior import Posterior
from acegen.store.uncertainty import read_uncertainty

_MEMORY = 2**30
"""Bytes for rows of configurations in memory."""

_DISK = 2**35
"""Bytes for further ones in a temporary file; others are computed again when needed."""

METHODS: tuple[Method, ...] = ("variance", "information", "maxvol")


def select(
    fit: str | Path,
    pool: Sequence[str | Path],
    number: int,
    output: str | Path | None = None,
    method: str = "variance",
    stop: float | None = None,
    types: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> SelectionResult:
    """Choose from a pool the configurations that are worth labelling for a fit.

    Args:
        fit: folder of the fit.
        pool: files of configurations; labels are not needed.
        number: how many to choose, at most.
        output: extended-XYZ file to write them to, with `pool_index`, `gain` and `grade`; it must not exist. Nothing
            is written if none is worth it.
        method: by the posterior of the fit, "variance", those that make the predictions for the pool most certain, or
            "information", those that say most about the coefficients (D-optimal design); "maxvol": by the environments
            that enter the active set (one ranking: see `acegen.select.active`).
        stop: stop earlier: when the best configuration left has, per atom, less than this share of the information of
            the training data, or when no environment left has a grade above the model's first threshold. Not for
            "maxvol", which only chooses configurations that bring in an environment.
        types: elements of the types in LAMMPS dumps; needed without a column `element`.
        progress: receives each stage; silent by default.

    Raises:
        SelectError: the fit, the pool or an argument is not usable; then nothing is written.
        ModuleError: the model of the fit is missing or damaged; then nothing is written.
        FitError: data of the fit cannot be read; then nothing is written.
    """
    progress = progress or Silent()
    _check(number, stop, pool)
    by = _method(method)
    if by == "maxvol" and stop is not None:
        raise SelectError(
            "a share at which to stop is for the methods variance and information; maxvol chooses only configurations "
            "that bring in an environment. Leave --stop out, or choose another --method."
        )
    file = None if output is None else Path(output)
    if file is not None:
        _check_output(file)
    with progress.stage("fit"):
        fitted = open_fit(fit)
        progress.report(f"{fitted.model.n_basis:,} functions of {', '.join(fitted.model.elements)}")
    with progress.stage("pool"):
        found = read_pool([str(name) for name in pool], fitted.model.elements, types, progress)
        copied = f"; {found.n_with_results:,} have energies or forces, which are copied: label anew if a potential's"
        progress.report(
            f"{len(found.candidates):,} configurations, {found.n_atoms:,} atoms{copied if found.n_with_results else ''}"
        )
    if by == "maxvol":
        result = _by_maxvol(fitted, found, number, progress)
    else:
        result = _by_posterior(fitted, found, number, by, stop, progress)
    if file is not None and result.chosen:
        with progress.stage("write"):
            _write(result, file)
            progress.report(f"{len(result.chosen):,} configurations, {file}")
    return result


def _check(number: int, stop: float | None, pool: Sequence[str | Path]) -> None:
    if number < 1:
        raise SelectError(f"the number of configurations to choose is {number}; give one of at least 1.")
    if stop is not None and not 0 < stop < float("inf"):
        raise SelectError(f"the share at which to stop is {stop:g}; give a number above 0.")
    if not pool:
        raise SelectError("the pool has no files. Give at least one.")


def _method(name: str) -> Method:
    for method in METHODS:
        if name == method:
            return method
    raise SelectError(f"the method {shown(name)} is unknown; there are {', '.join(METHODS)}.")


def _check_output(file: Path) -> None:
    try:
        check_output(file)
    except FitError as error:
        raise SelectError(str(error)) from None


def _by_posterior(
    fitted: Fitted, pool: Pool, number: int, method: Method, stop: float | None, progress: Progress
) -> SelectionResult:
    record, posterior, candidates = fitted.record, fitted.posterior(), pool.candidates
    power = float(record.choices.get("weights.atoms", 1.0))
    labels = Labels(fitted.model, posterior, record.hyperparameters.noise, power)
    kept = KeptRows(lambda i: labels.reduced(candidates[i]), len(candidates), _MEMORY, _DISK)
    typical = 0.5 * record.freedom / record.n_atoms
    with progress.stage("gains"):
        size = posterior.factor.shape[1]
        variance = PoolVariance(gram_of(kept, size, progress)) if method == "variance" else None
        knowledge = Knowledge(size) if variance is None else variance.knowledge
        criterion = knowledge if variance is None else variance
        gains = first_gains(kept, criterion, progress)
        best = max(range(len(gains)), key=gains.__getitem__)
        per_atom = knowledge.gain(kept.rows(best)) / len(candidates[best].atoms)
        progress.report(f"the best has {per_atom:.3g} nats per atom; the training data have {typical:.3g}")
    with progress.stage("select"):
        grading = _grading(fitted, posterior, candidates, knowledge, stop)
        threshold = fitted.model.grade_thresholds[0] if grading is not None else 0.0
        watch = None if grading is None else Watch(grading, threshold)
        choice = Greedy(kept, criterion, gains)
        chosen: list[Chosen] = []
        reason = f"{number:,} were asked for"
        while len(chosen) < number:
            progress.advance(len(chosen), number)
            following = choice.best()
            if following is None:
                reason = "the pool has no more"
                break
            index, worth = following
            gain = worth if variance is None else knowledge.gain(kept.rows(index))
            if stop is not None and gain / len(candidates[index].atoms) < stop * typical:
                reason = (
                    f"the best left would gain {gain / len(candidates[index].atoms):.2g} nats per atom, less than "
                    f"{stop:g} of what the training data have"
                )
                break
            if stop is not None and watch is not None and watch.all_below(choice.left):
                reason = f"no environment left has a grade above {threshold:g}"
                break
            grade = None if grading is None else grading.largest(index)
            chosen.append(Chosen(index, candidates[index], gain, None if variance is None else worth, grade))
            choice.take()
            if grading is not None:
                grading.take(index)
        left = (
            "" if variance is None or not chosen else f"; {100 * variance.left:.0f} % of the pool's variance are left"
        )
        progress.report(f"{len(chosen):,} configurations; {reason}{left}")
    return SelectionResult(method, tuple(chosen), len(candidates), reason, typical)


def _grading(
    fitted: Fitted, posterior: Posterior, candidates: Sequence[Candidate], knowledge: Knowledge, stop: float | None
) -> Grading | None:
    """Grades of a pool, or None if the model has none.

    Without the training files, for a fit that was copied elsewhere, they are estimates, which no stop may rest on.
    """
    if not fitted.model.has_grades:
        return None
    grades = read_uncertainty(fitted.model.path).grades
    if fitted.record.grade != "leverage" or grades is None:
        return ByPosterior(fitted.model, posterior, candidates, knowledge)
    try:
        training = training_configurations(fitted)
    except (FitError, SelectError) as error:
        if stop is not None:
            raise
        warnings.warn(f"{error} Grades do not count what is chosen.", DataWarning, stacklevel=2)
        return ByPosterior(fitted.model, posterior, candidates, knowledge)
    return ByLeverage(fitted.model, grades, training, candidates)


def _by_maxvol(fitted: Fitted, pool: Pool, number: int, progress: Progress) -> SelectionResult:
    with progress.stage("gains"):
        training, functions = training_configurations(fitted), fitted.record.hyperparameters.functions
        counts = environments_entering(fitted.model, training, pool.candidates, functions, progress)
        progress.report(f"{sum(counts):,} environments of the pool enter the active set")
    with progress.stage("select"):
        order = sorted((i for i, n in enumerate(counts) if n), key=lambda i: (-counts[i], i))
        reason = f"{number:,} were asked for" if len(order) >= number else "no other brings in an environment"
        chosen = []
        for index in order[:number]:
            candidate = pool.candidates[index]
            grade = float(fitted.model.grades(candidate.atoms).max()) if fitted.model.has_grades else None
            chosen.append(Chosen(index, candidate, float(counts[index]), None, grade))
        progress.report(f"{len(chosen):,} configurations; {reason}")
    return SelectionResult("maxvol", tuple(chosen), len(pool.candidates), reason, None)


def _write(result: SelectionResult, file: Path) -> None:
    frames = []
    for chosen in result.chosen:
        atoms = writable(chosen.candidate.atoms, chosen.candidate.where)
        atoms.info |= {"pool_index": chosen.index, "gain": chosen.gain}
        if chosen.grade is not None:
            atoms.info["grade"] = chosen.grade
        frames.append(atoms)
    try:
        write_xyz(frames, file)
    except FitError as error:
        raise SelectError(str(error)) from None
