"""Labels that contradict each other, the model or physics: found, named, and never fitted to silently."""

from __future__ import annotations

import json
import re
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, molecule
from ase.calculators.emt import EMT
from ase.stress import voigt_6_to_full_3x3_stress
from example_models import DATA
from fit_cases import ALLOY, cell, fit_settings, save, with_emt
from numpy.typing import NDArray

import acegen
from acegen.errors import DataWarning, FitError
from acegen.fit import FitResult, FitSettings, fit, read_dataset
from acegen.fit.columns import Columns
from acegen.fit.consistency import check_content, energy_deviations
from acegen.fit.crosscheck import _by_gcv
from acegen.fit.curves import volume_curve
from acegen.fit.data import read_parts
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.factor import Factor
from acegen.fit.problem import Cell, Problem, Weights, reduce_problem
from acegen.fit.settings import KeySettings
from acegen.fit.virials import known_factors, likely_mistake
from acegen.fit.voigt import voigt

Floats = NDArray[np.float64]

COPPER: dict[str, Any] = {
    "name": "copper",
    "basis": {"elements": ["Cu"], "order": 2, "level": 6},
    "radial": {"cutoff": 5.0},
}
pytestmark = pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("assembly"))


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures: they take most of the time of a small fit."""
    monkeypatch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})


@pytest.fixture(scope="module")
def potential(cache: str) -> acegen.Model:
    """Something with a virial."""
    rng = np.random.default_rng(3)
    basis = acegen.compile(COPPER, cache)
    values = [float(rng.normal() / (1 + sum(f.n) + sum(f.l)) ** 2) for f in basis.labels("Cu")]
    return acegen.compile(COPPER, Path(cache) / "known", {"Cu": values})


def labelled(atoms: Atoms, **info: Any) -> Atoms:
    """With energy and forces by EMT, as plain entries, and any further entries given."""
    bare = atoms.copy()
    bare.calc = EMT()
    atoms.info.update(energy=bare.get_potential_energy(), **info)
    atoms.arrays["forces"] = bare.get_forces()
    return atoms


def stress_of(atoms: Atoms) -> Floats:
    bare = atoms.copy()
    bare.calc = EMT()
    stress: Floats = bare.get_stress()
    return stress


def cells(count: int, kind: str = "rattled") -> list[Atoms]:
    """Cells of copper with correct stresses."""
    frames = [cell(seed) for seed in range(count)]
    return [labelled(atoms, stress=stress_of(atoms), config_type=kind) for atoms in frames]


def virials(folder: Path, frames: list[Atoms]) -> list[Floats | None]:
    dataset = read_dataset([save(folder / "data.xyz", frames)], KeySettings(), ["Cu"])
    return [c.virial for c in dataset.configurations]


def said_by(settings: FitSettings) -> tuple[FitResult, list[str]]:
    """A fit, and all its warnings about the data."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        result = fit(settings)
    messages = [str(warning.message) for warning in caught]
    assert messages == [str(finding) for finding in result.findings]
    return result, messages


# Virial and stress of one configuration


@pytest.mark.parametrize("stress", [np.zeros(6), np.array([1.0, 2, 3, 4, 5, 6]) * 1e-3])
def test_clusters_have_no_stress(tmp_path: Path, stress: Floats) -> None:
    """Although they have a cell: what matters is that nothing is periodic. Likewise slabs and wires."""
    frames = cells(2)
    for seed, pbc in enumerate(((False, False, False), (True, True, False), (False, False, True))):
        atoms = labelled(cell(10 + seed), stress=stress)
        atoms.pbc = pbc
        frames.append(atoms)
    with pytest.warns(
        DataWarning, match=r"3 configurations are not periodic in three.*configuration 2; .*configuration 4\."
    ):
        found = virials(tmp_path, frames)
    assert [label is None for label in found] == [False, False, True, True, True]


