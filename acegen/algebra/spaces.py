"""The symmetries that there are: the angular algebra of each, and how further ones are added."""

from __future__ import annotations

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.circle import O2, SO2
from acegen.algebra.line import LINE
from acegen.algebra.sphere import O3
from acegen.errors import SpecError
from acegen.spec.symmetries import ATOMS, SYMMETRIES

_SPACES: dict[str, AngularAlgebra] = {ATOMS: O3, "none": LINE, "O1": LINE, "SO2": SO2, "O2": O2}


def angular_algebra(symmetry: str) -> AngularAlgebra:
    """The angular algebra of a symmetry that specifications may name."""
    return _SPACES[symmetry]


def enter_space(space: AngularAlgebra) -> None:
    """Make the symmetry of a space known to specifications.

    Raises:
        SpecError: the name is taken by a space of another kind, or particles have neither two nor three coordinates.
    """
    name = space.symmetry
    if _SPACES.get(name, space) != space:
        raise SpecError(f"the symmetry '{name}' is there already; give the space another one.")
    if space.dimension not in (2, 3):
        raise SpecError(
            f"the space '{name}' has particles with {space.dimension} coordinates; directions have two or three. "
            "For functions of one number see symmetry = 'none'."
        )
    _SPACES[name] = space
    SYMMETRIES[name] = space.dimension
