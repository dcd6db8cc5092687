"""Using compiled models. Needs NumPy and cffi only; structures also need ASE and vesin."""

from acegen.runtime.design import DesignBlock, DesignRows, design_blocks
from acegen.runtime.environments import Environments
from acegen.runtime.model import Model, load
from acegen.runtime.results import FunctionLabel, Result

__all__ = ["DesignBlock", "DesignRows", "Environments", "FunctionLabel", "Model", "Result", "design_blocks", "load"]
