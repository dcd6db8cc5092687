"""Checks before fitting: whether the data cover the elements of the model, and whether energies are consistent.

Energies are examined as deviations from atomic energies alone, E/N - Σ x_e E0_e with x the composition, where E0
minimizes the sum of absolute deviations: half of the configurations could be wrong without moving it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.dataset import Configuration, Parts
from acegen.fit.findings import Finding, configurations, listed
from acegen.fit.folds import ALWAYS
from acegen.fit.problem import nothing_left
from acegen.fit.ridge import weight_candidates
from acegen.fit.settings import FitSettings
from acegen.runtime.neighbours import neighbour_list

Floats = NDArray[np.float64]

_FEW_CONFIGURATIONS, _FEW_ATOMS = 3, 30
"""An element that occurs in fewer configurations, and as fewer atoms, is reported."""

_MANY = 10
"""Configurations below which rare elements are not reported: small data sets need every configuration."""

_SAME_PLACE = 20.0
"""Deviations beyond this many standard deviations, by their median, are outliers."""

_NEAR = 0.1
"""Relative difference between an energy and the mean one per atom, for an energy that appears to be per atom."""

_LEAST = 5
"""Energies needed to judge which are consistent."""

_STEPS = 100


def fitted(parts: Parts, settings: FitSettings) -> tuple[Configuration, ...]:
    """The configurations with labels that the final fit uses."""
    numbered = zip(parts.training.configurations, parts.folds, strict=True)
    own = [c for c, fold in numbered if settings.solver.refit or fold == ALWAYS]
    return tuple(c for c in own if c.energy is not None or c.forces is not None)


def check_content(parts: Parts, settings: FitSettings) -> list[Finding]:
    """Check elements, pairs of elements, compositions and energies of the data.

    Raises:
        FitError: there are no data for an element of the spec, energies per atom where totals belong, or weights above
            zero only for quantities without labels.
    """
    labels = parts.training.n_labels
    solver = settings.solver
    weighs = solver.kind == "ridge" or solver.selection is not None
    for weights in weight_candidates(settings.weights) if weighs else []:
        if not any(labels[quantity] for quantity, weight in weights._asdict().items() if weight > 0):
            raise nothing_left(weights)
    data = fitted(parts, settings)
    elements = settings.elements
    findings = _check_elements(data, elements, settings.reach)
    if settings.atomic_energies is None:
        findings += _check_composition(data, elements)
    _check_totals(data, elements)
    return findings


def energy_deviations(data: Sequence[Configuration], elements: Sequence[str]) -> tuple[Floats, float]:
    """Energies per atom (eV) minus the part due to atomic energies, and their standard deviation by the median.

    Single atoms do not enter the atomic energies, since they have no bonds.

    Returns:
        (n,), NaN without energy; a scale in eV/atom, infinite if there are too few energies.
    """
    sizes = np.array([len(c.atoms) for c in data], dtype=float)
    energies = np.array([np.nan if c.energy is None else c.energy for c in data]) / sizes
    fractions = np.array([c.counts(elements) for c in data]).reshape(-1, len(elements)) / sizes[:, None]
    known = np.isfinite(energies) & (sizes > 1)
    if known.sum() < _LEAST:
        return energies - energies, np.inf
    middle = float(np.median(energies[known]))  # fractions add up to one: only digits are lost
    deviations = energies - middle - fractions @ _least_absolute(fractions[known], energies[known] - middle)
    return deviations, _spread(deviations[known])


def _check_elements(
    data: Sequence[Configuration], elements: Sequence[str], reach: Sequence[Sequence[float]]
) -> list[Finding]:
    counts = np.array([c.counts(elements) for c in data]).reshape(-1, len(elements))
    missing = [e for e, total in zip(elements, counts.sum(axis=0), strict=True) if total == 0]
    if missing:
        names = ", ".join(missing)
        raise FitError(
            f"the spec has {names}, for which there are no data to fit to: energies and forces would be zero. Add "
            f"configurations with {names} to data.train, or leave {names} out of the elements of the spec."
        )
    findings = []
    bonded, pairs = _bonds(data, elements, reach)
    for i, element in enumerate(elements):
        holding = [c.where for c, n in zip(data, counts[:, i], strict=True) if n]
        if element not in bonded:
            findings.append(
                Finding(
                    f"{element} occurs only without neighbours within the cutoff; nothing can be learned about its "
                    "bonds, which will have neither energy nor force. Add configurations in which it has neighbours",
                    tuple(holding),
                )
            )
        elif len(data) >= _MANY and len(holding) < _FEW_CONFIGURATIONS and counts[:, i].sum() < _FEW_ATOMS:
            text = f"{element} occurs in {len(holding)} of {len(data):,} configurations; little can be learned about it"
            findings.append(Finding(text, tuple(holding)))
    never = [
        f"{a}-{b}"
        for a, b in combinations_with_replacement(elements, 2)
        if {a, b} <= bonded and frozenset((a, b)) not in pairs
    ]
    if never:
        findings.append(
            Finding(
                f"no configuration has {', '.join(never)} within the cutoff; such neighbours will not interact. Add "
                "configurations with them, or use the potential only for structures without them"
            )
        )
    return findings


def _bonds(
    data: Sequence[Configuration], elements: Sequence[str], reach: Sequence[Sequence[float]]
) -> tuple[set[str], set[frozenset[str]]]:
    """Elements with neighbours, and pairs of elements that are neighbours. Stops when all are found."""
    reaches = np.array(reach)
    found = np.zeros((len(elements),) * 2, dtype=bool)
    for configuration in data:
        symbols = configuration.atoms.get_chemical_symbols()
        own = np.flatnonzero([element in symbols for element in elements])
        if found[np.ix_(own, own)].all():
            continue
        numbers = np.array([elements.index(symbol) for symbol in symbols])
        list_ = neighbour_list(configuration.atoms, float(reaches.max()))
        a, b = numbers[list_.center], numbers[list_.neighbour]
        near = np.linalg.norm(list_.displacement, axis=1) < reaches[a, b]
        found[a[near], b[near]] = True
    pairs = {frozenset((elements[i], elements[j])) for i, j in zip(*np.nonzero(found | found.T), strict=True)}
    return {element for pair in pairs for element in pair}, pairs


def _check_composition(data: Sequence[Configuration], elements: Sequence[str]) -> list[Finding]:
    """Atomic energies that the compositions do not determine."""
    with_energy = [c for c in data if c.energy is not None]
    counts = np.array([c.counts(elements) for c in with_energy]).reshape(-1, len(elements))
    present = np.flatnonzero(counts.any(axis=0))
    fractions = counts[:, present] / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    _, s, vt = np.linalg.svd(fractions.T @ fractions)
    rank = int(np.sum(s > 1e-10 * s[0])) if len(s) else 0
    if rank == len(present):
        return []
    shared = [elements[present[k]] for k in np.flatnonzero(np.linalg.norm(vt[rank:], axis=0) > 1e-6)]
    formulas = list(dict.fromkeys(c.atoms.get_chemical_formula(empirical=True) for c in with_energy))
    only = f"always occur as {formulas[0]}" if len(formulas) == 1 else f"occur as {listed(formulas)} only"
    return [
        Finding(
            f"the data do not determine the separate atomic energies of {', '.join(shared)}, which {only}: the fit is "
            "right for these compositions, but divides their energy arbitrarily between the elements. For other "
            "compositions, or energies of formation, give [atomic_energies], or add configurations of isolated atoms"
        )
    ]


def _check_totals(data: Sequence[Configuration], elements: Sequence[str]) -> None:
    """Raises FitError for energies per atom, of all configurations or of some."""
    known = [c for c in data if c.energy is not None and len(c.atoms) > 1]
    sizes = np.array([len(c.atoms) for c in known], dtype=float)
    if len(known) < _LEAST or np.ptp(sizes) == 0:
        return
    labels = np.array([c.energy for c in known], dtype=float)
    deviations, scale = energy_deviations(known, elements)
    fractions = np.array([c.counts(elements) for c in known]) / sizes[:, None]
    advice = "Energies must be totals of all atoms; multiply them by the number of atoms, or leave them out."
    middle = float(np.median(labels))
    as_means = _spread(labels - middle - fractions @ _least_absolute(fractions, labels - middle))
    if scale > _SAME_PLACE * max(as_means, 1e-3 * float(np.median(np.abs(labels)))):
        raise FitError(
            f"the energies of {configurations(len(known))} apparently per atom: as given they differ by "
            f"{as_means:.3g} eV, divided by the number of atoms by {scale:.3g} eV. {advice}"
        )
    expected = labels / sizes - deviations  # per atom, by atomic energies
    odd = np.abs(deviations) > _SAME_PLACE * scale
    means = odd & (np.abs(labels - expected) < _NEAR * np.abs(expected))
    if means.sum() >= max(_FEW_CONFIGURATIONS, 0.8 * odd.sum()):
        places = [c.where for c, mean in zip(known, means, strict=True) if mean]
        raise FitError(
            f"the energies of {configurations(len(places))} apparently per atom, those of the others totals: "
            f"{listed(places)}. {advice}"
        )


def _least_absolute(matrix: Floats, target: Floats) -> Floats:
    """x that minimizes Σ|matrix x - target|, by iteratively reweighted least squares."""
    weight: Floats = np.ones(len(target))
    x: Floats = np.zeros(matrix.shape[1])
    smallest = 1e-9 * float(np.abs(target).max(initial=0.0)) + 1e-300
    for _ in range(_STEPS):
        before, x = x, scipy.linalg.lstsq(matrix * weight[:, None], target * weight)[0]
        residual = np.abs(target - matrix @ x)
        weight = 1.0 / np.sqrt(np.maximum(residual, smallest))
        if np.allclose(x, before, rtol=1e-9, atol=smallest):
            break
    return x


def _spread(deviations: Floats) -> float:
    """Standard deviation of normally distributed numbers, by the median of their absolute values."""
    return 1.4826 * float(np.median(np.abs(deviations)))
