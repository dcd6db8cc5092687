"""Times ace-jax, in a Python that has it: `PYTHON ace_jax_child.py CONFIG.json`, started by `benchmarks.peers`.

Prints one line of JSON when it is ready ({"paths": {...}, "labels": [...]}), then one ({path: seconds}) for every line
it reads: the time of energies and forces by each path, the median of a few calls. The JAX path has two forms of its
product stage, and the faster one counts. Neighbour lists come with the configuration and are not timed. One thread,
double precision.

ace-jax selects a basis by one level for all orders. Where acegen's levels differ, ace-jax gets acegen's (n, l).
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
XLA_NAMES = {"x86-64-v2": "SSE4_2", "x86-64-v3": "AVX2", "x86-64-v4": "AVX512"}
"""XLA's names of instruction sets that are named for the compiler. It takes the machine's own unless told otherwise."""

instructions = XLA_NAMES.get(config["march"])
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    + (f" --xla_cpu_max_isa={instructions}" if instructions else ""),
    "ACEJAX_FFI_CACHE": str(Path(config["cache"]) / "ffi"),
}

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")
eqx: Any = import_module("equinox")
ffi: Any = import_module("ace_jax.eval.ffi")
dag: Any = import_module("ace_jax.eval.aa_dag")
evaluation: Any = import_module("ace_jax.eval.model")
building: Any = import_module("ace_jax.basis.model")
selection: Any = import_module("ace_jax.basis.spec")

jax.config.update("jax_enable_x64", True)

CALLS = 5


def compiled_path(model: Any, data: Any, cutoff: float) -> Any:
    """The compiled kernel on all structures in one call."""
    library = ffi.library(flags=("-O2", f"-march={config['march']}"))  # faster than its default, -O3
    ffi.register(library)
    attributes, constants = ffi.kernel_inputs(model)
    positions = jnp.asarray(data["positions"])
    count = len(positions)
    shapes = (jax.ShapeDtypeStruct((count,), jnp.float64), jax.ShapeDtypeStruct((count, 3), jnp.float64))
    species, weights = jnp.zeros(count, jnp.int32), jnp.ones(count)
    kernel = jax.jit(
        lambda p, neighbours, counts: jax.ffi.ffi_call(ffi.TARGET, shapes)(
            p, species, neighbours, counts, weights, *constants, **attributes, rc2=np.float64(cutoff**2)
        )
    )
    neighbours, counts = jnp.asarray(data["neighbours"]), jnp.asarray(data["counts"])
    return lambda: kernel(positions, neighbours, counts)


def jax_path(model: Any, data: Any, chunk: int) -> Any:
    """The JAX path with dense neighbour arrays."""
    parameters, static = eqx.partition(model, eqx.is_array)
    n_atoms, width = data["index"].shape
    zeros = jnp.zeros((n_atoms, width), jnp.int32)
    arguments = [jnp.asarray(data["displacement"]), zeros, zeros, jnp.asarray(data["index"])]
    arguments += [jnp.asarray(data["mask"]), jnp.zeros(n_atoms, jnp.int32), jnp.asarray(data["reverse"])]

    def kernel(parameters: Any, rij: Any, zi: Any, zj: Any, index: Any, mask: Any, species: Any, reverse: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            whole = eqx.combine(parameters, static)
            return whole.energy_forces_virial_dense(rij, zi, zj, index, mask, species, chunk=chunk, rev=reverse)

    compiled = jax.jit(kernel)
    return lambda: compiled(parameters, *arguments)


def given_spec(*_: Any, **__: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """acegen's (n, l), in the form in which ace-jax selects its own: functions, radial functions, harmonics."""
    functions = [list(row) for row in sorted({tuple(map(tuple, label)) for label in config["labels"]})]
    radial = sorted({factor for row in functions for factor in row}, key=lambda factor: factor[::-1])
    return functions, radial, selection.ylm_spec(max(l for _, l in radial))


def main() -> None:
    data = np.load(config["data"])
    if len(set(config["levels"])) > 1:
        building.build_spec = given_spec
    built = building.build_model(
        config["elements"],
        config["order"],
        int(config["levels"][0]),
        wL=config["angular_weight"],
        rcut=config["cutoff"],
        coupling_cache_dir=str(Path(config["cache"]) / "coupling"),
    )
    rng = np.random.default_rng(1)
    weights = jnp.asarray(rng.normal(size=(built.model.a2b_shape[0], 1)) * 1e-2)
    pair = jnp.asarray(rng.normal(size=built.model.Wpair.shape) * 1e-2)
    model = dataclasses.replace(built.model, WB=weights, Wpair=pair, folded=False, ctilde=None)
    model = evaluation.lean(evaluation.fold_readout(model), radial_table=True)
    paths = {
        "compiled": compiled_path(model, data, config["cutoff"]),
        "JAX": jax_path(dag.with_aa_dag(model, "greedy"), data, 16),
        "JAX, chain": jax_path(dag.with_aa_dag(model, None), data, 16),
    }
    labels = sorted(sorted(map(list, row)) for row in built.nnll)
    energies = {}
    for name, run in paths.items():
        energies[name] = float(np.sum(jax.block_until_ready(run())[0]))
    for pipe in (0, 1):  # programs run during set-up may have changed this
        os.set_blocking(pipe, True)
    print(json.dumps({"paths": energies, "labels": labels}), flush=True)
    for _ in sys.stdin:
        seconds: dict[str, float] = {}
        for name, run in paths.items():
            times = []
            for _ in range(CALLS):
                start = time.perf_counter()
                jax.block_until_ready(run())
                times.append(time.perf_counter() - start)
            path = name.split(",")[0]
            seconds[path] = min(sorted(times)[CALLS // 2], seconds.get(path, float("inf")))
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
