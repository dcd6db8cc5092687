"""The compiled basis of a fit, for whatever process or machine needs it."""

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
    """Where the basis lies, and what to compile where it does not. It travels as it is, the spec already validated.

    Attributes:
        folder: of the module, on the machine that uses it.
        basis_hash: identity of the basis.
        spec: what it is compiled from; that of the same folder and hash is the same.
    """

    folder: str
    basis_hash: str
    spec: Spec = field(compare=False, repr=False)

    @property
    def model(self) -> Model:
        """The basis, loaded once by each process, and compiled where it is missing."""
        return _opened(self)


@lru_cache(maxsize=2)
def _opened(basis: CompiledBasis) -> Model:
    folder = Path(basis.folder)
    try:  # as a rule it is there: finding that out by compiling takes a second and a C compiler
        model = acegen.load(folder)
        if model.basis_hash == basis.basis_hash:
            return model
    except ModuleError:
        pass
    return acegen.compile(basis.spec, folder.parent)
