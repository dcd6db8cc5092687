"""Potential files → `YacePotential`: `.yace` and `.ace` files of ML-PACE, and B-basis files of pacemaker."""

from __future__ import annotations

from pathlib import Path

from acegen.errors import PotentialError
from acegen.printing import visible
from acegen.yace.potential import SPLINE_STEP, YacePotential
from acegen.yace.reading.ace_format import is_ace_format, read_ace_format
from acegen.yace.reading.b_basis import read_b_basis
from acegen.yace.reading.bonds import read_pace_bonds
from acegen.yace.reading.centers import EMBEDDING_FIELDS, read_elements, read_embedding
from acegen.yace.reading.document import read_content, read_document
from acegen.yace.reading.fields import Field
from acegen.yace.reading.functions import read_functions
from acegen.yace.reading.recursion import is_recursion, read_recursion_bonds

_REQUIRED = ("elements", "E0", "embeddings", "bonds", "functions")
_OPTIONAL = ("deltaSplineBins", "lmax", "polypairpot", "reppot", "metadata")
_B_BASIS = ("metadata", "global", "auxdata", "species")


def read_potential(path: str | Path) -> YacePotential:
    """A potential from its file; which kind of file it is shows in its content. A file named `.ace` is one.

    All bonds with bases of ML-PACE get the largest nradmax, lmax and nradbasemax of the file; coefficients that a bond
    does not have are zero. All bonds with bases of ACE.jl, and the pair potential, get the largest cutoff. This is how
    ML-PACE reads them.

    Raises:
        PotentialError: the file cannot be read, or is no potential that acegen can evaluate. The message says where
            in the file, and what is allowed.
    """
    path = Path(path)
    try:
        content = read_content(path)
        if path.suffix == ".ace" or is_ace_format(content):
            return read_ace_format(content)
        document = read_document(content, {*_REQUIRED, *_OPTIONAL, *_B_BASIS})
        root = Field(document)
        if "species" in document:
            return read_b_basis(root)
        if "elements" not in document:
            raise root.error("it is no potential: it has neither 'elements' (.yace) nor 'species' (B-basis).")
        return _read(root)
    except PotentialError as error:
        raise PotentialError(f"{visible(path)}: {error}") from None


def _read(root: Field) -> YacePotential:
    fields = root.mapping(_REQUIRED, _OPTIONAL)
    elements = read_elements(fields["elements"])
    count = len(elements)
    energies = fields["E0"].numbers(count)
    embeddings = tuple(
        read_embedding(item.mapping(EMBEDDING_FIELDS)) for item in fields["embeddings"].by_element(count)
    )
    if _is_recursive(fields["bonds"], count):
        found = read_recursion_bonds(fields, count)
    else:
        for name in ("polypairpot", "reppot"):
            if name in fields:
                raise fields[name].error("only files with radial bases of ACE.jl have this field.")
        if "deltaSplineBins" not in fields:
            raise root.error("the field 'deltaSplineBins' is missing.")
        found = read_pace_bonds(fields["bonds"], count)
    return YacePotential(
        elements=elements,
        energies=energies,
        spline_step=fields["deltaSplineBins"].positive() if "deltaSplineBins" in fields else SPLINE_STEP,
        embeddings=embeddings,
        bonds=found.bonds,
        inner_cutoff=found.inner_cutoff,
        pair=found.pair,
        functions=read_functions(fields["functions"], [len(e.terms) for e in embeddings], found),
    )


def _is_recursive(field: Field, count: int) -> bool:
    """Whether the radial bases are those of ACE.jl."""
    kinds = set()
    for row in field.by_pair(count):
        for bond in row:
            name = bond.peek("radbasename")
            if name is None:
                raise bond.error("the field 'radbasename' is missing.")
            kinds.add(is_recursion(bond, name))
    if len(kinds) == 2:
        raise field.error("radial bases of ACE.jl and of ML-PACE are mixed; all bonds must have the same kind.")
    return kinds == {True}
