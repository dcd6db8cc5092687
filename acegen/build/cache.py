"""Whether a module is already there, and a safe place to make it if not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import acegen
from acegen.build.toolchain import Toolchain
from acegen.codegen.files import is_own
from acegen.coefficients import Coefficients
from acegen.errors import BuildError, ModuleError
from acegen.manifest import check_files, read_manifest
from acegen.options import BuildOptions
from acegen.spec import AnySpec
from acegen.staging import temporary_folder


def build_key(spec: AnySpec, coefficients: Coefficients | None, options: BuildOptions, toolchain: Toolchain) -> str:
    """Hash of everything a module is made from: spec, coefficients, acegen's own source, compiler and flags."""
    parts = [
        spec.canonical(),
        None if coefficients is None else asdict(coefficients),
        asdict(options),
        _own_source_hash(),
        toolchain.describe(),
        toolchain.identity,
    ]
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
    with temporary_folder(directory / name, BuildError) as staging:
        _check_replaceable(directory / name, name)
        yield staging


def _check_replaceable(target: Path, name: str) -> None:
    """Refuse to replace anything but a folder that holds nothing else than a module of this name."""
    if not target.exists() and not target.is_symlink():
        return
    if target.is_symlink() or not target.is_dir():
        raise BuildError(f"{target} exists and is no folder; move it away or choose another folder with -o.")
    foreign = [entry.name for entry in target.iterdir() if not is_own(entry.name, name)]
    if foreign:
        raise BuildError(
            f"{target} holds something acegen did not make ({sorted(foreign)[0]}), which a compile would delete; "
            "move it away or choose another folder with -o."
        )


@cache
def _own_source_hash() -> str:
    """Hash of acegen's source and templates, so that a changed compiler never meets its old output."""
    digest = hashlib.sha256()
    package = Path(acegen.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    templates = files("acegen.templates")
    for folder in ("module", "lanes", "plain"):
        for template in sorted((templates / folder).iterdir(), key=lambda entry: entry.name):
            digest.update(f"{folder}/{template.name}".encode() + template.read_bytes())
    return digest.hexdigest()
