"""Keys that nearly match: existing labels that would not be read are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from fit_cases import COPPER, cell, save, with_emt

import acegen
from acegen.cli.main import main
from acegen.errors import DataWarning, FitError
from acegen.fit.data import describe_missing, read_dataset, read_parts
from acegen.fit.dataset import Dataset
from acegen.fit.pipeline import _describe_data
from acegen.fit.settings import KeySettings, load_settings


def labelled(seed: int = 0, energy: str | None = "energy", forces: str | None = "forces", **info: Any) -> Atoms:
    atoms = cell(seed)
    if energy is not None:
        atoms.info[energy] = -1.0
    if forces is not None:
        atoms.arrays[forces] = np.ones((4, 3))
    atoms.info.update(info)
    return atoms


def read(folder: Path, *frames: Atoms, **keys: Any) -> Dataset:
    return read_dataset([save(folder / "data.xyz", list(frames))], KeySettings(**keys), ("Cu",))


@pytest.mark.parametrize(
    ("names", "absent", "similar"),
    [
        ({"energy": "energy", "forces": "REF_forces"}, "forces", "REF_forces"),
        ({"energy": "energy", "forces": "force"}, "forces", "force"),
        ({"energy": "energy", "forces": "Forces"}, "forces", "Forces"),
        ({"energy": "energy", "forces": "dft_force"}, "forces", "dft_force"),
        ({"energy": "Energy", "forces": "forces"}, "energy", "Energy"),
        ({"energy": "enrgy", "forces": "forces"}, "energy", "enrgy"),
        ({"energy": "TotEnergy", "forces": "forces"}, "energy", "TotEnergy"),
        ({"energy": "free_energy", "forces": "forces"}, "energy", "free_energy"),
        ({"energy": "E", "forces": "forces"}, "energy", "E"),
    ],
)
def test_energies_or_forces_under_another_name_stop_the_fit(
    tmp_path: Path, names: dict[str, str], absent: str, similar: str
) -> None:
    frames = [labelled(seed, **names) for seed in range(3)]
    with pytest.raises(
        FitError, match=rf"no configuration has '{absent}', but '{similar}' looks like it.*data\.keys\.{absent}"
    ):
        read(tmp_path, *frames)
    assert read(tmp_path, *frames, **{absent: similar}).missing[absent] == 0
    dataset = read(tmp_path, *frames, **{absent: ""})
    assert dataset.missing[absent] == 3


def test_one_file_of_several_with_another_name(tmp_path: Path) -> None:
    """Isolated atoms with `energy` among files with `REF_energy`."""
    files = [
        save(tmp_path / "a.xyz", [labelled(0, "REF_energy", "REF_forces")]),
        save(tmp_path / "b.xyz", [labelled(1, "energy", "REF_forces")]),
    ]
    with pytest.raises(FitError, match=r"b\.xyz: no configuration has 'REF_energy', but 'energy' looks like it"):
        read_dataset(files, KeySettings(energy="REF_energy", forces="REF_forces"), ("Cu",))


def test_some_configurations_with_another_name(tmp_path: Path) -> None:
    frames = [labelled(0), *(labelled(seed, "Energy") for seed in range(1, 6))]
    with pytest.warns(
        DataWarning, match=r"'Energy' looks like a label of energy and is not read; 'energy' is: .*3; and 2 more"
    ):
        dataset = read(tmp_path, *frames)
    assert dataset.missing["energy"] == 5


@pytest.mark.parametrize("name", ["REF_virial", "dft_stress", "Stress", "virials"])
def test_virials_under_another_name_are_warned_of(tmp_path: Path, name: str) -> None:
    frames = [labelled(seed, **{name: np.ones((3, 3))}) for seed in range(2)]
    with pytest.warns(DataWarning, match=rf"'{name}' looks like a label of virial.* 'virial' or 'stress' is: "):
        read(tmp_path, *frames)
    assert read(tmp_path, *frames, virial="", stress="").missing["virial"] == 2


def test_kinds_under_another_name_are_warned_of(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="'Config_type' looks like a label of config_type"):
        read(tmp_path, labelled(0, Config_type="bulk"))


@pytest.mark.parametrize(
    "info",
    [
        {"energy_per_atom": 1.0}, {"kinetic_energy": 1.0}, {"energy_cutoff": 500.0}, {"max_force": 1.0},
        {"forces_std": 0.1}, {"molecular_weight": 18.0}, {"stress_error": np.ones(6)}, {"note": "energy"},
    ],
)  # fmt: skip
def test_other_things_are_left_alone(tmp_path: Path, info: dict[str, Any]) -> None:
    """A warning would be an error here."""
    assert read(tmp_path, labelled(0, energy=None, **info)).missing["energy"] == 1


def test_an_empty_key_is_none() -> None:
    document = {"spec": COPPER, "data": {"train": "a.xyz", "keys": {"stress": "", "weight": ""}}}
    keys = load_settings(document).data.keys
    assert keys.stress is None
    assert keys.weight is None
    assert keys.virial == "virial"


def test_missing_labels_in_words(tmp_path: Path) -> None:
    dataset = read(tmp_path, labelled(0), labelled(1, energy=None), labelled(2, weight=0))
    assert describe_missing(dataset) == ", 1 without energy, 2 without virial, 1 of weight 0 left out"


def test_a_fit_says_what_is_missing(tmp_path: Path) -> None:
    """Virials among the rest, before anything is computed."""
    frames = [labelled(seed, energy="energy" if seed else None) for seed in range(8)]
    data = {"train": save(tmp_path / "data.xyz", frames), "validation": 0.0}
    parts = read_parts(load_settings({"spec": COPPER, "data": data}))
    assert _describe_data(parts) == "8 training configurations; training: 1 without energy, 8 without virial"


def test_eval_names_missing_virials_and_takes_names_of_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}
    basis = acegen.compile(spec, tmp_path / "basis")
    values = {"Cu": [0.0] * basis.n_basis}
    model = acegen.compile(spec, tmp_path, acegen.Coefficients(values, {"Cu": 0.0}, basis.basis_hash))
    without = with_emt(cell(1))
    del without.calc.results["stress"]
    without.info["w"] = 1.0
    file = save(tmp_path / "data.xyz", [with_emt(cell(0)), without, labelled(3, w=0)])
    assert main(["eval", str(model.path), file, "--weight", "w"]) == 0
    assert "2 configurations, 8 atoms, 1 without virial, 1 of weight 0 left out" in " ".join(
        capsys.readouterr().out.split()
    )
