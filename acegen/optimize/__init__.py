"""Fifth stage: a potential as the cheapest program for its product stage."""

from acegen.optimize.cost import Cost, CostModel
from acegen.optimize.pairing import choose_invariants
from acegen.optimize.pipeline import list_products, optimize, optimize_products
from acegen.optimize.polynomial import without_zeros
from acegen.optimize.program import CompactProgram, ListedProducts, PassReport, ProductStage, StraightProgram

__all__ = [
    "CompactProgram",
    "Cost",
    "CostModel",
    "ListedProducts",
    "PassReport",
    "ProductStage",
    "StraightProgram",
    "choose_invariants",
    "list_products",
    "optimize",
    "optimize_products",
    "without_zeros",
]
