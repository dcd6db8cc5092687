"""What generated code is written for: arithmetic and vector registers."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.codegen.lanes.cost import VectorCost
from acegen.codegen.literals import Literal, double_literal, float_literal
from acegen.optimize import Cost
from acegen.options import BuildOptions, Precision


@dataclass(frozen=True)
class Target:
    """Lanes of a kernel and the registers that hold them.

    Attributes:
        precision: arithmetic of the kernel.
        lanes: centres evaluated together.
        vector_bytes: width of a vector register.
        registers: number of vector registers.
    """

    precision: Precision
    lanes: int
    vector_bytes: int
    registers: int

    @property
    def real(self) -> str:
        """C type of a number."""
        return "float" if self.precision == "single" else "double"

    @property
    def literal(self) -> Literal:
        """How its constants are printed."""
        return float_literal if self.precision == "single" else double_literal

    @property
    def cost_model(self) -> VectorCost:
        """The cost of product stages, with as many rows per block as leave registers for the rest."""
        rows = 8 if self.variables >= 32 else 4
        return VectorCost(most_rows=rows, variables=self.variables, vector_bytes=self.vector_bytes)

    def seconds(self, cost: Cost) -> float:
        """Estimated time of a product stage per centre."""
        return cost.seconds(self.lanes, self.vectors)

    @property
    def lanes_bytes(self) -> int:
        """Size of a variable of type `lanes`."""
        return self.lanes * (4 if self.precision == "single" else 8)

    @property
    def vectors(self) -> int:
        """Registers that a variable of type `lanes` takes."""
        return max(1, self.lanes_bytes // self.vector_bytes)

    @property
    def variables(self) -> int:
        """Variables of type `lanes` that fit into the registers."""
        return max(4, self.registers // self.vectors)

    @property
    def tiles(self) -> tuple[int, ...]:
        """Numbers of neighbours whose one-particle functions are in flight together, the largest first."""
        return (4, 2) if self.variables >= 32 else (2, 1) if self.variables >= 16 else (1,)

    @property
    def force_tile(self) -> int:
        """Neighbours of the force stage that take the derivatives of an energy from memory together."""
        return 2 if self.variables >= 32 else 1


@dataclass(frozen=True)
class Targets:
    """Targets of the kernels; those of the basis and of grades are always in double precision.

    Attributes:
        basis: of the kernels of the basis and of grades.
        potential: of the potential kernel.
        committee: of the energies of a committee, in double precision: members are small, but as differences of terms
            that are larger by up to ten million times.
        forces: of its gradients: in single precision, with twice as many lanes, which take as many registers.
        openmp: whether all but the basis kernel use several threads.
    """

    basis: Target
    potential: Target
    committee: Target
    forces: Target
    openmp: bool


def choose_targets(options: BuildOptions, vector_bytes: int, registers: int) -> Targets:
    """Lanes as requested, otherwise as many as fill a register."""

    def target(precision: Precision) -> Target:
        size = 4 if precision == "single" else 8
        return Target(precision, options.lanes or vector_bytes // size, vector_bytes, registers)

    double = target("double")
    forces = Target("single", 2 * double.lanes, vector_bytes, registers)
    return Targets(double, target(options.precision), double, forces, options.openmp)
