"""Real-world files: six-number labels, brackets, BOMs, damage reported by line, ASE databases, FitSNAP JSON."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from fit_cases import cell, save, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.errors import FitError
from acegen.fit.data import read_dataset
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.settings import KeySettings
from acegen.fit.voigt import voigt

ELEMENTS = ("Cu", "Au")
SIX = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) * 1e-2
MATRIX = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]) * 1e-2
VOLUME = 3.6**3


def frame(label: str = "", rows: int = 4, count: int | None = None, columns: str = "forces:R:3") -> str:
    """Text of a frame of copper with an energy, zero forces and further text in its second line."""
    places = ["0 0 0", "0 1.8 1.8", "1.8 0 1.8", "1.8 1.8 0"]
    lines = [f"Cu {places[i % 4]} {0.1 * i} 0 {-0.1 * i}" for i in range(rows)]
    head = f'Lattice="3.6 0 0 0 3.6 0 0 0 3.6" Properties=species:S:1:pos:R:3:{columns} energy=-1.5 {label}'
    return "\n".join([str(rows if count is None else count), head, *lines, ""])


def put(folder: Path, text: str, name: str = "data.xyz") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(*files: str, **keys: Any) -> Dataset:
    return read_dataset(files, KeySettings(**keys), ELEMENTS)


def only(dataset: Dataset) -> Configuration:
    (configuration,) = dataset.configurations
    return configuration


def refusal(folder: Path, content: str | bytes) -> str:
    """The message for a file, by the name it is given."""
    path = folder / "data.xyz"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FitError) as caught:
        read(str(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


# Labels in every form in which they stand in files


@pytest.mark.parametrize(
    "form",
    [
        '"0.01 0.02 0.03 0.04 0.05 0.06"',
        "[0.01, 0.02, 0.03, 0.04, 0.05, 0.06]",
        '"[0.01 0.02 0.03 0.04 0.05 0.06]"',
        '"0.01 0.06 0.05 0.06 0.02 0.04 0.05 0.04 0.03"',
        "[[0.01, 0.06, 0.05], [0.06, 0.02, 0.04], [0.05, 0.04, 0.03]]",
        "[[0.01,0.06,0.05],[0.06,0.02,0.04],[0.05,0.04,0.03]]",
        '"[[0.01, 0.06, 0.05], [0.06, 0.02, 0.04], [0.05, 0.04, 0.03]]"',
        "[[0.01 0.06 0.05] [0.06 0.02 0.04] [0.05 0.04 0.03]]",
        '"[[0.01 0.06 0.05] [0.06 0.02 0.04] [0.05 0.04 0.03]]"',
        '"_JSON [[0.01, 0.06, 0.05], [0.06, 0.02, 0.04], [0.05, 0.04, 0.03]]"',
        "{0.01 0.06 0.05 0.06 0.02 0.04 0.05 0.04 0.03}",
    ],
)
@pytest.mark.parametrize("name", ["stress", "virial", "dft_stress", "dft_virial"])
def test_stress_and_virial_of_a_file_in_every_form(tmp_path: Path, name: str, form: str) -> None:
    file = put(tmp_path, frame(f"before=1 {name}={form} after='a b' config_type=\"twin [111]\""))
    found = only(read(file, **({name.removeprefix("dft_"): name} if name.startswith("dft_") else {})))
    factor = -VOLUME if name.endswith("stress") else 1.0
    np.testing.assert_allclose(found.virial, factor * SIX, rtol=1e-12)
    assert found.config_type == "twin [111]"
    assert found.energy == -1.5


@given(
    numbers=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6).filter(any),
    brackets=st.booleans(),
    space=st.booleans(),
)
@settings(deadline=None, max_examples=30)
def test_whatever_six_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], brackets: bool, space: bool
) -> None:
    """The six numbers and the symmetric matrix of them, in brackets, are the same virial, to the last digit.

    All zero stands for a missing one.
    """
    xx, yy, zz, yz, xz, xy = numbers
    matrix = json.dumps([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], separators=(", " if space else ",", ": "))
    label = f"virial={matrix}" if brackets else f'virial="{" ".join(map(repr, numbers))}"'
    found = only(read(put(tmp_path_factory.mktemp("six"), frame(label))))
    np.testing.assert_array_equal(found.virial, numbers)


def test_a_lattice_in_brackets(tmp_path: Path) -> None:
    """Its rows are the cell vectors, as those of the nine numbers are."""
    text = frame().replace('"3.6 0 0 0 3.6 0 0 0 3.6"', "[[3.6, 0.1, 0], [0, 3.6, 0.2], [0.3, 0, 3.6]]")
    cell_vectors = np.array([[3.6, 0.1, 0], [0, 3.6, 0.2], [0.3, 0, 3.6]])
    np.testing.assert_array_equal(only(read(put(tmp_path, text))).atoms.cell.array, cell_vectors)
    plain = frame().replace("3.6 0 0 0 3.6 0 0 0 3.6", "3.6 0.1 0 0 3.6 0.2 0.3 0 3.6")
    np.testing.assert_array_equal(only(read(put(tmp_path, plain))).atoms.cell.array, cell_vectors)


def test_words_that_look_like_labels_within_text_stay(tmp_path: Path) -> None:
    file = put(tmp_path, frame('config_type="a stress=1 virial=[[2]]" note=stress'))
    found = only(read(file))
    assert found.config_type == "a stress=1 virial=[[2]]"
    assert found.virial is None


def test_a_wrong_virial_is_named_by_its_configuration(tmp_path: Path) -> None:
    text = frame('virial="1 2 3 4 5 6"') + frame('virial="1 2 3 4"')
    with pytest.raises(FitError, match=r"data\.xyz, configuration 1: 'virial' has the shape 4; it must have 3 × 3"):
        read(put(tmp_path, text))
    with pytest.raises(FitError, match=r"configuration 1: 'stress' is not a number: '\*\*\*\*"):
        read(put(tmp_path, frame() + frame('stress="******** 1 2 3 4 5"')))


def test_what_ase_writes_is_read_as_ase_reads_it(tmp_path: Path) -> None:
    """The same structures and labels, frame for frame, by ASE's own reader of the whole file."""
    from ase.io import read as ase_read

    frames = [with_emt(cell(seed, "Cu Au"), f"kind {seed}") for seed in range(5)]
    file = save(tmp_path / "data.xyz", frames)
    for found, expected in zip(read(file).configurations, ase_read(file, ":"), strict=True):
        np.testing.assert_array_equal(found.atoms.positions, expected.positions)
        np.testing.assert_array_equal(found.atoms.numbers, expected.numbers)
        np.testing.assert_array_equal(found.atoms.cell.array, expected.cell.array)
        np.testing.assert_array_equal(found.atoms.pbc, expected.pbc)
        np.testing.assert_array_equal(found.forces, expected.get_forces())
        assert found.energy == expected.get_potential_energy()
        stress = expected.get_stress(voigt=False)
        np.testing.assert_allclose(found.virial, -expected.get_volume() * voigt(stress), rtol=1e-13)


