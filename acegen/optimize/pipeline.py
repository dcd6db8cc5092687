"""The passes, in order.

pass            what it does
--------------  -----------------------------------------------------------------------------------------
terms           drops terms that are zero for every element, adds up equal ones
variable order  chooses which factor of a term comes first, so that terms share prefixes
functions       cuts the straight-line code into functions of bounded size
sub-products    factors terms over products that are computed once (a DAG instead of a trie)
row blocks      groups rows with similar columns into dense blocks, for loops over tables
form            takes straight-line code or tables, whichever costs less, within a limit on compile time
densities       passes the products once for each density, if a centre has several
coupled         gathers pairs of values of one type; groups rows of the matrices between values into tiles

Which invariants a program has is chosen before it is made, by `acegen.optimize.pairing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acegen.optimize.blocks import group_rows
from acegen.optimize.cost import CostModel, listed_cost
from acegen.optimize.coupled import Passes, couple
from acegen.optimize.coupled_tiles import CoupledCosts, ListedCosts
from acegen.optimize.functions import split_functions
from acegen.optimize.order import choose_order, variable_orders
from acegen.optimize.pairs import Factorization, factor_keys, factor_terms
from acegen.optimize.polynomial import (
    Polynomial,
    collect_terms,
    density_count,
    product_coefficients,
    rows_by_center,
    without_zeros,
)
from acegen.optimize.program import CompactProgram, ListedProducts, PassReport, ProductStage, StraightProgram
from acegen.optimize.trie import build_trie
from acegen.options import ProductForm
from acegen.program.embedding import Members
from acegen.program.kernel import KernelProgram, Product
from acegen.program.layout import PooledLayout


def optimize(program: KernelProgram, model: CostModel, form: ProductForm = "auto") -> ProductStage:
    """The product stage of a potential.

    Args:
        program: the potential.
        model: the target's cost model.
        form: of products of A's: straight-line code, tables, or whichever costs less.

    Raises:
        BuildError: the program is not a potential.
    """
    coefficients, coupled = _split(program)
    passes = density_count(program) or 1
    stage = optimize_products(program.layout, program.products, coefficients, model, form, passes)
    return _with_coupled(stage, program, coupled, model.coupled)


def list_products(program: KernelProgram) -> ProductStage:
    """The products of a potential unchanged, each by itself, without those that no output needs.

    Raises:
        BuildError: the program is not a potential.
    """
    own, coupled = _split(program)
    rows = rows_by_center(program, tuple(own.values()))
    needed = without_zeros(replace(program, coupled=None, outputs=replace(program.outputs, rows=rows)))
    before, after = listed_cost(program.products), listed_cost(needed.products)
    dropped = len(program.products) - len(needed.products)
    report = PassReport("terms", f"{dropped:,} of {len(program.products):,} dropped", before, after)
    coefficients = {name: tuple(values) for name, values in product_coefficients(needed).items()}
    stage = ProductStage(ListedProducts(needed.products, after), None, coefficients, len(needed.products), (report,))
    return _with_coupled(stage, program, coupled, ListedCosts())


def _split(program: KernelProgram) -> tuple[dict[str, Sequence[float]], dict[str, Sequence[float]]]:
    """Coefficients of the monomials and of the coupled products."""
    coefficients, cut = product_coefficients(program), len(program.products)
    own: dict[str, Sequence[float]] = {name: values[:cut] for name, values in coefficients.items()}
    return own, {name: values[cut:] for name, values in coefficients.items()}


def _with_coupled(
    stage: ProductStage, program: KernelProgram, weights: Mapping[str, Sequence[float]], costs: CoupledCosts
) -> ProductStage:
    if program.coupled is None:
        return stage
    reports = stage.reports if program.products else ()
    coupled = couple(program.coupled, weights, costs, _passes(program))
    dropped = len(program.coupled.scalars) - len(coupled.products.scalars)
    if not coupled.products.scalars:
        report = PassReport("coupled", "all products dropped", stage.products.cost, stage.products.cost)
        return replace(stage, reports=(*reports, report))
    text = (
        f"{sum(len(group.pairs) for group in coupled.groups):,} pairs of {len(coupled.types):,} types, "
        f"{len(coupled.tiles):,} tiles" + (f", {dropped:,} products dropped" if dropped else "")
    )
    n_terms = stage.n_terms + len(coupled.products.scalars)
    stage = replace(stage, coupled=coupled, n_terms=n_terms)
    return replace(stage, reports=(*reports, PassReport("coupled", text, stage.products.cost, stage.cost)))


def _passes(program: KernelProgram) -> Passes:
    """Densities are known before derivatives of the energy go back; the members of a committee go back one by one."""
    count = density_count(program)
    if not count:
        return Passes()
    members = isinstance((program.embedding or ())[0], Members)
    return Passes(tiles=count, back=count, kept=1) if members else Passes(tiles=count, back=1, kept=count)


def optimize_products(
    layout: PooledLayout,
    products: Sequence[Product],
    coefficients: Mapping[str, Sequence[float]],
    model: CostModel,
    form: ProductForm = "auto",
    passes: int = 1,
) -> ProductStage:
    """The same for products of A's with coefficients by output, which are passed several times for each centre."""
    polynomial = collect_terms(layout.size, products, coefficients)
    before = model.straight(build_trie(products, variable_orders(layout, products)["rarest first"]))
    collected = model.straight(build_trie(polynomial.terms, variable_orders(layout, polynomial.terms)["rarest first"]))
    dropped = len(products) - len(polynomial.terms)
    reports = [PassReport("terms", f"{dropped:,} of {len(products):,} dropped", before, collected)]

    name, trie, ordered = choose_order(layout, polynomial.terms, model)
    reports.append(PassReport("variable order", name, collected, ordered))
    functions = split_functions(trie)
    cut = model.straight([piece.tree for function in functions for piece in function.pieces])
    straight = StraightProgram(functions, cut)
    reports.append(PassReport("functions", f"{len(functions):,}", ordered, cut))

    compact, factored = _compact(layout, polynomial, model)
    single = model.compact(
        len(factored.nodes), len(factored.linear), [(1, len(columns)) for columns in factored.entries.values()]
    )
    shared = f"{len(factored.entries):,} rows, {len(factored.nodes):,} stored"
    reports.append(PassReport("sub-products", shared, collected, single))
    reports.append(PassReport("row blocks", f"{len(compact.blocks):,}", single, compact.cost))

    too_large = cut.code_bytes > model.max_code_bytes
    choose_compact = form == "compact" or (form == "auto" and (too_large or compact.cost.cycles < cut.cycles))
    if choose_compact:
        chosen: StraightProgram | CompactProgram = compact
        order = _compact_order(compact, factored)
    else:
        chosen = straight
        order = [term for function in functions for term in function.coefficient_order()]
    text = "tables" if choose_compact else "straight-line code"
    text += ", as asked" if form != "auto" else ", code too large to compile" if too_large else ""
    reports.append(PassReport("form", text, min(cut, compact.cost, key=lambda cost: cost.cycles), chosen.cost))
    if passes > 1:
        repeated = replace(chosen, cost=chosen.cost.times(passes))
        reports.append(PassReport("densities", f"{passes} passes", chosen.cost, repeated.cost))
        chosen = repeated
    ordered_coefficients = {
        element: tuple(0.0 if term is None else values[term] for term in order)
        for element, values in polynomial.coefficients.items()
    }
    return ProductStage(chosen, None, ordered_coefficients, len(polynomial.terms), tuple(reports))


def _compact(layout: PooledLayout, polynomial: Polynomial, model: CostModel) -> tuple[CompactProgram, Factorization]:
    """The cheapest table-driven program."""
    candidates = []
    for key in factor_keys(layout).values():
        factored = factor_terms(polynomial.n_variables, polynomial.terms, key)
        blocks = group_rows(factored, model)
        shapes = [(len(block.rows), len(block.columns)) for block in blocks]
        cost = model.compact(len(factored.nodes), len(factored.linear), shapes)
        candidates.append((CompactProgram(factored.nodes, tuple(factored.linear), blocks, cost), factored))
    return min(candidates, key=lambda candidate: candidate[0].cost.cycles)


def _compact_order(program: CompactProgram, factored: Factorization) -> list[int | None]:
    """Terms in the order of the tables: linear ones; of each block the rows themselves, then column by column."""
    order: list[int | None] = [factored.linear[variable] for variable in program.linear]
    for block in program.blocks:
        order.extend(factored.own.get(row) for row in block.rows)
        order.extend(factored.entries[row].get(column) for column in block.columns for row in block.rows)
    return order
