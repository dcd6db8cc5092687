"""The kernel program: frozen data that specify what a kernel computes.

Around a centre of species z, with particles j at r_j of species z_j:

    y_j             coordinate of a particle: a monotone map of its distance, its position, or nothing
    φ_znlm(j)     = δ(z, z_j) R_n(y_j) S_lm(r_j/|r_j|)              with `Bonds`, times e(r_j) of the pair
    A_znlm        = Σ_j φ_znlm(j)                                   pooled functions, in the order of the layout
    A_znlm        = Σ_k weights[z][l][n][k] Σ_j φ_zklm(j)           instead, with a contraction
    P_t           = Π_k A[products[t][k]], and after these the invariants of `coupled`
    b_j           = Σ_t coupling[j][t] P_t                          first step of the outputs, if there is one
    ρ_i           = Σ_j rows[z][i][j] b_j                           second step; without a first one, b is P
    values        = s · (pair functions, ρ_1, ρ_2, ...)             of a program without embedding: descriptors
    E             = s · (pair energies + F_z(ρ)) + reference terms + atomic energy of z      with one: a potential
    E             = g F_z(ρ) + h V + atomic energy of z             with a core: its V and the switches g and h
    E_k           = s · (pair energies of k + ρ_k) + constant_zk   of a committee: with members for an embedding

where s is the product of the inner switch over the particles, or one without a switch. Every number is the double
used in the computation: exact values of a front end have been correctly rounded, once. The step

    f(t) = t³ (10 - 15 t + 6 t²)   for 0 <= t <= 1, zero before and one after

occurs in several parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import inf
from typing import TypeAlias

from acegen.program.bonds import Bonds
from acegen.program.by_pair import ByPair, Ranges
from acegen.program.core import Core
from acegen.program.coupled import CoupledProducts
from acegen.program.embedding import Embedding
from acegen.program.layout import PooledLayout

Product: TypeAlias = tuple[int, ...]
"""Positions of the factors A, ascending."""

Row: TypeAlias = tuple[tuple[int, float], ...]
"""A linear combination: pairs (position, weight)."""

ATOMS = "O3"
"""Symmetry of models of atoms; in all others, particles have one species and no virial."""


# ---- one-particle functions


@dataclass(frozen=True)
class Smoothstep:
    """y = (1-s)² (1+2s), s = min(r/cutoff, 1)."""


@dataclass(frozen=True)
class Smootherstep:
    """y = (1-s)³ (1+3s+6s²), s = min(r/cutoff, 1)."""


@dataclass(frozen=True)
class Agnesi:
    """y = (1-s)² (1+2s) / (1 + a x^q / (1 + x^(q-p))), s = min(r/cutoff, 1), x = r/r0."""

    a: float
    p: int
    q: int
    r0: ByPair


Transform: TypeAlias = Smoothstep | Smootherstep | Agnesi


@dataclass(frozen=True)
class Distance:
    """y is a function of the distance: one at the centre, zero at and beyond the cutoff (Å)."""

    cutoffs: ByPair
    transform: Transform


@dataclass(frozen=True)
class Position:
    """y is the particle itself, a number in [-1, 1]."""


@dataclass(frozen=True)
class DirectionOnly:
    """Only the direction of a particle matters; there is one radial function, R_0 = 1."""


Coordinate: TypeAlias = Distance | Position | DirectionOnly | Bonds


@dataclass(frozen=True)
class Recurrence:
    """R_first = e(y) and R_{n+1} = (a y + b) R_n - c R_{n-1}, the same for all pairs of species and all l.

    With `Bonds` for a coordinate, e of the pair is a further factor.

    Attributes:
        first: the lowest n.
        envelope: coefficients of e by power of y.
        steps: a, b, c for n = first, first + 1, ...
    """

    first: int
    envelope: tuple[float, ...]
    steps: tuple[tuple[float, float, float], ...]

    @property
    def count(self) -> int:
        """Number of functions."""
        return len(self.steps) + 1


RadialFunctions: TypeAlias = Recurrence
"""How radial functions are given. Tables in r, or functions by pair and by l, would be further members."""


@dataclass(frozen=True)
class Harmonics:
    """S_lm = Q_l^|m|(z) times Re (m >= 0) or Im (m < 0) of (x+iy)^|m|, with Q_l^m = d^m P_l / dz^m."""

    l_max: int


@dataclass(frozen=True)
class Circle:
    """S_{l,l} = Re (x+iy)^l, S_{l,-l} = Im (x+iy)^l."""

    l_max: int


@dataclass(frozen=True)
class DirectionPolynomials:
    """Any polynomials in the components of the unit vector, by l, then m: terms (powers, coefficient) of each."""

    functions: tuple[tuple[tuple[tuple[int, ...], float], ...], ...]


@dataclass(frozen=True)
class NoAngles:
    """One function, S_00 = 1."""


AngularFunctions: TypeAlias = Harmonics | Circle | DirectionPolynomials | NoAngles


@dataclass(frozen=True)
class OneParticle:
    """The functions φ of one particle: its coordinate, radial and angular parts."""

    coordinate: Coordinate
    radial: RadialFunctions
    angular: AngularFunctions


@dataclass(frozen=True)
class Contraction:
    """The A's as combinations of what is pooled, by centre; they have radial functions by pair and by l.

    Attributes:
        pooled: layout of the pooled functions.
        weights: by centre species, neighbour species, l and n, one number for each pooled n of this l.
    """

    pooled: PooledLayout
    weights: tuple[tuple[tuple[tuple[tuple[float, ...], ...], ...], ...], ...]


# ---- outputs


@dataclass(frozen=True)
class Outputs:
    """Linear combinations of the products, in one step or in two.

    Attributes:
        names: of the outputs, for readers.
        coupling: first step: coupled functions as combinations of products, all of one order; None if omitted.
        rows: by centre species the outputs, as combinations of coupled functions, or of products if there are none; a
            single entry serves all species. Of a potential, a species may have fewer outputs than there are names.
    """

    names: tuple[str, ...]
    coupling: tuple[Row, ...] | None
    rows: tuple[tuple[Row, ...], ...]

    def of(self, center: int) -> tuple[Row, ...]:
        """The rows of a centre species."""
        return self.rows[center if len(self.rows) > 1 else 0]


# ---- terms besides the products


@dataclass(frozen=True)
class PairFunctions:
    """scales[n-1] Σ_j R_n(y_j), n = 1, 2, ..., over the neighbours of each species, with their own coordinate."""

    coordinate: Distance
    radial: Recurrence
    scales: tuple[float, ...]


@dataclass(frozen=True)
class PairEnergies:
    """Σ_j e(y_j) Σ_k c_k Π_{i<k} (y_j - nodes[i]): linear combinations of pair functions in Newton's form.

    Attributes:
        coordinate: their own y.
        envelope: coefficients of e by power of y.
        nodes: of Newton's form, one fewer than the coefficients.
        series: the c_k by centre and neighbour species; of a committee (`Members`) by output, as `row_first` counts
            them, and neighbour species.
    """

    coordinate: Distance
    envelope: tuple[float, ...]
    nodes: tuple[float, ...]
    series: tuple[tuple[tuple[float, ...], ...], ...]


PairTerm: TypeAlias = PairFunctions | PairEnergies


@dataclass(frozen=True)
class Zbl:
    """Screened nuclear repulsion, strength/r · Σ_i w_i exp(-rate_i r inverse_length), half a pair's energy, eV.

    It is switched off between the inner and the outer distance by 1 - t³ (10 - 15 t + 6 t²).

    Attributes:
        ranges: inner and outer distance.
        strength: half of Z Z' e², eV Å.
        inverse_length: of the screening, 1/Å.
        screening: pairs (w, rate).
    """

    ranges: Ranges
    strength: ByPair
    inverse_length: ByPair
    screening: tuple[tuple[float, float], ...]


Reference: TypeAlias = Zbl
"""Parts of a site energy without coefficients."""


@dataclass(frozen=True)
class InnerSwitch:
    """Multiplies all parts with coefficients by Π_j f(r_j): f = t³ (10 - 15 t + 6 t²) from inner to outer distance."""

    ranges: Ranges


# ---- the program


@dataclass(frozen=True)
class Notes:
    """Information for readers; affects neither what is computed nor the identity of a program.

    Attributes:
        title: one sentence.
        radial: formula of the radial functions.
        angular: formula of the angular functions.
        expansion: "canonical" or "self-interacting".
        max_order: largest correlation order.
    """

    title: str
    radial: str
    angular: str
    expansion: str
    max_order: int


@dataclass(frozen=True)
class KernelProgram:
    """What a kernel computes; see the module.

    Attributes:
        name: of the model, prefix of symbols.
        symmetry: of the particle space.
        dimension: coordinates of a particle.
        species: names of the particles' species, also those of centres.
        one_particle: the functions that are pooled.
        layout: where the A's stand.
        contraction: the A's in terms of pooled functions; None if they are these.
        products: the distinct products.
        coupled: further products, factored; None without any.
        outputs: combinations of them.
        embedding: by centre species, for a potential; None for descriptors.
        pair: the pair term.
        references: parts of the energy without coefficients.
        inner: the inner switch.
        core: the core; then there are no pair term, references or inner switch.
        atomic_energies: by centre species, eV; for a potential.
        notes: for readers.
    """

    name: str
    symmetry: str
    dimension: int
    species: tuple[str, ...]
    one_particle: OneParticle
    layout: PooledLayout
    contraction: Contraction | None
    products: tuple[Product, ...]
    coupled: CoupledProducts | None
    outputs: Outputs
    embedding: tuple[Embedding, ...] | None
    pair: PairTerm | None
    references: tuple[Reference, ...]
    inner: InnerSwitch | None
    core: Core | None
    atomic_energies: tuple[float, ...]
    notes: Notes

    @property
    def atoms(self) -> bool:
        """Whether particles are atoms."""
        return self.symmetry == ATOMS

    @property
    def pooled(self) -> PooledLayout:
        """Layout of what is pooled."""
        return self.layout if self.contraction is None else self.contraction.pooled

    @property
    def n_pair(self) -> int:
        """Number of pair functions among the values of a descriptor program; they come first."""
        return len(self.pair.scales) * len(self.species) if isinstance(self.pair, PairFunctions) else 0

    @cached_property
    def row_first(self) -> tuple[int, ...]:
        """Number of the first output of every centre species, if they are counted one after the other; and of all."""
        counts = (len(self.outputs.of(center)) for center in range(len(self.species)))
        return tuple(accumulate(counts, initial=0))

    @cached_property
    def row_names(self) -> tuple[str, ...]:
        """Of these outputs: the centre species, with a number where it has several."""
        names = []
        for center, symbol in enumerate(self.species):
            count = len(self.outputs.of(center))
            names += [symbol] if count == 1 else [f"{symbol}, ρ[{p}]" for p in range(1, count + 1)]
        return tuple(names)

    @cached_property
    def orders(self) -> tuple[int, ...]:
        """Number of factors, by coupled function."""
        return tuple(self.product_orders[row[0][0]] for row in self.outputs.coupling or ())

    @cached_property
    def product_orders(self) -> tuple[int, ...]:
        """Number of factors of every product, those of `coupled` last."""
        return (*map(len, self.products), *(self.coupled.scalar_orders if self.coupled else ()))

    @cached_property
    def reach(self) -> ByPair:
        """Distance by centre and neighbour from which a particle contributes nothing, Å; infinite if none."""
        count = len(self.species)
        tables = []
        for part in (self.one_particle, *([self.pair] if self.pair else [])):
            coordinate = part.coordinate
            tables.append(coordinate.cutoffs if isinstance(coordinate, Distance | Bonds) else ((inf,) * count,) * count)
        tables += [tuple(tuple(outer for _, outer in row) for row in term.ranges) for term in self.references]
        return tuple(tuple(map(max, zip(*rows, strict=True))) for rows in zip(*tables, strict=True))
