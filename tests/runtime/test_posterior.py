"""Uncertainties from the posterior of the coefficients: the definition, and the spread of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from structures import quartz_like

import acegen
from acegen.ase import Calculator
from acegen.posterior import Posterior, forces_uncertainty, read_posterior, write_posterior

pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")

SPEC = {
    "name": "oxide_small",
    "basis": {"elements": ["Si", "O"], "order": 2, "level": 4},
    "radial": {"cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}},
}
K = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """A small potential of two elements."""
    folder = tmp_path_factory.mktemp("posterior")
    n_basis = acegen.compile(SPEC, folder).n_basis
    rng = np.random.default_rng(0)
    return acegen.compile(SPEC, folder, {element: rng.normal(size=n_basis) for element in ("Si", "O")})


@pytest.fixture(scope="module")
def factors(model: acegen.Model) -> tuple[np.ndarray, np.ndarray]:
    """Factor of a covariance of coefficients (C, K) and of the energies of atoms (2, K)."""
    rng = np.random.default_rng(1)
    return 0.1 * rng.normal(size=(2 * model.n_basis, K)), 0.1 * rng.normal(size=(2, K))


@pytest.fixture
def posterior(model: acegen.Model, factors: tuple[np.ndarray, np.ndarray]) -> Iterator[Path]:
    """The file in the model's folder, for a test."""
    path = write_posterior(model.path, factors[0], model.basis_hash, factors[1])
    assert path == model.path / "posterior.npz"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.usefixtures("posterior")
def test_uncertainties_follow_from_the_design_matrix(
    model: acegen.Model, factors: tuple[np.ndarray, np.ndarray]
) -> None:
    """√(x Σ xᵀ) with the covariance Σ of coefficients and energies of atoms, written out."""
    factor, energies = factors
    sigma = np.vstack([factor, energies]) @ np.vstack([factor, energies]).T
    atoms = quartz_like(2)
    calculator = Calculator(model)
    rows = model.design_rows(atoms)
    counts = [3, 6]
    row = np.concatenate([rows.energy, counts])
    assert calculator.energy_uncertainty(atoms) == pytest.approx(np.sqrt(row @ sigma @ row), rel=1e-10)
    n_basis, columns = model.n_basis, 2 * model.n_basis
    values = model.descriptors(atoms)
    for i, each in enumerate(calculator.energies_uncertainty(atoms)):
        site = np.zeros(columns + 2)
        species = ["Si", "O"].index(atoms.symbols[i])
        site[species * n_basis : (species + 1) * n_basis] = values[i]
        site[columns + species] = 1
        assert each == pytest.approx(np.sqrt(site @ sigma @ site), rel=1e-10)
    forces = rows.forces.reshape(-1, columns)
    expected = np.sqrt(np.diag(forces @ factor @ factor.T @ forces.T)).reshape(-1, 3)
    np.testing.assert_allclose(calculator.forces_uncertainty(atoms), expected, rtol=1e-9)
    blocks = forces_uncertainty(model, read_posterior(model.path, model), atoms, block_bytes=3 * 8 * columns * 2)
    np.testing.assert_allclose(blocks, expected, rtol=1e-9)


@pytest.mark.slow
def test_uncertainties_are_the_spread_of_models(
    model: acegen.Model, factors: tuple[np.ndarray, np.ndarray], posterior: Path, tmp_path: Path
) -> None:
    """Models whose coefficients are displaced by one column of the factor each; nothing of the design matrix."""
    factor, n_basis = factors[0], model.n_basis
    write_posterior(posterior, factor, model.basis_hash)
    atoms = quartz_like(3)
    zero = acegen.compile(SPEC, tmp_path / "zero", {"Si": np.zeros(n_basis), "O": np.zeros(n_basis)}).compute(atoms)
    energies, forces = [], []
    for k in range(K):
        column = {"Si": factor[:n_basis, k], "O": factor[n_basis:, k]}
        result = acegen.compile(SPEC, tmp_path / f"column{k}", column).compute(atoms)
        energies.append(result.energies - zero.energies)
        forces.append(result.forces - zero.forces)
    calculator = Calculator(model)
    assert calculator.energy_uncertainty(atoms) == pytest.approx(np.linalg.norm(np.sum(energies, axis=1)), rel=1e-9)
    np.testing.assert_allclose(calculator.energies_uncertainty(atoms), np.linalg.norm(energies, axis=0), rtol=1e-8)
    np.testing.assert_allclose(calculator.forces_uncertainty(atoms), np.linalg.norm(forces, axis=0), rtol=1e-8)


