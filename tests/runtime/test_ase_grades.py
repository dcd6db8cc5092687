"""Grades and uncertainties of the ASE calculator: those of the model, from the calculator's own lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from structures import quartz_like
from uncertain_models import THRESHOLDS, uncertain_model

import acegen
from acegen.ase import Calculator
from acegen.cli.main import main
from acegen.options import BuildOptions
from acegen.posterior import Posterior, energy_uncertainty, write_posterior

pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """A potential of two elements with grades and committee."""
    return uncertain_model(tmp_path_factory.mktemp("ase"), options=BuildOptions(backend="plain"))[0]


def test_grades_are_in_the_results_of_every_step(model: acegen.Model) -> None:
    """Of the same atoms as the energy, also while a list with a skin is kept."""
    atoms = quartz_like(2)
    calculator = atoms.calc = Calculator(model, grades=True)
    dynamics = VelocityVerlet(atoms, 0.01 * units.fs)
    for _ in range(5):
        dynamics.run(1)
        assert calculator.results["grade"] == calculator.results["grades"].max()
        np.testing.assert_allclose(calculator.results["grades"], model.grades(atoms), rtol=1e-9)
    assert calculator.rebuilds == 1
    own = calculator.grades()
    own[:] = 0
    assert calculator.results["grades"].all()
    bare = atoms.calc = Calculator(model)
    atoms.get_potential_energy()
    assert "grades" not in bare.results
    moved = quartz_like(3)
    np.testing.assert_allclose(bare.grades(moved), model.grades(moved), rtol=1e-9)
    assert bare.results["grade"] == bare.grades().max()
    assert "grades" not in bare.export_properties()
    nothing = Atoms(calculator=Calculator(model, grades=True))
    assert nothing.get_potential_energy() == 0
    assert nothing.calc.results["grade"] == 0


def test_a_large_grade_ends_a_simulation(model: acegen.Model) -> None:
    """The message names the atom, its grade and what was allowed; the results are there to look at."""
    atoms = quartz_like(2)
    grades = model.grades(atoms)
    worst = int(grades.argmax())
    for allowed in (0.5 * grades.max(), np.float32(0.5 * grades.max())):
        calculator = atoms.calc = Calculator(model, stop=allowed)
        with pytest.raises(acegen.ExtrapolationError, match=rf"atom {worst} \((Si|O)\) has the grade .*, above "):
            atoms.get_forces()
        assert calculator.results["forces"].shape == (9, 3)
    atoms.calc = Calculator(model, stop=1.01 * grades.max())
    atoms.get_forces()
    atoms.calc = Calculator(model, stop=True)
    if grades.max() > THRESHOLDS[1]:
        with pytest.raises(acegen.ExtrapolationError, match=f"above {THRESHOLDS[1]:.4g}"):
            atoms.get_forces()
    else:
        atoms.get_forces()
        assert "grades" in atoms.calc.results


def test_uncertainties_are_those_of_the_committee(model: acegen.Model) -> None:
    """Unless exact ones are asked for, or a posterior is given."""
    atoms = quartz_like(4)
    expected = model.uncertainties(atoms)
    calculator = atoms.calc = Calculator(model)
    assert calculator.energy_uncertainty(atoms) == pytest.approx(expected.energy, rel=1e-9)
    np.testing.assert_allclose(calculator.energies_uncertainty(), expected.energies, rtol=1e-9)
    np.testing.assert_allclose(calculator.forces_uncertainty(), expected.forces, rtol=1e-9)
    assert calculator.results["energy_uncertainty"] == calculator.energy_uncertainty()
    with pytest.raises(acegen.ModuleError, match=r"posterior\.npz is missing"):
        calculator.forces_uncertainty(exact=True)

    rng = np.random.default_rng(0)
    posterior = Posterior(rng.normal(size=(2 * model.n_basis, 3)), rng.normal(size=(2, 3)), model.basis_hash)
    exact = energy_uncertainty(model, posterior, atoms)
    path = write_posterior(model.path, posterior.factor, model.basis_hash, posterior.energies)
    try:
        assert calculator.energy_uncertainty(exact=True) == exact
        assert calculator.energy_uncertainty() == pytest.approx(expected.energy, rel=1e-9)
    finally:
        path.unlink()
    assert Calculator(model, uncertainty=posterior).energy_uncertainty(atoms) == exact


def test_what_is_refused(model: acegen.Model, tmp_path: Path) -> None:
    """Grades of a model without, and impossible limits."""
    for stop in (0, -1.0, float("nan"), "much"):
        with pytest.raises(acegen.ModuleError, match="is not possible; use a positive number, or True"):
            Calculator(model, stop=stop)  # type: ignore[arg-type]
    spec = {"name": "tiny", "basis": {"elements": ["Si"], "order": 1, "level": 2}, "radial": {"cutoff": 4.0}}
    bare = acegen.compile(spec, tmp_path, {"Si": [1.0, 2.0]}, options=BuildOptions(backend="plain"))
    for arguments in ({"grades": True}, {"stop": True}, {"stop": 3.0}):
        with pytest.raises(acegen.ModuleError, match="tiny has no grades"):
            Calculator(bare, **arguments)
    with pytest.raises(acegen.ModuleError, match="tiny has no grades"):
        Calculator(bare).grades(Atoms("Si"))


def test_info_shows_both(
    model: acegen.Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kind, size, thresholds and error of grades; members and calibration of the committee."""
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["info", str(model.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for expected in (
        "leverage, 5 rows; relative error of these 5 %",
        "40, 60",
        "8 members",
        "floor 2 meV per atom, scale 3",
        "floor 50 meV/Å, scale 4",
        "50 %: 0.6, 90 %: 1.7, 95 %: 2.2 standard deviations",
    ):
        assert expected in shown
