"""The known symmetries: the angular algebra of each, and how to add more."""

from __future__ import annotations

import re

from acegen.algebra.angular import AngularAlgebra, GeneratedAngularAlgebra
from acegen.algebra.circle import O2, SO2
from acegen.algebra.directions import check_space
from acegen.algebra.line import LINE, O1
from acegen.algebra.sphere import O3
from acegen.errors import SpecError
from acegen.spec.symmetries import SYMMETRIES

_SPACES: dict[str, AngularAlgebra] = {space.symmetry: space for space in (O3, LINE, O1, SO2, O2)}


def angular_algebra(symmetry: str) -> AngularAlgebra:
    """The angular algebra of a symmetry that specifications may name."""
    return _SPACES[symmetry]


def enter_space(space: GeneratedAngularAlgebra) -> None:
    """Register the symmetry of a space for use in specifications.

    Its functions, norms, product table and group are checked exactly for small l.

    Raises:
        SpecError: the argument is not a space, its name is malformed or taken by a space of another kind, particles do
            not have two or three coordinates, or the space contradicts itself.
    """
    if not isinstance(space, GeneratedAngularAlgebra):
        raise SpecError(
            f"{space!r} is not a particle space; give an object of a class derived from PolynomialSpace, "
            "such as Square()."
        )
    name = space.symmetry
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", name):
        raise SpecError(f"the symmetry {name!r} is not a valid name; use letters, digits, and '_.+-'.")
    if _SPACES.get(name, space) != space:
        raise SpecError(f"the symmetry '{name}' already exists; give the space another name.")
    if space.dimension not in (2, 3):
        raise SpecError(
            f"the space '{name}' has particles with {space.dimension} coordinates; directions have two or three. "
            "For functions of one number see symmetry = 'none'."
        )
    check_space(space)
    _SPACES[name] = space
    SYMMETRIES[name] = space.dimension
