"""Models made from the data: what is read from them, what can be requested, and what is kept for reuse."""

from __future__ import annotations

import json
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from example_models import toml_text
from fit_cases import cell, fit_settings, save, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.basis.estimate import estimate_size
from acegen.cli.main import main
from acegen.errors import AcegenError, FitError, SpecError
from acegen.fit import FitResult, fit
from acegen.fit.core import OUTER
from acegen.fit.data import read_parts
from acegen.fit.dataset import Configuration, Dataset, Parts
from acegen.fit.folds import ALWAYS
from acegen.fit.recommended import FAMILIES, Recommendation, _part, recommend
from acegen.fit.request import ModelRequest
from acegen.fit.settings import FitSettings, load_settings
from acegen.fit.survey import survey
from acegen.progress import Silent
from acegen.spec import load_spec

COPPER = {"name": "copper", "elements": ["Cu"]}
pytestmark = pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")


def configuration(atoms: Atoms, forces: bool = True) -> Configuration:
    zeros = np.zeros((len(atoms), 3)) if forces else None
    return Configuration(atoms, "", "", 0.0, zeros, None)


# What the data tell


def images(atoms: Atoms, reach: float) -> list[tuple[int, int, float]]:
    """(atom, other, distance) of all pairs up to `reach`, by explicit translations."""
    spans = [range(-4, 5) if periodic else range(1) for periodic in atoms.pbc]
    found = []
    for i, here in enumerate(atoms.positions):
        for j, there in enumerate(atoms.positions):
            for shift in np.array(np.meshgrid(*spans)).reshape(3, -1).T:
                distance = float(np.linalg.norm(there + shift @ atoms.cell.array - here))
                if distance < reach and (i != j or shift.any()):
                    found.append((i, j, distance))
    return found


@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=5)
def test_distances_and_neighbours_by_brute_force(seed: int) -> None:
    """Smallest and typical distances by pair, mean numbers of neighbours; atoms and dimers tell the smallest only."""
    rng = np.random.default_rng(seed)
    frames = [cell(seed + k, "Cu Au", 0.2) for k in range(3)]
    frames[0].pbc = (True, bool(rng.integers(2)), False)
    close = Atoms("CuAu", [[0, 0, 0], [0, 0, rng.uniform(1.2, 3.4)]], cell=[16] * 3, pbc=bool(rng.integers(2)))
    single = Atoms("Au", cell=[16] * 3, pbc=True)
    data = [configuration(atoms, forces=k != 1) for k, atoms in enumerate([*frames, close, single])]
    found = survey(data, ("Cu", "Au"))

    for pair in combinations_with_replacement(("Cu", "Au"), 2):
        nearest, own = [], []
        for atoms in [*frames, close]:
            symbols = atoms.get_chemical_symbols()
            firsts: dict[int, float] = {}
            for i, j, distance in images(atoms, 7.0):
                if {symbols[i], symbols[j]} == set(pair):
                    nearest.append(distance)
                    firsts[i] = min(firsts.get(i, np.inf), distance)
            if atoms is not close:
                own += list(firsts.values())
        name = "-".join(pair)
        assert (name in found.nearest) == bool(nearest)
        if nearest:
            assert found.nearest[name] == pytest.approx(min(*nearest, 3.5))
        assert (name in found.typical) == bool(own)
        if own:
            assert found.typical[name] == pytest.approx(np.median(own))

    distances = [d for atoms in frames for _, _, d in images(atoms, 7.05)]
    count = sum(map(len, frames))
    for step, mean in found.neighbours:
        if min(abs(d - step) for d in distances) > 1e-6:
            assert mean == pytest.approx(sum(d <= step for d in distances) / count)
    assert found.n_components == len(data) + 3 * sum(len(c.atoms) for c in data if c.forces is not None)


def test_distance_that_holds_so_many_neighbours() -> None:
    """Of ideal fcc copper: shells of 12, 6, 24, 12 at 2.55, 3.61, 4.42, 5.1 Å."""
    found = survey([configuration(bulk("Cu", a=3.61))], ("Cu",))
    expected = {1: 2.6, 12: 2.6, 13: 3.7, 18: 3.7, 42: 4.5, 43: 5.2, 10_000: None}
    assert {count: found.distance_of(count) for count in expected} == expected