@pytest.mark.usefixtures("posterior")
def test_results_keep_uncertainties_until_atoms_move(model: acegen.Model, tmp_path: Path) -> None:
    """They appear when asked for, next to ASE's own properties; files are still written."""
    atoms = quartz_like(4)
    calculator = atoms.calc = Calculator(model)
    forces = atoms.get_forces()
    assert not [name for name in calculator.results if "uncertainty" in name]
    first = calculator.energy_uncertainty()
    assert calculator.results["energy_uncertainty"] == first
    calculator.forces_uncertainty(atoms)[:] = 0
    assert calculator.forces_uncertainty().any()
    np.testing.assert_array_equal(atoms.get_forces(), forces)
    assert calculator.energies_uncertainty().shape == (9,)
    assert not [name for name in calculator.export_properties() if "uncertainty" in name]
    for name in ("one.traj", "one.xyz"):
        atoms.write(tmp_path / name)
        assert ase.io.read(tmp_path / name).get_potential_energy() == pytest.approx(atoms.get_potential_energy())
    atoms.rattle(0.1)
    assert calculator.energy_uncertainty(atoms) != first
    assert "forces_uncertainty" not in calculator.results
    atoms.rattle(0.1)
    atoms.get_potential_energy()
    assert "energy_uncertainty" not in calculator.results
    nothing = Atoms()
    assert calculator.energy_uncertainty(nothing) == 0
    assert calculator.forces_uncertainty(nothing).shape == (0, 3)


def test_a_posterior_may_be_elsewhere(
    model: acegen.Model, factors: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """A file, a folder, or the object itself."""
    atoms = quartz_like()
    direct = Calculator(model, uncertainty=Posterior(*factors, model.basis_hash)).energy_uncertainty(atoms)
    file = write_posterior(tmp_path / "other.npz", factors[0], model.basis_hash, factors[1])
    write_posterior(tmp_path, factors[0], model.basis_hash, factors[1])
    for where in (file, str(tmp_path)):
        assert Calculator(model, uncertainty=where).energy_uncertainty(atoms) == direct
    with pytest.raises(acegen.ModuleError, match="uncertainty = 7 is not a posterior"):
        Calculator(model, uncertainty=7)  # type: ignore[arg-type]


def test_written_posteriors_read_back(model: acegen.Model, factors: tuple[np.ndarray, np.ndarray]) -> None:
    """Exactly; without energies of atoms these are zero."""
    path = write_posterior(model.path, factors[0], model.basis_hash)
    again = read_posterior(model.path, model)
    np.testing.assert_array_equal(again.factor, factors[0])
    assert again.energies.shape == (2, K)
    assert not again.energies.any()
    assert again.basis_hash == model.basis_hash
    assert not [other for other in model.path.iterdir() if other.name.startswith(".posterior")]
    acegen.load(model.path)  # the file is no damage
    path.unlink()


def test_errors(model: acegen.Model, factors: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """The message says what is missing or wrong, and what to do."""
    factor, energies = factors
    calculator = Calculator(model)
    for method in (calculator.energy_uncertainty, calculator.energies_uncertainty, calculator.forces_uncertainty):
        with pytest.raises(
            acegen.ModuleError, match=r"no uncertainties: .*posterior\.npz is missing.*solver = 'bayes'"
        ):
            method(quartz_like())
    file = tmp_path / "posterior.npz"

    def refused(message: str) -> None:
        with pytest.raises(acegen.ModuleError, match=message):
            read_posterior(tmp_path, model)

    file.write_bytes(b"no archive")
    refused("is damaged or not a posterior")
    write_posterior(file, factor, model.basis_hash)
    file.write_bytes(file.read_bytes()[:200])
    refused("is damaged or not a posterior")
    np.savez(file, factor=factor)
    refused("is damaged or not a posterior")
    np.savez(file, factor=factor, format="acegen-posterior-0", basis_hash=model.basis_hash)
    refused("has the format 'acegen-posterior-0'")
    np.savez(file, other=factor, format="acegen-posterior-1", basis_hash=model.basis_hash)
    refused("has the arrays other; expected arrays 'factor'")
    np.savez(file, factor=factor.astype(int), format="acegen-posterior-1", basis_hash=model.basis_hash)
    refused(r"'factor' has the shape .* and type int64")
    write_posterior(file, factor, "0" * 64)
    refused("belongs to another basis: it was made for 000000000000…")
    write_posterior(file, factor[:-1], model.basis_hash)
    refused(r"has a factor of shape .* this model needs")
    write_posterior(file, factor, model.basis_hash, energies[:1])
    refused(r"energies of shape \(1, 3\); this model needs")
    for bad, message in (
        ((factor[0], None), "'factor' has the shape"),
        ((factor, energies[:, :2]), "'energies' has the shape"),
        ((factor * np.nan, None), "'factor' has values that are not finite"),
    ):
        with pytest.raises(acegen.ModuleError, match=message):
            write_posterior(file, bad[0], model.basis_hash, bad[1])
    with pytest.raises(acegen.ModuleError, match="cannot write the posterior"):
        write_posterior(tmp_path / "no" / "posterior.npz", factor, model.basis_hash)
