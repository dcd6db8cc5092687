"""All there is to know of a fit, for its report, its pictures, and whoever asked for it."""

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
from acegen.runtime import Model
from acegen.store.coefficients import Coefficients


@dataclass(frozen=True)
class FitResult:
    """All there is to know of a fit.

    Attributes:
        settings: what was asked for, with the whole spec.
        recommendation: why the spec is what it is, where it was made from the data.
        directory: `DIR/NAME`, where everything lies.
        model: the compiled potential.
        parts: the data.
        problem: the assembled triangles.
        fit: hyperparameters and coefficients.
        selection: the functions kept, for a sparse model.
        coefficients: as the potential was compiled with them.
        comparisons: labels and predictions by part; in "validation" each fold is predicted by a fit without it.
        findings: what about the data a person should look at.
        repulsion: what the potential is like below the distances of the data.
        costs: time and memory by stage.
        n_cached: units of the assembly that were found finished.
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
    comparisons: dict[str, list[Comparison]]
    findings: tuple[Finding, ...]
    repulsion: Repulsion
    costs: tuple[StageCost, ...]
    n_cached: int
    n_units: int
