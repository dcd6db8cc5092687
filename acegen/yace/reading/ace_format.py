"""`.ace` files, ML-PACE's format before `.yace`, → `YacePotential`.

Entries come in a fixed order; before the first, `nelements=`, there may be any lines. Unlike in `.yace`, one radial
basis, one embedding and one number of densities are those of all elements; the values of pairs are lists, the element
of the centre first; radial coefficients are listed by pair, k, n and l. Coefficients of functions are the same.

Without `embedding-function:` all exponents must be 1, as ML-PACE has it; without `E0:` atomic energies are zero. Tests
of radial functions that ACE.jl adds, and numbers that only say how large arrays must be, are passed over. With several
elements, files are read as ML-PACE did until 2021, but with the core of today, which ends at the cutoff of the pair and
is switched on otherwise; later versions read these files for one element only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import PotentialError
from acegen.printing import visible
from acegen.yace.potential import (
    SPLINE_STEP,
    CTildeFunction,
    ElementEmbedding,
    PaceBond,
    PairPotential,
    RadialName,
    YacePotential,
)
from acegen.yace.potential import RecursionBasis as Basis
from acegen.yace.reading.ace_words import Words
from acegen.yace.reading.bonds import (
    L_MOST,
    N_MOST,
    RADIUS_LEAST,
    RADIUS_MOST,
    BondsRead,
    largest_sizes,
    radial_parameters,
)
from acegen.yace.reading.centers import read_elements, read_embedding
from acegen.yace.reading.fields import Field
from acegen.yace.reading.functions import COMBINATIONS_MOST, RANK_MOST, read_function
from acegen.yace.reading.recursion import CORE_FIELDS, read_core, read_recursion, recursion_bonds

_START = re.compile(r"^[^\S\n]*nelements[^\S\n]*=", re.M)
_FIRST = re.compile(rb"\s*(#[^\n]*\n\s*)*nelements[ \t]*=")

_RADIAL: tuple[RadialName, ...] = ("ChebExpCos", "ChebPow")
_ACE_JL = "ACE.jl.Basic"

_MOST_PARAMETERS = 1000
_MOST_FUNCTIONS = 10_000_000
_MOST_TESTS = 100_000


def is_ace_format(content: bytes) -> bool:
    """Whether a file begins as this format does; comments may come before."""
    return _FIRST.match(content) is not None


def read_ace_format(content: bytes) -> YacePotential:
    """The potential of a file.

    Raises:
        PotentialError: something is missing, out of order, or not what acegen can evaluate; the message has the line.
    """
    try:
        text = content.decode()
    except UnicodeError as problem:
        raise PotentialError(f"the file is not text: {visible(problem)}.") from None
    start = _START.search(text)
    if start is None:
        raise PotentialError("it is no potential in the .ace format: no line begins with 'nelements='.")
    return _read(Words(text, start.start()))


def _read(words: Words) -> YacePotential:
    count = words.named("nelements=").integer(1, len(ATOMIC_NUMBERS))
    words.label("elements:")
    elements = read_elements(words.several("elements", count))
    l_max = words.named("lmax=").integer(0, L_MOST)
    embedding = _embedding(words, count)
    energies = (0.0,) * count
    if words.begins("E0:"):
        words.label("E0:")
        energies = words.several("E0", count).numbers()
    step, bonds = _bonds(words, count, l_max)
    rank_max = words.named("rankmax=").integer(1, RANK_MOST)
    densities = words.named("ndensitymax=")
    embeddings = tuple(read_embedding({**fields, "ndensity": densities}) for fields in embedding)
    for label in ("num_c_tilde_max=", "num_ms_combinations_max="):
        words.named(label).integer(0, _MOST_FUNCTIONS)
    functions = _functions(words, embeddings, rank_max, bonds)
    return YacePotential(
        elements=elements,
        energies=energies,
        spline_step=step,
        embeddings=embeddings,
        bonds=bonds.bonds,
        inner_cutoff=bonds.inner_cutoff,
        pair=bonds.pair,
        functions=functions,
    )


def _embedding(words: Words, count: int) -> list[dict[str, Field]]:
    """The fields of the embedding by element, without the number of densities."""
    name = Field("FinnisSinclair", "embedding-function")
    named = words.begins("embedding-function:")
    if named:
        name = words.named("embedding-function:")
    size = words.one("number of FS parameters").integer(2, _MOST_PARAMETERS)
    words.label("FS parameters:")
    parameters = words.several("FS parameters", size)
    if not named and any(exponent != 1 for exponent in parameters.numbers()[1::2]):
        raise parameters.error(
            "an exponent is not 1, so that there must be a line 'embedding-function: FinnisSinclair' or "
            "'embedding-function: FinnisSinclairShiftedScaled' before."
        )
    words.label("core energy-cutoff parameters:")
    shared = {"npoti": name, "FS_parameters": parameters}
    return [
        {
            **shared,
            "rho_core_cutoff": words.one("core energy-cutoff parameters"),
            "drho_core_cutoff": words.one("core energy-cutoff parameters"),
        }
        for _ in range(count)
    ]


def _bonds(words: Words, count: int, l_max: int) -> tuple[float, BondsRead]:
    """The step of tables, and the bonds."""
    radial = words.named("radbasename=")
    name = radial.choice((*_RADIAL, _ACE_JL))
    if name != _ACE_JL:
        return _pace_bonds(words, radial.choice(_RADIAL), count, l_max)
    if count > 1:
        raise radial.error(f"files with {_ACE_JL} have one element only.")
    return SPLINE_STEP, _recursion_bonds(words, l_max)


def _pace_bonds(words: Words, radial: RadialName, count: int, l_max: int) -> tuple[float, BondsRead]:
    n_base = words.named("nradbase=").integer(1, N_MOST)
    size = words.named("nradmax=")
    n_max = size.integer(0, N_MOST)
    largest_sizes(size, [(n_max, l_max, n_base)] * count**2)  # all pairs have the same; refused if too many
    words.named("cutoffmax=").positive()
    step = words.named("deltaSplineBins=").positive()
    pairs = range(count**2)
    words.label("core repulsion parameters:")
    core = [[abs(words.one("core repulsion parameters").number()) for _ in range(2)] for _ in pairs]
    words.label("radparameter=")
    parameters = [radial_parameters(words.several("radparameter", 1), radial) for _ in pairs]
    words.label("cutoff=")
    cutoffs = [words.one("cutoff").number(RADIUS_LEAST, RADIUS_MOST) for _ in pairs]
    words.label("dcut=")
    widths = [words.one("dcut").number(low=0) for _ in pairs]
    words.label("crad=")
    bonds = [
        PaceBond(
            radial=radial,
            parameters=parameters[pair],
            n_base=n_base,
            coefficients=_coefficients(words, n_base, n_max, l_max),
            cutoff=cutoffs[pair],
            width=widths[pair],
            strength=core[pair][0],
            rate=core[pair][1],
            inner_cutoff=0.0,
            inner_width=0.0,
        )
        for pair in pairs
    ]
    table = tuple(tuple(bonds[i * count : (i + 1) * count]) for i in range(count))
    return step, BondsRead(table, "density", None, l_max, n_max, n_base)


def _coefficients(words: Words, n_base: int, n_max: int, l_max: int) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """By n, l and k; the file has them by k, n and l."""
    by_k = [[words.several("crad", l_max + 1).numbers() for _ in range(n_max)] for _ in range(n_base)]
    return tuple(tuple(tuple(by_k[k][n][l] for k in range(n_base)) for l in range(l_max + 1)) for n in range(n_max))


def _recursion_bonds(words: Words, l_max: int) -> BondsRead:
    has_pair = words.named("haspair:").choice(("t", "f")) == "t"
    basis = _basis(words)
    return recursion_bonds([[basis]], _pair(words) if has_pair else None, l_max)


def _basis(words: Words) -> Basis:
    """A basis of ACE.jl."""
    words.label("transform parameters:")
    fields = {name: words.named(f"{name}=") for name in ("p", "r0")}
    words.label("cutoff parameters:")
    fields |= {name: words.named(f"{name}=") for name in ("rcut", "xl", "xr", "pl", "pr")}
    words.label("recursion coefficients:")
    size = words.named("maxn=").integer(1, N_MOST)
    rows = [words.several("recursion coefficients", 3).numbers() for _ in range(size)]
    words.label("tests:")
    for _ in range(words.named("ntests=").integer(0, _MOST_TESTS)):
        words.named("r=").number()
        words.several("tests", 2 * size).numbers()
    return read_recursion(fields, tuple((a, b, c) for a, b, c in rows))


def _pair(words: Words) -> PairPotential:
    """The pair potential of ACE.jl."""
    words.label("begin repulsive potential begin polypairpot")
    basis = _basis(words)
    words.label("coefficients")
    coefficients = words.several("coefficients", len(basis.steps)).numbers()
    words.label("end polypairpot spline parameters e_0 + B exp(-A*(r/ri-1)) * (ri/r)")
    core = read_core({name: words.named(f"{name}=") for name in CORE_FIELDS})
    words.label("end repulsive potential")
    return PairPotential(basis, ((coefficients,),), ((core,),))


def _functions(
    words: Words, embeddings: Sequence[ElementEmbedding], rank_max: int, bonds: BondsRead
) -> tuple[tuple[CTildeFunction, ...], ...]:
    """By element of the centre; those of rank 1 come first, of all elements, then all others."""
    count = len(embeddings)
    found: list[list[CTildeFunction]] = [[] for _ in embeddings]
    for name, ranks in (("total_basis_size_rank1", (1, 1)), ("total_basis_size", (2, max(rank_max, 2)))):
        words.label(f"{name}:")
        sizes = [words.one(name).integer(0, _MOST_FUNCTIONS) for _ in embeddings]
        for center, size in enumerate(sizes):
            for _ in range(size):
                densities = len(embeddings[center].terms)
                fields = _function_fields(words, ranks, densities)
                found[center].append(read_function(fields, center, count, densities, bonds))
    words.end()
    return tuple(map(tuple, found))


def _function_fields(words: Words, ranks: tuple[int, int], densities: int) -> dict[str, Field]:
    words.label("ctilde_basis_func:")
    fields = {"rank": words.named("rank="), "ndensity": words.named("ndens="), "mu0": words.named("mu0=")}
    rank = fields["rank"].integer(*ranks)
    fields["ndensity"].integer(densities, densities)
    for name, label in (("mus", "mu"), ("ns", "n"), ("ls", "l")):
        words.label(f"{label}=(")
        fields[name] = words.several(label, rank)
        words.label(")")
    fields["num_ms_combs"] = words.named("num_ms=")
    combinations = fields["num_ms_combs"].integer(1, COMBINATIONS_MOST)
    ms, coefficients = [], []
    for _ in range(combinations):
        words.label("<")
        ms.append(words.several("m", rank))
        words.label(">:")
        coefficients.append(words.several("coefficients", densities))
    fields["ms_combs"] = _joined(ms)
    fields["ctildes"] = _joined(coefficients)
    return fields


def _joined(lists: Sequence[Field]) -> Field:
    return Field([item.node for part in lists for item in part.items()], lists[0].where)
