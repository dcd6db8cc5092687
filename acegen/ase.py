"""A compiled model as an ASE calculator.

    atoms.calc = acegen.ase.Calculator("generated/NAME")

`import ase` imports the real ASE here, as everywhere, since imports are absolute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DependencyError, ModuleError
from acegen.posterior import (
    Posterior,
    energies_uncertainty,
    energy_uncertainty,
    forces_uncertainty,
    read_posterior,
)
from acegen.runtime import Model, load
from acegen.runtime.skin import SkinList

try:
    from ase import Atoms
    from ase.calculators.calculator import Calculator as AseCalculator
    from ase.calculators.calculator import PropertyNotImplementedError, all_changes
    from ase.outputs import Properties, all_outputs
    from ase.stress import full_3x3_to_voigt_6_stress
except ImportError:
    raise DependencyError("acegen.ase needs the packages 'ase' and 'vesin': pip install vesin ase.") from None

Floats = NDArray[np.float64]


class Calculator(AseCalculator):  # type: ignore[misc]
    """Energies, forces, stress and uncertainties of a compiled model, for `atoms.calc`.

    Units are ASE's: eV, Å; stress in eV/Å^3 as xx, yy, zz, yz, xz, xy, negative under compression. Stress needs a cell
    that is periodic in three directions. `stresses` are per-atom contributions, the strain derivatives of the site
    energies; they add up to the stress.

    Neighbour lists extend `skin` beyond the cutoff and are kept until atoms or cell have moved so far that a pair could
    be missed, so results never depend on the skin. Atoms may leave the cell, or be wrapped back into it.
    """

    name = "acegen"
    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress", "stresses"]
    ignored_changes: ClassVar[set[str]] = {"initial_charges", "initial_magmoms"}

    def __init__(
        self,
        model: str | Path | Model,
        skin: float = 0.5,
        threads: int = 1,
        uncertainty: str | Path | Posterior | None = None,
    ) -> None:
        """Make a calculator, for one `Atoms` object or for several in turn.

        Args:
            model: folder of a compiled module with a potential, or a loaded one.
            skin: Å by which neighbour lists extend beyond the cutoff: more means fewer rebuilds, but slower calls.
            threads: threads of the kernel, for a module compiled with OpenMP; a loaded model has its own setting.
            uncertainty: posterior of the coefficients, or its path; by default the one in the model's folder. It is
                read when an uncertainty is first requested.

        Raises:
            ModuleError: the module is missing or damaged, has no potential, or cannot use several threads, the skin
                is not a length from 0 to the cutoff, or the uncertainty has the wrong type.
        """
        super().__init__()
        self.results: dict[str, Any] = {}
        if isinstance(model, str | Path):
            model = load(model, threads)
        elif not isinstance(model, Model):
            raise ModuleError(
                f"model = {model!r} is not a compiled model; give the folder of one, or acegen.load(folder)."
            )
        elif threads != 1:
            raise ModuleError(
                f"threads = {threads!r} applies to a model's folder only; for a loaded model, use "
                "acegen.load(path, threads)."
            )
        model.require_potential()
        self.model = model
        self._lists = SkinList(model, skin)
        if not isinstance(uncertainty, str | Path | Posterior | None):
            raise ModuleError(f"uncertainty = {uncertainty!r} is not a posterior; give its file, or a Posterior.")
        self._uncertainty = model.path if uncertainty is None else uncertainty
        self.parameters.update(model=str(model.path), skin=skin)

    @property
    def rebuilds(self) -> int:
        """How many times neighbour lists have been built with this skin."""
        return self._lists.builds

    def set(self, **changes: Any) -> dict[str, Any]:
        """Change the skin: `set(skin=1.0)`. Returns what changed.

        Raises:
            ModuleError: the skin is not a length from 0 to the cutoff, or another parameter is given.
        """
        if changes.keys() - {"skin"}:
            raise ModuleError(f"only skin can be set, not {', '.join(changes)}; make another acegen.ase.Calculator.")
        if changes:
            self._lists = SkinList(self.model, changes["skin"])
        changed: dict[str, Any] = super().set(**changes)
        return changed

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Evaluate the model; called by ASE.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            PropertyNotImplementedError: stress of a structure that is not periodic in three directions.
        """
        if system_changes:
            self.results = {}
        super().calculate(atoms, properties, system_changes)
        pairs = self._lists.pairs(self.atoms)
        energies, gradient = self.model.evaluate(pairs)
        energy = float(energies.sum())
        self.results.update(energy=energy, free_energy=energy, energies=energies, forces=pairs.forces(gradient))
        if self.atoms.pbc.all():
            volume = self.atoms.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress(-pairs.virial(gradient) / volume)
            if "stresses" in properties:
                self.results["stresses"] = full_3x3_to_voigt_6_stress(-pairs.site_virials(gradient) / volume)
        elif "stress" in properties or "stresses" in properties:
            raise PropertyNotImplementedError(
                f"stress needs a cell that is periodic in three directions, not pbc = {self.atoms.pbc.tolist()}."
            )

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What changed since the last evaluation: compared bit by bit, unless `tol` exceeds ASE's default (slower)."""
        if self.atoms is None or tol > 1e-15:
            longer: list[str] = super().check_state(atoms, tol)
            return longer
        mine = self.atoms
        same = {
            "positions": np.array_equal(mine.positions, atoms.positions),
            "numbers": np.array_equal(mine.numbers, atoms.numbers),
            "cell": np.array_equal(mine.cell.array, atoms.cell.array),
            "pbc": np.array_equal(mine.pbc, atoms.pbc),
        }
        return [name for name in same if not same[name]]

    def export_properties(self) -> Properties:
        """The results that ASE knows of, so without uncertainties."""
        return Properties({name: value for name, value in self.results.items() if name in all_outputs})

    def energy_uncertainty(self, atoms: Atoms | None = None) -> float:
        """Standard deviation of the total energy, eV; also left in `results["energy_uncertainty"]`.

        Args:
            atoms: a structure; by default the last one evaluated.

        Raises:
            ModuleError: the model has no posterior, or one of another basis.
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        return float(self._deviation("energy_uncertainty", energy_uncertainty, atoms))

    def energies_uncertainty(self, atoms: Atoms | None = None) -> Floats:
        """Standard deviation of each site energy, (N,) in eV. Otherwise as `energy_uncertainty`."""
        return np.array(self._deviation("energies_uncertainty", energies_uncertainty, atoms))

    def forces_uncertainty(self, atoms: Atoms | None = None) -> Floats:
        """Standard deviation of each component of the forces, (N, 3) in eV/Å. Otherwise as `energy_uncertainty`."""
        return np.array(self._deviation("forces_uncertainty", forces_uncertainty, atoms))

    def _deviation(self, name: str, evaluate: Callable[[Model, Posterior, Atoms], Any], atoms: Atoms | None) -> Any:
        """An uncertainty, taken from `results` if already there."""
        if not isinstance(self._uncertainty, Posterior):
            self._uncertainty = read_posterior(self._uncertainty, self.model)
        if atoms is None:
            atoms = self.get_atoms()
        if self.check_state(atoms):
            self.reset()
            self.atoms = atoms.copy()
        if name not in self.results:
            self.results[name] = evaluate(self.model, self._uncertainty, atoms)
        return self.results[name]
