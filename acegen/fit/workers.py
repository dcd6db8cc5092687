"""Where units are assembled: in this process, in several, or on a Dask cluster. Each yields factors as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import Any

from loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from acegen.errors import DependencyError, FitError
from acegen.fit.data import Configuration
from acegen.fit.factor import combined
from acegen.fit.unit import QUANTITIES, Assembler, Factors

Unit = Sequence[Configuration]

_ATTEMPTS = 3
"""Times a pool of processes is started anew after one has died."""


def assemble_here(assembler: Assembler, units: Sequence[Unit]) -> Iterator[tuple[int, Factors]]:
    """One unit after the other in this process: (number of the unit, its factors)."""
    for number, unit in enumerate(units):
        yield number, assembler.assemble(unit)


def assemble_in_processes(assembler: Assembler, units: Sequence[Unit], processes: int) -> Iterator[tuple[int, Factors]]:
    """Units shared out to processes of this machine, as they are finished.

    If a process dies (killed for memory, say), what others have finished stays, and the rest is tried again.

    Raises:
        FitError: processes died three times in a row without finishing a unit.
    """
    left = dict(enumerate(units))
    deaths = 0
    while left:
        # Processes of loky start afresh: threads of BLAS do not survive a fork, and a user's script is not run again.
        with ProcessPoolExecutor(min(processes, len(left)), initializer=_one_thread) as pool:
            futures = {pool.submit(assembler.assemble, unit): number for number, unit in left.items()}
            try:
                for future in as_completed(futures):
                    factors = future.result()
                    deaths = 0
                    del left[futures[future]]
                    yield futures[future], factors
            except BrokenProcessPool:
                deaths += 1
                if deaths == _ATTEMPTS:
                    where = left[min(left)][0].where
                    raise FitError(
                        f"a process of the assembly died {_ATTEMPTS} times in a row, near {where}. The likely reason "
                        "is memory: lower assembly.memory or assembly.processes. Finished units are kept."
                    ) from None
            finally:
                pool.shutdown(kill_workers=True)


def _one_thread() -> None:
    threadpool_limits(1)  # processes, not threads, share the cores


def assemble_on_cluster(
    assembler: Assembler, units: Sequence[Unit], parts: Sequence[str], address: str
) -> Iterator[tuple[int, dict[str, Factors] | None]]:
    """Units on a Dask cluster; only triangles travel, and they are combined where they are, two by two.

    Args:
        assembler: what the units have in common.
        units: the units.
        parts: the part each unit belongs to; only factors of one part are combined.
        address: of the scheduler.

    Yields:
        (number of finished units, None) as the cluster works, at last (all, factors by part).

    Raises:
        DependencyError: dask.distributed is not installed.
        FitError: there is no scheduler, or a unit failed on several workers.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise DependencyError(
            'assembly.dask needs dask.distributed. Install it with: pip install "acegen[cluster]"'
        ) from None
    try:
        client = distributed.Client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise FitError(f"there is no Dask scheduler at {address}: {error}. Start one, or mend assembly.dask.") from None
    with client:
        futures = [client.submit(assembler.assemble, unit, pure=False) for unit in units]
        roots = {part: [f for f, own in zip(futures, parts, strict=True) if own == part] for part in parts}
        totals = {part: _tree(client, leaves) for part, leaves in roots.items()}
        try:
            for done, _ in enumerate(distributed.as_completed(futures), start=1):
                yield done, None
            yield len(units), client.gather(totals)
        except distributed.KilledWorker as error:
            raise FitError(
                f"workers of the cluster died again and again: {error}. The likely reason is memory: lower "
                "assembly.memory. Units finished on a shared disk are kept."
            ) from None
        finally:
            client.cancel([*futures, *totals.values()])


def _tree(client: Any, leaves: Sequence[Any]) -> Any:
    """Combine futures two by two, so that no worker holds more than two triangles."""
    while len(leaves) > 1:
        pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
        leaves = [client.submit(merged, *pair, pure=False) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


def merged(*several: Factors) -> Factors:
    """The factors of the rows of all."""
    columns = several[0]["energy"].matrix.shape[1]
    return {q: combined((factors[q] for factors in several), columns) for q in QUANTITIES}
