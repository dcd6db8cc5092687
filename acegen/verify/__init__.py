"""Checking a compiled module against its definition, by independent means."""

from __future__ import annotations

from collections.abc import Iterator

from acegen.progress import Progress
from acegen.runtime import CompiledModel, Model, ParticleModel
from acegen.verify.atoms import AtomVerifier
from acegen.verify.checks import Verifier
from acegen.verify.file_verifier import FileVerifier
from acegen.verify.particle_verifier import ParticleVerifier
from acegen.verify.result import CheckResult


def verify_module(
    model: CompiledModel, n_environments: int = 40, seed: int = 0, progress: Progress | None = None
) -> Iterator[CheckResult]:
    """Check a compiled module against its definition; yields one result per property.

    Args:
        model: the module, opened.
        n_environments: random environments to draw.
        seed: of these.
        progress: receives what is done.

    Raises:
        TypeError: there are no checks for a model of this kind.
        ModuleError: what the module was made from is missing or damaged.
    """
    verifier: Verifier | FileVerifier
    match model:
        case Model() if not model.has_basis:
            verifier = FileVerifier(model, n_environments, seed, progress)
        case Model():
            verifier = AtomVerifier(model, n_environments, seed, progress)
        case ParticleModel():
            verifier = ParticleVerifier(model, n_environments, seed, progress)
        case _:
            raise TypeError(f"no checks are known for {model!r}")
    yield from verifier.run()


__all__ = ["CheckResult", "verify_module"]
