"""An assembly that can be watched, slowed down and killed, in whatever process it runs.

Run as a program it is the command `acegen` with it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acegen.fit.dataset import Configuration
from acegen.fit.unit import Assembler, Factors

LOG, DELAY, DEATH = "ACEGEN_TEST_LOG", "ACEGEN_TEST_DELAY", "ACEGEN_TEST_DEATH"
"""Variables of the environment: a folder for one file per unit made, seconds a unit takes, and a file: the process that
finds it removes it and dies; a folder: every process dies."""


@dataclass(frozen=True)
class WatchedAssembler(Assembler):
    """Does the same, and records it."""

    def _reduce(self, unit: Sequence[Configuration]) -> Factors:
        time.sleep(float(os.environ.get(DELAY, 0)))
        if DEATH in os.environ:
            death = Path(os.environ[DEATH])
            try:
                death.unlink()
            except FileNotFoundError:
                pass
            except OSError:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        factors = super()._reduce(unit)
        if LOG in os.environ:
            (Path(os.environ[LOG]) / f"{self.key(unit)}-{os.getpid()}-{time.monotonic_ns()}").touch()
        return factors


def set_variable(name: str, value: str) -> None:
    """In the environment of the calling process."""
    os.environ[name] = value


def main() -> None:
    from watched_fit import WatchedAssembler as Importable  # as processes of the pool can find it

    import acegen.fit.assembly
    from acegen.cli.main import run

    acegen.fit.assembly.Assembler = Importable  # type: ignore[misc]
    acegen.fit.assembly.SMALL = 0
    acegen.fit.assembly._TALL = 1  # many units
    run()


if __name__ == "__main__":
    main()
