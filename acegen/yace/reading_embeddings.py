"""Embeddings from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from acegen.yace.fields import Field
from acegen.yace.potential import ElementEmbedding, EmbeddingName, EmbeddingTerm

EXPONENT_LEAST, EXPONENT_MOST = 0.01, 50.0
"""Exponents of densities that are read; those of potentials are 0.5 to 2."""

_FIELDS = ("ndensity", "FS_parameters", "npoti", "rho_core_cutoff", "drho_core_cutoff")
_MOST_DENSITIES = 50


def read_embedding(field: Field) -> ElementEmbedding:
    """The embedding of an element of a `.yace` file."""
    fields = field.mapping(_FIELDS)
    densities = fields["ndensity"].integer(1, _MOST_DENSITIES)
    parameters = fields["FS_parameters"].numbers()
    if len(parameters) < 2 * densities:
        raise fields["FS_parameters"].error(
            f"has {len(parameters)} entries; {densities} densities have {2 * densities}, weight and exponent of each."
        )
    function: EmbeddingName = fields["npoti"].choice(get_args(EmbeddingName))
    return ElementEmbedding(
        function=function,
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