def test_an_isolated_atom_needs_no_word(tmp_path: Path) -> None:
    """Zeros are what it has."""
    alone = [Atoms("Cu", cell=[12] * 3, pbc=pbc, info={"energy": -1.0, "stress": np.zeros(6)}) for pbc in (True, False)]
    assert virials(tmp_path, cells(1) + alone)[1:] == [None, None]


@pytest.mark.parametrize("pbc", list(product([True, False], repeat=3)))
def test_virials_are_held_against_forces_where_nothing_repeats(
    pbc: tuple[bool, bool, bool], potential: acegen.Model, tmp_path: Path
) -> None:
    """The virial of a model passes for any periodicity; turned, scaled or zero it is left out where one can tell."""

    def frame(factor: float) -> Atoms:
        atoms = cell(5) * (2, 2, 2)
        atoms.set_cell(atoms.cell.array + np.diag([0.3, 0.1, 0.2]))
        atoms.pbc = pbc
        result = potential.compute(atoms)
        atoms.info.update(energy=float(result.energies.sum()), virial=factor * result.virial)
        atoms.arrays["forces"] = result.forces
        return atoms

    exact = voigt(potential.compute(frame(1.0)).virial)
    (found,) = virials(tmp_path, [frame(1.0)])
    np.testing.assert_allclose(found, exact, atol=1e-6)
    if all(pbc):
        return
    for factor, why in ((-1.0, r" \(it is probably of the opposite sign\)"), (1602.2, r" \(it is probably in kbar\)")):
        with pytest.warns(DataWarning, match=rf"1 configuration is not periodic in some.*{why}; .*configuration 0\."):
            assert virials(tmp_path, [frame(factor)]) == [None]
    with pytest.warns(DataWarning, match=r"1 configuration is labelled with a virial that is exactly zero"):
        assert virials(tmp_path, [frame(0.0)]) == [None]


def test_zeros_stand_for_missing_labels(tmp_path: Path) -> None:
    """Also in a perfect crystal, which has no forces."""
    perfect = labelled(bulk("Cu", a=3.4), stress=np.zeros(6))
    with pytest.warns(DataWarning, match=r"2 configurations are labelled with a stress that is exactly zero"):
        found = virials(tmp_path, [*cells(1), perfect, labelled(cell(8), stress=np.zeros(6))])
    assert [label is None for label in found] == [False, True, True]


@pytest.mark.parametrize(
    ("factor", "why"),
    [(-1.0, "the stress is probably of the opposite sign"), (160.2, "the stress is probably in GPa"),
     (-1602.0, "the stress is probably in kbar and of the opposite sign"), (7.0, "contradict each other; ")],
)  # fmt: skip
def test_stress_beside_virial(tmp_path: Path, factor: float, why: str) -> None:
    frames = cells(3)
    for atoms in frames:
        atoms.info["virial"] = -atoms.get_volume() * voigt_6_to_full_3x3_stress(atoms.info["stress"])
    exact = [voigt(atoms.info["virial"]) for atoms in frames]
    np.testing.assert_allclose(virials(tmp_path, frames), exact, atol=1e-6)  # they agree: not a word
    for atoms in frames[1:]:
        atoms.info["stress"] = atoms.info["stress"] * factor
    with pytest.warns(DataWarning, match=rf"2 configurations are given a stress and a virial.*{why}.*configuration 1;"):
        found = virials(tmp_path, frames)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_factors_have_one_name_each() -> None:
    assert likely_mistake(1602.0) == "in kbar"
    assert likely_mistake(-1.1) == "of the opposite sign"
    assert likely_mistake(1 / 183.6) == "in Hartree/Bohr³"
    assert likely_mistake(1.2) is None
    assert likely_mistake(4.0) is None
    assert likely_mistake(0.0) is None
    names = [likely_mistake(factor) for factor in known_factors()]
    assert len(set(names)) == len(names)


# Labels against a first fit


