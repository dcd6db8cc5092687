"""Seventh stage: generated code compiled to an importable module."""

from __future__ import annotations

import io
import sysconfig
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

from cffi import FFI

from acegen.build.toolchain import Toolchain
from acegen.codegen.environment import abi_header
from acegen.codegen.module import GeneratedCode
from acegen.errors import BuildError
from acegen.options import BuildOptions
from acegen.progress import Progress
from acegen.store.manifest import Manifest, file_hash
from acegen.version import __version__

_ABI3_SUFFIX = ".abi3.so"


def build_module(
    code: GeneratedCode,
    key: str,
    options: BuildOptions,
    toolchain: Toolchain,
    staging: Path,
    target: Path,
    progress: Progress,
) -> None:
    """Compile generated code in `staging` to the module that will be at `target`.

    Raises:
        BuildError: the compiler failed or files cannot be written.
    """
    try:
        for name, content in code.files.items():
            (staging / name).write_text(content, encoding="utf-8")
        for name, archive in code.archives.items():
            (staging / name).write_bytes(archive)
        extension = _compile(code, key, toolchain, staging, progress)
        manifest = Manifest(
            name=code.name,
            generator=f"acegen {__version__}",
            key=key,
            basis_hash=code.basis_hash,
            model_hash=code.model_hash,
            extension=extension,
            compiler=toolchain.describe(),
            options=asdict(options),
            files={name: file_hash(staging / name) for name in (*code.files, *code.archives, extension)},
        )
        manifest.write(staging)
    except OSError as error:
        raise BuildError(f"cannot write the module {target}: {error.strerror}.") from None


def _compile(code: GeneratedCode, key: str, toolchain: Toolchain, staging: Path, progress: Progress) -> str:
    """Compile kernels and cffi wrapper; returns the extension's file name. Leaves no intermediate files."""
    # A unique name for each build: Python keeps extension modules by name for the life of the process.
    module = f"_{code.name}_{key[:12]}"
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
    python = ["-w", "-isystem", sysconfig.get_path("include")]
    jobs = [(s, o, python if s == wrapper else []) for s, o in zip(sources, objects, strict=True)]
    jobs.sort(key=lambda job: -job[0].stat().st_size)  # the longest first
    toolchain.compile(jobs, lambda done: progress.advance(done, len(jobs)))
    extension = staging / f"{module}{_ABI3_SUFFIX}"
    toolchain.link(objects, extension)
    for path in (wrapper, *objects):
        path.unlink()
    return extension.name
