"""`acegen info`: the size of a model before or after it is compiled."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.graph import Graph, build_graph
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.spec import load_spec


def show_info(target: Path, neighbours: int, console: Console, progress: Progress) -> None:
    """Print the size of a spec or of a compiled module."""
    model = Model.open(target) if target.is_dir() else None
    source = target if model is None else {"name": model.name, **model.description["spec"]}
    spec = load_spec(source)
    with progress.stage("basis"):
        graph = build_graph(derive_basis(build_algebra(spec), progress))
        progress.report(f"{graph.basis.n_basis:,} functions from {len(graph.products):,} products")
    console.print(_by_order(graph))
    console.print(_sizes(graph, neighbours))
    if model is not None:
        console.print(_module(model))


def _by_order(graph: Graph) -> Table:
    spec = graph.basis.spec
    table = Table(title=f"{spec.name}: {spec.basis.expansion} basis of {', '.join(spec.basis.elements)}")
    for heading in ("order", "level", "functions", "products", "non-zeros of 𝒫"):
        table.add_column(heading, justify="right")
    orders = [function.order for function in graph.basis.functions]
    rows = list(zip(orders, graph.basis.purification, strict=False))
    for order, level in enumerate(spec.basis.levels, start=1):
        table.add_row(
            str(order),
            f"{float(level):g}",
            f"{sum(o == order for o, _ in rows):,}",
            f"{sum(len(product) == order for product in graph.products):,}",
            f"{sum(len(row) for o, row in rows if o == order):,}",
        )
    table.add_section()
    table.add_row("all", "", f"{graph.basis.n_basis:,}", f"{len(graph.products):,}", f"{graph.basis.n_nonzero:,}")
    return table


def _sizes(graph: Graph, neighbours: int) -> Table:
    basis, layout = graph.basis, graph.layout
    density = basis.n_nonzero / (basis.n_basis * len(basis.functions))
    fmas = graph.trie.multiply_adds
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("pooled functions A", f"{layout.size:,} (n ≤ {layout.n_radial}, l ≤ {layout.l_max})")
    table.add_row("auxiliary functions (K' without K)", f"{basis.n_auxiliary:,}")
    table.add_row("density of 𝒫", f"{100 * density:.2f} %")
    table.add_row("multiply-adds per atom, products", f"{fmas:,} ({fmas / len(graph.products):.2f} per product)")
    table.add_row("multiply-adds per neighbour, pooling and forces", f"{graph.pooling_multiply_adds:,}")
    total = fmas + neighbours * graph.pooling_multiply_adds
    table.add_row(f"multiply-adds per atom with {neighbours} neighbours", f"{total:,}")
    return table


def _module(model: Model) -> Table:
    table = Table(show_header=False, title=str(model.path))
    table.add_column("what")
    table.add_column("value", overflow="fold")
    table.add_row("potential", "yes" if model.has_potential else "no (compiled without coefficients)")
    table.add_row("cutoffs", ", ".join(f"{value:g} Å" for value in sorted(set(model.cutoffs.ravel().tolist()))))
    table.add_row("basis hash", model.basis_hash)
    table.add_row("size on disk", f"{sum(f.stat().st_size for f in model.path.iterdir()) / 1024:,.0f} kB")
    return table
