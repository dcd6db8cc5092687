"""--json: one document on standard output, nothing else there, with what the command otherwise prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from file_potentials import file_potential
from fit_cases import COPPER, cell, save, with_emt

import acegen
from acegen.cli.main import main
from acegen.yace.writing import potential_text

SPEC = """
name = "small"
[basis]
elements = ["Si"]
order = 2
level = 4
[radial]
cutoff = 5.0
"""


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json; everything it prints to standard output is one document."""
    assert main([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_compile_info_verify_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way of a spec to C, by documents alone."""
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC)
    compiled = document(capsys, "compile", "spec.toml")
    model = acegen.load(compiled["folder"])
    assert (compiled["functions"], compiled["hash"], compiled["potential"]) == (model.n_basis, model.basis_hash, False)
    info = document(capsys, "info", "spec.toml")
    assert info["functions"] == model.n_basis == sum(info["functions_by_order"].values())
    assert min(form["seconds"] for form in info["forms"]) == info["forms"][0]["seconds"]
    assert document(capsys, "info", compiled["folder"])["module"]["hash"] == model.basis_hash
    verified = document(capsys, "verify", compiled["folder"], "--environments", "2")
    assert verified["passed"]
    assert all(check["error"] <= check["tolerance"] for check in verified["checks"])
    acegen.compile("spec.toml", coefficients={"Si": np.ones(model.n_basis)})
    exported = document(capsys, "export", compiled["folder"], "--to", "c")
    assert (tmp_path / exported["folder"] / "README.md").exists()
    assert "kernel/acegen.h" in exported["files"]


def test_info_of_a_potential_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Functions by rank add up."""
    path = tmp_path / "file.yace"
    path.write_text(potential_text(file_potential("file")))
    info = document(capsys, "info", str(path))
    assert info["functions"] == sum(info["functions_by_rank"].values())
    assert info["module"] is None


def test_failures_leave_the_output_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A message on standard error, and a status."""
    assert main(["compile", str(tmp_path / "absent.toml"), "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("acegen: ")


@pytest.mark.slow
def test_fit_eval_select(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The way of data to a potential and to new data."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "train.xyz", [with_emt(cell(seed)) for seed in range(12)])
    save(tmp_path / "pool.xyz", [cell(seed) for seed in range(20, 26)])
    Path("copper.toml").write_text(tomli_w.dumps(COPPER))
    Path("fit.toml").write_text(
        'spec = "copper.toml"\n[data]\ntrain = "train.xyz"\nfolds = 3\n[uncertainty]\nmembers = 0\n'
    )
    fitted = document(capsys, "fit", "fit.toml")
    assert {row["part"] for row in fitted["errors"]} == {"training", "validation"}
    report = json.loads(Path(fitted["report"]).read_text())
    assert report["errors"] == fitted["errors"]
    evaluated = document(capsys, "eval", fitted["folder"], "train.xyz")
    training = next(row for row in fitted["errors"] if row["part"] == "training")
    assert evaluated["errors"][-1]["forces"]["mae"] == pytest.approx(training["forces"]["mae"])
    selected = document(capsys, "select", fitted["folder"], "pool.xyz", "-n", "2", "-o", "new.xyz")
    assert len(selected["chosen"]) == 2
    assert {chosen["atoms"] for chosen in selected["chosen"]} == {4}
    assert selected["output"] == "new.xyz"
