"""A compiled model in Python: basis functions, energies and forces through the ABI."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acegen.elements import SYMBOLS
from acegen.errors import AcegenError, ModuleError
from acegen.manifest import Manifest, read_manifest
from acegen.options import BuildOptions
from acegen.runtime.design import DesignRows
from acegen.runtime.environments import Environments, check_vectors
from acegen.runtime.inputs import Element, InputReader
from acegen.runtime.library import open_library
from acegen.runtime.neighbours import NeighbourList
from acegen.runtime.results import FunctionLabel, Result

if TYPE_CHECKING:
    from ase import Atoms

Floats: TypeAlias = NDArray[np.float64]

_MAX_THREADS = 1024


class Model:
    """A compiled model.

    Arrays are float64, lengths Å, energies eV. `center` and `numbers` are atomic numbers or symbols;
    `displacements` has shape (J, 3), neighbour minus centre. Neighbours beyond the cutoff may be passed and
    contribute zero.
    """

    def __init__(self, directory: Path, manifest: Manifest, ffi: Any, handle: Any, threads: int = 1) -> None:
        self._directory = directory
        self._manifest = manifest
        self._ffi = ffi
        self._handle = handle
        self._threads = threads
        self._process = os.getpid()
        self.elements: tuple[str, ...] = tuple(SYMBOLS[handle.atomic_numbers[i]] for i in range(handle.n_species))
        n = len(self.elements)
        self.cutoffs: Floats = np.array([handle.cutoffs[i] for i in range(n * n)]).reshape(n, n)
        self._inputs = InputReader(manifest.name, self.elements, self.cutoffs)

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> Model:
        """Load a compiled module from its folder.

        Args:
            path: the folder.
            threads: threads to evaluate the potential with; more than one needs a module compiled with OpenMP. A
                forked child uses one, as OpenMP requires.

        Raises:
            ModuleError: it is missing, damaged, or was compiled for another machine or Python, or cannot use
                several threads.
        """
        directory = Path(path).resolve()
        manifest = read_manifest(directory)
        ffi, handle = open_library(directory, manifest)
        if type(threads) is not int or not 1 <= threads <= _MAX_THREADS:
            raise ModuleError(f"threads = {threads!r} is not possible; use a number from 1 to {_MAX_THREADS}.")
        if threads > 1 and not handle.multithreaded:
            raise ModuleError(
                f"threads = {threads} needs OpenMP, without which {directory} was compiled. "
                "Compile with --openmp (BuildOptions(openmp=True))."
            )
        return cls(directory, manifest, ffi, handle, threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return load, (self._directory, self._threads)

    def __repr__(self) -> str:
        kind = "potential" if self.has_potential else "basis"
        return f"<acegen {kind} {self.name}: {', '.join(self.elements)}, {self.n_basis} functions>"

    @property
    def name(self) -> str:
        """Name in the specification."""
        return self._manifest.name

    @property
    def path(self) -> Path:
        """Folder of the module."""
        return self._directory

    @property
    def basis_hash(self) -> str:
        """Identity of the basis, to be named by coefficients."""
        return self._manifest.basis_hash

    @property
    def n_basis(self) -> int:
        """Number of basis functions of a centre."""
        return int(self._handle.n_basis)

    @property
    def n_pair(self) -> int:
        """Number of pair functions, which come first among the basis functions; 0 without a pair term."""
        return int(self._handle.n_pair)

    @property
    def atomic_energies(self) -> dict[str, float]:
        """Energy of an atom without neighbours by element, eV; zeros if the coefficients came without them."""
        return {element: float(self._handle.atomic_energies[i]) for i, element in enumerate(self.elements)}

    @property
    def cutoff(self) -> float:
        """Largest cutoff of any pair, Å."""
        return float(self.cutoffs.max())

    @property
    def has_potential(self) -> bool:
        """Whether the model was compiled with coefficients."""
        return bool(self._handle.potential != self._ffi.NULL)

    @property
    def options(self) -> BuildOptions:
        """How it was built."""
        return BuildOptions(**self._manifest.options)

    @property
    def compiler(self) -> str:
        """The command that compiled it."""
        return self._manifest.compiler

    @property
    def precision(self) -> str:
        """Arithmetic of the potential: "double" or "single"."""
        return "single" if self._handle.single_precision else "double"

    @property
    def multithreaded(self) -> bool:
        """Whether the potential can use several threads."""
        return bool(self._handle.multithreaded)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The basis description: exact coupling, purification operator and scales (`basis.json`)."""
        try:
            text = (self._directory / "basis.json").read_bytes()
        except OSError:
            text = b""
        if hashlib.sha256(text).hexdigest() != self.basis_hash:
            raise ModuleError(
                f"the module {self._directory} was replaced or removed after it was loaded. Load it again."
            )
        document: dict[str, Any] = json.loads(text)
        return document

    @cached_property
    def _labels(self) -> tuple[FunctionLabel, ...]:
        return tuple(
            FunctionLabel(f["order"], tuple(f["elements"]), tuple(f["n"]), tuple(f["l"]), f["index"])
            for f in self.description["functions"]
        )

    def labels(self, center: Element) -> tuple[FunctionLabel, ...]:
        """One record per basis function of a centre, in the order of `basis` and of coefficients."""
        self._inputs.species_of(center)
        return self._labels

    def basis(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> Floats:
        """Basis functions of one environment, shape (n_basis,).

        Raises:
            StructureError: unknown element, coincident atoms, wrong shape, or values that are not finite.
        """
        environment = self._inputs.single(center, numbers, displacements)
        values: Floats = self._evaluate_basis(environment, gradient=False)[0][0]
        return values

    def basis_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> Floats:
        """Derivatives of the basis functions by each displacement, shape (n_basis, J, 3). Raises as `basis`."""
        environment = self._inputs.single(center, numbers, displacements)
        return self._evaluate_basis(environment, gradient=True)[1].reshape(self.n_basis, -1, 3)

    def energy(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> float:
        """Site energy of one environment, eV.

        Raises:
            StructureError: as `basis`.
            ModuleError: the model was compiled without coefficients.
        """
        return self.energy_gradient(center, numbers, displacements)[0]

    def energy_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> tuple[float, Floats]:
        """Site energy in eV and its derivative by each displacement, (J, 3) in eV/Å. Raises as `energy`."""
        energy, gradient = self._evaluate_potential(self._inputs.single(center, numbers, displacements))
        return float(energy[0]), gradient

    def descriptors(self, atoms: Atoms) -> Floats:
        """Basis functions of every atom of a structure, shape (N, n_basis).

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        return self._evaluate_basis(self._inputs.structure(atoms)[0], gradient=False)[0]

    def basis_values(self, environments: Environments) -> Floats:
        """Basis functions of many environments at once, (N, n_basis); checks nothing that the kernel checks.

        Raises:
            AcegenError: the kernel refuses an environment; the message says which.
        """
        return self._evaluate_basis(environments, gradient=False)[0]

    def compute(self, atoms: Atoms) -> Result:
        """Energies, forces and virial of a structure, periodic or not.

        An atom without neighbours has the atomic energy of its element; an `IsolatedAtomWarning` tells which.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
            ModuleError: the model was compiled without coefficients.
        """
        environments, pairs = self._inputs.structure(atoms)
        energies, gradient = self._evaluate_potential(environments)
        return Result(energies, pairs.forces(gradient), pairs.virial(gradient))

    def reference(self, atoms: Atoms) -> Result:
        """The part of `compute` that has no coefficients, without atomic energies: the ZBL core; zeros without one.

        A linear fit is made to what is left of the data when this and the atomic energies are subtracted. Needs no
        coefficients.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        environments, pairs = self._inputs.structure(atoms, warn=False)
        energies, gradient = self._evaluate_reference(environments)
        return Result(energies, pairs.forces(gradient), pairs.virial(gradient))

    def reference_gradient(
        self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike
    ) -> tuple[float, Floats]:
        """The part of `energy_gradient` that `reference` gives for structures. Raises as `basis`."""
        energy, gradient = self._evaluate_reference(self._inputs.single(center, numbers, displacements))
        return float(energy[0]), gradient

    def environments(self, atoms: Atoms, skin: float = 0.0) -> tuple[Environments, NeighbourList]:
        """Environments of all atoms, neighbours up to `skin` Å beyond the largest cutoff. Raises as `descriptors`."""
        return self._inputs.structure(atoms, skin=skin)

    def evaluate(self, environments: Environments, pairs: NeighbourList) -> tuple[Floats, Floats]:
        """Site energies (N,) and their derivative by each displacement (P, 3); checks nothing that the kernel checks.

        Raises as `compute`.
        """
        try:
            return self._evaluate_potential(environments)
        except AcegenError:  # which atoms it was, if it was atoms
            check_vectors(pairs.displacement, pairs.first, pairs.neighbour)
            raise

    def require_potential(self) -> None:
        """Raises `ModuleError` if the model was compiled without coefficients."""
        if not self.has_potential:
            raise ModuleError(
                f"the model {self.name} was compiled without coefficients and has no energies. "
                "Compile it with coefficients=..., or --coefficients FILE."
            )

    def design_rows(self, atoms: Atoms) -> DesignRows:
        """Rows of the design matrix of a structure: energy (C,), forces (N, 3, C), virial (6, C).

        For many structures, or large ones, see `acegen.design_blocks`.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        environments, neighbour = self.design_environments(atoms)
        return self.design_part(environments, neighbour, 0, len(atoms))

    def design_environments(self, atoms: Atoms) -> tuple[Environments, NDArray[np.int64]]:
        """Environments of all atoms, and the atom each entry stands for. Raises as `design_rows`."""
        environments, pairs = self._inputs.structure(atoms)
        return environments, pairs.neighbour

    def design_part(
        self, environments: Environments, neighbour: NDArray[np.int64], first: int, last: int
    ) -> DesignRows:
        """Rows of the atoms `first` to `last` (exclusive) of a structure; see `DesignBlock` for energy and virial."""
        count, n_atoms = last - first, len(environments.center)
        if count < n_atoms:  # the atoms themselves, and those that have them as neighbours
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

    def _evaluate_basis(self, environments: Environments, gradient: bool) -> tuple[Floats, Floats]:
        values = np.empty((len(environments.center), self.n_basis))
        n_entries = len(environments.displacement)
        derivatives = np.empty(n_entries * self.n_basis * 3 if gradient else 0)
        out = self._pointer("double *", derivatives) if gradient else self._ffi.NULL
        size = self._handle.basis_workspace(environments.most, 0)
        self._call(self._handle.basis, environments, size, self._pointer("double *", values), out)
        return values, derivatives

    def _evaluate_potential(self, environments: Environments) -> tuple[Floats, Floats]:
        self.require_potential()
        # OpenMP runtimes hang in a forked child whose parent has used several threads; the results are the same.
        threads = self._threads if os.getpid() == self._process else 1
        energy = np.empty(len(environments.center))
        gradient = np.empty((len(environments.displacement), 3))
        self._call(
            self._handle.potential,
            environments,
            self._handle.potential_workspace(environments.most, threads),
            self._pointer("double *", energy),
            self._pointer("double *", gradient),
            threads,
        )
        return energy, gradient

    def _evaluate_reference(self, environments: Environments) -> tuple[Floats, Floats]:
        energy = np.zeros(len(environments.center))
        gradient = np.zeros((len(environments.displacement), 3))
        if self._handle.reference != self._ffi.NULL:
            out = self._pointer("double *", energy), self._pointer("double *", gradient)
            self._call(self._handle.reference, environments, None, *out)
        return energy, gradient

    def _call(self, kernel: Any, environments: Environments, size: int | None, *arguments: Any) -> None:
        """Run a kernel of the ABI with a workspace of `size` bytes, if it takes one; arguments are passed on."""
        ffi = self._ffi
        argument = ffi.new("acegen_environments *")
        argument.n_atoms = len(environments.center)
        argument.center = self._pointer("const int32_t *", environments.center)
        argument.first = self._pointer("const int64_t *", environments.first)
        argument.species = self._pointer("const int32_t *", environments.species)
        argument.displacement = self._pointer("const double *", environments.displacement)
        failed = ffi.new("int64_t *", -1)
        scratch: tuple[Any, ...] = ()
        if size is not None:
            workspace = np.empty(size, dtype=np.uint8)
            scratch = self._pointer("void *", workspace), size
        status = kernel(argument, *arguments, *scratch, failed)
        if status:
            raise AcegenError(f"the kernel of {self.name} returned status {status} at atom {failed[0]}.")

    def _pointer(self, kind: str, array: NDArray[Any]) -> Any:
        return self._ffi.cast(kind, array.ctypes.data)


def load(path: str | Path, threads: int = 1) -> Model:
    """Load a compiled module from its folder. Raises `ModuleError`; see `Model.open`."""
    return Model.open(path, threads)
