"""Elementary functions of the lanes backend."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from bond_programs import Choices, bond_program
from lanes_kernels import lanes_kernels

from acegen.options import BuildOptions


def test_elementary_functions(tmp_path: Path) -> None:
    """Exponential and sine by themselves, to two units in the last place, in both precisions."""
    program = bond_program(0, Choices("exponential_cosine", contraction=False, embedding="identity"))
    for precision in ("double", "single"):
        folder = tmp_path / precision
        folder.mkdir()
        single = precision == "single"
        header = "by_bonds_single_particles.h" if single else "by_bonds_particles.h"
        extra = f"""#include "{header}"
void by_bonds_functions(int64_t count, const real *x, real *e, real *s)
{{
    for (int64_t k = 0; k < count; k += LANES) {{
        lanes v, a, b;
        memcpy(&v, x + k, sizeof v);
        a = exponential(v);
        b = quarter_sine(v);
        memcpy(e + k, &a, sizeof a);
        memcpy(s + k, &b, sizeof b);
    }}
}}
"""
        compiled = lanes_kernels(
            program, folder, BuildOptions(precision="single" if single else "double"), extra={"more.c": extra}
        )
        real = np.float32 if single else np.float64
        rng = np.random.default_rng(5)
        near = np.concatenate([[0.0, 1.0, -1.0, 0.5, 1e-30], np.geomspace(1e-12, 1, 2000), rng.uniform(-1, 1, 20000)])
        far = np.concatenate([rng.uniform(-80, 80, 20000), np.log(2) * (np.arange(-100, 100) + 0.5)])
        for x, column, exact in ((near, 1, np.sin), (far, 0, np.exp)):
            x = np.resize(x.astype(real), -(-len(x) // 16) * 16)
            results = np.empty((2, len(x)), dtype=real)
            compiled.library.by_bonds_functions(
                ctypes.c_int64(len(x)), *(ctypes.c_void_p(a.ctypes.data) for a in (x, results[0], results[1]))
            )
            wide = x.astype(np.longdouble)
            expected = exact(wide * np.longdouble("1.57079632679489661923132169163975144") if column else wide)
            units = np.abs(results[column] - expected) / np.spacing(np.abs(expected).astype(real))
            assert units.max() <= 2.0
        assert np.isfinite(results).all()
