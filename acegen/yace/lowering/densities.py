"""The embedding of a potential, and which densities a program needs for it."""

from __future__ import annotations

from acegen.program.embedding import LINEAR, Embedding, FinnisSinclair, Identity, ShiftedFinnisSinclair
from acegen.yace.potential import ElementEmbedding


def embedding_function(embedding: ElementEmbedding) -> Embedding:
    """F; the identity if it is linear in all densities, which then become one."""
    if _is_linear(embedding):
        return Identity()
    kind = FinnisSinclair if embedding.function == "FinnisSinclair" else ShiftedFinnisSinclair
    return kind(tuple((term.weight, term.exponent) for term in embedding.terms))


def density_weights(embedding: ElementEmbedding) -> tuple[tuple[float, ...], ...]:
    """The densities of the program as combinations of those of the file."""
    if _is_linear(embedding):
        return (tuple(term.weight for term in embedding.terms),)
    count = len(embedding.terms)
    return tuple(tuple(float(i == p) for i in range(count)) for p in range(count))


def _is_linear(embedding: ElementEmbedding) -> bool:
    width = LINEAR if embedding.function == "FinnisSinclairShiftedScaled" else 0.0
    return all(term.exponent == 1 or abs(term.exponent - 1) < width for term in embedding.terms)