def test_isolated_atoms_do_not_hide_large_structures() -> None:
    """With so many atoms only some configurations are examined; an informative one is among them."""
    large = configuration(bulk("Cu", a=3.61, cubic=True) * 11)
    found = survey([configuration(Atoms("Cu", cell=[20] * 3, pbc=True)), large, large], ("Cu",))
    assert found.typical["Cu-Cu"] == pytest.approx(3.61 / np.sqrt(2))
    assert found.distance_of(12) == 2.6


def test_nothing_but_isolated_atoms() -> None:
    found = survey([configuration(Atoms("Cu", cell=[20] * 3, pbc=True))], ("Cu", "Au"))
    assert (found.nearest, found.typical) == ({}, {})
    assert found.distance_of(1) is None
    assert found.n_components == 4


# What may be asked for


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ({"elements": ["Cu"]}, ["lacks name", "cutoff, functions"]),
        ({"name": "copper"}, ["lacks elements"]),
        ({}, ["lacks name, elements"]),
        ({**COPPER, "cutof": 5.0}, ["has cutof", "name and elements, and cutoff, functions"]),
        ({"name": "copper", "order": 3}, ["lacks elements and has order", "tables basis and radial"]),
        ({**COPPER, "functions": 0}, ["spec.functions = 0", "maximum functions per centre"]),
        ({**COPPER, "functions": -5}, ["spec.functions = -5"]),
        ({**COPPER, "functions": 1.5}, ["spec.functions = 1.5"]),
        ({**COPPER, "functions": True}, ["spec.functions = True"]),
        ({**COPPER, "functions": "many"}, ["spec.functions = 'many'"]),
        ({**COPPER, "functions": 10**9}, ["spec.functions = 1000000000"]),
        ({**COPPER, "cutoff": 0.0}, ["radial.cutoff"]),
        ({**COPPER, "cutoff": float("nan")}, ["radial.cutoff"]),
        ({**COPPER, "cutoff": "far"}, ["radial.cutoff"]),
        ({**COPPER, "cutoff": {"Cu-Au": 4.0}}, ["radial.cutoff", "Cu-Au"]),
        ({**COPPER, "expansion": "canonicla"}, ["basis.expansion"]),
        ({**COPPER, "pair": {"degree": 4, "degre": 4}}, ["pair.degre"]),
        ({**COPPER, "zbl": {"inner": 2.0, "outer": 1.0}}, ["zbl"]),
        ({"name": "copper", "elements": ["Cx"]}, ["'Cx'", "not a chemical element"]),
        ({"name": "copper", "elements": []}, ["names no element"]),
        ({"name": "copper", "elements": "Cu"}, ["basis.elements = 'Cu'"]),
        ({"name": "copper", "elements": ["Cu", "Cu"]}, ["twice"]),
        ({"name": "../copper", "elements": ["Cu"]}, ["name"]),
        ({"name": 5, "elements": ["Cu"]}, ["name"]),
    ],
)
def test_requests_that_cannot_be(table: dict[str, Any], parts: list[str], tmp_path: Path) -> None:
    """One message, from a mapping, and from a file at the command line."""
    with pytest.raises(AcegenError) as caught:
        load_settings({"spec": table, "data": {"train": "a.xyz"}})
    for part in parts:
        assert part in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    if not any(isinstance(value, float) and np.isnan(value) for value in table.values()):
        file = tmp_path / "fit.toml"
        file.write_text(toml_text({"spec": table, "data": {"train": "a.xyz"}}))
        assert main(["fit", str(file)]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["fit.toml"])


def test_a_request_is_no_spec_yet() -> None:
    asked = load_settings({"spec": {**COPPER, "cutoff": 5.0}, "data": {"train": "a.xyz"}})
    assert isinstance(asked.spec, ModelRequest)
    assert asked.elements == ("Cu",)
    assert asked.reach == ((5.0,),)
    with pytest.raises(TypeError, match="still to be made"):
        _ = asked.whole_spec
    assert load_settings(asked) is asked


