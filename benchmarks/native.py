"""Small C programs of the benchmarks, compiled with the compiler and flags of the kernels and loaded by ctypes."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import acegen
from acegen.build.toolchain import Toolchain, find_toolchain
from acegen.manifest import MANIFEST
from benchmarks.batches import Batch

HERE = Path(__file__).parent
STAGES = ("gather", "pool", "products", "forces")
_PEAK_SECONDS = 2e-4
"""Length of one measurement of the peak; the best of three counts."""


def build_library(name: str, text: str, folder: Path, toolchain: Toolchain, flags: Sequence[str] = ()) -> Path:
    """Compile C text to a shared library in `folder`, or find it there."""
    key = hashlib.sha256("\0".join([text, toolchain.describe(), toolchain.identity, *flags]).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"{name}-{key[:16]}.so"
    if not library.exists():
        source, target = folder / f"{name}.c", folder / f"{name}.o"
        source.write_text(text, encoding="utf-8")
        toolchain.compile(source, target, flags)
        toolchain.link([target], library)
        target.unlink()
    return library


class PeakMeter:
    """Multiply-adds a second of this core, in vectors as wide as its registers."""

    def __init__(self, folder: Path, precision: str = "double") -> None:
        toolchain = find_toolchain()
        self.vector_bytes = toolchain.vector_bytes
        text = (HERE / "peak.c").read_text(encoding="utf-8")
        path = build_library("peak", text, folder, toolchain, [f"-DVECTOR_BYTES={toolchain.vector_bytes}"])
        self._measure: Callable[[int], float] = getattr(ctypes.CDLL(str(path)), f"peak_{precision}")
        self._measure.argtypes = [ctypes.c_long]  # type: ignore[attr-defined]
        self._measure.restype = ctypes.c_double  # type: ignore[attr-defined]
        rate = max(self._measure(100_000) for _ in range(3))
        self._rounds = max(1, int(rate * _PEAK_SECONDS / (12 * toolchain.vector_bytes / 8)))

    def __call__(self) -> float:
        return max(self._measure(self._rounds) for _ in range(3))


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
    """Seconds of each stage of a potential kernel on a batch.

    The generated NAME_potential.c is compiled once more with a clock between its stages; the product stage is the one in
    the module's own extension.
    """

    def __init__(self, model: acegen.Model, batch: Batch, folder: Path) -> None:
        name = model.name
        source = (model.path / f"{name}_potential.c").resolve()
        text = "\n".join(
            [
                "#define _POSIX_C_SOURCE 199309L",
                "#include <time.h>",
                f'#include "{source}"',
                f"#define PRODUCTS_OF_MODEL {name}_products",
                f'#include "{HERE / "stages.c"}"',
                f"/* {(model.path / MANIFEST).read_text(encoding='utf-8').replace('*/', '')} */",
            ]
        )
        path = build_library(f"{name}_stages", text, folder, find_toolchain(), ["-I", str(model.path)])
        extension = next(model.path.glob(f"_{name}_*.so"))
        self._keep = ctypes.CDLL(str(extension), ctypes.RTLD_GLOBAL)
        library = ctypes.CDLL(str(path))
        self._run = library.time_stages
        self._run.argtypes = [ctypes.c_void_p] * 5
        self._batch = batch
        workspace_size = model._handle.potential_workspace(batch.most_neighbours, 1)
        self._arrays = (
            np.zeros(batch.n_atoms),
            np.zeros((batch.n_entries, 3)),
            np.zeros(workspace_size, dtype=np.uint8),
        )
        self._seconds = np.zeros(len(STAGES))
        arrays = (batch.center, batch.first, batch.species, batch.displacement)
        self._environments = _Environments(batch.n_atoms, *(array.ctypes.data for array in arrays))

    def __call__(self) -> NDArray[np.float64]:
        pointers = [array.ctypes.data for array in (*self._arrays, self._seconds)]
        status = self._run(ctypes.addressof(self._environments), *pointers)
        if status:
            raise RuntimeError(f"the kernel returned status {status}")
        return self._seconds.copy()
