"""Calibration of predicted standard deviations by the errors of data that were held out.

The posterior takes all errors for noise of independent rows. They are not: mostly the functions cannot describe the
labels any better, and neighbouring forces err together. Errors of held-out data are 1 to 8 times the standard
deviations of the posterior. The standard deviation to be expected is therefore sqrt(floor² + scale² v), v the
posterior's variance, with floor and scale of largest likelihood for Gaussian errors; and the half widths of intervals
are quantiles of held-out |error| in these standard deviations, whatever the distribution of errors: cross-validated
conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, J. Am. Stat. Assoc. 113, 1094 (2018), for one split).
On average over data of the same kinds they hold about as many as they claim. That is no guarantee: floor, scale and
quantiles come from the same errors, these from a model for each fold, and components of the forces of one configuration
err together, so that their number says less than that of the configurations.

Fitted to four folds and tested on the fifth, the mean score of 90 % intervals (Gneiting, Raftery, J. Am. Stat. Assoc.
102, 359 (2007), §6.2; eV/Å, smaller is better) of forces of silicon, tantalum and water was 0.393, 0.398, 0.135 with
Gaussian errors, 0.398, 0.425, 0.135 with Student's t of 10, 0.401, 0.432, 0.135 of 4 degrees of freedom, 0.400, 0.414,
0.135 with Laplace's distribution, and 0.475, 0.748, 0.138 without the posterior, that is, with one standard deviation
for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, log, sqrt

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from acegen.store.uncertainty import LEVELS

Floats = NDArray[np.float64]

_SYMMETRIC = 1e-4
"""Standard deviations below this fraction of their root mean square are those of forces that are zero by symmetry, as
in perfect crystals: their errors are rounding, and a third of all forces of some data would calibrate nothing else."""

_ZERO = 1e-6
"""eV/Å: forces whose prediction, and whose label or predicted standard deviation, are smaller are zero by symmetry:
labels of files have about six digits. Where all are, those above the mean of their rounding would else be left."""

LARGEST_SCALE = 1e3
"""Largest scale. If it is not enough, variances of the posterior say nothing of the errors, and the floor does."""

_SMALLEST = 1e-9
"""eV/atom, eV/Å: smallest standard deviation; labels have no more digits."""

_MOST = 60_000
"""Largest number of values that floor and scale are fitted to."""


@dataclass(frozen=True)
class Calibration:
    """Standard deviations to be expected, sqrt(floor² + scale² v), and intervals in units of them.

    Attributes:
        floor: eV/atom or eV/Å.
        scale: without units.
        quantiles: half widths of the intervals of probabilities `LEVELS`.
        count: number of held-out values; zero if there were none.
    """

    floor: float
    scale: float
    quantiles: tuple[float, ...]
    count: int

    def deviations(self, variances: Floats) -> Floats:
        """Standard deviations to be expected for variances of the posterior."""
        return np.sqrt(self.floor**2 + self.scale**2 * variances)


NORMAL = Calibration(0.0, 1.0, (0.6745, 1.6449, 1.9600), 0)
"""That of a posterior that is right; for data of which nothing is known."""


@dataclass(frozen=True)
class Errors:
    """Errors of one quantity and what was predicted for them.

    Attributes:
        errors: (n,) in eV/atom or eV/Å.
        variances: (n,) of the posterior, in the squares of these units.
        configurations: (n,) the configuration of each.
        zero: (n,) whether prediction, and label or standard deviation, vanish: see `vanishing`.
    """

    errors: Floats
    variances: Floats
    configurations: NDArray[np.int64]
    zero: NDArray[np.bool_]

    @property
    def informative(self) -> Errors:
        """Without those that are zero by symmetry."""
        own = self.only(~self.zero)
        return own.only(informative(own.variances))

    def only(self, kept: NDArray[np.bool_]) -> Errors:
        """Some of them."""
        return Errors(self.errors[kept], self.variances[kept], self.configurations[kept], self.zero[kept])


def vanishing(labels: Floats, predictions: Floats, variances: Floats) -> NDArray[np.bool_]:
    """Which force components are zero by symmetry: predicted so, and labelled so or without a spread."""
    other = np.minimum(np.abs(labels), np.sqrt(variances))
    return (np.abs(predictions) < _ZERO) & (other < _ZERO)


def calibrate(errors: Floats, variances: Floats) -> Calibration:
    """Calibrate by errors (n,) and the variances (n,) that were predicted for them, in the same units.

    Values that are zero by symmetry are left out, by their variances relative to the others. With fewer than
    1 / (1 - level) values the interval of a level is that of the largest error.
    """
    kept = informative(variances)
    errors, variances = np.abs(errors[kept]), variances[kept]
    if not len(errors):
        return NORMAL
    floor, scale = _most_likely(errors, variances)
    own = Calibration(floor, scale, NORMAL.quantiles, len(errors))
    ratios = np.sort(errors / own.deviations(variances))
    # The rank that makes intervals valid for finite samples, not only in the limit.
    ranks = [min(len(ratios), ceil(level * (len(ratios) + 1))) for level in LEVELS]
    return Calibration(floor, scale, tuple(float(ratios[rank - 1]) for rank in ranks), len(errors))


def informative(variances: Floats) -> NDArray[np.bool_]:
    """Which values (n,) are not zero by symmetry, by their variances; of those that are not all zero."""
    mean = float(np.mean(variances)) if len(variances) else 0.0
    return variances > max(_SYMMETRIC**2 * mean, _SMALLEST**2)


def _most_likely(errors: Floats, variances: Floats) -> tuple[float, float]:
    """Floor and scale of largest likelihood, for Gaussian errors."""
    step = -(-len(errors) // _MOST)
    squares, own = np.maximum(errors[::step], _SMALLEST) ** 2, variances[::step]
    size, spread = float(np.mean(squares)), float(np.mean(own))

    def negative(place: Floats) -> tuple[float, Floats]:
        floor, scale = np.exp(2 * place)
        whole = floor * size + scale * own * (size / spread)
        share = squares / whole
        value = 0.5 * float(np.mean(share + np.log(whole)))
        weight = (1 - share) / whole
        gradient = [float(np.mean(weight)) * floor * size, float(np.mean(weight * own)) * scale * size / spread]
        return value, np.array(gradient)

    least = log(_SMALLEST / sqrt(size))
    most = min(20.0, log(LARGEST_SCALE) - 0.5 * log(size / spread))
    # Never narrower than the posterior: with few data floor and scale are hard to tell apart, and a scale of nothing
    # would make the same of what lies far from the data.
    lowest = min(-0.5 * log(size / spread), most)
    starts = ((log(0.3), log(0.9)), (log(0.02), 0.0))  # one where all have the same error, one where none has
    found = [
        scipy.optimize.minimize(
            negative, np.array(start), jac=True, method="L-BFGS-B", bounds=[(least, 10), (lowest, max(lowest, most))]
        )
        for start in starts
    ]
    best = min(found, key=lambda one: float(one.fun))
    return exp(best.x[0]) * sqrt(size), exp(best.x[1]) * sqrt(size / spread)


def covered(errors: Floats, variances: Floats, calibration: Calibration) -> tuple[float, ...]:
    """Share of errors (n,) within the interval of each level; NaN without errors."""
    deviations = calibration.deviations(variances)
    shares = [
        float(np.mean(np.abs(errors) <= q * deviations)) if len(errors) else np.nan for q in calibration.quantiles
    ]
    return tuple(shares)
