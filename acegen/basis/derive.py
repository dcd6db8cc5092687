"""Third stage: from one-particle algebra to labels, coupling, purification operator and scales, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

from flint import fmpq

from acegen.algebra.angular import AngularAlgebra, Tensor
from acegen.algebra.field import Rational
from acegen.algebra.measure import Measure
from acegen.algebra.particle_algebra import ParticleAlgebra
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.estimate import check_number, check_size
from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import Channel, Label, LevelSet, channel_pattern
from acegen.basis.pair import PairFunction, pair_functions
from acegen.basis.purification import CoupledIndex, Row, purify_label
from acegen.progress import Progress, Silent
from acegen.spec import AnySpec

Value = TypeVar("Value")

SparseRow = tuple[tuple[int, Rational], ...]
"""Pairs (column, value), ascending columns, no zeros."""


@dataclass(frozen=True)
class CoupledFunction:
    """A coupled product Σ_m C_m Π_t A_{z_t n_t l_t m_t} in real harmonics.

    `polynomial` maps an m-tuple (one m per channel of `label`, sorted within equal channels) to C_m;
    `number` counts the functions of the same label.
    """

    label: Label
    number: int
    polynomial: Tensor

    @property
    def order(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class Basis:
    """Result of the basis stage: pair functions, then B_i = s_i Σ_j 𝒫_ij b_j with coupled products b_j.

    With pair functions the B_i have order 2 and higher; coupled products of order 1 are then auxiliary.

    The same basis serves every centre species, because the algebra sees y and not r; only the map from r to
    y (the cutoff) depends on the pair.

    Attributes:
        spec: the specification.
        radial: product table of the radial functions.
        angular: product table of the angular functions, and the group.
        functions: coupled products b_j; the first `n_coupled` carry the labels of the B_i, the rest are the
            auxiliary ones of K' that purification brings in.
        purification: rows of 𝒫, one for each B_i; unit diagonal, otherwise of lower order only.
        measure: of y, for the scales.
        scales_squared: s_i^2; with s_i a canonical function of order ν has the mean square ν! on ν independent
            particles (y from `measure`, for radial functions uniform on [0,1]; directions uniform): norm one as an
            integral over sets of particles. Overlaps of different radial functions are ignored; the closed family has
            none, nor do orthogonal polynomials on an interval.
        pair: the pair functions, which come first in the basis; they replace the B_i of order 1.
    """

    spec: AnySpec
    radial: PolynomialAlgebra
    angular: AngularAlgebra
    measure: Measure
    functions: tuple[CoupledFunction, ...]
    purification: tuple[SparseRow, ...]
    scales_squared: tuple[Rational, ...]
    pair: tuple[PairFunction, ...] = ()

    @property
    def n_basis(self) -> int:
        """Number of basis functions: pair functions and B_i."""
        return self.n_pair + self.n_coupled

    @property
    def n_pair(self) -> int:
        """Number of pair functions."""
        return len(self.pair)

    @property
    def n_coupled(self) -> int:
        """Number of the B_i."""
        return len(self.purification)

    @property
    def n_auxiliary(self) -> int:
        return len(self.functions) - self.n_coupled

    @cached_property
    def n_nonzero(self) -> int:
        """Non-zeros of 𝒫."""
        return sum(map(len, self.purification))

    def count_by_order(self) -> tuple[int, ...]:
        """Number of basis functions of order 1, 2, ..."""
        counts = [self.n_pair] + [0] * (self.spec.basis.order - 1)
        for function in self.functions[: self.n_coupled]:
            counts[function.order - 1] += 1
        return tuple(counts)

    def split(self, values: Mapping[str, Sequence[Value]]) -> tuple[dict[str, list[Value]], dict[str, list[Value]]]:
        """Split numbers by centre element, one per basis function, into those of the pair functions and of the B_i."""
        pair = {element: list(numbers[: self.n_pair]) for element, numbers in values.items()}
        return pair, {element: list(numbers[self.n_pair :]) for element, numbers in values.items()}


def derive_basis(algebra: ParticleAlgebra, progress: Progress | None = None) -> Basis:
    """Derive the basis of a spec: labels, coupling, 𝒫 (the identity if self-interacting) and scales.

    Raises:
        SpecError: the basis would be too large to compile.
    """
    progress = progress or Silent()
    spec, radial, angular = algebra.spec, algebra.radial, algebra.angular
    labels = list_labels(algebra)
    if spec.basis.expansion == "canonical":
        rows: list[Row] = []
        for done, label in enumerate(labels):
            progress.advance(done, len(labels))
            rows.extend(purify_label(label, radial, angular))
    else:
        rows = [{index: fmpq(1)} for index in _coupled_indices(angular, labels)]
    return assemble_basis(algebra, labels, rows)


def assemble_basis(algebra: ParticleAlgebra, labels: Sequence[Label], rows: Sequence[Row]) -> Basis:
    """Number the coupled functions (basis first, then auxiliary by order) and apply the numbering to 𝒫."""
    angular = algebra.angular
    indices = _coupled_indices(angular, labels)
    own = set(indices)
    auxiliary = {index for row in rows for index in row} - own
    indices += sorted(auxiliary, key=lambda index: (len(index[0]), index))
    column = {index: number for number, index in enumerate(indices)}
    functions = tuple(
        CoupledFunction(label, number, symmetric_space(angular, *channel_pattern(label)).real_polynomials[number])
        for label, number in indices
    )
    purification = tuple(tuple(sorted((column[index], value) for index, value in row.items())) for row in rows)
    norms = {n: algebra.norm_squared(n) for n in {channel.n for label in labels for channel in label}}
    scales = []
    for label, number in indices[: len(rows)]:
        norm = symmetric_space(angular, *channel_pattern(label)).norms_squared[number]
        for channel in label:
            norm *= norms[channel.n]
        scales.append(1 / norm)
    return Basis(
        algebra.spec,
        algebra.radial,
        angular,
        algebra.measure,
        functions,
        purification,
        tuple(scales),
        pair_functions(algebra),
    )


def list_labels(algebra: ParticleAlgebra) -> list[Label]:
    """The labels of a spec, order by order.

    Raises:
        SpecError: there are too many functions to compile.
    """
    spec = algebra.spec
    level_set = LevelSet(
        len(spec.species),
        spec.levels,
        spec.basis.angular_weight,
        algebra.angular,
        first=algebra.radial.first,
        last=algebra.last,
        constant=spec.basis.constant,
    )
    lowest = 1 if spec.pair is None else 2
    labels = chain.from_iterable(map(level_set.labels, range(lowest, spec.basis.order + 1)))
    if algebra.angular.countable:
        check_size(spec)
        return list(labels)
    return check_number(algebra, labels)


def _coupled_indices(angular: AngularAlgebra, labels: Sequence[Label]) -> list[CoupledIndex]:
    return [
        (label, number)
        for label in labels
        for number in range(symmetric_space(angular, *channel_pattern(label)).dimension)
    ]


__all__ = ["Basis", "Channel", "CoupledFunction", "SparseRow", "assemble_basis", "derive_basis", "list_labels"]
