"""`acegen fit --dry-run`: says what the fit then does, and leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fit_cases import cell, save, with_emt

import acegen
from acegen.cli.main import main
from acegen.fit import fit
from acegen.fit.plan import plan
from acegen.fit.settings import load_settings

FIT = """
[spec]
name = "copper"
{spec}
[data]
train = "train.xyz"
folds = 3
[uncertainty]
grade = "none"
members = 0
"""
OWN = """
[spec.basis]
elements = ["Cu"]
order = 2
level = 5
[spec.radial]
cutoff = 4.5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "train.xyz", [with_emt(cell(seed)) for seed in range(12)])
    return tmp_path


def test_plan_is_what_the_fit_does(folder: Path) -> None:
    """Rows, columns and folds are those of the fit."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN))
    found = plan(load_settings("fit.toml"))
    result = fit("fit.toml")
    assert found.target == Path("fits/copper")
    assert found.columns == result.problem.columns.n_coefficients
    assert found.rows == {q: result.problem.everything[q].n_rows for q in found.rows}
    assert found.parts.n_folds == result.parts.n_folds
    assert set(found.seconds) - {"report"} < {cost.stage for cost in result.costs}
    assert plan(load_settings("fit.toml")).replaces


def test_requested_model_is_among_the_candidates(folder: Path) -> None:
    """The fit's spec is one of those that the plan names."""
    (folder / "fit.toml").write_text(FIT.format(spec='elements = ["Cu"]\nfunctions = 40\n'))
    found = plan(load_settings("fit.toml"))
    chosen = fit("fit.toml").settings.whole_spec
    assert chosen in found.specs
    low, high = found.functions
    assert low <= acegen.derive(chosen).n_basis <= high <= 40


def test_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on success nor on failure."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN))
    before = sorted(folder.rglob("*"))
    assert main(["fit", "fit.toml", "--dry-run"]) == 0
    assert "nothing is written" in capsys.readouterr().out
    assert main(["fit", "fit.toml", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["configurations"] == 12
    assert document["replaces"] is False
    (folder / "fit.toml").write_text(FIT.format(spec=OWN).replace('"Cu"', '"Cu", "Au"'))
    assert main(["fit", "fit.toml", "--dry-run"]) == 1
    assert "no data to fit to" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_too_large_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a fit would."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN.replace("order = 2\nlevel = 5", "order = 6\nlevel = 40")))
    assert main(["fit", "fit.toml", "--dry-run"]) == 1
    assert "lower basis.level" in capsys.readouterr().err