def alone(frames: list[Atoms], **request: Any) -> tuple[FitSettings, Parts]:
    """Data from which nothing is held out, so that no families are compared and nothing is compiled."""
    elements = sorted({symbol for atoms in frames for symbol in atoms.get_chemical_symbols()})
    asked = load_settings({"spec": {"name": "model", "elements": elements, **request}, "data": {"train": "-"}})
    data = tuple(configuration(atoms) for atoms in frames)
    return asked, Parts(Dataset(data), (ALWAYS,) * len(data), Dataset(()))


def made(frames: list[Atoms], **request: Any) -> Recommendation:
    return recommend(*alone(frames, **request), "nowhere", Silent())


@pytest.fixture(autouse=True)
def nothing_is_compared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default: a single configuration leaves nothing to compare on."""
    if "compared" not in request.fixturenames:
        monkeypatch.setattr("acegen.fit.recommended._compare", lambda candidates, *_: _never() if candidates else [])


def _never(*_: Any) -> Any:
    raise AssertionError("families were compared")


@pytest.mark.parametrize("functions", [1, 2, 5])
def test_too_few_functions_for_any_model(functions: int) -> None:
    with pytest.raises(FitError) as caught:
        made([cell(0)], functions=functions)
    message = str(caught.value)
    assert message.startswith(f"spec.functions = {functions} is too small: the smallest model of Cu has ")
    least = int(message.split(" functions per centre")[0].split()[-1])
    assert least > functions
    spec = made([cell(0)], functions=least).spec
    assert sum(estimate_size(spec).functions) == least


@given(functions=st.integers(40, 600), elements=st.sampled_from(["Cu", "Cu Au"]))
@settings(deadline=None, max_examples=4)
def test_as_many_functions_as_asked_for(functions: int, elements: str) -> None:
    """Not more, and the next larger model would be; the basis has the estimated size."""
    frames = [cell(0, elements)]
    spec = made(frames, functions=functions).spec
    size = sum(estimate_size(spec).functions)
    assert size <= functions
    assert size > 0.5 * functions
    assert made(frames, functions=size).spec == spec


def test_large_structures_do_not_keep_families_from_being_compared() -> None:
    """One large configuration fills the sample and leaves nothing to hold out; there are others."""
    large = configuration(bulk("Cu", cubic=True) * 8)
    data = [large, *(configuration(cell(k)) for k in range(5))]
    assert len(large.atoms) > 2000
    for seed in range(8):
        assert _part(data, seed).n_folds == 3
        assert _part([large], seed).n_folds == 0


def test_cutoff_given_or_not() -> None:
    """Used as given, by one number or by pair; otherwise derived from the data."""
    frames = [cell(0, "Cu Au")]
    assert len({*frames[0].symbols}) == 2
    pairs = {"Au-Au": 5.3, "Au-Cu": 4.4, "Cu-Cu": 4.1}
    for given_, expected in ((4.7, dict.fromkeys(pairs, 4.7)), (pairs, pairs)):
        found = made(frames, cutoff=given_, functions=100)
        assert found.spec.canonical()["radial"]["cutoff"] == expected
        assert "Cutoff" not in found.reasons
    found = made(frames, functions=100)
    (cutoff,) = {*found.spec.canonical()["radial"]["cutoff"].values()}
    assert f"Cutoff {cutoff} Å" in found.reasons
    stretched = [atoms.copy() for atoms in frames]
    stretched[0].set_cell(1.15 * stretched[0].cell.array, scale_atoms=True)
    (wider,) = {*made(stretched, functions=100).spec.canonical()["radial"]["cutoff"].values()}
    assert wider > cutoff


@pytest.mark.parametrize(
    ("atoms", "least"),
    [
        (bulk("Pb"), 42),
        (bulk("Na"), 26),
        (bulk("Cs"), 26),
        (bulk("Ar"), 42),
        (bulk("KBr", "rocksalt", a=6.6), 26),
    ],
    ids=["Pb", "Na", "Cs", "Ar", "KBr"],
)
def test_crystals_of_large_atoms_have_neighbours(atoms: Atoms, least: int) -> None:
    """Three shells of each; a rule for molecules gave caesium a cutoff below its nearest distance."""
    (cutoff,) = {*made([atoms], functions=100).spec.canonical()["radial"]["cutoff"].values()}
    assert all(sum(i == atom for i, _, _ in images(atoms, cutoff)) >= least for atom in range(len(atoms)))


def test_cutoff_of_small_molecules() -> None:
    water = Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    assert {*made([water], functions=100).spec.canonical()["radial"]["cutoff"].values()} == {5.0}


def test_what_is_asked_for_is_kept() -> None:
    zbl, inner = {"inner": 0.5, "outer": 1.1}, {"inner": 0.6, "outer": 1.0}
    asked = {"pair": {"degree": 3}, "zbl": zbl, "inner_cutoff": inner, "expansion": "self-interacting"}
    document = made([cell(0)], functions=100, **asked).spec.canonical()
    assert document["basis"]["expansion"] == "self-interacting"
    assert document["pair"]["degree"] == 3
    for key, table in (("zbl", zbl), ("inner_cutoff", inner)):
        assert {end: document[key][end] for end in table} == {end: {"Cu-Cu": value} for end, value in table.items()}


def test_a_cutoff_shorter_than_all_distances() -> None:
    """The core, just below them, would fill it."""
    atoms = Atoms("Cu4", [[0, 0, 0], [2.9, 0, 0], [0, 2.9, 0], [0, 0, 2.9]])
    document = made([atoms], cutoff=3.0, functions=100).spec.canonical()
    assert document["radial"]["cutoff"] == {"Cu-Cu": 3.0}
    assert document["inner_cutoff"]["outer"]["Cu-Cu"] < 2.9
    with pytest.raises(
        FitError, match=rf"spec\.cutoff = 2\.2 Å is too short for the pair Cu-Cu: .* below {OUTER * 2.9:g} Å.*Raise it"
    ):
        made([atoms], cutoff=2.2, functions=100)


def test_pairs_without_data_have_lengths() -> None:
    """Both elements occur, but never within reach of each other."""
    frames = [bulk("Cu"), bulk("Au")]  # each the only one with its element: nothing is held out
    found = made(frames, functions=200)
    document = found.spec.canonical()
    for lengths in (document["zbl"]["outer"], document["inner_cutoff"]["inner"], document["radial"]["cutoff"]):
        assert set(lengths) == {"Cu-Cu", "Au-Cu", "Au-Au"}
        assert all(0.3 < length < 10 for length in lengths.values())
    assert "Au-Cu" not in found.reasons
    acegen.spec.load_spec(document)


@given(request=st.sampled_from(FAMILIES), functions=st.sampled_from([60, 300]))
@settings(deadline=None, max_examples=8)
def test_every_family_makes_specs(request: Any, functions: int) -> None:
    """Whatever the comparison says, of one element and of three, and the spec reads back as it is."""
    several = cell(0)
    several.symbols = ["Cu", "Au", "Pt", "Cu"]
    for atoms in (cell(0), several):
        asked, parts = alone([atoms], functions=functions)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("acegen.fit.recommended.FAMILIES", (request,))
            spec = recommend(asked, parts, "nowhere", Silent()).spec
        assert spec.radial.transform == request.transform
        assert load_spec(spec.canonical()).canonical() == spec.canonical()


# A whole fit

FEW = FAMILIES[::2]
"""Enough to choose from."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """Copper with only its name given, and a small number of functions."""
    folder = tmp_path_factory.mktemp("copper")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
        patch.setattr("acegen.fit.recommended.FAMILIES", FEW)
        return fit(fit_settings(folder, [with_emt(cell(s)) for s in range(12)], {**COPPER, "functions": 60}))


def test_the_whole_way(compared: FitResult) -> None:
    """Trials, reasons and spec in the report, the same in both."""
    document = json.loads((compared.directory / "report.json").read_text())
    found = document["recommendation"]
    assert len(found["trials"]) == len(FEW) > 1
    assert all(0 < trial["functions"] <= 60 and np.isfinite(trial["score"]) for trial in found["trials"])
    best = min(found["trials"], key=lambda trial: trial["score"])
    assert f"{best['family']} predicted best" in found["reasons"]
    assert best["family"].startswith(document["spec"]["radial"]["transform"])
    assert "at most 60 were requested" in found["reasons"]
    text = (compared.directory / "report.md").read_text()
    assert found["reasons"] in text
    for trial in found["trials"]:
        assert f"| {trial['family']} | {trial['functions']} |" in text
    assert [stage["stage"] for stage in document["stages"]][:3] == ["data", "model", "basis"]
    assert document["functions"]["basis"] <= 60
    (row,) = (row for row in document["errors"] if row["part"] == "validation")
    spread = np.std([c.forces[0] for c in compared.comparisons["training"] if c.forces is not None])
    assert row["forces"]["rmse"] < 0.3 * spread


def test_the_spec_is_that_of_the_model(compared: FitResult, tmp_path: Path) -> None:
    """spec.toml, read back, makes the same basis, and with the same coefficients the same potential."""
    spec = load_spec(compared.directory / "spec.toml")
    again = acegen.compile(spec, tmp_path, compared.coefficients)
    assert again.basis_hash == compared.model.basis_hash
    atoms = cell(100)
    np.testing.assert_array_equal(again.compute(atoms).forces, compared.model.compute(atoms).forces)
    assert again.compute(atoms).energy == compared.model.compute(atoms).energy


def test_the_same_again_from_the_cache(compared: FitResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same model for the same data and seed; nothing of the comparison is compiled or assembled twice."""
    monkeypatch.setattr("acegen.fit.unit.Assembler._reduce", _never)
    monkeypatch.setattr("acegen.stages.build_module", _never)
    monkeypatch.setattr("acegen.fit.recommended.FAMILIES", FEW)
    asked = compared.settings.model_copy(update={"spec": ModelRequest(**COPPER, functions=60)})
    cache = compared.settings.assembly.cache
    assert cache is not None
    found = recommend(asked, compared.parts, str(Path(cache).resolve()), Silent())
    assert found == compared.recommendation