@pytest.mark.parametrize(
    ("factor", "why"),
    [(-1.0, "of the opposite sign"), (1602.18, "in kbar"), (160.218, "in GPa"), (5.0, "in other units, or not what")],
)
def test_all_stresses_wrong(tmp_path: Path, cache: str, factor: float, why: str) -> None:
    """Refused, with the likely mistake; with virials of weight zero the same data are taken."""
    frames = cells(16)
    for atoms in frames:
        atoms.info["stress"] = atoms.info["stress"] * factor
    settings = fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache})
    pattern = rf"all configurations are about .* {why}.*configuration 0; .*and 13 more"
    with pytest.raises(FitError, match=pattern):
        fit(settings)
    assert not (tmp_path / "fits" / "copper").exists()
    fit(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}, weights={"virial": 0.0}))


def test_stresses_of_one_kind_wrong(tmp_path: Path, cache: str) -> None:
    """A wrong sign of a minority causes a warning and is reported; other units, which no fit confuses, are refused."""
    frames = [*cells(20), *cells(40, "other")[20:25]]
    for atoms in frames[20:]:
        atoms.info["stress"] = -atoms.info["stress"]
    result, messages = said_by(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))
    assert re.search(r"kind other are about -.* of the opposite sign: .*and 2 more", messages[0])
    assert not any("rattled" in message for message in messages)
    finding = next(f for f in result.findings if "kind other" in f.text)
    report = (result.directory / "report.md").read_text()
    assert {place.rpartition(" ")[2] for place in finding.places} == {str(i) for i in range(20, 25)}
    assert all(f"  - {place}\n" in report for place in finding.places)
    document = json.loads((result.directory / "report.json").read_text())
    assert {"text": finding.text, "configurations": list(finding.places)} in document["findings"]
    for atoms in frames[20:]:
        atoms.info["stress"] = -1602.0 * atoms.info["stress"]
    with pytest.raises(FitError, match=r"kind other are about 1.* in kbar"):
        fit(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))


@pytest.mark.parametrize("pressure", [-0.3, 0.3])
def test_a_constant_pressure_is_no_sign(tmp_path: Path, cache: str, pressure: float) -> None:
    """Cells of one volume hardly determine it: the first fit may get it wrong without a false alarm."""
    frames = cells(16)
    for atoms in frames:
        atoms.info["stress"] = atoms.info["stress"] + pressure * np.array([1, 1, 1, 0, 0, 0])
    assert np.mean([atoms.info["stress"][:3].mean() * pressure > 0 for atoms in frames]) == 1
    fit(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))  # warnings are errors


def test_forces_of_the_wrong_sign(tmp_path: Path, cache: str) -> None:
    frames = cells(12)
    for atoms in frames:
        del atoms.info["stress"]
        atoms.arrays["forces"] = -atoms.arrays["forces"]
    with pytest.raises(FitError, match=r"the forces apparently have the wrong sign.*data\.keys\.forces"):
        fit(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 9])
def test_few_right_data_raise_no_alarm(tmp_path: Path, cache: str, count: int) -> None:
    """Fewer rows than functions, and a poor first fit."""
    for seed in range(3):
        frames = [with_emt(cell(100 * seed + i)) for i in range(count)]
        fit(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["energy", "forces", "stress"])
def test_a_wrong_label_is_named(tmp_path: Path, cache: str, quantity: str) -> None:
    """And no other; it is still fitted to."""
    frames = [with_emt(cell(seed)) for seed in range(24)]
    results = frames[7].calc.results
    results[quantity] = results[quantity] + 8.0 if quantity == "energy" else -results[quantity]
    result, messages = said_by(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))
    (message,) = messages
    name = {"energy": "an energy", "forces": "forces", "stress": "a virial"}[quantity]
    reason = {"energy": "not .* eV/atom", "forces": "off by .* eV/Å, perhaps of the opposite sign",
              "stress": "off by .* eV/atom, perhaps of the opposite sign"}[quantity]  # fmt: skip
    assert re.search(rf"1 configuration has {name} far from .*configuration 7 \(rattled; .*{reason}\)", message)
    assert len(result.parts.training.configurations) == 24
    frames[7].info["config_type"] = "strange"  # of little weight, so it is not meant to be described well
    weights = {"config_type": {"strange": 0.01}}
    assert said_by(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}, weights=weights))[1] == []


