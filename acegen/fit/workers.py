"""Where units are assembled: in this process, in several, or on a Dask cluster. Each yields factors as they finish."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from importlib import import_module
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from acegen.errors import DependencyError, FitError
from acegen.fit.dataset import Configuration
from acegen.fit.factor import combined
from acegen.fit.settings import QUANTITIES
from acegen.fit.unit import Assembler, Factors

Unit = Sequence[Configuration]

_PATIENCE = "20s"
"""Time to wait for a scheduler of Dask."""

_ATTEMPTS = 3
"""Consecutive deaths of a process, without a finished unit between them, after which the assembly gives up."""


def assemble_here(assembler: Assembler, units: Sequence[Unit]) -> Generator[tuple[int, Factors], None, None]:
    """One unit after the other in this process: (number of the unit, its factors)."""
    for number, unit in enumerate(units):
        with threadpool_limits(1):  # as in processes: bitwise the same results
            factors = assembler.assemble(unit)
        yield number, factors


def assemble_in_processes(
    assembler: Assembler, units: Sequence[Unit], processes: int
) -> Generator[tuple[int, Factors], None, None]:
    """Units distributed to processes on this machine, as they finish.

    If a process dies (killed for memory, say), units finished by others are kept, and the rest is tried again.

    Raises:
        FitError: processes died three times in a row without finishing a unit.
    """
    left = dict(enumerate(units))
    deaths = 0
    while left:
        before = len(left)
        try:
            yield from _until_one_dies(assembler, left, processes)
        except BrokenProcessPool:
            deaths = deaths + 1 if len(left) == before else 1
            if deaths == _ATTEMPTS:
                where = left[min(left)][0].where
                raise FitError(
                    f"a process of the assembly died {_ATTEMPTS} times in a row, near {where}. The likely reason is "
                    "memory: lower assembly.memory or assembly.processes. Finished units are kept."
                ) from None


def _until_one_dies(assembler: Assembler, left: dict[int, Unit], processes: int) -> Iterator[tuple[int, Factors]]:
    """Units in a pool of processes; those that are finished are removed from `left`.

    Only few are in progress at a time, so that finished triangles do not pile up. Whatever ends this process, or this
    generator, ends the pool at once.

    Raises:
        BrokenProcessPool: a process died.
    """
    listening, speaking = multiprocessing.Pipe(duplex=False)
    with (
        listening,
        speaking,
        # loky's processes start fresh: BLAS threads do not survive a fork, and a user's script is not run again.
        ProcessPoolExecutor(min(processes, len(left)), initializer=_begin, initargs=(listening,)) as pool,
    ):
        try:
            waiting = iter(list(left.items()))
            running: dict[Future[Factors], int] = {}
            while True:
                for number, unit in islice(waiting, 2 * processes - len(running)):
                    running[pool.submit(assembler.assemble, unit)] = number
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    factors = future.result()
                    del left[number]
                    yield number, factors
        except BaseException:
            speaking.close()
            raise


def _begin(parent: Connection) -> None:
    """Initialize a process of a pool: one thread, because processes share the cores; end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and reports it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    threadpool_limits(1)


def _end_with(parent: Connection) -> None:
    """Wait until the other end of the pipe is closed, on purpose or because its process is gone."""
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(1)


class Tree:
    """Factors of `count` units of one cell, combined in pairs.

    The pairs follow from the numbers of the units, not from the order in which they finish: results are bitwise the
    same.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: dict[tuple[int, int], Factors] = {}
        self.total: Factors | None = None

    def add(self, number: int, factors: Factors) -> None:
        """Add the factors of unit `number`; after the last one `total` holds those of all units."""
        level, width = 0, self._count
        while width > 1:
            sibling = number ^ 1
            if sibling < width:
                other = self._waiting.pop((level, sibling), None)
                if other is None:
                    self._waiting[level, number] = factors
                    return
                factors = merged(factors, other) if number < sibling else merged(other, factors)
            level, number, width = level + 1, number // 2, (width + 1) // 2
        self.total = factors


def assemble_on_cluster(
    assembler: Assembler, units: Sequence[Unit], cells: Sequence[tuple[int, str]], address: str
) -> Iterator[tuple[int, dict[tuple[int, str], Factors] | None]]:
    """Units on a Dask cluster; only triangles are sent, and they are combined on the workers, in pairs.

    Args:
        assembler: the data shared by the units.
        units: the units.
        cells: the fold and kind each unit belongs to; only factors of one cell are combined.
        address: of the scheduler.

    Yields:
        (number of finished units, None) as the cluster works, finally (number of all, factors by cell).

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
        client = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise FitError(
            f"there is no Dask scheduler at {address}: {error}. Start one, or correct assembly.dask."
        ) from None
    with client:
        futures = [client.submit(assembler.assemble, unit, pure=False) for unit in units]
        roots = {cell: [f for f, own in zip(futures, cells, strict=True) if own == cell] for cell in cells}
        totals = {cell: _tree(client, leaves) for cell, leaves in roots.items()}
        finished = distributed.as_completed(futures)
        del futures, roots  # a triangle is dropped when it has been combined with others
        try:
            for done, _ in enumerate(finished, start=1):
                yield done, None
            yield len(units), client.gather(totals)
        except distributed.KilledWorker as error:
            raise FitError(
                f"workers of the cluster died repeatedly: {error}. The likely reason is memory: lower "
                "assembly.memory. Units finished on a shared disk are kept."
            ) from None
        except (CancelledError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise FitError(
                f"the connection to the Dask scheduler at {address} was lost: {reason}. Start again; units finished on "
                "a shared disk are kept."
            ) from None
        finally:
            with suppress(CancelledError, OSError):  # the scheduler may be gone
                client.cancel(list(totals.values()))


def _tree(client: Any, leaves: Sequence[Any]) -> Any:
    """Combine futures in pairs, so that no worker holds more than two triangles."""
    while len(leaves) > 1:
        pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
        leaves = [client.submit(merged, *pair, pure=False) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


def merged(*several: Factors) -> Factors:
    """The factors of the rows of all."""
    columns = several[0]["energy"].matrix.shape[1]
    return {q: combined((factors[q] for factors in several), columns) for q in QUANTITIES}
