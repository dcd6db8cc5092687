"""`acegen init`: what it writes can be used as it stands, and every default in it is the default."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from fit_cases import cell, save, with_emt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acegen.cli.main import main
from acegen.errors import FitError
from acegen.fit.draft import _about, _kinds, make_draft, write_draft
from acegen.fit.settings import FitSettings, load_settings


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
@given(kind=st.text(min_size=1, max_size=12), stem=st.text("ab\"'\\ #[]é\t", min_size=1, max_size=6))
def test_names_cannot_break_the_file(tmp_path: Path, kind: str, stem: str) -> None:
    """Whatever kinds and files are called, the text is TOML with the same settings."""
    path = tmp_path / f"{stem}.xyz"
    own = [with_emt(cell(0), "x")]
    save(path, own)
    draft = make_draft([str(path)], [], tmp_path)
    document = tomllib.loads(draft.text)
    assert (tmp_path / document["data"]["train"]).samefile(path)
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
