"""How the compiler reports progress; the command line shows it, other callers may ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a compilation, stage by stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Wrap one stage; its time is that spent inside."""
        ...

    def advance(self, done: int, total: int) -> None:
        """The current stage has finished `done` of `total` pieces of work."""
        ...

    def report(self, text: str) -> None:
        """The result of the current stage on one line: counts and sizes."""
        ...


class Silent:
    """A `Progress` that shows nothing."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        yield

    def advance(self, done: int, total: int) -> None:
        pass

    def report(self, text: str) -> None:
        pass
