"""Labels compared with fits: virials and forces with a first fit without them, all labels with the final one.

A virial is a derivative of the energy, so that a fit to energies and forces alone predicts it. The first fit is made
from the triangles, with functions of low level and a strength by generalized cross-validation; it need not be good to
reveal a wrong sign, or GPa instead of eV/Å³. Predictions may be off by a constant pressure (cells of one volume hardly
determine it), so a sign is judged by the variation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from acegen.errors import FitError
from acegen.fit.dataset import Configuration, Dataset, Parts
from acegen.fit.evaluation import Comparison
from acegen.fit.factor import Factor
from acegen.fit.findings import Finding, configurations
from acegen.fit.problem import Problem, Reduced, Solution, Weights, reduce_problem
from acegen.fit.settings import FitSettings
from acegen.fit.shrinkage import shrink
from acegen.fit.virials import STRESS_IS, known_factors, likely_mistake

Floats = NDArray[np.float64]

Predict = Callable[[Solution, Dataset], list[Comparison]]
"""Predictions of coefficients, as `evaluation.compare_linear`."""

_FUNCTIONS = 500
"""Functions of the first fit, those of the lowest levels: enough, and fast."""

_SAMPLE = 4000
"""Atoms of the configurations whose virials are checked first; all are checked only if these look wrong."""

_STRENGTHS = 10.0 ** np.arange(-7.0, -0.9, 0.5)

_LEFT = 0.1
"""Fraction of the rows that must be left as degrees of freedom: near interpolation cross-validation is meaningless."""

_FAR = 5.0
"""Deviations beyond this many times the usual one mean that label and prediction disagree."""

_BETTER = 3.0
"""How much better a factor has to explain a label than no factor."""

_ENOUGH = 4
"""Configurations needed to judge their virials together."""

_ALIKE = 0.8
"""Cosine between label and prediction, of either sign, for one to be a multiple of the other."""

_MOST = 0.75
"""Fraction of a group of configurations that has to agree."""

_TENTH = 0.1
"""A factor, or its inverse, by which no prediction is wrong."""

_ODD_SLOPE = 2.5
"""Factor, or its inverse, beyond which labels disagree with the first fit, whatever their units may be."""

_FLIPPED = 0.25
"""If flipping the sign of forces reduces the cross-validated square error below this fraction, the sign is wrong."""

_OUTLIER = 10.0
"""Residuals beyond this many medians are reported, if they also exceed the fraction `_OWN` of the size of the label."""

_OWN = {"energy": 0.4, "forces": 0.5, "virial": 0.5}
_TURNED = 1.5
"""Beyond this fraction of the label, residuals are closer to those of the opposite sign than to zero."""

_APART = 20.0
"""Energies this many standard deviations from those of free atoms are outliers."""

_GAP = 20.0
"""Distance of two groups of energies in median deviations; normally distributed energies are not so far apart."""

_UNEXPLAINED = 0.3
"""Fraction of that distance left as residual of the smaller group if the model does not distinguish the groups."""

_LEAST = {"energy": 0.005, "forces": 0.05, "virial": 0.02}
"""Residuals (eV/atom, eV/Å, eV/atom) up to which nothing is reported."""

_NAMES = {"energy": "an energy", "forces": "forces", "virial": "a virial"}
_UNITS = {"energy": "eV/atom", "forces": "eV/Å", "virial": "eV/atom"}


def check_against_first_fit(problem: Problem, settings: FitSettings, parts: Parts, predict: Predict) -> list[Finding]:
    """Find forces of the wrong sign, and virials or stresses of the wrong sign or in other units.

    Args:
        problem: the assembled triangles.
        settings: of the fit; virials of weight zero are not checked.
        parts: the data.
        predict: evaluates coefficients.

    Returns:
        Findings that could also be due to the first fit: the sign of a minority of the virials, single configurations.

    Raises:
        FitError: forces or most virials have the wrong sign, or several virials are in other units. It names the
            configurations and the likely mistake.
    """
    with threadpool_limits(1):  # for so few functions BLAS threads wait for each other longer than they work
        return _check_against_first_fit(problem, settings, parts, predict)


def check_predictions(
    dataset: Dataset, comparisons: Sequence[Comparison], deviations: Floats, spread: float, part: str
) -> list[Finding]:
    """Find configurations whose labels are much further from their predictions than those of the others.

    A model may describe some kinds of configuration far worse than others; a configuration is named if its residual is
    also comparable to the quantity itself: the deviation of its energy from that of free atoms, its forces, its virial.

    Args:
        dataset: one part of the data.
        comparisons: labels and predictions of its configurations.
        deviations: (n,) energies per atom minus those of atomic energies alone, eV; NaN where unknown.
        spread: their standard deviation, eV.
        part: its name.
    """
    findings = []
    for quantity in ("energy", "forces", "virial"):
        pairs = [getattr(c, quantity) for c in comparisons]
        known = [i for i, pair in enumerate(pairs) if pair is not None]
        # Configurations of little weight are not meant to be described well.
        sizes = np.array([min(1.0, dataset.configurations[i].weight) * _rms(np.subtract(*pairs[i])) for i in known])
        if quantity == "energy":
            telling = np.isfinite(deviations[known])
            own = np.maximum(np.abs(deviations[known]), spread)
        else:
            own = np.array([_rms(pairs[i][0]) for i in known])
            telling = own > _LEAST[quantity]  # forces of a perfect crystal are zero for any model
        if not telling.any():
            continue
        usual = float(np.median(sizes[telling]))
        far = (sizes > _OUTLIER * usual) & (sizes > _OWN[quantity] * own)
        if quantity == "forces":
            far |= (sizes > _FAR * usual) & (sizes > _TURNED * own)
        elif quantity == "energy":
            far |= (own > _APART * spread) & (sizes > _OWN[quantity] * own)  # regardless of the other residuals
        odd = np.flatnonzero(far & (sizes > _LEAST[quantity]))
        if len(odd):
            worst = odd[np.argsort(-sizes[odd], kind="stable")]
            places = tuple(_described(dataset.configurations[known[i]], pairs[known[i]], quantity) for i in worst)
            findings.append(
                Finding(
                    f"{part} data: {configurations(len(odd), 'has', 'have')} {_NAMES[quantity]} far from what the "
                    f"potential predicts (half of all are within {usual:.2g} {_UNITS[quantity]}); to be checked",
                    places,
                )
            )
    return findings


def check_energy_groups(
    data: Sequence[Configuration], comparisons: Sequence[Comparison], deviations: Floats
) -> list[Finding]:
    """Find two groups of energies far apart that the potential does not distinguish, as from two codes or settings.

    Args:
        data: all configurations.
        comparisons: their labels and predictions.
        deviations: (n,) as for `check_predictions`.
    """
    pairs = [c.energy for c in comparisons]
    known = np.array([i for i, pair in enumerate(pairs) if pair is not None and len(data[i].atoms) > 1], dtype=int)
    order = known[np.argsort(deviations[known], kind="stable")]
    if len(order) < 2 * _ENOUGH:
        return []
    cut = int(np.argmax(np.diff(deviations[order]))) + 1
    gap = float(deviations[order[cut]] - deviations[order[cut - 1]])
    group = min(order[:cut], order[cut:], key=len)
    residuals = [abs(pair[0] - pair[1]) for i in group if (pair := pairs[i]) is not None]
    spreads = [float(np.median(np.abs(d - np.median(d)))) for d in (deviations[order[:cut]], deviations[order[cut:]])]
    if len(group) < _ENOUGH or gap < _GAP * max(spreads) or float(np.median(residuals)) < _UNEXPLAINED * gap:
        return []
    return [
        Finding(
            f"the energies fall into two groups, {gap:.3g} eV/atom apart, which the potential does not distinguish, as "
            f"if they came from two codes or two sets of pseudopotentials; {configurations(len(group))} in the smaller "
            "one",
            tuple(data[i].where for i in sorted(group)),
        )
    ]


def _check_against_first_fit(problem: Problem, settings: FitSettings, parts: Parts, predict: Predict) -> list[Finding]:
    weights, data = settings.weights, problem.everything
    first = Weights(weights.energy[len(weights.energy) // 2], weights.forces, 0.0)
    if not any(data[q].n_rows and getattr(first, q) > 0 for q in ("energy", "forces")):
        return []  # of no weight: there is nothing to compare labels with
    smoothness = settings.solver.smoothness[0]
    low = problem.used[np.argsort(problem.levels[problem.used], kind="stable")[:_FUNCTIONS]]
    reduced = reduce_problem(problem, data, first, smoothness, low, normal=True)
    if all(data[q].n_rows and getattr(first, q) > 0 for q in ("energy", "forces")):
        _check_sign_of_forces(problem, reduced, first, smoothness)
    labelled = [c for c in parts.training.configurations if c.virial is not None]
    if not labelled or (max(weights.virial) == 0 and settings.solver.kind == "ridge"):
        return []
    strength, _ = _by_gcv(reduced, reduced.target, reduced.rest)
    solution = reduced.coefficients(reduced.ridge(np.array([strength]))[:, 0])
    return _check_virials(labelled, lambda chosen: predict(solution, chosen))


def _by_gcv(reduced: Reduced, target: Floats, rest: float) -> tuple[float, float]:
    """The strength of least generalized cross-validation for a target (k,), and that score."""
    s = reduced.svd[1]
    strengths = (float(s[0]) if len(s) else 1.0) * _STRENGTHS
    found = shrink(reduced, strengths, target, rest)
    telling = reduced.n_rows - found.freedom > _LEFT * reduced.n_rows
    if not telling.any():
        return float(strengths[-1]), np.inf
    score = np.where(telling, found.gcv, np.inf)
    best = int(np.argmin(score))
    return float(strengths[best]), float(score[best])


def _check_sign_of_forces(problem: Problem, reduced: Reduced, weights: Weights, smoothness: float) -> None:
    """Raises FitError if energies fit together with minus the forces much better than with the forces."""
    forces = problem.everything["forces"]
    turned = forces.matrix.copy()
    turned[:, problem.columns.target] *= -1
    other = {**problem.everything, "forces": Factor(turned, forces.n_rows)}
    opposite = reduce_problem(problem, other, weights, smoothness, reduced.functions, normal=True)  # the same matrix
    scores = [_by_gcv(reduced, case.target, case.rest)[1] for case in (reduced, opposite)]
    if scores[1] < _FLIPPED * scores[0]:
        raise FitError(
            "the forces apparently have the wrong sign: energies and minus these forces are fitted much better. Forces "
            "are minus the gradient of the energy; change the sign of the labels, or name another key in "
            "data.keys.forces."
        )


def _check_virials(labelled: Sequence[Configuration], predict: Callable[[Dataset], list[Comparison]]) -> list[Finding]:
    """Find virials that are a multiple of their predictions. Raises FitError if the prediction cannot be at fault."""
    sample = _sample(labelled)
    found = _odd_virials(sample, predict(Dataset(tuple(sample))))
    if found and len(sample) < len(labelled):
        found = _odd_virials(labelled, predict(Dataset(tuple(labelled))))
    findings, certain = [], False
    for odd in found:
        mistake = likely_mistake(odd.factor)
        reason = f"they are probably {mistake}" if mistake else "they are in other units, or not what they seem"
        text = (
            f"the virials (or stresses) of {odd.what} are about {odd.factor:.3g} times what a fit to energies and "
            f"forces alone predicts; {reason}"
        )
        findings.append(Finding(text, tuple(c.where for c in odd.configurations)))
        certain |= odd.common and (_unmistakable(odd.factor) or 2 * len(odd.configurations) > len(labelled))
    if certain:
        advice = (
            f"Correct the labels ({STRESS_IS}), name other keys in data.keys, or set weights.virial = 0 to fit without "
            "them."
        )
        raise FitError("\n".join([*map(str, findings), advice]))
    return findings


def _sample(labelled: Sequence[Configuration]) -> Sequence[Configuration]:
    """A random sample of the configurations, with a limited total number of atoms."""
    order = np.random.default_rng(0).permutation(len(labelled))
    together = np.cumsum([len(labelled[i].atoms) for i in order])
    count = max(1, int(np.searchsorted(together, _SAMPLE, side="right")))
    return [labelled[i] for i in sorted(order[:count])]


@dataclass(frozen=True)
class _OddVirials:
    """Configurations whose virials are `factor` times the predicted ones, in `common`: also up to a pressure."""

    what: str
    factor: float
    configurations: Sequence[Configuration]
    common: bool


def _odd_virials(data: Sequence[Configuration], comparisons: Sequence[Comparison]) -> list[_OddVirials]:
    """Virials that are a multiple of the predicted ones: of all configurations, files or kinds, or else of some."""
    pairs = [c.virial for c in comparisons if c.virial is not None]
    labels, predictions = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
    levels: tuple[Sequence[str], ...] = (
        ["all configurations"] * len(data),
        [c.where.rpartition(", ")[0] for c in data],
        [f"kind {c.config_type}" for c in data],
    )
    for names in levels:
        found = []
        for name in dict.fromkeys(names):
            own = np.array([other == name for other in names])
            factor = _common_factor(labels[own], predictions[own])
            # A factor without a name is more likely an error of the first fit, unless it is the same everywhere.
            if factor is not None and (own.all() or likely_mistake(factor)):
                found.append(_OddVirials(name, factor, [c for c, odd in zip(data, own, strict=True) if odd], True))
        if found:
            return found
    factor, own = _frequent_factor(labels, predictions)
    some = [c for c, odd in zip(data, own, strict=True) if odd]
    common = _common_factor(labels[own], predictions[own]) is not None
    if not some or not (common or _unmistakable(factor)):  # a pressure that the first fit misses may turn a sign
        return []
    return [_OddVirials(f"{len(some)} of {len(data)} configurations", factor, some, common)]


def _unmistakable(factor: float) -> bool:
    return not _TENTH < abs(factor) < 1 / _TENTH


def _common_factor(labels: Floats, predictions: Floats) -> float | None:
    """The factor of labels over predictions (n, 6) up to a constant pressure, if most agree on one and it is wrong."""
    if len(labels) < _ENOUGH:
        return None
    y, x = labels.copy(), predictions.copy()
    for values in (y, x):
        values[:, :3] -= np.median(values[:, :3].mean(axis=1))
    product, square = np.sum(x * y, axis=1), np.sum(x * x, axis=1)
    telling = (square > 0) & y.any(axis=1)
    if telling.sum() < _ENOUGH:
        return None
    cosine = product[telling] / np.sqrt(square[telling] * np.sum(y[telling] ** 2, axis=1))
    factor = float(np.median(product[telling] / square[telling]))
    alike = np.mean(cosine * np.sign(factor) > _ALIKE) > _MOST
    other_size = not 1 / _ODD_SLOPE < abs(factor) < _ODD_SLOPE
    return factor if alike and (other_size or factor < 0) else None


def _frequent_factor(labels: Floats, predictions: Floats) -> tuple[float, NDArray[np.bool_]]:
    """The named factor that explains the most labels (n, 6) much better than a factor of one, and which these are."""
    factors = np.array([1.0, *known_factors()])
    distance = np.linalg.norm(labels[:, None] / factors[:, None] - predictions[:, None], axis=2)
    size = np.linalg.norm(labels[:, None] / factors[:, None], axis=2)
    usual = float(np.median(distance.min(axis=1)))
    wrong = distance[:, 0] > _FAR * usual
    explained = wrong[:, None] & (distance < distance[:, :1] / _BETTER) & (distance < 0.5 * size)
    best = int(np.argmax(np.sum(explained, axis=0)))
    return float(factors[best]), explained[:, best]


def _described(configuration: Configuration, pair: tuple[Floats, Floats], quantity: str) -> str:
    """Place, kind, how far off, and a likely reason."""
    label, predicted = (np.ravel(values) for values in pair)
    if quantity == "energy":
        off = f"{float(label[0]):.4f}, not {float(predicted[0]):.4f} eV/atom"
    else:
        off = f"off by {_rms(label - predicted):.2g} {_UNITS[quantity]}"
        product, size = float(label @ predicted), float(np.linalg.norm(label) * np.linalg.norm(predicted))
        if size and abs(product) > _ALIKE * size and (quantity == "virial" or product < 0):
            mistake = likely_mistake(product / float(predicted @ predicted))
            off += f", perhaps {mistake}" if mistake else ""
    return f"{configuration.where} ({configuration.config_type}; {off})"


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
