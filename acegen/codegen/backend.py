"""What a backend is: kernel programs in, C out. Code generation knows nothing else about a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from acegen.codegen.lanes.backend import LanesBackend
from acegen.codegen.plain.backend import PlainBackend
from acegen.optimize import Cost, ProductStage
from acegen.options import BuildOptions, ProductForm
from acegen.program.kernel import KernelProgram
from acegen.program.uncertainty import CommitteeProgram, GradeProgram


@dataclass(frozen=True)
class Machine:
    """The machine code is written for: width in bytes and number of its vector registers."""

    vector_bytes: int
    registers: int


class Backend(Protocol):
    """Writes the kernels of a model as C with the interface of acegen.h.

    Descriptors are the functions NAME_basis_workspace and NAME_basis, of atoms also NAME_design. A potential is
    NAME_potential_workspace and NAME_potential; reference terms of a model with descriptors add NAME_reference.
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
        """Arithmetic of the potential, in words."""
        ...

    def optimize(self, potential: KernelProgram, form: ProductForm) -> ProductStage:
        """The product stage of a potential, by the optimizer passes this backend uses, with their reports.

        Raises:
            BuildError: the program contains something the backend does not support.
        """
        ...

    def seconds(self, cost: Cost) -> float:
        """Estimated time of a product stage per centre."""
        ...

    def generate(
        self, descriptors: KernelProgram | None, potential: KernelProgram | None, stage: ProductStage | None
    ) -> Mapping[str, str]:
        """C files by name.

        Args:
            descriptors: the basis functions; None for a potential without any.
            potential: the site energy for given coefficients; None for a basis alone.
            stage: its product stage, from `optimize`.

        Raises:
            BuildError: a program contains something the backend does not support.
        """
        ...

    def generate_grades(self, grades: GradeProgram) -> Mapping[str, str]:
        """C files of a kernel of grades by name: NAME_grade_workspace and NAME_grade, NAME that of the descriptors.

        Raises:
            BuildError: the program contains something the backend does not support.
        """
        ...

    def generate_committee(self, committee: CommitteeProgram) -> Mapping[str, str]:
        """C files of a committee, by name: NAME_committee_workspace and NAME_committee. Raises as `generate_grades`."""
        ...


def choose_backend(options: BuildOptions, machine: Machine) -> Backend:
    """The requested backend, for a machine."""
    if options.backend == "plain":
        return PlainBackend()
    return LanesBackend.of(options, machine.vector_bytes, machine.registers)
