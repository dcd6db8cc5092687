"""The paper's experiments with atomic environments, at small size: their results, checked by other means."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.eos import vinet
from example_models import DATA, ROOT
from rich.console import Console
from scipy.special import eval_jacobi

PAPER = ROOT / "examples" / "paper"
ZUO = DATA / "zuo2020"
sys.path.insert(0, str(PAPER))

import atoms_conditioning  # noqa: E402
import atoms_operator  # noqa: E402
import atoms_regularization  # noqa: E402
import particles  # noqa: E402
import potential_curves  # noqa: E402
import potentials  # noqa: E402
from experiment import EXPANSIONS, Findings, Setting, perform  # noqa: E402

from acegen.cli.progress import TerminalProgress  # noqa: E402

Row = dict[str, Any]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    console = Console(quiet=True)
    return Setting(tmp_path_factory.mktemp("paper"), True, None, console, TerminalProgress(console))


def rows(findings: Findings, name: str) -> list[Row]:
    headings, table = findings.tables[name]
    return [dict(zip(headings, row, strict=True)) for row in table]


def both(table: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Rows of the canonical and of the self-interacting basis."""
    canonical, usual = ([row for row in table if row["expansion"] == expansion] for expansion in EXPANSIONS)
    return zip(canonical, usual, strict=True)


def verdicts(findings: Findings) -> dict[str, str]:
    return {claim.what: claim.verdict for claim in findings.claims}


def check_files(setting: Setting, name: str, findings: Findings) -> None:
    """What `perform` has written says what the findings say."""
    document = json.loads((setting.output / f"{name}.json").read_text())
    assert [claim["seen"] for claim in document["claims"]] == [claim.seen for claim in findings.claims]
    for table, (headings, content) in findings.tables.items():
        with (setting.output / f"{table}.csv").open(newline="") as stream:
            assert list(csv.reader(stream)) == [list(headings), *([str(cell) for cell in row] for row in content)]
    assert (setting.output / f"{name}.png").stat().st_size > 20_000


@pytest.mark.slow
def test_operator(setting: Setting) -> None:
    """Sizes, sparsity and K' of small operators; a compiled module's description has the same operator."""
    findings = perform("atoms_operator", "", atoms_operator.atoms_operator, setting)
    check_files(setting, "atoms_operator", findings)
    sizes = {(row["order"], row["level"]): row for row in rows(findings, "atoms_operator")}
    assert sizes[3, 8]["functions"] == 54
    assert all(row["square"] == row["unit lower triangular"] == "True" for row in sizes.values())
    assert all(row["products"] == row["products, self-interacting"] for row in sizes.values())
    assert all(row["non-zeros"] == row["functions"] for (order, _), row in sizes.items() if order == 1)
    for order in (2, 3):
        assert sizes[order, 10]["density, %"] < sizes[order, 8]["density, %"]
    model = particles.compile_both(setting, 3, 8)["canonical"]
    assert sum(map(len, model.description["purification"])) == sizes[3, 8]["non-zeros"]
    for row in rows(findings, "atoms_operator_families"):
        larger = row["functions K'"] > row["functions K"]
        assert larger == row["family"].startswith(("envelope y²", "envelope y³")), row
        assert larger == (row["products"] > row["products, self-interacting"])
        assert row["unit lower triangular in K"] == "True"
    assert set(verdicts(findings).values()) <= {"agrees", "trend agrees", "not stated"}


