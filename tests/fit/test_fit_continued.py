"""Fits continued with more data: the same as from scratch, with only new units assembled; and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from fit_cases import COPPER, cell, save, with_emt
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import acegen
from acegen.cli.main import main
from acegen.errors import DataWarning, FitError
from acegen.fit import FitResult, fit
from acegen.fit.assembly import assemble, composition_directions, make_assembler, placed_units
from acegen.fit.continued import continue_from, reconsidered
from acegen.fit.curves import nearest_distances
from acegen.fit.data import read_parts
from acegen.fit.dataset import Configuration
from acegen.fit.folds import ALWAYS, assign_folds, extend_folds
from acegen.fit.repulsion import squeezed
from acegen.fit.settings import load_settings
from acegen.fit.solve import solve
from acegen.fit.training import TRAINING, TrainingRecord, read_record
from acegen.progress import Silent
from acegen.spec import load_spec

Floats = NDArray[np.float64]

KINDS = ("rattled", "hot")
QUICK = {"assembly": {"processes": 1}, "uncertainty": {"grade": "none", "members": 0}}


@pytest.fixture(autouse=True, scope="module")
def quick() -> Any:
    """No pictures, which take most of the time, and one thread."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
        yield


def frames(seeds: Sequence[int]) -> list[Atoms]:
    return [with_emt(cell(seed, rattle=0.05 * (1 + seed % 2)), KINDS[seed % 2]) for seed in seeds]


@dataclass(frozen=True)
class Earlier:
    """A fit of 20 configurations, and settings that add 6 more."""

    folder: Path
    first: FitResult
    files: list[str]

    @property
    def assembly(self) -> dict[str, Any]:
        """With the compiled basis."""
        return {"processes": 1, "cache": str(self.folder / "fits" / ".assembly")}

    def more(self, **sections: Any) -> dict[str, Any]:
        data = {"train": self.files, "continue": str(self.first.directory), **sections.pop("data", {})}
        return {"spec": COPPER, "data": data, "output": str(self.folder / "fits"), **QUICK, **sections}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    folder = tmp_path_factory.mktemp("continued")
    files = [save(folder / "old.xyz", frames(range(20))), save(folder / "new.xyz", frames(range(100, 106)))]
    first = fit({"spec": COPPER, "data": {"train": files[:1]}, "output": str(folder / "fits"), **QUICK})
    return Earlier(folder, first, files)


@pytest.fixture(scope="module")
def continued(earlier: Earlier) -> FitResult:
    """The fit with six more, under another name, so that the earlier one remains."""
    return fit(earlier.more(spec=COPPER | {"name": "copper_2"}))


def test_the_record_of_a_fit(earlier: Earlier) -> None:
    """It has each configuration once, with its fold, and the hyperparameters of the report."""
    record = read_record(earlier.first.directory)
    contents = [content for unit in record.units for content in unit.contents]
    configurations = earlier.first.parts.training.configurations
    assert sorted(contents) == sorted(c.content.hex() for c in configurations)
    folds = {content: unit.fold for unit in record.units for content in unit.contents}
    assert [folds[c.content.hex()] for c in configurations] == list(earlier.first.parts.folds)
    chosen = json.loads((earlier.first.directory / "report.json").read_text())["solution"]["chosen"]
    found = record.hyperparameters
    assert (found.strength, found.smoothness, found.weights) == (
        chosen["strength"], chosen["smoothness"], chosen["weights"],
    )  # fmt: skip
    assert record.freedom == chosen["effective_parameters"]
    assert record.n_atoms == 80


def test_noise_is_that_of_the_residuals(earlier: Earlier) -> None:
    """σ² = (Σ w² residual² + prior) / rows; without the prior it is a little less. Forces have the weight one."""
    noise = read_record(earlier.first.directory).hyperparameters.noise
    weights = earlier.first.fit.chosen.weights  # type: ignore[union-attr]
    assert noise["energy"] * weights.energy == pytest.approx(noise["forces"] * weights.forces)
    squares, count = 0.0, 0
    for own in earlier.first.comparisons["training"]:
        assert own.energy is not None
        assert own.forces is not None
        assert own.virial is not None
        for (label, predicted), weight in (
            (own.energy, weights.energy), (own.forces, weights.forces), (own.virial, weights.virial),
        ):  # fmt: skip
            difference = weight * np.ravel(np.subtract(label, predicted))
            squares, count = squares + float(difference @ difference), count + difference.size
    misfit = np.sqrt(squares / count)
    assert misfit * (1 - 1e-6) < noise["forces"] < 1.5 * misfit


