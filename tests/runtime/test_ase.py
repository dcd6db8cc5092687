"""`acegen.ase.Calculator`: what ASE does with it, against finite differences, conservation laws and symmetry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.filters import FrechetCellFilter
from ase.md.nptberendsen import NPTBerendsen
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from ase.phonons import Phonons
from structures import central_difference, quartz_like

import acegen
from acegen.ase import Calculator

Models = Callable[[str], acegen.Model]

GPA = units.GPa


def rattled(repeat: int = 1, seed: int = 0, size: float = 0.1) -> Atoms:
    """Cubic silicon, not at rest, in a cell that is not cubic."""
    atoms = bulk("Si", cubic=True).repeat(repeat)
    atoms.rattle(size, seed=seed)
    strain = np.random.default_rng(seed).normal(scale=0.01, size=(3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def heat(atoms: Atoms, kelvin: float, seed: int = 0) -> None:
    """Random velocities of a temperature, at rest as a whole."""
    momenta = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    momenta *= np.sqrt(atoms.get_masses() * units.kB * kelvin)[:, None]
    atoms.set_momenta(momenta - momenta.mean(axis=0))


def assert_is_model(atoms: Atoms, model: acegen.Model) -> None:
    """The calculator gives what `compute` gives."""
    result = model.compute(atoms)
    scale = 1 + np.abs(result.forces).max()
    assert atoms.get_potential_energy() == pytest.approx(result.energy, rel=1e-12)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_potential_energies(), result.energies, rtol=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), result.forces, atol=1e-10 * scale)
    if atoms.pbc.all():
        stress = -result.virial / atoms.get_volume()
        np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, atol=1e-10 * (1 + np.abs(stress).max()))


def test_forces_are_minus_the_energy_gradient(fitted_silicon: acegen.Model) -> None:
    """Every force on some atoms, through the calculator and its kept lists."""
    atoms = rattled()
    atoms.calc = Calculator(fitted_silicon)
    forces = atoms.get_forces()
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-12)
    for atom, axis in ((0, 0), (3, 1), (7, 2)):

        def energy(shift: float, atom: int = atom, axis: int = axis) -> float:
            moved = atoms.positions.copy()
            moved[atom, axis] += shift
            atoms_moved = atoms.copy()
            atoms_moved.positions = moved
            return float(atoms.calc.get_potential_energy(atoms_moved))

        assert forces[atom, axis] == pytest.approx(-central_difference(energy), rel=1e-7, abs=1e-8)
    assert atoms.calc.rebuilds == 1


@pytest.mark.parametrize("component", range(6))
def test_stress_is_the_strain_derivative(fitted_silicon: acegen.Model, component: int) -> None:
    """ASE's order and sign: xx, yy, zz, yz, xz, xy; dE/dε / V."""
    atoms = rattled(seed=1)
    atoms.calc = Calculator(fitted_silicon)
    stress, volume, cell = atoms.get_stress(), atoms.get_volume(), atoms.cell.array.copy()
    i, j = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))[component]

    def energy(strain: float) -> float:
        matrix = np.eye(3)
        matrix[i, j] += strain / 2
        matrix[j, i] += strain / 2
        deformed = atoms.copy()
        deformed.set_cell(cell @ matrix, scale_atoms=True)
        return float(atoms.calc.get_potential_energy(deformed))

    assert stress[component] == pytest.approx(central_difference(energy, 1e-4) / volume, rel=1e-6, abs=1e-8)
    assert atoms.calc.rebuilds == 1


def test_compression_has_negative_stress(fitted_silicon: acegen.Model) -> None:
    """ASE's sign."""
    for lattice, sign in ((5.2, -1), (5.7, 1)):
        atoms = bulk("Si", a=lattice)
        atoms.calc = Calculator(fitted_silicon)
        assert sign * atoms.get_stress()[0] > 0


