"""What the templates need to know of a particle space: coordinates, cutoff, and where its functions are computed."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.sphere import O3
from acegen.codegen.one_particle import RadialCode
from acegen.spec import AnySpec, Spec


@dataclass(frozen=True)
class SpaceCode:
    """A particle space as generated code sees it.

    Attributes:
        dimension: coordinates of a particle.
        axes: names of the components of a direction; none on an interval.
        atoms: whether particles are atoms, with forces on centres, virials and a design matrix.
        has_cutoff: whether functions vanish from some distance on.
        template: where angular functions are computed.
        forces_template: where derivatives by one particle are put together.
        numbering: how angular functions are numbered, for a comment.
        comment: lines that define the one-particle functions.
    """

    dimension: int
    axes: tuple[str, ...]
    atoms: bool
    has_cutoff: bool
    template: str
    forces_template: str
    numbering: str
    comment: tuple[str, ...]

    @property
    def parameters(self) -> str:
        """Parameters for the components of a unit vector."""
        return "".join(f"lanes {axis}, " for axis in self.axes)

    @property
    def unit(self) -> str:
        """Names of those components in a slot."""
        return ", ".join(f"u{axis}" for axis in self.axes)

    def unit_of(self, slot: str) -> str:
        """Arguments: the components in a slot."""
        return "".join(f"{slot}u{axis}, " for axis in self.axes)

    def square_of(self, prefix: str) -> str:
        """Sum of the squares of variables with a prefix."""
        return " + ".join(f"{prefix}{axis} * {prefix}{axis}" for axis in self.axes)

    def square_of_array(self, name: str) -> str:
        """Sum of the squares of the entries of an array."""
        return " + ".join(f"{name}[{i}] * {name}[{i}]" for i in range(self.dimension))


def space_code(spec: AnySpec, angular: AngularAlgebra, radial: RadialCode) -> SpaceCode:
    """The particle space of a spec."""
    axes = ("x", "y", "z")[: angular.dimension] if angular.dimension > 1 else ()
    sphere = angular == O3
    if not axes:
        comment = [f"One-particle functions of a particle x in [-1, 1]: R_n(x) = {radial.formula}, n >= 0."]
    elif spec.radial is None:
        comment = ["One-particle functions: S_lm(r/|r|) of the direction of a particle r."]
    else:
        whose = "for each neighbour species" if isinstance(spec, Spec) else "of a particle r"
        comment = [
            f"One-particle functions: R_n(r) S_lm(r/|r|) {whose}, with",
            f"  R_n = {radial.formula}, {radial.transform_formula},",
        ]
    if sphere:
        comment.append("  S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|, Q_l^m = d^m P_l / dz^m (Re for m >= 0, Im for m < 0).")
    elif axes:
        comment.append(f"  {angular.formula}.")
    return SpaceCode(
        dimension=angular.dimension,
        axes=axes,
        atoms=isinstance(spec, Spec),
        has_cutoff=spec.radial is not None,
        template="sphere.h.j2" if sphere else "directions.h.j2",
        forces_template="forces_sphere.h.j2" if sphere else "forces_directions.h.j2",
        numbering="S_lm is number l^2 + l + m" if sphere else "S_lm, by l, then m",
        comment=tuple(comment),
    )
