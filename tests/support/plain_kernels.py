"""Kernels of the plain backend in a library of their own, called through ctypes: no module, no package."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acegen.build.toolchain import find_toolchain
from acegen.codegen.environment import abi_header
from acegen.codegen.plain.backend import PlainBackend
from acegen.program import KernelProgram
from acegen.store import files

Environment = tuple[int, np.ndarray, np.ndarray]
"""Species of the centre, species of the neighbours, displacements."""

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]


class Environments(ctypes.Structure):
    """acegen_environments."""

    _fields_ = (
        ("n_atoms", ctypes.c_int64),
        ("center", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("species", ctypes.c_void_p),
        ("displacement", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class PlainKernels:
    """Compiled kernels of a name, with their sources."""

    sources: dict[str, str]
    library: Any
    name: str

    def potential(self, environments: Sequence[Environment]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Energies, and gradients of shape (J, 3)."""
        energy = np.empty(len(environments))
        gradient = np.empty((sum(len(own[1]) for own in environments), 3))
        self._call("potential", environments, ctypes.c_int32(1), (energy, gradient), [ctypes.c_int32(1)])
        return energy, np.split(gradient, np.cumsum([len(own[1]) for own in environments])[:-1])

    def basis(self, environment: Environment, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Values, shape (count,), and gradient, shape (count, J, 3)."""
        values, gradient = np.empty(count), np.empty((count, len(environment[1]), 3))
        self._call("basis", [environment], ctypes.c_int64(0), (values, gradient), [])
        return values, gradient

    def committee(self, environments: Sequence[Environment], count: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """Energies, shape (number of environments, count), and gradients of shape (count, J, dimension)."""
        energy = np.empty((len(environments), count))
        lengths = [len(own[1]) for own in environments]
        gradient = np.empty((count, sum(lengths), environments[0][2].shape[1]))
        self._call("committee", environments, ctypes.c_int32(1), (energy, gradient), [ctypes.c_int32(1)])
        return energy, np.split(gradient, np.cumsum(lengths)[:-1], axis=1)

    def grades(self, environments: Sequence[Environment]) -> np.ndarray:
        """Grades."""
        grade = np.empty(len(environments))
        self._call("grade", environments, ctypes.c_int32(1), (grade,), [ctypes.c_int32(1)])
        return grade

    def _call(
        self,
        kernel: str,
        environments: Sequence[Environment],
        count: Any,
        outputs: Sequence[np.ndarray],
        more: Sequence[Any],
    ) -> None:
        center = np.array([own[0] for own in environments], dtype=np.int32)
        first = np.cumsum([0, *(len(own[1]) for own in environments)], dtype=np.int64)
        species = np.concatenate([own[1] for own in environments]).astype(np.int32)
        x = np.ascontiguousarray(np.concatenate([own[2] for own in environments]), dtype=float)
        passed = Environments(len(center), *(array.ctypes.data for array in (center, first, species, x)))
        size_of = getattr(self.library, f"{self.name}_{kernel}_workspace")
        size_of.restype = ctypes.c_size_t
        size = size_of(ctypes.c_int64(int(np.diff(first).max())), count)
        workspace = np.full(size + 64, 0xFF, dtype=np.uint8)  # NaNs, and a margin that must stay as it is
        status = getattr(self.library, f"{self.name}_{kernel}")(
            ctypes.byref(passed),
            *(ctypes.c_void_p(array.ctypes.data) for array in outputs),
            *more,
            ctypes.c_void_p(workspace.ctypes.data),
            ctypes.c_size_t(size),
            None,
        )
        assert status == 0, f"status {status}"
        assert (workspace[size:] == 0xFF).all()


def plain_kernels(descriptors: KernelProgram | None, potential: KernelProgram, folder: Path) -> PlainKernels:
    """The kernels of two programs, or of a potential alone, by a strict compiler with every warning an error."""
    backend = PlainBackend()
    sources = dict(backend.generate(descriptors, potential, backend.optimize(potential, "auto")))
    return compiled(sources, potential.name, folder)


def compiled(sources: dict[str, str], name: str, folder: Path) -> PlainKernels:
    """A library of C files by name."""
    for file, text in {**sources, files.ABI_HEADER: abi_header()}.items():
        (folder / file).write_text(text)
    names = [file for file in sources if file.endswith(".c")]
    library = folder / f"lib{name}.so"
    command = [*find_toolchain().command, *STRICT, "-O1", "-fPIC", "-shared", *names, "-o", str(library), "-lm"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return PlainKernels(sources, ctypes.CDLL(str(library)), name)
