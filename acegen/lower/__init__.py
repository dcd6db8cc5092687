"""Fourth stage: from a basis over the rationals to kernel programs in doubles."""

from acegen.lower.coupled import coupled_products
from acegen.lower.expansion import Coefficients, ProductExpansion, expand_products, fold_coefficients, needed_labels
from acegen.lower.pairings import pairing_choices
from acegen.lower.programs import density_coefficients, descriptor_program, potential_of_products, potential_program

__all__ = [
    "Coefficients",
    "ProductExpansion",
    "coupled_products",
    "density_coefficients",
    "descriptor_program",
    "expand_products",
    "fold_coefficients",
    "needed_labels",
    "pairing_choices",
    "potential_of_products",
    "potential_program",
]