# Marks, blank lines, compression


@pytest.mark.parametrize("name", ["data.xyz", "data.extxyz", "data.exyz", "data.train", "data", "data.dat"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_extended_xyz_of_any_name_with_a_bom(tmp_path: Path, name: str, mark: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(mark + (frame() + frame()).replace("\n", "\r\n").encode())
    dataset = read(str(path))
    assert [c.energy for c in dataset.configurations] == [-1.5, -1.5]
    assert dataset.configurations[1].where == f"{path}, configuration 1"


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "data.xyz.gz"
    path.write_bytes(gzip.compress(frame().encode()))
    assert only(read(str(path))).energy == -1.5


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.xyz.gz"
    path.write_bytes(gzip.compress(frame().encode() * 2000, mtime=0)[:-30])
    with pytest.raises(FitError, match=r"cannot read .*data\.xyz\.gz: "):
        read(str(path))


def test_blank_lines_between_frames_do_not_end_the_file(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, "\n" + frame() + "\n\n" + frame('config_type="b"') + "\n"))
    assert [c.config_type for c in dataset.configurations] == ["unnamed", "b"]


# Damage


FIRST = frame()
DAMAGE: list[tuple[str | bytes, str]] = [
    (FIRST + FIRST.replace("Cu 1.8 0 1.8", "Cu1 1.8 0 1.8"), "line 11, configuration 1: 'Cu1' is not an element"),
    (FIRST + FIRST.replace("-0.1\n", "********\n"), "line 10, configuration 1: '********' is not a number (forces)"),
    (FIRST + frame(rows=3, count=4), "line 11, configuration 1: the file ends after 3 of 4 atoms"),
    (frame(rows=3, count=4) + FIRST, "line 6, configuration 0: '4' has 1 column, Properties 7; "),
    (FIRST + frame(count=3) + FIRST, "line 12, configuration 2: a configuration begins with its number of atoms, not "),
    (FIRST + FIRST.replace(" 0 -0.2", ""), "line 11, configuration 1: 'Cu 1.8 0 1.8 0.2' has 5 columns, Properties 7"),
    (FIRST + frame(columns="forces:R"), "line 8, configuration 1: Properties='species:S:1:pos:R:3:forces:R' is malf"),
    (FIRST + frame(columns="forces:Q:3"), "line 8, configuration 1: Properties"),
    (FIRST + frame(columns="charge:R:1"), "line 9, configuration 1: 'Cu 0 0 0 0.0 0 -0.0' has 7 columns, Properties"),
    (FIRST + frame(columns="a:I:3"), "line 9, configuration 1: '0.0' is not an integer (a)"),
    (FIRST + FIRST.replace("3.6 0 0 0 3.6", "3.6 0 0 0"), "line 8, configuration 1"),
    (FIRST + "4\n", "line 7, configuration 1: the file ends before the second line"),
    (FIRST + "-1\n\n", "line 7, configuration 1: -1 is not a number of atoms"),
    (FIRST + "800000000\nx\nCu 0 0 0\n", "line 9, configuration 1: the file ends after 1 of 800000000 atoms"),
    ("garbage\n", "line 1, configuration 0: a configuration begins with its number of atoms, not with 'garbage'"),
    (FIRST.encode() + frame("name=\xe9").encode("latin-1"), "line 8: it is not UTF-8 text"),
    (FIRST.encode("utf-16"), "line 1: it is not UTF-8 text"),
]


@pytest.mark.parametrize(("text", "message"), DAMAGE)
def test_damage_is_named_by_file_line_and_configuration(tmp_path: Path, text: str | bytes, message: str) -> None:
    found = refusal(tmp_path, text)
    assert message in found
    assert "Give a file in extended XYZ" in found


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_damaged_files_end_in_one_message_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Pieces cut out, doubled and overwritten: configurations, or one error that names the file; never another one."""
    text = frame('stress="1 2 3 4 5 6"') + frame("virial=[[1,2,3],[2,3,4],[3,4,5]]") + frame("config_type='a b'")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    other = data.draw(
        st.sampled_from(["", text[start:end] * 2, "\n", "*", "[", "]", '"', "NaN", "\x00", "\\", "=", "4 "])
    )
    path = tmp_path_factory.getbasetemp() / "damaged.xyz"
    path.write_text(text[:start] + other + text[end:])
    with np.errstate(all="ignore"):
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("acegen.fit.data._check_distances", lambda _: None)
                dataset = _quietly(str(path))
        except FitError as error:
            outcome = str(path) in str(error)
        else:
            outcome = bool(dataset.configurations)
    assert outcome


def _quietly(file: str) -> Dataset:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(file)


# ASE databases


def stored(atoms: Atoms, **labels: Any) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, **labels) if labels else None
    return atoms


@pytest.mark.parametrize("name", ["data.db", "data.json"])
def test_a_database_with_kinds_and_labels_in_pairs_and_data(tmp_path: Path, name: str) -> None:
    forces, virial = np.arange(12.0).reshape(4, 3), np.arange(9.0).reshape(3, 3)
    with connect(tmp_path / name) as database:
        database.write(stored(cell(0), energy=-1.0, forces=forces), config_type="bulk")
        database.write(cell(1), dft_energy=-2.0, config_type="slab", data={"dft_forces": forces, "dft_virial": virial})
    file = str(tmp_path / name)
    with pytest.warns(UserWarning, match="looks like"):
        first, second = read(file).configurations
    assert (first.config_type, second.config_type) == ("bulk", "slab")
    assert first.energy == -1.0
    np.testing.assert_array_equal(first.forces, forces)
    with pytest.warns(UserWarning, match="looks like"):
        first, second = read(file, energy="dft_energy", forces="dft_forces", virial="dft_virial").configurations
    assert second.energy == -2.0
    np.testing.assert_array_equal(second.forces, forces)
    np.testing.assert_allclose(second.virial, voigt(virial))


def test_rows_of_a_database_in_another_file(tmp_path: Path) -> None:
    """`toatoms(add_additional_information=True)` nests pairs and data one level down, as do other files."""
    with connect(tmp_path / "data.db") as database:
        database.write(stored(cell(0), energy=-1.0, forces=np.ones((4, 3))), config_type="bulk", weight=2.5)
        (atoms,) = (row.toatoms(add_additional_information=True) for row in database.select())
    file = str(tmp_path / "data.traj")
    write(file, atoms)
    found = only(read(file))
    assert found.config_type == "bulk"
    assert found.weight == 2.5


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(FitError, match=r"cannot read .*data\.db: it is not an ASE database"):
        read(str(path))
    assert path.read_bytes() == before
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FitError, match=r"cannot read .*data\.db: "):
        read(str(path))


# FitSNAP


def fitsnap(path: Path, atoms: Atoms, pressure: np.ndarray, comment: str = "# a comment\n", **styles: str) -> str:
    data = {
        "Stress": pressure.tolist(), "Positions": atoms.positions.tolist(), "Energy": -3.25,
        "AtomTypes": atoms.get_chemical_symbols(), "Lattice": atoms.cell.array.tolist(), "NumAtoms": len(atoms),
        "Forces": np.arange(3.0 * len(atoms)).reshape(-1, 3).tolist(),
    }  # fmt: skip
    style = {
        "PositionsStyle": "angstrom", "AtomTypeStyle": "chemicalsymbol", "StressStyle": "bar",
        "LatticeStyle": "angstrom", "EnergyStyle": "electronvolt", "ForcesStyle": "electronvoltperangstrom", **styles,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(comment + json.dumps({"Dataset": {"Data": [data], "Label": "Example", **style}}))
    return str(path)


@pytest.mark.parametrize("comment", ["# a comment\n", ""])
def test_fitsnap_json(tmp_path: Path, comment: str) -> None:
    """A pressure in bar, positive under compression, and rows of the lattice that are cell vectors."""
    from ase.units import bar

    atoms = cell(3)
    pressure = 1e4 * np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    found = only(read(fitsnap(tmp_path / "Displaced_FCC" / "a.json", atoms, pressure, comment)))
    assert found.config_type == "Displaced_FCC"
    assert found.energy == -3.25
    np.testing.assert_array_equal(found.forces, np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(found.atoms.cell.array, atoms.cell.array)
    assert found.atoms.pbc.all()
    np.testing.assert_allclose(found.virial, atoms.get_volume() * voigt(pressure) * bar, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"StressStyle": "torr"}, r"StressStyle is 'torr'; known: bar, "),
        ({"EnergyStyle": "rydberg"}, r"EnergyStyle is 'rydberg'; known: electronvolt"),
    ],
)
def test_units_of_fitsnap_that_are_not_known(tmp_path: Path, change: dict[str, str], message: str) -> None:
    file = fitsnap(tmp_path / "FCC" / "a.json", cell(3), np.eye(3), **change)
    with pytest.raises(FitError, match=message):
        read(file)


@pytest.mark.parametrize(
    "text",
    [
        '{"Dataset": 5}', '{"Dataset": {"Data": 5}}', '{"Dataset": {"Data": [5]}}', '{"Dataset": {"Data": [{}]}}',
        '{"Dataset": {"Data": [{"AtomTypes": ["Qq"], "Positions": [[0, 0, 0]], "Lattice": []}]}}',
        '{"Dataset": {"Data": [{"AtomTypes": ["Cu"], "Positions": [["x", 0, 0]], "Lattice": []}]}}',
        '{"Dataset": ' + "[" * 100_000, '{"Dataset": {"Data": []}}', '# c\n{"Dataset"',
    ],
)  # fmt: skip
def test_json_that_is_almost_fitsnap(tmp_path: Path, text: str) -> None:
    with pytest.raises(FitError, match=r"data\.json"):
        read(put(tmp_path, text, "data.json"))


def test_bulk_is_a_crystal() -> None:
    """The frames above are what `bulk` makes."""
    np.testing.assert_allclose(bulk("Cu", cubic=True, a=3.6).get_volume(), VOLUME)