def test_only_new_units_are_assembled(earlier: Earlier, continued: FitResult) -> None:
    """All units of the earlier fit come from the cache; folds of what was known are the same."""
    assert continued.n_cached == earlier.first.n_units
    assert continued.n_units > continued.n_cached
    assert continued.parts.folds[:20] == earlier.first.parts.folds
    assert set(continued.parts.folds[20:]) <= set(range(5))
    assert len(set(continued.parts.folds[20:])) >= 3
    again = read_record(continued.directory)
    assert sum(len(unit.contents) for unit in again.units) == 26


def test_it_is_the_fit_from_scratch(earlier: Earlier, continued: FitResult, tmp_path: Path) -> None:
    """With the same folds and hyperparameters, but units of its own: the same coefficients to 1e-8."""
    chosen = earlier.first.fit.chosen  # type: ignore[union-attr]
    settings = load_settings(
        {
            "spec": COPPER,
            "data": {"train": earlier.files},
            "weights": {"energy": chosen.weights.energy, "virial": chosen.weights.virial},
            "solver": {"strength": chosen.strength, "smoothness": chosen.smoothness},
            "output": str(tmp_path),
            **QUICK,
        }
    )
    parts = replace(read_parts(settings), folds=continued.parts.folds)
    basis = acegen.compile(settings.whole_spec, tmp_path / "cache")
    problem, n_cached, _ = assemble(settings, make_assembler(settings, basis, parts, str(tmp_path)), parts, Silent())
    assert n_cached == 0
    scratch, _, held_out = solve(problem, settings, Silent())
    size = np.abs(scratch.solution.functions).max()
    assert np.abs(continued.fit.solution.functions - scratch.solution.functions).max() < 1e-8 * size
    assert continued.fit.solution.composition == pytest.approx(scratch.solution.composition, rel=1e-8)
    assert len(held_out) == 5
    assert continued.fit.chosen.strength == chosen.strength  # type: ignore[union-attr]
    assert len(continued.fit.path) == 1


def test_search_chooses_again(earlier: Earlier) -> None:
    """With the same folds and units, but all candidates."""
    settings = load_settings(earlier.more(data={"search": True}))
    kept, record = continue_from(settings)
    assert kept.weights == settings.weights
    assert kept.solver == settings.solver
    assert record is not None
    assert read_parts(kept, record).folds[:20] == earlier.first.parts.folds


def test_a_bayesian_fit_is_continued(earlier: Earlier, tmp_path: Path) -> None:
    """Noise and precision stay; the mean is that of all data."""
    common = {"spec": COPPER, "output": str(tmp_path), "solver": {"kind": "bayes"}}
    common["assembly"] = earlier.assembly
    common["uncertainty"] = QUICK["uncertainty"]
    first = fit({**common, "data": {"train": earlier.files[:1]}})
    second = fit({**common, "data": {"train": earlier.files, "continue": str(first.directory)}})
    assert second.fit.noise == first.fit.noise
    assert second.fit.precision == first.fit.precision  # type: ignore[union-attr]
    shift = np.abs(second.fit.solution.functions - first.fit.solution.functions).max()
    assert 0 < shift < 5 * np.abs(first.fit.solution.functions).max()


def test_changed_data_are_new_data(earlier: Earlier, tmp_path: Path) -> None:
    """A corrected label makes its configuration new, and its old unit is not used; removed ones are forgotten."""
    changed = frames(range(20))
    changed[4].calc.results["energy"] += 0.01
    settings = load_settings(earlier.more(data={"train": [save(tmp_path / "changed.xyz", changed[1:])]}))
    settings, record = continue_from(settings)
    assert record is not None
    parts = read_parts(settings, record)
    assert len(parts.folds) == 19
    known = {number for unit in parts.known for number in unit.members}
    assert 3 not in known
    kept = [fold for number, fold in enumerate(parts.folds) if number != 3]
    before = [fold for number, fold in enumerate(earlier.first.parts.folds) if number not in (0, 4)]
    assert kept == before
    basis = acegen.load(earlier.folder / "fits" / ".assembly" / "copper")
    units = placed_units(make_assembler(settings, basis, parts, str(tmp_path)), parts)
    assert sorted(number for unit in units for number in unit.members) == list(range(19))


