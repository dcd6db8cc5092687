"""Tables of the pages, chosen from those that experiments write: NAME.json → Markdown.

Each function takes the tables of one experiment, rows by name, and gives what the page shows of them. Whatever sizes
an experiment was run with, the largest are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

EXPANSIONS = ("canonical", "self-interacting")
PARAMETERS = (
    *("function", "q", "element", "polynomials", "family", "set K", "measure", "training", "part", "particles"),
    *("factors", "order", "level", "degree", "configurations", "samples", "noise", "labels", "columns", "scale"),
    *("smoothness", "method", "solver"),
)
"""Columns that say what was computed, not what came out."""

_BAR = r"\|"
_MANY = 8
_NAMES = {"distance": "|x|²", "mean": "(mean x)²"}


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; bars within cells are escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', _BAR) for cell in line)} |\n" for line in lines)


def parameters(tables: Tables) -> str:
    """What the rows of the tables cover: each parameter with its values, or their number and range."""
    found: dict[str, list[Any]] = {}
    for rows in tables.values():
        for name in PARAMETERS:
            values = [row[name] for row in rows if name in row]
            found[name] = list(dict.fromkeys([*found.get(name, []), *values]))
    return "; ".join(f"{name} {_values(values)}" for name, values in found.items() if values)


def _values(values: Sequence[Any]) -> str:
    if len(values) <= _MANY:
        texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in _sorted(values)]
        return (" / " if any("," in text for text in texts) else ", ").join(texts)
    if all(isinstance(value, int | float) for value in values):
        return f"{min(values):g} to {max(values):g} ({len(values)} values)"
    return f"({len(values)} kinds)"


def _sorted(values: Sequence[Any]) -> list[Any]:
    numbers = all(isinstance(value, int | float) for value in values)
    return sorted(values) if numbers else list(values)


def _number(value: float) -> str:
    """Two digits, as 1.4e3 where it is large."""
    if not isfinite(value):
        return "singular"
    if value >= 1000 or (value and value < 0.01):
        digits, exponent = f"{value:.1e}".split("e")
        return f"{digits}e{int(exponent)}"
    return f"{float(f'{value:.2g}'):g}"


def _largest(rows: Sequence[Row], *names: str) -> list[Row]:
    """Rows with the largest value in each of some columns, one after the other."""
    chosen = list(rows)
    for name in names:
        chosen = [row for row in chosen if row[name] == max(other[name] for other in chosen)]
    return chosen


def _with(rows: Sequence[Row], **values: Any) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


def _pairs(rows: Sequence[Row], *names: str) -> dict[tuple[Any, ...], dict[str, Row]]:
    """Rows of both bases, by the values of some columns; the column of the basis is `expansion` or `basis`."""
    pairs: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        pairs.setdefault(tuple(row[name] for name in names), {})[row.get("expansion", row.get("basis"))] = row
    return pairs


def _interval_operator(tables: Tables) -> str:
    rows = tables["interval_sets"]
    kinds = list(dict.fromkeys(row["polynomials"] for row in rows))
    sizes = {(row["set K"], row["polynomials"]): (row["size of K"], row["size of K'"]) for row in rows}
    lines = []
    for name in dict.fromkeys(row["set K"] for row in rows):
        lines.append([name, *(" → ".join(map(str, sizes[name, kind])) for kind in kinds)])
    return markdown(["K", *kinds], lines)


def _interval_conditioning(tables: Tables) -> str:
    rows = _with(tables["interval_conditioning"], expansion="self-interacting")
    lines = []
    for kind in dict.fromkeys(row["polynomials"] for row in rows):
        for order in sorted({row["order"] for row in rows}):
            own = sorted(_with(rows, polynomials=kind, order=order), key=lambda row: int(row["particles"]))
            numbers = [f"{row['condition number']:,.4g} (N = {row['particles']:,})" for row in own]
            lines.append([kind, str(order), str(own[0]["functions"]), ", ".join(numbers)])
    return markdown(["polynomials", "orders up to", "functions", "condition number, self-interacting"], lines)


def _decay(tables: Tables) -> str:
    columns = ("theory", "exact at high degrees", "exact", "canonical", "self-interacting")
    lines = [
        [f"{_NAMES[row['q']]}, {row['particles']}", str(row["factors"]), *(f"{row[name]:.3f}" for name in columns)]
        for row in _largest(tables["decay_slopes"], "particles")
    ]
    return markdown(["q, N", "factors", "theory", "exact, high degrees", *columns[2:]], lines)


def _distributions(tables: Tables) -> str:
    rows = _with(tables["distributions_degrees"], function="distance", solver="svd", polynomials="chebyshev")
    most = _largest([row for row in rows if row["particles"] == 3], "degree")
    lines = [
        [training, *(_number(pair[name]["condition"]) for name in EXPANSIONS), *_errors(pair)]
        for (training,), pair in _pairs(most, "training").items()
    ]
    headings = ["data", "condition, canonical", "self-interacting", "RMSE", "largest error"]
    return f"1/(1 + 5|x|²), 3 particles, degree {most[0]['degree']}:\n\n{markdown(headings, lines)}"


def _errors(pair: Mapping[str, Row]) -> list[str]:
    """RMSE and largest error: one number where both bases have the same."""
    both = [[_number(pair[name][error]) for name in EXPANSIONS] for error in ("rmse", "largest")]
    return [first if first == second else f"{first} | {second}" for first, second in both]


def _regularization(tables: Tables) -> str:
    of = {"function": "distance", "polynomials": "chebyshev", "scale": "norm 1", "method": "ridge", "noise": 0.0}
    lines = []
    for row in _with(tables["regularization_ranges"], particles=3, **of):
        cells = [row["training"], row["basis"]]
        for error in ("rmse", "largest"):
            cells += [_number(row[f"{error} best"]), f"{row[f'{error} decades']:.1f}", _number(row[f"{error} to"])]
        lines.append(cells)
    headings = ["data", "", "RMSE: best", "decades", "up to", "largest error: best", "decades", "up to"]
    return markdown(headings, lines)


def _atoms_operator(tables: Tables) -> str:
    names = ("order", "level", "functions", "products", "non-zeros", "density, %", "non-zeros a row")
    rows = [row for row in tables["atoms_operator"] if row["order"] > 1]
    lines = [[f"{row[name]:,}" for name in names] for row in rows if row["level"] % 4 == 0]
    return markdown(names, lines)


def _atoms_conditioning(tables: Tables) -> str:
    rows = _largest(_with(tables["atoms_conditioning"], part="all"), "level")
    orders = sorted({row["order"] for row in rows if row["order"] > 1})
    pairs = _pairs(rows, "particles", "order")
    particles = sorted({row["particles"] for row in rows if row["particles"] > 1})
    lines = [[str(n), *(_conditions(pairs[n, order]) for order in orders)] for n in particles]
    return f"Level {rows[0]['level']}:\n\n{markdown(['N', *(f'order {order}' for order in orders)], lines)}"


def _conditions(pair: Mapping[str, Row]) -> str:
    usual, canonical = pair["self-interacting"], pair["canonical"]
    left = f"{canonical['zero functions']} zero" if canonical["zero functions"] else _number(canonical["condition"])
    return f"{left} | {'singular' if usual['dependent functions'] else _number(usual['condition'])}"


def _atoms_regularization(tables: Tables) -> str:
    names = ("best RMSE", "decades within 1.1", "decades within 2", "decades within 2 of the best of both")
    rows = _with(_largest(tables["atoms_regularization"], "particles"), columns="as made")
    lines = []
    for (function, samples, labels), pair in _pairs(rows, "function", "samples", "labels").items():
        own = [" | ".join(f"{pair[expansion][name]:.3g}" for expansion in EXPANSIONS) for name in names]
        lines.append([function, str(samples), labels, *own])
    title = f"{rows[0]['functions']} functions, N = {rows[0]['particles']}, columns as the model makes them"
    return f"{title}:\n\n{markdown(['function', 'samples', 'labels', *names], lines)}"


def _potentials(tables: Tables) -> str:
    rows = [row for row in tables["potentials_errors"] if row["smoothness"]]
    lines = []
    for element in dict.fromkeys(row["element"] for row in rows):
        own = _largest(_with(rows, element=element), "configurations")
        for (order, level), pair in _pairs(own, "order", "level").items():
            canonical = pair["canonical"]
            cells = [f"{element} {order}, {level}", str(canonical["functions"]), str(canonical["configurations"])]
            for quantity in ("energy", "force"):
                unit = "meV/atom" if quantity == "energy" else "eV/Å"
                both = [[pair[name][f"{quantity} {kind}, {unit}"] for kind in ("RMSE", "MAE")] for name in EXPANSIONS]
                cells.append(" | ".join(", ".join(f"{value:.4g}" for value in errors) for errors in both))
            lines.append(cells)
    headings = ["", "functions", "configurations", "energy RMSE, MAE, meV/atom", "force RMSE, MAE, eV/Å"]
    return markdown(headings, lines)


SELECTIONS: dict[str, Callable[[Tables], str]] = {
    "interval_operator": _interval_operator,
    "interval_conditioning": _interval_conditioning,
    "decay": _decay,
    "distributions": _distributions,
    "regularization": _regularization,
    "atoms_operator": _atoms_operator,
    "atoms_conditioning": _atoms_conditioning,
    "atoms_regularization": _atoms_regularization,
    "potentials": _potentials,
}
