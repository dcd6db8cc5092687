"""What a backend is: kernel programs in, C in. Codegen knows nothing else of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from acegen.codegen.lanes.backend import LanesBackend
from acegen.codegen.plain.backend import PlainBackend
from acegen.optimize import Cost, ProductStage
from acegen.options import BuildOptions, ProductForm
from acegen.program.kernel import KernelProgram


@dataclass(frozen=True)
class Machine:
    """What code is written for: vector registers of so many bytes, and how many."""

    vector_bytes: int
    registers: int


class Backend(Protocol):
    """Writes the kernels of a model as C with the interface of acegen.h.

    A model has the functions NAME_basis_workspace and NAME_basis, atoms NAME_design too; with a potential
    NAME_potential_workspace and NAME_potential; with reference terms NAME_reference.
    """

    @property
    def name(self) -> str:
        """As in `BuildOptions.backend`."""
        ...

    @property
    def single(self) -> bool:
        """Whether the potential is computed in single precision."""
        ...

    @property
    def openmp(self) -> bool:
        """Whether the potential can use several threads."""
        ...

    @property
    def description(self) -> str:
        """Arithmetic of the potential, for readers."""
        ...

    def optimize(self, potential: KernelProgram, form: ProductForm) -> ProductStage:
        """The product stage of a potential by the passes of the optimizer that are of use here, with their reports.

        Raises:
            BuildError: the program holds what the backend does not support.
        """
        ...

    def seconds(self, cost: Cost) -> float:
        """Estimated time of a product stage per centre."""
        ...

    def generate(
        self, descriptors: KernelProgram, potential: KernelProgram | None, stage: ProductStage | None
    ) -> Mapping[str, str]:
        """C files by name.

        Args:
            descriptors: the basis functions.
            potential: the site energy for given coefficients, or None.
            stage: its product stage, by `optimize`.

        Raises:
            BuildError: a program holds what the backend does not support.
        """
        ...


def choose_backend(options: BuildOptions, machine: Machine) -> Backend:
    """The backend that is asked for, for a machine."""
    if options.backend == "plain":
        return PlainBackend()
    return LanesBackend.of(options, machine.vector_bytes, machine.registers)
