"""Simulations with LAMMPS: time by section for one process, and what the simulation adds to the bare kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import parallel
from benchmarks.batches import Batch, PotentialCall
from benchmarks.context import Context, Steps
from benchmarks.crystal import Potential, n_atoms, read_dump
from benchmarks.lammps import SECTIONS, Run
from benchmarks.potentials import Contenders, find_lammps, prepare
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import CUTOFF, Size
from benchmarks.timing import Samples, pinned, seconds, wall_clock

SKINS = (1.0, 2.0)
"""Å; the second is LAMMPS' default. Each potential runs with the faster one."""

TARGET = 1.3
"""Goal for the last size: time of the simulation over that of the bare kernel and everything but the pair style."""

_KERNEL_SHARE = 0.3
"""Time that calls of a kernel take in a round, relative to a run of LAMMPS."""


@dataclass(frozen=True)
class Plan:
    """How a potential runs: the better skin, steps; µs per atom and step with each skin."""

    potential: Potential
    skin: float
    steps: int
    by_skin: Mapping[float, float]


def measure(context: Context) -> Section:
    """One process, several processes, memory."""
    settings, notes = context.settings.lammps, list[str]()
    try:
        find_lammps(context)
        with context.steps("lammps, building", 4 * len(settings.sizes)) as steps:
            contenders = prepare(context, steps, notes)
    except RuntimeError as error:
        hint = "give the Python of an environment that has lammps and mpich as --lammps"
        return Section("LAMMPS", {}, notes=[f"LAMMPS was skipped: {error}; {hint}"])
    potentials = [*contenders.own.values(), *contenders.others]
    with context.steps("lammps", len(potentials) * (len(SKINS) + settings.rounds)) as steps, pinned(context.core):
        folder = context.scratch / "lammps"
        plans = _plans(context, potentials, folder, steps, notes)
        if not {own.name for own in contenders.own.values()} <= {plan.potential.name for plan in plans}:
            return Section("LAMMPS", {}, notes=notes)
        calls = _kernels(context, contenders, folder)
        runs, kernels = _rounds(context, plans, calls, folder, steps)
    data: dict[str, Any] = {
        "atoms": n_atoms(settings.cells),
        "target": TARGET,
        "potentials": [
            _record(plan, runs[plan.potential.name], kernels, runs[_reference(contenders, plan)]) for plan in plans
        ],
    }
    first = contenders.own[settings.sizes[0]]
    data |= parallel.measure(context, contenders, next(p for p in plans if p.potential == first).skin, notes)
    return Section(
        "LAMMPS",
        data,
        [*_tables(data), *parallel.tables(data)],
        [*_headlines(data), *parallel.headlines(data)],
        notes,
    )


def _reference(contenders: Contenders, plan: Plan) -> str:
    """Name of acegen with the same basis; for other kinds of potentials, with the first."""
    return contenders.own[plan.potential.size or next(iter(contenders.own))].name


def _plans(
    context: Context, potentials: Sequence[Potential], folder: Path, steps: Steps, notes: list[str]
) -> list[Plan]:
    """Try every potential with every skin; a few steps tell how many to run. Potentials that fail are left out."""
    settings, plans = context.settings.lammps, []
    for potential in potentials:
        least, most = settings.steps
        try:
            steps(f"{potential.name}: steps")
            few = potential.run(folder, settings.cells, least)
            number = round(min(max(settings.seconds / few.step, least), most))
            by_skin = {}
            for skin in SKINS:
                steps(f"{potential.name}: skin {skin} Å")
                by_skin[skin] = potential.run(folder, settings.cells, number, skin).us()
                steps.advance()
            plans.append(Plan(potential, min(by_skin, key=lambda skin: by_skin[skin]), number, by_skin))
        except RuntimeError as error:
            notes.append(f"{potential.name} was skipped: {error}")
    return plans


def _kernels(context: Context, contenders: Contenders, folder: Path) -> dict[Size, PotentialCall]:
    """Kernels on the atoms at the end of a simulation, in the order of LAMMPS."""
    settings = context.settings.lammps
    dump = (folder / "crystal.dump").resolve()
    next(iter(contenders.own.values())).run(folder, settings.cells, 10 * settings.steps[0], dump=dump)
    batch = Batch.of([read_dump(dump, settings.cells)], CUTOFF)
    return {size: PotentialCall(model, batch) for size, model in contenders.models.items()}


