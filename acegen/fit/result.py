"""The complete result of a fit, for its report, its pictures and the caller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acegen.fit.bayes import BayesFit
from acegen.fit.clock import StageCost
from acegen.fit.compression import Repulsion
from acegen.fit.dataset import Parts
from acegen.fit.evaluation import Comparison
from acegen.fit.findings import Finding
from acegen.fit.problem import Problem
from acegen.fit.recommended import Recommendation
from acegen.fit.ridge import RidgeFit
from acegen.fit.selection import Selection
from acegen.fit.settings import FitSettings
from acegen.fit.uncertainty.reliability import Reliability
from acegen.fit.uncertainty.stage import UncertaintyFit
from acegen.runtime import Model
from acegen.store.coefficients import Coefficients


@dataclass(frozen=True)
class FitResult:
    """The complete result of a fit.

    Attributes:
        settings: the settings, with the complete spec.
        recommendation: the reasons for the spec, if it was derived from the data.
        directory: `DIR/NAME`, where all files are.
        model: the compiled potential.
        parts: the data.
        problem: the assembled triangles.
        fit: hyperparameters and coefficients.
        selection: the functions kept, for a sparse model.
        coefficients: those compiled into the potential.
        uncertainty: grades and committee, with their calibration.
        reliability: how well they tell errors, in all parts of the data.
        comparisons: labels and predictions by part; in "validation" each fold is predicted by a fit without it.
        findings: what a person should check in the data.
        repulsion: behaviour of the potential below the distances of the data.
        costs: time and memory by stage.
        n_cached: units of the assembly found in the cache.
        n_units: all units.
    """

    settings: FitSettings
    recommendation: Recommendation | None
    directory: Path
    model: Model
    parts: Parts
    problem: Problem
    fit: RidgeFit | BayesFit
    selection: Selection | None
    coefficients: Coefficients
    uncertainty: UncertaintyFit
    reliability: Reliability
    comparisons: dict[str, list[Comparison]]
    findings: tuple[Finding, ...]
    repulsion: Repulsion
    costs: tuple[StageCost, ...]
    n_cached: int
    n_units: int
