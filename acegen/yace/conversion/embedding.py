"""The densities of a model for ML-PACE.

    E = E0 + ZBL + pair term + Σ_p w_p F(ρ_p; m_p)    →    E = E0 + Σ_p w_p F(ρ_p; m_p)

F is the same function in both. What is outside of it is written as functions of rank 1: divided by its weight in a
density with F = ρ, which is one with exponent 1; in a further density of weight 1 if there is none.
"""

from __future__ import annotations

import flint
from flint import arb

from acegen.lower.rounding import WORKING_BITS
from acegen.spec import AnySpec
from acegen.yace.conversion.bonds import adds_zbl
from acegen.yace.potential import ElementEmbedding, EmbeddingName, EmbeddingTerm

_CORE_CUTOFF, _CORE_WIDTH = 100000.0, 250.0
"""rho_core_cutoff and drho_core_cutoff, eV: pacemaker's defaults; without a core they have no effect."""

_LINEAR = EmbeddingTerm(1.0, 1.0)
"""A density that is energy."""

_NAMES: dict[str, EmbeddingName] = {
    "finnis-sinclair": "FinnisSinclair",
    "finnis-sinclair-shifted": "FinnisSinclairShiftedScaled",
}
"""ML-PACE's name of each function F of a spec."""


def written_embedding(spec: AnySpec) -> tuple[ElementEmbedding, tuple[arb, ...]]:
    """The embedding of every element, and the factor of pair term and ZBL in each of its densities.

    The densities are those of the spec, and one more if there is something outside of F and F is ρ for none.
    """
    given = spec.embedding
    terms = [_LINEAR] if given is None else [EmbeddingTerm(weight, exponent) for weight, exponent in given.terms]
    linear = next((p for p, term in enumerate(terms) if term.exponent == 1 and term.weight), None)
    if linear is None and (spec.pair_cutoffs is not None or adds_zbl(spec)):
        linear = len(terms)
        terms.append(_LINEAR)
    name = _NAMES["finnis-sinclair-shifted" if given is None else given.function]
    with flint.ctx.workprec(WORKING_BITS):
        outside = tuple(1 / arb(term.weight) if p == linear else arb(0) for p, term in enumerate(terms))
    return ElementEmbedding(name, tuple(terms), _CORE_CUTOFF, _CORE_WIDTH), outside
