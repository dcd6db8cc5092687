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
    assert (found.cached.spec, found.cached.units) == (None, 0)
    result = fit("fit.toml")
    factors = [factor for cell in result.problem.cells for factor in cell.factors.values()]
    assert found.triangles == sum(factor.matrix.nbytes for factor in factors)
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
    again = plan(load_settings("fit.toml")).cached
    assert (found.cached.pilots, again.pilots) == (0, len(found.pilots))
    assert again.spec == chosen
    assert again.finished == again.units > 0
    low, high = found.functions
    assert low <= acegen.derive(chosen).n_basis <= high <= 40


def test_nothing_to_compare(folder: Path) -> None:
    """Of one configuration nothing can be held out: the fit takes the first kind of basis, and the plan says so."""
    save(folder / "train.xyz", [with_emt(cell(0))])
    (folder / "fit.toml").write_text(FIT.format(spec='elements = ["Cu"]\nfunctions = 20\n').replace("folds = 3", ""))
    found = plan(load_settings("fit.toml"))
    assert (found.pilots, len(found.specs), found.parts.n_folds) == ((), 1, 0)
    assert fit("fit.toml").settings.whole_spec == found.specs[0]


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


@pytest.mark.parametrize(
    ("solver", "said"),
    [
        ('kind = "bayes"', "noise and prior by evidence, for each of 2 candidates of smoothness; 3 folds"),
        ("strength = 1e-5", "6 combinations of weights and smoothness, 3 folds, strength 1e-05"),
        ("selection = { functions = 5 }", "3 folds, strength by validation; 5 functions are kept"),
    ],
)
def test_how_hyperparameters_are_decided(
    folder: Path, capsys: pytest.CaptureFixture[str], solver: str, said: str
) -> None:
    """It is said in words; times are of fits by ridge regression, which is said where they are another's."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN) + f"[solver]\n{solver}\n")
    assert main(["fit", "fit.toml", "--dry-run"]) == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert said in words
    assert ("for a ridge fit of all functions" in words) == ("strength" not in solver)


def test_too_large_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a fit would."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN.replace("order = 2\nlevel = 5", "order = 6\nlevel = 40")))
    assert main(["fit", "fit.toml", "--dry-run"]) == 1
    assert "lower basis.level" in capsys.readouterr().err


def test_what_earlier_fits_have_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Units that are there are those that the fit then finds; still nothing is written."""
    (folder / "fit.toml").write_text(FIT.format(spec=OWN))
    fit("fit.toml")
    whole = plan(load_settings("fit.toml"))
    assert whole.cached.units == whole.cached.finished > 0
    save(folder / "train.xyz", [with_emt(cell(seed)) for seed in range(15)])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main(["fit", "fit.toml", "--continue", "fits/copper", "--dry-run", "--json"]) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    written = capsys.readouterr()
    document = json.loads(written.out)
    assert (document["configurations"], document["known"], document["continues"]) == (15, 12, "fits/copper")
    assert document["replaces"]
    assert "which knows 12 of them" in " ".join(written.err.split())
    settings = load_settings("fit.toml")
    data = settings.data.model_copy(update={"previous": "fits/copper"})
    result = fit(settings.model_copy(update={"data": data}))
    assert document["cache"]["basis"]
    assert (document["cache"]["finished"], document["cache"]["units"]) == (result.n_cached, result.n_units)
    assert 0 < result.n_cached < result.n_units


def test_too_little_memory_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As by the fit, though no basis is compiled."""
    low = '[assembly]\nmemory = "1 MiB"\nprocesses = 256\n'
    (folder / "fit.toml").write_text(FIT.format(spec=OWN.replace("level = 5", "level = 12")) + low)
    assert main(["fit", "fit.toml", "--dry-run"]) == 1
    refused = capsys.readouterr().err.splitlines()[-1]
    assert "does not hold the rows of one atom" in refused
    assert main(["fit", "fit.toml"]) == 1
    assert refused in capsys.readouterr().err
