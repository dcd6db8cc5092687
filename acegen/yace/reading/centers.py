"""Elements of a potential file, and their embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acegen.elements import ATOMIC_NUMBERS
from acegen.printing import shown
from acegen.yace.potential import ElementEmbedding, EmbeddingName, EmbeddingTerm
from acegen.yace.reading.fields import Field

EMBEDDING_FIELDS = ("ndensity", "FS_parameters", "npoti", "rho_core_cutoff", "drho_core_cutoff")

_NAMES: tuple[EmbeddingName, ...] = ("FinnisSinclair", "FinnisSinclairShiftedScaled")
MOST_DENSITIES = 50

EXPONENT_LEAST, EXPONENT_MOST = 0.01, 50.0
"""Exponents of densities that are read; those of potentials are 0.5 to 2."""


def read_elements(field: Field) -> tuple[str, ...]:
    """Different chemical symbols, at least one."""
    symbols: list[str] = []
    for item in field.items():
        symbol = item.text()
        if symbol not in ATOMIC_NUMBERS:
            raise item.error(f"{shown(symbol)} is no chemical symbol.")
        if symbol in symbols:
            raise item.error(f"the element {symbol} occurs twice.")
        symbols.append(symbol)
    if not symbols:
        raise field.error("is empty; there must be at least one element.")
    return tuple(symbols)


def read_embedding(fields: Mapping[str, Field]) -> ElementEmbedding:
    """The embedding of an element.

    Args:
        fields: those of EMBEDDING_FIELDS.
    """
    densities = fields["ndensity"].integer(1, MOST_DENSITIES)
    parameters = fields["FS_parameters"].numbers()
    if len(parameters) < 2 * densities:
        raise fields["FS_parameters"].error(
            f"has {len(parameters)} entries; {densities} densities have {2 * densities}, weight and exponent of each."
        )
    return ElementEmbedding(
        function=fields["npoti"].choice(_NAMES),
        terms=embedding_terms(fields["FS_parameters"], parameters[: 2 * densities]),
        core_cutoff=fields["rho_core_cutoff"].number(),
        core_width=fields["drho_core_cutoff"].number(low=0),
    )


def embedding_terms(field: Field, parameters: Sequence[float]) -> tuple[EmbeddingTerm, ...]:
    """The terms of the densities, from weight and exponent of each after each other."""
    terms = tuple(EmbeddingTerm(w, m) for w, m in zip(parameters[::2], parameters[1::2], strict=True))
    for p, term in enumerate(terms):
        if not EXPONENT_LEAST <= term.exponent <= EXPONENT_MOST:
            allowed = f"from {EXPONENT_LEAST:g} to {EXPONENT_MOST:g}"
            raise field.error(f"the exponent of density {p} must be {allowed}, not {term.exponent:g}.")
    return terms
