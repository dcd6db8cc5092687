"""`acegen convert`: one file in extended XYZ from databases, FitSNAP's folders and pacemaker's pickles."""

from __future__ import annotations

import gzip
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from fit_cases import cell, save, with_emt
from test_fit_reading import fitsnap

from acegen.cli.main import main
from acegen.errors import DependencyError, FitError
from acegen.fit.convert import convert
from acegen.fit.data import read_dataset
from acegen.fit.dataset import Configuration
from acegen.fit.settings import KeySettings
from acegen.progress import Silent

ELEMENTS = ("Cu", "Au")
VIRIAL = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])


def read(file: Path | str, **keys: Any) -> tuple[Configuration, ...]:
    return read_dataset([str(file)], KeySettings(**keys), ELEMENTS).configurations


def same(found: Configuration, expected: Configuration) -> None:
    """The same configuration, to the digits that ASE writes."""
    np.testing.assert_array_equal(found.atoms.numbers, expected.atoms.numbers)
    np.testing.assert_array_equal(found.atoms.pbc, expected.atoms.pbc)
    for name in ("positions", "cell"):
        np.testing.assert_allclose(getattr(found.atoms, name), getattr(expected.atoms, name), atol=1e-7)
    assert found.config_type == expected.config_type
    assert found.weight == expected.weight
    assert (found.energy is None) == (expected.energy is None)
    for name in ("energy", "forces", "virial"):
        if getattr(expected, name) is None:
            assert getattr(found, name) is None
        else:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-6)
    np.testing.assert_allclose(found.force_weights, expected.force_weights)


def test_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with connect(tmp_path / "data.db") as database:
        database.write(with_emt(cell(0, "Cu Au")), config_type="bulk", weight=2.0)
        atoms = cell(1)
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
        own = {"forces": np.ones((4, 3)), "virial": VIRIAL, "forces_weight": np.array([1.0, 0.0, 2.0, 3.0])}
        database.write(atoms, config_type="slab [111]", data=own)
    output = tmp_path / "data.xyz"
    assert main(["convert", str(tmp_path / "data.db"), str(output)]) == 0
    assert "2 configurations" in capsys.readouterr().out
    for found, expected in zip(read(output), read(tmp_path / "data.db"), strict=True):
        same(found, expected)
    assert [c.config_type for c in read(output)] == ["bulk", "slab [111]"]


def test_labels_under_any_name_and_in_any_form_survive(tmp_path: Path) -> None:
    atoms = cell(1)
    atoms.info.update(REF_energy=-1.0, REF_virial=np.arange(6.0), virial=np.arange(9.0), note="a b", flag=True)
    atoms.arrays["REF_forces"] = np.ones((4, 3))
    file = save(tmp_path / "in.xyz", [atoms])
    output = tmp_path / "data.xyz"
    convert([file, file], output, False, Silent())
    chosen = {"energy": "REF_energy", "forces": "REF_forces", "virial": "REF_virial"}
    for found in read(output, **chosen):
        same(found, read(file, **chosen)[0])
    assert "note" in output.read_text()


def test_a_folder_of_fitsnap(tmp_path: Path) -> None:
    files = [
        fitsnap(tmp_path / "JSON" / group / f"{number}.json", cell(number), VIRIAL * 1e4)
        for group in ("Displaced_FCC", "Surface")
        for number in range(2)
    ]
    output = tmp_path / "all.xyz"
    assert convert([str(tmp_path / "JSON")], output, False, Silent()) == 4
    for found, file in zip(read(output), files, strict=True):
        same(found, read(file)[0])
    assert [c.config_type for c in read(output)] == ["Displaced_FCC"] * 2 + ["Surface"] * 2


def dataframe(path: Path, changes: dict[str, Any] | None = None) -> tuple[list[Any], Path]:
    """Three configurations as pacemaker keeps them."""
    frames = [with_emt(cell(seed, "Cu Au")) for seed in range(3)]
    plain = [atoms.copy() for atoms in frames]
    for atoms in plain:
        atoms.info = {}
    columns = {
        "ase_atoms": plain,
        "energy": [atoms.get_potential_energy() for atoms in frames],
        "energy_corrected": [atoms.get_potential_energy() + 4.0 for atoms in frames],
        "forces": [atoms.get_forces() for atoms in frames],
        "stress": [atoms.get_stress() for atoms in frames],
        "config_type": ["bulk", "slab", "bulk"],
        "NUMBER_OF_ATOMS": [4, 4, 4],
        "tp_atoms": [object, object, object],
        **(changes or {}),
    }
    table = pandas.DataFrame({name: values for name, values in columns.items() if values is not None})
    table.to_pickle(path, compression="gzip")
    return frames, path


