"""The experiments on the interval, at small size: they run, and their claims about the paper hold."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from example_models import ROOT
from rich.console import Console

from acegen.cli.progress import TerminalProgress

PAPER = ROOT / "examples" / "paper"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An experiment by name, run small: its JSON document and its folder."""
    done: dict[str, tuple[dict[str, Any], Path]] = {}
    sys.path.insert(0, str(PAPER))

    def get(name: str) -> tuple[dict[str, Any], Path]:
        if name not in done:
            experiment, module = importlib.import_module("experiment"), importlib.import_module(name)
            folder = tmp_path_factory.mktemp(name)
            console = Console(quiet=True)
            setting = experiment.Setting(folder, True, None, console, TerminalProgress(console))
            experiment.perform(name, module.TITLE, getattr(module, name), setting)
            done[name] = json.loads((folder / f"{name}.json").read_text()), folder
        return done[name]

    yield get
    sys.path.remove(str(PAPER))


@pytest.mark.parametrize("name", ["interval_operator", "interval_conditioning"])
def test_experiment_writes_what_it_finds(name: str, run: Any) -> None:
    """A picture, a table for each, no disagreement, and strict JSON."""
    document, folder = run(name)
    assert (folder / f"{name}.png").stat().st_size > 20_000
    assert all(claim["verdict"] != "differs" for claim in document["claims"])
    assert any(claim["verdict"] in ("agrees", "trend agrees") for claim in document["claims"])
    for table, rows in document["tables"].items():
        with (folder / f"{table}.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == len(rows) > 0
    assert "Infinity" not in (folder / f"{name}.json").read_text()


def test_operator_of_the_paper(run: Any) -> None:
    """444 rows, 2,913 non-zeros, 1.48 %, counted from the entries that are written."""
    entries = run("interval_operator")[0]["tables"]["interval_pattern"]
    rows, columns = {entry["row"] for entry in entries}, {entry["column"] for entry in entries}
    assert rows == columns == set(range(444))
    assert len(entries) == len({(entry["row"], entry["column"]) for entry in entries}) == 2913
    assert round(100 * len(entries) / 444**2, 2) == 1.48
    assert all(entry["value"] == "1" for entry in entries if entry["row"] == entry["column"])


def test_closed_sets(run: Any) -> None:
    """Total degree is closed for every family; without the constant, or with a bound on each k, K' is larger."""
    table = run("interval_operator")[0]["tables"]["interval_sets"]
    sizes = {(row["set K"], row["polynomials"]): (row["size of K"], row["size of K'"], row["K' = K"]) for row in table}
    for kind in ("chebyshev", "legendre", "jacobi", "monomial"):
        for name in ("Σk ≤ 6", "Σk ≤ 6, k ≥ 1", "largest k ≤ 3"):
            size, larger, same = sizes[name, kind]
            # products of powers of x, without the constant, never lead to it
            closed = name == "Σk ≤ 6" or (name == "Σk ≤ 6, k ≥ 1" and kind == "monomial")
            assert (larger == size) == closed == (same == "yes")
            assert larger >= size


def test_row_bound(run: Any) -> None:
    """No row is longer than the bound, which rows attain: 1, 3, 11, 49."""
    table = run("interval_operator")[0]["tables"]["interval_bounds"]
    assert [row["bound, partitions"] for row in table] == [1, 3, 11, 49]
    for row in table:
        assert row["longest row, Σk ≤ 12"] <= row["bound, partitions"] <= row["bound, recursion"]
        assert row["row of k = 1, 3, 9, ..."] == row["bound, partitions"]
    growth = run("interval_operator")[0]["tables"]["interval_growth"]
    counts = {(r["polynomials"], r["order"], r["Σk up to"]): r["non-zeros"] for r in growth}
    assert all(counts["chebyshev", order, 12] < counts["legendre", order, 12] for order in (2, 3, 4))
    assert run("interval_operator")[0]["tables"]["interval_recursion"][0]["rows that differ"] == 0


def test_condition_numbers(run: Any) -> None:
    """Canonical: exactly one. Self-interacting: grows with the order, falls with the number of particles."""
    table = run("interval_conditioning")[0]["tables"]["interval_conditioning"]
    value = {(r["polynomials"], r["expansion"], r["order"], r["particles"]): r["condition number"] for r in table}
    assert all(v == 1.0 for key, v in value.items() if key[1] == "canonical")
    for kind in ("chebyshev", "legendre"):
        assert value[kind, "self-interacting", 1, 1] == 1.0
        assert 10 < value[kind, "self-interacting", 2, 2] < value[kind, "self-interacting", 3, 3] / 5
        by_particles = [value[kind, "self-interacting", 3, n] for n in (3, 10, 100, 10_000)]
        assert by_particles == sorted(by_particles, reverse=True)
    ends = [value[kind, "self-interacting", 3, 10_000] for kind in ("chebyshev", "legendre")]
    assert ends[0] == pytest.approx(ends[1], rel=1e-2)


def test_constant_makes_functions_dependent(run: Any) -> None:
    """With k = 0 as a factor both bases have the same, deficient rank, and no condition number."""
    table = run("interval_conditioning")[0]["tables"]["interval_conditioning_constant"]
    assert all(row["rank"] < row["functions"] and row["condition number"] == "infinite" for row in table)
    for canonical, usual in zip(table[::2], table[1::2], strict=True):
        assert (canonical["expansion"], usual["expansion"]) == ("canonical", "self-interacting")
        assert canonical["rank"] == usual["rank"]
        assert canonical["condition number of independent functions"] == 1.0
        assert bool(canonical["zero functions"]) == (canonical["particles"] < canonical["order"])
        assert usual["zero functions"] == 0


def test_samples_approach_the_exact_condition_numbers(run: Any) -> None:
    """The median falls towards the exact value from above."""
    table = run("interval_conditioning")[0]["tables"]["interval_conditioning_samples"]
    for expansion in ("canonical", "self-interacting"):
        own = [row for row in table if row["expansion"] == expansion]
        medians = [row["median"] for row in own]
        assert medians == sorted(medians, reverse=True)
        assert own[-1]["exact"] < medians[-1] < 2 * own[-1]["exact"]
