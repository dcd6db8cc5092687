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

from acegen.errors import DependencyError, ExtrapolationError, ModuleError
from acegen.posterior import (
    Posterior,
    energies_uncertainty,
    energy_uncertainty,
    forces_uncertainty,
    read_posterior,
)
from acegen.printing import shown
from acegen.runtime import Model, load
from acegen.runtime.pairs import MovingPairs
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
    """Energies, forces, stress, grades and uncertainties of a compiled model, for `atoms.calc`.

    Units are ASE's: eV, Å; stress in eV/Å^3 as xx, yy, zz, yz, xz, xy, negative under compression. Stress needs a cell
    that is periodic in three directions. `stresses` are per-atom contributions, the strain derivatives of the site
    energies; they add up to the stress.

    Neighbour lists extend `skin` beyond the cutoff and are kept until atoms or cell have moved so far that a pair could
    be missed, so results never depend on the skin. Atoms may leave the cell, or be wrapped back into it.

    Uncertainties are by default from the committee of the model. Without one they are from the posterior of all
    coefficients, which is exact, but neither calibrated nor fast.
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
        grades: bool = False,
        stop: float | bool | None = None,
    ) -> None:
        """Make a calculator, for one `Atoms` object or for several in turn.

        Args:
            model: folder of a compiled module with a potential, or a loaded one.
            skin: Å by which neighbour lists extend beyond the cutoff: more means fewer rebuilds, but slower calls.
            threads: threads of the kernel, for a module compiled with OpenMP; a loaded model has its own setting.
            uncertainty: posterior of the coefficients, or its path, to be used instead of the model's committee; by
                default the one in the model's folder. It is read when an exact uncertainty is first requested.
            grades: compute them with every evaluation, and leave them in `results`: "grades" (N,), and the largest of
                them as "grade".
            stop: the largest grade that is allowed; True for the second of the model's thresholds. Beyond it an
                evaluation ends in an `ExtrapolationError`; its results are there nevertheless.

        Raises:
            ModuleError: the module is missing or damaged, has no potential, cannot use several threads, or has no
                grades but these are asked for; the skin is not a length from 0 to the cutoff, `stop` is not a positive
                number, or the uncertainty has the wrong type.
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
        self._exact = uncertainty is not None or not model.n_members
        self._stop = _largest_grade(model, stop)
        self._grades = bool(grades) or self._stop is not None
        if self._grades:
            model.require_grades()
        self.parameters.update(model=str(model.path), skin=skin)

    @property
    def rebuilds(self) -> int:
        """How many times neighbour lists have been built with this skin."""
        return self._lists.builds

    def set(self, **changes: Any) -> dict[str, Any]:
        """Change the skin, the only one of `changes` that is allowed: `set(skin=1.0)`, Å. Returns what changed.

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

        Args:
            atoms: the structure.
            properties: what is asked for; everything is computed in any case.
            system_changes: what changed since the last evaluation.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            PropertyNotImplementedError: stress of a structure that is not periodic in three directions.
            ExtrapolationError: an atom has a larger grade than `stop`.
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
        if self._grades:
            self._put_grades(pairs)
            self._check_grades()

    def _put_grades(self, pairs: MovingPairs) -> None:
        grades = self.model.grades_of(pairs)
        self.results.update(grades=grades, grade=float(grades.max(initial=0.0)))

    def _check_grades(self) -> None:
        if self._stop is None or self.results["grade"] <= self._stop:
            return
        worst = int(self.results["grades"].argmax())
        raise ExtrapolationError(
            f"atom {worst} ({self.atoms.symbols[worst]}) has the grade {self.results['grade']:.4g}, above "
            f"{self._stop:.4g}: its environment is far from all that the model {self.model.name} was fitted to. Label "
            "this structure and fit again, or allow more with a larger `stop`."
        )

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What of `atoms` changed since the last evaluation: bit by bit, unless `tol` exceeds ASE's default."""
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

    def grades(self, atoms: Atoms | None = None) -> Floats:
        """How far each atom's environment is from those the model was fitted to, (N,); also left in `results`.

        Args:
            atoms: a structure; by default the last one evaluated.

        Raises:
            ModuleError: the model has no grades.
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        self.model.require_grades()
        if "grades" not in self._results_of(atoms):
            self._put_grades(self._lists.pairs(self.atoms))
        return np.array(self.results["grades"])

    def energy_uncertainty(self, atoms: Atoms | None = None, exact: bool = False) -> float:
        """Standard deviation of the total energy, eV; also left in `results["energy_uncertainty"]`.

        Args:
            atoms: a structure; by default the last one evaluated.
            exact: from the posterior of all coefficients, even if the model has a committee. Unlike that from the
                committee it is not calibrated.

        Raises:
            ModuleError: the model has neither committee nor posterior, or a posterior of another basis.
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        return float(self._deviation("energy_uncertainty", energy_uncertainty, atoms, exact))

    def energies_uncertainty(self, atoms: Atoms | None = None, exact: bool = False) -> Floats:
        """Standard deviation of each site energy, (N,) in eV. Not calibrated: there are no labels of site energies.

        Arguments and errors as for `energy_uncertainty`.
        """
        return np.array(self._deviation("energies_uncertainty", energies_uncertainty, atoms, exact))

    def forces_uncertainty(self, atoms: Atoms | None = None, exact: bool = False) -> Floats:
        """Standard deviation of each component of the forces, (N, 3) in eV/Å.

        Arguments and errors as for `energy_uncertainty`.
        """
        return np.array(self._deviation("forces_uncertainty", forces_uncertainty, atoms, exact))

    def _results_of(self, atoms: Atoms | None) -> dict[str, Any]:
        """The results that are there for a structure, by default the last one."""
        if atoms is None:
            atoms = self.get_atoms()
        if self.check_state(atoms):
            self.reset()
            self.atoms = atoms.copy()
        return self.results

    def _deviation(
        self, name: str, evaluate: Callable[[Model, Posterior, Atoms], Any], atoms: Atoms | None, exact: bool
    ) -> Any:
        """An uncertainty, taken from `results` if already there."""
        if not exact and not self._exact:
            return self._of_committee(name, atoms)
        if not isinstance(self._uncertainty, Posterior):
            self._uncertainty = read_posterior(self._uncertainty, self.model)
        results, key = self._results_of(atoms), name if self._exact else f"{name}_exact"
        if key not in results:
            results[key] = evaluate(self.model, self._uncertainty, self.atoms)
        return results[key]

    def _of_committee(self, name: str, atoms: Atoms | None) -> Any:
        results = self._results_of(atoms)
        if name not in results:
            pairs = self._lists.pairs(self.atoms)
            found = self.model.uncertainties_of(pairs, pairs)
            results.update(
                energy_uncertainty=found.energy, energies_uncertainty=found.energies, forces_uncertainty=found.forces
            )
        return results[name]


def _largest_grade(model: Model, stop: object) -> float | None:
    """The largest grade that is allowed; None if any is."""
    if stop is None or stop is False:
        return None
    if stop is True:
        return model.grade_thresholds[1]
    if not isinstance(stop, int | float | np.integer | np.floating) or not stop > 0:
        raise ModuleError(f"stop = {shown(stop)} is not possible; use a positive number, or True for the model's own.")
    return float(stop)
