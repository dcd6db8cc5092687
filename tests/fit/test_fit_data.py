"""What a fit reads: labels wherever they are, mistakes reported, parts by seed and kind; and its settings."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from example_models import toml_text
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.errors import DataWarning, FitError, SpecError
from acegen.fit.data import read_dataset, read_parts, weighted
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.settings import FitSettings, KeySettings, load_settings
from acegen.fit.voigt import voigt

SPEC = {"name": "cu", "basis": {"elements": ["Cu", "Au"], "order": 2, "level": 4}, "radial": {"cutoff": 4.0}}
ELEMENTS = ("Cu", "Au")


def crystal(seed: int = 0, repeat: int = 1) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", cubic=True) * (repeat, 1, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.02, size=(3, 3))), scale_atoms=True)
    atoms.rattle(0.05, rng=rng)
    return atoms


def labelled(seed: int = 0, prefix: str = "REF_", **more: Any) -> Atoms:
    """A crystal with random labels in `info` and `arrays`."""
    rng = np.random.default_rng(seed + 1000)
    atoms = crystal(seed)
    atoms.info[f"{prefix}energy"] = float(rng.normal())
    atoms.arrays[f"{prefix}forces"] = rng.normal(size=(len(atoms), 3))
    atoms.info.update(more)
    return atoms


def keys(prefix: str = "REF_", **more: Any) -> KeySettings:
    return KeySettings(energy=f"{prefix}energy", forces=f"{prefix}forces", **more)


def save(folder: Path, frames: list[Atoms], name: str = "data.xyz") -> str:
    path = folder / name
    write(path, frames, format="extxyz")
    return str(path)


def read(folder: Path, frames: list[Atoms], chosen: KeySettings | None = None) -> Dataset:
    return read_dataset([save(folder, frames)], chosen or keys(), ELEMENTS)


def only(dataset: Dataset) -> Configuration:
    (configuration,) = dataset.configurations
    return configuration


# Labels


def test_labels_under_other_names(tmp_path: Path) -> None:
    frames = [labelled(seed) for seed in range(3)]
    dataset = read(tmp_path, frames)
    for atoms, found in zip(frames, dataset.configurations, strict=True):
        assert found.energy == pytest.approx(atoms.info["REF_energy"], abs=1e-7)
        np.testing.assert_allclose(found.forces, atoms.arrays["REF_forces"], atol=1e-7)
        np.testing.assert_allclose(found.atoms.positions, atoms.positions, atol=1e-7)
        assert found.virial is None
        assert found.atoms.calc is None
        assert found.config_type == "unnamed"
    assert dataset.n_labels == {"energy": 3, "forces": 36, "virial": 0}
    assert dataset.missing == {"energy": 0, "forces": 0, "virial": 3, "all": 0}
    assert dataset.n_atoms == 12


def test_labels_of_a_calculator_are_found_by_their_usual_names(tmp_path: Path) -> None:
    from ase.calculators.emt import EMT

    atoms = crystal(1)
    atoms.calc = EMT()
    energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)
    found = only(read(tmp_path, [atoms], KeySettings()))
    assert found.energy == pytest.approx(energy, abs=1e-7)
    np.testing.assert_allclose(found.forces, forces, atol=1e-7)
    assert found.virial is not None
    np.testing.assert_allclose(found.virial, -atoms.get_volume() * voigt(stress), atol=1e-6)


@pytest.mark.parametrize("form", ["matrix", "nine", "six"])
def test_virial_in_every_form(tmp_path: Path, form: str) -> None:
    """Six numbers are xx yy zz yz xz xy; of a matrix the symmetric part counts."""
    matrix = np.array([[1.0, 6.0, 5.0], [6.2, 2.0, 4.0], [5.2, 4.2, 3.0]])
    symmetric = np.array([1.0, 2.0, 3.0, 4.1, 5.1, 6.1])
    value = {"matrix": matrix, "nine": matrix.ravel(), "six": symmetric}[form]
    found = only(read(tmp_path, [labelled(0, REF_virial=value)], keys(virial="REF_virial")))
    np.testing.assert_allclose(found.virial, symmetric, atol=1e-8)


def test_stress_becomes_minus_volume_times_it(tmp_path: Path) -> None:
    """And gives way to a virial; without periodic directions there is no volume, and it is left out."""
    stress = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) * 1e-3
    atoms = labelled(0, REF_stress=stress)
    both = labelled(0, REF_stress=stress, REF_virial=np.arange(6.0))
    flat = labelled(0, REF_stress=stress)
    flat.cell, flat.pbc = np.zeros((3, 3)), False
    chosen = keys(stress="REF_stress", virial="REF_virial")
    with (
        pytest.warns(DataWarning, match=r"1 configuration is given a stress and a virial.* configuration 1\."),
        pytest.warns(DataWarning, match=r"1 configuration is not periodic.* configuration 2\."),
    ):
        dataset = read(tmp_path, [atoms, both, flat], chosen)
    first, second, third = (c.virial for c in dataset.configurations)
    np.testing.assert_allclose(first, -atoms.get_volume() * stress, rtol=1e-6)
    np.testing.assert_allclose(second, np.arange(6.0))
    assert third is None


def test_virial_is_work_against_strain(tmp_path: Path) -> None:
    """The sign: -dE/dstrain of a labelled structure, by finite differences."""
    from ase.calculators.emt import EMT

    def energy(strain: np.ndarray) -> float:
        moved = crystal(2)
        moved.set_cell(moved.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        moved.calc = EMT()
        return float(moved.get_potential_energy())

    atoms = crystal(2)
    atoms.calc = EMT()
    atoms.get_stress()
    found = only(read(tmp_path, [atoms], KeySettings()))
    assert found.virial is not None
    for number, (i, j) in zip(found.virial, ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)), strict=True):
        strain = np.zeros((3, 3))
        strain[i, j] += 5e-5
        strain[j, i] += 5e-5
        assert number == pytest.approx(-(energy(strain) - energy(-strain)) / 2e-4, rel=1e-4, abs=1e-4)


def test_absent_labels_are_counted_by_part(tmp_path: Path) -> None:
    frames = [labelled(seed, config_type="ab"[seed % 2]) for seed in range(8)]
    for atoms in frames[:4]:
        del atoms.info["REF_energy"]
    for atoms in frames[3:6]:
        del atoms.arrays["REF_forces"]
    dataset = read(tmp_path, frames)
    assert dataset.missing == {"energy": 4, "forces": 3, "virial": 8, "all": 1}
    parts = read_parts(fit_of(tmp_path, frames, data={"folds": 3}))
    assert parts.n_folds == 3
    held_out = [parts.held_out(fold) for fold in range(3)]
    for part in held_out:
        assert part.missing["energy"] == sum(c.energy is None for c in part.configurations)
        assert part.missing["forces"] == sum(c.forces is None for c in part.configurations)
    assert parts.training.missing == dataset.missing
    assert [sum(part.missing[name] for part in held_out) for name in ("energy", "forces", "all")] == [3, 2, 0]


@pytest.mark.parametrize("name", ["energy", "forces", "virial"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_left_out_with_a_warning(tmp_path: Path, name: str, value: float) -> None:
    frames = [labelled(seed, REF_virial=np.ones((3, 3))) for seed in range(3)]
    if name == "forces":
        frames[1].arrays["REF_forces"][2, 1] = value
    elif name == "virial":
        frames[1].info["REF_virial"] = np.full((3, 3), value)
    else:
        frames[1].info["REF_energy"] = value
    with pytest.warns(DataWarning, match=rf"data\.xyz, configuration 1: 'REF_{name}' is not finite; it is left out"):
        dataset = read(tmp_path, frames, keys(virial="REF_virial"))
    assert dataset.missing[name] == 1
    assert getattr(dataset.configurations[1], name) is None
    assert all(getattr(dataset.configurations[i], name) is not None for i in (0, 2))


@pytest.mark.parametrize("name", ["energy", "forces", "virial", "stress", "config_type"])
def test_a_misspelt_key_is_answered_with_the_nearest(tmp_path: Path, name: str) -> None:
    stress = -np.ones(6) / crystal(0).get_volume()
    frames = [labelled(0, REF_virial=np.ones(6), REF_stress=stress, REF_config_type="a")]
    chosen = {key: f"REF_{key}" for key in ("energy", "forces", "virial", "stress", "config_type")}
    read(tmp_path, frames, KeySettings(**chosen))
    chosen[name] = f"RFE_{name}"
    with pytest.raises(FitError, match=rf"no configuration has 'RFE_{name}' \(data\.keys\.{name}\); .*'REF_{name}'"):
        read(tmp_path, frames, KeySettings(**chosen))


def test_a_key_may_be_missing_from_one_of_several_files(tmp_path: Path) -> None:
    """Clusters have no virial; a file without energies and forces is still a mistake."""
    files = [save(tmp_path, [labelled(0, REF_virial=np.ones(6))], "a.xyz"), save(tmp_path, [labelled(1)], "b.xyz")]
    dataset = read_dataset(files, keys(virial="REF_virial"), ELEMENTS)
    assert dataset.missing["virial"] == 1
    files.append(save(tmp_path, [crystal(2)], "c.xyz"))
    with pytest.raises(FitError, match=r"c\.xyz: no configuration has an energy or forces under 'REF_energy'"):
        read_dataset(files, keys(), ELEMENTS)


def test_default_keys_that_do_not_occur_are_answered_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(FitError, match=r"no configuration has an energy or forces .*there are REF_energy, REF_forces"):
        read(tmp_path, [labelled(0)], KeySettings())


def test_an_element_that_is_not_in_the_spec(tmp_path: Path) -> None:
    frames = [labelled(0), labelled(1)]
    frames[1].symbols[2] = "Pt"
    with pytest.raises(FitError, match=r"data\.xyz, configuration 1 contains Pt; the model has Cu, Au\. Leave"):
        read(tmp_path, frames)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("REF_energy", [1.0, 2.0], r"'REF_energy' has the shape 2; it must have one number"),
        ("REF_energy", "low", r"'REF_energy' is not a number: 'low'"),
        ("REF_virial", [1.0, 2.0, 3.0, 4.0], r"'REF_virial' has the shape 4; it must have 3 × 3"),
        ("REF_virial", "none", r"'REF_virial' is not a number"),
    ],
)
def test_labels_of_a_wrong_shape(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(FitError, match=rf"configuration 1: {message}"):
        read(tmp_path, [labelled(0, REF_virial=np.ones(6)), labelled(1, **{key: value})], keys(virial="REF_virial"))


def test_forces_of_a_wrong_shape(tmp_path: Path) -> None:
    atoms = labelled(0)
    atoms.arrays["REF_forces"] = atoms.arrays["REF_forces"][:, :2]
    with pytest.raises(FitError, match=r"configuration 0: 'REF_forces' has the shape 4 × 2; it must have 4 × 3"):
        read(tmp_path, [atoms])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("", "data.xyz"),
        ("garbage\nmore garbage\n", "cannot read"),
        ("2\nProperties=species:S:1:pos:R:3\nCu 0 0 0\n", "cannot read"),
        ("1\nProperties=species:S:1:pos:R:3 energy=1\nQq 0 0 0\n", "data.xyz"),
        ("\x00\x01\x02\x80\n" * 3, "data.xyz"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "data.xyz"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(FitError, match=message) as caught:
        read_dataset([str(path)], KeySettings(), ELEMENTS)
    assert "Give" in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="no such file"):
        read_dataset([str(tmp_path)], KeySettings(), ELEMENTS)


def test_atoms_that_are_too_close_are_warned_of(tmp_path: Path) -> None:
    frames = [labelled(0), labelled(1)]
    frames[1].positions[3] = frames[1].positions[1] + [0.9, 0.3, 0]
    with pytest.warns(DataWarning, match=r"data\.xyz, configuration 1: atoms 1 and 3 are 0\.949 Å apart") as caught:
        dataset = read(tmp_path, frames)
    assert len(caught) == 1
    assert len(dataset.configurations) == 2


def test_what_cannot_be_evaluated_is_refused_at_once(tmp_path: Path) -> None:
    same, flat, lost = labelled(0), labelled(1), labelled(2)
    same.positions[3] = same.positions[1]
    flat.cell[2] = 0
    lost.positions[0, 0] = np.nan
    for atoms, message in ((same, "at the same place as"), (flat, "cell"), (lost, "not finite")):
        with pytest.raises(FitError, match=rf"data\.xyz, configuration 1.*{message}"):
            read(tmp_path, [labelled(5), atoms])


# Parts


def kinds_of(counts: dict[str, int]) -> Dataset:
    return Dataset(
        tuple(
            Configuration(Atoms("Cu"), f"{kind}{i}", kind, 0.0, None, None)
            for kind, count in counts.items()
            for i in range(count)
        )
    )


def fit_of(folder: Path, frames: list[Atoms], **changes: Any) -> FitSettings:
    """Settings of a fit to frames with keys REF_energy and REF_forces."""
    data = {
        "train": save(folder, frames),
        "keys": {"energy": "REF_energy", "forces": "REF_forces"},
        **changes.pop("data", {}),
    }
    return load_settings({"spec": SPEC, "data": data, **changes})


def test_validation_files(tmp_path: Path) -> None:
    other = save(tmp_path, [labelled(9), labelled(10)], "valid.xyz")
    test = save(tmp_path, [labelled(11)], "test.xyz")
    parts = read_parts(fit_of(tmp_path, [labelled(0)], data={"validation": other, "test": test}))
    assert [len(p.configurations) for p in (parts.training, parts.held_out(0), parts.test)] == [3, 2, 1]
    assert parts.folds == (-1, 0, 0)
    assert parts.n_folds == 1
    assert parts.training.configurations[0].where.endswith("data.xyz, configuration 0")
    assert parts.held_out(0).configurations[0].where.endswith("valid.xyz, configuration 0")
    assert parts.test.configurations[0].where.endswith("test.xyz, configuration 0")


def test_test_files_need_not_have_every_label(tmp_path: Path) -> None:
    keys_ = {"energy": "REF_energy", "forces": "REF_forces", "virial": "REF_virial"}
    test = save(tmp_path, [labelled(11)], "test.xyz")
    frames = [labelled(seed, REF_virial=np.ones(6)) for seed in range(4)]
    parts = read_parts(fit_of(tmp_path, frames, data={"test": test, "keys": keys_}))
    assert parts.test.missing["virial"] == 1


def test_weights_by_kind(tmp_path: Path) -> None:
    frames = [labelled(seed, config_type=("bulk", "dimer", "slab")[seed % 3]) for seed in range(12)]
    weights = {"config_type": {"bulk": 2.5, "dimer": 0.0}}
    parts = read_parts(fit_of(tmp_path, frames, weights=weights, data={"validation": 0.3}))
    factors = {(c.config_type, c.weight) for c in parts.training.configurations}
    assert factors == {("bulk", 2.5), ("slab", 1.0)}
    assert len(parts.training.configurations) == len(parts.folds) == 8
    assert len(parts.held_out(0).configurations) == 2
    assert parts.training.n_labels["energy"] == len(parts.training.configurations)


def test_weights_of_an_unknown_kind_suggest(tmp_path: Path) -> None:
    frames = [labelled(seed, config_type="bulk") for seed in range(4)]
    settings_ = fit_of(tmp_path, frames, weights={"config_type": {"bluk": 2.0}})
    with pytest.raises(FitError, match="names 'bluk', a kind that does not occur; did you mean 'bulk'"):
        read_parts(settings_)


def test_nothing_left_to_fit_to(tmp_path: Path) -> None:
    frames = [labelled(seed, config_type="bulk") for seed in range(4)]
    with pytest.raises(FitError, match="no usable energy and no usable forces"):
        read_parts(fit_of(tmp_path, frames, weights={"config_type": {"bulk": 0}}))
    for atoms in frames:
        atoms.info["REF_energy"] = np.nan
        atoms.arrays["REF_forces"][:] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with pytest.raises(FitError, match="no usable energy and no usable forces"):
            read_parts(fit_of(tmp_path, frames))


def test_weighted_keeps_order_and_content() -> None:
    dataset = kinds_of({"a": 3, "b": 2})
    found = weighted(dataset, {"b": 0.5}, {"a", "b"})
    assert [c.where for c in found.configurations] == [c.where for c in dataset.configurations]
    assert [c.weight for c in found.configurations] == [1, 1, 1, 0.5, 0.5]


@given(data=st.data())
@settings(deadline=None)
def test_content_tells_configurations_apart(data: st.DataObject) -> None:
    """Every change of the inputs of a fit changes the hash; source file and kind do not."""
    atoms = crystal(0)
    base: dict[str, Any] = {
        "energy": 1.0, "forces": np.ones((4, 3)), "virial": np.ones(6), "weight": 1.0, "where": "x", "config_type": "a",
    }  # fmt: skip

    def content(atoms: Atoms = atoms, **changes: Any) -> bytes:
        return Configuration(atoms=atoms, **{**base, **changes}).content

    moved, other, open_, sheared = (atoms.copy() for _ in range(4))
    moved.positions[data.draw(st.integers(0, 3)), data.draw(st.integers(0, 2))] += data.draw(st.floats(1e-9, 1))
    other.symbols[1] = "Au"
    open_.pbc = (True, True, False)
    sheared.cell[0, 1] += 1e-9
    variants = [
        *(content(a) for a in (moved, other, open_, sheared)),
        content(energy=None), content(energy=1.0 + 1e-12), content(forces=None), content(virial=None),
        content(forces=np.full((4, 3), 1 + 1e-12)), content(virial=np.full(6, 2.0)), content(weight=2.0),
    ]  # fmt: skip
    assert len({content(), *variants}) == 1 + len(variants)
    assert content() == content(where="y", config_type="b")


# Settings


def problem_of(document: dict[str, Any]) -> str:
    with pytest.raises(FitError) as caught:
        load_settings(document)
    assert "pydantic" not in str(caught.value)
    assert "function-" not in str(caught.value)
    return str(caught.value)


def with_change(section: str | None, key: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"spec": SPEC, "data": {"train": "a.xyz"}}
    target = document if section is None else document.setdefault(section, {})
    target[key] = value
    return document


@pytest.mark.parametrize(
    ("section", "key", "value", "parts"),
    [
        (None, "dta", {}, ["dta: unknown key", "did you mean 'data'", "allowed: spec, output, data"]),
        ("data", "tain", "x", ["data.tain: unknown key", "did you mean 'train'"]),
        ("solver", "kimd", "x", ["solver.kimd: unknown key", "did you mean 'kind'"]),
        ("data", "train", 5, ["data.train", "extended-XYZ"]),
        ("data", "train", [], ["data.train", "extended-XYZ"]),
        ("data", "seed", -1, ["data.seed = -1", "an integer from 0"]),
        ("data", "seed", 1.5, ["data.seed = 1.5", "an integer from 0"]),
        ("data", "validation", 0.7, ["data.validation = 0.7 is not a fraction", "0 to 0.5"]),
        ("data", "validation", float("nan"), ["data.validation = nan is not a fraction"]),
        ("data", "folds", 1, ["data.folds = 1", "2 to 20"]),
        ("data", "folds", 21, ["data.folds = 21", "2 to 20"]),
        ("data", "folds", 2.5, ["data.folds = 2.5", "2 to 20"]),
        ("data", "keys", {"enrgy": "x"}, ["data.keys.enrgy: unknown key", "did you mean 'energy'"]),
        ("weights", "energy", -1.0, ["weights.energy = -1.0", "candidates"]),
        ("weights", "energy", [], ["weights.energy", "candidates"]),
        ("weights", "forces", float("inf"), ["weights.forces = inf"]),
        ("weights", "atoms", 2, ["weights.atoms = 2", "from 0 to 1"]),
        ("weights", "atoms", float("nan"), ["weights.atoms = nan"]),
        ("weights", "config_type", {"bulk": -2}, ["weights.config_type.bulk = -2"]),
        ("solver", "kind", "rigde", ["solver.kind = 'rigde'", '"ridge"', '"bayes"']),
        ("solver", "strength", "validaton", ["solver.strength = 'validaton'", '"evidence"']),
        ("solver", "strength", 0, ["solver.strength = 0"]),
        ("solver", "smoothness", [], ["solver.smoothness", "power of the level"]),
        ("solver", "smoothness", float("nan"), ["solver.smoothness = nan"]),
        ("solver", "smoothness", -1, ["solver.smoothness = -1"]),
        ("solver", "selection", {"functions": 0}, ["solver.selection.functions = 0"]),
        ("solver", "selection", {}, ["solver.selection.functions: missing", "number of functions"]),
        ("assembly", "processes", 0, ["assembly.processes = 0", "from 1"]),
        ("assembly", "memory", "1 parsec", ["assembly.memory = '1 parsec'", "512 MiB"]),
        ("assembly", "memory", "much", ["assembly.memory = 'much'", "512 MiB"]),
        ("assembly", "memory", "inf GiB", ["assembly.memory = 'inf GiB'", "512 MiB"]),
        ("assembly", "memory", "1e999 GiB", ["assembly.memory = '1e999 GiB'", "512 MiB"]),
        ("assembly", "memory", "nan MB", ["assembly.memory = 'nan MB'", "512 MiB"]),
        ("assembly", "memory", "1 kB", ["assembly.memory = '1 kB'", "1 MiB at least"]),
        (None, "atomic_energies", {"Cu": 1.0}, ["atomic_energies is given for Cu; the spec has Cu, Au"]),
        (None, "atomic_energies", {}, ["atomic_energies is given for no element"]),
        (None, "atomic_energies", {"Cu": 1.0, "Au": "x"}, ["atomic_energies.Au = 'x'"]),
        (None, "atomic_energies", {"Cu": 1.0, "Au": float("nan")}, ["atomic_energies.Au = nan"]),
        (None, "spec", 5, ["spec = 5", "path of a spec"]),
        (None, "data", 5, ["data = 5", "allowed: table"]),
        ("data", "keys", "energy", ["data.keys = 'energy'", "allowed: table"]),
    ],
)  # fmt: skip
def test_wrong_settings(section: str | None, key: str, value: Any, parts: list[str]) -> None:
    message = problem_of(with_change(section, key, value))
    for part in parts:
        assert part in message


def test_missing_settings() -> None:
    assert "spec: missing" in problem_of({"data": {"train": "a.xyz"}})
    assert "data: missing" in problem_of({"spec": SPEC})
    assert "data.train: missing" in problem_of({"spec": SPEC, "data": {}})


def test_a_wrong_spec_is_a_spec_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"basis\.order"):
        load_settings({"spec": {**SPEC, "basis": {"elements": ["Cu"], "level": 4}}, "data": {"train": "a.xyz"}})
    with pytest.raises(SpecError, match="cannot read the spec"):
        load_settings({"spec": str(tmp_path / "none.toml"), "data": {"train": "a.xyz"}})


@pytest.mark.parametrize(
    ("text", "size"),
    [("1 MiB", 2**20), ("1.5 GiB", 3 * 2**29), ("2 GB", 2 * 10**9), (" 4  mib ", 2**22), (5_000_000, 5_000_000)],
)
def test_sizes(text: Any, size: int) -> None:
    assert load_settings(with_change("assembly", "memory", text)).assembly.memory == size


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cu.toml").write_text(toml_text(SPEC))
    (folder / "fit.toml").write_text(
        'spec = "cu.toml"\n[data]\ntrain = ["a.xyz", "/b.xyz"]\nvalidation = "v.xyz"\ntest = "t.xyz"\n'
    )
    monkeypatch.chdir(tmp_path)
    found = load_settings("project/fit.toml")
    assert found.data.train == ("project/a.xyz", "/b.xyz")
    assert found.data.validation == ("project/v.xyz",)
    assert found.data.test == ("project/t.xyz",)
    assert found.output == "project/fits"
    assert found.assembly.cache == "project/fits/.assembly"
    assert found.spec.basis.elements == ELEMENTS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"a = = 1", "is not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"spec = 1\n[data]\ntrain = 'a'\n", "spec = 1"),
    ],
)
def test_files_that_are_no_fit(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "fit.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FitError, match=message) as caught:
        load_settings(path)
    assert "fit.toml" in str(caught.value)
