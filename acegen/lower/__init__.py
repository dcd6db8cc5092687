"""Fourth stage: from a basis over the rationals to kernel programs in doubles."""

from acegen.lower.expansion import ProductExpansion, expand_products, fold_coefficients
from acegen.lower.programs import descriptor_program, potential_of_products, potential_program

__all__ = [
    "ProductExpansion",
    "descriptor_program",
    "expand_products",
    "fold_coefficients",
    "potential_of_products",
    "potential_program",
]
