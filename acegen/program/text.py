"""A kernel program in words, in the notation of the paper, one line per sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acegen.program.bonds import Bonds
from acegen.program.coupled import CoupledProducts
from acegen.program.embedding import Members
from acegen.program.kernel import (
    Agnesi,
    Circle,
    Coordinate,
    DirectionOnly,
    DirectionPolynomials,
    Distance,
    Harmonics,
    KernelProgram,
    NoAngles,
    PairEnergies,
    PairFunctions,
    Position,
    Recurrence,
    Row,
    Smootherstep,
    Smoothstep,
    Zbl,
)
from acegen.program.layout import PooledLayout
from acegen.program.term_text import (
    bonds_text,
    by_pair_text,
    contraction_text,
    core_text,
    embedding_text,
    members_text,
    ranges_text,
)


def program_text(program: KernelProgram) -> str:
    """The complete program as text; species, n, l and m are the arguments of A."""
    return "\n".join(_lines(program)) + "\n"


def pooled_name(layout: PooledLayout, species: Sequence[str], position: int) -> str:
    """A(species, n, l, m) of a position."""
    z, n, l, m = layout.names[position]
    return f"A({species[z]},{n},{l},{m})"


def _lines(program: KernelProgram) -> Iterator[str]:
    species, one = program.species, program.one_particle
    kind = "descriptors" if program.embedding is None else "potential"
    if program.embedding and isinstance(program.embedding[0], Members):
        kind = f"committee of {len(program.outputs.names)} members"
    yield f"{program.name}: {kind} of {', '.join(species)} ({program.symmetry}, {program.dimension} coordinates)"
    yield ""
    yield from _coordinate(one.coordinate, species)
    yield from _recurrence("R", one.radial)
    yield from _angular(one.angular)
    if program.contraction is None:
        yield f"A(z,n,l,m) = Σ_j δ(z,z_j) R_n(y_j) S_lm(r_j/|r_j|)    {program.layout.size} of them"
    else:
        yield from contraction_text(program.contraction, species, program.layout.first)
    yield ""
    names = [pooled_name(program.layout, species, v) for v in range(program.layout.size)]
    products = [" ".join(names[v] for v in product) for product in program.products]
    if program.coupled is not None:
        yield from _coupled(program.coupled)
        values = _value_names(program.coupled, species)
        products += [" · ".join(values[position] for position in scalar) for scalar in program.coupled.scalars]
    coupling = program.outputs.coupling
    if coupling is not None:
        for j, row in enumerate(coupling, start=1):
            yield from _sum(f"b[{j}]", row, products)
        yield ""
        products = [f"b[{j}]" for j in range(1, len(coupling) + 1)]
    for center, rows in enumerate(program.outputs.rows):
        whose = f" around {species[center]}" if len(program.outputs.rows) > 1 else ""
        for i, (name, row) in enumerate(zip(program.outputs.names, rows, strict=False), start=1):
            yield f"# {name}{whose}"
            yield from _sum(f"ρ[{i}]", row, products)
    yield ""
    yield from _pair(program, species)
    for term in program.references:
        yield from _zbl(term, species)
    if program.inner is not None:
        yield "s = Π_j f(r_j), f = t³ (10 - 15 t + 6 t²), t = (r - inner)/(outer - inner)"
        yield from ranges_text(program.inner.ranges, species)
    switch = "" if program.inner is None else "s "
    if program.embedding is None:
        yield f"values = {switch}({'pair functions, ' if program.pair else ''}ρ)"
        return
    if program.core is not None:
        yield from core_text(program.core, species)
    for center, symbol in enumerate(species):
        if isinstance(own := program.embedding[center], Members):
            yield from members_text(own, symbol, switch, program.pair is not None)
            continue
        embedded = embedding_text(program.embedding[center])
        yield f"F({symbol}) = {embedded}"
        if program.core is not None:
            energy = f"g F({symbol}) + h V"
        else:
            energy = f"{switch}({'pair + ' if program.pair else ''}F({symbol}))" + (
                " + V" if program.references else ""
            )
        yield f"E({symbol}) = {energy} + {program.atomic_energies[center]!r}"


def _sum(name: str, row: Row, terms: Sequence[str]) -> Iterator[str]:
    yield from (f"{name} += {weight!r} {terms[position]}" for position, weight in row)


def _value_names(coupled: CoupledProducts, species: Sequence[str]) -> list[str]:
    """c(species, n, l) of channels, P(left; right → l) of nodes."""
    inner = [f"{species[channel.species]},{channel.n},{channel.l}" for channel in coupled.channels]
    outer = [f"c({name})" for name in inner]
    for node in coupled.nodes:
        name = f"P({inner[node.left]};{inner[node.right]} → {node.l})"
        inner.append(name)
        outer.append(name)
    return outer


def _coupled(coupled: CoupledProducts) -> Iterator[str]:
    yield f"c(z,n,l,±m) = s(l,m) A(z,n,l,±m), ĉ_m = c_m + i c_-m    {len(coupled.channels)} channels (z,n,l)"
    for l, scales in enumerate(coupled.scales):
        yield f"  s({l},m) = {', '.join(map(repr, scales))}"
    yield f"P(a;b → l): sums of X(m1,m2) = â_m1 b̂_m2, Y(m1,m2) = â_m1 conj b̂_m2    {len(coupled.nodes)} of them"
    for coupling in coupled.couplings:
        terms = [(weight, f"X({m1},{m2})") for m1, m2, weight in coupling.sums]
        terms += [(weight, f"{'conj ' if m1 < m2 else ''}Y({m1},{m2})") for m1, m2, weight in coupling.differences]
        factor = "-i " if coupling.odd else ""
        text = " + ".join(f"{weight!r} {product}" for weight, product in terms)
        yield f"  {coupling.left},{coupling.right} → {coupling.l}: {factor}({text})"
    yield f"a · b = Σ_M a_M b_M    {len(coupled.scalars)} of them"
    yield ""


def _coordinate(coordinate: Coordinate, species: Sequence[str], name: str = "y") -> Iterator[str]:
    match coordinate:
        case Position():
            yield f"{name} = x, the particle"
        case DirectionOnly():
            yield f"{name} does not count"
        case Bonds() as bonds:
            yield from bonds_text(bonds, species)
        case Distance(cutoffs, transform):
            match transform:
                case Smoothstep():
                    yield f"{name} = (1-s)² (1+2s), s = min(r/cutoff, 1)"
                case Smootherstep():
                    yield f"{name} = (1-s)³ (1+3s+6s²), s = min(r/cutoff, 1)"
                case Agnesi(a, p, q, r0):
                    yield (
                        f"{name} = (1-s)² (1+2s) / (1 + {a!r} x^{q} / (1 + x^{q - p})), s = min(r/cutoff, 1), x = r/r0"
                    )
                    yield from by_pair_text("r0", r0, species)
            yield from by_pair_text("cutoff", cutoffs, species)


def _recurrence(name: str, radial: Recurrence) -> Iterator[str]:
    envelope = " + ".join(f"{value!r} y^{power}" for power, value in enumerate(radial.envelope) if value)
    yield f"{name}_{radial.first} = {envelope}"
    for n, (a, b, c) in enumerate(radial.steps, start=radial.first):
        last = "" if n == radial.first else f" - {c!r} {name}_{n - 1}"
        yield f"{name}_{n + 1} = ({a!r} y + {b!r}) {name}_{n}{last}"


def _angular(angular: Harmonics | Circle | DirectionPolynomials | NoAngles) -> Iterator[str]:
    match angular:
        case Harmonics(l_max):
            yield f"S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|, Q_l^m = d^m P_l / dz^m (Re for m ≥ 0), l ≤ {l_max}"
        case Circle(l_max):
            yield f"S_lm = Re (m ≥ 0) or Im (m < 0) of (x+iy)^l, l ≤ {l_max}"
        case NoAngles():
            yield "S_00 = 1"
        case DirectionPolynomials(functions):
            for h, terms in enumerate(functions):
                text = " + ".join(
                    " ".join([repr(value), *(f"{axis}^{k}" for axis, k in zip("xyz", powers, strict=False) if k)])
                    for powers, value in terms
                )
                yield f"S[{h}] = {text}"


def _pair(program: KernelProgram, species: Sequence[str]) -> Iterator[str]:
    match program.pair:
        case PairFunctions(coordinate, radial, scales):
            yield from _coordinate(coordinate, species, "y of the pair term")
            yield from _recurrence("R", radial)
            for n, scale in enumerate(scales, start=1):
                yield f"pair function {n} of each species = {scale!r} Σ_j R_{n}(y_j)"
        case PairEnergies(coordinate, envelope, nodes, series):
            yield from _coordinate(coordinate, species, "y of the pair term")
            yield f"e = {' + '.join(f'{value!r} y^{power}' for power, value in enumerate(envelope) if value)}"
            yield f"pair = Σ_j e(y_j) Σ_k c_k Π_(i<k) (y_j - x_i), x = {', '.join(map(repr, nodes))}"
            for whose, row in zip(_sums(program), series, strict=True):
                for other, values in zip(species, row, strict=True):
                    yield f"c{whose.format(other)} = {', '.join(map(repr, values))}"


def _sums(program: KernelProgram) -> list[str]:
    """What follows the c of a pair term, with a place for the neighbour: the pair, of a committee member and pair."""
    names = []
    for center, symbol in enumerate(program.species):
        pair = f"({symbol}-{{}})"
        committee = program.embedding is not None and isinstance(program.embedding[center], Members)
        names += [f"[{k}]{pair}" for k in range(1, len(program.outputs.of(center)) + 1)] if committee else [pair]
    return names


def _zbl(term: Zbl, species: Sequence[str]) -> Iterator[str]:
    screening = " + ".join(f"{weight!r} exp(-{rate!r} r/a)" for weight, rate in term.screening)
    yield f"V = Σ_j strength/r ({screening}) (1 - t³ (10 - 15 t + 6 t²)), t = (r - inner)/(outer - inner)"
    yield from ranges_text(term.ranges, species)
    yield from by_pair_text("strength", term.strength, species)
    yield from by_pair_text("1/a", term.inverse_length, species)
