"""Tables that `acegen info` prints of any model: forms of the product stage, passes, the compiled module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from rich.table import Table

from acegen.cli.terminal import Listing
from acegen.codegen.backend import Backend
from acegen.forms import Form
from acegen.optimize import Cost, ProductStage
from acegen.printing import visible
from acegen.runtime import CompiledModel, Model
from acegen.store.uncertainty import LEVELS, Uncertainty


def compared_forms(forms: Sequence[Form], backend: Backend) -> Listing:
    """The product stage in each form."""
    rows = []
    for form in forms:
        cost = form.stage.cost
        time = f"{1e6 * backend.seconds(cost):.2f}"
        size = f"{cost.code_bytes / 1024:,.0f}"
        rows.append((form.name, f"{form.stage.n_terms:,}", f"{cost.multiply_adds:,}", f"{cost.loads:,}", size, time))
    title = f"product stage per atom, {backend.description}: the first form is used"
    headings = ("form", "products", "multiply-adds", "loads", "kB", "est. µs")
    return Listing(title, headings, rows, (0,), {})


def forms_document(forms: Sequence[Form], backend: Backend) -> list[dict[str, Any]]:
    """The same as plain values; times are estimates in s per atom."""
    return [
        {"form": form.name, "products": form.stage.n_terms, "seconds": backend.seconds(form.stage.cost)}
        | asdict(form.stage.cost)
        for form in forms
    ]


def passes(stage: ProductStage, backend: Backend) -> Listing:
    """The product stage after each pass of the optimizer."""

    def row(name: str, result: str, cost: Cost) -> tuple[str, ...]:
        time = f"{1e6 * backend.seconds(cost):.2f}"
        return name, result, f"{cost.multiply_adds:,}", f"{cost.loads:,}", f"{cost.code_bytes / 1024:,.0f}", time

    first = stage.reports[0]
    rows = [row("(none)", "", first.before)] if first.before.multiply_adds else []
    rows += [row(report.name, report.result, report.after) for report in stage.reports]
    headings = ("after pass", "result", "multiply-adds", "loads", "kB", "est. µs")
    return Listing("passes", headings, rows, (1, 0), {})


def module_table(model: CompiledModel) -> Table:
    """How a module was compiled."""
    table = Table(show_header=False, title=visible(model.path))
    table.add_column("what")
    table.add_column("value", overflow="fold")
    kernel = f"{model.precision} precision, {'several threads' if model.multithreaded else 'one thread'}"
    table.add_row("potential", kernel if model.has_potential else "no (compiled without coefficients)")
    table.add_row("compiled by", visible(model.compiler))
    if isinstance(model, Model):
        table.add_row("cutoffs of neighbour lists", lengths(model.cutoffs.tolist()))
    if isinstance(model, Model) and any(model.atomic_energies.values()):
        energies = (f"{element} {energy:g} eV" for element, energy in model.atomic_energies.items())
        table.add_row("atomic energies", ", ".join(energies))
    if model.has_grades or model.n_members:
        for what, value in _uncertainty(model.uncertainty_data):
            table.add_row(what, value)
    table.add_row("basis hash" if model.has_basis else "hash of the potential", model.basis_hash)
    table.add_row("size on disk", f"{sum(f.stat().st_size for f in model.path.iterdir()) / 1024:,.0f} kB")
    return table


def module_document(model: CompiledModel) -> dict[str, Any]:
    """What identifies a module, and what it can do."""
    return {
        "folder": str(model.path),
        "name": model.name,
        "species": list(model.species),
        "hash": model.basis_hash,
        "functions": model.n_basis if model.has_basis else None,
        "potential": model.has_potential,
        "grades": model.has_grades,
        "members": model.n_members,
        "options": asdict(model.options),
        "compiler": model.compiler,
    }


def _uncertainty(uncertainty: Uncertainty) -> Iterator[tuple[str, str]]:
    """What a module knows of its own uncertainty, for readers."""
    grades, committee = uncertainty.grades, uncertainty.committee
    if grades is not None:
        rank, (select, stop) = grades.rows.shape[1], grades.thresholds
        error = f"{100 * grades.error:.2g} %" if grades.error else "none"
        yield "grades", f"{grades.kind}, {rank} rows; relative error of these {error}"
        yield "grades worth labelling, to stop at", f"{select:.4g}, {stop:.4g}"
    if committee is not None:
        names = ((f"{1000 * floor:.3g}", f"{scale:.3g}") for floor, scale in (committee.energy, committee.forces))
        (energy, of_energy), (forces, of_forces) = names
        yield "committee", f"{committee.rows.shape[1]} members"
        yield "calibration of energies", f"floor {energy} meV per atom, scale {of_energy}"
        yield "calibration of forces", f"floor {forces} meV/Å, scale {of_forces}"
        for what, quantiles in zip(("energies", "forces"), committee.quantiles, strict=True):
            widths = (f"{100 * level:g} %: {width:.3g}" for level, width in zip(LEVELS, quantiles, strict=True))
            yield f"half widths of intervals, {what}", f"{', '.join(widths)} standard deviations"


def lengths(by_pair: Iterable[Iterable[float]]) -> str:
    """The different lengths of a matrix by pair."""
    return f"{', '.join(f'{length:g}' for length in sorted(set(chain(*by_pair))))} Å"
