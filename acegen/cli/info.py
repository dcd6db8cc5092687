"""`acegen info`: the size of a model before or after it is compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.cli.file_info import FileInspection, file_document, inspect_file, show_file_info
from acegen.cli.potential import backend_for, largest_forms, module_forms
from acegen.cli.tables import compared_forms, forms_document, lengths, module_document, module_table, passes
from acegen.cli.target import is_potential
from acegen.codegen.backend import Backend
from acegen.forms import Form
from acegen.lower import ProductExpansion, expand_products
from acegen.optimize import ProductStage
from acegen.options import BuildOptions
from acegen.progress import Progress
from acegen.runtime import CompiledModel, Model, open_model
from acegen.spec import load_spec


@dataclass(frozen=True)
class Inspection:
    """A spec, or a module made from one, and what the optimizer makes of it.

    Attributes:
        expansion: the basis, in products.
        forms: of the product stage, the one in use first.
        backend: that writes the kernel.
        model: the module, if it is one.
    """

    expansion: ProductExpansion
    forms: tuple[Form, ...]
    backend: Backend
    model: CompiledModel | None


def inspect(target: Path, options: BuildOptions, progress: Progress) -> Inspection | FileInspection:
    """Derive what `acegen info` tells of a spec, a potential file or a compiled module.

    For a module, its own options and coefficients are used, not `options`.
    """
    model = open_model(target) if target.is_dir() else None
    if isinstance(model, Model) and not model.has_basis:
        return inspect_file(model, options, progress)
    if model is None and is_potential(target):
        return inspect_file(target, options, progress)
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
    return Inspection(expansion, forms, backend, model)


def show_info(inspection: Inspection | FileInspection, neighbours: int, console: Console) -> None:
    """Print the size of a model, and what the optimizer makes of it."""
    if isinstance(inspection, FileInspection):
        show_file_info(inspection, neighbours, console)
        return
    expansion, forms, backend = inspection.expansion, inspection.forms, inspection.backend
    console.print(_by_order(expansion))
    console.print(compared_forms(forms, backend), soft_wrap=True)
    console.print(passes(forms[0].stage, backend), soft_wrap=True)
    console.print(_sizes(expansion, forms[0].stage, neighbours))
    if inspection.model is not None:
        console.print(module_table(inspection.model))


def info_document(inspection: Inspection | FileInspection, neighbours: int) -> dict[str, Any]:
    """The same as plain values: times s, cutoffs Å."""
    if isinstance(inspection, FileInspection):
        return file_document(inspection)
    basis, layout = inspection.expansion.basis, inspection.expansion.layout
    spec = basis.spec
    counts = dict(enumerate(basis.count_by_order(), start=1))
    return {
        "name": spec.name,
        "species": list(spec.species),
        "expansion": spec.basis.expansion,
        "functions": basis.n_basis,
        "functions_by_order": {str(order): count for order, count in counts.items()},
        "auxiliary_functions": basis.n_auxiliary,
        "products": len(inspection.expansion.products),
        "nonzeros_of_purification": basis.n_nonzero,
        "pooled_functions": layout.size,
        "multiply_adds_per_neighbour": _per_neighbour(inspection.expansion),
        "multiply_adds_per_atom": _per_atom(inspection.expansion, inspection.forms[0].stage, neighbours),
        "neighbours": neighbours,
        "cutoffs": [list(map(float, row)) for row in spec.cutoffs or ()],
        "forms": forms_document(inspection.forms, inspection.backend),
        "module": None if inspection.model is None else module_document(inspection.model),
    }


def _per_neighbour(expansion: ProductExpansion) -> int:
    """Multiply-adds of pooling and forces; of the pair term a subtraction and two multiply-adds a term."""
    pair = expansion.basis.spec.pair
    return expansion.pooling_multiply_adds + (3 * pair.degree if pair else 0)


def _per_atom(expansion: ProductExpansion, stage: ProductStage, neighbours: int) -> int:
    return stage.cost.multiply_adds + neighbours * _per_neighbour(expansion)


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
    spec = basis.spec
    if spec.pair:
        pair = _per_neighbour(expansion) - expansion.pooling_multiply_adds
        table.add_row("multiply-adds per neighbour, pair term", f"{pair:,}")
    total = _per_atom(expansion, stage, neighbours)
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
