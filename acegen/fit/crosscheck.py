"""Labels held against fits: virials and forces against a first fit without them, all labels against the last one.

A virial is a derivative of the energy, so that a fit to energies and forces alone predicts it. The first fit is made
from the triangles, with a strength by generalized cross-validation; it need not be good to tell a sign, or GPa from
eV/Å³. Predictions may miss a constant pressure (cells of one volume hardly determine it), so that a sign is judged by
what varies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.data import Configuration, Dataset, Parts
from acegen.fit.evaluation import Comparison
from acegen.fit.factor import Factor
from acegen.fit.findings import Finding, configurations, listed
from acegen.fit.problem import Problem, Reduced, Solution, Weights, reduce_problem
from acegen.fit.settings import FitSettings
from acegen.fit.virials import STRESS_IS, known_factors, likely_mistake

Floats = NDArray[np.float64]

Predict = Callable[[Solution, Dataset], list[Comparison]]
"""Predictions of coefficients, as `evaluation.compare_linear`."""

_SAMPLE = 4000
"""Atoms of the configurations whose virials are looked at first; only if these look wrong all are."""

_STRENGTHS = 10.0 ** np.arange(-7.0, -0.9, 0.5)

_FAR = 5.0
"""Deviations beyond this many of the usual ones say that the label is not the prediction."""

_BETTER = 3.0
"""By how much a factor has to explain a label better than none."""

_CORRELATED = 0.8
_SURELY_CORRELATED = 0.95
_ODD_SLOPE = 2.5
"""Slope, or its inverse, beyond which labels are not those of the first fit, in whatever units they may be."""

_FLIPPED = 0.25
"""Part of the misfit that remains with forces of the other sign, below which theirs is wrong."""

_OUTLIER = 15.0
"""Residuals beyond this many medians, and beyond `_OWN` of what the label says, are named."""

_OWN = {"energy": 0.2, "forces": 0.3, "virial": 0.3}
_FLOORS = {"energy": 0.005, "forces": 0.05, "virial": 0.02}
"""Residuals (eV/atom, eV/Å, eV/atom) that are never named."""

_UNITS = {"energy": "eV/atom", "forces": "eV/Å", "virial": "eV/atom"}


def check_against_first_fit(problem: Problem, settings: FitSettings, parts: Parts, predict: Predict) -> None:
    """Refuse forces of the wrong sign, and virials or stresses of the wrong sign or in other units.

    Args:
        problem: the assembled triangles.
        settings: of the fit; virials of weight zero are not looked at.
        parts: the data.
        predict: evaluates coefficients.

    Raises:
        FitError: labels contradict each other so that a mistake has a name. It names the configurations.
    """
    weights = settings.weights
    energy = weights.energy[len(weights.energy) // 2]
    first = Weights(energy or 1.0, weights.forces or 1.0, 0.0)
    smoothness = settings.solver.smoothness[0]
    reduced = reduce_problem(problem, problem.everything, first, smoothness, normal=True)
    _check_sign_of_forces(problem, reduced, first, smoothness)
    labelled = [c for part in (parts.training, parts.validation) for c in part.configurations if c.virial is not None]
    if labelled and (max(weights.virial) > 0 or settings.solver.kind == "bayes"):
        strength, _ = _by_gcv(reduced, reduced.target, reduced.rest)
        solution = reduced.coefficients(reduced.ridge(np.array([strength]))[:, 0])
        _check_virials(labelled, lambda data: predict(solution, data))


def check_predictions(
    dataset: Dataset, comparisons: Sequence[Comparison], deviations: Floats, part: str
) -> list[Finding]:
    """Configurations whose labels are much further from their predictions than those of the others.

    Args:
        dataset: one part of the data.
        comparisons: labels and predictions of its configurations.
        deviations: (n,) energies per atom less those of atomic energies alone, eV; not a number where unknown.
        part: its name.
    """
    findings = []
    for quantity in ("energy", "forces", "virial"):
        pairs = [getattr(c, quantity) for c in comparisons]
        known = [i for i, pair in enumerate(pairs) if pair is not None]
        if not known:
            continue
        sizes = np.array([_rms(np.subtract(*pairs[i])) for i in known])
        own = np.abs(deviations[known]) if quantity == "energy" else np.array([_rms(pairs[i][0]) for i in known])
        limit = np.maximum(_OUTLIER * float(np.median(sizes)), _FLOORS[quantity])
        odd = np.flatnonzero((sizes > limit) & (sizes > _OWN[quantity] * np.nan_to_num(own)))
        if len(odd):
            worst = odd[np.argsort(-sizes[odd], kind="stable")]
            places = tuple(_described(dataset.configurations[known[i]], pairs[known[i]], quantity) for i in worst)
            findings.append(
                Finding(
                    f"{quantity} of {configurations(len(odd))} far from what the potential gives, more than "
                    f"{limit:.3g} {_UNITS[quantity]} ({part} data; half of them are within "
                    f"{float(np.median(sizes)):.2g}). Check them",
                    places,
                )
            )
    return findings


def _by_gcv(reduced: Reduced, target: Floats, rest: float) -> tuple[float, float]:
    """The strength of least generalized cross-validation, and the squared misfit with it, for a target (k,)."""
    u, s, _ = reduced.svd
    strengths = (float(s[0]) if len(s) else 1.0) * _STRENGTHS
    projected = u.T @ target
    shrunk = strengths**2 / (s[:, None] ** 2 + strengths**2)
    outside = rest + max(0.0, float(target @ target - projected @ projected))
    misfit = outside + np.sum((shrunk * projected[:, None]) ** 2, axis=0)
    left = np.maximum(reduced.n_rows - np.sum(1 - shrunk, axis=0), 1e-3)
    best = int(np.argmin(misfit / left**2))
    return float(strengths[best]), float(misfit[best])


def _check_sign_of_forces(problem: Problem, reduced: Reduced, weights: Weights, smoothness: float) -> None:
    """Raises FitError if energies and minus the forces belong together much better than energies and forces."""
    forces = problem.everything["forces"]
    if not forces.n_rows or not problem.everything["energy"].n_rows:
        return
    turned = forces.matrix.copy()
    turned[:, -1] *= -1
    other = {**problem.everything, "forces": Factor(turned, forces.n_rows)}
    opposite = reduce_problem(problem, other, weights, smoothness, normal=True)  # the same matrix, another target
    misfits = [_by_gcv(reduced, case.target, case.rest)[1] for case in (reduced, opposite)]
    if misfits[1] < _FLIPPED * misfits[0]:
        raise FitError(
            "the forces have the wrong sign, it seems: energies and minus these forces are fitted much better. Forces "
            "are minus the gradient of the energy; change the sign of the labels, or name another key in data.keys.forces."
        )


def _check_virials(labelled: Sequence[Configuration], predict: Callable[[Dataset], list[Comparison]]) -> None:
    sample = _sample(labelled)
    for chosen in (sample, labelled):
        pairs = [c.virial for c in predict(Dataset(tuple(chosen))) if c.virial is not None]
        labels, predictions = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
        found = _odd_virials(labels, predictions)
        if not found:
            return
        if len(chosen) == len(labelled):
            break
    lines = []
    for factor, slope, correlation, own in found:
        mistake = likely_mistake(factor)
        reason = f"they are probably {mistake}" if mistake else "they are in other units, or other than what they seem"
        lines.append(
            f"the virials (or stresses) of {configurations(int(own.sum()))} {slope:.3g} times what a fit to energies "
            f"and forces alone predicts (correlation {correlation:.2f} for varying pressure); {reason}: "
            f"{listed([c.where for c, odd in zip(chosen, own, strict=True) if odd])}."
        )
    raise FitError(
        "\n".join(lines)
        + f"\nMend the labels ({STRESS_IS}), name other keys in data.keys, or set weights.virial = 0 to "
        "fit without them."
    )


def _sample(labelled: Sequence[Configuration]) -> Sequence[Configuration]:
    """Some of the configurations, from all over the data, of few atoms together."""
    order = np.random.default_rng(0).permutation(len(labelled))
    together = np.cumsum([len(labelled[i].atoms) for i in order])
    count = max(1, int(np.searchsorted(together, _SAMPLE, side="right")))
    return [labelled[i] for i in sorted(order[:count])]


def _odd_virials(labels: Floats, predictions: Floats) -> list[tuple[float, float, float, NDArray[np.bool_]]]:
    """Factors other than one of labels on predictions (n, 6), with slope, correlation and the rows they hold for."""
    factors = np.array(known_factors())
    distance = np.linalg.norm(labels[:, None] / factors[:, None] - predictions[:, None], axis=2)
    right = distance[:, list(factors).index(1.0)]
    usual = float(np.median(distance.min(axis=1)))
    found = []
    for k, factor in enumerate(factors):
        own = (distance.argmin(axis=1) == k) & (right > _FAR * usual) & (right > _BETTER * distance[:, k])
        own &= distance[:, k] < 0.5 * np.linalg.norm(labels / factor, axis=1)
        if factor == 1.0 or not own.any():
            continue
        slope, correlation = _regression(labels[own], predictions[own])
        alike = slope * factor > 0 and abs(log(slope / factor)) < log(2) and abs(correlation) >= _CORRELATED
        if own.sum() > 1 and alike:
            found.append((float(factor), slope, correlation, own))
    if not found and len(labels) > 1:
        slope, correlation = _regression(labels, predictions)
        if correlation >= _SURELY_CORRELATED and not 1 / _ODD_SLOPE < slope < _ODD_SLOPE:
            found.append((slope, slope, correlation, np.ones(len(labels), dtype=bool)))
    return found


def _regression(labels: Floats, predictions: Floats) -> tuple[float, float]:
    """Slope of labels on predictions (n, 6) and their correlation, both up to a constant pressure."""
    y, x = labels.copy(), predictions.copy()
    for values in (y, x):
        values[:, :3] -= values[:, :3].mean()
    product, size = float(np.vdot(x, y)), float(np.linalg.norm(x) * np.linalg.norm(y))
    return (product / float(np.vdot(x, x)), product / size) if size else (0.0, 0.0)


def _described(configuration: Configuration, pair: tuple[Floats, Floats], quantity: str) -> str:
    """Place, kind, how far off, and a likely reason."""
    label, predicted = (np.ravel(values) for values in pair)
    off = (
        f"{float(label[0]):.4g}, not {float(predicted[0]):.4g}"
        if quantity == "energy"
        else f"off by {_rms(label - predicted):.2g}"
    )
    reason = ""
    if quantity != "energy":
        product, size = float(label @ predicted), float(np.linalg.norm(label) * np.linalg.norm(predicted))
        if size and abs(product) > _CORRELATED * size:
            mistake = (
                likely_mistake(product / float(predicted @ predicted)) if quantity == "virial" or product < 0 else None
            )
            reason = f", perhaps {mistake}" if mistake else ""
    return f"{configuration.where} ({configuration.config_type}; {off}{reason})"


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
