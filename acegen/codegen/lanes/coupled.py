"""The coupled product stage as C: code for types of pairs and shapes of tiles, and their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from acegen.codegen.lanes.coupled_cost import CoupledCost
from acegen.codegen.literals import Literal
from acegen.optimize.coupled import CoupledStage, PairType, Term, pair_terms
from acegen.program.coupled import Coupling
from acegen.program.layout import PooledLayout

LINES_PER_FILE = 1500
"""Lines of code for pairs that share a C file."""

Terms = Mapping[tuple[int, int], list[Term]]


@dataclass(frozen=True)
class PairCode:
    """Code of a type of pairs.

    Attributes:
        number: counts the types from 0.
        title: what it couples.
        n_nodes: number of nodes of a pair.
        same: whether both factors are the same value.
        forward: statements that compute the nodes.
        backward: statements that add to the derivatives by the factors.
    """

    number: int
    title: str
    n_nodes: int
    same: bool
    forward: tuple[str, ...]
    backward: tuple[str, ...]


@dataclass(frozen=True)
class PairWriter:
    """Writes the code of a type of pairs.

    Attributes:
        kind: the type.
        terms: by m1 and m2.
        held: sums that may stay in registers.
        literal: prints constants.
    """

    kind: PairType
    terms: Terms
    held: int
    literal: Literal

    @classmethod
    def of(
        cls, kind: PairType, couplings: Mapping[tuple[int, int, int], Coupling], held: int, literal: Literal
    ) -> PairWriter:
        return cls(kind, pair_terms(kind, couplings), held, literal)

    def _odd(self, l: int) -> bool:
        return bool((self.kind.left + self.kind.right + l) % 2)

    def _ranges(self) -> Iterator[list[int]]:
        """Ranges of M whose sums fit into registers."""
        current: list[int] = []
        size = 0
        for M in range(max(self.kind.degrees) + 1):
            own = sum(l >= M for l in self.kind.degrees) * (2 if M else 1)
            if current and size + own > self.held:
                yield current
                current, size = [], 0
            current.append(M)
            size += own
        yield current

    def forward(self) -> Iterator[str]:
        """Component by component."""
        kind = self.kind
        ranges = list(self._ranges())
        for Ms in ranges:
            started: set[str] = set()
            sums = [
                (l, k, m)
                for k, l in enumerate(kind.degrees)
                for M in Ms
                if M <= l
                for m in ([M, -M] if M else [0])
            ]
            yield "{ lanes " + ", ".join(_sum(k, m) for _, k, m in sums) + ";"
            for (m1, m2), terms in self.terms.items():
                adds: list[tuple[str, str, float]] = []  # sum, part, weight
                for l, is_sum, weight in terms:
                    M = m1 + m2 if is_sum else abs(m1 - m2)
                    if M not in Ms:
                        continue
                    k = kind.degrees.index(l)
                    name = "x" if is_sum else "y"
                    sign = -1.0 if not is_sum and m1 < m2 else 1.0
                    if self._odd(l):
                        adds.append((_sum(k, M), name + "i", sign * weight))
                        if M:
                            adds.append((_sum(k, -M), name + "r", -weight))
                    else:
                        adds.append((_sum(k, M), name + "r", weight))
                        if M:
                            adds.append((_sum(k, -M), name + "i", sign * weight))
                parts = {part for _, part, _ in adds}
                adds = [add for add in adds if self._product(add[1], m1, m2)]
                if not adds:
                    continue
                products = [
                    f"{part} = {self._product(part, m1, m2)}"
                    for part in ("xr", "yr", "xi", "yi")
                    if part in parts and self._product(part, m1, m2)
                ]
                line = "  { const lanes " + ", ".join(products) + ";"
                for target, part, weight in adds:
                    if target in started:
                        line += f" {target} = {target} + {self.literal(weight)} * {part};"
                    else:
                        line += f" {target} = {self.literal(weight)} * {part};"
                        started.add(target)
                yield line + " }"
            for l, k, m in sums:
                value = _sum(k, m) if _sum(k, m) in started else "splat(0)"
                yield f"  p{k}[{l + m}] = {value};"
            yield "}" + (" SEPARATE;" if Ms is not ranges[-1] else "")

    def _product(self, part: str, m1: int, m2: int) -> str:
        """Real or imaginary part of X or Y; empty if it is zero."""
        a, b = self._factor("a", self.kind.left, m1), self._factor("b", self.kind.right, m2)
        if self.kind.same and m1 == m2 and m1:
            return {"xr": f"{a[0]} * {a[0]} - {a[1]} * {a[1]}", "xi": f"2 * {a[0]} * {a[1]}",
                    "yr": f"{a[0]} * {a[0]} + {a[1]} * {a[1]}", "yi": ""}[part]  # fmt: skip
        if not m1 and not m2:
            return f"{a[0]} * {b[0]}" if part == "xr" else ""
        if not m1:
            return f"{a[0]} * {b[0]}" if part == "xr" else f"{a[0]} * {b[1]}"
        if not m2:
            return f"{a[0]} * {b[0]}" if part == "xr" else f"{a[1]} * {b[0]}"
        return {"xr": f"{a[0]} * {b[0]} - {a[1]} * {b[1]}", "xi": f"{a[0]} * {b[1]} + {a[1]} * {b[0]}",
                "yr": f"{a[0]} * {b[0]} + {a[1]} * {b[1]}", "yi": f"{a[1]} * {b[0]} - {a[0]} * {b[1]}"}[part]  # fmt: skip

    def _factor(self, name: str, l: int, m: int) -> tuple[str, str]:
        if self.kind.same:
            name = "a"
        return f"{name}[{l + m}]", f"{name}[{l - m}]"

    def backward(self) -> Iterator[str]:
        """Factor by factor: for each m of the factor with more components, over those of the other."""
        kind = self.kind
        by_m2: dict[int, dict[int, list[Term]]] = {}
        for (m1, m2), terms in self.terms.items():
            by_m2.setdefault(m2, {})[m1] = terms
        small = 2 * kind.left + 1 <= self.held // 3 and not kind.same
        if small:
            yield "lanes " + ", ".join(f"s{m} = da[{m}]" for m in range(2 * kind.left + 1)) + ";"
        ordered = sorted(by_m2)
        for m2 in ordered:
            c, d = self._factor("b", kind.right, m2)
            db = "da" if kind.same else "db"
            yield "{ " + f"const lanes c = {c}" + (f", d = {d}" if m2 else "") + ";"
            yield f"  lanes dc = {db}[{kind.right + m2}]" + (f", dd = {db}[{kind.right - m2}]" if m2 else "") + ";"
            for m1, terms in sorted(by_m2[m2].items()):
                yield from (f"  {line}" for line in self._back(m1, m2, terms, small))
            yield f"  {db}[{kind.right + m2}] = dc;" + (f" {db}[{kind.right - m2}] = dd;" if m2 else "")
            yield "}" + (" SEPARATE;" if m2 != ordered[-1] else "")
        if small:
            yield " ".join(f"da[{m}] = s{m};" for m in range(2 * kind.left + 1))

    def _derivatives(self, m1: int, m2: int, terms: list[Term]) -> dict[str, str]:
        """Derivatives of the real and imaginary parts of X and Y, as expressions."""
        parts: dict[str, list[str]] = {}
        factor = 2.0 if self.kind.same and m1 == m2 else 1.0

        def add(part: str, weight: float, k: int, l: int, m: int) -> None:
            if self._product(part, m1, m2):
                parts.setdefault(part, []).append(f"{self.literal(factor * weight)} * g{k}[{l + m}]")

        for l, is_sum, weight in terms:
            M, k = (m1 + m2 if is_sum else abs(m1 - m2)), self.kind.degrees.index(l)
            name = "x" if is_sum else "y"
            sign = -1.0 if not is_sum and m1 < m2 else 1.0
            if self._odd(l):
                add(name + "i", sign * weight, k, l, M)
                if M:
                    add(name + "r", -weight, k, l, -M)
            else:
                add(name + "r", weight, k, l, M)
                if M:
                    add(name + "i", sign * weight, k, l, -M)
        return {part: " + ".join(own) for part, own in parts.items()}

    def _back(self, m1: int, m2: int, terms: list[Term], small: bool) -> Iterator[str]:
        kind = self.kind
        own = self._derivatives(m1, m2, terms)
        if not own:
            return
        ra, ia = f"a[{kind.left + m1}]", f"a[{kind.left - m1}]"
        da, di = f"da[{kind.left + m1}]", f"da[{kind.left - m1}]"
        if small:
            da, di = f"s{kind.left + m1}", f"s{kind.left - m1}"
        names = sorted(own)
        head = "{ const lanes " + ", ".join(f"g{name} = {own[name]}" for name in names) + ";"
        has = own.__contains__
        if kind.same and m1 == m2:  # derivatives have been doubled; c, d is the factor itself
            if not m1:
                yield head + " dc = dc + gxr * c; }"
                return
            real = _total([("gxr", 1), ("gyr", 1)], has)
            other = _total([("gyr", 1), ("gxr", -1)], has)
            to_c, to_d = [], []
            if real:
                to_c.append(f"({real}) * c")
            if has("xi"):
                to_c.append("gxi * d")
                to_d.append("gxi * c")
            if other:
                to_d.append(f"({other}) * d")
            yield head + (f" dc = dc + {' + '.join(to_c)};" if to_c else "") + (
                f" dd = dd + {' + '.join(to_d)};" if to_d else ""
            ) + " }"
            return
        if not m1 and not m2:
            yield head + f" {da} = {da} + gxr * c; dc = dc + gxr * {ra}; }}"
            return
        if not m1:  # X = a (c + i d)
            terms_a = [t for n, t in (("xr", "gxr * c"), ("xi", "gxi * d")) if has(n)]
            line = head + f" {da} = {da} + {' + '.join(terms_a)};"
            line += f" dc = dc + gxr * {ra};" if has("xr") else ""
            line += f" dd = dd + gxi * {ra};" if has("xi") else ""
            yield line + " }"
            return
        if not m2:  # X = (a + i b) c
            line = head
            line += f" {da} = {da} + gxr * c;" if has("xr") else ""
            line += f" {di} = {di} + gxi * c;" if has("xi") else ""
            terms_c = [t for n, t in (("xr", f"gxr * {ra}"), ("xi", f"gxi * {ia}")) if has(n)]
            yield line + f" dc = dc + {' + '.join(terms_c)}; }}"
            return
        sums = {
            "sr": _total([("gxr", 1), ("gyr", 1)], has),
            "si": _total([("gxi", 1), ("gyi", 1)], has),
            "tr": _total([("gxr", 1), ("gyr", -1)], has),
            "ti": _total([("gxi", 1), ("gyi", -1)], has),
        }
        defined = ", ".join(f"{name} = {text}" for name, text in sums.items() if text)
        yield head
        yield f"  const lanes {defined};"

        def product(target: str, terms: list[tuple[str, str, str]]) -> str:
            used = [(sign, f"{name} * {value}") for sign, name, value in terms if sums[name]]
            if not used:
                return ""
            return f" {target} = {target}" + "".join(f" {sign} {text}" for sign, text in used) + ";"

        yield (
            " "
            + product(da, [("+", "sr", "c"), ("+", "ti", "d")])
            + product(di, [("+", "si", "c"), ("-", "tr", "d")])
            + product("dc", [("+", "sr", ra), ("+", "si", ia)])
            + product("dd", [("+", "ti", ra), ("-", "tr", ia)])
            + " }"
        )


def _total(terms: list[tuple[str, int]], has: object) -> str:
    text = ""
    for name, sign in terms:
        if has(name[1:]):  # type: ignore[operator]
            text += (" + " if sign > 0 else " - ") + name if text else ("" if sign > 0 else "-") + name
    return text


def _sum(k: int, m: int) -> str:
    return f"p{k}_{m}" if m >= 0 else f"p{k}_i{-m}"


def type_files(stage: CoupledStage, literal: Literal, variables: int) -> Iterator[list[PairCode]]:
    """The code of all types, by file: files are compiled in parallel."""
    held = 24 if variables >= 32 else 10
    part: list[PairCode] = []
    lines = 0
    for number, kind in enumerate(stage.types):
        writer = PairWriter.of(kind, stage.products.by_degrees, held, literal)
        forward, backward = tuple(writer.forward()), tuple(writer.backward())
        if part and lines + len(forward) + len(backward) > LINES_PER_FILE:
            yield part
            part, lines = [], 0
        part.append(PairCode(number, _title(kind), len(kind.degrees), kind.same, forward, backward))
        lines += len(forward) + len(backward)
    if part:
        yield part


def _title(kind: PairType) -> str:
    degrees = ", ".join(map(str, kind.degrees))
    return f"{kind.left} and {kind.right}{', the same value,' if kind.same else ''} to {degrees}"


@dataclass(frozen=True)
class TileShape:
    """Code for tiles of some rows, and which tiles are of this shape.

    Attributes:
        l: degree of the values.
        height: number of rows.
        parts: components whose sums are in registers together.
        first, count: its tiles.
    """

    l: int
    height: int
    parts: tuple[tuple[int, ...], ...]
    first: int
    count: int


@dataclass(frozen=True)
class TileStep:
    """All tiles of a degree: what is set to zero before them (offsets and numbers of components), and their code."""

    unset: tuple[tuple[int, int], ...]
    shapes: tuple[TileShape, ...]


@dataclass(frozen=True)
class PairCall:
    """A call for pairs of one type: number of the type, where its table begins, number of pairs."""

    type: int
    title: str
    first: int
    count: int


@dataclass(frozen=True)
class CoupledTables:
    """Arrays of coupled.c, named as there, in lower case."""

    pooled: tuple[int, ...]
    scales: tuple[float, ...]
    pairs: tuple[int, ...]
    calls: tuple[PairCall, ...]
    steps: tuple[TileStep, ...]
    widths: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]
    linear: tuple[int, ...]
    linear_weights: tuple[tuple[float, ...], ...]


def coupled_tables(stage: CoupledStage, layout: PooledLayout, cost: CoupledCost) -> CoupledTables:
    """Flatten a coupled stage."""
    products, offsets = stage.products, stage.offsets
    pooled: list[int] = []
    scales: list[float] = []
    for value in sorted(range(stage.n_channels), key=offsets.__getitem__):
        species, n, l = products.channels[value]
        for m in range(-l, l + 1):
            pooled.append(layout.index(species, n, l, m))
            scales.append(products.scales[l][abs(m)])
    number = {kind: position for position, kind in enumerate(stage.types)}
    pairs: list[int] = []
    calls = []
    for group in stage.groups:
        calls.append(PairCall(number[group.type], _title(group.type), len(pairs), len(group.pairs)))
        pairs += [offsets[value] for pair in group.pairs for value in (pair.left, pair.right, *pair.nodes)]
    steps = []
    first = 0
    for l in sorted(set(products.degrees)):
        shapes = []
        for form in (form for form in stage.forms if form.l == l):
            bounds = list(accumulate(cost.parts(l, form.height), initial=0))
            parts = tuple(tuple(range(begin, end)) for begin, end in pairwise(bounds))
            shapes.append(TileShape(l, form.height, parts, first, len(form.tiles)))
            first += len(form.tiles)
        unset = tuple((offsets[value], 2 * l + 1) for value in stage.unset if products.degrees[value] == l)
        steps.append(TileStep(unset, tuple(shapes)))
    tiles = stage.tiles
    return CoupledTables(
        pooled=tuple(pooled),
        scales=tuple(scales),
        pairs=tuple(pairs),
        calls=tuple(calls),
        steps=tuple(steps),
        widths=tuple(
            f"{{ {fresh}, {len(tile.columns)} }}" for fresh, tile in zip(stage.fresh, tiles, strict=True)
        ),
        rows=tuple(offsets[value] for tile in tiles for value in tile.rows),
        columns=tuple(offsets[value] for tile in tiles for value in tile.columns),
        weights=tuple(stage.weights.values()),
        linear=tuple(offsets[value] for value in stage.linear),
        linear_weights=tuple(stage.linear_weights.values()),
    )
