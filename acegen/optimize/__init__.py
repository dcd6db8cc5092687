"""Fifth stage: the graph as the cheapest program for the product stage of a potential."""

from acegen.optimize.cost import Cost
from acegen.optimize.pipeline import optimize, optimize_products
from acegen.optimize.program import CompactProgram, PassReport, Program, StraightProgram

__all__ = ["CompactProgram", "Cost", "PassReport", "Program", "StraightProgram", "optimize", "optimize_products"]
