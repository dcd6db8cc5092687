"""What compiled models have in common: their metadata, and calls through the ABI."""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acegen.errors import AcegenError, ModuleError
from acegen.options import BuildOptions
from acegen.runtime.environments import Batch, Environments, Neighbourhoods
from acegen.runtime.library import open_library
from acegen.store.manifest import POTENTIAL, UNCERTAINTY, Manifest, check_files, module_folder, read_manifest, resolved
from acegen.store.uncertainty import Uncertainty, read_uncertainty

Floats: TypeAlias = NDArray[np.float64]

_MAX_THREADS = 1024


class CompiledModel(ABC):
    """A loaded module: its metadata, and its kernels called with environments in the layout of the ABI.

    Each kind of model is a derived class.

    Attributes:
        of: what the model describes.
        loader: the function that loads this kind.
    """

    of: ClassVar[str]
    loader: ClassVar[str]

    def __init__(self, directory: Path, manifest: Manifest, ffi: Any, handle: Any, threads: int = 1) -> None:
        self._directory = directory
        self._manifest = manifest
        self._ffi = ffi
        self._handle = handle
        self._threads = threads
        self._process = os.getpid()

    @classmethod
    @abstractmethod
    def is_kind_of(cls, handle: Any) -> bool:
        """Whether an `acegen_model *`, the handle, is of this kind."""

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> Self:
        """Load a compiled module from its folder: of any kind by `CompiledModel.open`, of its own by a derived class.

        Args:
            path: the folder, or that of a fit with the module in it.
            threads: threads to evaluate the potential with; more than one needs a module compiled with OpenMP. A
                forked child uses one, as OpenMP requires.

        Raises:
            ModuleError: it is missing, damaged, compiled for another machine or Python, cannot use several threads,
                or is of another kind.
        """
        directory = module_folder(resolved(path))
        manifest = read_manifest(directory)
        ffi, handle = open_library(directory, manifest)
        kind = next(kind for kind in CompiledModel.__subclasses__() if kind.is_kind_of(handle))
        if issubclass(cls, kind):
            kind = cls
        if not issubclass(kind, cls):
            raise ModuleError(
                f"the module {directory} is a model of {kind.of} with symmetry "
                f"'{ffi.string(handle.symmetry).decode()}', not of {cls.of}. Load it with {kind.loader}."
            )
        if type(threads) is not int or not 1 <= threads <= _MAX_THREADS:
            raise ModuleError(f"threads = {threads!r} is not possible; use a number from 1 to {_MAX_THREADS}.")
        if threads > 1 and not handle.multithreaded:
            raise ModuleError(
                f"threads = {threads} needs OpenMP, but {directory} was compiled without it. "
                "Compile with --openmp (BuildOptions(openmp=True))."
            )
        return kind(directory, manifest, ffi, handle, threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).open, (self._directory, self._threads)

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
        """Identity of the basis, recorded with coefficients; of a model made from a potential file, of that."""
        return self._manifest.basis_hash

    @property
    def n_basis(self) -> int:
        """Number of basis functions of a centre; 0 if the model was made from a potential file."""
        return int(self._handle.n_basis)

    @property
    def has_basis(self) -> bool:
        """Whether the model has basis functions, and not just energies, so whether it was made from a spec."""
        return bool(self._handle.basis != self._ffi.NULL)

    @property
    def symmetry(self) -> str:
        """Symmetry of the particle space, "O3" for atoms."""
        return str(self._ffi.string(self._handle.symmetry).decode())

    @property
    @abstractmethod
    def species(self) -> tuple[str, ...]:
        """The species of particles."""

    @property
    def dimension(self) -> int:
        """Number of coordinates of a particle, 3 for atoms."""
        return int(self._handle.dimension)

    @property
    def has_potential(self) -> bool:
        """Whether the model has energies, so whether it was compiled with coefficients, or from a potential file."""
        return bool(self._handle.potential != self._ffi.NULL)

    @property
    def options(self) -> BuildOptions:
        """How the module was built."""
        return BuildOptions(**self._manifest.options)

    @property
    def compiler(self) -> str:
        """The command that compiled it."""
        return self._manifest.compiler

    @property
    def precision(self) -> str:
        """Arithmetic of the potential, "double" or "single"."""
        return "single" if self._handle.single_precision else "double"

    @property
    def multithreaded(self) -> bool:
        """Whether the potential can use several threads."""
        return bool(self._handle.multithreaded)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The basis description: exact coupling, purification operator and scales (`basis.json`).

        Of a model made from a potential file, what that contains (`potential.json`).
        """
        try:
            text = (self._directory / self._manifest.description).read_bytes()
        except OSError:
            text = b""
        if hashlib.sha256(text).hexdigest() != self.basis_hash:
            raise ModuleError(
                f"the module {self._directory} was replaced or removed after it was loaded. Load it again."
            )
        document: dict[str, Any] = json.loads(text)
        return document

    @property
    def has_grades(self) -> bool:
        """Whether the model can say how far an environment is from those it was fitted to."""
        return bool(self._handle.grade != self._ffi.NULL)

    @property
    def grade_kind(self) -> str:
        """ "leverage", "posterior" or "d-optimality"; see acegen.h. Raises `ModuleError` if there are no grades."""
        self.require_grades()
        return str(self._ffi.string(self._handle.grade_kind).decode())

    @property
    def grade_thresholds(self) -> tuple[float, float]:
        """Grades above which a configuration is worth labelling, and above which results are not to be trusted.

        Raises `ModuleError` if there are no grades.
        """
        self.require_grades()
        return float(self._handle.grade_thresholds[0]), float(self._handle.grade_thresholds[1])

    @property
    def n_members(self) -> int:
        """Number of members of the committee; 0 without one."""
        return int(self._handle.n_members)

    @property
    def committee_calibration(self) -> tuple[float, float, float, float]:
        """Floor (eV per atom) and scale of energies, floor (eV/Å) and scale of forces; see `uncertainties`.

        Raises `ModuleError` if there is no committee.
        """
        self.require_committee()
        floor, scale, force_floor, force_scale = (float(self._handle.committee_calibration[i]) for i in range(4))
        return floor, scale, force_floor, force_scale

    @property
    def committee_quantiles(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Half widths of the intervals of probability 0.5, 0.9 and 0.95, of energies and of forces.

        In standard deviations of the errors to be expected. Raises `ModuleError` if there is no committee.
        """
        self.require_committee()
        values = [float(self._handle.committee_quantiles[i]) for i in range(6)]
        return (values[0], values[1], values[2]), (values[3], values[4], values[5])

    @cached_property
    def uncertainty_data(self) -> Uncertainty:
        """What the fit knew of its own uncertainty, which grades and committee were compiled from.

        Raises:
            ModuleError: the model has none, or its folder was changed after it was loaded.
        """
        if UNCERTAINTY not in self._manifest.files:
            raise ModuleError(self._without("data on its own uncertainty"))
        check_files(self.path, replace(self._manifest, files={UNCERTAINTY: self._manifest.files[UNCERTAINTY]}))
        return read_uncertainty(self.path / UNCERTAINTY)

    def require_potential(self) -> None:
        """Raises `ModuleError` if the model was compiled without coefficients."""
        if not self.has_potential:
            raise ModuleError(
                f"the model {self.name} was compiled without coefficients and has no energies. "
                "Compile it with coefficients=..., or --coefficients FILE."
            )

    def require_basis(self) -> None:
        """Raises `ModuleError` if the model was made from a potential file and has no basis functions."""
        if not self.has_basis:
            raise ModuleError(
                f"the model {self.name} was made from a potential file ({POTENTIAL} in its folder). It has energies "
                "and forces, but no basis functions, so no descriptors, design matrix, fits or uncertainties: for "
                "these, compile a spec."
            )

    def require_grades(self) -> None:
        """Raises `ModuleError` if the model has no grades."""
        if not self.has_grades:
            raise ModuleError(self._without("grades"))

    def require_committee(self) -> None:
        """Raises `ModuleError` if the model has no committee."""
        if not self.n_members:
            raise ModuleError(self._without("committee"))

    def _without(self, what: str) -> str:
        self.require_basis()
        return (
            f"the model {self.name} has no {what}: it was compiled without. Fit again with this acegen, or compile it "
            f"with uncertainty=..., or --uncertainty FILE ({UNCERTAINTY} in the folder of a fit)."
        )

    def _evaluate_basis(self, environments: Environments, gradient: bool) -> tuple[Floats, Floats]:
        self.require_basis()
        values = np.empty((len(environments.center), self.n_basis))
        n_entries = len(environments.displacement)
        derivatives = np.empty(n_entries * self.n_basis * self.dimension if gradient else 0)
        out = self._pointer("double *", derivatives) if gradient else self._ffi.NULL
        size = self._handle.basis_workspace(environments.most, 0)
        self._call(self._handle.basis, environments, size, self._pointer("double *", values), out)
        return values, derivatives

    def _evaluate_potential(self, environments: Neighbourhoods) -> tuple[Floats, Floats]:
        self.require_potential()
        threads = self._usable_threads()
        energy = np.empty(len(environments.center))
        gradient = np.empty(environments.displacement.shape)
        self._call(
            self._handle.potential,
            environments,
            self._handle.potential_workspace(environments.most, threads),
            self._pointer("double *", energy),
            self._pointer("double *", gradient),
            threads,
        )
        return energy, gradient

    def _evaluate_grades(self, environments: Neighbourhoods) -> Floats:
        self.require_grades()
        threads = self._usable_threads()
        grades = np.empty(len(environments.center))
        size = self._handle.grade_workspace(environments.most, threads)
        self._call(self._handle.grade, environments, size, self._pointer("double *", grades), threads)
        return grades

    def _evaluate_committee(self, environments: Neighbourhoods) -> tuple[Floats, Floats]:
        """Energies (N, K), and gradients (K, P, 3) of the entries from `first[0]` up to `first[N]`."""
        self.require_committee()
        threads = self._usable_threads()
        energies = np.empty((len(environments.center), self.n_members))
        gradients = np.empty((self.n_members, int(environments.first[-1] - environments.first[0]), self.dimension))
        size = self._handle.committee_workspace(environments.most, threads)
        out = self._pointer("double *", energies), self._pointer("double *", gradients)
        self._call(self._handle.committee, environments, size, *out, threads)
        return energies, gradients

    def _usable_threads(self) -> int:
        """OpenMP runtimes hang in a forked child whose parent has used several. Results do not depend on it."""
        return self._threads if os.getpid() == self._process else 1

    def _call(self, kernel: Any, environments: Neighbourhoods, size: int | None, *arguments: Any) -> None:
        """Run a kernel of the ABI, passing on the arguments, with a workspace of `size` bytes if it takes one."""
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
            atom = failed[0] + (environments.start if isinstance(environments, Batch) else 0)
            raise AcegenError(f"the kernel of {self.name} returned status {status} at atom {atom}.")

    def _pointer(self, kind: str, array: NDArray[Any]) -> Any:
        return self._ffi.cast(kind, array.ctypes.data)


def open_model(path: str | Path, threads: int = 1) -> CompiledModel:
    """Load a compiled module of any kind from its folder. Arguments and errors as for `CompiledModel.open`."""
    return CompiledModel.open(path, threads)