def test_stresses_of_atoms(fitted_silicon: acegen.Model) -> None:
    """They add up to the stress; and one is the strain derivative of its site energy."""
    atoms = rattled(seed=2)
    atoms.calc = Calculator(fitted_silicon)
    atoms.get_potential_energy()
    stresses = atoms.get_stresses()
    assert stresses.shape == (8, 6)
    np.testing.assert_allclose(stresses.sum(axis=0), atoms.get_stress(), atol=1e-14)

    def site_energy(strain: float) -> float:
        deformed = atoms.copy()
        deformed.set_cell(atoms.cell.array @ np.diag([1, 1 + strain, 1]), scale_atoms=True)
        return float(fitted_silicon.compute(deformed).energies[5])

    expected = central_difference(site_energy, 1e-4) / atoms.get_volume()
    assert stresses[5, 1] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_relaxation_of_cell_and_positions(fitted_silicon: acegen.Model) -> None:
    """From a strained, rattled cell to diamond with neither forces nor stress."""
    atoms = rattled(seed=3)
    atoms.calc = Calculator(fitted_silicon)
    with BFGS(FrechetCellFilter(atoms), logfile=None) as relaxation:
        assert relaxation.run(fmax=1e-4, steps=200)
    assert np.abs(atoms.get_forces()).max() < 1e-4
    assert np.abs(atoms.get_stress()).max() < 1e-5
    lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
    np.testing.assert_allclose(angles, 90, atol=0.01)
    np.testing.assert_allclose(lengths, lengths.mean(), atol=1e-3)
    assert lengths.mean() == pytest.approx(5.46, abs=0.05)
    assert_is_model(atoms, fitted_silicon)
    assert atoms.calc.rebuilds < 20


@pytest.mark.parametrize("skin", [0.0, 0.3, 1.0])
def test_constant_energy_dynamics(fitted_silicon: acegen.Model, skin: float) -> None:
    """Velocity Verlet conserves energy, to the second order of the time step, through rebuilt lists."""
    drifts = []
    for femtoseconds in (2.0, 1.0):
        atoms = bulk("Si", cubic=True).repeat(2)
        atoms.calc = Calculator(fitted_silicon, skin=skin)
        heat(atoms, 1200)
        start = atoms.get_total_energy()
        energies = []
        with VelocityVerlet(atoms, femtoseconds * units.fs) as dynamics:
            for _ in range(int(100 / femtoseconds)):
                dynamics.run(1)
                energies.append(atoms.get_total_energy() - start)
        drifts.append(np.std(energies))
        assert np.abs(energies).max() < 3e-3 * len(atoms)
        assert_is_model(atoms, fitted_silicon)
    assert drifts[0] / drifts[1] == pytest.approx(4, rel=0.35)
    if skin == 1.0:
        assert atoms.calc.rebuilds <= 5
    if skin == 0.0:
        assert atoms.calc.rebuilds == 101


def test_constant_pressure_dynamics(fitted_silicon: acegen.Model) -> None:
    """Cell and atoms move; now and then forces are compared with those of new lists."""
    atoms = bulk("Si", a=5.3, cubic=True).repeat(2)
    atoms.calc = Calculator(fitted_silicon)
    heat(atoms, 600)
    before = atoms.get_volume()
    with NPTBerendsen(
        atoms, 2 * units.fs, temperature_K=300, pressure_au=0.0, taut=100 * units.fs, taup=100 * units.fs,
        compressibility_au=0.01 / GPA,
    ) as dynamics:  # fmt: skip
        for _ in range(15):
            dynamics.run(10)
            assert_is_model(atoms, fitted_silicon)
    assert atoms.get_volume() > 1.03 * before
    assert np.abs(atoms.get_stress()[:3].mean()) < 4 * GPA
    assert atoms.calc.rebuilds < 75


def test_nose_hoover_pressure_dynamics(fitted_silicon: acegen.Model) -> None:
    """The conserved quantity of the Martyna-Tobias-Klein equations, with a cell that changes its shape."""
    chains = pytest.importorskip("ase.md.nose_hoover_chain")
    if not hasattr(chains, "MTKNPT"):
        pytest.skip("this ASE has no MTKNPT")
    atoms = bulk("Si", cubic=True).repeat(2)
    atoms.calc = Calculator(fitted_silicon)
    heat(atoms, 400)
    dynamics = chains.MTKNPT(
        atoms, 1 * units.fs, temperature_K=300, pressure_au=0.0, tdamp=50 * units.fs, pdamp=200 * units.fs
    )
    start = dynamics.get_conserved_energy()
    cell = atoms.cell.array.copy()
    dynamics.run(150)
    assert np.abs(atoms.cell.array - cell).max() > 0.02
    assert dynamics.get_conserved_energy() == pytest.approx(start, abs=2e-3 * len(atoms))
    assert_is_model(atoms, fitted_silicon)


def test_phonons_of_diamond(fitted_silicon: acegen.Model, tmp_path: Path) -> None:
    """Acoustic modes vanish at Γ, the optical ones are degenerate there, and no frequency is imaginary."""
    atoms = bulk("Si", a=5.45)
    with BFGS(FrechetCellFilter(atoms_with(atoms, fitted_silicon)), logfile=None) as relaxation:
        relaxation.run(fmax=1e-5)
    phonons = Phonons(atoms, Calculator(fitted_silicon), supercell=(3, 3, 3), delta=0.01, name=str(tmp_path / "ph"))
    phonons.run()
    phonons.read(acoustic=False)
    modes = 1e3 * phonons.band_structure([[0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0.5], [1 / 3, 1 / 3, 2 / 3]])
    assert np.abs(modes[0, :3]).max() < 1
    np.testing.assert_allclose(modes[0, 3:], modes[0, 3:].mean(), rtol=1e-4)
    assert 50 < modes[0, 5] < 75  # meV; experiment: 64
    assert (modes[1:] > 5).all()


