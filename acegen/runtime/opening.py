"""Compiled modules of any kind."""

from __future__ import annotations

from pathlib import Path

from acegen.runtime.library import open_library
from acegen.runtime.model import Model
from acegen.runtime.particles import ParticleModel
from acegen.store.manifest import read_manifest, resolved


def open_model(path: str | Path) -> Model | ParticleModel:
    """Load a compiled module of atoms or of other particles, whichever it is. Raises `ModuleError`."""
    directory = resolved(path)
    manifest = read_manifest(directory)
    ffi, handle = open_library(directory, manifest)
    kind = Model if ffi.string(handle.symmetry) == b"O3" else ParticleModel
    return kind(directory, manifest, ffi, handle)