def test_command(earlier: Earlier, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fit of the same name is replaced."""
    shutil.copytree(earlier.first.directory, tmp_path / "fits" / "copper")
    spec = (
        '[spec]\nname = "copper"\n[spec.basis]\nelements = ["Cu"]\norder = 3\nlevel = 6\n[spec.radial]\ncutoff = 5.0\n'
    )
    cache = f'[assembly]\nprocesses = 1\ncache = "{earlier.folder / "fits" / ".assembly"}"\n'
    train = f'[data]\ntrain = ["{earlier.files[0]}", "{earlier.files[1]}"]\n'
    (tmp_path / "fit.toml").write_text(f'{spec}{train}{cache}[uncertainty]\ngrade = "none"\nmembers = 0\n')
    assert main(["fit", str(tmp_path / "fit.toml"), "--continue", str(tmp_path / "fits" / "copper")]) == 0
    printed = capsys.readouterr().out
    assert "26 training configurations, 20 of them known, 5 folds" in printed
    assert len(json.loads((tmp_path / "fits" / "copper" / TRAINING).read_text())["units"]) > 10
    assert main(["fit", str(tmp_path / "fit.toml"), "--search"]) == 1
    assert "--search is for a fit that continues another" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["ridge", "bayes"])
def test_labels_of_which_nothing_was_decided(earlier: Earlier, tmp_path: Path, kind: str) -> None:
    """Forces are neither ignored nor weighted by chance after a fit to energies alone; a search decides."""
    common = {"spec": COPPER, "output": str(tmp_path), "solver": {"kind": kind}}
    common |= {"assembly": earlier.assembly, "uncertainty": QUICK["uncertainty"]}
    keys = {"forces": "", "virial": "", "stress": ""}
    first = fit({**common, "data": {"train": earlier.files[:1], "keys": keys}})
    assert set(read_record(first.directory).hyperparameters.noise) == {"energy"}
    data = {"train": earlier.files[:1], "continue": str(first.directory)}
    with pytest.raises(FitError, match=r'data have forces, but .* had none.*--search.*data\.keys\.forces = ""'):
        fit({**common, "data": data})
    with pytest.raises(FitError, match=r'data have virials.*data\.keys\.virial = "" and data\.keys\.stress = ""'):
        fit({**common, "data": data | {"keys": {"forces": ""}}})
    found = fit({**common, "data": data | {"search": True}})
    assert set(found.fit.noise) == {"energy", "forces", "virial"}
    assert all(noise < 1 for noise in found.fit.noise.values())


def test_a_tiny_first_fit_decides_nothing_for_ever(earlier: Earlier, tmp_path: Path) -> None:
    """One configuration has no folds; continued with twelve more, folds and strength are those of a fit from scratch.

    What is then decided by all of them is kept.
    """
    common = {"spec": COPPER, "output": str(tmp_path), **QUICK, "assembly": earlier.assembly}
    files = [save(tmp_path / "one.xyz", frames([0])), save(tmp_path / "more.xyz", frames(range(50, 62)))]
    first = fit({**common, "data": {"train": files[:1]}})
    assert first.parts.n_folds == 0
    with pytest.warns(DataWarning, match="had data for 0 folds, and now there are 5: folds and hyper.* chosen anew"):
        second = fit({**common, "data": {"train": files, "continue": str(first.directory)}})
    scratch = fit({**common, "data": {"train": files}, "output": str(tmp_path / "scratch")})
    assert second.parts.folds == scratch.parts.folds
    assert second.fit.chosen == scratch.fit.chosen  # type: ignore[union-attr]
    assert any("chosen anew" in str(finding) for finding in second.findings)
    record = read_record(second.directory)
    assert (record.n_folds, record.hyperparameters.n_atoms) == (5, 52)


def test_data_that_have_grown_are_worth_a_search(earlier: Earlier) -> None:
    """A finding from three times the atoms on that decided, however many fits were continued in between."""
    given = load_settings(earlier.more())
    settings, record = continue_from(given)
    assert record is not None
    parts = read_parts(settings, record)
    assert parts.training.n_atoms == 104
    for before, suggests in ((35, False), (34, True)):
        found = record.hyperparameters.model_copy(update={"n_atoms": before})
        own = record.model_copy(update={"hyperparameters": found})
        kept, same, findings = reconsidered(given, settings, own, parts)
        assert (kept, same) == (settings, parts)
        assert [f"chosen by {before} atoms, and now there are 104" in str(f) for f in findings] == [True] * suggests


def test_the_record_keeps_how_many_atoms_decided(earlier: Earlier, continued: FitResult) -> None:
    assert read_record(earlier.first.directory).hyperparameters.n_atoms == 80
    again = read_record(continued.directory)
    assert (again.n_atoms, again.hyperparameters.n_atoms) == (104, 80)


# Folds and directions


def configurations(kinds: Sequence[str]) -> list[Configuration]:
    return [Configuration(cell(seed), "x", kind, 0.0, np.zeros((4, 3)), None) for seed, kind in enumerate(kinds)]


def test_new_folds_are_balanced() -> None:
    """By kind, where the known ones are not; a kind's only member is always fitted to."""
    data = configurations(["a"] * 12 + ["b"] * 5 + ["c"])
    known: list[int | None] = [0, 0, 0, 1, 1, 2, *[None] * 6, 0, 1, *[None] * 4]
    folds = extend_folds(data, known, 3, 1.0, 0)
    assert folds[:6] == (0, 0, 0, 1, 1, 2)
    assert sorted(folds[:12].count(fold) for fold in range(3)) == [4, 4, 4]
    assert sorted(folds[12:17].count(fold) for fold in range(3)) == [1, 2, 2]
    assert folds[17] == ALWAYS
    assert extend_folds(data, known, 3, 1.0, 1)[:6] == folds[:6]


def test_what_is_known_keeps_its_fold_whatever_it_is() -> None:
    """Folds as `assign_folds` deals them remain."""
    data = configurations(["a"] * 7 + ["b"] * 4 + ["c"])
    folds = assign_folds(data, 4, 5)
    assert extend_folds(data, folds, 4, 1.0, 9) == folds


def test_a_fraction_is_held_out_of_new_data_too() -> None:
    data = configurations(["a"] * 20)
    known: list[int | None] = [0, *[ALWAYS] * 9, *[None] * 10]
    folds = extend_folds(data, known, 1, 0.2, 0)
    assert folds.count(0) == 4
    assert folds[:10] == (0, *[ALWAYS] * 9)
    assert extend_folds(data, known, 0, 1.0, 0)[10:] == (ALWAYS,) * 10


def test_directions_of_composition_stay() -> None:
    """Where they span the same, whatever rounding does; not where new data have another composition."""
    water = Atoms("OH2", np.eye(3))
    data = 2 * [Configuration(water, "x", "x", 0.0, None, None)]
    known = -composition_directions(data, ["H", "O"])
    assert np.array_equal(composition_directions(data, ["H", "O"], known.tolist()), known)
    other = [*data, Configuration(Atoms("H2", np.eye(3)[:2]), "x", "x", 0.0, None, None)]
    assert np.array_equal(composition_directions(other, ["H", "O"], known.tolist()), np.eye(2))


# What is refused


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"spec": COPPER | {"radial": {"cutoff": 4.5}}}, "the spec is another one than that of"),
        ({"spec": {"name": "copper", "elements": ["Cu", "Au"]}}, "is a model of Cu. Give the same"),
        ({"atomic_energies": {"Cu": 0.1}}, "atomic_energies = .*0.1.* was made with None"),
        ({"weights": {"atoms": 0.5}}, "weights.atoms = 0.5, but .* was made with 1.0"),
        ({"weights": {"energy": 77}}, "weights.energy: .* which is not among the values given, 77.*--search"),
        ({"solver": {"smoothness": 4}}, "solver.smoothness: .*not among the values given, 4"),
        ({"solver": {"strength": 123.0}}, "solver.strength"),
        ({"solver": {"kind": "bayes"}}, "solver.kind = 'bayes', but .* was made with 'ridge'"),
        ({"data": {"folds": 3}}, "data.folds = 3, but .* was made with 5"),
        ({"data": {"validation": 0.2}}, "data.validation = 0.2"),
        ({"data": {"continue": "nowhere"}}, "nowhere is not the folder of a fit: there is no such folder"),
    ],
)
def test_other_settings(earlier: Earlier, sections: dict[str, Any], message: str) -> None:
    with pytest.raises(FitError, match=message):
        continue_from(load_settings(earlier.more(**sections)))


