"""The benchmarks run, and count what the generated code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from rich.console import Console

import acegen
from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.estimate import estimate_size
from acegen.build.toolchain import find_toolchain
from acegen.codegen.backend import Machine, choose_backend
from acegen.codegen.lanes.polar import polar_code
from acegen.codegen.lanes.pooling import pool_code
from acegen.codegen.lanes.target import Target
from acegen.codegen.literals import double_literal
from acegen.fit.recommended import FAMILIES, MOST_FUNCTIONS
from acegen.forms import LinearPrograms, possible_forms
from acegen.lower import potential_program
from acegen.options import BuildOptions, ProductForm
from acegen.program.layout import PooledLayout
from acegen.spec import load_atomic_spec
from benchmarks.code import section_sizes
from benchmarks.context import Context, coefficients
from benchmarks.counts import Layout, combinations, count, product_stage, third_factors
from benchmarks.images import neighbour_arrays
from benchmarks.optimizer import FORMS
from benchmarks.report import machine
from benchmarks.settings import CUTOFF, FULL, QUICK, RECOMMENDED, Size
from benchmarks.timing import Samples, alternate
from benchmarks.yace import wigner_3j, write_yace

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_quick_run(tmp_path: Path) -> None:
    """All measurements on small models, with installed software only."""
    result = run("--quick", "--output", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    measured = json.loads((tmp_path / "results.json").read_text())["measurements"]
    assert list(measured) == [
        "kernels",
        "optimizer",
        "variants",
        "scaling",
        "compile",
        "fitting",
        "peers",
        "files",
        "lammps",
        "grades",
        "uncertainty",
        "spaces",
    ]
    for model in measured["kernels"]["models"]:
        assert {"gather", "pool", "products", "forces"} <= set(model["us_by_stage"])
        assert 0 < model["fraction_of_peak"]["total"]["median"] < 1
    for model in measured["variants"]["models"]:
        assert model["two_threads_same_bits"] in (True, None)
        for name, variant in model["variants"].items():
            worst = max(variant["errors"]["energy"], variant["errors"]["gradient"])
            assert worst < (1e-5 if "single" in name else 1e-13), name
    for model in measured["uncertainty"]["models"]:
        assert all(kernel["over_potential"]["median"] > 0 for kernel in model["kernels"].values())
    assert [row["atoms"] for row in measured["scaling"]["atoms"]] == sorted(
        row["atoms"] for row in measured["scaling"]["atoms"]
    )
    for model in measured["compile"]["models"]:
        assert min(model["memory"], model["seconds"], *model["product_stage"].values()) > 0
    assert measured["fitting"]["design"]["total_over_dense"] > 0
    report = (tmp_path / "report.md").read_text()
    assert all(f"## {title}" in report for title in ("Summary", "Scaling", "Compiling", "Fitting", "Peers"))
    for plot in re.findall(r"\]\((\w+\.png)\)", report):
        assert (tmp_path / plot).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "kernel"], "'kernel' is not one of kernels"),
        (["--data", "/nowhere"], "no file /nowhere/Si_test.xyz"),
        (["--pace", "/nowhere"], "no program /nowhere"),
        (["--ace-jax", "/nowhere"], "no program /nowhere"),
        (["--core", "100000"], "core 100000"),
        (["--march", "z80"], "does not know the instruction set 'z80'"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, tmp_path: Path) -> None:
    """One line that says what is wrong."""
    result = run("--quick", "--output", str(tmp_path), *arguments)
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_march(tmp_path: Path) -> None:
    """The instruction set of a run is that of its models, unless a variant has its own."""
    context = Context(QUICK, tmp_path, Console(), "generic")
    assert context.options().march == "generic"
    assert context.options(lanes=4, march="native") == BuildOptions("native", lanes=4)
    assert context.toolchain.march == ()
    assert machine(context)["march"] == "generic"
    with pytest.raises(acegen.BuildError, match="z80"):
        _ = Context(QUICK, tmp_path, Console(), "z80").toolchain


def test_sizes() -> None:
    """Names tell models apart; sizes survive JSON; specs have the levels."""
    every = {*FULL.sizes, *FULL.optimizer_sizes, *FULL.variant_sizes, *FULL.compile_sizes, FULL.scaling_size}
    assert len({size.name() for size in every}) == len({size.label for size in every}) == len(every)
    for size in every:
        assert Size.read(json.loads(json.dumps(asdict(size)))) == size
        spec = load_atomic_spec(size.spec(size.name()))
        assert tuple(map(float, spec.levels)) == size.levels
        assert float(spec.basis.angular_weight) == size.angular_weight


def test_recommended_is_what_a_fit_takes() -> None:
    """The largest basis of the first family within the default number of functions, without a pair term."""
    family = FAMILIES[0]
    top = Fraction(RECOMMENDED.levels[1])
    assert RECOMMENDED.levels == (top, *(top - below for below in family.below))
    assert Fraction(str(RECOMMENDED.angular_weight)) == family.angular_weight
    higher = replace(RECOMMENDED, level=tuple(level + 0.25 for level in RECOMMENDED.levels))
    counts = [sum(estimate_size(load_atomic_spec(s.spec("counted"))).functions) for s in (RECOMMENDED, higher)]
    assert counts[0] == 1046
    assert counts[0] <= MOST_FUNCTIONS < counts[1]
    assert f"{counts[0]:,}" in RECOMMENDED.title


@pytest.mark.parametrize("form", FORMS)
def test_multiply_adds_of_products(form: ProductForm, tmp_path: Path) -> None:
    """The source states those of the whole product stage, in each form."""
    size = Size(3, 6)
    model = acegen.compile(
        size.spec(f"counted_{form}"), tmp_path, coefficients(size), options=BuildOptions(products=form)
    )
    toolchain = find_toolchain()
    backend = choose_backend(model.options, Machine(toolchain.vector_bytes, toolchain.registers))
    basis = derive_basis(build_algebra(load_atomic_spec(size.spec("counted"))))
    fold = partial(potential_program, coefficients=coefficients(size))
    stage = possible_forms(LinearPrograms(basis, [coefficients(size)], fold), backend, form)[0].stage
    assert (stage.coupled is not None) == (form == "coupled")
    assert product_stage(model) == stage.cost.multiply_adds


def test_size_of_code(tmp_path: Path) -> None:
    """Functions are code; constants and tables are tables; variables that begin as zero are neither."""
    sources = {
        "table.c": "extern const double table[1000]; const double table[1000] = {1.0};",
        "code.c": "static char zeros[100000]; int f(int k); int f(int k) { return zeros[k] + k * k; }",
    }
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    objects = [(tmp_path / name).with_suffix(".o") for name in sources]
    find_toolchain().compile([(o.with_suffix(".c"), o, []) for o in objects])
    found = section_sizes(objects)
    assert 8000 <= found.tables < 8200
    assert 0 < found.code < 200


def test_yace_has_every_function(tmp_path: Path) -> None:
    """A basis with levels by order: ML-PACE gets each (n, l) once, with as many radial functions and harmonics."""
    size = QUICK.sizes[-1]
    assert len(set(size.levels)) > 1
    model = acegen.compile(size.spec("written"), tmp_path)
    labels = {tuple(sorted(zip(label.n, label.l, strict=True))) for label in model.labels("Si")}
    write_yace(model.labels("Si"), CUTOFF, tmp_path / "model.yace")
    text = (tmp_path / "model.yace").read_text()
    written = [(json.loads(n), json.loads(l)) for n, l in re.findall(r"ns: (\[.*?\]), ls: (\[.*?\])", text)]
    assert sorted(tuple(zip(n, l, strict=True)) for n, l in written) == sorted(labels)
    found = re.search(r"nradmax: (\d+), lmax: (\d+), nradbasemax: (\d+)", text)
    assert found
    factors = [factor for label in labels for factor in label]
    many = [n for label in labels if len(label) > 1 for n, _ in label]
    assert list(map(int, found.groups())) == [max(many), max(l for _, l in factors), max(n for n, _ in factors)]


class Tally:
    """A value in generated code that counts its operations: a product is counted when it is not fused."""

    operations = 0

    def __init__(self, product: bool = False, constant: bool = False) -> None:
        self.product, self.constant = product, constant

    def settle(self) -> Tally:
        """The value in a register."""
        Tally.operations += self.product
        return Tally(constant=self.constant)

    def __mul__(self, other: object) -> Tally:
        if self.constant and (isinstance(other, float) or (isinstance(other, Tally) and other.constant)):
            return Tally(constant=True)
        self.settle()
        if isinstance(other, Tally):
            other.settle()
        return Tally(product=True)

    __rmul__ = __mul__

    def __add__(self, other: Tally) -> Tally:
        if self.product and other.product:
            self.settle()
        Tally.operations += 1
        return Tally()

    __sub__ = __add__


class Values(defaultdict[Any, Any]):
    """An array of the generated code."""

    def __init__(self) -> None:
        super().__init__(Tally)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value.settle())


def operations(code: Iterable[str]) -> int:
    """Operations of statements of generated C, which read as Python once declarations and braces are taken away."""
    names: dict[str, Any] = defaultdict(Tally)
    names |= {"C": Values(), "at": SimpleNamespace(R=[Values()], dR=[Values()]), "n": 0, "load": lambda value: value}
    Tally.operations = 0
    for line in code:
        for statement in filter(None, map(str.strip, re.sub(r"[{}]|\b(const )?lanes ", "", line).split(";"))):
            for assignment in re.split(r", (?=\w+ \+?= )", statement):
                name, value = re.split(r" \+?= ", assignment)
                added = f"{name} + " if "+=" in assignment else ""
                names[name] = eval(added + value.replace("&", "").replace("->", "."), {}, names).settle()
    return Tally.operations


@pytest.mark.parametrize("l_max", range(9))
def test_counts_are_those_of_generated_code(l_max: int) -> None:
    """Polynomials of the force stage and combinations of sums: the formulas are those of the statements."""
    n_max = tuple(2 * (l_max - l) + 1 + l % 3 // 2 for l in range(l_max + 1))
    components = tuple(tuple(range(-l, l + 1)) for l in range(l_max + 1))
    layout = PooledLayout((n_max,), 1, components)
    polynomials = polar_code(layout, ("Si",), 1, double_literal).shapes[0].orders
    evaluated = sum(run.count * operations(run.body) for order in polynomials for run in order.runs)
    assert evaluated == 2 * layout.size
    expanded = sum(line.count(" * ") for order in polynomials for line in order.statements)
    group = pool_code(layout, ("Si",), True, Target("double", 4, 32, 16)).groups[0]
    assert combinations(n_max) == expanded == sum(c.count * len(c.factors) for c in group.combinations)
    cells = sum(sum(block.shape.widths) for block in group.blocks)
    assert cells == layout.size
    factors = sum(min(block.shape.columns, len(block.shape.widths)) for block in group.blocks if block.factor)
    assert third_factors(n_max) <= factors <= 2 * third_factors(n_max) + 8


def test_counts_by_hand() -> None:
    """One radial function, l = 0: a sum over neighbours and its gradient."""
    counts = count(Layout(((1,),), 1, 2), 10.0)
    assert counts.pool == 10 + 1  # one A, from one sum
    assert (
        counts.forces == 10 * (2 + 11) + 1
    )  # R_1 D and its derivative, the final components; the polynomial of degree 0
    assert counts.total == counts.gather + counts.pool + 2 + counts.forces


def test_alternation() -> None:
    """Every contender is timed in every round, ratios are formed by round."""
    order: list[str] = []
    contenders = {name: (lambda name=name: order.append(name)) for name in ("a", "b", "c")}
    timed = alternate(contenders, 3, peak=lambda: 1.0)
    assert order == list("abc" + "abc" + "bca" + "cab")
    assert all(len(samples.values) == 3 for samples in timed.seconds.values())
    assert Samples.of([2.0, 6.0, 12.0]).over(Samples.of([1.0, 2.0, 3.0])).median == 3.0


def test_couplings_are_orthogonal() -> None:
    """Σ_m of squared 3j symbols is one, as for every allowed triple."""
    for triple in ((0, 0, 0), (1, 1, 2), (2, 2, 2), (2, 3, 4)):
        ranges = [range(-j, j + 1) for j in triple]
        total = sum(wigner_3j(*triple, a, b, c) ** 2 for a in ranges[0] for b in ranges[1] for c in ranges[2])
        assert total == pytest.approx(1.0)


def test_neighbour_arrays() -> None:
    """Positions of atoms and images give the displacements back; every pair knows its reverse."""
    structures = [bulk("Si", "diamond", a=a, cubic=True) for a in (5.2, 5.6)]
    arrays = neighbour_arrays(structures, 5.5)
    n_atoms, width = arrays["index"].shape
    for atom in range(n_atoms):
        for place in range(int(arrays["counts"][atom])):
            displacement = arrays["displacement"][atom, place]
            position = arrays["positions"][arrays["neighbours"][place, atom]]
            np.testing.assert_allclose(position - arrays["positions"][atom], displacement, atol=1e-12)
            other, back = arrays["index"][atom, place], arrays["reverse"][atom, place]
            assert arrays["index"][other, back] == atom
            np.testing.assert_allclose(arrays["displacement"][other, back], -displacement, atol=1e-12)
    assert not arrays["mask"][np.arange(width) >= arrays["counts"][:, None]].any()
