"""`python -m benchmarks`: measure, report."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

from acegen.errors import AcegenError

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")  # before NumPy

NAMES = (
    "kernels",
    "optimizer",
    "variants",
    "scaling",
    "compile",
    "fitting",
    "peers",
    "files",
    "lammps",
    "grades",
    "uncertainty",
    "spaces",
)
"""Measurements, in the order in which they are done."""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks. Returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check(parser, options)
    from rich.console import Console

    from benchmarks import (
        compiling,
        dynamics,
        files,
        fitting,
        kernels,
        optimizer,
        peers,
        scaling,
        spaces,
        uncertainty,
        variants,
        watching,
    )
    from benchmarks.context import Context, Measure
    from benchmarks.plots import draw_plots
    from benchmarks.report import show_summary, write_report, write_results
    from benchmarks.section import Section
    from benchmarks.settings import FULL, QUICK

    measures: dict[str, Measure] = {
        "kernels": kernels.measure,
        "optimizer": optimizer.measure,
        "variants": variants.measure,
        "scaling": scaling.measure,
        "compile": compiling.measure,
        "fitting": fitting.measure,
        "peers": peers.measure,
        "files": files.measure,
        "lammps": dynamics.measure,
        "grades": watching.measure,
        "uncertainty": uncertainty.measure,
        "spaces": spaces.measure,
    }
    console = Console(width=min(100, Console().width), markup=False, emoji=False)
    settings = QUICK if options.quick else FULL
    programs = (options.pace, options.ace_jax, options.lammps)
    given = (*programs, options.potentials)
    context = Context(settings, options.output, console, options.march, options.data, options.core, *given)
    _ = context.toolchain  # an unknown instruction set ends the run here
    options.output.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["python", "-m", "benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    sections: dict[str, Section] = {}
    start = time.perf_counter()
    for name in options.only:
        sections[name] = measures[name](context)
        write_results(context, command, sections)
        report = write_report(context, command, sections, draw_plots(sections, options.output))
    show_summary(console, sections)
    seconds = time.perf_counter() - start
    console.print(f"{seconds:.0f} s. {report}, results.json and plots beside it.", highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure acegen: kernels by stage against the multiply-add peak, ways to compile, scaling, "
        "compile times, throughput for fits, other evaluators in the same run, and simulations with LAMMPS.",
        epilog="A full run takes an hour or more; keep the machine otherwise idle. "
        "See benchmarks/README.md for what is counted.",
    )
    parser.add_argument("--quick", action="store_true", help="small models and few repetitions, about a minute")
    parser.add_argument(
        "--only",
        type=_names,
        default=list(NAMES),
        metavar="NAME,...",
        help=f"some of {', '.join(NAMES)} (default: all)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder with Si_test.xyz (timed) and Si_train.xyz (design rows); default: rattled silicon is made",
    )
    parser.add_argument(
        "--pace",
        type=Path,
        metavar="PATH",
        help="ML-PACE: a LAMMPS with the pair style pace, or an evaluator called as "
        "PATH MODEL.yace ENVIRONMENTS REPETITIONS",
    )
    parser.add_argument(
        "--ace-jax",
        type=Path,
        metavar="PYTHON",
        help="the Python of an environment that has ace-jax; default: this one, if it has it",
    )
    parser.add_argument(
        "--lammps",
        type=Path,
        metavar="PYTHON",
        help="the Python of an environment that has the packages lammps and mpich; default: this one, if it has them",
    )
    parser.add_argument(
        "--potentials",
        type=_files,
        default=(),
        metavar="FILE,...",
        help="potential files (.yace, .yaml) to compile and time, against ML-PACE if --pace is an evaluator",
    )
    parser.add_argument(
        "--march",
        default="native",
        metavar="NAME",
        help="instruction set of the kernels and of the peak, such as x86-64-v3 (default: that of this machine)",
    )
    parser.add_argument("--core", type=int, metavar="NUMBER", help="core to run on (default: the last)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parent / "results",
        metavar="DIR",
        help="folder of the report, the plots and the compiled models (default: benchmarks/results)",
    )
    return parser


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Reject arguments that cannot work before anything is measured."""
    for name in ("Si_test.xyz", "Si_train.xyz") if options.data else ():
        if not (options.data / name).is_file():
            parser.error(f"there is no file {options.data / name}; --data needs Si_test.xyz and Si_train.xyz")
    for program in filter(None, (options.pace, options.ace_jax, options.lammps)):
        if not (program.is_file() and os.access(program, os.X_OK)):
            parser.error(f"there is no program {program}")
    for file in options.potentials:
        if not file.is_file():
            parser.error(f"there is no potential file {file}")
    if options.core is not None and hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if options.core not in cores:
            parser.error(f"core {options.core} is not one of {', '.join(map(str, cores))}")


def _files(text: str) -> tuple[Path, ...]:
    """Paths separated by commas."""
    return tuple(Path(name) for name in text.split(",") if name)


def _names(text: str) -> list[str]:
    """Measurements named on the command line, in their order."""
    wanted = {name.strip() for name in text.split(",")}
    unknown = sorted(wanted - set(NAMES))
    if unknown or not wanted:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(NAMES)}")
    return [name for name in NAMES if name in wanted]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AcegenError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks: {error}")
