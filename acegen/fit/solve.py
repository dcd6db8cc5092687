"""The solve stage: hyperparameters decided, functions selected if asked for, coefficients found."""

from __future__ import annotations

from dataclasses import replace

from acegen.fit.bayes import BayesFit, fit_bayes
from acegen.fit.problem import Problem, Solution, reduce_problem
from acegen.fit.ridge import RidgeFit, fit_ridge, held_out_solution
from acegen.fit.selection import Selection, select
from acegen.fit.settings import FitSettings
from acegen.progress import Progress


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
    if solver.refit and any(factor.n_rows for factor in problem.validation.values()):
        fixed = solver.model_copy(update={"smoothness": (bayes.smoothness,)})
        path = bayes.path
        bayes = replace(fit_bayes(problem, problem.everything, fixed, progress, functions), path=path)
    return bayes, selection, held_out
