"""`acegen fit --dry-run`: what a fit would do."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.table import Table

from acegen.cli.progress import TerminalProgress
from acegen.cli.terminal import Listing
from acegen.dependencies import needs_packages

with needs_packages("fitting", "fit"):
    from acegen.fit.findings import warn_of
    from acegen.fit.plan import Plan, plan, total_seconds
    from acegen.fit.settings import FitSettings
from acegen.printing import visible


def run_dry(settings: FitSettings, console: Console) -> Plan:
    """Read and check the data, and print what the fit would do."""
    progress = TerminalProgress(console)
    with progress.stage("plan"):
        found = plan(settings)
        warn_of(found.findings)
        whole = total_seconds(list(found.seconds.values()))
        progress.report(f"{whole}, {found.memory / 2**20:,.0f} MiB; nothing is written")
    table = Table(title=f"{found.settings.spec.name}: what the fit would do", show_header=False)
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for what, value in _facts(found):
        table.add_row(what, visible(value))
    console.print(table)
    stages = [[stage, f"{seconds:.0f}"] for stage, seconds in found.seconds.items()]
    solver = found.settings.solver
    other = "" if solver.kind == "ridge" and solver.selection is None else "; for a ridge fit of all functions"
    caption = f"estimates for the largest of the models, for a machine that does nothing else{_busy()}{other}"
    console.print(Listing("seconds", ("stage", "s"), stages, (0,), {}, caption), soft_wrap=True)
    return found


def plan_document(found: Plan) -> dict[str, Any]:
    """The same as plain values: times s, memory bytes."""
    return {
        "folder": str(found.target),
        "replaces": found.replaces,
        "continues": found.settings.data.previous,
        "known": _n_known(found),
        "configurations": len(found.parts.training.configurations),
        "atoms": found.parts.training.n_atoms,
        "folds": found.parts.n_folds,
        "rows": found.rows,
        "models": len(found.specs),
        "functions": list(found.functions),
        "columns": found.columns,
        "cache": {
            "folder": found.cached.folder,
            "pilots": found.cached.pilots,
            "basis": found.cached.spec is not None,
            "finished": found.cached.finished,
            "units": found.cached.units,
        },
        "seconds": found.seconds,
        "triangles": found.triangles,
        "memory": found.memory,
        "findings": [{"text": finding.text, "configurations": list(finding.places)} for finding in found.findings],
    }


def _facts(found: Plan) -> list[list[str]]:
    parts, settings = found.parts, found.settings
    low, high = found.functions
    size = f"{high:,} functions of a centre" if low == high else f"{low:,} to {high:,} functions of a centre"
    if found.pilots:
        model = f"one of {len(found.specs)} kinds of basis, by cross-validation; {size}"
    else:
        model = f"{size}, order {found.specs[0].basis.order}"
    test = f"; {len(parts.test.configurations):,} for the test" if parts.test.configurations else ""
    labels = ", ".join(f"{count:,} of {quantity}" for quantity, count in found.rows.items() if count)
    previous = settings.data.previous
    continued = [] if previous is None else [["continues", f"{previous}, which knows {_n_known(found):,} of them"]]
    return [
        ["data", f"{len(parts.training.configurations):,} configurations, {parts.training.n_atoms:,} atoms{test}"],
        *continued,
        ["model", model],
        ["design matrix", f"{sum(found.rows.values()):,} rows ({labels}) × {found.columns:,} columns at most"],
        ["hyperparameters", _hyperparameters(found)],
        ["in the cache", _in_cache(found)],
        ["memory", f"{found.memory / 2**20:,.0f} MiB at the peak, {found.triangles / 2**20:,.0f} of them triangles"],
        ["result", f"{found.target}{', which is replaced' if found.replaces else ''}"],
    ]


def _busy() -> str:
    """What to add where other programs use the cores: the factorization that is timed is too short to notice them."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return f" (it does now: {load:.1f} programs run on {cores} cores)" if load > cores / 2 else ""


def _hyperparameters(found: Plan) -> str:
    parts, solver, weights = found.parts, found.settings.solver, found.settings.weights
    held = f"{parts.n_folds} folds" if parts.n_folds > 1 else "a part held out" if parts.n_folds else "nothing held out"
    smooth = len(solver.smoothness)
    tried = len(weights.energy) * len(weights.virial) * smooth
    kept = "" if solver.selection is None else f"; {solver.selection.functions:,} functions are kept"
    if solver.kind == "bayes":
        return f"noise and prior by evidence, for each of {smooth} candidates of smoothness; {held}{kept}"
    strength = f"strength by {solver.strength}" if isinstance(solver.strength, str) else f"strength {solver.strength:g}"
    return f"{tried} combinations of weights and smoothness, {held}, {strength}{kept}"


def _in_cache(found: Plan) -> str:
    cached = found.cached
    parts = [f"{cached.pilots} of {len(found.pilots)} models that are compared"] if cached.pilots else []
    if cached.spec is not None:
        chosen = ", if the same model is chosen again" if len(found.specs) > 1 else ""
        parts.append(f"the basis, {cached.finished:,} of {cached.units:,} units of the assembly{chosen}")
    return f"{'; '.join(parts) or 'nothing of this fit'} ({cached.folder})"


def _n_known(found: Plan) -> int:
    return sum(len(unit.members) for unit in found.parts.known)
