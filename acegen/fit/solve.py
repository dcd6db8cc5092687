"""The solve stage: hyperparameters decided, functions selected if asked for, coefficients found."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from acegen.fit.bayes import BayesFit, bayes_with, fit_bayes, held_out_means
from acegen.fit.problem import Inferred, Problem, Thinning, all_kept, reduce_problem
from acegen.fit.repulsion import Demands
from acegen.fit.ridge import RidgeFit, fit_ridge, held_out_solutions
from acegen.fit.selection import Selection, select
from acegen.fit.settings import FitSettings
from acegen.fit.training import Hyperparameters
from acegen.progress import Progress


def solve(
    problem: Problem,
    settings: FitSettings,
    progress: Progress,
    demands: Demands | None = None,
    kept: Hyperparameters | None = None,
    thinned: Thinning = all_kept,
) -> tuple[RidgeFit | BayesFit, Selection | None, tuple[Inferred, ...]]:
    """Solve as the settings say, and make the solution satisfy the demands.

    What is kept of an earlier fit is not decided again; the settings already have its weights, smoothness and strength
    as their only candidates. `thinned` says what to keep of the posterior of each fold.

    Returns:
        The fit, the functions kept (None for all), and for each fold a solution with the same hyperparameters that has
        not seen it. Functions are selected without fold 0, and the selection is kept for all folds.

    Raises:
        FitError: the data do not determine what was asked for.
    """
    # Folds are solved concurrently, each with one thread: on matrices of these sizes BLAS threads wait longer than they
    # work, above all on a busy machine.
    with threadpool_limits(1):
        return _solve(problem, settings, progress, demands, kept, thinned)


def _solve(
    problem: Problem,
    settings: FitSettings,
    progress: Progress,
    demands: Demands | None,
    kept: Hyperparameters | None,
    thinned: Thinning,
) -> tuple[RidgeFit | BayesFit, Selection | None, tuple[Inferred, ...]]:
    solver, weights, threads = settings.solver, settings.weights, settings.assembly.processes
    functions = selection = None
    if kept is not None and kept.functions is not None:
        functions = np.array(kept.functions, dtype=np.int64)
        selection = Selection(functions, ())
    elif solver.selection is not None:
        chosen = fit_ridge(problem, solver, weights, progress, threads=threads).chosen
        factors = problem.without(0) if problem.n_folds else problem.everything
        reduced = reduce_problem(problem, factors, chosen.weights, chosen.smoothness)
        selection = select(problem, reduced, chosen.strength, solver.selection)
        functions = selection.functions
    if solver.kind == "ridge":
        ridge = fit_ridge(problem, solver, weights, progress, functions, threads, demands)
        return ridge, selection, held_out_solutions(problem, ridge, solver, functions, demands, thinned)
    factors = problem.everything if solver.refit else problem.without(0)
    if kept is not None and kept.precision is not None:
        bayes = bayes_with(problem, factors, kept.noise, kept.precision, kept.smoothness, functions, demands)
    else:
        bayes = fit_bayes(problem, factors, solver, progress, functions, demands)
    return bayes, selection, held_out_means(problem, bayes, functions, demands, thinned)