# Elements


def content(folder: Path, frames: list[Atoms], spec: dict[str, Any] = ALLOY, **sections: Any) -> list[str]:
    settings = fit_settings(folder, frames, spec, **sections)
    return [str(finding) for finding in check_content(read_parts(settings), settings)]


def alloy(count: int) -> list[Atoms]:
    return [with_emt(cell(seed, "Cu Au")) for seed in range(count)]


def test_an_element_without_data_is_refused(tmp_path: Path, cache: str) -> None:
    frames = [with_emt(cell(seed)) for seed in range(4)]
    message = r"the spec has Au, for which there are no data .* leave Au out of the elements"
    with pytest.raises(FitError, match=message):
        fit(fit_settings(tmp_path, frames, ALLOY, assembly={"cache": cache}))
    gold = with_emt(cell(3, "Au"), "gold")
    with pytest.raises(FitError, match=message):  # labels of weight zero are not fitted to
        content(tmp_path, [*frames, gold], weights={"config_type": {"gold": 0.0}})


def test_elements_with_little_data_are_named(tmp_path: Path) -> None:
    frames = [with_emt(cell(seed)) for seed in range(12)]
    alone = Atoms("Au", cell=[15] * 3, pbc=True, info={"energy": -0.2})
    (finding,) = content(tmp_path, [*frames, alone])
    assert "Au occurs only without neighbours" in finding
    assert "configuration 12." in finding
    once = cell(30)
    once.symbols[0] = "Au"
    findings = content(tmp_path, [*frames, with_emt(once)])
    assert any("Au occurs in 1 of 13 configurations; " in finding for finding in findings)
    assert content(tmp_path, alloy(12)) == []


def test_pairs_that_never_meet_are_named(tmp_path: Path) -> None:
    frames = [with_emt(cell(seed)) for seed in range(6)]
    gold = [cell(seed) for seed in range(6, 12)]
    for atoms in gold:
        atoms.symbols = ["Au"] * len(atoms)
        atoms.set_cell(atoms.cell.array * 1.13, scale_atoms=True)
    (finding,) = content(tmp_path, frames + [with_emt(atoms) for atoms in gold])
    assert "no configuration has Cu-Au within the cutoff" in finding


def test_atomic_energies_that_cannot_be_told_apart_are_named(tmp_path: Path) -> None:
    frames = [cell(seed, "Cu Au") for seed in range(6)]
    for atoms in frames:
        atoms.symbols = ["Cu", "Au", "Au", "Cu"]
    frames = [with_emt(atoms) for atoms in frames]
    (finding,) = content(tmp_path, frames)
    assert "do not determine the separate atomic energies of Cu, Au, which always occur as " in finding
    assert "[atomic_energies]" in finding
    assert content(tmp_path, frames, atomic_energies={"Cu": 0.0, "Au": 0.0}) == []
    alone = Atoms("Au", cell=[15] * 3, pbc=True, info={"energy": -0.2})
    assert content(tmp_path, [*frames, alone]) == []


def test_only_those_that_cannot_be_told_apart() -> None:
    """With water and copper in several proportions, only H and O are not determined separately."""
    from acegen.fit.consistency import _check_composition

    data = [Configuration(Atoms(f), "", "", 0.0, None, None) for f in ("H2O", "H2OCu", "H2OCu3", "Cu")]
    (finding,) = _check_composition(data, ("H", "O", "Cu"))
    assert "atomic energies of H, O, which occur as " in finding.text


