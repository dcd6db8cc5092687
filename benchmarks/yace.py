"""Input for ML-PACE: the full linear basis of a model as a .yace file, environments in a flat binary file.

Coefficients are random. The coupling is a random combination of generalized Clebsch-Gordan coefficients for each
(n, l). The time of an evaluator depends on neither. Terms that differ only in the order of equal factors or in the sign
of all m are written once, which gives the evaluator the fewest products.
"""

from __future__ import annotations

import itertools
import struct
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from math import factorial, sqrt
from pathlib import Path

import numpy as np

from acegen.runtime import FunctionLabel
from benchmarks.batches import Batch

Factors = tuple[tuple[int, int], ...]
"""(n, l) of each factor, sorted."""

_MAX_ORDER = 4
_NEGLIGIBLE = 1e-14


def write_environments(batch: Batch, path: Path) -> None:
    """Little endian: "ENV1", int32 count; for each centre int32 species, int32 J, int32[J] species, float64[J][3]."""
    with path.open("wb") as file:
        file.write(b"ENV1" + struct.pack("<i", batch.n_atoms))
        for atom in range(batch.n_atoms):
            own = slice(int(batch.first[atom]), int(batch.first[atom + 1]))
            file.write(struct.pack("<ii", int(batch.center[atom]), own.stop - own.start))
            file.write(batch.species[own].astype("<i4").tobytes() + batch.displacement[own].astype("<f8").tobytes())


def write_yace(labels: Iterable[FunctionLabel], cutoff: float, path: Path, element: str = "Si") -> None:
    """A potential of one element with every (n, l) of the labels.

    Raises:
        ValueError: a function has an order above four.
    """
    groups = sorted({tuple(sorted(zip(label.n, label.l, strict=True))) for label in labels}, key=lambda g: (len(g), g))
    if len(groups[-1]) > _MAX_ORDER:
        raise ValueError("only orders up to four are written")
    rng = np.random.default_rng(1)
    functions = [text for group in groups if (text := _function(group, rng))]
    n_all = max(n for group in groups for n, _ in group)
    n_many = max((n for group in groups if len(group) > 1 for n, _ in group), default=1)
    l_max = max(l for group in groups for _, l in group)
    radial = [[[float(k == n) for k in range(n_all)] for _ in range(l_max + 1)] for n in range(n_many)]
    path.write_text(
        f"""elements: [{element}]
E0: [0]
deltaSplineBins: 0.001
embeddings:
  0: {{ndensity: 1, FS_parameters: [1, 1], npoti: FinnisSinclair, rho_core_cutoff: 100000, drho_core_cutoff: 250}}
bonds:
  [0, 0]: {{nradmax: {n_many}, lmax: {l_max}, nradbasemax: {n_all}, radbasename: ChebExpCos, radparameters: [5.25], \
radcoefficients: {radial}, prehc: 0, lambdahc: 1, rcut: {cutoff}, dcut: 0.01, rcut_in: 0, dcut_in: 0, \
inner_cutoff_type: density}}
functions:
  0:
"""
        + "\n".join(functions)
        + "\n",
        encoding="utf-8",
    )


def _function(factors: Factors, rng: np.random.Generator) -> str:
    """All terms of one (n, l)."""
    ns, ls = zip(*factors, strict=True)
    terms: dict[tuple[int, ...], float] = defaultdict(float)
    for m, value in _couplings(ls, rng).items():
        opposite = tuple(-one for one in m)
        terms[max(_sorted_m(factors, m), _sorted_m(factors, opposite))] += value
    kept = sorted((m, value) for m, value in terms.items() if abs(value) > _NEGLIGIBLE)
    if not kept:
        return ""
    ms = [one for m, _ in kept for one in m]
    values = [float(value) for _, value in kept]
    return (
        f"    - {{mu0: 0, rank: {len(ls)}, ndensity: 1, num_ms_combs: {len(kept)}, mus: {[0] * len(ls)}, "
        f"ns: {list(ns)}, ls: {list(ls)}, ms_combs: {ms}, ctildes: {values}}}"
    )


def _sorted_m(factors: Factors, m: tuple[int, ...]) -> tuple[int, ...]:
    """The m, with those of equal factors in descending order."""
    pairs = sorted(zip(factors, m, strict=True), key=lambda pair: (pair[0], -pair[1]))
    return tuple(one for _, one in pairs)


def _couplings(ls: tuple[int, ...], rng: np.random.Generator) -> dict[tuple[int, ...], float]:
    """A random rotation invariant of these l, by m."""
    middle = (
        range(max(abs(ls[0] - ls[1]), abs(ls[2] - ls[3])), min(ls[0] + ls[1], ls[2] + ls[3]) + 1)
        if len(ls) == 4
        else [0]
    )
    weights = rng.normal(size=len(middle)) / (1 + len(ls) + sum(ls)) if len(middle) else np.zeros(0)
    found = {}
    for m in itertools.product(*(range(-l, l + 1) for l in ls)):
        if sum(m) == 0:
            found[m] = sum(w * _coupling(ls, m, between) for w, between in zip(weights, middle, strict=True))
    return {m: 0.5 * (value + found[tuple(-one for one in m)]) for m, value in found.items()}


def _coupling(ls: tuple[int, ...], m: tuple[int, ...], between: int) -> float:
    if len(ls) == 1:
        return 1.0
    if len(ls) == 2:
        return (-1.0) ** m[0]
    if len(ls) == 3:
        return wigner_3j(*ls, *m)
    total = m[0] + m[1]
    first = wigner_3j(ls[0], ls[1], between, m[0], m[1], -total)
    return (-1.0) ** total * first * wigner_3j(between, ls[2], ls[3], total, m[2], m[3])


@cache
def wigner_3j(j1: int, j2: int, j3: int, m1: int, m2: int, m3: int) -> float:
    """Wigner's 3j symbol by Racah's formula."""
    if m1 + m2 + m3 or not abs(j1 - j2) <= j3 <= j1 + j2 or abs(m1) > j1 or abs(m2) > j2 or abs(m3) > j3:
        return 0.0
    triangle = (
        factorial(j1 + j2 - j3) * factorial(j1 - j2 + j3) * factorial(-j1 + j2 + j3) / factorial(j1 + j2 + j3 + 1)
    )
    states = 1
    for j, m in ((j1, m1), (j2, m2), (j3, m3)):
        states *= factorial(j + m) * factorial(j - m)
    total = 0.0
    for k in range(j1 + j2 + j3 + 1):
        bottom = (k, j3 - j2 + m1 + k, j3 - j1 - m2 + k, j1 + j2 - j3 - k, j1 - m1 - k, j2 + m2 - k)
        if min(bottom) >= 0:
            product = 1
            for number in bottom:
                product *= factorial(number)
            total += (-1) ** k / product
    return float((-1) ** abs(j1 - j2 - m3) * sqrt(triangle * states) * total)
