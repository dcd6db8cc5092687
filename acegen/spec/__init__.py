"""First stage: a TOML specification, validated into a frozen `Spec` (atoms) or `ParticleSpec` (other particles)."""

from acegen.spec.load import AnySpec, SpecSource, load_atomic_spec, load_particle_spec, load_spec
from acegen.spec.particle_spec import ParticleSpec
from acegen.spec.schema import Spec

__all__ = ["AnySpec", "ParticleSpec", "Spec", "SpecSource", "load_atomic_spec", "load_particle_spec", "load_spec"]
