"""Kernels beside the potential: grades of environments, and a committee.

A grade says how far an environment is from those a model was fitted to. Around a centre of species z it is a norm,
over k, of linear combinations of the values of a program of descriptors, switch and pair functions included:

    γ = ‖Σ_j rows[z][k][j] values_j + constants[z][k]‖

The members of a committee are energies of their own (`acegen.program.embedding.Members`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from acegen.program.embedding import Members
from acegen.program.kernel import KernelProgram

Norm: TypeAlias = Literal["euclidean", "maximum"]
"""The square root of the sum of squares, or the largest absolute value."""


@dataclass(frozen=True)
class GradeProgram:
    """A kernel of grades; see the module.

    Attributes:
        kind: what the grades are called.
        descriptors: the values.
        norm: of the combinations.
        rows: by centre species and combination, a number for every value.
        constants: by centre species, added to the combinations.
        thresholds: above which a configuration is worth labelling, and above which results are not to be trusted.
    """

    kind: str
    descriptors: KernelProgram
    norm: Norm
    rows: tuple[tuple[tuple[float, ...], ...], ...]
    constants: tuple[tuple[float, ...], ...]
    thresholds: tuple[float, float]


@dataclass(frozen=True)
class CommitteeProgram:
    """A kernel of a committee.

    Attributes:
        members: a program whose embedding is `Members`, the same number around every centre.
        calibration: floor (eV per atom) and scale of energies, floor (eV/Å) and scale of forces.
        quantiles: of energies and of forces, half widths of the intervals that hold a true value with probability 0.5,
            0.9 and 0.95, in standard deviations of the error to be expected.
    """

    members: KernelProgram
    calibration: tuple[float, float, float, float]
    quantiles: tuple[tuple[float, ...], ...]

    @property
    def n_members(self) -> int:
        """How many there are."""
        return len(self.members.outputs.names)

    @property
    def constants(self) -> tuple[tuple[float, ...], ...]:
        """Energy of an atom without neighbours, eV, by centre species and member."""
        return tuple(own.constants for own in self.members.embedding or () if isinstance(own, Members))
