"""Checks of grades and committee: rows applied to the values of the basis functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from acegen.runtime import Model
from acegen.store.uncertainty import Committee, Grades
from acegen.verify.environments import Environment
from acegen.verify.result import CheckResult

Floats = NDArray[np.float64]
Arguments = Callable[[Environment], tuple[str, list[str], Floats]]
"""An environment as a model's methods take it."""

_CANCELLATION = 0.01
"""Deviations smaller than this, relative to the terms that cancel in them, are measured against these."""


def _combinations(part: Grades | Committee, center: int, values: Floats) -> tuple[Floats, Floats]:
    """rows b + constants (K,), and the sums of the sizes of their terms, with functions of size one at least."""
    rows, constants = part.rows[center], part.constants[center]
    return rows @ values + constants, np.abs(rows) @ np.maximum(1.0, np.abs(values)) + np.abs(constants)


def check_grades(
    model: Model, grades: Grades, arguments: Arguments, cases: Iterable[tuple[Environment, Floats]], scope: str
) -> CheckResult:
    """The norm of the combinations, relative to that of the sums of sizes.

    Args:
        model: the model.
        grades: what it was compiled from.
        arguments: of the model's methods for an environment.
        cases: environments with the values of all basis functions.
        scope: the cases in words.
    """
    worst = 0.0
    for environment, values in cases:
        combined, sizes = _combinations(grades, environment.center, values)
        order = np.inf if grades.kind == "d-optimality" else None
        expected, scale = (float(np.linalg.norm(each, order)) for each in (combined, sizes))
        actual = model.grade(*arguments(environment))
        worst = max(worst, abs(actual - expected) / scale) if scale else max(worst, abs(actual))
    return CheckResult("grade = ‖rows · basis‖", worst, 1e-10, scope)


def check_members(
    model: Model, committee: Committee, arguments: Arguments, cases: Iterable[tuple[Environment, Floats]], scope: str
) -> CheckResult:
    """Energies of the members, relative to the largest of them in an environment; arguments as for `check_grades`."""
    worst = 0.0
    for environment, values in cases:
        expected, sizes = _combinations(committee, environment.center, values)
        energies, _ = model.members(*arguments(environment))
        worst = max(worst, _relative(energies - expected, expected, sizes))
    return CheckResult("members = rows · basis", worst, 1e-9, scope)


def check_member_gradients(
    model: Model, committee: Committee, arguments: Arguments, cases: Iterable[tuple[Environment, Floats]], scope: str
) -> CheckResult:
    """Likewise their gradients, perhaps in single precision; `cases` have those of all functions, (n_basis, J, 3)."""
    worst = 0.0
    for environment, of_functions in cases:
        rows = committee.rows[environment.center]
        expected = np.einsum("kb,bjx->kjx", rows, of_functions)
        _, gradients = model.members(*arguments(environment))
        sizes = np.abs(rows) @ np.abs(of_functions).max(axis=(1, 2))
        worst = max(worst, _relative(gradients - expected, expected, sizes))
    return CheckResult("gradients of members likewise", worst, 1e-5, scope)


def _relative(error: Floats, expected: Floats, sizes: Floats) -> float:
    scale = max(float(np.abs(expected).max()), _CANCELLATION * float(sizes.max()))
    return float(np.abs(error).max()) / (scale or 1.0)
