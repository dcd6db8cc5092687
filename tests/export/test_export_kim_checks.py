"""`acegen export --to kim`: what a potential must fulfil, and what it refuses, in a small simulator on top of kimpy.

Every check is also made on models that are wrong on purpose, which must fail it.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from kim_child import ENERGIES, LENGTHS
from kim_fixtures import Items, structure
from kim_tools import ALL_OUTPUTS, Item, difference, require

import acegen
from acegen.ase import Calculator

pytestmark = [pytest.mark.simulator, pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")]

TIGHT = 1e-11
KEYS = ["silicon", "oxide"]
Found = list[dict[str, np.ndarray]]


@pytest.fixture(autouse=True)
def needed() -> None:
    """All tests here go through kimpy."""
    require("kim", "kimpy")


def python_difference(model: acegen.Model, atoms: Atoms, found: dict[str, np.ndarray]) -> float:
    """How far the outputs of KIM are from Python's."""
    expected = model.compute(atoms)
    values = {
        "partialEnergy": expected.energy,
        "partialForces": expected.forces,
        "partialParticleEnergy": expected.energies,
        "partialVirial": -expected.virial.ravel()[[0, 4, 8, 5, 2, 1]],
    }
    if atoms.pbc.all():
        values["partialParticleVirial"] = atoms.get_volume() * Calculator(model).get_property("stresses", atoms)
    return max(difference(found[name], values[name]) for name in values if name in found)


PYTHON_BREAKS = {
    "sign of the virial": ("add_virial(self->virial, batch, i, model", "add_virial(self->virial, batch, i, -model"),
    "component of virials": ("virial[5] += unit * r[0] * g[1]", "virial[5] += unit * r[0] * g[0]"),
    "images without forces": (
        "on_neighbour[axis] -= pull;",
        "if (self->contributing[batch->neighbour[k]]) on_neighbour[axis] -= pull;",
    ),
    "outputs not zeroed": ("zero(self.virial, 6);", ""),
}


@pytest.mark.parametrize("key", KEYS)
def test_all_outputs_are_those_of_python_for_any_periodicity(kim_items: Items, key: str) -> None:
    """Energy, forces, virial, and those of particles, in the eight combinations of periodic directions."""
    model, item = kim_items[key]
    structures = []
    for number in range(8):
        structures.append(structure(key))
        structures[-1].pbc = [number & 1, number & 2, number & 4]
    structures.append(structure(key, repeat=1))
    for atoms, found in zip(structures, item.evaluate(structures), strict=True):
        assert set(found) == {*ALL_OUTPUTS, "influence"}
        assert python_difference(model, atoms, found) < TIGHT
    for old, new in PYTHON_BREAKS.values():
        (found,) = kim_items.broken(key, "kim_compute.c", old, new).evaluate(structures[7:8])
        assert not python_difference(model, structures[7], found) < TIGHT


@pytest.mark.parametrize("key", KEYS)
def test_each_output_may_be_left_out(kim_items: Items, key: str) -> None:
    """Every output computed alone is the same as with the others; so is none at all."""
    _, item = kim_items[key]
    atoms = structure(key)
    (whole,) = item.evaluate([atoms])
    for name in ALL_OUTPUTS:
        (alone,) = item.evaluate([atoms], outputs=[name])
        assert np.array_equal(alone[name], whole[name])
    assert isinstance(item.evaluate([atoms], outputs=[])[0], dict)


def sums(found: dict[str, np.ndarray]) -> float:
    """How far energies and virials of the particles are from adding up to those of all."""
    return max(
        difference(found["partialParticleEnergy"].sum(), found["partialEnergy"][0]),
        difference(found["partialParticleVirial"].sum(axis=0), found["partialVirial"]),
    )


@pytest.mark.parametrize("key", KEYS)
def test_particles_add_up(kim_items: Items, key: str) -> None:
    """The energies of particles to the energy, their virials to the virial."""
    _, item = kim_items[key]
    (found,) = item.evaluate([structure(key)])
    assert sums(found) < TIGHT
    for old, new in (
        ("if (self->energy != NULL)", "if (self->energy != NULL && i > 0)"),
        (
            "self->particle_virial + 6 * center, batch, i, model",
            "self->particle_virial + 6 * center, batch, i, 2 * model",
        ),
    ):
        (found,) = kim_items.broken(key, "kim_compute.c", old, new).evaluate([structure(key)])
        assert sums(found) > 1e-4


def symmetry_difference(item: Item, atoms: Atoms, kind: str) -> float:
    """How far energy and forces are from what a symmetry says they are."""
    rng = np.random.default_rng(3)
    order = np.arange(len(atoms))
    matrix = np.eye(3)
    other = atoms.copy()
    copies = 1
    if kind == "permutation":
        order = rng.permutation(len(atoms))
        other = atoms[order]
    elif kind == "rotation":
        matrix = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        matrix *= np.linalg.det(matrix)
    elif kind == "inversion":
        matrix = -matrix
    elif kind == "translation":
        other.positions += rng.normal(size=3)
        other.wrap()
    else:
        copies = 2
        order = np.tile(order, 2)
        other = atoms.repeat((2, 1, 1))
    other.set_cell(other.cell.array @ matrix.T)
    other.positions = other.positions @ matrix.T
    first, second = item.evaluate([atoms, other])
    return max(
        difference(second["partialEnergy"], copies * first["partialEnergy"]),
        difference(second["partialForces"], first["partialForces"][order] @ matrix.T),
    )