def test_particles_are_distributed_as_said() -> None:
    """The transform is inverted, and the compiled radial functions are those of y."""
    y = np.linspace(1e-6, 1 - 1e-6, 1001)
    s = particles.distance(y) / particles.CUTOFF
    np.testing.assert_allclose((1 - s) ** 2 * (1 + 2 * s), y, atol=1e-12)
    sample = particles.random_particles(np.random.default_rng(0), 20_000, 3)
    np.testing.assert_allclose(np.linalg.norm(sample.direction, axis=2), 1, atol=1e-12)
    assert np.abs(np.mean(sample.direction, axis=(0, 1))).max() < 0.02
    assert np.quantile(sample.y, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


def test_bases_are_related_by_the_operator(setting: Setting) -> None:
    """On random particles the canonical kernel gives 𝒫 times what the self-interacting kernel gives."""
    models = particles.compile_both(setting, 3, 8)
    sample = particles.random_particles(np.random.default_rng(1), 50, 6)
    scaled = {}
    for expansion, model in models.items():
        scales = [np.sqrt(eval_fraction(f["scale_squared"])) for f in model.description["functions"]]
        scaled[expansion] = model.basis_values(sample.environments) / scales
    operator = np.zeros((models["canonical"].n_basis,) * 2)
    for number, row in enumerate(models["canonical"].description["purification"]):
        for column, value in row:
            operator[number, column] = eval_fraction(value)
    expected = scaled["self-interacting"] @ operator.T
    np.testing.assert_allclose(scaled["canonical"], expected, rtol=1e-9, atol=1e-9)
    assert np.abs(expected - scaled["self-interacting"]).max() > 1


def eval_fraction(text: str) -> float:
    """A rational of a basis description."""
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator or 1)


@pytest.fixture(scope="module")
def conditioning(setting: Setting) -> list[Row]:
    findings = perform("atoms_conditioning", "", atoms_conditioning.atoms_conditioning, setting)
    check_files(setting, "atoms_conditioning", findings)
    assert set(verdicts(findings).values()) == {"agrees", "trend agrees", "not stated"}
    return rows(findings, "atoms_conditioning")


def test_canonical_is_better_conditioned(conditioning: list[Row]) -> None:
    """The more so with growing order; to one, but for the samples, where one-particle functions have mean zero."""
    factors: dict[tuple[int, int], list[float]] = {}
    for a, b in both(conditioning):
        if a["part"] == "all" and 1 < a["order"] <= a["particles"]:
            assert a["condition"] < b["condition"]
            factors.setdefault((a["level"], a["particles"]), []).append(b["condition"] / a["condition"])
        if a["part"] == "l > 0":
            assert a["condition"] == 1
            assert a["particles"] == 1 or b["condition"] == "singular" or b["condition"] > 1.2
        for row in (a, b):
            if row["condition"] != "singular":
                assert row["condition of samples"] == pytest.approx(row["condition"], rel=0.3)
    assert factors[8, 3][1] > 2 * factors[8, 3][0] > 2


def test_functions_vanish_with_fewer_particles(conditioning: list[Row], setting: Setting) -> None:
    """Canonical functions of order above N are zero; as many self-interacting combinations vanish."""
    model = particles.compile_both(setting, 3, 8)["canonical"]
    order, level = particles.orders(model), particles.levels(model)
    seen = 0
    for a, b in both(conditioning):
        if a["part"] == "all":
            many = int(np.sum((order > a["particles"]) & (order <= a["order"]) & (level <= a["level"])))
            assert (a["zero functions"], a["dependent functions"]) == (many, 0)
            assert (b["zero functions"], b["dependent functions"]) == (0, many)
            seen += many
    assert seen > 0


