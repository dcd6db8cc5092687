"""`acegen info`: the size of a model before or after it is compiled."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.cli.file_info import show_file_info
from acegen.cli.potential import backend_for, largest_forms, module_forms
from acegen.cli.tables import compared_forms, lengths, module_table, passes
from acegen.cli.target import is_potential
from acegen.lower import ProductExpansion, expand_products
from acegen.optimize import ProductStage
from acegen.options import BuildOptions
from acegen.progress import Progress
from acegen.runtime import Model, open_model
from acegen.spec import load_spec


def show_info(target: Path, neighbours: int, options: BuildOptions, console: Console, progress: Progress) -> None:
    """Print the size of a spec, a potential file or a compiled module, and what the optimizer makes of it.

    For a module, its own options and coefficients are used, not `options`.
    """
    model = open_model(target) if target.is_dir() else None
    if isinstance(model, Model) and not model.has_basis:
        show_file_info(model, neighbours, options, console, progress)
        return
    if model is None and is_potential(target):
        show_file_info(target, neighbours, options, console, progress)
        return
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
    console.print(compared_forms(forms, backend), soft_wrap=True)
    console.print(passes(stage, backend), soft_wrap=True)
    console.print(_sizes(expansion, stage, neighbours))
    if model is not None:
        console.print(module_table(model))


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
        table.add_row("cutoff of coupled functions", lengths(spec.cutoffs))
    if spec.pair_cutoffs:
        table.add_row("cutoff of the pair term", lengths(spec.pair_cutoffs))
    if spec.agnesi_r0:
        table.add_row("r0 of coupled functions", lengths(spec.agnesi_r0))
    if spec.pair_r0:
        table.add_row("r0 of the pair term", lengths(spec.pair_r0))
    switches = (
        ("ZBL core, switched off from", spec.zbl_ranges),
        ("inner cutoff, fit switched on from", spec.inner_ranges),
    )
    for what, ranges in switches:
        if ranges:
            inner, outer = ([[r[end] for r in row] for row in ranges] for end in (0, 1))
            table.add_row(what, f"{lengths(inner)} to {lengths(outer)}")
    return table
