"""The potential of a compiled module, for ML-PACE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.definitions import resolve_definitions
from acegen.basis.describe import basis_hash, describe_basis, former_hashes
from acegen.errors import ExportError
from acegen.spec import load_atomic_spec
from acegen.store.coefficients import Coefficients
from acegen.yace.conversion.basis import ExportedPotential, exported_potential
from acegen.yace.potential import EmbeddingTerm, YacePotential


def with_equal_densities(potential: YacePotential) -> YacePotential:
    """The same potential, with as many densities for every element: further ones have no weight and no functions.

    ML-PACE's recursive evaluator takes the coefficients of all elements to be of the largest number of densities.
    """
    count = max(len(embedding.terms) for embedding in potential.embeddings)
    embeddings, functions = [], []
    for embedding, own in zip(potential.embeddings, potential.functions, strict=True):
        missing = count - len(embedding.terms)
        embeddings.append(replace(embedding, terms=embedding.terms + (EmbeddingTerm(0.0, 1.0),) * missing))
        rows = (tuple((*row, *(0.0,) * missing) for row in function.coefficients) for function in own)
        functions.append(tuple(replace(f, coefficients=new) for f, new in zip(own, rows, strict=True)))
    return replace(potential, embeddings=tuple(embeddings), functions=tuple(functions))


def exported_module(
    name: str, identity: str, description: Mapping[str, Any], coefficients: Coefficients
) -> ExportedPotential:
    """Write the potential of a module for ML-PACE. The basis is derived again.

    Args:
        name: of the model.
        identity: hash of its basis.
        description: of its basis.
        coefficients: its coefficients.

    Raises:
        SpecError: it is not a model of atoms.
        ExportError: the format cannot say it, or this acegen derives another basis.
    """
    spec = load_atomic_spec({"name": name, **description["spec"]})
    basis = derive_basis(build_algebra(spec))
    own = describe_basis(basis)
    if identity not in (basis_hash(own), *former_hashes(own)):
        raise ExportError(
            f"the model {name} was compiled by another version of acegen, whose basis differs from the one that this "
            "version derives. Export it with that version, or fit it again."
        )
    return exported_potential(basis, resolve_definitions(spec), coefficients.values, coefficients.atomic_energies)
