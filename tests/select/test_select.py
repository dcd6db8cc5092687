"""`acegen select` from files to files, on a small fit of copper: what it chooses, when it ends, and what it refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fit_cases import COPPER, cell, fit_settings, save, with_emt

from acegen.cli.main import main
from acegen.errors import AcegenError, DataWarning, SelectError
from acegen.fit import fit
from acegen.fit.uncertainty.maxvol import active_set
from acegen.progress import Silent
from acegen.select import select
from acegen.select.active import environments_entering, training_configurations
from acegen.select.fitted import open_fit
from acegen.select.grading import ByPosterior
from acegen.select.pipeline import _grading
from acegen.select.pool import Candidate, read_pool
from acegen.store.posterior import POSTERIOR


@dataclass(frozen=True)
class Case:
    """A fit, and a pool of: a training configuration, two more like it, a hot one, and the hot one again."""

    folder: Path
    pool: str


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("select")
    training = [with_emt(cell(seed, rattle=0.05), "rattled") for seed in range(16)]
    settings = fit_settings(folder, training, solver={"kind": "bayes"}, assembly={"processes": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
        result = fit(settings)
    hot = bare(cell(200, rattle=0.35), "hot")
    hot.info["note"] = "from a melt"
    pool = [training[3], bare(cell(100, rattle=0.05), "rattled"), bare(cell(101, rattle=0.05), "rattled"), hot, hot]
    return Case(result.directory, save(folder / "pool.xyz", pool))


def bare(atoms: Atoms, kind: str) -> Atoms:
    atoms.calc = None
    atoms.info["config_type"] = kind
    return atoms


def test_the_unknown_is_chosen_and_its_copy_adds_little(case: Case, tmp_path: Path) -> None:
    """The hot configuration comes first; what is known, and a copy of what was chosen, gain least."""
    result = select(case.folder, [case.pool], 5, tmp_path / "out.xyz", method="information")
    order = [chosen.index for chosen in result.chosen]
    gains = {chosen.index: chosen.gain for chosen in result.chosen}
    assert order[0] in (3, 4)
    assert sorted(order) == [0, 1, 2, 3, 4]
    copy = 7 - order[0]
    assert gains[copy] < 0.2 * gains[order[0]]
    assert gains[0] < 0.2 * gains[order[0]]
    assert result.typical is not None
    assert result.typical > 0


def test_the_file_has_everything(case: Case, tmp_path: Path) -> None:
    """Positions, cells and info are those of the pool, with number and gain."""
    result = select(case.folder, [case.pool], 2, tmp_path / "out.xyz")
    pool, written = ase.io.read(case.pool, ":"), ase.io.read(tmp_path / "out.xyz", ":")
    assert [atoms.info["pool_index"] for atoms in written] == [chosen.index for chosen in result.chosen]
    for atoms, chosen in zip(written, result.chosen, strict=True):
        assert atoms.info["gain"] == pytest.approx(chosen.gain)
        assert np.allclose(atoms.positions, pool[chosen.index].positions)
        assert np.allclose(atoms.cell.array, pool[chosen.index].cell.array)
    assert written[0].info["note"] == "from a melt"
    assert written[0].info["config_type"] == "hot"


def test_stop(case: Case, tmp_path: Path) -> None:
    """A share between the first two gains ends after the first; one above all chooses none and writes nothing."""
    gains = [chosen.gain for chosen in select(case.folder, [case.pool], 5, method="information").chosen]
    typical = select(case.folder, [case.pool], 1).typical
    assert typical is not None
    share = 0.5 * (gains[0] + gains[1]) / (typical * 4)
    result = select(case.folder, [case.pool], 5, tmp_path / "one.xyz", method="information", stop=share)
    assert len(result.chosen) == 1
    assert "less than" in result.reason
    none = select(case.folder, [case.pool], 5, tmp_path / "none.xyz", stop=2 * gains[0] / (typical * 4))
    assert none.chosen == ()
    assert not (tmp_path / "none.xyz").exists()


def test_maxvol_finds_the_environments_of_the_hot_configuration(case: Case, tmp_path: Path) -> None:
    result = select(case.folder, [case.pool], 3, tmp_path / "out.xyz", method="maxvol")
    assert result.chosen[0].candidate.kind == "hot"
    assert all(chosen.gain >= 1 for chosen in result.chosen)
    assert result.reason


def candidates(frames: list[Atoms]) -> list[Candidate]:
    return [Candidate(atoms, f"configuration {number}", "x") for number, atoms in enumerate(frames)]


@pytest.mark.parametrize("functions", [None, [0, 2, 3, 7, 8]])
@pytest.mark.parametrize("n_training", [0, 10])
def test_environments_that_enter_are_those_of_the_active_set(
    case: Case, n_training: int, functions: list[int] | None
) -> None:
    """Counted by configuration from the active set of all descriptors in one array, of the functions in use."""
    model = open_fit(case.folder).model
    data = candidates(ase.io.read(case.folder.parent.parent / "train.xyz", ":"))
    rows = np.vstack([model.descriptors(own.atoms) for own in data])[:, slice(None) if functions is None else functions]
    found = active_set(lambda: [rows], rows.shape[1])
    owners = found.numbers[found.numbers >= 0] // 4
    expected = np.bincount(owners, minlength=len(data))[n_training:]
    assert expected.any()
    counts = environments_entering(model, data[:n_training], data[n_training:], functions, Silent())
    assert counts == list(expected)


def test_copies_bring_in_nothing(case: Case) -> None:
    """Of what is in the training data or in the pool before; the first is counted as if it were alone."""
    model = open_fit(case.folder).model
    data = candidates(ase.io.read(case.folder.parent.parent / "train.xyz", ":"))
    new = candidates([cell(300, rattle=0.3), cell(301, rattle=0.3)])
    alone = environments_entering(model, data, new, None, Silent())
    assert all(count > 0 for count in alone)
    pool = [data[3], new[0], new[0], data[0], new[1], new[1], new[0]]
    assert environments_entering(model, data, pool, None, Silent()) == [0, alone[0], 0, 0, alone[1], 0, 0]


def test_a_pool_that_cannot_be_evaluated_is_named(case: Case) -> None:
    model = open_fit(case.folder).model
    pool = [*candidates([cell(1)]), Candidate(Atoms("Cu2", np.zeros((2, 3))), "pool.xyz, configuration 7", "x")]
    with pytest.raises(SelectError, match=r"^pool\.xyz, configuration 7: .* Leave the configuration out"):
        environments_entering(model, [], pool, None, Silent())


def test_command(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names what was chosen and why it ended."""
    out = tmp_path / "out.xyz"
    assert main(["select", str(case.folder), case.pool, "-n", "2", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "2 of 5 configurations, by variance" in printed
    assert "hot" in printed
    assert "2 were chosen: 2 were asked for" in printed
    assert len(ase.io.read(out, ":")) == 2
    assert main(["select", str(case.folder), case.pool, "-n", "2", "-o", str(out)]) == 1
    assert "exists" in capsys.readouterr().err
    other = tmp_path / "other.xyz"
    assert main(["select", str(case.folder), case.pool, "-n", "2", "-o", str(other), "--stop", "1e6"]) == 0
    assert "nothing was chosen" in capsys.readouterr().out
    assert not other.exists()


def test_variance_counts_what_the_pool_has_much_of(case: Case) -> None:
    """Shares add up to no more than all, and of two copies the second removes little."""
    chosen = select(case.folder, [case.pool], 5).chosen
    shares = [own.share for own in chosen if own.share is not None]
    assert len(shares) == 5
    assert 0.3 < sum(shares) < 1
    assert chosen[0].candidate.kind == "hot"
    assert shares[[own.index in (3, 4) for own in chosen].index(True, 1)] < 0.3 * shares[0]


# Dumps


def dump(atoms: Atoms, columns: str, rows: list[str], count: int | None = None) -> str:
    lengths = "\n".join(f"0.0 {length:.9f}" for length in atoms.cell.lengths())
    head = f"ITEM: TIMESTEP\n10\nITEM: NUMBER OF ATOMS\n{len(rows) if count is None else count}\n"
    return f"{head}ITEM: BOX BOUNDS pp pp pp\n{lengths}\nITEM: ATOMS {columns}\n" + "\n".join(rows) + "\n"


@pytest.fixture
def crystal() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def typed(atoms: Atoms, name: str) -> list[str]:
    rows = []
    for i, (x, y, z) in enumerate(atoms.positions, start=1):
        rows.append(f"{i} {name} {x:.12f} {y:.12f} {z:.12f} 0.1 0.2 0.3")
    return rows


@pytest.mark.parametrize(("column", "name", "types"), [("element", "Cu", None), ("type", "1", ["Cu"])])
def test_dumps_are_read(tmp_path: Path, crystal: Atoms, column: str, name: str, types: list[str] | None) -> None:
    """Positions and elements, by column or by the list of types; forces of a dump are no labels."""
    file = tmp_path / "dump.melt"
    file.write_text(2 * dump(crystal, f"id {column} x y z fx fy fz", typed(crystal, name)[::-1]))
    pool = read_pool([str(file)], ["Cu"], types, Silent())
    assert len(pool.candidates) == 2
    assert pool.n_atoms == 8
    atoms = pool.candidates[1].atoms
    assert atoms.get_chemical_symbols() == ["Cu"] * 4
    assert np.allclose(atoms.positions, crystal.positions)
    assert np.allclose(atoms.cell.array, crystal.cell.array)
    assert atoms.pbc.all()
    assert atoms.calc is None
    assert "forces" not in atoms.arrays
    assert atoms.info["timestep"] == 10


def test_given_elements_come_before_those_of_the_dump(tmp_path: Path, crystal: Atoms) -> None:
    """LAMMPS writes a placeholder for all elements that its user did not name."""
    rows = [f"{row} 1" for row in typed(crystal, "C")]
    file = tmp_path / "dump.melt"
    file.write_text(dump(crystal, "id element x y z fx fy fz type", rows))
    (candidate,) = read_pool([str(file)], ["Cu"], ["Cu"], Silent()).candidates
    assert candidate.atoms.get_chemical_symbols() == ["Cu"] * 4
    assert np.allclose(candidate.atoms.positions, crystal.positions)


def damaged(name: str, atoms: Atoms) -> str:
    rows = typed(atoms, "Cu")
    columns = "id element x y z fx fy fz"
    return {
        "cut off": dump(atoms, columns, rows[:2], 4),
        "count": dump(atoms, columns, rows, 9),
        "short row": dump(atoms, columns, [*rows[:3], rows[3].rsplit(" ", 2)[0]]),
        "not a number": dump(atoms, columns, [*rows[:3], rows[3].replace("0.3", "x")]),
        "no atoms": dump(atoms, columns, rows).split("ITEM: ATOMS")[0],
        "no number": dump(atoms, columns, rows) + "ITEM: TIMESTEP\n20\nITEM: BOX BOUNDS pp pp pp\n"
        "ITEM: ATOMS id\nITEM: NUMBER OF ATOMS",
        "symbol": dump(atoms, columns, typed(atoms, "Zz")),
        "no step": "ITEM: NOTHING\n",
        "types": dump(atoms, columns.replace("element", "type"), typed(atoms, "1")),
        "third type": dump(atoms, columns.replace("element", "type"), typed(atoms, "3")),
        "neither": dump(atoms, columns.replace("element", "mol"), typed(atoms, "1")),
        "other element": dump(atoms, columns, typed(atoms, "Zn")),
    }[name]


@pytest.mark.parametrize(
    ("name", "types", "message"),
    [
        ("cut off", None, "configuration 0: it has 2 of '4' atoms"),
        ("count", None, "it has 4 of '9' atoms"),
        ("short row", None, "line 3 of atoms has 6 columns, not 8"),
        ("not a number", None, "damaged or cut off"),
        ("no atoms", None, "lacks a number of atoms, a box or atoms"),
        ("no number", None, "configuration 1: it lacks a number of atoms, a box or atoms"),
        ("symbol", None, "configuration 0: unknown element 'Zz'.*--elements"),
        ("no step", None, "holds no configuration"),
        ("types", None, "no column 'element'.*--elements"),
        ("third type", ["Cu"], "atom of type '3'.*one for each type"),
        ("neither", ["Cu"], "neither a column 'element' nor a column 'type'"),
        ("other element", None, "contains Zn; the model has Cu"),
        ("types", ["Zn"], "--elements names 'Zn', which is not an element of the model"),
    ],
)
def test_damaged_dumps(tmp_path: Path, crystal: Atoms, name: str, types: list[str] | None, message: str) -> None:
    file = tmp_path / "dump.melt"
    file.write_text(damaged(name, crystal))
    with pytest.raises(SelectError, match=message):
        read_pool([str(file)], ["Cu"], types, Silent())


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": 0}, "number of configurations to choose is 0"),
        ({"number": -3}, "is -3"),
        ({"method": "magic"}, "method 'magic' is unknown"),
        ({"stop": 0.0}, "share at which to stop is 0"),
        ({"stop": float("nan")}, "share at which to stop"),
        ({"stop": 1.0, "method": "maxvol"}, "stop is for the methods variance and information"),
        ({"pool": []}, "the pool has no files"),
        ({"pool": ["nowhere.xyz"]}, "no such file"),
        ({"output": "out.txt"}, r"must end in \.xyz"),
        ({"fit": "nowhere"}, "no such folder"),
    ],
)
def test_bad_arguments(case: Case, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    arguments = {"fit": case.folder, "pool": [case.pool], "number": 2, "output": tmp_path / "out.xyz"} | changes
    with pytest.raises(SelectError, match=message):
        select(**arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_bad_pools(case: Case, tmp_path: Path) -> None:
    """Empty files, and configurations with other elements, which are named."""
    (tmp_path / "empty.xyz").write_text("")
    with pytest.raises(SelectError, match=r"empty\.xyz"):
        select(case.folder, [str(tmp_path / "empty.xyz")], 1)
    zinc = save(tmp_path / "zinc.xyz", [bare(cell(1), "x"), Atoms("Zn", cell=[9, 9, 9], pbc=True)])
    with pytest.raises(SelectError, match=r"zinc\.xyz, configuration 1 contains Zn; the model has Cu"):
        select(case.folder, [case.pool, zinc], 1, tmp_path / "out.xyz")
    assert not (tmp_path / "out.xyz").exists()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        ("record", "has no training.json"),
        ("damaged", "training.json is damaged"),
        ("version", "made by another version"),
        ("posterior", r"v1\. old/copper/copper/posterior\.npz is missing, .*--method maxvol.*kind = \"bayes\""),
        ("damaged posterior", r"v1\. old/.*/posterior\.npz is damaged or not a posterior\. Fit again"),
        ("basis", "has another basis than the fit"),
    ],
)
def test_fits_without_what_is_needed(case: Case, tmp_path: Path, break_it: str, message: str) -> None:
    folder = tmp_path / "v1. old" / "copper"
    shutil.copytree(case.folder, folder)
    record = folder / "training.json"
    document = json.loads(record.read_text())
    if break_it == "record":
        record.unlink()
    elif break_it == "damaged":
        record.write_text(record.read_text()[:200])
    elif break_it == "version":
        record.write_text(json.dumps(document | {"format": "acegen-training-0"}))
    elif break_it == "posterior":
        (folder / COPPER["name"] / POSTERIOR).unlink()
    elif break_it == "damaged posterior":
        (folder / COPPER["name"] / POSTERIOR).write_bytes(b"PK")
    else:
        record.write_text(json.dumps(document | {"basis_hash": "0" * 64}))
    with pytest.raises(SelectError, match=message):
        select(folder, [case.pool], 1, tmp_path / "out.xyz")
    assert not (tmp_path / "out.xyz").exists()


