"""Selecting: from a pool of configurations those worth labelling (`acegen.select.pipeline` maps the stages)."""

from acegen.select.pipeline import select
from acegen.select.result import Chosen, SelectionResult

__all__ = ["Chosen", "SelectionResult", "select"]
