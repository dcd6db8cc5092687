"""`acegen init`: what it writes can be used as it stands, and every default in it is the default."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from fit_cases import cell, save, with_emt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from acegen.cli.main import main
from acegen.errors import FitError, SpecError
from acegen.fit import fit
from acegen.fit.draft import _about, _kinds, make_draft, write_draft, write_template
from acegen.fit.settings import FitSettings, UncertaintySettings, load_settings
from acegen.spec import load_atomic_spec


def frames(n: int = 6, elements: str = "Cu") -> list[Atoms]:
    return [with_emt(cell(seed, elements), ("rattled", "hot")[seed % 2]) for seed in range(n)]


def renamed(atoms: Atoms, energy: str, forces: str) -> Atoms:
    """With its labels under other names."""
    other = atoms.copy()
    other.calc = None
    other.info |= {energy: atoms.get_potential_energy(), "config_type": atoms.info["config_type"]}
    other.arrays[forces] = atoms.get_forces()
    return other


def uncommented(text: str) -> str:
    """With every default that is only a comment."""
    lines = [line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.split("\n")]
    return "\n".join(lines)


def test_file_is_what_a_fit_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file asks for the recommended model of the elements that occur, with all data and no other setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    save(tmp_path / "runs" / "train.xyz", frames(elements="Cu Au"))
    save(tmp_path / "test.xyz", frames(2))
    assert main(["init", "runs/train.xyz", "--test", "test.xyz", "-o", "runs/fit.toml", "--name", "alloy"]) == 0
    document = tomllib.loads((tmp_path / "runs" / "fit.toml").read_text())
    assert document["spec"] == {"name": "alloy", "elements": ["Cu", "Au"]}
    assert document["data"] == {"train": "train.xyz", "test": "../test.xyz", "keys": {}}
    found = load_settings(tmp_path / "runs" / "fit.toml")
    expected = load_settings({"spec": document["spec"], "data": {"train": "x"}})
    for section in ("weights", "solver", "uncertainty", "atomic_energies"):
        assert getattr(found, section) == getattr(expected, section), section
    assert Path(found.data.train[0]).resolve() == tmp_path / "runs" / "train.xyz"


def test_comments_are_the_defaults(tmp_path: Path) -> None:
    """Without their #, the lines are valid settings, with the values that they have anyway."""
    draft = make_draft([save(tmp_path / "train.xyz", frames())], [], tmp_path)
    document = tomllib.loads(uncommented(draft.text))
    for name in ("weights", "solver", "uncertainty"):
        kind = FitSettings.model_fields[name].annotation
        table = dict(document[name])
        assert table.pop("config_type", {"rattled": 1.0, "hot": 1.0}) == {"rattled": 1.0, "hot": 1.0}
        assert kind is not None
        assert kind.model_validate(table) == kind(), name  # type: ignore[attr-defined]
    assert document["data"]["folds"] == 5
    assert document["assembly"]["processes"] == 2
    assert set(document) == {*FitSettings.model_fields}


@pytest.mark.parametrize(("energy", "forces"), [("REF_energy", "REF_forces"), ("dft_energy", "dft_force"), ("E", "F")])
def test_other_names_of_labels(tmp_path: Path, energy: str, forces: str) -> None:
    """Labels under other names are found, and read by a fit with the file."""
    save(tmp_path / "train.xyz", [renamed(atoms, energy, forces) for atoms in frames()])
    draft = write_draft([str(tmp_path / "train.xyz")], [], tmp_path / "fit.toml")
    assert dict(draft.keys) == {"energy": energy, "forces": forces}
    assert draft.training.n_labels["forces"] == 6 * 4 * 3
    keys = load_settings(tmp_path / "fit.toml").data.keys
    assert (keys.energy, keys.forces) == (energy, forces)


