"""Predicts how a simulation with LAMMPS scales to many cores. See README.md.

python examples/scaling/predict.py
python examples/scaling/predict.py benchmarks/results/results.json --latency 5
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from statistics import median

from communication import Costs, Network, efficiency, predict
from costs import Comparison, CostError, read_costs
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ATOMS = (10**6, 10**7, 10**8, 10**9)
CORES = (100, 1_000, 10_000, 100_000)
MOST_CORES = 10**7
FORMATS = (".png", ".pdf", ".svg")
DESCRIPTION = """\
Predict steps per second and parallel efficiency of LAMMPS with the pair style
acegen on many cores, from the costs of one core and the properties of a network.
communication.py explains the model, README.md the results.
"""
EPILOG = """\
How to read the result
  Steps per second are followed by the parallel efficiency: the time on one core,
  divided by the sum of the times of all cores. At 100 % twice as many cores are
  twice as fast. Efficiency depends mostly on atoms per core: it is good above
  1000 and poor below 100.

Examples
  the committed costs:             python examples/scaling/predict.py
  costs of this machine:           python -m benchmarks --only lammps
                                   python examples/scaling/predict.py benchmarks/results/results.json
  a slow network:                  python examples/scaling/predict.py --latency 20 --bandwidth 1
  two million atoms, 64 to 4096:   python examples/scaling/predict.py --atoms 2e6 --cores 64 512 4096
  another potential:               copy costs.toml, change its times, give the copy as FILE

Everything printed is a prediction, except in the table "model against
measurements", which compares steps that were measured (results.json has some).
"""


def main() -> None:
    options = parse_arguments()
    network = Network(options.latency * 1e-6, options.bandwidth * 1e9, options.group, spread=options.spread)
    models, comparisons = read_costs(options.file)
    console = Console(markup=False, emoji=False, highlight=False)
    for model, costs in models.items():
        console.print(speed_table(model, costs, options.atoms, options.cores, network))
    model, costs = list(models.items())[-1]
    console.print(cause_table(model, costs, min(options.atoms), options.cores, network))
    if comparisons:
        console.print(comparison_table(comparisons))
        errors = [abs(row.predicted / row.measured - 1) for row in comparisons]
        console.print(f"largest deviation {100 * max(errors):.0f} %, median {100 * median(errors):.0f} %")
    draw(models, options.atoms, options.cores, network, options.output)
    console.print(f"picture: {options.output}", soft_wrap=True)


def parse_arguments() -> argparse.Namespace:
    """The command line, checked; exits with a message if it makes no sense."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=HERE / "costs.toml",
        metavar="FILE",
        help="costs: a TOML file like costs.toml (the default), or results.json of `python -m benchmarks`",
    )
    parser.add_argument(
        "--atoms", type=count, nargs="+", default=ATOMS, metavar="N", help="sizes (default: 1e6 to 1e9)"
    )
    parser.add_argument("--cores", type=count, nargs="+", default=CORES, metavar="N", help="default: 100 to 100000")
    network = Network()
    for name, value, unit, text in (
        ("latency", 1e6 * network.latency, "US", "time of a message, µs"),
        ("bandwidth", 1e-9 * network.bandwidth, "GB/S", "of the link that a group of cores shares, GB/s"),
        ("spread", network.spread, "X", "unevenness: n atoms vary by X n^(1/3); 0 for a perfectly even division"),
    ):
        parser.add_argument(
            f"--{name}", type=non_negative, default=round(value, 9), metavar=unit, help=f"{text} (default: %(default)g)"
        )
    parser.add_argument(
        "--group", type=count, default=network.group, metavar="N", help="cores that share a link (default: %(default)d)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=HERE / "scaling.png",
        metavar="FILE",
        help="the picture, .png, .pdf or .svg (default: scaling.png next to predict.py)",
    )
    options = parser.parse_args()
    options.atoms, options.cores = sorted(set(options.atoms)), sorted(set(options.cores))
    if not options.bandwidth:
        parser.error("--bandwidth must be positive")
    most = min(MOST_CORES, options.atoms[0])
    if options.cores[-1] > most:
        parser.error(f"--cores {options.cores[-1]}: at most {most}, which is {MOST_CORES} or an atom per core")
    if options.output.suffix not in FORMATS:
        parser.error(f"--output {options.output} must end in {', '.join(FORMATS)}")
    return options


