"""Work done in a separate process, so that its memory can be measured: `python -m benchmarks.child TASK`.

The task's arguments are read as JSON from standard input; the last line of standard output is the answer, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import acegen
from acegen.options import BuildOptions
from benchmarks.context import coefficients
from benchmarks.memory import TreeMeter, children_high_water, high_water, reset_high_water
from benchmarks.settings import Size
from benchmarks.structures import read_structures


def run_child(task: str, arguments: dict[str, Any], limit: float) -> dict[str, Any]:
    """The answer of a task.

    Raises:
        RuntimeError: it failed (the message is its last line), or took longer than `limit` seconds.
    """
    command = [sys.executable, "-m", "benchmarks.child", task]
    folder = Path(__file__).parent.parent
    try:
        result = subprocess.run(
            command, input=json.dumps(arguments), capture_output=True, text=True, timeout=limit, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"given up after {limit:.0f} s") from None
    if result.returncode:
        raise RuntimeError((result.stderr.strip().splitlines() or ["no message"])[-1])
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


class StageClock:
    """Records the time of each stage of a compilation."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def advance(self, done: int, total: int) -> None:
        pass

    def report(self, text: str) -> None:
        pass


def compile_task(size: dict[str, Any], march: str, directory: str) -> dict[str, Any]:
    """Compile a model with coefficients from scratch."""
    model_size = Size.read(size)
    spec, options = model_size.spec(model_size.name("compiled")), BuildOptions(march)
    clock = StageClock()
    weights = coefficients(model_size)
    start = time.perf_counter()
    with TreeMeter() as meter:
        model = acegen.compile(spec, directory, weights, progress=clock, options=options)
    return {
        "seconds": time.perf_counter() - start,
        "by_stage": clock.seconds,
        "memory": meter.peak,
        "own_memory": high_water(),
        "largest_child_memory": children_high_water(),
        "n_basis": model.n_basis,
        "module_bytes": sum(file.stat().st_size for file in model.path.iterdir() if file.is_file()),
    }


def design_task(module: str, structures: str, block_bytes: int) -> dict[str, Any]:
    """Design rows of all structures of a file, block by block; none are kept."""
    model = acegen.load(module)
    frames = read_structures(Path(structures))
    model.design_rows(frames[0][:2])
    reset_high_water()
    before = high_water()
    total = sum(float(block.rows.energy.sum()) for block in acegen.design_blocks(model, frames, block_bytes))
    return {
        "before": before,
        "after": high_water(),
        "atoms": sum(map(len, frames)),
        "all": sum(3 * len(frame) + 7 for frame in frames) * model.n_basis * 8,
        "checksum": total,
    }


TASKS: dict[str, Callable[..., dict[str, Any]]] = {"compile": compile_task, "design": design_task}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](**json.load(sys.stdin))))
