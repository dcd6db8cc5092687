"""Sixth stage: the graph as C source, rendered from the Jinja templates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.resources import files as resource_files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader

from acegen.basis import Basis
from acegen.basis.describe import basis_hash
from acegen.codegen.constants import constant, with_suffix
from acegen.codegen.directions import directions_code
from acegen.codegen.one_particle import RadialCode, harmonics_code, particle_code, radial_code, transform_constants
from acegen.codegen.pair import core_reach, inner_constants, pair_code, zbl_constants
from acegen.codegen.pooling import contract_blocks, pool_blocks
from acegen.codegen.products import compact_tables, function_files
from acegen.codegen.space import space_code
from acegen.codegen.tables import basis_tables
from acegen.codegen.target import Target, Targets
from acegen.coefficients import Coefficients, coefficient_document
from acegen.elements import ATOMIC_NUMBERS
from acegen.graph.graph import Graph
from acegen.graph.layout import PooledLayout
from acegen.optimize import CompactProgram, Program
from acegen.optimize.cost import TWO_SUMS
from acegen.optimize.functions import MAX_TERMS
from acegen.rendering import code_environment
from acegen.spec import ParticleSpec
from acegen.version import __version__

TEMPLATES = "acegen.templates"


@dataclass(frozen=True)
class GeneratedCode:
    """Result of the codegen stage.

    Attributes:
        name: name of the model.
        files: content by file name: C sources, headers, basis description, README, package.
        c_sources: names of the files to compile.
        basis_hash: identity of the basis.
        model_hash: identity of the name, the basis, the coefficients and the atomic energies.
    """

    name: str
    files: Mapping[str, str]
    c_sources: tuple[str, ...]
    basis_hash: str
    model_hash: str


def generate_code(
    graph: Graph,
    description: str,
    targets: Targets,
    coefficients: Coefficients | None = None,
    program: Program | None = None,
) -> GeneratedCode:
    """Write the source of a module: a basis kernel and, with a program for its product stage, a potential kernel.

    Args:
        graph: the evaluation graph.
        description: text of `describe_basis` for the basis of the graph; it becomes part of the module.
        targets: arithmetic and registers to write for.
        coefficients: one number per basis function by element, and atomic energies; None for a module without a
            potential.
        program: the product stage for these coefficients.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    basis, layout, spec = graph.basis, graph.layout, graph.basis.spec
    name = spec.name
    identity = basis_hash(description)
    model_hash = _model_hash(name, identity, coefficients)
    pair = pair_code(basis, None if coefficients is None else basis.split(coefficients.values)[0])
    zbl, inner = zbl_constants(spec), inner_constants(spec)
    atomic_energies = {} if coefficients is None else coefficients.atomic_energies
    radial = _radial(basis, layout)
    context = {
        "name": name,
        "banner": _banner(graph),
        "generator": f"acegen {__version__}",
        "spec": spec,
        "elements": spec.species,
        "atomic_numbers": [ATOMIC_NUMBERS.get(symbol, 0) for symbol in spec.species],
        "cutoffs": spec.reach,
        "pairs": transform_constants(spec.cutoffs, spec.agnesi_r0),
        "pair": pair,
        "zbl": zbl,
        "inner": inner,
        "core_reach": core_reach(zbl, inner),
        "atomic_energies": [atomic_energies.get(symbol, 0.0) for symbol in spec.species],
        "has_atomic_energies": any(atomic_energies.values()),
        "canonical": spec.basis.expansion == "canonical",
        "n_basis": basis.n_basis,
        "n_pair": basis.n_pair,
        "n_purified": basis.n_coupled,
        "n_coupled": len(basis.functions),
        "counts": basis.count_by_order(),
        "max_order": spec.basis.order,
        "basis_hash": identity,
        "model_hash": model_hash,
        "potential": program is not None,
        "single": targets.potential.precision == "single",
        "openmp": targets.openmp,
        "n_radial": layout.n_radial,
        "l_max": layout.l_max,
        "n_harmonics": layout.n_angular,
        "first_n": layout.first,
        "layout": layout,
        "n_pooled": layout.size,
        "shells": layout.shells,
        "pooled_first": [next(k.offset for k in layout.shells if k.species == z) for z in range(len(layout.counts))],
        "shell_first": [sum(k.species < z for k in layout.shells) for z in range(len(layout.counts) + 1)],
        "radial": radial,
        "space": space_code(spec, basis.angular, radial),
        "harmonics": harmonics_code(layout.l_max),
        "directions": directions_code(basis.angular, layout),
        **asdict(basis_tables(graph)),
    }
    own = {**context, **_target_context(layout, targets.basis)}
    files = {
        "__init__.py": ("__init__.py.j2", own),
        "README.md": ("README.md.j2", own),
        f"{name}.c": ("model.c.j2", own),
        f"{name}_particles.h": ("particles.h.j2", own),
        f"{name}_derivatives.h": ("derivatives.h.j2", own),
        f"{name}_basis.c": ("basis.c.j2", own),
    }
    if inner:
        files[f"{name}_inner.h"] = ("inner.h.j2", own)
    if pair or zbl or (inner and program is not None):
        files |= {f"{name}_pair.h": ("pair.h.j2", own), f"{name}_pair.c": ("pair.c.j2", own)}
    if program is not None:
        files |= _potential_files(name, {**context, **_target_context(layout, targets.potential)}, targets, program)
    rendered = {file: _render(template, values) for file, (template, values) in files.items()}
    rendered["acegen.h"] = abi_header()
    rendered["basis.json"] = description
    if coefficients is not None:
        rendered["coefficients.json"] = coefficient_document(replace(coefficients, basis_hash=identity))
    return GeneratedCode(name, rendered, tuple(file for file in files if file.endswith(".c")), identity, model_hash)