SYMMETRY_BREAKS = {
    "permutation": (
        "model->energy_unit * batch->energy[i];",
        "model->energy_unit * batch->energy[i] * (1 + 1e-6 * (double)center);",
    ),
    "rotation": ("displacement[3 * count] = x;", "displacement[3 * count] = 1.0001 * x;"),
    "inversion": ("displacement[3 * count] = x;", "displacement[3 * count] = x + 1e-4;"),
    "translation": ("displacement[3 * count] = x;", "displacement[3 * count] = x + 1e-4 * here[0];"),
    "supercell": ("if (self->energy != NULL)", "if (self->energy != NULL && center > 0)"),
}


@pytest.mark.parametrize("kind", SYMMETRY_BREAKS)
@pytest.mark.parametrize("key", KEYS)
def test_symmetries(kim_items: Items, key: str, kind: str) -> None:
    """Order, rotation, inversion, translation (with wrapped atoms) and supercell do not matter."""
    _, item = kim_items[key]
    atoms = structure(key)
    assert symmetry_difference(item, atoms, kind) < 1e-10
    old, new = SYMMETRY_BREAKS[kind]
    assert symmetry_difference(kim_items.broken(key, "kim_compute.c", old, new), atoms, kind) > 1e-8


def dimer_jump(item: Item, symbols: tuple[str, str], cutoff: float) -> float:
    """Largest difference between the change of the energy and the integral of the force on a way through the cutoff,
    in units of the largest change."""
    distances = np.linspace(0.8 * cutoff, 1.02 * cutoff, 801)
    direction = np.array([0.36, 0.48, 0.8])
    pairs = [Atoms(symbols, [np.zeros(3), r * direction]) for r in distances]
    found = item.evaluate(pairs, skin=1.0)
    energy = np.array([values["partialEnergy"][0] for values in found])
    force = np.array([values["partialForces"][1] @ direction for values in found])
    beyond = distances > cutoff
    assert np.ptp(energy[beyond]) == 0
    assert not force[beyond].any()
    step = distances[1] - distances[0]
    slope = np.gradient(force, step)
    # the trapezoidal rule with its correction by the slopes: the error is of fifth order in the step
    change = -step * (force[1:] + force[:-1]) / 2 + step**2 * (slope[1:] - slope[:-1]) / 12
    return float(np.abs(np.diff(energy) - change).max() / np.abs(np.diff(energy)).max())


@pytest.mark.parametrize("key", KEYS)
def test_dimers_pass_the_cutoff_smoothly(kim_items: Items, key: str) -> None:
    """The energy is the integral of the force on the way, and exactly constant beyond."""
    model, item = kim_items[key]
    for center, name in enumerate(model.elements):
        for other in range(center, len(model.elements)):
            cutoff = float(model.cutoffs[center][other])
            assert dimer_jump(item, (name, model.elements[other]), cutoff) < 1e-3
    early = kim_items.broken(key, "kim_model.c", "= own * own;", "= 0.9 * own * own;")
    first = model.elements[0]
    assert dimer_jump(early, (first, first), float(model.cutoffs[0][0])) > 1e-2


def units_difference(item: Item, atoms: Atoms, length: str, energy: str) -> float:
    """How far the results in other units are from those in Å and eV."""
    (plain,) = item.evaluate([atoms])
    (found,) = item.evaluate([atoms], length=length, energy=energy)
    assert isinstance(found, dict), (found, item.errors())
    return max(difference(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("energy", [name for name in ENERGIES if name not in ("unused", "erg")])
@pytest.mark.parametrize("length", [name for name in LENGTHS if name != "unused"])
def test_units(kim_items: Items, length: str, energy: str) -> None:
    """Any unit of length and energy KIM has; to the digits that its constants share with ASE's."""
    _, item = kim_items["oxide"]
    atoms = structure("oxide", repeat=1)
    exact = length in ("A", "nm", "cm", "m") and energy == "eV"
    assert units_difference(item, atoms, length, energy) < (TIGHT if exact else 1e-6)


def test_units_shows_wrong_factors(kim_items: Items) -> None:
    """A length, a force or an energy converted the wrong way."""
    atoms = structure("oxide", repeat=1)
    for old, new in (
        ("model->angstrom = 1.0 / length;", "model->angstrom = 1.0;"),
        ("unit, -1.0, 1.0, &model->force_unit", "unit, 0.0, 1.0, &model->force_unit"),
        ("unit, 0.0, 1.0, &model->energy_unit", "unit, 0.0, -1.0, &model->energy_unit"),
    ):
        broken = kim_items.broken("oxide", "kim_model.c", old, new)
        assert units_difference(broken, atoms, "nm", "Hartree") > 1e-3