def test_elements_without_data_are_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compiled, surveyed or written."""
    monkeypatch.setattr("acegen.compile", _never)
    monkeypatch.setattr("acegen.fit.recommended.survey", _never)
    frames = [with_emt(cell(seed)) for seed in range(4)]
    request = {"name": "alloy", "elements": ["Cu", "Au"]}
    with pytest.raises(FitError, match=r"Au, for which there are no data .* leave Au out of the elements"):
        fit(fit_settings(tmp_path, frames, request))
    with pytest.raises(FitError, match=r"contains Cu; the model has Au"):
        fit(fit_settings(tmp_path, frames, {"name": "gold", "elements": ["Au"]}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.xyz"]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"weights": {"energy": 0.0, "forces": 0.0, "virial": 0.0}}, "energy forces virial"),
        ({"weights": {"forces": 0.0, "virial": 0.0}}, "forces virial"),
        ({"weights": {"energy": [100.0, 0.0]}}, "energy"),
    ],
)
def test_weights_that_leave_nothing(
    given: dict[str, Any], left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of zero, and weights above zero for labels the data lack: before anything is compiled."""
    monkeypatch.setattr("acegen.compile", _never)
    frames = [cell(seed) for seed in range(4)]
    for atoms in frames:
        atoms.info |= {q: value for q, value in (("energy", -1.0), ("virial", np.eye(3))) if q in left.split()}
        if "forces" in left.split():
            atoms.arrays["forces"] = np.ones((4, 3))
    with pytest.raises(FitError, match="leave nothing to fit to"):
        fit(fit_settings(tmp_path, frames, {**COPPER, "functions": 60}, **given))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.xyz"]


def test_too_few_functions_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing left except reusable files."""
    train = save(tmp_path / "train.xyz", [with_emt(cell(seed)) for seed in range(6)])
    file = tmp_path / "fit.toml"
    file.write_text(toml_text({"spec": {**COPPER, "functions": 1}, "data": {"train": train}}))
    assert main(["fit", str(file)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("acegen: ")
    assert "spec.functions = 1 is too small" in said
    assert not (tmp_path / "fits" / "copper").exists()


def test_data_without_folds_make_a_model(tmp_path: Path) -> None:
    """One configuration leaves nothing to compare families on."""
    asked = fit_settings(tmp_path, [with_emt(cell(0))], {**COPPER, "functions": 60})
    found = recommend(asked, read_parts(asked), str(tmp_path / "cache"), Silent())
    assert found.trials == ()
    assert "predicted best" not in found.reasons
    assert f"kinds of basis were not compared: {FAMILIES[0]}." in found.reasons
    with pytest.raises(SpecError):
        load_spec({"name": "copper"})
