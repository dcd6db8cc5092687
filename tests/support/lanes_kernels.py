"""Kernels of the lanes backend in a library of their own, called through ctypes: no module, no package."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from plain_kernels import Environment, PlainKernels

from acegen.build.toolchain import OPTIMIZATION, find_toolchain
from acegen.codegen.backend import Machine
from acegen.codegen.environment import abi_header
from acegen.codegen.lanes.backend import LanesBackend
from acegen.optimize import ProductStage
from acegen.options import BuildOptions
from acegen.program import KernelProgram
from acegen.store import files

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror")
USUAL = BuildOptions()


class LanesKernels(PlainKernels):
    """The same of the lanes backend, which may use several threads."""

    def potential(self, environments: Sequence[Environment], threads: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
        energy = np.empty(len(environments))
        gradient = np.empty((sum(len(own[1]) for own in environments), 3))
        count = ctypes.c_int32(threads)
        self._call("potential", environments, count, (energy, gradient), [count])
        return energy, np.split(gradient, np.cumsum([len(own[1]) for own in environments])[:-1])

    def committee(
        self, environments: Sequence[Environment], count: int, threads: int = 1
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        lengths = [len(own[1]) for own in environments]
        energy, gradient = np.empty((len(environments), count)), np.empty((count, sum(lengths), 3))
        number = ctypes.c_int32(threads)
        self._call("committee", environments, number, (energy, gradient), [number])
        return energy, np.split(gradient, np.cumsum(lengths)[:-1], axis=1)

    def grades(self, environments: Sequence[Environment], threads: int = 1) -> np.ndarray:
        grade, number = np.empty(len(environments)), ctypes.c_int32(threads)
        self._call("grade", environments, number, (grade,), [number])
        return grade


def write_sources(
    potential: KernelProgram, folder: Path, options: BuildOptions = USUAL, machine: Machine | None = None
) -> tuple[dict[str, str], ProductStage]:
    """The C files of a potential without descriptors, in a folder; and its product stage."""
    toolchain = find_toolchain(options.march, options.openmp)
    machine = machine or Machine(toolchain.vector_bytes, toolchain.registers)
    backend = LanesBackend.of(options, machine.vector_bytes, machine.registers)
    stage = backend.optimize(potential, options.products)
    sources = dict(backend.generate(None, potential, stage))
    for file, text in {**sources, files.ABI_HEADER: abi_header()}.items():
        (folder / file).write_text(text)
    return sources, stage


def lanes_kernels(
    potential: KernelProgram,
    folder: Path,
    options: BuildOptions = USUAL,
    command: Sequence[str] | None = None,
    machine: Machine | None = None,
    extra: Mapping[str, str] | None = None,
) -> LanesKernels:
    """The compiled kernel of a potential, with every warning an error; and files of the caller."""
    sources, _ = write_sources(potential, folder, options, machine)
    return compiled_lanes({**sources, **(extra or {})}, potential.name, folder, options, command)


def compiled_lanes(
    sources: Mapping[str, str],
    name: str,
    folder: Path,
    options: BuildOptions = USUAL,
    command: Sequence[str] | None = None,
) -> LanesKernels:
    """A library of C files by name, with every warning an error."""
    toolchain = find_toolchain(options.march, options.openmp)
    for file, text in {**sources, files.ABI_HEADER: abi_header()}.items():
        (folder / file).write_text(text)
    names = [file for file in sources if file.endswith(".c")]
    library = folder / f"lib{name}.so"
    flags = [*STRICT, *OPTIMIZATION, *toolchain.march, *toolchain.openmp, "-fPIC", "-shared"]
    whole = [*(command or toolchain.command), *flags, *names, "-o", str(library), "-lm"]
    result = subprocess.run(whole, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return LanesKernels(dict(sources), ctypes.CDLL(str(library)), name)
