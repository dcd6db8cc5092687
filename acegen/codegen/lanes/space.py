"""What the templates need to know of a particle space: coordinates, cutoff, and where its functions are computed."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.codegen.lanes.radial import RadialCode
from acegen.program.bonds import Bonds
from acegen.program.kernel import DirectionOnly, Distance, Harmonics, KernelProgram, Position


@dataclass(frozen=True)
class SpaceCode:
    """A particle space as generated code sees it.

    Attributes:
        dimension: coordinates of a particle.
        axes: names of the components of a direction; none on an interval.
        atoms: whether particles are atoms, with forces on centres, virials and a design matrix.
        has_cutoff: whether functions vanish beyond some distance.
        bonds: whether radial functions are those of bonds; derivatives of them are by the distance.
        sphere: whether directions are those in space, with spherical harmonics.
        numbering: how angular functions are numbered, for a comment.
        comment: lines that define the one-particle functions.
    """

    dimension: int
    axes: tuple[str, ...]
    atoms: bool
    has_cutoff: bool
    bonds: bool
    sphere: bool
    numbering: str
    comment: tuple[str, ...]

    @property
    def parameters(self) -> str:
        """Parameters for the components of a unit vector."""
        return "".join(f"lanes {axis}, " for axis in self.axes)

    @property
    def unit(self) -> str:
        """Names of the components in a slot."""
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


def space_code(program: KernelProgram, radial: RadialCode) -> SpaceCode:
    """The particle space of a program."""
    one = program.one_particle
    axes = ("x", "y", "z")[: program.dimension] if program.dimension > 1 else ()
    sphere = isinstance(one.angular, Harmonics)
    match one.coordinate:
        case Position():
            comment = [f"One-particle functions of a particle x in [-1, 1]: R_n(x) = {radial.formula}, n >= 0."]
        case DirectionOnly():
            comment = ["One-particle functions: S_lm(r/|r|) of the direction of a particle r."]
        case Distance():
            whose = "for each neighbour species" if program.atoms else "of a particle r"
            comment = [
                f"One-particle functions: R_n(r) S_lm(r/|r|) {whose}, with",
                f"  R_n = {radial.formula}, {radial.transform_formula},",
            ]
        case Bonds():
            comment = [
                "One-particle functions: R_n(r) S_lm(r/|r|) for each neighbour species, with",
                f"  R_n = {radial.formula},",
            ]
    if axes:
        comment.append(f"  {program.notes.angular}.")
    return SpaceCode(
        dimension=program.dimension,
        axes=axes,
        atoms=program.atoms,
        has_cutoff=isinstance(one.coordinate, Distance | Bonds),
        bonds=isinstance(one.coordinate, Bonds),
        sphere=sphere,
        numbering="S_lm is number l^2 + l + m" if sphere else "S_lm, by l, then m",
        comment=tuple(comment),
    )
