"""`acegen export --to kim`: bad input, models that cannot be used, several threads, and memory.

What must be noticed is also tried on models that are wrong on purpose.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ase import Atoms
from example_models import ROOT
from kim_fixtures import Items, structure
from kim_tools import Item, lammps_data, lammps_program, require, run

from acegen.export import export_model

pytestmark = pytest.mark.simulator

INPUT = """
kim init {name} {units}
read_data test.data
kim interactions {elements}
run 0
"""


def refused(item: Item, atoms: Atoms, elements: str = "Si", units: str = "metal") -> str:
    """What LAMMPS and KIM say of a structure that must be refused."""
    lammps_data(atoms, ["Si"], item.folder / "test.data")
    done = item.lammps(INPUT.format(name=item.name, elements=elements, units=units))
    assert done.returncode > 0, done.stdout
    assert "ERROR" in done.stdout
    return done.stdout + item.errors()


def overlapping() -> Atoms:
    """Two atoms at almost one place, one of them through a periodic boundary."""
    atoms = structure("silicon")
    atoms.positions[7] = atoms.positions[20] + atoms.cell.array[0] + [1e-7, 0, 0]
    return atoms


def misplaced(value: float) -> Atoms:
    """An atom that is nowhere, in no neighbour list."""
    atoms = structure("silicon")
    atoms.pbc = False
    atoms.positions[5, 1] = value
    return atoms


def test_overlapping_atoms_in_lammps(kim_items: Items) -> None:
    """LAMMPS stops, and kim.log says why: model, particles, remedy.

    Not on several processes: there LAMMPS waits forever for those that did not fail.
    """
    require("lammps")
    model, item = kim_items["silicon"]
    text = refused(item, overlapping())
    assert f"{model.name}: particles " in text
    assert "overlap: they are closer than 1e-6 Å; remove one of them" in text


def test_other_elements_in_lammps(kim_items: Items) -> None:
    """An element the model does not have."""
    require("lammps")
    _, item = kim_items["silicon"]
    assert "Ge" in refused(item, structure("silicon"), elements="Ge")


def test_wrong_conversion_of_kim(kim_items: Items, tmp_path: Path) -> None:
    """KIM 2.3 converts to erg wrongly: refused."""
    require("lammps", "pkg-config")
    version = run(["pkg-config", "--modversion", "libkim-api"], tmp_path, {}).stdout
    if not version.startswith("2.3"):
        pytest.skip(f"KIM {version.strip()} may convert to erg rightly")
    model, item = kim_items["silicon"]
    text = refused(item, structure("silicon"), units="cgs")
    assert f"{model.name}: this KIM API converts eV to erg wrongly" in text
    assert "ask for another unit" in text


def test_bad_input_through_kimpy(kim_items: Items) -> None:
    """Non-finite positions and invalid units: an error, and model and remedy in kim.log."""
    require("kimpy")
    model, item = kim_items["silicon"]
    for value in (float("nan"), float("inf")):
        (found,) = item.evaluate([misplaced(value)])
        assert isinstance(found, str)
        assert f"{model.name}: the position of particle 5 (counted from 0) is not finite" in item.errors()
        assert "shorter timestep" in item.errors()
    # after a failure the next structure is evaluated correctly
    good = structure("silicon")
    _, after = item.evaluate([misplaced(float("nan")), good])
    assert after["partialEnergy"][0] == item.evaluate([good])[0]["partialEnergy"][0]
    for unit in ({"length": "unused"}, {"energy": "unused"}):
        (found,) = item.evaluate([good], **unit)
        assert isinstance(found, str)
        assert f"{model.name}: cannot convert Å and eV, the units of this model, to '" in item.errors()
        assert "ask for a unit of length" in item.errors()
    (found,) = item.evaluate([Atoms("Ge2", [[0, 0, 0], [2, 0, 0]])])
    assert found == "Ge is not supported"


def test_silent_models_are_noticed(kim_items: Items) -> None:
    """Without its checks the model would compute something from a structure with an atom that is nowhere."""
    require("kimpy")
    blind = kim_items.broken("silicon", "kim_compute.c", " || check_particles(&self)", "")
    (found,) = blind.evaluate([misplaced(float("inf"))])
    assert isinstance(found, dict)
    assert not blind.errors()


def test_models_that_cannot_be_used_say_why(kim_items: Items) -> None:
    """Another processor, another version of the interface, and no coefficients."""
    require("kimpy")
    model, _ = kim_items["silicon"]
    table = f"kernel/{model.name}.c"
    for old, new, message in (
        (
            "return &MODEL;",
            "return NULL;",
            "this processor lacks instructions that the model was compiled for; compile",
        ),
        ("= ACEGEN_ABI_VERSION,", "= ACEGEN_ABI_VERSION + 1,", "of the interface acegen.h, this code version"),
        (f".potential = {model.name}_potential,", ".potential = NULL,", "compiled without coefficients"),
    ):
        item = kim_items.broken("silicon", table, old, new)
        (found,) = item.evaluate([structure("silicon")])
        assert isinstance(found, str)
        assert f"{model.name}: " in item.errors()
        assert message in item.errors()


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulator in C, `kim_simulator.c`, which uses several threads."""
    require("kim", "pkg-config")
    folder = tmp_path_factory.mktemp("simulator")
    flags = run(["pkg-config", "--cflags", "--libs", "libkim-api"], folder, {}).stdout.split()
    source = ROOT / "tests" / "support" / "kim_simulator.c"
    done = run(
        ["gcc", "-std=c99", "-Wall", "-Wextra", "-O1", "-g", source, "-o", "simulator", *flags, "-lpthread"], folder, {}
    )
    assert done.returncode == 0, done.stdout
    return folder / "simulator"