def _rounds(
    context: Context, plans: list[Plan], calls: Mapping[Size, PotentialCall], folder: Path, steps: Steps
) -> tuple[dict[str, list[Run]], dict[Size, Samples]]:
    """All simulations and kernels in every round, each round beginning with another one; kernels in µs per atom."""
    settings = context.settings.lammps
    runs: dict[str, list[Run]] = {plan.potential.name: [] for plan in plans}
    kernels: dict[Size, list[float]] = {size: [] for size in calls}

    def simulate(plan: Plan) -> None:
        steps(plan.potential.name)
        run = plan.potential.run(folder, settings.cells, plan.steps, plan.skin)
        runs[plan.potential.name].append(run)
        steps.advance()

    def evaluate(size: Size, call: PotentialCall) -> None:
        once = seconds(call, wall_clock)
        times = max(3, round(_KERNEL_SHARE * settings.seconds / once))
        kernels[size].append(median(seconds(call, wall_clock) for _ in range(times)) * 1e6 / call.batch.n_atoms)

    # each kernel runs next to the simulation it is compared with
    order: list[Callable[[], None]] = []
    for plan in plans:
        order.append(partial(simulate, plan))
        size = plan.potential.size
        if size and plan.potential.name.startswith("acegen"):
            order.append(partial(evaluate, size, calls[size]))
    for number in range(settings.rounds):
        start = number % len(order)
        for task in order[start:] + order[:start]:
            task()
    return runs, {size: Samples.of(values) for size, values in kernels.items()}


def _record(plan: Plan, runs: list[Run], kernels: Mapping[Size, Samples], reference: list[Run]) -> dict[str, Any]:
    """Numbers of a potential. Ratios are formed within a round."""
    total, other = Samples.of([run.us() for run in runs]), Samples.of([run.us() for run in reference])
    pair = Samples.of([run.us("Pair") for run in runs])
    size, last = plan.potential.size, runs[-1]
    record: dict[str, Any] = {
        "name": plan.potential.name,
        "size": asdict(size) if size else None,
        "moves": plan.potential.moves,
        "skin": plan.skin,
        "us_by_skin": {str(skin): value for skin, value in plan.by_skin.items()},
        "steps": plan.steps,
        "builds": last.builds,
        "ghosts": last.ghosts,
        "neighbours_in_list": last.neighbours / last.owned[0],
        "us_per_atom_step": total.record(),
        "steps_per_second": Samples.of([1 / run.step for run in runs]).record(),
        "us_by_section": {name: Samples.of([run.us(name) for run in runs]).record() for name in SECTIONS},
        "over_acegen": total.over(other).record(),
        "pair_over_acegen": pair.over(Samples.of([run.us("Pair") for run in reference])).record(),
    }
    if size and plan.potential.moves and (kernel := kernels.get(size)):
        record["kernel_us_per_atom"] = kernel.record()
        record["pair_over_kernel"] = pair.over(kernel).record()
        record["over_least"] = total.over(Samples(kernel.values + total.values - pair.values)).record()
    return record


def _tables(data: dict[str, Any]) -> list[Table]:
    times, kernels = [], []
    for row in data["potentials"]:
        total, ratio = row["us_per_atom_step"], row["over_acegen"]
        times.append(
            (
                row["name"],
                f"{total['median']:.2f}",
                "{:.2f}-{:.2f}".format(*total["quartiles"]),
                *(f"{row['us_by_section'][name]['median']:.3f}" for name in SECTIONS),
                f"{row['steps_per_second']['median']:.1f}",
                f"{ratio['median']:.2f}",
                "{:.2f}-{:.2f}".format(*ratio["quartiles"]),
                f"{row['skin']:.0f} Å, {100 * row['builds'] / row['steps']:.0f}",
            )
        )
        if "kernel_us_per_atom" in row:
            over, least = row["pair_over_kernel"], row["over_least"]
            kernels.append(
                (
                    row["name"],
                    f"{row['kernel_us_per_atom']['median']:.2f}",
                    f"{row['us_by_section']['Pair']['median']:.2f}",
                    f"{over['median']:.3f}",
                    "{:.3f}-{:.3f}".format(*over["quartiles"]),
                    f"{least['median']:.3f}",
                    "{:.3f}-{:.3f}".format(*least["quartiles"]),
                )
            )
    headings = ("potential", "total", "quartiles", *SECTIONS, "steps/s", "/ acegen", "quartiles", "skin, builds in 100")
    against = ("potential", "kernel", "Pair", "Pair / kernel", "quartiles", "total / (kernel + rest)", "quartiles")
    return [
        Table(f"µs per atom and step, one process, {data['atoms']:,} atoms", headings, times),
        Table("LAMMPS against the bare kernel, µs per atom", against, kernels),
    ]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    lines = []
    for row in data["potentials"]:
        if "over_least" in row and row["name"].startswith("acegen"):
            total, over = row["us_per_atom_step"]["median"], row["over_least"]
            low, high = over["quartiles"]
            meaning = f"of bare kernel and all but the pair style ({low:.2f}-{high:.2f}); {total:.2f} µs/atom and step"
            lines.append(
                Headline(f"LAMMPS, {row['name'].removeprefix('acegen, ')}", f"{over['median']:.2f} ×", meaning)
            )
    last = [row for row in data["potentials"] if row["name"].startswith("acegen")][-1]
    met = "met" if last["over_least"]["median"] <= data["target"] else "missed"
    lines.append(Headline("target", met, f"at most {data['target']} × for {last['name'].removeprefix('acegen, ')}"))
    return lines
