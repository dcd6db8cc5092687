"""Give everything that reads files odd inputs: `make fuzz-python COUNT=100000`.

The inputs depend on seed, target and number only: `--target modules --first 4711 --count 1` repeats one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from fuzz.python.campaign import run
from fuzz.python.targets import TARGETS

SHARES = {"commands": 500}
"""Targets that take long: beside the others they have one input for so many of all."""


def main() -> int:
    """Run the fuzzer; the exit status is 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=10_000, help="inputs for all targets together, but commands (default: %(default)s)"
    )
    parser.add_argument("--target", choices=list(TARGETS), action="append", help="only this one; may be repeated")
    parser.add_argument("--first", type=int, default=0, help="number of the first input (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed (default: %(default)s)")
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    faults = 0
    print(f"{'target':<13} {'inputs':>8} {'taken':>8} {'refused':>8} {'faults':>8} {'s':>7}  slowest")
    quick = [name for name in names if name not in SHARES] or names
    for i, name in enumerate(names):
        count = options.count * (i + 1) // len(quick) - options.count * i // len(quick)
        if name in SHARES and len(names) > 1:
            count = options.count // SHARES[name]
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="acegen-fuzz-") as folder:
            outcome = run(name, Path(folder), options.first, count, options.seed)
        seconds = time.perf_counter() - start
        slow, number = outcome.slowest
        counts = (outcome.count, outcome.accepted, outcome.refused.total(), outcome.n_faults)
        shown = " ".join(f"{number:>8,}" for number in counts)
        print(f"{name:<13} {shown} {seconds:>7.1f}  {slow:.2f} s (input {number})", flush=True)
        for what, (first, trace) in outcome.faults.items():
            print(f"  {what}: input {first}\n{trace}")
        faults += outcome.n_faults
    return 1 if faults else 0


sys.exit(main())
