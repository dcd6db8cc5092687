"""Second stage: the one-particle functions of a spec, with their products linearized over the rationals."""

from acegen.algebra.particle_algebra import ParticleAlgebra, build_algebra

__all__ = ["ParticleAlgebra", "build_algebra"]