def test_maxvol_needs_the_training_data(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(case.folder, folder)
    document = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps(document | {"files": [str(tmp_path / "gone.xyz")]}))
    with pytest.raises(AcegenError, match=r"needs the training data of .*gone\.xyz: no such file"):
        select(folder, [case.pool], 1, method="maxvol")


def test_changed_training_data_are_noticed(tmp_path: Path) -> None:
    """Whatever weights by kind do to their hashes: other data of the same number are refused, further ones left out."""
    training = [with_emt(cell(seed, rattle=0.05), f"kind {seed % 3}") for seed in range(9)]
    weights = {"config_type": {"kind 1": 0.5, "kind 2": 0.0}}
    settings = fit_settings(tmp_path, training, weights=weights, assembly={"processes": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
        fitted = open_fit(fit(settings).directory)
    names = [c.where.rsplit(" ", 1)[1] for c in training_configurations(fitted)]
    assert names == ["0", "1", "3", "4", "6", "7"]
    save(tmp_path / "train.xyz", [with_emt(cell(99), "kind 0"), *training])
    names = [c.where.rsplit(" ", 1)[1] for c in training_configurations(fitted)]
    assert names == ["1", "2", "4", "5", "7", "8"]
    training[4].positions[0, 0] += 0.001
    save(tmp_path / "train.xyz", training)
    with pytest.raises(SelectError, match=r"its files have changed: .*train\.xyz hold 5 of its 6 configurations"):
        training_configurations(fitted)


def test_a_fit_without_its_training_files(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied elsewhere: grades are estimates, which is said; no stop rests on them."""

    def missing(_fitted: object) -> list[object]:
        raise SelectError("selecting needs the training data.")

    monkeypatch.setattr("acegen.select.pipeline.training_configurations", missing)
    fitted = SimpleNamespace(
        model=SimpleNamespace(has_grades=True, path=case.folder), record=SimpleNamespace(grade="leverage")
    )
    monkeypatch.setattr("acegen.select.pipeline.read_uncertainty", lambda _path: SimpleNamespace(grades=object()))
    with pytest.warns(DataWarning, match="Grades do not count what is chosen"):
        found = _grading(fitted, object(), (), object(), None)  # type: ignore[arg-type]
    assert isinstance(found, ByPosterior)
    with pytest.raises(SelectError, match="needs the training data"):
        _grading(fitted, object(), (), object(), 1.0)  # type: ignore[arg-type]
