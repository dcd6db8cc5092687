"""The cost model of the lanes backend, for tests of the optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acegen.codegen.lanes.cost import VectorCost
from acegen.codegen.lanes.target import Target
from acegen.lower import ProductExpansion
from acegen.optimize import ProductStage, optimize_products
from acegen.options import ProductForm

COST = VectorCost()
straight_cost, compact_cost, block_cycles = COST.straight, COST.compact, COST.block_cycles


def with_registers(variables: int) -> VectorCost:
    """For a target whose registers hold that many variables."""
    target = Target("double", lanes=8, vector_bytes=64, registers=variables)
    assert target.variables == variables
    return target.cost_model


def optimized(
    expansion: ProductExpansion, folded: Mapping[str, Sequence[float]], model: VectorCost, form: ProductForm = "auto"
) -> ProductStage:
    """The product stage for given coefficients of all products of a basis."""
    return optimize_products(expansion.layout, expansion.products, folded, model, form)
