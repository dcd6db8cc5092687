"""Types of pairs of values as C: code that couples two values to nodes, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from acegen.optimize.coupled import CoupledStage, PairType, Term, pair_terms

LINES_PER_FILE = 1500
"""Lines of code for pairs that share a C file."""

Terms = Mapping[tuple[int, int], list[Term]]


@dataclass(frozen=True)
class TypeCode:
    """Code of a type of pairs.

    Attributes:
        number: counts the types from 0.
        title: what it couples.
        n_nodes: number of nodes of a pair.
        same: whether both factors are the same value.
        scalar: whether their only node is their scalar product.
        n_left: number of components of the first factor if it stays in registers for all its pairs; zero if not.
        weights: the constants of the code, c[0], c[1], ...
        forward: statements that compute the nodes.
        backward: statements that add to the derivatives by the factors.
    """

    number: int
    title: str
    n_nodes: int
    same: bool
    scalar: bool
    n_left: int
    weights: tuple[float, ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...]

    @property
    def step(self) -> int:
        """Length of a pair's entry in the table: the second factor, and the nodes."""
        return self.n_nodes + (not self.same)


class Weights:
    """Constants of a type, read from a table: the compiler would make a whole vector in memory of each."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def times(self, weight: float, value: str, first: bool) -> str:
        """A product as the next term of a sum, or as its first."""
        if abs(weight) == 1:
            return f"{'-' if weight < 0 else ''}{value}" if first else f" {'-' if weight < 0 else '+'} {value}"
        if weight not in self.values and (first or -weight not in self.values):
            self.values.append(weight)
        if weight in self.values:
            return f"{'' if first else ' + '}c[{self.values.index(weight)}] * {value}"
        return f" - c[{self.values.index(-weight)}] * {value}"


@dataclass(frozen=True)
class TypeWriter:
    """Writes the code of a type of pairs.

    Attributes:
        kind: the type.
        terms: by m1 and m2.
        weights: collects the constants.
        held: sums that may stay in registers in the forward direction.
    """

    kind: PairType
    terms: Terms
    weights: Weights
    held: int

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
        if kind.degrees == (0,):
            yield from self._forward_scalar()
            return
        ranges = list(self._ranges())
        for Ms in ranges:
            started: set[str] = set()
            sums = [
                (l, k, m) for k, l in enumerate(kind.degrees) for M in Ms if l >= M for m in ([M, -M] if M else [0])
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
                    first = target not in started
                    started.add(target)
                    term = self.weights.times(weight, part, first)
                    line += f" {target} = {'' if first else target}{term};"
                yield line + " }"
            for l, k, m in sums:
                value = _sum(k, m) if _sum(k, m) in started else "splat(0)"
                yield f"  p{k}[{l + m}] = {value};"
            yield "}" + (" SEPARATE;" if Ms is not ranges[-1] else "")

    def _signs(self) -> tuple[float, dict[int, str]]:
        """Of a node with l = 0: the weight of component 0, and the signs of all components relative to it."""
        l = self.kind.left
        weight = next(own.weight for own in self.terms[0, 0])
        signs = {0: "+"}
        for m in range(1, l + 1):
            sign = "+" if self.terms[m, m][0].weight * weight > 0 else "-"
            signs[m] = signs[-m] = sign
        return weight, signs

    def _forward_scalar(self) -> Iterator[str]:
        """A scalar product, in two sums."""
        weight, signs = self._signs()
        l, b = self.kind.left, "a" if self.kind.same else "b"
        components = [0, *(m for k in range(1, l + 1) for m in (k, -k))]
        sums = []
        for half in (components[::2], components[1::2]):
            terms = [f"{signs[m]} a[{l + m}] * {b}[{l + m}]" for m in half]
            if terms:
                sums.append(" ".join(terms).removeprefix("+ "))
        yield "const lanes " + ", ".join(f"s{k} = {text}" for k, text in enumerate(sums)) + ";"
        total = "(s0 + s1)" if len(sums) > 1 else "s0"
        yield f"p0[0] = {self.weights.times(weight, total, True)};"

    def _backward_scalar(self) -> Iterator[str]:
        weight, signs = self._signs()
        l, same = self.kind.left, self.kind.same
        yield f"const lanes g = {self.weights.times(2 * weight if same else weight, 'g0[0]', True)};"
        for m in sorted(signs):
            line = f"da[{l + m}] = da[{l + m}] {signs[m]} g * {'a' if same else 'b'}[{l + m}];"
            yield line + ("" if same else f" db[{l + m}] = db[{l + m}] {signs[m]} g * a[{l + m}];")

    def _product(self, part: str, m1: int, m2: int) -> str:
        """Real or imaginary part of X or Y; empty if it is zero."""
        a, b = self._factor("a", self.kind.left, m1), self._factor("b", self.kind.right, m2)
        if self.kind.same and m1 == m2 and m1:
            return {
                "xr": f"{a[0]} * {a[0]} - {a[1]} * {a[1]}",
                "xi": f"2 * {a[0]} * {a[1]}",
                "yr": f"{a[0]} * {a[0]} + {a[1]} * {a[1]}",
                "yi": "",
            }[part]
        if not m1 and not m2:
            return f"{a[0]} * {b[0]}" if part == "xr" else ""
        if not m1:
            return f"{a[0]} * {b[0]}" if part == "xr" else f"{a[0]} * {b[1]}"
        if not m2:
            return f"{a[0]} * {b[0]}" if part == "xr" else f"{a[1]} * {b[0]}"
        return {
            "xr": f"{a[0]} * {b[0]} - {a[1]} * {b[1]}",
            "xi": f"{a[0]} * {b[1]} + {a[1]} * {b[0]}",
            "yr": f"{a[0]} * {b[0]} + {a[1]} * {b[1]}",
            "yi": f"{a[1]} * {b[0]} - {a[0]} * {b[1]}",
        }[part]

    def _factor(self, name: str, l: int, m: int) -> tuple[str, str]:
        if self.kind.same:
            name = "a"
        return f"{name}[{l + m}]", f"{name}[{l - m}]"

    def backward(self) -> Iterator[str]:
        """For each m of the second factor, over those of the first."""
        kind = self.kind
        if kind.degrees == (0,):
            yield from self._backward_scalar()
            return
        by_m2: dict[int, dict[int, list[Term]]] = {}
        for (m1, m2), terms in self.terms.items():
            by_m2.setdefault(m2, {})[m1] = terms
        ordered = sorted(by_m2)
        for m2 in ordered:
            c, d = self._factor("b", kind.right, m2)
            db = "da" if kind.same else "db"
            yield "{ " + f"const lanes br = {c}" + (f", bi = {d}" if m2 else "") + ";"
            yield f"  lanes dr = {db}[{kind.right + m2}]" + (f", di = {db}[{kind.right - m2}]" if m2 else "") + ";"
            for m1, terms in sorted(by_m2[m2].items()):
                yield from (f"  {line}" for line in self._back(m1, m2, terms))
            yield f"  {db}[{kind.right + m2}] = dr;" + (f" {db}[{kind.right - m2}] = di;" if m2 else "")
            yield "}" + (" SEPARATE;" if m2 != ordered[-1] else "")

    def _derivatives(self, m1: int, m2: int, terms: list[Term]) -> dict[str, str]:
        """Derivatives of the real and imaginary parts of X and Y, as expressions."""
        parts: dict[str, str] = {}
        factor = 2.0 if self.kind.same and m1 == m2 else 1.0

        def add(part: str, weight: float, k: int, l: int, m: int) -> None:
            if self._product(part, m1, m2):
                own = parts.get(part, "")
                parts[part] = own + self.weights.times(factor * weight, f"g{k}[{l + m}]", not own)

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
        return parts

    def _back(self, m1: int, m2: int, terms: list[Term]) -> Iterator[str]:
        kind = self.kind
        own = self._derivatives(m1, m2, terms)
        if not own:
            return
        ar, ai = f"a[{kind.left + m1}]", f"a[{kind.left - m1}]"
        da, db = f"da[{kind.left + m1}]", f"da[{kind.left - m1}]"
        head = "{ const lanes " + ", ".join(f"g{name} = {own[name]}" for name in sorted(own)) + ";"
        has = own.__contains__

        def adds(target: str, terms: list[tuple[str, str, str]], known: Callable[[str], object]) -> str:
            used = [f" {sign} {name} * {value}" for sign, name, value in terms if known(name)]
            return f" {target} = {target}{''.join(used)};" if used else ""

        def derivative(name: str) -> bool:
            return has(name[1:])

        if kind.same and m1 == m2:  # derivatives have been doubled
            if not m1:
                yield head + " dr = dr + gxr * br; }"
                return
            sums = {"s": _total([("gxr", 1), ("gyr", 1)], has), "t": _total([("gyr", 1), ("gxr", -1)], has)}
            yield head
            yield "  const lanes " + ", ".join(f"{name} = {text}" for name, text in sums.items() if text) + ";"
            known = lambda name: has("xi") if name == "gxi" else sums[name]  # noqa: E731
            yield (
                " "
                + adds("dr", [("+", "s", "br"), ("+", "gxi", "bi")], known)
                + (adds("di", [("+", "t", "bi"), ("+", "gxi", "br")], known) + " }")
            )
        elif not m1 and not m2:
            yield head + f" {da} = {da} + gxr * br; dr = dr + gxr * {ar}; }}"
        elif not m1:  # X = ar b
            yield (
                head
                + adds(da, [("+", "gxr", "br"), ("+", "gxi", "bi")], derivative)
                + (adds("dr", [("+", "gxr", ar)], derivative) + adds("di", [("+", "gxi", ar)], derivative) + " }")
            )
        elif not m2:  # X = a br
            yield (
                head
                + adds(da, [("+", "gxr", "br")], derivative)
                + adds(db, [("+", "gxi", "br")], derivative)
                + (adds("dr", [("+", "gxr", ar), ("+", "gxi", ai)], derivative) + " }")
            )
        else:
            sums = {
                "sr": _total([("gxr", 1), ("gyr", 1)], has),
                "si": _total([("gxi", 1), ("gyi", 1)], has),
                "tr": _total([("gxr", 1), ("gyr", -1)], has),
                "ti": _total([("gxi", 1), ("gyi", -1)], has),
            }
            yield head
            yield "  const lanes " + ", ".join(f"{name} = {text}" for name, text in sums.items() if text) + ";"
            yield (
                " "
                + adds(da, [("+", "sr", "br"), ("+", "ti", "bi")], sums.__getitem__)
                + adds(db, [("+", "si", "br"), ("-", "tr", "bi")], sums.__getitem__)
                + adds("dr", [("+", "sr", ar), ("+", "si", ai)], sums.__getitem__)
                + adds("di", [("+", "ti", ar), ("-", "tr", ai)], sums.__getitem__)
                + " }"
            )


def _total(terms: list[tuple[str, int]], has: Callable[[str], bool]) -> str:
    """The sum of those that there are."""
    text = ""
    for name, sign in terms:
        if has(name[1:]):
            text += (" + " if sign > 0 else " - ") + name if text else ("" if sign > 0 else "-") + name
    return text


def _sum(k: int, m: int) -> str:
    return f"p{k}_{m}" if m >= 0 else f"p{k}_i{-m}"


def type_codes(stage: CoupledStage, variables: int) -> list[TypeCode]:
    """The code of all types."""
    held, kept = (24, 13) if variables >= 32 else (10, 5)
    codes = []
    for number, kind in enumerate(stage.types):
        weights = Weights()
        writer = TypeWriter(kind, pair_terms(kind, stage.products.by_degrees), weights, held)
        forward, backward = tuple(writer.forward()), tuple(writer.backward())
        n_left = 2 * kind.left + 1 if 2 * kind.left + 1 <= kept else 0
        title, values = type_title(kind), tuple(weights.values)
        scalar = kind.degrees == (0,)
        codes.append(TypeCode(number, title, len(kind.degrees), kind.same, scalar, n_left, values, forward, backward))
    return codes


def type_files(codes: Sequence[TypeCode]) -> Iterator[list[TypeCode]]:
    """The code of all types, by file: files are compiled in parallel."""
    part: list[TypeCode] = []
    lines = 0
    for code in codes:
        own = len(code.forward) + len(code.backward)
        if part and lines + own > LINES_PER_FILE:
            yield part
            part, lines = [], 0
        part.append(code)
        lines += own
    if part:
        yield part


def type_title(kind: PairType) -> str:
    """A type of pairs in words, for comments of generated code."""
    degrees = ", ".join(map(str, kind.degrees))
    return f"{kind.left} and {kind.right}{', the same value,' if kind.same else ''} to {degrees}"