def test_usual_names_come_first(tmp_path: Path) -> None:
    """Where the usual name occurs, nothing else is looked for."""
    own = frames()
    for atoms in own:
        atoms.info["free_energy_2"] = 1.0
    draft = make_draft([save(tmp_path / "train.xyz", own)], [], tmp_path)
    assert dict(draft.keys) == {}


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written, and one message says why."""
    train = save(tmp_path / "train.xyz", frames(2))
    kept = tmp_path / "fit.toml"
    kept.write_text("mine")
    for arguments, message in (
        ([train, "-o", str(kept)], "exists"),
        ([train, "-o", str(tmp_path / "absent" / "fit.toml")], "is not a folder"),
        ([str(tmp_path / "absent.xyz"), "-o", str(tmp_path / "a.toml")], "no such file"),
        ([train, "--name", "two words", "-o", str(tmp_path / "a.toml")], "not a C identifier"),
    ):
        assert main(["init", *arguments]) == 1
        assert message in capsys.readouterr().err
    bare = [atoms.copy() for atoms in frames(2)]
    for atoms in bare:
        atoms.calc, atoms.info = None, {}
    write(tmp_path / "bare.xyz", bare, format="extxyz")
    with pytest.raises(FitError, match="no configuration has an energy or forces"):
        write_draft([str(tmp_path / "bare.xyz")], [], tmp_path / "a.toml")
    assert kept.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.xyz", "fit.toml", "train.xyz"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(kind="a\x85b\u2028c", stem="~")
@given(kind=st.text(min_size=1, max_size=12), stem=st.text("ab\"'\\ #[]é\t\n~", min_size=1, max_size=6))
def test_names_cannot_break_the_file(tmp_path: Path, kind: str, stem: str) -> None:
    """Whatever kinds and files are called, the text is TOML with the same settings."""
    path = tmp_path / f"{stem}.xyz"
    own = [with_emt(cell(0), "x")]
    save(path, own)
    draft = make_draft([str(path)], [], tmp_path)
    document = tomllib.loads(draft.text)
    assert (tmp_path / document["data"]["train"]).samefile(path)
    (tmp_path / "fit.toml").write_text(draft.text, encoding="utf-8")
    assert Path(load_settings(tmp_path / "fit.toml").data.train[0]).samefile(path)
    strange = replace(draft.training, configurations=(replace(draft.training.configurations[0], config_type=kind),))
    assert tomllib.loads("\n".join(_about(["a"], strange, "data.train"))) == {}
    assert tomllib.loads(uncommented("\n".join(_kinds(strange)))) == {"weights": {"config_type": {kind: 1.0}}}


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document says what was found."""
    train = save(tmp_path / "train.xyz", frames(4))
    assert main(["init", train, "-o", str(tmp_path / "fit.toml"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["elements"] == ["Cu"]
    assert document["data"]["training"]["kinds"] == {"rattled": 2, "hot": 2}
    assert document["data"]["training"]["labels"] == {"energy": 4, "forces": 48, "virial": 24}


def test_fit_takes_the_same_data(tmp_path: Path) -> None:
    """A fit with the file, here of a small model, sees the labels that were counted, under their other names."""
    train = save(tmp_path / "train.xyz", [renamed(atoms, "REF_energy", "REF_forces") for atoms in frames(12)])
    test = save(tmp_path / "test.xyz", [renamed(atoms, "REF_energy", "REF_forces") for atoms in frames(3)])
    draft = write_draft([train], [test], tmp_path / "fit.toml")
    small = load_atomic_spec(
        {"name": draft.name, "basis": {"elements": ["Cu"], "order": 2, "level": 4}, "radial": {"cutoff": 4.5}}
    )
    none = UncertaintySettings(grade="none", members=0)
    result = fit(load_settings(tmp_path / "fit.toml").model_copy(update={"spec": small, "uncertainty": none}))
    assert result.directory == tmp_path / "fits" / "cu"
    assert {q: factor.n_rows for q, factor in result.problem.everything.items()} == draft.training.n_labels
    assert len(result.comparisons["test"]) == 3


def test_data_that_a_fit_refuses(tmp_path: Path) -> None:
    """They are refused here with its messages, and nothing is written."""
    per_atom = [with_emt(cell(seed)) for seed in range(8)]
    for atoms in per_atom:
        atoms.calc.results["energy"] = -3.5 + 1e-3 * atoms.get_potential_energy()
    per_atom += [atoms * (2, 1, 1) for atoms in per_atom]
    for atoms, own in zip(per_atom[8:], per_atom[:8], strict=True):
        atoms.info["energy"] = own.get_potential_energy()
        atoms.arrays["forces"] = np.tile(own.get_forces(), (2, 1))
    cases = (
        (save(tmp_path / "per_atom.xyz", per_atom), [], "per atom"),
        (save(tmp_path / "train.xyz", frames()), [save(tmp_path / "gold.xyz", frames(2, "Au"))], "contains Au"),
        (save(tmp_path / "zero.xyz", [weightless(atoms) for atoms in frames()]), [], "have the weight 0"),
    )
    for train, test, message in cases:
        with pytest.raises(FitError, match=message):
            write_draft([train], test, tmp_path / "fit.toml")
        assert not (tmp_path / "fit.toml").exists()


def weightless(atoms: Atoms) -> Atoms:
    atoms.info["weight"] = 0.0
    return atoms


def test_paths_through_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are links are followed, since ".." leads out of where they point to; a file keeps its name."""
    monkeypatch.chdir(tmp_path)
    for folder in ("deep/inside", "data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to("deep/inside")
    save(tmp_path / "data" / "v1.xyz", frames(2))
    (tmp_path / "data" / "newest.xyz").symlink_to("v1.xyz")
    write_draft(["data/newest.xyz"], [], Path("link/fit.toml"))
    assert tomllib.loads(Path("link/fit.toml").read_text())["data"]["train"] == "../../data/newest.xyz"
    assert Path(load_settings("link/fit.toml").data.train[0]).samefile("data/v1.xyz")


def test_before_there_are_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Elements in place of data: the same file, with a path to fill in."""
    file = tmp_path / "fit.toml"
    assert main(["init", "--elements", "Cu, Au", "-o", str(file)]) == 0
    document = tomllib.loads(file.read_text())
    assert document["spec"] == {"name": "cuau", "elements": ["Cu", "Au"]}
    assert document["data"] == {"train": "train.xyz", "keys": {}}
    save(tmp_path / "train.xyz", frames(elements="Cu Au"))
    written = make_draft([str(tmp_path / "train.xyz")], [], tmp_path).text
    with_data = tomllib.loads(uncommented(written))
    assert with_data["weights"].pop("config_type") == {"rattled": 1.0, "hot": 1.0}
    without = tomllib.loads(uncommented(file.read_text()))
    assert without["weights"].pop("config_type") == {}
    assert without == with_data
    capsys.readouterr()
    for arguments, message in (
        ([], "give labelled data"),
        ([str(tmp_path / "train.xyz"), "--elements", "Cu"], "Leave it out"),
        (["--elements", "Cu,Xx"], "not a chemical element"),
        (["--elements", "Cu,Cu"], "names an element twice"),
    ):
        assert main(["init", *arguments, "-o", str(tmp_path / "a.toml")]) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(FitError, match="exists"):
        write_template(["Cu"], file)
    assert not (tmp_path / "a.toml").exists()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=12), elements=st.lists(st.text(max_size=3) | st.sampled_from(["Cu", "Au"]), max_size=3))
def test_odd_names_and_elements(tmp_path: Path, name: str, elements: list[str]) -> None:
    """Either the file loads with that name and these elements, or there is none."""
    file = tmp_path / "odd.toml"
    file.unlink(missing_ok=True)
    try:
        write_template(elements, file, name)
    except (FitError, SpecError):
        assert not file.exists()
        return
    spec = load_settings(file).spec
    assert (spec.name, list(spec.elements)) == (name, elements)  # type: ignore[union-attr]