def test_condition_numbers_are_right(conditioning: list[Row], setting: Setting) -> None:
    """Exact ones of order 1 from integrals; those of samples from the eigenvalues of their Gram matrix."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    y, weights = (nodes + 1) / 2, weights / 2
    radial = np.array([y * eval_jacobi(n, 0, 2, nodes) for n in range(8)])
    second, first = (radial * weights) @ radial.T, radial @ weights
    expected = condition_of(8 * second + 8 * 7 * np.outer(first, first))
    by_case = {(r["part"], r["order"], r["level"], r["particles"], r["expansion"]): r for r in conditioning}
    for expansion, model in particles.compile_both(setting, 3, 8).items():
        assert by_case["all", 1, 8, 8, expansion]["condition"] == pytest.approx(expected, rel=1e-3)
        row = by_case["all", 3, 8, 8, expansion]
        values = [model.basis_values(part.environments) for part in particles.chunks(8, row["samples"], 8)]
        whole = np.vstack(values)
        assert row["condition of samples"] == pytest.approx(condition_of(whole.T @ whole), rel=1e-3)


def condition_of(gram: np.ndarray) -> float:
    """Condition number of a diagonally scaled Gram matrix."""
    size = np.sqrt(np.diag(gram))
    eigenvalues = np.linalg.eigvalsh(gram / size / size[:, None])
    return float(eigenvalues[-1] / eigenvalues[0])


def test_regularization(setting: Setting) -> None:
    """Without a ridge both bases give the same function; a ridge that is too strong ruins both."""
    findings = perform("atoms_regularization", "", atoms_regularization.atoms_regularization, setting)
    check_files(setting, "atoms_regularization", findings)
    assert verdicts(findings)["without a ridge"] == "agrees"
    for a, b in both(rows(findings, "atoms_regularization")):
        if a["samples"] > a["functions"]:
            assert a["RMSE without ridge"] == pytest.approx(b["RMSE without ridge"], rel=1e-3)
            assert a["best RMSE"] < 0.2
        for row in (a, b):
            assert row["best RMSE"] <= row["RMSE without ridge"]
            assert 0 < row["decades within 1.1"] <= row["decades within 2"]
            assert row["decades within 2 of the best of both"] <= row["decades within 2"]
    paths = rows(findings, "atoms_regularization_paths")
    strongest = [row["RMSE"] for row in paths if row["strength"] == pytest.approx(10)]
    assert len(strongest) == len(rows(findings, "atoms_regularization"))
    assert min(strongest) > 0.9
    cases = {(r["function"], r["labels"], r["columns"], r["expansion"]) for r in paths}
    assert len(cases) == 16


def test_ridge_paths_are_solutions() -> None:
    """Predictions against the normal equations, for both scales of the columns, and least squares."""
    rng = np.random.default_rng(2)
    matrix, labels, test = rng.normal(size=(60, 12)) * np.geomspace(1, 9, 12), rng.normal(size=60), np.eye(12)
    for scaling in atoms_regularization.SCALINGS:
        sigma, predictions = atoms_regularization.ridge_path(matrix, labels, test, scaling)
        scale = np.ones(12) if scaling == "as made" else np.linalg.norm(matrix, axis=0)
        scaled = matrix / scale
        for number in (20, 44, 50):
            ridge = (atoms_regularization.STRENGTHS[number] * sigma) ** 2 * np.eye(12)
            expected = np.linalg.solve(scaled.T @ scaled + ridge, scaled.T @ labels) / scale
            np.testing.assert_allclose(predictions[:, number], expected, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(predictions[:, 0], np.linalg.lstsq(matrix, labels)[0], rtol=1e-8)


def test_fitted_functions_are_invariant() -> None:
    """Under permutations and rotations; zero where all particles are at the cutoff; no sum over single particles."""
    sample = particles.random_particles(np.random.default_rng(3), 5, 4)
    rotation = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    order = [2, 0, 3, 1]
    moved = particles.Particles(sample.y[:, order], sample.direction[:, order] @ rotation.T)
    away = particles.Particles(0 * sample.y, sample.direction)
    apart = particles.Particles(sample.y[:, :1], sample.direction[:, :1])
    for function in atoms_regularization.FUNCTIONS.values():
        np.testing.assert_allclose(function(moved), function(sample), rtol=1e-12)
        assert not function(away).any()
        assert np.abs(function(sample) - 4 * function(apart)).max() > 0.1


@pytest.fixture(scope="module")
def fitted(setting: Setting) -> Findings:
    if not (ZUO / "Si_train.xyz").exists():
        pytest.skip(f"no data at {ZUO}")
    with_data = Setting(setting.output, True, ZUO, setting.console, setting.progress)
    findings = perform("potentials", "", potentials.potentials, with_data)
    check_files(setting, "potentials", findings)
    return findings


def test_potentials(fitted: Findings) -> None:
    """Both bases fit both elements equally well; only a canonical dimer is its pair term; the crystals bind."""
    errors = rows(fitted, "potentials_errors")
    assert {row["element"] for row in errors} == {"Si", "Mo"}
    for a, b in both(errors):
        assert a["functions"] == b["functions"]
        assert a["condition"] < b["condition"]
        for name, most in (("energy RMSE, meV/atom", 30), ("force RMSE, eV/Å", 0.4)):
            assert a[name] < most
            assert a[name] == pytest.approx(b[name], rel=0.1)
        assert a["energy MAE, meV/atom"] < a["energy RMSE, meV/atom"]
    for a, b in both(rows(fitted, "potentials_curves")):
        assert a["dimer: orders above 1, eV"] < 1e-9
        assert b["dimer: orders above 1, eV"] > 0.1
        assert min(a["crystal: minima"], b["crystal: minima"]) >= 1
    assert verdicts(fitted)["what a dimer is"] == "agrees"


def test_strength_was_not_chosen_by_test_data(fitted: Findings) -> None:
    """At the chosen strength the sweep has about the errors of the fit; elsewhere it may have smaller ones."""
    sweeps = rows(fitted, "potentials_sweep")
    for row in rows(fitted, "potentials_errors"):
        own = [r for r in sweeps if all(r[key] == row[key] for key in ("smoothness", "element", "expansion"))]
        near = min(own, key=lambda r: abs(np.log(r["strength"] / row["strength"])))
        assert near["force RMSE, eV/Å"] == pytest.approx(row["force RMSE, eV/Å"], rel=0.1)
        product = min(r["energy RMSE, meV/atom"] * r["force RMSE, eV/Å"] for r in own)
        assert product <= 1.05 * row["energy RMSE, meV/atom"] * row["force RMSE, eV/Å"]


def test_measures_of_curves() -> None:
    """A Morse dimer and a Vinet crystal show none of the counted defects; wiggles, holes and steps are detected."""
    r = np.linspace(1.5, 6, 300)
    morse = (1 - np.exp(-1.5 * (r - 2.3))) ** 2 - 1
    zero = np.zeros_like(r)
    plain = potential_curves.Dimer(r, morse, zero, 2.0)
    assert plain.turns == 1
    assert plain.detour == pytest.approx(0, abs=1e-12)
    wavy = potential_curves.Dimer(r, morse + 0.3 * np.exp(-((r - 4) ** 2) / 0.1), zero, 2.0)
    assert wavy.turns == 3
    assert 0.2 < wavy.detour < 0.8
    volume = potential_curves.VOLUMES * 20
    energy = vinet(volume, -5, 0.6, 4.0, 20.0)
    good = potential_curves.Crystal(volume, energy, energy, 20.0)
    assert (good.minima, good.inflections, good.hole, good.deviation(0.5, 2)) == (1, 1, 0, 0)
    fallen = potential_curves.Crystal(volume, energy - 30 * (volume < 10), energy, 20.0)
    assert fallen.minima > 1
    assert fallen.inflections > 1
    assert fallen.hole > 10
    assert fallen.deviation(0.4, 0.5) == pytest.approx(30, rel=0.2)
    assert fallen.deviation(1.2, 2) == 0


def test_potentials_without_data(tmp_path: Path) -> None:
    """The program says what it wants, and is content."""
    command = [sys.executable, str(PAPER / "potentials.py"), "--small", "-o", str(tmp_path / "out"), "--data"]
    result = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "skipped" in result.stdout
    assert "Si_train.xyz" in result.stdout
    assert not result.stderr
    assert json.loads((tmp_path / "out" / "potentials.json").read_text())["tables"] == {}
