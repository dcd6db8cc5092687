"""Gram matrices and orthogonal bases of symmetric functions, exact or from samples.

Not a stage: nothing derived here goes into a module.

    ensemble        the random particles: the number of each species, and the measure of y
    orthogonal_functions
                    one-particle functions orthogonalized under the measure
    expansion       coupled functions in an orthogonal system of many-body functions
    gram            exact Gram matrices
    factorization   G = L D Lᵀ, exactly: independent and dependent functions, the orthonormal basis
    condition       condition numbers of scaled Gram matrices
    samples         the same for given function values
"""

from acegen.orthogonal.condition import condition_number
from acegen.orthogonal.ensemble import Ensemble, ensemble_of
from acegen.orthogonal.factorization import Factorization, factorize
from acegen.orthogonal.gram import GramMatrix, basis_gram, canonical_gram, self_interacting_gram
from acegen.orthogonal.samples import SampleOrthogonalization, orthogonalize_samples

__all__ = [
    "Ensemble",
    "Factorization",
    "GramMatrix",
    "SampleOrthogonalization",
    "basis_gram",
    "canonical_gram",
    "condition_number",
    "ensemble_of",
    "factorize",
    "orthogonalize_samples",
    "self_interacting_gram",
]
