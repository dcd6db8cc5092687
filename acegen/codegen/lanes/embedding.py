"""The energy of a centre as a function of its densities."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.optimize.polynomial import density_count
from acegen.program.embedding import LINEAR, FinnisSinclair, Identity, Members, ShiftedFinnisSinclair
from acegen.program.kernel import KernelProgram


@dataclass(frozen=True)
class EmbeddingRow:
    """F of a density: weight, exponent m, and name of the C function; its centre and number, for a comment."""

    weight: float
    exponent: float
    function: str
    comment: str

    @property
    def shift(self) -> float:
        """n^(n/(1-n)), n = 1/m, for "shifted"."""
        return self.exponent ** (1 / (1 - self.exponent)) if self.function == "shifted" else 0.0

    @property
    def offset(self) -> float:
        """n^(1/(1-n)), likewise."""
        return self.exponent ** (self.exponent / (1 - self.exponent)) if self.function == "shifted" else 0.0


@dataclass(frozen=True)
class EmbeddingCode:
    """Embeddings of all centres.

    Attributes:
        n_densities: the most of a centre.
        first: by centre, the number of its first density, if they are counted one after the other; and of all.
        rows: F by density; none if densities are the energies of the members of a committee.
        constants: by density what is then added to it; else none.
    """

    n_densities: int
    first: tuple[int, ...]
    rows: tuple[EmbeddingRow, ...]
    constants: tuple[float, ...] = ()

    @property
    def members(self) -> bool:
        """Whether every density is the energy of a member."""
        return bool(self.constants)

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that occur."""
        return tuple(sorted({row.function for row in self.rows}))


def embedding_code(program: KernelProgram) -> EmbeddingCode | None:
    """The embedding of a potential, or of a committee; None where the energy of every centre is its density."""
    n_densities = density_count(program)
    if not n_densities:
        return None
    rows: list[tuple[float, float, str]] = []
    added: list[float] = []
    for own in program.embedding or ():
        match own:
            case Identity():
                found = [(1.0, 1.0, "linear_density")]
            case FinnisSinclair(terms):
                found = [(w, m, "linear_density" if m == 1 else "finnis_sinclair") for w, m in terms]
            case ShiftedFinnisSinclair(terms):
                found = [(w, m, "linear_density" if abs(m - 1) < LINEAR else "shifted") for w, m in terms]
            case Members(constants):
                found = []
                added += constants
        rows += found
    return EmbeddingCode(
        n_densities=n_densities,
        first=program.row_first,
        rows=tuple(EmbeddingRow(*row, name) for row, name in zip(rows, program.row_names, strict=not added)),
        constants=tuple(added),
    )