def cluster(repeat: int) -> str:
    """A cluster with every third particle not contributing, as the simulator reads it."""
    atoms = structure("oxide", repeat)
    lines = [f"{a.symbol} {int(a.index % 3 > 0)} " + " ".join(repr(float(x)) for x in a.position) for a in atoms]
    return "\n".join([str(len(atoms)), *lines]) + "\n"


def test_threads_agree_bit_by_bit(kim_items: Items, simulator: Path) -> None:
    """Compute arguments used by several threads at once; refused if they share memory."""
    _, item = kim_items["oxide"]
    done = item.run([simulator, item.name, "4", "50"], cluster(2))
    assert done.returncode == 0, f"{done.stdout}\n{item.errors()}"
    alone = item.run([simulator, item.name, "1", "1"], cluster(2))
    assert done.stdout == alone.stdout
    shared = kim_items.broken(
        "oxide",
        "kim_compute.c",
        "    call self = {",
        "    static kim_batch shared;\n    batch = &shared;\n    call self = {",
    )
    # Threads of a busy machine may take turns by chance, but not again and again.
    assert any(shared.run([simulator, item.name, "4", "200"], cluster(2)).returncode for _ in range(10))


def test_valgrind_finds_nothing(kim_items: Items, simulator: Path) -> None:
    """No invalid or uninitialised memory, no leak; a model compiled for a processor that valgrind knows."""
    require("valgrind")
    _, item = kim_items["portable"]
    options = ["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    command = [shutil.which("valgrind") or "", *options, simulator, item.name, "2", "2"]
    done = item.run(command, cluster(2))
    assert done.returncode == 0, done.stdout
    for file, old, new, found in (
        ("kim_compute.c", "(size_t)first + (size_t)n_listed)", "(size_t)first + 8)", "Invalid write"),
        ("kim_model.c", "    free(batch->gradient);\n", "", "definitely lost"),
    ):
        broken = kim_items.broken("portable", file, old, new)
        done = broken.run(command, cluster(2))
        assert done.returncode != 0
        assert found in done.stdout


def test_the_makefile_keeps_to_its_folder(kim_items: Items, tmp_path: Path) -> None:
    """`make run` builds in build/ and nowhere else, runs LAMMPS, and `make clean` leaves the export as it was."""
    require("lammps")
    model, _ = kim_items["portable"]
    export = export_model(model.path, "kim", tmp_path)
    before = {path: path.read_bytes() for path in export.rglob("*") if path.is_file()}
    done = run(["make", "-C", export, "run", f"LMP={lammps_program()}"], tmp_path, {"HOME": str(tmp_path / "home")})
    assert "Energy of the initial structure, eV:" in done.stdout, done.stdout
    energies = re.search(r"eV: (\S+) in LAMMPS, (\S+) in Python", done.stdout)
    assert energies, done.stdout
    assert float(energies[1]) == pytest.approx(float(energies[2]), rel=1e-12)
    assert not (tmp_path / "home").exists()
    assert run(["make", "-C", export, "clean"], tmp_path, {}).returncode == 0
    assert {path: path.read_bytes() for path in export.rglob("*") if path.is_file()} == before
    export_model(model.path, "kim", tmp_path)
