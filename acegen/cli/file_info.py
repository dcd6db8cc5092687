"""`acegen info` for potential files, and for modules made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from acegen.cli.potential import backend_for
from acegen.cli.tables import compared_forms, forms_document, module_document, module_table, passes
from acegen.codegen.backend import Backend
from acegen.forms import Form, file_forms
from acegen.options import BuildOptions
from acegen.printing import visible
from acegen.program.kernel import KernelProgram
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.store.manifest import POTENTIAL
from acegen.store.names import name_of
from acegen.yace.description import facts, rank_counts
from acegen.yace.potential import YacePotential


@dataclass(frozen=True)
class FileInspection:
    """A potential file, or a module made from one, and what the optimizer makes of it.

    Attributes:
        potential: what the file contains.
        origin: its name.
        forms: of the product stage, the one in use first.
        backend: that writes the kernel.
        model: the module, if it is one.
    """

    potential: YacePotential
    origin: str
    forms: Sequence[Form]
    backend: Backend
    model: Model | None


def inspect_file(target: Path | Model, options: BuildOptions, progress: Progress) -> FileInspection:
    """Read a potential file, or that of a module; for a module, its own options are used, not `options`."""
    model = target if isinstance(target, Model) else None
    if model is not None:
        options = model.options
    potential, origin, forms = described_forms(target, options, progress)
    return FileInspection(potential, origin, forms, backend_for(options), model)


def show_file_info(inspection: FileInspection, neighbours: int, console: Console) -> None:
    """Print what a potential file contains, and what the optimizer makes of it."""
    forms, backend = inspection.forms, inspection.backend
    console.print(_by_rank(inspection.potential))
    console.print(compared_forms(forms, backend), soft_wrap=True)
    console.print(passes(forms[0].stage, backend), soft_wrap=True)
    console.print(_sizes(forms[0], neighbours))
    console.print(_facts(inspection.potential, inspection.origin))
    if inspection.model is not None:
        console.print(module_table(inspection.model))


def file_document(inspection: FileInspection) -> dict[str, Any]:
    """The same as plain values."""
    counts = rank_counts(inspection.potential)
    return {
        "source": inspection.origin,
        "species": list(inspection.potential.elements),
        "functions": sum(functions for functions, _ in counts.values()),
        "functions_by_rank": {str(rank): functions for rank, (functions, _) in counts.items()},
        "facts": dict(facts(inspection.potential, inspection.origin)),
        "forms": forms_document(inspection.forms, inspection.backend),
        "module": None if inspection.model is None else module_document(inspection.model),
    }


def described_forms(
    target: Path | Model, options: BuildOptions, progress: Progress
) -> tuple[YacePotential, str, Sequence[Form]]:
    """The potential of a file, or of a module made from one, where it came from, and its forms, the best first."""
    if isinstance(target, Model):
        file, name, origin = target.path / POTENTIAL, target.name, str(target.description["source"])
    else:
        file, name, origin = target, name_of(target.stem), target.name
    potential, forms = file_forms(file, name, backend_for(options), options.products, progress)
    return potential, origin, forms


def _by_rank(potential: YacePotential) -> Table:
    table = Table(title=f"functions of {', '.join(potential.elements)}")
    for heading in ("rank", "functions", "combinations of m"):
        table.add_column(heading, justify="right")
    counts = rank_counts(potential)
    for rank, (functions, combinations) in counts.items():
        table.add_row(str(rank), f"{functions:,}", f"{combinations:,}")
    table.add_section()
    table.add_row("all", *(f"{sum(column):,}" for column in zip(*counts.values(), strict=True)))
    return table


def _sizes(form: Form, neighbours: int) -> Table:
    program, cost = form.potential, form.stage.cost
    pooled = program.pooled
    of_species = [sum(shell.size for shell in pooled.shells if shell.species == z) for z in range(len(program.species))]
    per_neighbour = 3 * max(of_species)  # pooling, and two for forces
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("pooled functions", f"{pooled.size:,} (l ≤ {pooled.l_max})")
    if program.contraction is not None:
        table.add_row("contracted to A's", f"{program.layout.size:,} (n ≤ {program.layout.n_radial})")
    densities = max(map(len, program.outputs.rows))
    table.add_row("densities of a centre", f"{densities}")
    table.add_row("multiply-adds per atom, products", f"{cost.multiply_adds:,}")
    contraction = _contraction(program)
    if contraction:
        table.add_row("multiply-adds per atom, contraction", f"{contraction:,}")
    table.add_row("multiply-adds per neighbour, pooling and forces", f"{per_neighbour:,}")
    total = cost.multiply_adds + contraction + neighbours * per_neighbour
    table.add_row(f"multiply-adds per atom with {neighbours} neighbours", f"{total:,}")
    return table


def _contraction(program: KernelProgram) -> int:
    """Multiply-adds to make the A's of what is pooled, and to take derivatives back."""
    if program.contraction is None:
        return 0
    width = {(shell.species, shell.l, shell.m): shell.size for shell in program.pooled.shells}
    return 2 * sum(shell.size * width[shell.species, shell.l, shell.m] for shell in program.layout.shells)


def _facts(potential: YacePotential, origin: str) -> Table:
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for what, value in facts(potential, origin):
        table.add_row(what, visible(value))
    return table