# Energies


def sized(seed: int) -> Atoms:
    return with_emt(cell(seed) * (1, 1, 1 + seed % 3))


def shifted(frames: list[Atoms], isolated: float) -> list[Atoms]:
    """As if by a code whose energies are those of the atoms, `isolated` eV each, and their bonds."""
    for atoms in frames:
        atoms.calc.results["energy"] += isolated * len(atoms)
    return frames


@pytest.mark.parametrize("which", ["all", "some"])
def test_energies_per_atom_are_refused(tmp_path: Path, which: str) -> None:
    frames = shifted([sized(seed) for seed in range(20)], -30.0)
    assert content(tmp_path, frames, COPPER) == []
    chosen = frames if which == "all" else frames[4:12]
    for atoms in chosen:
        atoms.calc.results["energy"] /= len(atoms)
    with pytest.raises(FitError, match=rf"the energies of {len(chosen)} configurations are apparently per atom"):
        content(tmp_path, frames, COPPER)


@pytest.mark.slow
@pytest.mark.parametrize("count", [6, 12])
def test_energies_of_two_codes_are_named(tmp_path: Path, cache: str, count: int) -> None:
    """Up to half of all: then there is no majority to be far from."""
    frames = shifted([with_emt(cell(seed)) for seed in range(24)], -1600.0)
    shifted(frames[24 - count :], -40.0)
    result, messages = said_by(fit_settings(tmp_path, frames, COPPER, assembly={"cache": cache}))
    pattern = rf"two groups, 39\.\d eV/atom apart, .*; {count} configurations are in the smaller one: "
    assert re.search(pattern, messages[0])
    named = {int(place.rpartition(" ")[2]) for place in result.findings[0].places}
    assert named in (set(range(24 - count)), set(range(24 - count, 24)))
    assert count == 12 or max(named) == 23


def test_deviations_are_from_the_majority() -> None:
    """A third of the energies wrong by any amount, with twelve-digit atomic energies, has no effect."""
    rng = np.random.default_rng(0)
    data, exact = [], []
    for number in range(60):
        atoms = Atoms("Cu" * (1 + number % 5) + "Au" * (2 + number % 3))
        counts = np.array([1 + number % 5, 2 + number % 3])
        exact.append(float(rng.normal(scale=0.01)) if number % 3 else float(rng.uniform(1, 1e4)))
        energy = float(counts @ [-45000.0, -520000.0]) + exact[-1] * len(atoms)
        data.append(Configuration(atoms, "", "", energy, None, None))
    deviations, spread = energy_deviations(data, ("Cu", "Au"))
    np.testing.assert_allclose(deviations, exact, atol=0.02)
    assert 0.005 < spread < 0.05


# What is known to be right


@pytest.mark.parametrize(
    ("files", "elements", "said"),
    [
        (["zuo2020/Si_train.xyz"], ["Si"], []),
        (["zuo2020/Mo_train.xyz"], ["Mo"], []),
        (["ta/Ta_train.xyz"], ["Ta"], []),
        (["water/train.xyz"], ["H", "O"], ["always occur as H2O"]),
        (["acac/train.xyz"], ["H", "C", "O"], ["always occur as C5H8O2"]),
        (["acac/train.xyz", "acac/isolated_atoms.xyz"], ["H", "C", "O"], []),
    ],
)
def test_published_data_are_consistent(tmp_path: Path, files: list[str], elements: list[str], said: list[str]) -> None:
    """Without a warning, but for compositions that are in fact fixed."""
    if not (DATA / files[0]).is_file():
        pytest.skip(f"{DATA / files[0]} is not there")
    from acegen.fit.settings import load_settings

    spec = {"name": "x", "basis": {"elements": elements, "order": 2, "level": 4}, "radial": {"cutoff": 5.0}}
    document = {"spec": spec, "data": {"train": [str(DATA / file) for file in files]}, "output": str(tmp_path)}
    settings = load_settings(document)
    findings = check_content(read_parts(settings), settings)
    assert len(findings) == len(said)
    assert all(part in finding.text for part, finding in zip(said, findings, strict=True))


