"""A compiled model in Python: basis functions, energies and forces through the ABI."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acegen.elements import SYMBOLS
from acegen.errors import AcegenError
from acegen.runtime.compiled import CompiledModel
from acegen.runtime.environments import Batch, Environments, Neighbourhoods, batches, check_vectors
from acegen.runtime.inputs import Element, InputReader
from acegen.runtime.neighbours import NeighbourList, virial_of
from acegen.runtime.pairs import MovingPairs
from acegen.runtime.results import DesignRows, FunctionLabel, Members, Result, Uncertainties
from acegen.runtime.uncertainty import calibrated
from acegen.store.manifest import Manifest

if TYPE_CHECKING:
    from ase import Atoms

Floats: TypeAlias = NDArray[np.float64]

_BATCH = 160_000
"""Neighbours times members that a thread evaluates at a time: gradients of 4 MB."""


class Model(CompiledModel):
    """A compiled model of atoms.

    Arrays are float64, lengths Å, energies eV. `center` and `numbers` are atomic numbers or symbols;
    `displacements` has shape (J, 3), neighbour minus centre. Neighbours beyond the cutoff may be passed and
    contribute zero.
    """

    of = "atoms"
    loader = "acegen.load"

    def __init__(self, directory: Path, manifest: Manifest, ffi: Any, handle: Any, threads: int = 1) -> None:
        super().__init__(directory, manifest, ffi, handle, threads)
        self.elements: tuple[str, ...] = tuple(SYMBOLS[handle.atomic_numbers[i]] for i in range(handle.n_species))
        n = len(self.elements)
        self.cutoffs: Floats = np.array([handle.cutoffs[i] for i in range(n * n)]).reshape(n, n)
        self._inputs = InputReader(manifest.name, self.elements, self.cutoffs)

    @classmethod
    def is_kind_of(cls, handle: Any) -> bool:
        """Whether an `acegen_model *`, the handle, is a model of atoms: these have atomic numbers."""
        return bool(handle.atomic_numbers[0])

    def __repr__(self) -> str:
        kind = "potential" if self.has_potential else "basis"
        what = f"{self.n_basis} functions" if self.has_basis else "from a file"
        return f"<acegen {kind} {self.name}: {', '.join(self.elements)}, {what}>"

    @property
    def species(self) -> tuple[str, ...]:
        """The species of particles, which are the elements."""
        return self.elements

    @property
    def n_pair(self) -> int:
        """Number of pair functions, which come first among the basis functions; 0 without a pair term."""
        return int(self._handle.n_pair)

    @property
    def atomic_energies(self) -> dict[str, float]:
        """Energy of an atom without neighbours by element, eV; zeros if the coefficients have none."""
        return {element: float(self._handle.atomic_energies[i]) for i, element in enumerate(self.elements)}

    @property
    def cutoff(self) -> float:
        """Largest cutoff of any pair, Å."""
        return float(self.cutoffs.max())

    @cached_property
    def _labels(self) -> tuple[FunctionLabel, ...]:
        return tuple(
            FunctionLabel(f["order"], tuple(f["elements"]), tuple(f["n"]), tuple(f["l"]), f["index"])
            for f in self.description["functions"]
        )

    def labels(self, center: Element) -> tuple[FunctionLabel, ...]:
        """One record per basis function of a centre, in order. Arguments and errors as for `basis`."""
        self.require_basis()
        self._inputs.species_of(center)
        return self._labels

    def basis(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> Floats:
        """Basis functions of one environment, shape (n_basis,).

        Args:
            center: element of the centre, a symbol or an atomic number.
            numbers: elements of the neighbours, shape (J,).
            displacements: neighbours minus centre, shape (J, 3), Å.

        Raises:
            StructureError: unknown element, coincident atoms, wrong shape, or values that are not finite.
            ModuleError: the model has none, since it was made from a potential file.
        """
        environment = self._inputs.single(center, numbers, displacements)
        values: Floats = self._evaluate_basis(environment, gradient=False)[0][0]
        return values

    def basis_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> Floats:
        """Derivatives of the basis functions by each displacement, (n_basis, J, 3) in Å⁻¹.

        Arguments and errors as for `basis`.
        """
        environment = self._inputs.single(center, numbers, displacements)
        return self._evaluate_basis(environment, gradient=True)[1].reshape(self.n_basis, -1, 3)

    def energy(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> float:
        """Site energy of one environment, eV.

        Args:
            center: element of the centre, a symbol or an atomic number.
            numbers: elements of the neighbours, shape (J,).
            displacements: neighbours minus centre, shape (J, 3), Å.

        Raises:
            StructureError: unknown element, coincident atoms, wrong shape, or values that are not finite.
            ModuleError: the model was compiled without coefficients.
        """
        return self.energy_gradient(center, numbers, displacements)[0]

    def energy_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> tuple[float, Floats]:
        """Site energy in eV and its derivative by each displacement, (J, 3) in eV/Å.

        Arguments and errors as for `energy`.
        """
        energy, gradient = self._evaluate_potential(self._inputs.single(center, numbers, displacements))
        return float(energy[0]), gradient

    def descriptors(self, atoms: Atoms) -> Floats:
        """Basis functions of every atom of a structure, shape (N, n_basis).

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model has none, since it was made from a potential file.
        """
        return self._evaluate_basis(self._inputs.structure(atoms)[0], gradient=False)[0]

    def basis_values(self, environments: Environments) -> Floats:
        """Basis functions of many `environments` of N centres, (N, n_basis); skips checks that the kernel makes.

        Raises:
            AcegenError: the kernel refuses an environment; the message says which.
        """
        return self._evaluate_basis(environments, gradient=False)[0]

    def site_energies(self, environments: Environments) -> tuple[Floats, Floats]:
        """Site energies (N,), eV, of many environments at once, and their derivative by displacements (P, 3), eV/Å.

        Skips checks that the kernel makes. P is the number of pairs of centre and neighbour.

        Raises:
            AcegenError: the kernel refuses an environment; the message says which.
            ModuleError: the model was compiled without coefficients.
        """
        return self._evaluate_potential(environments)

    def compute(self, atoms: Atoms) -> Result:
        """Energies, forces and virial of a structure, periodic or not.

        An atom without neighbours has the atomic energy of its element; an `IsolatedAtomWarning` names it.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model was compiled without coefficients.
        """
        environments, pairs = self._inputs.structure(atoms)
        energies, gradient = self._evaluate_potential(environments)
        return Result(energies, pairs.forces(gradient), pairs.virial(gradient))

    def reference(self, atoms: Atoms) -> Result:
        """The part of `compute` without coefficients and atomic energies: the ZBL core; zeros if there is none.

        A linear fit is made to the data minus this and the atomic energies. Needs no coefficients.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model has no basis to fit, since it was made from a potential file.
        """
        return self.reference_of(*self._inputs.structure(atoms, warn=False))

    def reference_of(self, environments: Environments, pairs: NeighbourList) -> Result:
        """`reference` of a structure with given `environments`, which are those of the neighbour list `pairs`."""
        energies, gradient = self._evaluate_reference(environments)
        return Result(energies, pairs.forces(gradient), pairs.virial(gradient))

    def reference_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> tuple[float, Floats]:
        """`energy_gradient` of the reference: eV, and (J, 3) in eV/Å. Arguments and errors as for `basis`."""
        energy, gradient = self._evaluate_reference(self._inputs.single(center, numbers, displacements))
        return float(energy[0]), gradient

    def environments(self, atoms: Atoms, skin: float = 0.0) -> tuple[Environments, NeighbourList]:
        """Environments of `atoms`, neighbours up to `skin` Å beyond the largest cutoff. Raises as `descriptors`."""
        return self._inputs.structure(atoms, skin=skin)

    def evaluate(self, pairs: MovingPairs) -> tuple[Floats, Floats]:
        """Site energies (N,) in eV, and their derivative by each displacement of `pairs`, (P, 3) in eV/Å.

        Skips checks that the kernel makes. Raises as `compute`.
        """
        return self._evaluate_potential(pairs)

    def grade(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> float:
        """Grade of one environment, without unit. Arguments as for `basis`; raises as `basis` and `grades`."""
        return float(self.grades_of(self._inputs.single(center, numbers, displacements))[0])

    def grades(self, atoms: Atoms) -> Floats:
        """How far the environment of every atom of a structure is from those the model was fitted to, shape (N,).

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model has no grades.
        """
        self.require_grades()
        return self.grades_of(self._inputs.structure(atoms, warn=False)[0])

    def grades_of(self, environments: Neighbourhoods) -> Floats:
        """Grades of many environments at once, (N,); skips checks that the kernel makes.

        Raises:
            AcegenError: the kernel refuses an environment; the message says which.
            ModuleError: the model has no grades.
        """
        return self._evaluate_grades(environments)

    def committee(self, atoms: Atoms) -> Members:
        """What the members of the committee say of a structure, minus what `compute` says.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model has no committee.
        """
        self.require_committee()
        environments, pairs = self._inputs.structure(atoms, warn=False)
        return self._members(environments, pairs)

    def members(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> tuple[Floats, Floats]:
        """Site energies (K,) of one environment by the members, and their gradients (K, J, 3), as in `committee`.

        In eV and eV/Å. Arguments as for `basis`; raises as `basis` and `committee`.
        """
        energies, gradients = self.committee_of(self._inputs.single(center, numbers, displacements))
        return energies[0], gradients

    def committee_of(self, environments: Neighbourhoods) -> tuple[Floats, Floats]:
        """Site energies by the members (N, K), and their derivative by each displacement (K, P, 3), as in `committee`.

        In eV and eV/Å, of many `environments`. Skips checks that the kernel makes.

        Raises:
            AcegenError: the kernel refuses an environment; the message says which.
            ModuleError: the model has no committee.
        """
        return self._evaluate_committee(environments)

    def uncertainties(self, atoms: Atoms) -> Uncertainties:
        """Standard deviations of errors to be expected in `compute` of a structure, eV and eV/Å, from the committee.

        Raises as `committee`.
        """
        self.require_committee()
        return self.uncertainties_of(*self._inputs.structure(atoms, warn=False))

    def uncertainties_of(self, environments: Neighbourhoods, pairs: NeighbourList | MovingPairs) -> Uncertainties:
        """`uncertainties` of a structure with given `environments`, and its `pairs`. Raises as `committee_of`."""
        members = self._members(environments, pairs if isinstance(pairs, NeighbourList) else pairs.listed)
        return calibrated(members.energies, members.forces, self.committee_calibration, self.committee_quantiles)

    def _members(self, environments: Neighbourhoods, pairs: NeighbourList) -> Members:
        """As `committee`, a batch of centres at a time: gradients of all would take much memory."""
        self.require_committee()
        count, n_atoms = self.n_members, len(environments.center)
        energies, forces, virials = np.empty((n_atoms, count)), np.zeros((count, n_atoms, 3)), np.zeros((count, 3, 3))
        for batch in batches(environments, _BATCH * self._usable_threads() // count):
            energies[batch.start : batch.end], gradients = self._evaluate_committee(batch)
            scatter = pairs.scatter(batch)
            displacement = environments.displacement[batch.entries]
            for member, gradient in enumerate(gradients):
                scatter.add(gradient, forces[member])
                virials[member] += virial_of(displacement, gradient)
        return Members(energies, forces, virials)

    def design_rows(self, atoms: Atoms) -> DesignRows:
        """Rows of the design matrix of a structure: energy (C,), forces (N, 3, C), virial (6, C).

        For many structures, or large ones, see `acegen.design_blocks`.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model has no basis functions, since it was made from a potential file.
        """
        return self.design_part(*self.environments(atoms), 0, len(atoms))

    def design_part(self, environments: Environments, pairs: NeighbourList, first: int, last: int) -> DesignRows:
        """Rows of the atoms `first` to `last` (exclusive) of a structure; see `DesignBlock` for energy and virial.

        With its `environments` and neighbour list, `pairs`, as `environments` returns them. Raises as `design_rows`.
        """
        self.require_basis()
        count, n_atoms, neighbour = last - first, len(environments.center), pairs.neighbour
        if count < n_atoms:  # the atoms themselves, and those whose neighbours they are
            own = np.arange(first, last)
            centers = np.union1d(own, neighbour[environments.entries_of(own)])
            entries = environments.entries_of(centers)
            environments, neighbour = environments.part(centers, entries), neighbour[entries]
        else:
            centers = np.arange(n_atoms)

        def rows_of(atoms: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where((atoms >= first) & (atoms < last), atoms - first, -1).astype(np.int64)

        columns = len(self.elements) * self.n_basis
        center_row, neighbour_row = rows_of(centers), rows_of(neighbour)
        energy, virial, forces = np.empty(columns), np.empty((columns, 6)), np.empty((columns, count, 3))
        self._call(
            self._handle.design,
            environments,
            self._handle.basis_workspace(environments.most, count),
            self._pointer("const int64_t *", center_row),
            self._pointer("const int64_t *", neighbour_row),
            count,
            self._pointer("double *", energy),
            self._pointer("double *", forces),
            self._pointer("double *", virial),
        )
        return DesignRows(energy, forces.transpose(1, 2, 0), virial.T)

    def _call(self, kernel: Any, environments: Neighbourhoods, size: int | None, *arguments: Any) -> None:
        """As that of all models; if the kernel refuses the pairs of a structure, with the atoms that are the cause."""
        try:
            super()._call(kernel, environments, size, *arguments)
        except AcegenError:
            whole = environments.whole if isinstance(environments, Batch) else environments
            if isinstance(whole, MovingPairs):
                check_vectors(whole.displacement, whole.first, whole.listed.neighbour)
            raise

    def _evaluate_reference(self, environments: Environments) -> tuple[Floats, Floats]:
        self.require_basis()
        energy = np.zeros(len(environments.center))
        gradient = np.zeros((len(environments.displacement), 3))
        if self._handle.reference != self._ffi.NULL:
            out = self._pointer("double *", energy), self._pointer("double *", gradient)
            self._call(self._handle.reference, environments, None, *out)
        return energy, gradient


def load(path: str | Path, threads: int = 1) -> Model:
    """Load a compiled module.

    Args:
        path: its folder, or that of a fit.
        threads: threads to evaluate the potential with; more than one needs a module compiled with OpenMP.

    Raises:
        ModuleError: it is missing, damaged, compiled for another machine or Python, made of particles other than atoms,
            or cannot use several threads.
    """
    return Model.open(path, threads)