def count(text: str) -> int:
    """A positive whole number; 1e6 is one."""
    try:
        value = float(text)
        if value.is_integer() and value > 0:
            return int(value)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")


def non_negative(text: str) -> float:
    """A finite number, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return value


def two_digits(value: float) -> str:
    """Two significant digits: a prediction has no more."""
    return f"{float(f'{value:.2g}'):,.10g}"


def speed_table(model: str, costs: Costs, atoms: Sequence[int], cores: Sequence[int], network: Network) -> Table:
    """Steps per second and efficiency, a row for each system."""
    title = f"Predicted, {model}: steps per second (parallel efficiency)"
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("atoms", justify="right")
    for number in cores:
        table.add_column(f"{number:,} cores", justify="right")
    for size in atoms:
        steps = [1 / predict(costs, size, number, network).step for number in cores]
        shares = [100 * efficiency(costs, size, number, network) for number in cores]
        cells = (f"{two_digits(step)} ({share:.0f} %)" for step, share in zip(steps, shares, strict=True))
        table.add_row(f"{size:,}", *cells)
    return table


def cause_table(model: str, costs: Costs, atoms: int, cores: Sequence[int], network: Network) -> Table:
    """What a step consists of, a row for each cause."""
    predictions = [predict(costs, atoms, number, network) for number in cores]
    table = Table(title=f"Predicted, {model}: a step of {atoms:,} atoms, %", box=box.SIMPLE)
    table.add_column("")
    for number in cores:
        table.add_column(f"{number:,} cores", justify="right")
    for cause in predictions[0].seconds:
        table.add_row(cause, *(f"{100 * found.seconds[cause] / found.step:.1f}" for found in predictions))
    table.add_section()
    table.add_row("a step, ms", *(two_digits(1e3 * found.step) for found in predictions))
    table.add_row("atoms per core", *(two_digits(found.owned) for found in predictions))
    table.add_row("ghosts per atom", *(two_digits(found.ghosts / found.owned) for found in predictions))
    return table


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Measured steps beside their predictions."""
    table = Table(title="The model against measurements", box=box.SIMPLE)
    table.add_column("crystal", no_wrap=True)
    for heading in ("processes", "atoms", "measured, ms", "predicted, ms", "ratio", "ratio, ghosts"):
        table.add_column(heading, justify="right")
    for row in comparisons:
        table.add_row(
            row.what,
            f"{row.processes}",
            f"{row.atoms:,}",
            f"{1e3 * row.measured:.2f}",
            f"{1e3 * row.predicted:.2f}",
            f"{row.predicted / row.measured:.2f}",
            f"{row.predicted_ghosts / row.measured_ghosts:.2f}",
        )
    return table


def draw(models: Mapping[str, Costs], atoms: Sequence[int], cores: Sequence[int], network: Network, file: Path) -> None:
    """Steps per second and efficiency over cores, a line for each system and a row of panels for each model."""
    figure = Figure(figsize=(9, 3.2 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), 2, squeeze=False)
    for (model, costs), (speed, share) in zip(models.items(), panels, strict=True):
        for size in atoms:
            label = f"{size:.3g} atoms"
            speed.loglog(cores, [1 / predict(costs, size, n, network).step for n in cores], "o-", label=label)
            share.semilogx(cores, [efficiency(costs, size, n, network) for n in cores], "o-", label=label)
        speed.set(xlabel="cores", ylabel="steps per second (predicted)", title=model)
        share.set(xlabel="cores", ylabel="efficiency (predicted)", ylim=(0, 1.05), title=model)
        share.legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    try:
        main()
    except (CostError, OSError) as error:
        sys.exit(f"predict.py: {error}")
