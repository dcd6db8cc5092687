"""The solve stage: hyperparameters decided, functions selected if asked for, coefficients found."""

from __future__ import annotations

from dataclasses import replace

from threadpoolctl import threadpool_limits

from acegen.fit.bayes import BayesFit, fit_bayes
from acegen.fit.problem import Problem, Solution, reduce_problem
from acegen.fit.ridge import RidgeFit, fit_ridge, held_out_solution
from acegen.fit.selection import Selection, select
from acegen.fit.settings import FitSettings
from acegen.progress import Progress

_FEW_COLUMNS = 2000
"""Below, threads of BLAS wait for each other longer than they work, above all on a machine that does other things."""


def solve(
    problem: Problem, settings: FitSettings, progress: Progress
) -> tuple[RidgeFit | BayesFit, Selection | None, Solution]:
    """Solve as the settings say.

    Returns:
        The fit, the functions kept (None for all), and a solution with the same hyperparameters that has not seen the
        validation data.

    Raises:
        FitError: the data do not determine what was asked for.
    """
    few = len(problem.levels) < _FEW_COLUMNS
    with threadpool_limits(1 if few else None):
        return _solve(problem, settings, progress)


def _solve(
    problem: Problem, settings: FitSettings, progress: Progress
) -> tuple[RidgeFit | BayesFit, Selection | None, Solution]:
    solver, weights = settings.solver, settings.weights
    functions = selection = None
    if solver.selection is not None:
        pilot = fit_ridge(problem, solver, weights, progress)
        chosen = pilot.chosen
        reduced = reduce_problem(problem, problem.training, chosen.weights, chosen.smoothness)
        selection = select(problem, reduced, chosen.strength, solver.selection)
        functions = selection.functions
    if solver.kind == "ridge":
        ridge = fit_ridge(problem, solver, weights, progress, functions)
        return ridge, selection, held_out_solution(problem, ridge, solver, functions)
    bayes = fit_bayes(problem, problem.training, solver, progress, functions)
    held_out = bayes.solution
    if solver.refit and problem.has_validation:
        fixed = solver.model_copy(update={"smoothness": (bayes.smoothness,)})
        path = bayes.path
        bayes = replace(fit_bayes(problem, problem.everything, fixed, progress, functions), path=path)
    return bayes, selection, held_out
