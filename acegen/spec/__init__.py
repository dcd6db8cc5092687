"""First stage: a TOML specification, validated into a frozen `Spec`."""

from acegen.spec.load import SpecSource, load_spec
from acegen.spec.schema import Spec

__all__ = ["Spec", "SpecSource", "load_spec"]