def broken(name: str, text: str) -> str | None:
    document = json.loads(text)
    return {
        "missing": None,
        "cut": text[:300],
        "empty": "",
        "list": "[1, 2]",
        "version": json.dumps(document | {"format": "acegen-training-9"}),
        "key": json.dumps({key: value for key, value in document.items() if key != "units"}),
        "type": json.dumps(document | {"n_folds": "five"}),
        "nan": text.replace('"freedom": ', '"freedom": NaN, "x": '),
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", f"has no {TRAINING}: it is not the folder of a fit, or one made by an older acegen"),
        ("cut", "is damaged. Fit again from the beginning"),
        ("empty", "is damaged"),
        ("list", "is damaged"),
        ("version", "was made by another version"),
        ("key", "is damaged"),
        ("type", "is damaged"),
        ("nan", "is damaged"),
    ],
)
def test_records_that_are_missing_or_damaged(earlier: Earlier, tmp_path: Path, name: str, message: str) -> None:
    text = broken(name, (earlier.first.directory / TRAINING).read_text())
    if text is not None:
        (tmp_path / TRAINING).write_text(text)
    with pytest.raises(FitError, match=message):
        read_record(tmp_path)


def test_unknown_elements_and_other_bases(earlier: Earlier, tmp_path: Path) -> None:
    """Errors before anything is assembled; the fit that was there stays."""
    before = (earlier.first.directory / TRAINING).read_text()
    zinc = save(tmp_path / "zinc.xyz", [with_emt(cell(7, "Au"))])
    with pytest.raises(FitError, match=r"zinc\.xyz, configuration 0 contains Au; the model has Cu"):
        fit(earlier.more(data={"train": [*earlier.files, zinc]}))
    copy = tmp_path / "copy"
    shutil.copytree(earlier.first.directory, copy)
    (copy / TRAINING).write_text(json.dumps(json.loads(before) | {"basis_hash": "0" * 64}))
    with pytest.raises(FitError, match=r"is not the one that its spec\.toml defines"):
        fit(earlier.more(data={"continue": str(copy)}))
    assert (earlier.first.directory / TRAINING).read_text() == before


