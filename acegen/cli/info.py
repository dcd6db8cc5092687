"""`acegen info`: the size of a model before or after it is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.cli.potential import backend_for, largest_forms, module_forms
from acegen.cli.terminal import Listing
from acegen.codegen.backend import Backend
from acegen.forms import Form
from acegen.lower import ProductExpansion, expand_products
from acegen.optimize import Cost, ProductStage
from acegen.options import BuildOptions
from acegen.printing import visible
from acegen.progress import Progress
from acegen.runtime import CompiledModel, Model, open_model
from acegen.spec import load_spec


def show_info(target: Path, neighbours: int, options: BuildOptions, console: Console, progress: Progress) -> None:
    """Print the size of a spec or of a compiled module, and what the optimizer makes of it.

    For a module, its own options and coefficients are used, not `options`.
    """
    model = open_model(target) if target.is_dir() else None
    source = target if model is None else {"name": model.name, **model.description["spec"]}
    spec = load_spec(source)
    with progress.stage("basis"):
        expansion = expand_products(derive_basis(build_algebra(spec), progress))
        progress.report(f"{expansion.basis.n_basis:,} functions from {len(expansion.products):,} products")
    with progress.stage("optimize"):
        if model is not None:
            options = model.options
        backend, basis = backend_for(options), expansion.basis
        if model is not None and model.has_potential:
            forms = module_forms(basis, model, backend)
        else:
            forms = largest_forms(basis, options, backend)
        progress.report(forms[0].stage.reports[-1].result)
    stage = forms[0].stage
    console.print(_by_order(expansion))
    console.print(_compared(forms, backend), soft_wrap=True)
    console.print(_passes(stage, backend), soft_wrap=True)
    console.print(_sizes(expansion, stage, neighbours))
    if model is not None:
        console.print(_module(model))


def _compared(forms: Sequence[Form], backend: Backend) -> Listing:
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


def _by_order(expansion: ProductExpansion) -> Table:
    spec = expansion.basis.spec
    has_pair = spec.pair is not None
    table = Table(title=f"{spec.name}: {spec.basis.expansion} basis of {', '.join(spec.species)}")
    for heading in ("order", "level", "functions", "products", "non-zeros of 𝒫"):
        table.add_column(heading, justify="right")
    orders = [function.order for function in expansion.basis.functions]
    rows = list(zip(orders, expansion.basis.purification, strict=False))
    counts = expansion.basis.count_by_order()
    for order, level in enumerate(spec.levels, start=1):
        table.add_row(
            str(order),
            "pair term" if order == 1 and has_pair else f"{float(level):g}",
            f"{counts[order - 1]:,}",
            f"{sum(len(product) == order for product in expansion.products):,}",
            f"{sum(len(row) for o, row in rows if o == order):,}",
        )
    table.add_section()
    table.add_row(
        "all", "", f"{expansion.basis.n_basis:,}", f"{len(expansion.products):,}", f"{expansion.basis.n_nonzero:,}"
    )
    return table


def _passes(stage: ProductStage, backend: Backend) -> Listing:
    """The product stage after each pass of the optimizer."""

    def row(name: str, result: str, cost: Cost) -> tuple[str, ...]:
        time = f"{1e6 * backend.seconds(cost):.2f}"
        return name, result, f"{cost.multiply_adds:,}", f"{cost.loads:,}", f"{cost.code_bytes / 1024:,.0f}", time

    first = stage.reports[0]
    rows = [row("(none)", "", first.before)] if first.before.multiply_adds else []
    rows += [row(report.name, report.result, report.after) for report in stage.reports]
    title = "passes"
    headings = ("after pass", "result", "multiply-adds", "loads", "kB", "est. µs")
    return Listing(title, headings, rows, (1, 0), {})


def _sizes(expansion: ProductExpansion, stage: ProductStage, neighbours: int) -> Table:
    basis, layout = expansion.basis, expansion.layout
    density = basis.n_nonzero / (basis.n_coupled * len(basis.functions))
    fmas = stage.cost.multiply_adds
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    last = layout.first + layout.n_radial - 1
    table.add_row("pooled functions A", f"{layout.size:,} (n ≤ {last}, l ≤ {layout.l_max})")
    table.add_row("auxiliary functions (K' without K)", f"{basis.n_auxiliary:,}")
    table.add_row("density of 𝒫", f"{100 * density:.2f} %")
    table.add_row("multiply-adds per atom, products", f"{fmas:,} ({fmas / basis.n_basis:.1f} per function)")
    table.add_row("multiply-adds per neighbour, pooling and forces", f"{expansion.pooling_multiply_adds:,}")
    per_neighbour, spec = expansion.pooling_multiply_adds, basis.spec
    if spec.pair:
        pair = 3 * spec.pair.degree  # a subtraction and two multiply-adds a term
        table.add_row("multiply-adds per neighbour, pair term", f"{pair:,}")
        per_neighbour += pair
    total = fmas + neighbours * per_neighbour
    table.add_row(f"multiply-adds per atom with {neighbours} neighbours", f"{total:,}")
    if spec.cutoffs:
        table.add_row("cutoff of coupled functions", _lengths(spec.cutoffs))
    if spec.pair_cutoffs:
        table.add_row("cutoff of the pair term", _lengths(spec.pair_cutoffs))
    if spec.agnesi_r0:
        table.add_row("r0 of coupled functions", _lengths(spec.agnesi_r0))
    if spec.pair_r0:
        table.add_row("r0 of the pair term", _lengths(spec.pair_r0))
    switches = (
        ("ZBL core, switched off from", spec.zbl_ranges),
        ("inner cutoff, fit switched on from", spec.inner_ranges),
    )
    for what, ranges in switches:
        if ranges:
            inner, outer = ([[r[end] for r in row] for row in ranges] for end in (0, 1))
            table.add_row(what, f"{_lengths(inner)} to {_lengths(outer)}")
    return table


def _lengths(by_pair: Iterable[Iterable[float]]) -> str:
    """The different lengths of a matrix by pair."""
    return f"{', '.join(f'{length:g}' for length in sorted(set(chain(*by_pair))))} Å"


def _module(model: CompiledModel) -> Table:
    table = Table(show_header=False, title=visible(model.path))
    table.add_column("what")
    table.add_column("value", overflow="fold")
    kernel = f"{model.precision} precision, {'several threads' if model.multithreaded else 'one thread'}"
    table.add_row("potential", kernel if model.has_potential else "no (compiled without coefficients)")
    table.add_row("compiled by", visible(model.compiler))
    if isinstance(model, Model):
        table.add_row("cutoffs of neighbour lists", _lengths(model.cutoffs.tolist()))
    if isinstance(model, Model) and any(model.atomic_energies.values()):
        energies = (f"{element} {energy:g} eV" for element, energy in model.atomic_energies.items())
        table.add_row("atomic energies", ", ".join(energies))
    table.add_row("basis hash", model.basis_hash)
    table.add_row("size on disk", f"{sum(f.stat().st_size for f in model.path.iterdir()) / 1024:,.0f} kB")
    return table
