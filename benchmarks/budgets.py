"""Error against time per atom: what a budget of functions buys. `python -m benchmarks.budgets --help`.

For each budget the recommended model is fitted with at most that many functions. Other specs are fitted to the same
data and drawn in the same picture. All potentials are then timed in turn on one core, with forces but without neighbour
lists, on structures of the test data.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")  # before NumPy

from rich.console import Console
from rich.table import Table

from acegen.errors import AcegenError
from acegen.fit.evaluation import total_row
from acegen.fit.pipeline import fit
from acegen.fit.result import FitResult
from acegen.runtime import Model
from benchmarks.batches import Batch, PotentialCall
from benchmarks.timing import Samples, alternate, pinned

_ATOMS = 2000
_ROUNDS = 15


def main(arguments: list[str] | None = None) -> int:
    """Fit, time, report. Returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console()
    fits: dict[str, FitResult] = {}
    for label, spec in _models(options).items():
        console.print(f"fitting {label}", highlight=False)
        data = {"train": list(map(str, options.train)), "test": list(map(str, options.test))}
        fits[label] = fit({"spec": spec, "data": data, "output": str(options.output / "fits")})
    microseconds = _microseconds({label: result.model for label, result in fits.items()}, next(iter(fits.values())))
    rows = [_row(label, result, microseconds[label]) for label, result in fits.items()]
    _show(console, rows)
    console.print(f"picture: {_draw(rows, options.output / 'budgets.png')}", highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budgets", description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="training data")
    parser.add_argument("--test", type=Path, nargs="+", required=True, help="test data")
    parser.add_argument("--elements", nargs="+", required=True, help="chemical symbols")
    parser.add_argument("--cutoff", type=float, help="Å (default: from the data)")
    parser.add_argument("--functions", type=int, nargs="*", default=[211, 668, 1100], help="budgets")
    parser.add_argument("--spec", type=Path, nargs="*", default=[], help="other specs to fit")
    parser.add_argument("--output", type=Path, default=Path("budgets"), help="folder (default: budgets)")
    return parser


def _models(options: argparse.Namespace) -> dict[str, Any]:
    """Specs and requests by label, the request without a budget last."""
    models: dict[str, Any] = {}
    for count in [*options.functions, None]:
        request: dict[str, Any] = {"name": f"budget_{count or 'none'}", "elements": options.elements}
        if options.cutoff is not None:
            request["cutoff"] = options.cutoff
        if count is not None:
            request["functions"] = count
        models["default" if count is None else f"at most {count:,}"] = request
    return {**{path.stem: str(path) for path in options.spec}, **models}


def _microseconds(models: dict[str, Model], result: FitResult) -> dict[str, Samples]:
    """Times per atom of all potentials, measured in turn."""
    structures, n_atoms = [], 0
    for configuration in result.parts.test.configurations:
        if n_atoms < _ATOMS:
            structures.append(configuration.atoms)
            n_atoms += len(configuration.atoms)
    calls = {
        name: PotentialCall(model, Batch.of(structures, model.cutoff, model.elements)) for name, model in models.items()
    }
    with pinned():
        timed = alternate(calls, _ROUNDS)
    return {name: samples * (1e6 / n_atoms) for name, samples in timed.seconds.items()}


def _row(label: str, result: FitResult, microseconds: Samples) -> dict[str, Any]:
    test, validation = (total_row(part, result.comparisons[part]) for part in ("test", "validation"))
    return {
        "model": label,
        "functions": result.model.n_basis,
        "microseconds": microseconds,
        "energy": None if test.energy is None else 1e3 * test.energy.mae,
        "forces": None if test.forces is None else test.forces.mae,
        "validation energy": None if validation.energy is None else 1e3 * validation.energy.mae,
        "validation forces": None if validation.forces is None else validation.forces.mae,
        "seconds": sum(cost.seconds for cost in result.costs),
    }


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table("model", "functions", "µs/atom", "quartiles", "validation", "test", "fit, s")
    for row in rows:
        low, high = row["microseconds"].quartiles
        table.add_row(
            row["model"],
            f"{row['functions']:,}",
            f"{row['microseconds'].median:.2f}",
            f"{low:.2f}-{high:.2f}",
            f"{row['validation energy']:.2f}, {row['validation forces']:.4f}",
            f"{row['energy']:.2f}, {row['forces']:.4f}",
            f"{row['seconds']:.0f}",
        )
    console.print(table)
    console.print("Mean absolute errors of energies, meV/atom, and forces, eV/Å.")


def _draw(rows: list[dict[str, Any]], path: Path) -> Path:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.6))
    for axes, key, name in zip(panels, ("energy", "forces"), ("energy, meV/atom", "forces, eV/Å"), strict=True):
        for row, marker in zip(rows, cycle("osD^vPX")):  # points coincide where a budget is not used up
            axes.plot(row["microseconds"].median, row[key], marker, label=row["model"], alpha=0.7, fillstyle="none")
        axes.set_xlabel("µs per atom, energies and forces")
        axes.set_ylabel(f"test error, {name}")
        axes.margins(0.1)
    panels[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AcegenError as error:
        sys.exit(f"error: {error}")
