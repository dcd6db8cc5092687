"""Sixth stage: generated code compiled to an importable module, complete or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from functools import cache
from importlib.resources import files
from pathlib import Path

from cffi import FFI

import acegen
from acegen.build.toolchain import Toolchain
from acegen.codegen.render import LANES, TEMPLATES, GeneratedCode, abi_header
from acegen.errors import BuildError, ModuleError
from acegen.progress import Progress
from acegen.runtime.manifest import Manifest, check_files, file_hash, read_manifest
from acegen.spec.schema import Spec
from acegen.version import __version__

_ABI3_SUFFIX = ".abi3.so"


def build_key(spec: Spec, coefficients: object, toolchain: Toolchain) -> str:
    """Hash of everything a module is made from: spec, coefficients, acegen's own source, compiler and flags."""
    parts = [spec.canonical(), coefficients, LANES, _own_source_hash(), toolchain.describe(), toolchain.identity]
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


def build_module(
    code: GeneratedCode, key: str, toolchain: Toolchain, staging: Path, target: Path, progress: Progress
) -> None:
    """Compile generated code in `staging` and put the finished module at `target` in one step.

    Raises:
        BuildError: the compiler failed or files cannot be written.
    """
    try:
        for name, content in code.files.items():
            (staging / name).write_text(content, encoding="utf-8")
        extension = _compile(code, toolchain, staging, progress)
        manifest = Manifest(
            name=code.name,
            generator=f"acegen {__version__}",
            key=key,
            basis_hash=code.basis_hash,
            model_hash=code.model_hash,
            extension=extension,
            compiler=toolchain.describe(),
            files={name: file_hash(staging / name) for name in (*code.files, extension)},
        )
        manifest.write(staging)
        _replace(staging, target)
    except OSError as error:
        raise BuildError(f"cannot write the module {target}: {error.strerror}.") from None


def _compile(code: GeneratedCode, toolchain: Toolchain, staging: Path, progress: Progress) -> str:
    """Compile kernels and cffi wrapper; returns the extension's file name. Leaves no intermediate files."""
    # A name of its own for each model: Python keeps extension modules by name for the life of the process.
    module = f"_{code.name}_{code.model_hash[:12]}"
    entry = f"const acegen_model *acegen_model_{code.name}(void);"
    ffi = FFI()
    header = abi_header()
    begin, end = "/* acegen: begin declarations", "/* acegen: end declarations */"
    ffi.cdef(header[header.index(begin) : header.index(end)] + entry)
    ffi.set_source(module, f'#include "acegen.h"\n{entry}\n')
    wrapper = staging / f"{module}.c"
    with redirect_stdout(io.StringIO()):  # cffi announces the file
        ffi.emit_c_code(str(wrapper))
    sources = [wrapper, *(staging / name for name in code.c_sources)]
    objects = [source.with_suffix(".o") for source in sources]
    # Warnings concern our own sources; the wrapper is cffi's.
    python = ["-w", "-isystem", _python_include()]
    jobs = [(s, o, python if s == wrapper else []) for s, o in zip(sources, objects, strict=True)]
    jobs.sort(key=lambda job: -job[0].stat().st_size)  # the longest first
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, _ in enumerate(pool.map(lambda job: toolchain.compile(*job), jobs), start=1):
            progress.advance(done, len(jobs))
    extension = staging / f"{module}{_ABI3_SUFFIX}"
    toolchain.link(objects, extension)
    for path in (wrapper, *objects):
        path.unlink()
    return extension.name


def _python_include() -> str:
    import sysconfig

    return sysconfig.get_path("include")


def _check_replaceable(target: Path) -> None:
    """Refuse to replace a folder that was not made by acegen."""
    if not target.exists():
        return
    looks_generated = target.is_dir() and (
        (target / "basis.json").exists() or (target / "module.json").exists() or not any(target.iterdir())
    )
    if not looks_generated:
        raise BuildError(f"{target} exists and is no compiled module; move it away or choose another folder with -o.")


def _replace(staging: Path, target: Path) -> None:
    """Put the finished module in place; the old one, if any, stays until the new one is there."""
    staging.chmod(0o755)
    if target.exists():
        old = staging.with_name(staging.name + "-old")
        target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)


@cache
def _own_source_hash() -> str:
    """Hash of acegen's source and templates, so that a changed compiler never meets its old output."""
    digest = hashlib.sha256()
    package = Path(acegen.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    for template in sorted(files(TEMPLATES).iterdir(), key=lambda entry: entry.name):
        if template.is_file():
            digest.update(template.name.encode() + template.read_bytes())
    return digest.hexdigest()


