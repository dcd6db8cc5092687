"""What all targets of the fuzzer have in common."""

from __future__ import annotations

from random import Random
from typing import Protocol

LIMIT = 5.0
"""Seconds an input may take."""


class Target(Protocol):
    """A function to be given odd inputs."""

    limit: float

    def attempt(self, random: Random) -> None:
        """Make one input and pass it on; any exception other than an `AcegenError` is a fault."""
        ...
