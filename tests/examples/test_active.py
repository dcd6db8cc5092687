"""Active learning: grades stop a simulation far from the data, and what is then labelled takes it further."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import ase.io
import matplotlib.pyplot as plt
import numpy as np
import pytest
from ase.calculators.emt import EMT
from example_models import DATA, ROOT
from lammps_tools import needs_lammps

import acegen

ACTIVE = ROOT / "examples" / "active"
sys.path.insert(0, str(ACTIVE))

import copper  # noqa: E402
import silicon  # noqa: E402
from dynamics import AseDriver, LammpsDriver, Simulation, temperatures  # noqa: E402
from rounds import Round, draw_rounds, rounds_table, write_rounds  # noqa: E402

PLAN = replace(copper.small_plan(), rounds=3)


def check_rounds(rounds: Sequence[Round], folder: Path) -> None:
    """Grades stopped the first simulations; the last ones ran through, with few labels and much smaller errors."""
    first, last = rounds[0], rounds[-1]
    assert len(rounds) > 1
    assert not all(outcome.finished for outcome in first.outcomes)
    for entry in rounds:
        for outcome, simulation in zip(entry.outcomes, PLAN.simulations, strict=True):
            assert outcome.finished == (outcome.grade <= entry.thresholds[1])
            assert outcome.finished == (outcome.picoseconds == pytest.approx(simulation.picoseconds))
            assert outcome.finished or outcome.count > 0
    assert all(outcome.finished for outcome in last.outcomes)
    assert last.configurations == 7 + sum(entry.chosen for entry in rounds) <= 7 + PLAN.budget * (len(rounds) - 1)
    assert len(ase.io.read(folder / "train.xyz", ":")) == last.configurations
    assert last.errors["all"][1] < 0.5 * first.errors["all"][1]
    assert last.errors["surface"][0] < 0.2 * first.errors["surface"][0]


def check_stop(rounds: Sequence[Round], folder: Path) -> None:
    """The last configuration that a stopped simulation kept has a grade above the second threshold, by Python."""
    model = acegen.load(folder / "round_0" / "cu" / "cu")
    for outcome in rounds[0].outcomes:
        if not outcome.finished:
            assert outcome.kept is not None
            form = "lammps-dump-text" if outcome.kept.suffix == ".dump" else "extxyz"
            kept = ase.io.read(outcome.kept, ":", format=form)
            grades = [model.grades(atoms).max() for atoms in kept]
            assert len(kept) == outcome.count
            assert grades[-1] > rounds[0].thresholds[1] >= max(grades[:-1], default=0)
            assert min(grades) > rounds[0].thresholds[0]
            assert grades[-1] == pytest.approx(outcome.grade, rel=1e-6)


@pytest.mark.slow
def test_copper_by_ase(tmp_path: Path) -> None:
    """The small loop without LAMMPS, its table, picture and file."""
    rounds = copper.run_rounds(PLAN, AseDriver(), tmp_path / "copper")
    check_rounds(rounds, tmp_path / "copper")
    check_stop(rounds, tmp_path / "copper")
    assert rounds_table("copper", rounds).row_count == len(rounds)
    draw_rounds(
        rounds, {simulation.name: simulation.picoseconds for simulation in PLAN.simulations}, tmp_path / "a.png"
    )
    assert np.ptp(plt.imread(tmp_path / "a.png")) > 0.5
    write_rounds(rounds, tmp_path / "rounds.json")
    assert (tmp_path / "rounds.json").read_text().count('"thresholds"') == len(rounds)


@pytest.mark.slow
@pytest.mark.simulator
@needs_lammps
def test_copper_by_lammps(tmp_path: Path) -> None:
    """The small loop with LAMMPS: `fix acegen/grade` keeps and stops as the calculator does."""
    rounds = copper.run_rounds(PLAN, LammpsDriver(tmp_path / "exports"), tmp_path / "copper")
    check_rounds(rounds, tmp_path / "copper")
    check_stop(rounds, tmp_path / "copper")


def test_copper_data() -> None:
    """Labels are those of EMT; the test set has all kinds, and none of the first configurations."""
    plan = replace(PLAN, n_test=2, test_steps=2)
    first, test = copper.first_crystals(np.random.default_rng(0)), copper.test_set(plan, 1)
    assert [atoms.info["config_type"] for atoms in test] == 2 * ["crystal"] + 2 * ["surface"] + 2 * ["melt"]
    labelled = copper.label(first[3])
    atoms = first[3].copy()
    atoms.calc = EMT()
    assert labelled.get_potential_energy() == atoms.get_potential_energy()
    np.testing.assert_array_equal(labelled.get_forces(), atoms.get_forces())
    assert len({atoms.get_volume() / len(atoms) for atoms in first}) == 7


def test_schedule() -> None:
    """Temperatures rise to the peak, then are held, for as many steps as LAMMPS is given."""
    simulation = Simulation("melt", PLAN.melt.atoms, "npt", 300, 900, 700, heating=0.2, holding=0.1)
    assert simulation.steps == (100, 50)
    assert simulation.picoseconds == pytest.approx(0.3)
    assert temperatures(simulation) == pytest.approx([*np.linspace(300, 900, 10), *(5 * [700])])


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "zuo2020").exists(), reason="needs ../shared/data/zuo2020")
def test_silicon_from_pool(tmp_path: Path) -> None:
    """A round with selected and one with random configurations from the same start; selecting sees no labels."""
    plan = replace(silicon.SMALL, rounds=1)
    steps = silicon.run(plan, DATA / "zuo2020", tmp_path / "silicon", 1)
    selected, random = ([step for step in steps if step.method == method] for method in silicon.METHODS)
    assert [step.labels for step in selected] == [step.labels for step in random] == [5, 10]
    assert selected[0] == replace(random[0], method="selected")
    assert selected[1].forces < selected[0].forces
    assert selected[1].grade < random[1].grade < selected[0].grade
    for atoms in ase.io.read(tmp_path / "silicon" / "selected_0" / "pool.xyz", ":"):
        assert atoms.calc is None
    assert np.ptp(plt.imread(tmp_path / "silicon" / "silicon.png")) > 0.5


@pytest.mark.parametrize("module", [copper, silicon])
def test_results_are_not_overwritten(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that exists is left alone, with a message."""
    folders = [str(tmp_path)] if module is copper else [str(tmp_path / "data"), str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["example", *folders])
    with pytest.raises(SystemExit, match="exists already"):
        module.main()
