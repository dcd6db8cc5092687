"""Bonds, contraction, embedding and core as tables and names of C functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from acegen.errors import BuildError
from acegen.program.bonds import (
    Bessel,
    Bonds,
    BondShape,
    ExponentialCosine,
    InversePower,
    Linear,
    Power,
)
from acegen.program.core import GaussianRepulsion, PolynomialRepulsion, Repulsion, ScreenedRepulsion
from acegen.program.embedding import Embedding, FinnisSinclair, Identity, Members, ShiftedFinnisSinclair
from acegen.program.kernel import Contraction, KernelProgram
from acegen.program.layout import PooledLayout

_SHAPES: dict[type[BondShape], str] = {
    ExponentialCosine: "exponential_cosine",
    Power: "power_law",
    Linear: "linear",
    Bessel: "bessel",
    InversePower: "inverse_power",
}
"""C functions of bonds.c.j2; the fields of a shape are their parameters."""


@dataclass(frozen=True)
class BondCode:
    """A pair: its name, cutoff, closest and perhaps full distance, C function and what this is given."""

    name: str
    distances: tuple[float, ...]
    shape: str
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class BondsCode:
    """Bonds by centre and neighbour, the shapes among them, most parameters of one, and whether some have a switch."""

    pairs: tuple[tuple[BondCode, ...], ...]
    shapes: tuple[str, ...]
    n_parameters: int
    switched: bool


def bonds_code(bonds: Bonds, species: Sequence[str]) -> BondsCode:
    """A table of all pairs."""
    switched = any(bond.closest < bond.full for row in bonds.pairs for bond in row)
    pairs = tuple(
        tuple(
            BondCode(
                name=f"{species[center]}-{species[z]}",
                distances=(bond.cutoff, bond.closest, bond.full)[: 3 if switched else 2],
                shape=_SHAPES[type(bond.shape)],
                parameters=_parameters(bond.shape),
            )
            for z, bond in enumerate(row)
        )
        for center, row in enumerate(bonds.pairs)
    )
    every = [bond for row in pairs for bond in row]
    return BondsCode(
        pairs=pairs,
        shapes=tuple(dict.fromkeys(bond.shape for bond in every)),
        n_parameters=max(len(bond.parameters) for bond in every),
        switched=switched,
    )


def _parameters(shape: BondShape) -> tuple[float, ...]:
    return tuple(float(value) for value in astuple(shape))


@dataclass(frozen=True)
class ContractionBlock:
    """The A's of one species, l and m: first A, number of A's, first P, number of P's, first weight."""

    species: int
    l: int
    m: int
    numbers: tuple[int, int, int, int, int]


@dataclass(frozen=True)
class ContractionCode:
    """Blocks, and by centre the weights, row by row; those of one species and l serve all m."""

    blocks: tuple[ContractionBlock, ...]
    weights: tuple[tuple[float, ...], ...]


def contraction_code(contraction: Contraction, layout: PooledLayout) -> ContractionCode:
    """Blocks of the layout of the A's, with their weights."""
    pooled = contraction.pooled
    first, size = {}, 0
    for z, (ns, ks) in enumerate(zip(layout.counts, pooled.counts, strict=True)):
        for l, (n, k) in enumerate(zip(ns, ks, strict=True)):
            first[z, l] = size
            size += n * k
    blocks = []
    for z, l, m, offset, n in layout.shells:
        k = pooled.counts[z][l]
        begin = pooled.index(z, pooled.first, l, m) if k else 0
        blocks.append(ContractionBlock(z, l, m, (offset, n, begin, k, first[z, l])))
    weights = tuple(
        tuple(weight for of_species in own for of_l in of_species for of_n in of_l for weight in of_n)
        for own in contraction.weights
    )
    return ContractionCode(tuple(blocks), weights)


@dataclass(frozen=True)
class EmbeddedDensity:
    """The C function of a density, and its weight and exponent."""

    function: str
    weight: float
    exponent: float


@dataclass(frozen=True)
class EmbeddingCode:
    """Embedding of the densities of all centres.

    Attributes:
        first: number of the first density of each centre, and of all.
        terms: by density.
        functions: those in use.
    """

    first: tuple[int, ...]
    terms: tuple[EmbeddedDensity, ...]
    functions: tuple[str, ...]


def embedding_code(program: KernelProgram) -> EmbeddingCode | None:
    """The embedding of a potential; None if every centre has one density, which is its energy."""
    embeddings = program.embedding or ()
    if all(isinstance(embedding, Identity) for embedding in embeddings):
        return None
    terms = tuple(term for embedding in embeddings for term in _embedded(embedding))
    return EmbeddingCode(program.row_first, terms, tuple(dict.fromkeys(term.function for term in terms)))


def _embedded(embedding: Embedding) -> tuple[EmbeddedDensity, ...]:
    match embedding:
        case Identity():
            return (EmbeddedDensity("identity", 1.0, 1.0),)
        case FinnisSinclair(terms):
            return tuple(EmbeddedDensity("finnis_sinclair", weight, m) for weight, m in terms)
        case ShiftedFinnisSinclair(terms):
            return tuple(EmbeddedDensity("shifted_finnis_sinclair", weight, m) for weight, m in terms)
        case Members():
            raise BuildError("a committee is no potential: its members have no common energy.")


@dataclass(frozen=True)
class RepulsionCode:
    """A repulsion: its constants by pair in the order core.c.j2 says, and what else it has.

    Attributes:
        kind: "gaussian", "screened" or "polynomial".
        table: by centre and neighbour.
        screening: of a screened one.
        shape, steps, coefficients: of a polynomial, the latter by centre and neighbour.
    """

    kind: str
    table: tuple[tuple[tuple[float, ...], ...], ...]
    screening: tuple[tuple[float, float], ...] = ()
    shape: tuple[float, ...] = ()
    steps: tuple[tuple[float, float, float], ...] = ()
    coefficients: tuple[tuple[tuple[float, ...], ...], ...] = ()


def repulsion_code(repulsion: Repulsion) -> RepulsionCode:
    """Tables of a repulsion."""
    match repulsion:
        case GaussianRepulsion(strength, rate, cutoffs, ranges):
            return RepulsionCode("gaussian", _by_pair(strength, rate, cutoffs, ranges))
        case ScreenedRepulsion(ranges, strength, inverse_length, screening):
            return RepulsionCode("screened", _by_pair(ranges, strength, inverse_length), screening=screening)
        case PolynomialRepulsion(shape, steps, coefficients, cores, cutoffs):
            return RepulsionCode(
                "polynomial",
                _by_pair(cores, cutoffs),
                shape=_parameters(shape),
                steps=steps,
                coefficients=coefficients,
            )


def _by_pair(
    *tables: Sequence[Sequence[float | tuple[float, ...]]],
) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Numbers of several tables side by side."""
    return tuple(
        tuple(
            tuple(x for value in values for x in (value if isinstance(value, tuple) else (value,)))
            for values in zip(*rows, strict=True)
        )
        for rows in zip(*tables, strict=True)
    )
