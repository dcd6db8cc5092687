"""The plain evaluation of a potential file, which compiled modules are held to."""

from acegen.yace.evaluation.evaluator import Evaluator, evaluate

__all__ = ["Evaluator", "evaluate"]
