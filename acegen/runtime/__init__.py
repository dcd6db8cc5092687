"""Using compiled models. Needs only NumPy and cffi; structures also need ASE and vesin."""

from acegen.runtime.compiled import CompiledModel, open_model
from acegen.runtime.design import DesignBlock, design_blocks
from acegen.runtime.environments import Environments
from acegen.runtime.model import Model, load
from acegen.runtime.particle_model import ParticleModel, load_particles
from acegen.runtime.results import DesignRows, FunctionLabel, Members, ParticleLabel, Result, Uncertainties

__all__ = [
    "CompiledModel",
    "DesignBlock",
    "DesignRows",
    "Environments",
    "FunctionLabel",
    "Members",
    "Model",
    "ParticleLabel",
    "ParticleModel",
    "Result",
    "Uncertainties",
    "design_blocks",
    "load",
    "load_particles",
    "open_model",
]
