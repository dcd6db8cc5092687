"""Small C programs of the benchmarks, compiled with the compiler and flags of the kernels and loaded by ctypes."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from acegen.build.toolchain import Toolchain

HERE = Path(__file__).parent
_PEAK_SECONDS = 2e-4
"""Duration of one measurement of the peak; the best of three counts."""


def build_library(name: str, text: str, folder: Path, toolchain: Toolchain, flags: Sequence[str] = ()) -> Path:
    """Compile C source to a shared library in `folder`, unless it is there."""
    key = hashlib.sha256("\0".join([text, toolchain.describe(), toolchain.identity, *flags]).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"{name}-{key[:16]}.so"
    if not library.exists():
        source, target = folder / f"{name}.c", folder / f"{name}.o"
        source.write_text(text, encoding="utf-8")
        toolchain.compile([(source, target, flags)])
        toolchain.link([target], library)
        target.unlink()
    return library


class PeakMeter:
    """Multiply-adds per second of this core, in vectors as wide as its registers."""

    def __init__(self, folder: Path, toolchain: Toolchain) -> None:
        self.vector_bytes = toolchain.vector_bytes
        text = (HERE / "peak.c").read_text(encoding="utf-8")
        path = build_library("peak", text, folder, toolchain, [f"-DVECTOR_BYTES={toolchain.vector_bytes}"])
        self._measure: Callable[[int], float] = ctypes.CDLL(str(path)).peak
        self._measure.argtypes = [ctypes.c_long]
        self._measure.restype = ctypes.c_double
        rate = max(self._measure(100_000) for _ in range(3))
        self._rounds = max(1, int(rate * _PEAK_SECONDS / (12 * toolchain.vector_bytes / 8)))

    def __call__(self) -> float:
        return max(self._measure(self._rounds) for _ in range(3))
