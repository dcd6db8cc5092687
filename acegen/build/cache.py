"""Whether a module is already there, and a safe place to make it if not."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

import acegen
from acegen.build.toolchain import Toolchain
from acegen.errors import BuildError, ModuleError
from acegen.manifest import check_files, read_manifest
from acegen.spec.schema import Spec


def build_key(spec: Spec, coefficients: object, toolchain: Toolchain) -> str:
    """Hash of everything a module is made from: spec, coefficients, acegen's own source, compiler and flags."""
    parts = [spec.canonical(), coefficients, _own_source_hash(), toolchain.describe(), toolchain.identity]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_built(target: Path, key: str) -> bool:
    """Whether `target` holds an undamaged module made from exactly what `key` stands for."""
    try:
        manifest = read_manifest(target)
        if manifest.key != key:
            return False
        check_files(target, manifest)
    except ModuleError:
        return False
    return True


@contextmanager
def staging_folder(directory: Path, name: str) -> Iterator[Path]:
    """A temporary folder next to where the module will be; removed at the end, whatever happens.

    Raises:
        BuildError: the directory cannot be created or written, or `name` in it is not a module.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(directory, name)
        staging = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=directory))
    except OSError as error:
        raise BuildError(
            f"cannot write to {directory}: {error.strerror}. Choose another folder with -o (directory=...)."
        ) from None
    try:
        _check_replaceable(directory / name)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(directory: Path, name: str) -> None:
    """Remove what compilations that were killed have left, if it is older than an hour."""
    for folder in directory.glob(f".{name}-*"):
        if time.time() - folder.stat().st_mtime > 3600:
            shutil.rmtree(folder, ignore_errors=True)


def _check_replaceable(target: Path) -> None:
    """Refuse to replace a folder that was not made by acegen."""
    if not target.exists():
        return
    looks_generated = target.is_dir() and (
        (target / "basis.json").exists() or (target / "module.json").exists() or not any(target.iterdir())
    )
    if not looks_generated:
        raise BuildError(f"{target} exists and is no compiled module; move it away or choose another folder with -o.")


@cache
def _own_source_hash() -> str:
    """Hash of acegen's source and templates, so that a changed compiler never meets its old output."""
    digest = hashlib.sha256()
    package = Path(acegen.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    for template in sorted(files("acegen.templates").iterdir(), key=lambda entry: entry.name):
        if template.is_file():
            digest.update(template.name.encode() + template.read_bytes())
    return digest.hexdigest()
