"""Loading and evaluating compiled modules. Needs NumPy and cffi only (ASE and vesin for `Atoms`)."""

from acegen.runtime.model import FunctionLabel, Model, Result, load

__all__ = ["FunctionLabel", "Model", "Result", "load"]
