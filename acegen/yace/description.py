"""What a potential consists of: as JSON, which goes into its module, and as facts for readers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from acegen.yace.potential import Bond, ElementEmbedding, PaceBond, RecursionBond, YacePotential

DESCRIPTION_FORMAT = "acegen-potential-1"

_INNER = {
    "density": "by the energy of the core",
    "distance": "by distance, and by the energy of the core",
    "zbl": "by distance of the nearest neighbour, from a ZBL core",
}
"""How each kind of inner cutoff switches the expansion on."""


def description_text(potential: YacePotential, source: str, program: str) -> str:
    """The description as JSON, whose SHA-256 is the identity of a potential in a module.

    Args:
        potential: the potential.
        source: name of the file it came from.
        program: hash of the kernel program it is compiled to.
    """
    elements = potential.elements
    document = {
        "format": DESCRIPTION_FORMAT,
        "source": source,
        "program": program,
        "elements": list(elements),
        "atomic_energies": dict(zip(elements, potential.energies, strict=True)),
        "functions": {z: _by_rank(potential, center) for center, z in enumerate(elements)},
        "embedding": {z: _embedding(own) for z, own in zip(elements, potential.embeddings, strict=True)},
        "bonds": {f"{z}-{other}": _bond(bond) for z, other, bond in _bonds(potential)},
        "inner_cutoff": potential.inner_cutoff,
        "pair_potential": potential.pair is not None,
    }
    return json.dumps(document, indent=1) + "\n"


def rank_counts(potential: YacePotential) -> dict[int, tuple[int, int]]:
    """Functions by rank, of all centres: their number, and that of their combinations of m."""
    functions: Counter[int] = Counter()
    combinations: Counter[int] = Counter()
    for function in (function for own in potential.functions for function in own):
        functions[function.rank] += 1
        combinations[function.rank] += len(function.ms)
    return {rank: (functions[rank], combinations[rank]) for rank in sorted(functions)}


def facts(potential: YacePotential, source: str) -> tuple[tuple[str, str], ...]:
    """Pairs of what is said about a potential, and that. Arguments as for `description_text`."""
    elements = potential.elements
    bonds = [(f"{z}-{other}", bond) for z, other, bond in _bonds(potential)]
    rows = [
        ("made from", source),
        ("elements", ", ".join(elements)),
        ("functions", functions_in_words(potential)),
        (
            "energy",
            _grouped((z, _embedding_in_words(own)) for z, own in zip(elements, potential.embeddings, strict=True)),
        ),
        ("radial functions", _grouped((pair, _radial_in_words(bond)) for pair, bond in bonds)),
        ("cutoffs (Å)", _grouped((pair, f"{_cutoff(bond):g}") for pair, bond in bonds)),
    ]
    cores = [(pair, _core_in_words(bond, potential.inner_cutoff)) for pair, bond in bonds if isinstance(bond, PaceBond)]
    if any(text for _, text in cores):
        rows.append(("core", _grouped((pair, text or "none") for pair, text in cores)))
        rows.append(("expansion switched on", _INNER[potential.inner_cutoff]))
    if potential.pair is not None:
        rows.append(("pair potential", f"{len(potential.pair.basis.steps)} polynomials, half of it for each atom"))
    if any(potential.energies):
        energies = zip(elements, potential.energies, strict=True)
        rows.append(("atomic energies (eV)", ", ".join(f"{z} {energy!r}" for z, energy in energies)))
    return tuple(rows)


def functions_in_words(potential: YacePotential) -> str:
    """The number of functions by centre and rank."""
    texts = []
    for center, symbol in enumerate(potential.elements):
        counts = _by_rank(potential, center)
        ranks = ", ".join(f"{count:,} of rank {rank}" for rank, count in counts.items())
        texts.append(f"{symbol} {sum(counts.values()):,}" + (f" ({ranks})" if counts else ""))
    return "; ".join(texts)


def _bonds(potential: YacePotential) -> Iterable[tuple[str, str, Bond]]:
    for z, row in zip(potential.elements, potential.bonds, strict=True):
        for other, bond in zip(potential.elements, row, strict=True):
            yield z, other, bond


def _grouped(entries: Iterable[tuple[str, str]]) -> str:
    """Names with what is said about them; said once if it is the same for several, and without names if for all."""
    names: dict[str, list[str]] = {}
    for name, text in entries:
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{', '.join(own)}: {text}" for text, own in names.items())


def _by_rank(potential: YacePotential, center: int) -> dict[str, int]:
    counts = Counter(function.rank for function in potential.functions[center])
    return {str(rank): counts[rank] for rank in sorted(counts)}


def _embedding(embedding: ElementEmbedding) -> Mapping[str, Any]:
    return {
        "function": embedding.function,
        "terms": [{"weight": term.weight, "exponent": term.exponent} for term in embedding.terms],
    }


def _embedding_in_words(embedding: ElementEmbedding) -> str:
    terms = embedding.terms
    count = f"{len(terms)} densit{'y' if len(terms) == 1 else 'ies'}"
    if all(term.exponent == 1 for term in terms):
        return f"linear in {count}"
    sums = " + ".join(f"{term.weight:g} F(ρ{number}; {term.exponent:g})" for number, term in enumerate(terms, start=1))
    return f"{sums}, F {embedding.function}"


def _bond(bond: Bond) -> Mapping[str, Any]:
    match bond:
        case PaceBond():
            return {
                "radial": bond.radial,
                "parameters": list(bond.parameters),
                "functions": bond.n_base,
                "n_max": len(bond.coefficients),
                "l_max": len(bond.coefficients[0]) - 1 if bond.coefficients else -1,
                "cutoff": bond.cutoff,
            }
        case RecursionBond(basis):
            return {"radial": "ACE.jl", "functions": len(basis.steps), "cutoff": basis.cutoff}


def _cutoff(bond: Bond) -> float:
    return bond.cutoff if isinstance(bond, PaceBond) else bond.basis.cutoff


def _radial_in_words(bond: Bond) -> str:
    match bond:
        case PaceBond():
            n_max = len(bond.coefficients)
            l_max = len(bond.coefficients[0]) - 1 if bond.coefficients else -1
            rate = f" with λ = {bond.parameters[0]:g}" if bond.radial in ("ChebExpCos", "ChebPow") else ""
            contracted = f", contracted to n ≤ {n_max}, l ≤ {l_max}" if n_max and l_max >= 0 else ""
            return f"{bond.n_base} of {bond.radial}{rate}{contracted}"
        case RecursionBond(basis):
            return f"{len(basis.steps)} of ACE.jl"


def _core_in_words(bond: PaceBond, inner: str) -> str:
    """Empty without a core and without an inner cutoff."""
    if inner == "zbl":
        return f"ZBL, down from {bond.inner_cutoff:g} Å" if bond.inner_cutoff else ""
    text = f"{bond.strength:g} exp(-{bond.rate:g} r²)/r" if bond.strength else ""
    if bond.inner_cutoff:
        text += f"{', ' if text else 'none, '}inner cutoff {bond.inner_cutoff:g} Å"
    return text
