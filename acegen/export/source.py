"""The source of an export: the C of a compiled potential, and how it was compiled."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acegen.elements import SYMBOLS
from acegen.printing import markdown
from acegen.runtime import Model, load
from acegen.store.manifest import Manifest, module_folder, read_manifest
from acegen.version import __version__


@dataclass(frozen=True)
class PotentialSource:
    """A compiled potential.

    Attributes:
        model: the model, loaded.
        manifest: of its folder.
        kernel: its C sources and headers; `acegen.h` is one of them.
        flags: options of the C compiler it was compiled with.
    """

    model: Model
    manifest: Manifest
    kernel: tuple[Path, ...]
    flags: tuple[str, ...]

    def context(self) -> dict[str, Any]:
        """Everything that templates are told about a model."""
        return {
            "name": self.model.name,
            "elements": self.model.elements,
            "cutoff": self.model.cutoff,
            "functions": self._functions(),
            "precision": self.model.precision,
            "openmp": self.model.multithreaded,
            "grade_kind": self.model.grade_kind if self.model.has_grades else None,
            "grade_thresholds": self.model.grade_thresholds if self.model.has_grades else None,
            "n_members": self.model.n_members,
            "quantiles": self.model.committee_quantiles if self.model.n_members else None,
            "generator": self.manifest.generator,
            "model_hash": self.manifest.model_hash,
            "sources": tuple(file.name for file in self.kernel if file.suffix == ".c"),
            "flags": " ".join(self.flags),
            "symbols": SYMBOLS,
            "version": __version__,
        }

    def _functions(self) -> str:
        """How many there are, in Markdown."""
        if self.model.has_basis:
            return f"{self.model.n_basis} basis functions" + (" an element" if len(self.model.elements) > 1 else "")
        description = self.model.description
        count = sum(sum(by_rank.values()) for by_rank in description["functions"].values())
        return f"{count} functions from {markdown(description['source'])}"


def read_source(folder: Path) -> PotentialSource:
    """Read a compiled potential.

    Args:
        folder: a compiled module, or a fit.

    Raises:
        ModuleError: there is none, it is damaged, or was compiled without coefficients.
    """
    module = module_folder(folder)
    model = load(module)
    model.require_potential()
    manifest = read_manifest(module)
    kernel = tuple(module / name for name in sorted(manifest.files) if name.endswith((".c", ".h")))
    flags = tuple(word for word in shlex.split(manifest.compiler)[1:] if word.startswith("-"))
    return PotentialSource(model, manifest, kernel, flags)
