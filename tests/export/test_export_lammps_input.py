"""What the LAMMPS pair style says of input that cannot work: the model and the remedy; then LAMMPS stops."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ase import Atoms
from example_models import SPECS
from lammps_tools import Lammps, make, needs_lammps, setup

import acegen
from acegen.export import export_model

pytestmark = [pytest.mark.simulator, needs_lammps]
Models = Callable[[str], acegen.Model]


@pytest.fixture
def silicon(lammps: Lammps, models: Models) -> Path:
    """The library of a silicon model."""
    return lammps.library(models("silicon"))


def pair(folder: Path, pair: str, types: str = "Si", units: str = "metal", before: str = "") -> str:
    """An input with two atoms, 2.4 Å apart, of as many types as elements are given."""
    elements = tuple(types.split())
    atoms = Atoms("Si2", positions=[[5, 5, 5], [7.4, 5, 5]], cell=[20, 20, 20], pbc=True)
    return before + setup(atoms, Path(), elements, folder, units, pair) + "run 0\n"


def message(lammps: Lammps, script: str, folder: Path, processes: int = 1, plugin: Path | None = None) -> str:
    """What LAMMPS says before it stops: a refusal, not a crash."""
    result = lammps.run(script, folder, processes, plugin, check=False)
    said = result.stdout + result.stderr
    assert result.returncode > 0, said  # a signal would be negative
    assert "ERROR" in said
    assert "Loop time" not in said
    assert not re.search(r"(?i)segmentation|bus error|signal", said), said
    return re.sub(r"\s+", " ", said)


@pytest.mark.parametrize("processes", [1, 2])
def test_no_such_file(lammps: Lammps, tmp_path: Path, processes: int) -> None:
    """The file is named, on any number of processes."""
    script = pair(tmp_path, "pair_style acegen\npair_coeff * * gone.so Si")
    assert "there is no file gone.so" in message(lammps, script, tmp_path, processes)


def test_damaged_libraries(lammps: Lammps, silicon: Path, tmp_path: Path) -> None:
    """Truncated anywhere, text, or another library: refused, where the dynamic loader alone would crash."""
    whole = silicon.read_bytes()
    for name, content, expected in (
        ("empty.so", b"", "truncated"),
        ("text.so", b"no library" * 100, "does not load"),
        *((f"cut{size}.so", whole[:size], "truncated") for size in (40, 100, 5000, len(whole) // 2, len(whole) - 1)),
    ):
        (tmp_path / name).write_bytes(content)
        said = message(lammps, pair(tmp_path, f"pair_style acegen\npair_coeff * * {name} Si"), tmp_path)
        assert name in said
        assert expected in said
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {lammps.plugin} Si")
    assert "holds no model of acegen; give the one that 'make' in an export of it built" in message(
        lammps, script, tmp_path
    )


def test_folder_for_a_library(lammps: Lammps, tmp_path: Path) -> None:
    """A folder, such as the export, is not a library."""
    (tmp_path / "si").mkdir()
    said = message(lammps, pair(tmp_path, "pair_style acegen\npair_coeff * * si Si"), tmp_path)
    assert "there is no file si that can be read; give the library that 'make'" in said


@pytest.mark.parametrize("wrong", ["gone.so Si", "{} Ge"])
def test_going_on_after_an_error(lammps: Lammps, silicon: Path, tmp_path: Path, wrong: str) -> None:
    """A program that catches an error of pair_coeff runs neither the earlier setting nor half of the new one."""
    commands = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si")
    output = lammps.python(
        f"""
simulation = new({commands!r})
for command in ({"pair_coeff * * " + wrong.format(silicon)!r}, "run 0"):
    try:
        simulation.command(command)
    except Exception as error:
        print("refused:", error)
