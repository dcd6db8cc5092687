"""Progress of a compilation on a terminal: a bar while a stage runs, a line when it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from acegen.cli.terminal import print_stage


class TerminalProgress:
    """Shows stages with counts and times. Without a terminal only the finished lines are printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._text = ""
        self.times: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._text = ""
        start = time.perf_counter()
        with self._bars if self._console.is_terminal else nullcontext():
            self._task = self._bars.add_task(f"{name:<8}", total=None)
            try:
                yield
            finally:
                self._bars.remove_task(self._task)
                self._task = None
        self.times[name] = time.perf_counter() - start
        print_stage(self._console, name, self.times[name], self._text)

    def advance(self, done: int, total: int) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def report(self, text: str) -> None:
        self._text = text
