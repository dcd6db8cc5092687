"""Time of each stage of a potential kernel, measured by clocks around the stages in a copy of its source."""

from __future__ import annotations

import ctypes
import re
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acegen.build.toolchain import find_toolchain
from acegen.runtime import CompiledModel
from benchmarks.batches import Batch
from benchmarks.native import HERE, build_library

STAGES = ("gather", "pool", "products", "forces")

_DRIVER = """
int time_stages(const acegen_environments *env, double *energy, double *gradient, void *workspace, size_t size,
                double *seconds);

/* Seconds of each stage, summed over all centres. */
int time_stages(const acegen_environments *env, double *energy, double *gradient, void *workspace, size_t size,
                double *seconds)
{
    clock_seconds = clock_time();
    for (int k = 0; k < N_STAGES; ++k) stage_seconds[k] = 0.0;
    const acegen_status status = timed_potential(env, energy, gradient, 1, workspace, size, NULL);
    for (int k = 0; k < N_STAGES; ++k) seconds[k] = stage_seconds[k];
    return (int)status;
}
"""


class _Environments(ctypes.Structure):
    """`acegen_environments`."""

    _fields_ = (
        ("n_atoms", ctypes.c_int64),
        ("center", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("species", ctypes.c_void_p),
        ("displacement", ctypes.c_void_p),
    )


class StageTimer:
    """Seconds of each stage of a model's potential kernel on a batch.

    The generated source is compiled once more with the clock; the product stage is the one in the module's extension.
    """

    def __init__(self, model: CompiledModel, batch: Batch, folder: Path) -> None:
        path = build_library(
            f"{model.name}_stages", _timed_source(model), folder, find_toolchain(model.options.march), ["-w"]
        )
        self._extension = ctypes.CDLL(str(next(model.path.glob(f"_{model.name}_*.so"))), ctypes.RTLD_GLOBAL)
        self._run = ctypes.CDLL(str(path)).time_stages
        pointer = ctypes.c_void_p
        self._run.argtypes = [pointer, pointer, pointer, pointer, ctypes.c_size_t, pointer]
        workspace = np.zeros(model._handle.potential_workspace(batch.most_neighbours, 1), dtype=np.uint8)
        self._arrays = (np.zeros(batch.n_atoms), np.zeros(batch.displacement.shape), workspace, np.zeros(len(STAGES)))
        self._batch = batch
        arrays = (batch.center, batch.first, batch.species, batch.displacement)
        self._environments = _Environments(batch.n_atoms, *(array.ctypes.data for array in arrays))

    def __call__(self) -> NDArray[np.float64]:
        energy, gradient, workspace, seconds = (array.ctypes.data for array in self._arrays)
        environments = ctypes.addressof(self._environments)
        wall, own = time.perf_counter(), time.thread_time()
        status = self._run(environments, energy, gradient, workspace, self._arrays[2].size, seconds)
        wall, own = time.perf_counter() - wall, time.thread_time() - own
        if status:
            raise RuntimeError(f"the kernel returned status {status}")
        # Stages are timed by wall clock; the time taken by other programs is removed from all stages in proportion.
        return self._arrays[3] * min(1.0, own / wall)


def _timed_source(model: CompiledModel) -> str:
    """NAME_potential.c with its headers inserted, a clock around the stages, and the function that reads it."""
    name = model.name
    text = _with_headers(model.path / f"{name}_potential.c", set())
    for stage, function in zip(STAGES, ("gather", "pool", f"{name}_products", "forces"), strict=True):
        text, calls = _timed(text, function, stage.upper(), "TIMED_STATUS" if stage == "gather" else "TIMED")
        if not calls:
            raise RuntimeError(f"{name}_potential.c does not call the stage {function}")
    text = re.sub(rf"\b{name}_potential\b", "timed_potential", text)
    clock = (HERE / "stages.c").read_text(encoding="utf-8")
    return "#define _POSIX_C_SOURCE 199309L\n" + clock + text + _DRIVER


def _timed(text: str, function: str, stage: str, macro: str) -> tuple[str, int]:
    """The source with the calls of a function wrapped (those followed by a semicolon), and their number."""
    call = rf"(?<=[ =]){function}\((?:[^()]|\([^()]*\))*\)(?=;)"
    declaration = rf"(?<!void )(?<!acegen_status ){call}"
    return re.subn(declaration, lambda match: f"{macro}({stage}, {match[0]})", text)


def _with_headers(path: Path, seen: set[str]) -> str:
    """The source with the model's own headers inserted where they are first included."""

    def include(match: re.Match[str]) -> str:
        if match[1] in seen:
            return ""
        seen.add(match[1])
        return _with_headers(path.parent / match[1], seen)

    return re.sub(r'^#include "([^"]+)"$', include, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
