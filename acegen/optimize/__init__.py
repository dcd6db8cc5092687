"""Fifth stage: a potential as the cheapest program for its product stage."""

from acegen.optimize.cost import Cost, CostModel
from acegen.optimize.pipeline import optimize, optimize_products
from acegen.optimize.polynomial import without_zeros
from acegen.optimize.program import CompactProgram, PassReport, ProductStage, StraightProgram

__all__ = [
    "CompactProgram",
    "Cost",
    "CostModel",
    "PassReport",
    "ProductStage",
    "StraightProgram",
    "optimize",
    "optimize_products",
    "without_zeros",
]
