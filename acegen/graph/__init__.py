"""Fourth stage: the evaluation graph."""

from acegen.graph.graph import Graph, build_graph, fold_coefficients

__all__ = ["Graph", "build_graph", "fold_coefficients"]