def _potential_files(
    name: str, context: dict[str, Any], targets: Targets, program: Program
) -> dict[str, tuple[str, dict[str, Any]]]:
    """Template and context of each file of the potential kernel."""
    single = targets.potential.precision == "single"
    particles = f"{name}_{'single_' if single else ''}particles.h"
    products = program.products
    coefficients = [program.coefficients[symbol] for symbol in context["elements"]]
    n_pooled = context["n_pooled"]
    context |= {
        "particles": particles,
        "compact": isinstance(products, CompactProgram),
        "coefficients": coefficients,
        "n_coefficients": max(1, len(coefficients[0]))
        + (0 if isinstance(products, CompactProgram) else MAX_TERMS // 2),
        "n_terms": program.n_terms,
        "n_stored": products.n_stored,
        "group": products.group,
        "product_fmas": products.cost.multiply_adds,
        "middle": 0 if n_pooled <= 128 else min(n_pooled // 2, 128),
        "middle_coefficient": MAX_TERMS // 2,
    }
    files = {particles: ("particles.h.j2", context)} if single else {}
    if isinstance(products, CompactProgram):
        context |= {"tables": compact_tables(products), "two_sums": TWO_SUMS}
    else:
        context["function_files"] = function_files(products)
        for number, part in enumerate(context["function_files"], start=1):
            files[f"{name}_products_{number}.c"] = ("products_part.c.j2", {**context, "part": part})
    for file in ("products.h", "products.c", "potential.c"):
        files[f"{name}_{file}"] = (f"{file}.j2", context)
    return files


def _target_context(layout: PooledLayout, target: Target) -> dict[str, Any]:
    """What the templates need to know of the arithmetic and the registers they are written for."""
    pools, contractions = pool_blocks(layout, target), contract_blocks(layout, target)
    pool_shapes = sorted({(block.harmonics, block.radials) for blocks in pools for block in blocks})
    heights = sorted({block.harmonics for blocks in contractions for block in blocks})
    return {
        "real": target.real,
        "suffix": target.suffix,
        "lanes": target.lanes,
        "tiles": target.tiles,
        "pool_blocks": pools,
        "pool_shapes": [{"harmonics": h, "radials": r, "tile": t} for h, r in pool_shapes for t in target.tiles],
        "contract_blocks": contractions,
        "contract_shapes": [{"harmonics": h, "tile": t} for h in heights for t in target.tiles],
        "missing_harmonics": [_missing_harmonics(layout, species) for species in range(len(layout.counts))],
    }


def _missing_harmonics(layout: PooledLayout, species: int) -> list[tuple[int, int]]:
    """Angular functions without any A of a species: the first and the number of each run of them."""
    there = {layout.angular_index(shell.l, shell.m) for shell in layout.shells if shell.species == species}
    runs = groupby(range(layout.n_angular), key=there.__contains__)
    missing = [list(run) for is_there, run in runs if not is_there]
    return [(run[0], len(run)) for run in missing]


def _radial(basis: Basis, layout: PooledLayout) -> RadialCode:
    """Code for the radial functions of a layout."""
    if basis.spec.radial is None:
        return particle_code(basis.radial, layout.n_radial)
    return radial_code(basis.spec.radial, basis.radial, layout.n_radial)


def _render(template: str, context: Mapping[str, Any]) -> str:
    environment = _environment()
    environment.filters["reals"] = partial(with_suffix, suffix=context["suffix"])
    return environment.get_template(template).render(context)


def _model_hash(name: str, identity: str, coefficients: Coefficients | None) -> str:
    parts = [] if coefficients is None else [coefficients.values, coefficients.atomic_energies]
    return hashlib.sha256(json.dumps([name, identity, *parts], sort_keys=True).encode()).hexdigest()


def abi_header() -> str:
    """The hand-written ABI header, the same for every model."""
    return (resource_files(TEMPLATES) / "acegen.h").read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = code_environment(PackageLoader(TEMPLATES, ""))
    environment.filters["constant"] = constant
    environment.globals["initializer"] = _initializer
    return environment


def _initializer(values: Sequence[object], per_line: int = 24) -> str:
    """Initializer of a C array; long ones broken into lines."""
    texts = [str(value) for value in values]
    if len(texts) <= per_line:
        return "{ " + ", ".join(texts) + " }"
    lines = (", ".join(texts[start : start + per_line]) for start in range(0, len(texts), per_line))
    return "{\n    " + ",\n    ".join(lines) + "\n}"


def _banner(graph: Graph) -> str:
    spec = graph.basis.spec
    levels = spec.levels if len(set(spec.levels)) > 1 else spec.levels[:1]
    size = f"order {spec.basis.order}, level {', '.join(map(str, levels))}"
    made = f"Made by acegen {__version__}; do not edit."
    if isinstance(spec, ParticleSpec):
        cutoff = "" if spec.cutoff is None else f", cutoff {spec.cutoff:g}"
        return f"{spec.name}: {spec.basis.expansion} basis, symmetry {spec.basis.symmetry}, {size}{cutoff}. {made}"
    radii = sorted({cutoff for row in spec.cutoffs for cutoff in row})
    extra = f", pair term of degree {spec.pair.degree}" if spec.pair else ""
    extra += ", ZBL core" if spec.zbl else ""
    extra += ", inner cutoff" if spec.inner_cutoff else ""
    return (
        f"{spec.name}: {spec.basis.expansion} basis of {', '.join(spec.species)}, {size}, "
        f"cutoff {', '.join(f'{radius:g}' for radius in radii)} Å{extra}. {made}"
    )
