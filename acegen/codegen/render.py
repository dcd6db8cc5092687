"""Fifth stage: the graph as C source, rendered from the Jinja templates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from acegen.basis.describe import basis_hash
from acegen.codegen.constants import constant
from acegen.codegen.one_particle import harmonics_code, pair_constants, radial_code
from acegen.codegen.products import product_functions
from acegen.codegen.tables import basis_tables
from acegen.coefficients import coefficient_document
from acegen.elements import ATOMIC_NUMBERS
from acegen.graph.graph import Graph, fold_coefficients
from acegen.version import __version__

LANES = 8
"""Centres evaluated together: one AVX-512 register of doubles, or two of AVX2."""

TILE = 8
"""Neighbours whose one-particle functions are in flight together."""

RUN = 8
"""Most A's of one (l, m) summed at once: that many accumulators stay in registers."""

TEMPLATES = "acegen.templates"


@dataclass(frozen=True)
class GeneratedCode:
    """Result of the codegen stage.

    Attributes:
        name: name of the model.
        files: content by file name: C sources, headers, basis description, README, package.
        c_sources: names of the files to compile.
        basis_hash: identity of the basis.
        model_hash: identity of the name, the basis and the coefficients.
    """

    name: str
    files: Mapping[str, str]
    c_sources: tuple[str, ...]
    basis_hash: str
    model_hash: str


def generate_code(
    graph: Graph, description: str, coefficients: Mapping[str, Sequence[float]] | None = None
) -> GeneratedCode:
    """Write the source of a module: a basis kernel and, with coefficients, a potential kernel.

    Args:
        graph: the evaluation graph.
        description: text of `describe_basis` for the basis of the graph; it becomes part of the module.
        coefficients: for each element one number per basis function, or None.
    """
    basis, layout, spec = graph.basis, graph.layout, graph.basis.spec
    name = spec.name
    identity = basis_hash(description)
    model_hash = _model_hash(name, identity, coefficients)
    pooled = _pooled_shells(graph)
    widths = {run["width"] for shells in pooled for shell in shells for run in shell["runs"]}
    context = {
        "name": name,
        "banner": _banner(graph),
        "generator": f"acegen {__version__}",
        "spec": spec,
        "elements": spec.basis.elements,
        "atomic_numbers": [ATOMIC_NUMBERS[symbol] for symbol in spec.basis.elements],
        "cutoffs": spec.cutoffs,
        "pairs": pair_constants(spec),
        "canonical": spec.basis.expansion == "canonical",
        "n_basis": basis.n_basis,
        "n_coupled": len(basis.functions),
        "counts": basis.count_by_order(),
        "max_order": spec.basis.order,
        "basis_hash": identity,
        "model_hash": model_hash,
        "potential": coefficients is not None,
        "lanes": LANES,
        "n_radial": layout.n_radial,
        "l_max": layout.l_max,
        "n_harmonics": (layout.l_max + 1) ** 2,
        "n_pooled": layout.size,
        "pooled": pooled,
        "run_widths": sorted(widths),
        "tile": TILE,
        "pooled_first": [shells[0]["offset"] for shells in pooled],
        "shell_first": [sum(map(len, pooled[:species])) for species in range(len(pooled) + 1)],
        "radial": radial_code(spec, basis.radial, layout.n_radial),
        "harmonics": harmonics_code(layout.l_max),
        **asdict(basis_tables(graph, LANES)),
    }
    templates = {
        "__init__.py": "__init__.py.j2",
        "README.md": "README.md.j2",
        f"{name}.c": "model.c.j2",
        f"{name}_particles.h": "particles.h.j2",
        f"{name}_basis.c": "basis.c.j2",
    }
    if coefficients is not None:
        folded = fold_coefficients(graph, coefficients)
        context |= {
            "coefficients": [folded[symbol] for symbol in spec.basis.elements],
            "n_products": len(graph.products),
            "product_fmas": graph.trie.multiply_adds,
            "product_functions": product_functions(graph.trie),
        }
        templates[f"{name}_potential.c"] = "potential.c.j2"
    environment = _environment()
    rendered = {file: environment.get_template(template).render(context) for file, template in templates.items()}
    rendered["acegen.h"] = abi_header()
    rendered["basis.json"] = description
    if coefficients is not None:
        rendered["coefficients.json"] = coefficient_document(identity, coefficients)
    return GeneratedCode(name, rendered, tuple(file for file in templates if file.endswith(".c")), identity, model_hash)


def _model_hash(name: str, identity: str, coefficients: Mapping[str, Sequence[float]] | None) -> str:
    values = {element: list(map(float, numbers)) for element, numbers in (coefficients or {}).items()}
    return hashlib.sha256(json.dumps([name, identity, values], sort_keys=True).encode()).hexdigest()


def abi_header() -> str:
    """The hand-written ABI header, the same for every model."""
    return (files(TEMPLATES) / "acegen.h").read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(TEMPLATES, ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
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
    levels = spec.basis.levels if len(set(spec.basis.levels)) > 1 else spec.basis.levels[:1]
    radii = sorted({cutoff for row in spec.cutoffs for cutoff in row})
    return (
        f"{spec.name}: {spec.basis.expansion} {spec.basis.symmetry} basis of {', '.join(spec.basis.elements)}, "
        f"order {spec.basis.order}, level {', '.join(map(str, levels))} "
        f"(angular weight {spec.basis.angular_weight}), "
        f"{spec.radial.family} radial functions ({spec.radial.transform}), "
        f"cutoff {', '.join(f'{radius:g}' for radius in radii)} Å. Made by acegen {__version__}; do not edit."
    )


def _pooled_shells(graph: Graph) -> list[list[dict[str, Any]]]:
    """Shells of A's by species, with the number of their harmonic and their split into runs."""
    blocks: list[list[dict[str, Any]]] = [[] for _ in graph.layout.n_max]
    for shell in graph.layout.shells:
        harmonic = shell.l * (shell.l + 1) + shell.m
        blocks[shell.species].append({**shell._asdict(), "harmonic": harmonic, "runs": _runs(shell.size)})
    return blocks


def _runs(count: int) -> list[dict[str, int]]:
    """`count` entries in as few runs of at most RUN as possible, of nearly equal width."""
    pieces = -(-count // RUN)
    bounds = [count * piece // pieces for piece in range(pieces + 1)]
    return [{"first": first, "width": last - first} for first, last in pairwise(bounds)]
