"""Third stage: from one-particle algebra to labels, coupling, purification operator and scales, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import fmpq

from acegen.algebra.field import Rational
from acegen.algebra.particles import ParticleAlgebra
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.estimate import check_size
from acegen.basis.invariants import Tensor, symmetric_space
from acegen.basis.labels import Channel, Label, LevelSet, channel_pattern
from acegen.basis.purification import CoupledIndex, Row, purify_label
from acegen.progress import Progress, Silent
from acegen.spec.schema import Spec

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
    """Result of the basis stage: B_i = s_i Σ_j 𝒫_ij b_j with coupled products b_j.

    The same basis serves every centre species, because the algebra sees y and not r; only the map from r to
    y (the cutoff) depends on the pair.

    Attributes:
        spec: the specification.
        radial: product table of the radial functions.
        functions: coupled products b_j; the first `n_basis` carry the labels of the basis, the rest are the
            auxiliary ones of K' that purification brings in.
        purification: rows of 𝒫, one a basis function; unit diagonal, otherwise of lower order only.
        scales_squared: s_i^2; with s_i a canonical function of order ν has the mean square ν! on ν independent
            particles (y uniform on [0,1], directions uniform on the sphere): norm one as an integral over sets of
            particles. Overlaps of different radial functions are left out; the closed family has none.
    """

    spec: Spec
    radial: PolynomialAlgebra
    functions: tuple[CoupledFunction, ...]
    purification: tuple[SparseRow, ...]
    scales_squared: tuple[Rational, ...]

    @property
    def n_basis(self) -> int:
        return len(self.purification)

    @property
    def n_auxiliary(self) -> int:
        return len(self.functions) - self.n_basis

    @cached_property
    def n_nonzero(self) -> int:
        """Non-zeros of 𝒫."""
        return sum(map(len, self.purification))

    def count_by_order(self) -> tuple[int, ...]:
        """Number of basis functions of order 1, 2, ..."""
        counts = [0] * self.spec.basis.order
        for function in self.functions[: self.n_basis]:
            counts[function.order - 1] += 1
        return tuple(counts)


def derive_basis(algebra: ParticleAlgebra, progress: Progress | None = None) -> Basis:
    """Derive the basis of a spec: labels, coupling, 𝒫 (the identity if self-interacting) and scales.

    Raises:
        SpecError: the basis would be too large to compile.
    """
    progress = progress or Silent()
    spec, radial = algebra.spec, algebra.radial
    check_size(spec)
    level_set = LevelSet(len(spec.basis.elements), spec.basis.levels, spec.basis.angular_weight)
    labels = [label for order in range(1, spec.basis.order + 1) for label in level_set.labels(order)]
    if spec.basis.expansion == "canonical":
        rows: list[Row] = []
        for done, label in enumerate(labels):
            progress.advance(done, len(labels))
            rows.extend(purify_label(label, radial))
    else:
        rows = [{index: fmpq(1)} for index in _coupled_indices(labels)]
    return assemble_basis(algebra, labels, rows)


def assemble_basis(algebra: ParticleAlgebra, labels: Sequence[Label], rows: Sequence[Row]) -> Basis:
    """Number the coupled functions (basis first, then auxiliary by order) and apply the numbering to 𝒫."""
    indices = _coupled_indices(labels)
    own = set(indices)
    auxiliary = {index for row in rows for index in row} - own
    indices += sorted(auxiliary, key=lambda index: (len(index[0]), index))
    column = {index: number for number, index in enumerate(indices)}
    functions = tuple(
        CoupledFunction(label, number, symmetric_space(*channel_pattern(label)).real_polynomials[number])
        for label, number in indices
    )
    purification = tuple(tuple(sorted((column[index], value) for index, value in row.items())) for row in rows)
    scales = []
    for label, number in indices[: len(rows)]:
        norm = symmetric_space(*channel_pattern(label)).norms_squared[number]
        for channel in label:
            norm *= algebra.radial.norm_squared(channel.n)
        scales.append(1 / norm)
    return Basis(algebra.spec, algebra.radial, functions, purification, tuple(scales))


def _coupled_indices(labels: Sequence[Label]) -> list[CoupledIndex]:
    return [(label, number) for label in labels for number in range(symmetric_space(*channel_pattern(label)).dimension)]


__all__ = ["Basis", "Channel", "CoupledFunction", "SparseRow", "assemble_basis", "derive_basis"]
