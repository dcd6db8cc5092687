"""The compiled basis of a fit, for any process or machine that needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import acegen
from acegen.errors import ModuleError
from acegen.runtime import Model
from acegen.spec import Spec


@dataclass(frozen=True)
class CompiledBasis:
    """Where the basis is, and the spec to compile it from where it is missing. Can be pickled; the spec is validated.

    Attributes:
        folder: of the module, on the machine that uses it.
        basis_hash: identity of the basis.
        spec: source of the basis; determined by folder and hash.
    """

    folder: str
    basis_hash: str
    spec: Spec = field(compare=False, repr=False)

    @property
    def model(self) -> Model:
        """The basis, loaded once per process, and compiled where it is missing."""
        return _opened(self)


@lru_cache(maxsize=2)
def _opened(basis: CompiledBasis) -> Model:
    folder = Path(basis.folder)
    try:  # usually it exists: finding that out by compiling takes a second and a C compiler
        model = acegen.load(folder)
        if model.basis_hash == basis.basis_hash:
            return model
    except ModuleError:
        pass
    return acegen.compile(basis.spec, folder.parent)