def test_search_needs_something_to_continue(earlier: Earlier) -> None:
    with pytest.raises(FitError, match=r"data\.search = true is for a fit that continues another"):
        load_settings({"spec": COPPER, "data": {"train": earlier.files, "search": True}})


def test_the_spec_of_a_request_is_kept(earlier: Earlier) -> None:
    """A recommended model is not chosen again; its wishes have to be the same."""
    request = {"name": "other", "elements": ["Cu"]}
    settings, record = continue_from(load_settings(earlier.more(spec=request)))
    assert isinstance(record, TrainingRecord)
    kept = load_spec(earlier.first.directory / "spec.toml").canonical()
    assert settings.whole_spec.canonical() == kept | {"name": "other"}


def test_compressed_structures_are_computed_once(earlier: Earlier, tmp_path: Path) -> None:
    """Demands are the same from the cache; a file that is damaged, or of another basis, is not used."""
    spec = COPPER | {"zbl": {"inner": 1.0, "outer": 1.6}, "inner_cutoff": {"inner": 1.2, "outer": 1.7}}
    settings = load_settings({"spec": spec, "data": {"train": earlier.files[1]}})
    basis, data = acegen.compile(settings.whole_spec, tmp_path), read_parts(settings).training
    nearest = nearest_distances(data, basis.elements, basis.cutoff)
    cache, found = str(tmp_path / "cache"), []
    for folder in (None, cache, cache):
        found.append(squeezed(settings.whole_spec, basis, data, nearest, Silent(), folder))
    files = sorted((tmp_path / "cache").rglob("*.npz"))
    assert len(files) >= 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.repulsion._path", lambda *_: pytest.fail("computed again"))
        found.append(squeezed(settings.whole_spec, basis, data, nearest, Silent(), cache))
    files[0].write_bytes(files[0].read_bytes()[:500])
    found.append(squeezed(settings.whole_spec, basis, data, nearest, Silent(), cache))
    for demands in found:
        assert demands is not None
        assert found[0] is not None
        assert np.array_equal(demands.rows, found[0].rows)
        assert np.array_equal(demands.rises, found[0].rises)
