"""Whether a module already exists: the hash of everything it would be made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import acegen
from acegen.errors import ModuleError
from acegen.options import BuildOptions
from acegen.store.manifest import check_files, read_manifest


def build_key(source: Sequence[object], options: BuildOptions, compiler: Sequence[str]) -> str:
    """Hash of everything a module is made from, acegen's own source included.

    Args:
        source: what says which model it is, as plain data.
        options: how it is compiled.
        compiler: the command that compiles it, and the compiler's identity.
    """
    parts = [*source, asdict(options), _own_source_hash(), *compiler]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_built(target: Path, key: str) -> bool:
    """Whether `target` contains an undamaged module made from exactly what `key` stands for."""
    try:
        manifest = read_manifest(target)
        if manifest.key != key:
            return False
        check_files(target, manifest)
    except ModuleError:
        return False
    return True


@cache
def _own_source_hash() -> str:
    """Hash of acegen's source and templates, so that a changed compiler never reuses its old output."""
    digest = hashlib.sha256()
    package = Path(acegen.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    templates = files("acegen.templates")
    for folder in ("module", "lanes", "plain"):
        for template in sorted((templates / folder).iterdir(), key=lambda entry: entry.name):
            digest.update(f"{folder}/{template.name}".encode() + template.read_bytes())
    return digest.hexdigest()
