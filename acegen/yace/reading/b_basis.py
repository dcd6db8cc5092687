"""Potentials of pacemaker in B-basis form (`.yaml`) → C-tilde form, as ML-PACE converts them.

A file has a block for each element, each ordered pair of elements and each larger set with functions, the element of
the centre first: "Al", "Al Ni", "Ni Al", "Al Cu Ni". Blocks of one element have the embedding; those of one and two
elements have the bond; all have functions. A to B and B to A are one bond. There are no atomic energies; they are zero.
"""

from __future__ import annotations

from acegen.yace.potential import YacePotential
from acegen.yace.reading.b_basis_blocks import Block, FunctionEntry, read_block
from acegen.yace.reading.b_basis_bonds import Pairs, common_inner_cutoff, complete_pairs, pace_bonds
from acegen.yace.reading.b_basis_functions import BFunction, c_tilde_functions
from acegen.yace.reading.fields import Field

_MOST_PRODUCTS = 5_000_000
"""Most products of A's in all functions, about."""


def read_b_basis(file: Field) -> YacePotential:
    """The potential of a B-basis file.

    Raises:
        PotentialError: something is missing, contradictory, or not what acegen can evaluate.
    """
    fields = file.mapping(("global", "species"), ("metadata", "auxdata"))
    step = fields["global"].mapping(("DeltaSplineBins",))["DeltaSplineBins"].positive()
    species = fields["species"]
    blocks = _blocks(species)
    elements = tuple(sorted({element for names in blocks for element in names}))
    pairs = complete_pairs(species, blocks, elements)
    embeddings = [block.embedding for element in elements if (block := blocks[element,]).embedding is not None]
    functions: list[list[BFunction]] = [[] for _ in elements]
    products = 0
    for names, block in blocks.items():
        center = elements.index(names[0])
        for entry in block.functions:
            _check(entry, names[0], pairs, len(embeddings[center].terms))
            products += entry.n_products
            if products > _MOST_PRODUCTS:
                raise entry.field.error(f"up to here there are more than {_MOST_PRODUCTS:,} products of A's; too many.")
            factors = tuple(map(elements.index, entry.elements))
            functions[center].append(BFunction(factors, entry.ns, entry.ls, entry.lint, entry.coefficients))
    return YacePotential(
        elements=elements,
        energies=(0.0,) * len(elements),
        spline_step=step,
        embeddings=tuple(embeddings),
        bonds=pace_bonds(species, pairs, elements),
        inner_cutoff=common_inner_cutoff(pairs),
        pair=None,
        functions=tuple(map(c_tilde_functions, functions)),
    )


def _blocks(species: Field) -> dict[tuple[str, ...], Block]:
    """The blocks by their elements, none twice."""
    blocks: dict[tuple[str, ...], Block] = {}
    places: dict[tuple[str, frozenset[str]], str] = {}
    for item in species.items():
        block = read_block(item)
        key = block.elements[0], frozenset(block.elements)
        if key in places:
            raise item.error(f"a block of {' '.join(block.elements)}, as {places[key]}. Give one block for each set.")
        places[key] = item.where
        blocks[block.elements] = block
    if not blocks:
        raise species.error("is empty; there must be a block for each element.")
    return blocks


def _check(entry: FunctionEntry, center: str, pairs: Pairs, n_densities: int) -> None:
    """What a function needs from the bonds and the embedding of its centre."""
    if len(entry.coefficients) != n_densities:
        raise entry.field.error(
            f"c has {len(entry.coefficients)} entries; the embedding of {center} has {n_densities} densities."
        )
    for element, n, l in zip(entry.elements, entry.ns, entry.ls, strict=True):
        radial = pairs[center, element].radial
        n_max, name = (radial.n_base, "nradbaseij") if len(entry.ns) == 1 else (radial.n_max, "nradmaxi")
        if n > n_max:
            raise entry.field.error(f"nr has {n}, but {name} of the bond {center} - {element} is {n_max}.")
        if l > radial.l_max:
            raise entry.field.error(f"nl has {l}, but lmaxi of the bond {center} - {element} is {radial.l_max}.")
