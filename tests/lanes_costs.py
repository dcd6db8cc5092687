"""The cost model of the lanes backend, for tests of the optimizer."""

from __future__ import annotations

from acegen.codegen.lanes.cost import VectorCost
from acegen.codegen.lanes.target import Target

COST = VectorCost()
straight_cost, compact_cost, block_cycles = COST.straight, COST.compact, COST.block_cycles


def with_registers(variables: int) -> VectorCost:
    """Of a target whose registers hold so many variables."""
    target = Target("double", lanes=8, vector_bytes=64, registers=variables)
    assert target.variables == variables
    return target.cost_model
