"""Bonds, contraction, embedding and core of a kernel program in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acegen.program.bonds import Bessel, Bond, Bonds, BondShape, ExponentialCosine, InversePower, Linear, Power
from acegen.program.by_pair import ByPair, Ranges
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    ScreenedRepulsion,
)
from acegen.program.embedding import Embedding, FinnisSinclair, Identity, Members, ShiftedFinnisSinclair
from acegen.program.kernel import Contraction

STEP = "f(t) = t³ (10 - 15 t + 6 t²)"


def bonds_text(bonds: Bonds, species: Sequence[str]) -> Iterator[str]:
    """y and e of every pair."""
    yield "y and e, a factor of all R_n, by pair, s = r/cutoff:"
    for center, row in enumerate(bonds.pairs):
        for z, bond in enumerate(row):
            yield f"  {species[center]}-{species[z]}: {_bond(bond)}"


def _bond(bond: Bond) -> str:
    text = f"{_shape(bond.shape)}, cutoff = {bond.cutoff!r}"
    if bond.closest < bond.full:
        return f"{text}, e times f((r - {bond.closest!r})/({bond.full!r} - {bond.closest!r})), {STEP}"
    if bond.closest == bond.full == 0.0:
        return text
    return f"{text}, e = 0 up to r = {bond.closest!r} ({bond.full!r})"


def _shape(shape: BondShape) -> str:
    match shape:
        case ExponentialCosine(rate, width):
            return (
                f"y = 1 - 2 (exp(-{rate!r} s) - exp(-{rate!r})) / (1 - exp(-{rate!r})), e = (1 + cos π s)/2, "
                f"also switched off by a cosine within {width!r} Å of the cutoff"
            )
        case Power(exponent):
            return f"e = (1-s)^{exponent!r}, y = 1 - 2 e"
        case Linear():
            return "y = 1 - s, e = s/2"
        case Bessel():
            return "y = cos π s, e = (1 + y)/2 sin(π s)/(π s)"
        case InversePower(power, r0, left, right, p_left, p_right):
            return (
                f"u = ((1 + {r0!r})/(1 + r))^{power}, y = (2 u - {left!r} - {right!r})/({right!r} - {left!r}), "
                f"e = (u - {left!r})^{p_left} (u - {right!r})^{p_right}"
            )


def contraction_text(contraction: Contraction, species: Sequence[str], first: int) -> Iterator[str]:
    """Weights by pair, l and n; `first` is the lowest n of the A's."""
    pooled = contraction.pooled
    yield f"P(z,k,l,m) = Σ_j δ(z,z_j) R_k(y_j) S_lm(r_j/|r_j|)    {pooled.size} of them, k ≥ {pooled.first}"
    for center, by_species in enumerate(contraction.weights):
        for z, by_l in enumerate(by_species):
            for l, by_n in enumerate(by_l):
                for n, weights in enumerate(by_n, start=first):
                    name = f"A({species[z]},{n},{l},m) around {species[center]}"
                    text = ", ".join(map(repr, weights))
                    yield f"  {name} = Σ_k w_k P({species[z]},k,{l},m), w = {text}"


def embedding_text(embedding: Embedding) -> str:
    """F(ρ)."""
    match embedding:
        case Identity():
            return "ρ[1]"
        case FinnisSinclair(terms):
            parts = [f"{weight!r} sign(ρ[{p}]) |ρ[{p}]|^{m!r}" for p, (weight, m) in enumerate(terms, start=1)]
            return f"{' + '.join(parts)}, linear where |ρ| is well below 10⁻⁶"
        case ShiftedFinnisSinclair(terms):
            parts = [f"{weight!r} G(ρ[{p}], {m!r})" for p, (weight, m) in enumerate(terms, start=1)]
            return (
                f"{' + '.join(parts)}, G(ρ, m) = sign(ρ) ((|ρ| + n^(n/(1-n)) exp(-|ρ|))^m - n^(1/(1-n)) exp(-|ρ|)), "
                "n = 1/m, or ρ if m = 1"
            )
        case Members():
            raise ValueError("the members of a committee have no common energy")


def members_text(members: Members, symbol: str, switch: str, pair: bool) -> Iterator[str]:
    """Energies of the members around a centre; `switch` precedes what has coefficients."""
    for k, constant in enumerate(members.constants, start=1):
        fitted = f"(pair[{k}] + ρ[{k}])" if pair else f"ρ[{k}]"
        yield f"E[{k}]({symbol}) = {switch}{fitted} + {constant!r}"


def core_text(core: Core, species: Sequence[str]) -> Iterator[str]:
    """V, g and h."""
    match core.repulsion:
        case GaussianRepulsion(strength, rate, cutoffs, ranges):
            yield "V = Σ_j strength exp(-rate r²)/r (1 + cos(π r/cutoff))/2 (1 - f((r - inner)/(outer - inner)))"
            yield from by_pair_text("strength", strength, species)
            yield from by_pair_text("rate", rate, species)
            yield from by_pair_text("cutoff", cutoffs, species)
            yield from ranges_text(ranges, species)
        case ScreenedRepulsion(ranges, strength, inverse_length, screening):
            sum_ = " + ".join(f"{weight!r} exp(-{rate!r} r/a)" for weight, rate in screening)
            yield f"V = Σ_j strength (({sum_})/r + S(r)) (1 - f((r - inner)/(outer - inner)))"
            yield from ranges_text(ranges, species)
            yield from by_pair_text("strength", strength, species)
            yield from by_pair_text("1/a", inverse_length, species)
        case PolynomialRepulsion(shape, steps, coefficients, cores, cutoffs):
            yield f"V = 1/2 Σ_j Σ_n c_n R_n, {_shape(shape)}, R_n = (a u + b) R_(n-1) + c R_(n-2), R_1 = a e, a, b, c ="
            yield from (f"  {a!r}, {b!r}, {c!r}" for a, b, c in steps)
            for center, row in enumerate(coefficients):
                for z, own in enumerate(row):
                    radius, constant, a, b = cores[center][z]
                    pair = f"{species[center]}-{species[z]}"
                    yield f"  {pair}: c = {', '.join(map(repr, own))}"
                    yield f"  {pair}: {constant!r} + {b!r} exp(-{a!r} (r/r_i - 1)) r_i/r up to r_i = {radius!r}"
            yield from by_pair_text("cutoff", cutoffs, species)
    match core.switch:
        case EnergySwitch(by_center):
            yield f"g = 1 - f((V - cutoff + width)/width), h = 1, {STEP}"
            for symbol, (cutoff, width) in zip(species, by_center, strict=True):
                yield f"  cutoff({symbol}) = {cutoff!r}, width({symbol}) = {width!r}"
        case NearestSwitch(ranges):
            yield f"g = f((r - inner)/(outer - inner)) of the neighbour with the least r - inner, h = 1 - g, {STEP}"
            yield from ranges_text(ranges, species)


def by_pair_text(name: str, table: ByPair, species: Sequence[str]) -> Iterator[str]:
    """A number of every pair, a line for each centre."""
    for center, row in enumerate(table):
        yield "  " + ", ".join(f"{name}({species[center]},{species[z]}) = {value!r}" for z, value in enumerate(row))


def ranges_text(ranges: Ranges, species: Sequence[str]) -> Iterator[str]:
    """Inner and outer distances of every pair."""
    for end, name in enumerate(("inner", "outer")):
        yield from by_pair_text(name, tuple(tuple(pair[end] for pair in row) for row in ranges), species)