@pytest.mark.slow
def test_tantalum_raises_no_alarm(tmp_path: Path, cache: str) -> None:
    """Strained by tens of eV/atom, and described by a small model; its stresses are right, and turned they are not."""
    from ase.io import read

    if not (DATA / "ta" / "Ta_train.xyz").is_file():
        pytest.skip("there are no data of tantalum")
    frames = read(DATA / "ta" / "Ta_train.xyz", ":")
    spec = {"name": "ta", "basis": {"elements": ["Ta"], "order": 2, "level": 10}, "radial": {"cutoff": 5.0}}
    result = fit(fit_settings(tmp_path, frames, spec, assembly={"cache": cache}))
    assert result.findings == ()
    for atoms in frames:
        if atoms.info["config_type"] == "Elastic_BCC":
            atoms.calc.results["stress"] = -atoms.calc.results["stress"]
    messages = said_by(fit_settings(tmp_path, frames, spec, assembly={"cache": cache}))[1]
    assert re.search(r"kind Elastic_BCC are about -.* of the opposite sign: .*and 87 more", messages[0])


# Curves


def test_energy_volume_curve_of_a_small_structure() -> None:
    """Of low energy; where all are large, few volumes of the smallest."""

    class Counting:
        """A potential without atoms' neighbours: only what is evaluated counts."""

        atoms = 0

        def compute(self, atoms: Atoms) -> Any:
            self.atoms += len(atoms)
            return type("Result", (), {"energies": np.full(len(atoms), atoms.get_volume() / len(atoms))})

    def one(atoms: Atoms, energy: float) -> Configuration:
        return Configuration(atoms, "", "", energy * len(atoms), None, None)

    crystal = bulk("Cu", cubic=True)
    large, small = crystal * (14, 14, 14), crystal * (2, 2, 2)
    slab = fcc100("Cu", (2, 2, 3), vacuum=10, periodic=True)
    alone = Atoms("Cu", cell=[20] * 3, pbc=True)
    free = molecule("CO")
    data = [one(large, -3.52), one(small, -3.5), one(slab, -3.5), one(alone, -0.1), one(free, -9.0)]
    for chosen, atoms, points in ((data, small, 41), ([*data[:1], *data[3:]], large, 9)):
        model = Counting()
        curve = volume_curve(model, Dataset(tuple(chosen)))  # type: ignore[arg-type]
        assert curve is not None
        assert model.atoms == points * len(atoms)
        assert len(curve.energy) == points
        np.testing.assert_allclose(curve.energy, curve.volume)
        assert curve.volume[points // 2] == pytest.approx(atoms.get_volume() / len(atoms))
        assert len(curve.data_volume) == len(chosen) - 1
    assert volume_curve(Counting(), Dataset((one(free, -9.0),))) is None  # type: ignore[arg-type]


def test_one_energy_decides_no_strength() -> None:
    """Atomic energies absorb it entirely: no row is left for cross-validation, and there is no division by zero."""
    none = Factor(np.zeros((0, 5)), 0)
    energy = Factor(np.array([[1.0, 0.3, -0.2, 0.7, -3.5]]), 1, single=True)
    cell = Cell(0, "", {"energy": energy, "forces": none, "virial": none})
    problem = Problem((cell,), Columns(1, 3), np.array([1.0, 2.0, 3.0]))
    reduced = reduce_problem(problem, problem.everything, Weights(1.0, 1.0, 0.0), 1.0)
    assert reduced.n_rows == 0
    strength, score = _by_gcv(reduced, reduced.target, reduced.rest)
    assert np.isfinite(strength)
    assert score == np.inf
