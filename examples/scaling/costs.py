"""Costs of one process, from a TOML file or from the results of `python -m benchmarks --only lammps`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from pathlib import Path
from statistics import mean, median
from typing import Any

from communication import Costs, Network, predict


class CostError(ValueError):
    """A file without usable costs."""


@dataclass(frozen=True)
class Comparison:
    """A measured step and what the model predicts for it: seconds, and ghosts of a process."""

    what: str
    processes: int
    atoms: int
    measured: float
    predicted: float
    measured_ghosts: float
    predicted_ghosts: float


def read_costs(file: Path) -> tuple[dict[str, Costs], list[Comparison]]:
    """Costs for each model; for results of benchmarks also the model's predictions of what was measured.

    Raises:
        CostError: the file is neither, or lacks a number.
        OSError: the file cannot be read.
    """
    try:
        if file.suffix == ".json":
            return _read_results(json.loads(file.read_text(encoding="utf-8")))
        return _read_toml(tomllib.loads(file.read_text(encoding="utf-8"))), []
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CostError(f"{file} is not {'JSON' if file.suffix == '.json' else 'TOML'}: {error}") from None
    except CostError as error:
        raise CostError(f"{file}: {error}") from None


def _read_toml(document: Mapping[str, Any]) -> dict[str, Costs]:
    for table in ("process", "pair"):
        if not isinstance(document.get(table), dict) or not document[table]:
            raise CostError(f"there is no table [{table}]; costs.toml next to predict.py shows what is needed")
    if unknown := sorted(document.keys() - {"process", "pair"}):
        raise CostError(f"{unknown[0]!r} is unknown; the tables are [process] and [pair]")
    return {model: _checked({**document["process"], "pair": seconds}) for model, seconds in document["pair"].items()}


def _checked(values: Mapping[str, Any]) -> Costs:
    names = [field.name for field in fields(Costs)]
    if unknown := sorted(values.keys() - set(names)):
        raise CostError(f"[process] has {unknown[0]!r}, which is unknown; it holds {', '.join(names[1:])}")
    for name in names:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
            said = "is missing" if value is None else f"is {value!r}"
            raise CostError(f"{name} {said}; it must be a number, 0 or more")
    for name in ("pair", "reach", "density"):
        if not values[name]:
            raise CostError(f"{name} is 0; it must be positive")
    return Costs(**{name: float(values[name]) for name in names})


def _read_results(document: Any) -> tuple[dict[str, Costs], list[Comparison]]:
    try:
        data = document["measurements"]["lammps"]
        common = fit_costs(data["series"], data["reach"], data["density"])
        times = {row["name"]: row["us_by_section"]["Pair"]["median"] * 1e-6 for row in data["potentials"]}
        names = [name for name in times if name.startswith("acegen, ")]
        shown = dict.fromkeys((names[0], names[-1]))  # the smallest and the largest model
        costs = {name.removeprefix("acegen, "): replace(common, pair=times[name]) for name in shown}
        return costs, compare(common, data)
    except (KeyError, IndexError, TypeError) as error:
        hint = "these are not results with LAMMPS; `python -m benchmarks --only lammps` measures them"
        raise CostError(f"{hint} ({type(error).__name__}: {error})") from None


def fit_costs(series: Iterable[Mapping[str, Any]], reach: float, density: float) -> Costs:
    """Costs from runs on one process: their atoms, ghosts, builds and steps, and seconds per step by section."""
    rows = list(series)
    atoms, ghosts = [row["atoms"] for row in rows], [row["ghosts"] for row in rows]
    by = {name: [row["seconds"][name] for row in rows] for name in ("Pair", "Neigh", "Comm", "Modify", "Other")}
    fixed, rest = _line(atoms, [modify + other for modify, other in zip(by["Modify"], by["Other"], strict=True)])
    fixed_ghost, ghost = _line(ghosts, by["Comm"])
    return Costs(
        pair=median(time / number for time, number in zip(by["Pair"], atoms, strict=True)),
        list=by["Neigh"][-1] / atoms[-1],  # the largest crystal has the least noise
        ghost=ghost,
        rest=rest,
        fixed=fixed + fixed_ghost,
        builds=rows[-1]["builds"] / rows[-1]["steps"],
        reach=reach,
        density=density,
    )


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Constant and slope, neither negative, that minimize the relative deviations."""
    weights = [1 / value**2 if value else 0.0 for value in y]
    total = sum(weights)
    if not total:
        return 0.0, 0.0
    x0 = sum(w * value for w, value in zip(weights, x, strict=True)) / total
    y0 = sum(w * value for w, value in zip(weights, y, strict=True)) / total
    square = sum(w * (value - x0) ** 2 for w, value in zip(weights, x, strict=True))
    product = sum(w * (a - x0) * (b - y0) for w, a, b in zip(weights, x, y, strict=True))
    slope = product / square if square else 0.0
    constant = y0 - slope * x0
    if slope < 0:
        return y0, 0.0
    if constant < 0:
        return 0.0, mean(b / a for a, b in zip(x, y, strict=True))
    return constant, slope


def compare(costs: Costs, data: Mapping[str, Any]) -> list[Comparison]:
    """Predictions of what was measured. Processes slow each other down as independent programs ("copies") do."""
    busy = {row["processes"]: 1 / row["efficiency"]["median"] for row in data["processes"] if row["kind"] == "copies"}
    measured = [
        ("single", 1, (1, 1, 1), row["us_per_atom_step"]["median"] * 1e-6 * row["atoms"], row) for row in data["series"]
    ]
    measured += [
        (row["kind"], row["processes"], row["cells"], row["ms_per_step"]["median"] * 1e-3, row)
        for row in data["processes"]
        if row["kind"] != "copies" and row["processes"] > 1
    ]
    found = []
    for what, number, (x, y, z), seconds, row in measured:
        network = Network(busy=busy.get(number, 1.0), spread=0.0)
        predicted = predict(costs, row["atoms"], number, network, (x, y, z))
        found.append(Comparison(what, number, row["atoms"], seconds, predicted.step, row["ghosts"], predicted.ghosts))
    return found