""",
        tmp_path,
    )
    assert output.count("refused:") == 2
    assert "All pair coeffs are not set" in output


def edited(model: acegen.Model, folder: Path, file: str, old: str, new: str, target: str = "model") -> Path:
    """The build folder of an export of which a source was changed."""
    export = export_model(model.path, "lammps", folder)
    source = export / file
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    make(export, target)
    return export / "build"


def test_other_interface(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """A model of another version of the ABI."""
    old, new = "ACEGEN_ABI_VERSION 5", "ACEGEN_ABI_VERSION 99"
    library = edited(models("silicon"), tmp_path, "kernel/acegen.h", old, new) / "silicon.so"
    said = message(lammps, pair(tmp_path, f"pair_style acegen\npair_coeff * * {library} Si"), tmp_path)
    assert "has version 99 of acegen's interface, this code needs 5; export model and plugin again" in said


def test_other_processor(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """A model whose instructions the processor lacks."""
    library = (
        edited(models("silicon"), tmp_path, "kernel/silicon.c", "return &MODEL;", "return MODEL.name ? NULL : &MODEL;")
        / "silicon.so"
    )
    said = message(lammps, pair(tmp_path, f"pair_style acegen\npair_coeff * * {library} Si"), tmp_path)
    assert f"{library} was compiled for a processor with other instructions; compile it again" in said


@pytest.mark.parametrize(
    ("arguments", "types", "expected"),
    [
        ("* * {} Si", "Si Ge", "there are 2 atom types, but 1 elements were given; write pair_coeff * * {}, then"),
        ("* * {} Si Si Si", "Si Ge", "there are 2 atom types, but 3 elements were given"),
        ("* * {} Ge", "Si", "has no element 'Ge'; write pair_coeff * * {}, then for each atom type one of Si, or NULL"),
        ("* * {} si", "Si", "has no element 'si'"),
        (
            "* * {} Si NULL",
            "Si Ge",
            "atom type 2 is NULL, which only pair_style hybrid allows; write pair_coeff * * {}",
        ),
        ("1 1 {} Si", "Si", "ERROR: "),  # LAMMPS itself
        ("* *", "Si", "needs: pair_coeff * * MODEL.so"),
    ],
)
def test_elements(lammps: Lammps, silicon: Path, tmp_path: Path, arguments: str, types: str, expected: str) -> None:
    """Elements the model lacks, too few, too many, none."""
    script = pair(tmp_path, f"pair_style acegen\npair_coeff {arguments.format(silicon)}", types)
    assert expected.format(silicon) in message(lammps, script, tmp_path)


def test_settings(lammps: Lammps, silicon: Path, tmp_path: Path) -> None:
    """newton off, other units, arguments, atoms without IDs."""
    style = f"pair_style acegen\npair_coeff * * {silicon} Si"
    said = message(lammps, pair(tmp_path, style, before="newton off\n"), tmp_path)
    assert "(model silicon) needs 'newton on'" in said
    for units in ("lj", "si", "electron"):
        assert f"knows units metal and real (lengths in Angstrom), not '{units}'" in message(
            lammps, pair(tmp_path, style, units=units), tmp_path
        )
    nobody = f"pair_style hybrid acegen zero 5.0\npair_coeff * * zero\npair_coeff * * acegen {silicon} NULL"
    said = message(lammps, pair(tmp_path, nobody), tmp_path)
    assert "no atom type is of one of its elements" in said
    said = message(lammps, pair(tmp_path, style.replace("acegen", "acegen fast", 1)), tmp_path)
    assert "pair_style acegen takes no arguments, not 'fast'" in said


@pytest.mark.parametrize("processes", [1, 2])
def test_overlapping_atoms(lammps: Lammps, silicon: Path, tmp_path: Path, processes: int) -> None:
    """Two atoms at one place: the atom, the model and the step are named."""
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si").replace(
        "run 0", "set atom 2 x 5.0\nrun 0"
    )
    said = message(lammps, script, tmp_path, processes)
    assert re.search(r"model silicon \(\S+\), step 0: atom [12] has a neighbour closer than 1e-6 Angstrom", said)
    assert "delete_atoms overlap" in said


def test_lost_atoms(lammps: Lammps, silicon: Path, tmp_path: Path) -> None:
    """Atoms that fly away, or whose positions are not finite, stop the run."""
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si").replace(
        "boundary p p p", "boundary f f f"
    )
    script = script.replace("run 0", "fix 1 all nve\nvelocity all set 1e5 0 0\nthermo 1\nrun 20")
    assert "Lost atoms" in message(lammps, script, tmp_path)
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si")
    blown = "neigh_modify check no every 100\nfix 1 all nve\nset atom 2 vx 1e308\nthermo 100\nrun 5 post no\n"
    said = message(lammps, script.replace("run 0", blown), tmp_path)
    assert re.search(r"model silicon \(\S+\), step \d: atom 2 or a neighbour has a position that is not a finite", said)


def test_ghosts_reach_far_enough(lammps: Lammps, models: Models, tmp_path: Path) -> None:
    """LAMMPS never gives ghosts a shorter reach than the model; if it did, the run would stop."""
    model = models("silicon")
    library = lammps.library(model)
    atoms = Atoms("Si2", positions=[[0.1, 5, 5], [17.0, 5, 5]], cell=[20, 20, 20], pbc=True)
    script = setup(atoms, library, ("Si",), tmp_path) + 'comm_modify cutoff 1.0\nrun 0\nprint "energy $(pe:%.15g)"\n'
    energy = float(re.search(r"^energy (\S+)", lammps.run(script, tmp_path).stdout, re.MULTILINE).group(1))  # type: ignore[union-attr]
    assert energy == pytest.approx(model.compute(atoms).energy, rel=1e-12)
    old, new = "if (ghosts < reach)", "if (ghosts < 2 * reach)"  # as if they did not
    plugin = edited(model, tmp_path, "model_acegen.cpp", old, new, "all") / "acegenplugin.so"
    said = message(lammps, setup(atoms, library, ("Si",), tmp_path) + "run 0\n", tmp_path, plugin=plugin)
    assert "has a cutoff of 5.5 Angstrom, but ghost atoms reach 6.5 Angstrom only; write comm_modify cutoff 7" in said


def test_plugin_for_another_lammps(lammps: Lammps, models: Models, silicon: Path, tmp_path: Path) -> None:
    """Built for another version, or for other sizes of integers: not loaded, and why.

    With other integers the loader already misses functions of LAMMPS that computes and fixes inherit.
    """
    export = export_model(models("silicon").path, "lammps", tmp_path)
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si")
    for change, expected in (
        (
            {"VERSION": "20200101"},
            "The plugin acegen is not loaded: it was built for LAMMPS 20200101, this is 2025",
        ),
        ({"SIZES": "-DLAMMPS_BIGBIG"}, "undefined symbol: _ZN9LAMMPS_NS3Fix12set_molecule"),
    ):
        make(export, "clean")
        make(export, "all", *(f"{name}={value}" for name, value in change.items()))
        said = message(lammps, script, tmp_path, plugin=export / "build" / "acegenplugin.so")
        assert expected in said
        assert "Unrecognized pair style 'acegen'" in said


def test_no_lammps_to_build_for(models: Models, tmp_path: Path) -> None:
    """Without the packages make says what to install."""
    export = export_model(models("silicon").path, "lammps", tmp_path)
    isolated = tmp_path / "python"
    isolated.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no site-packages
    isolated.chmod(0o755)
    result = subprocess.run(
        ["make", "-C", str(export), f"PYTHON={isolated}"], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "no Python package lammps. Install it:" in result.stderr
    make(export)  # with another Python, as after an installation


def test_basis_alone_is_not_exported(tmp_path: Path) -> None:
    """A module without coefficients has no energies."""
    model = acegen.compile(SPECS["usual"], tmp_path)
    with pytest.raises(acegen.AcegenError, match="compiled without coefficients"):
        export_model(model.path, "lammps", tmp_path / "exports")


BONDED = """units metal
atom_style bond
atom_modify map array
region box block 0 20 0 20 0 20
create_box {types} box bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 6
create_atoms 1 single 5 5 5
create_atoms {types} single 7.4 5 5
mass * 28
bond_style zero
bond_coeff *
{pair}
{bonds}
run 0
print "energy $(pe:%.15g)"
"""


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("special", ["", "special_bonds lj/coul 1 0.5 1\n", "special_bonds lj 1e-100 1 1 coul 1 1 1\n"])
def test_bonds_that_hide_pairs(lammps: Lammps, silicon: Path, tmp_path: Path, special: str, processes: int) -> None:
    """LAMMPS leaves pairs of bonded atoms out of its lists by default; a many-body potential needs them all."""
    bonds = special + "create_bonds single/bond 1 1 2"
    if "0.5" in special:  # pairs of three in a row
        bonds = "create_atoms 1 single 9.8 5 5\n" + bonds + "\ncreate_bonds single/bond 1 2 3"
    pair = f"pair_style acegen\npair_coeff * * {silicon} Si"
    said = message(lammps, BONDED.format(types=1, pair=pair, bonds=bonds), tmp_path, processes)
    assert "special_bonds leaves out or scales pairs of bonded atoms; write special_bonds lj/coul 1.0 1.0 1.0" in said


def test_bonds_that_hide_nothing(lammps: Lammps, models: Models, silicon: Path, tmp_path: Path) -> None:
    """Factors of one, no bonds, or bonds of other atoms do not stop a run."""
    atoms = Atoms("Si2", positions=[[5, 5, 5], [7.4, 5, 5]], cell=[20, 20, 20], pbc=True)
    pair, bond = f"pair_style acegen\npair_coeff * * {silicon} Si", "create_bonds single/bond 1 1 2"

    def energy(**parts: object) -> float:
        said = lammps.run(BONDED.format(**parts), tmp_path).stdout
        return float(re.search(r"^energy (\S+)", said, re.MULTILINE).group(1))  # type: ignore[union-attr]

    expected = models("silicon").compute(atoms).energy
    ones = energy(types=1, pair=pair, bonds="special_bonds lj/coul 1 1 1\n" + bond)
    assert ones == pytest.approx(expected, rel=1e-12)
    assert energy(types=1, pair=pair, bonds="") == pytest.approx(expected, rel=1e-12)
    other = f"pair_style hybrid/overlay acegen zero 6.0\npair_coeff * * zero\npair_coeff * * acegen {silicon} Si NULL"
    with pytest.warns(acegen.IsolatedAtomWarning):
        alone = models("silicon").compute(atoms[:1]).energy
    assert energy(types=2, pair=other, bonds=bond) == pytest.approx(alone, rel=1e-12, abs=1e-12)


def test_excluded_pairs_are_warned_of(lammps: Lammps, silicon: Path, tmp_path: Path) -> None:
    script = pair(tmp_path, f"pair_style acegen\npair_coeff * * {silicon} Si")
    said = lammps.run(script.replace("run 0", "neigh_modify exclude group all all\nrun 0"), tmp_path).stdout
    assert "neigh_modify exclude hides pairs from pair style acegen" in said
    assert "hides pairs" not in lammps.run(script, tmp_path).stdout