def atoms_with(atoms: Atoms, model: acegen.Model) -> Atoms:
    """The same atoms, with a calculator."""
    atoms.calc = Calculator(model)
    return atoms


def test_elastic_constants(fitted_silicon: acegen.Model) -> None:
    """Stress under strain: the symmetry of a cubic crystal, a symmetric matrix, stability; C11 also from energies."""
    atoms = bulk("Si", cubic=True)
    with BFGS(FrechetCellFilter(atoms_with(atoms, fitted_silicon)), logfile=None) as relaxation:
        relaxation.run(fmax=1e-5)
    cell = atoms.cell.array.copy()

    def strained(component: int, strain: float) -> Atoms:
        i, j = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))[component]
        matrix = np.eye(3)
        matrix[i, j] += strain / 2
        matrix[j, i] += strain / 2
        atoms.set_cell(cell @ matrix, scale_atoms=True)
        return atoms

    step = 1e-3
    columns = [(strained(k, step).get_stress() - strained(k, -step).get_stress()) / (2 * step) for k in range(6)]
    constants = np.array(columns) / GPA
    np.testing.assert_allclose(constants, constants.T, atol=0.1)
    c11, c12, c44 = constants[0, 0], constants[0, 1], constants[3, 3]
    expected = np.diag([c11 - c12] * 3 + [c44] * 3)
    expected[:3, :3] += c12
    np.testing.assert_allclose(constants, expected, atol=0.1)
    assert c11 > c12 > 0
    assert c44 > 0
    assert c11 == pytest.approx(160, rel=0.2)
    energies = [strained(0, k * step).get_potential_energy() for k in (-1, 0, 1)]
    volume = abs(np.linalg.det(cell))
    assert (energies[0] - 2 * energies[1] + energies[2]) / step**2 / volume / GPA == pytest.approx(c11, rel=1e-2)


def test_clusters_have_no_stress(fitted_silicon: acegen.Model) -> None:
    """Structures that are not periodic in three directions: energies and forces, but no stress."""
    cluster = Atoms("Si4", positions=[[0, 0, 0], [2.3, 0, 0], [1.1, 2.0, 0], [1.0, 0.9, 2.1]])
    slab = bulk("Si", cubic=True)
    slab.pbc = (True, True, False)
    for atoms in (cluster, slab):
        atoms.calc = Calculator(fitted_silicon)
        assert_is_model(atoms, fitted_silicon)
        for ask in (atoms.get_stress, atoms.get_stresses):
            with pytest.raises(PropertyNotImplementedError, match="periodic in three directions"):
                ask()
        assert_is_model(atoms, fitted_silicon)
    with BFGS(cluster, logfile=None) as relaxation:
        assert relaxation.run(fmax=1e-3, steps=500)


def test_few_atoms(fitted_silicon: acegen.Model) -> None:
    """One atom, alone or periodic; atoms out of reach; none at all."""
    for atoms in (Atoms("Si"), Atoms("Si2", positions=[[0, 0, 0], [0, 0, 30]])):
        atoms.calc = Calculator(fitted_silicon)
        with pytest.warns(acegen.IsolatedAtomWarning):
            energies = atoms.get_potential_energies()
        with pytest.warns(acegen.IsolatedAtomWarning):
            np.testing.assert_array_equal(energies, fitted_silicon.compute(atoms).energies)
        assert not atoms.get_forces().any()
    atoms = bulk("Si", "sc", a=2.6)
    atoms.calc = Calculator(fitted_silicon)
    assert_is_model(atoms, fitted_silicon)
    atoms.positions += 100
    assert_is_model(atoms, fitted_silicon)
    assert atoms.calc.rebuilds == 1
    nothing = Atoms()
    nothing.calc = Calculator(fitted_silicon)
    assert nothing.get_potential_energy() == 0
    assert nothing.get_forces().shape == (0, 3)


def test_two_elements(models: Models) -> None:
    """Energies by element; exchanging elements is noticed."""
    model, atoms = models("oxide"), quartz_like()
    atoms.calc = Calculator(model)
    assert_is_model(atoms, model)
    atoms.numbers[:] = atoms.numbers[::-1]
    assert_is_model(atoms, model)
    assert atoms.calc.rebuilds == 2