def test_a_dataframe_of_pacemaker(tmp_path: Path) -> None:
    frames, path = dataframe(tmp_path / "df.pckl.gzip")
    output = tmp_path / "out.xyz"
    assert main(["convert", "--trust", str(path), str(output)]) == 0
    for atoms, kind in zip(frames, ("bulk", "slab", "bulk"), strict=True):
        atoms.info["config_type"] = kind
    for found, expected in zip(read(output), read(save(tmp_path / "expected.xyz", frames)), strict=True):
        same(found, expected)
    corrected = read(output, energy="energy_corrected")
    assert corrected[0].energy == pytest.approx(frames[0].get_potential_energy() + 4.0)


def test_energies_that_are_only_there_corrected(tmp_path: Path) -> None:
    frames, path = dataframe(tmp_path / "df.pckl.gzip", {"energy": None})
    output = tmp_path / "out.xyz"
    convert([str(path)], output, True, Silent())
    assert read(output)[0].energy == pytest.approx(frames[0].get_potential_energy() + 4.0)


def test_weights_of_pacemaker_become_factors_of_residuals(tmp_path: Path) -> None:
    """Its loss is a sum of weights times squares; ours squares weighted residuals: ratios of squares must agree."""
    by_atom = [np.array([1.0, 2.0, 3.0, 4.0]) * i for i in (1.0, 2.0, 3.0)]
    _, path = dataframe(tmp_path / "df.pckl.gzip", {"w_energy": [1.0, 4.0, 7.0], "w_forces": by_atom})
    output = tmp_path / "out.xyz"
    convert([str(path)], output, True, Silent())
    found = read(output)
    energy = np.array([c.weights.energy for c in found]) ** 2
    np.testing.assert_allclose(energy, np.array([1.0, 4.0, 7.0]) / 4.0, rtol=1e-6)
    forces = np.concatenate([c.force_weights for c in found]) ** 2
    np.testing.assert_allclose(forces, np.concatenate(by_atom) / 5.0, rtol=1e-6)


class Program:
    """What a pickle may do: create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["df.pckl.gzip", "df.pkl", "data.xyz", "data.traj"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_pickle_is_not_run_unless_trusted(tmp_path: Path, name: str, compressed: bool) -> None:
    """Regardless of its name, by fit, eval and convert."""
    path, trace, output = tmp_path / name, tmp_path / "trace", tmp_path / "out.xyz"
    content = pickle.dumps(Program(trace))
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(FitError, match=r"is a pickle, and reading one runs whatever code it holds.*convert --trust"):
        read(path)
    with pytest.raises(FitError, match="is a pickle"):
        convert([str(path)], output, False, Silent())
    assert not trace.exists()
    with pytest.raises(FitError, match="not a pacemaker DataFrame"):
        convert([str(path)], output, True, Silent())
    assert trace.exists()
    assert not output.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ase_atoms": [1, 2, 3]}, "row 0: 'ase_atoms' is int, not an ASE structure"),
        ({"ase_atoms": None}, "has columns energy, .*; needed are 'ase_atoms'"),
    ],
)
def test_dataframes_of_another_kind(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    _, path = dataframe(tmp_path / "df.pckl.gzip", changes)
    with pytest.raises(FitError, match=message):
        convert([str(path)], tmp_path / "out.xyz", True, Silent())


def test_a_damaged_pickle(tmp_path: Path) -> None:
    path = tmp_path / "df.pckl"
    path.write_bytes(pickle.dumps([1, 2, 3])[:-4])
    with pytest.raises(FitError, match=r"cannot read .*df\.pckl: .*It may need the packages"):
        convert([str(path)], tmp_path / "out.xyz", True, Silent())


def test_without_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = dataframe(tmp_path / "df.pckl.gzip")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DependencyError, match=r"acegen\[fit,convert\]"):
        convert([str(path)], tmp_path / "out.xyz", True, Silent())


def test_nothing_is_replaced_and_nothing_half_written_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (save(tmp_path / name, [with_emt(cell(0))]) for name in ("a.xyz", "b.xyz"))
    before = Path(second).read_text()
    assert main(["convert", first, second]) == 1
    assert "b.xyz exists" in capsys.readouterr().err
    assert Path(second).read_text() == before
    assert main(["convert", first, str(tmp_path / "out.db")]) == 1
    assert "must end in .xyz" in capsys.readouterr().err
    assert main(["convert", first, str(tmp_path / "none" / "out.xyz")]) == 1
    assert "cannot write" in capsys.readouterr().err
    assert main(["convert", first, str(tmp_path / "c.xyz"), str(tmp_path / "out.xyz")]) == 1
    assert "no such file" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["convert", str(empty), str(tmp_path / "out.xyz")]) == 1
    assert "is a folder without JSON files" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xyz", "b.xyz", "empty"]
