"""Kernel programs: text, documents, hashes; and the interpreter, against formulas and against every backend."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import toml_text
from lanes_costs import COST
from program_cases import SPECS, Case, called, case

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.build.module import build_module
from acegen.build.toolchain import find_toolchain
from acegen.cli.main import main
from acegen.codegen.backend import Machine, choose_backend
from acegen.codegen.module import generate_code
from acegen.errors import BuildError
from acegen.forms import coupled_expansion
from acegen.lower import descriptor_program, expand_products, potential_program
from acegen.optimize import list_products, optimize, without_zeros
from acegen.options import BuildOptions
from acegen.program import (
    KernelProgram,
    ProgramError,
    check_program,
    program_document,
    program_hash,
    program_text,
    read_program,
)
from acegen.program.embedding import FinnisSinclair, Identity
from acegen.program.interpreter import run_descriptors, run_potential, run_reference
from acegen.program.kernel import (
    Agnesi,
    DirectionPolynomials,
    Distance,
    Harmonics,
    InnerSwitch,
    NoAngles,
    Notes,
    OneParticle,
    Outputs,
    PairEnergies,
    PairFunctions,
    Position,
    Recurrence,
    Zbl,
)
from acegen.program.layout import PooledLayout
from acegen.progress import Silent
from acegen.runtime import Model
from acegen.spec import load_spec
from acegen.stages import documents_of
from acegen.store.ownership import ModuleFolder
from acegen.verify import verify_module

KEYS = sorted(SPECS)
cases: Callable[[str], Case] = cache(case)


def programs(key: str) -> Iterator[KernelProgram]:
    yield cases(key).descriptors
    yield cases(key).potential


# ---- documents and text


@pytest.mark.parametrize("key", KEYS)
def test_documents_read_back_to_the_same_program(key: str) -> None:
    """Field by field, bit by bit; the hash is that of the program read."""
    for program in programs(key):
        text = program_document(program)
        read = read_program(text)
        assert read == program
        assert program_document(read) == text
        assert program_hash(read) == program_hash(program)


def numbers_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all numbers and alternatives in the JSON of a program."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from numbers_in(entry, (*path, key))
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            yield from numbers_in(entry, (*path, position))
    elif isinstance(value, int | float):
        yield path


@pytest.mark.parametrize("key", ["silicon", "alloy", "agnesi", "envelope", "plane, envelope", "circle, SO2"])
def test_every_number_is_part_of_the_identity(key: str) -> None:
    """Any of them changed gives another hash; names and notes do not."""
    for program in programs(key):
        document = json.loads(program_document(program))
        own, refused = program_hash(program), 0
        paths = [path for path in numbers_in(document) if path[0] != "notes"]
        chosen = np.random.default_rng(0).permutation(len(paths))[:60]
        top = {path[0]: path for path in paths}.values()
        for path in [*(paths[i] for i in chosen), *top]:
            changed = json.loads(json.dumps(document))
            entry = changed
            for step in path[:-1]:
                entry = entry[step]
            entry[path[-1]] += 1
            try:
                assert program_hash(read_program(json.dumps(changed))) != own, path
            except ProgramError:  # a position that does not exist, and the like
                refused += 1
        assert refused < 30
        renamed = replace(program, name="other", notes=replace(program.notes, title="Another."))
        renamed = replace(renamed, outputs=replace(program.outputs, names=("x",) * len(program.outputs.names)))
        assert program_hash(renamed) == own


def test_documents_that_are_none() -> None:
    """Each is refused with the place of the fault."""
    document = json.loads(program_document(cases("agnesi").potential))

    def broken(change: Callable[[Any], Any]) -> str:
        copy = json.loads(json.dumps(document))
        change(copy)
        return json.dumps(copy)

    for text, message in [
        ("{", "not valid JSON"),
        ("[]", "not of the format"),
        (broken(lambda d: d.update(format="acegen-program-0")), "not of the format"),
        (broken(lambda d: d.pop("layout")), "program lacks"),
        (broken(lambda d: d.update(more=1)), "the field more"),
        (
            broken(lambda d: d["one_particle"]["coordinate"].update(kind="Nothing")),
            "program.one_particle.coordinate must",
        ),
        (
            broken(lambda d: d["one_particle"]["coordinate"]["transform"].update(p=2.5)),
            "transform.p must be of the type int",
        ),
        (broken(lambda d: d["products"].insert(0, [True])), r"products\[0\]\[0\] must be of the type int"),
        (broken(lambda d: d.update(atomic_energies=3)), "atomic_energies must be a list"),
        (broken(lambda d: d.update(atomic_energies=[float("nan")])), "must be of the type float"),
    ]:
        with pytest.raises(ProgramError, match=message):
            read_program(text)


def test_programs_that_contradict_themselves() -> None:
    """Each fault is named; programs of front ends have none."""
    for key in KEYS:
        for program in programs(key):
            check_program(program)
    own, potential = written_by_hand()
    check_program(own)
    check_program(potential)
    one, layout, out, pair = own.one_particle, own.layout, own.outputs, own.pair
    assert isinstance(pair, PairFunctions)
    assert isinstance(one.coordinate, Distance)
    assert out.coupling is not None
    row, inner = out.coupling[0], own.inner
    assert inner is not None

    def with_one(**parts: Any) -> KernelProgram:
        return replace(own, one_particle=replace(one, **parts))

    for program, fault in [
        (replace(own, species=("Ni", "Ni")), "species must be"),
        (replace(own, dimension=2), "atoms have three coordinates"),
        (replace(own, symmetry="SO3"), "particles other than atoms have one species"),
        (replace(own, layout=replace(layout, counts=layout.counts[:1])), "counts for every species"),
        (replace(own, layout=replace(layout, counts=((3, 0), (1, 2)))), "a count for every l"),
        (replace(own, layout=replace(layout, counts=((3, 0, 2), (0, 0, 0)))), "an A of every species"),
        (replace(own, layout=replace(layout, first=0)), "radial functions that do not exist"),
        (replace(own, layout=replace(layout, counts=((4, 0, 2), (1, 2, 0)))), "radial functions that do not exist"),
        (with_one(angular=Harmonics(3)), "layout.components are not those"),
        (with_one(angular=NoAngles()), "layout.components are not those"),
        (with_one(coordinate=Position()), "a coordinate that is the particle itself"),
        (
            with_one(coordinate=replace(one.coordinate, cutoffs=((4.0, 3.5),))),
            "cutoffs must have an entry",
        ),
        (with_one(coordinate=replace(one.coordinate, cutoffs=((4.0, 0.0), (0.0, 1.0)))), "positive lengths"),
        (replace(own, products=((1, 0), *own.products[1:])), "products must be ascending"),
        (replace(own, products=((0, layout.size), *own.products[1:])), "products must be ascending"),
        (
            replace(own, outputs=replace(out, coupling=(((999, 1.0),), *out.coupling[1:]))),
            "a position that does not exist",
        ),
        (replace(own, outputs=replace(out, coupling=((), *out.coupling[1:]))), "must have an entry"),
        (replace(own, outputs=replace(out, coupling=((*row, *out.coupling[1]),))), "products of one order"),
        (replace(own, outputs=replace(out, names=("x",))), "a row for every name"),
        (replace(own, outputs=replace(out, rows=out.rows * 3)), "one entry, or one for every species"),
        (replace(own, outputs=replace(out, rows=((((-1, 1.0),),) * 5,))), "a position that does not exist"),
        (replace(own, atomic_energies=(1.0,)), "atomic_energies"),
        (replace(potential, embedding=(Identity(),)), "embedding"),
        (replace(own, pair=potential.pair), "pair functions are for descriptors"),
        (replace(own, pair=replace(pair, scales=(1.0,))), "pair.scales"),
        (replace(potential, pair=replace(potential.pair, nodes=(0.5,))), "pair.series"),  # type: ignore[type-var]
        (replace(own, inner=InnerSwitch(inner.ranges[:1])), "inner.ranges must have an entry"),
        (replace(own, inner=InnerSwitch((((2.0, 1.0),) * 2,) * 2)), "inner distances below outer ones"),
        (replace(own, references=(replace(own.references[0], strength=((1.0,),)),)), "references must have an entry"),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_program(program)


@pytest.mark.parametrize("key", KEYS)
def test_text_holds_every_number(key: str) -> None:
    """The text form leaves nothing out: what the document holds can be read in it."""
    for program in programs(key):
        text = program_text(program)
        weights = [w for rows in program.outputs.rows for row in rows for _, w in row]
        weights += [w for row in program.outputs.coupling or () for _, w in row]
        weights += [x for step in program.one_particle.radial.steps[1:] for x in step]
        weights += [x for row in getattr(program.one_particle.coordinate, "cutoffs", ()) for x in row]
        weights += list(program.atomic_energies) if program.embedding else []
        assert all(repr(weight) in text for weight in weights)
        assert text.count("ρ[") >= len(program.outputs.names)


def test_text_reads_like_the_paper() -> None:
    """One line of it."""
    text = program_text(cases("alloy").descriptors)
    product = re.search(r"(b\[\d+\]) \+= 1.0 A\(Si,1,0,0\) A\(O,1,0,0\)\n", text)
    assert product
    (output,) = re.findall(r"# B\(Si,1,0 O,1,0\)\n(?:ρ\[\d+\] \+= .*\n)*", text)
    assert product[1] in output


def test_text_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The descriptors of a spec, the energy of a potential, in the products that are compiled."""
    own = cases("silicon")
    coupled = coupled_expansion(own.expansion.basis)
    assert coupled is not None
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(SPECS["silicon"]))
    assert main(["info", str(spec), "--program"]) == 0
    assert program_text(descriptor_program(coupled)) in capsys.readouterr().out
    values, energies = own.coefficients.values, own.coefficients.atomic_energies
    for form, potential in (("straight", own.potential), ("coupled", potential_program(coupled, values, energies))):
        model = own.compiled(tmp_path / form, BuildOptions(products=form))
        assert main(["info", str(model.path), "--program"]) == 0
        out = capsys.readouterr().out
        assert program_text(potential) in out
        assert f"# identity {program_hash(potential)}" in out


# ---- interpreter


@pytest.mark.parametrize("key", KEYS)
def test_interpreted_derivatives(key: str) -> None:
    """Against differences of the interpreter's own values; and energies are coefficients times values."""
    own = cases(key)
    rng = np.random.default_rng(3)
    center, species, x = own.environment(rng, 5)
    x = 0.9 * x
    direction, step = rng.normal(size=x.shape), 1e-5
    values = run_descriptors(own.descriptors, center, species, x)
    ends = [run_descriptors(own.descriptors, center, species, x + s * step * direction).values for s in (1, -1)]
    slopes = np.einsum("ija,ja->i", values.gradient, direction)
    assert np.abs(slopes - (ends[0] - ends[1]) / (2 * step)).max() < 1e-7 * max(1, np.abs(slopes).max())
    c = np.array(own.coefficients.values[own.spec.species[center]])
    energy, gradient = run_potential(own.potential, center, species, x)
    reference, reference_gradient = run_reference(own.potential, center, species, x)
    whole = c @ values.values + reference + own.potential.atomic_energies[center]
    size = np.abs(c * values.values).sum() + abs(reference) + 1
    assert energy == pytest.approx(whole, abs=1e-13 * size)
    expected = np.einsum("i,ija->ja", c, values.gradient) + reference_gradient
    assert gradient == pytest.approx(expected, abs=1e-12 * max(1, np.abs(expected).max()))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["lanes", "plain"])
@pytest.mark.parametrize("key", KEYS)
def test_backends_compute_what_the_interpreter_does(key: str, backend: Any, tmp_path: Any) -> None:
    """Values, energies and all derivatives of compiled modules; and they pass `verify`."""
    own = cases(key)
    model = own.compiled(tmp_path, BuildOptions(backend=backend))
    rng = np.random.default_rng(5)
    for count in (0, 1, 3, 9):
        center, species, x = own.environment(rng, count)
        found = called(model, center, species, x)
        values = run_descriptors(own.descriptors, center, species, x)
        energy, gradient = run_potential(own.potential, center, species, x)
        expected = {"values": values.values, "gradient": values.gradient, "energy": energy, "forces": gradient}
        for what, wanted in expected.items():
            scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
            assert np.abs(found[what] - wanted).max(initial=0.0) < 1e-12 * scale, what
    assert [result.name for result in verify_module(model, n_environments=4) if not result.passed] == []


def test_polynomials_of_a_circle_are_the_circle() -> None:
    """Two ways to write the same angular functions: the same values and derivatives."""
    own = cases("circle, SO2")
    algebra = own.expansion.basis.angular
    functions = tuple(
        tuple((powers, float(value)) for powers, value in algebra.polynomial(l, m).items())
        for l, components in enumerate(own.descriptors.layout.components)
        for m in components
    )
    one = replace(own.descriptors.one_particle, angular=DirectionPolynomials(functions))
    rng = np.random.default_rng(1)
    center, species, x = own.environment(rng, 6)
    first = run_descriptors(own.descriptors, center, species, x)
    second = run_descriptors(replace(own.descriptors, one_particle=one), center, species, x)
    assert second.values == pytest.approx(first.values, rel=1e-12, abs=1e-12)
    assert second.gradient == pytest.approx(first.gradient, rel=1e-11, abs=1e-11)


# ---- passes


@pytest.mark.parametrize("key", ["silicon", "alloy", "plane, O2"])
def test_passes_keep_what_is_computed(key: str) -> None:
    """Products without a coefficient are dropped, the energies are the same to the last bit."""
    program = cases(key).potential
    rows = tuple((tuple((t, 0.0 if t % 3 == 0 else weight) for t, weight in row),) for (row,) in program.outputs.rows)
    sparse = replace(program, outputs=Outputs(program.outputs.names, None, rows))
    needed = without_zeros(sparse)
    assert len(needed.products) < len(program.products)
    center, species, x = cases(key).environment(np.random.default_rng(2), 5)
    whole, less = (run_potential(one, center, species, x) for one in (sparse, needed))
    assert less[0] == pytest.approx(whole[0], rel=1e-13)
    assert less[1] == pytest.approx(whole[1], rel=1e-12, abs=1e-12)
    stage = list_products(sparse)
    assert stage.n_terms == len(needed.products)
    assert stage.reports[0].result == f"{len(program.products) - stage.n_terms:,} of {len(program.products):,} dropped"


def test_several_outputs_have_rows_of_coefficients_each() -> None:
    """By the optimizer, in the order of the outputs of all centres; what is no potential is refused."""
    program = cases("silicon").potential
    (row,) = program.outputs.rows[0]
    half = tuple((product, weight / 2) for product, weight in row)
    outputs = Outputs(("a", "b"), None, ((row, half),))
    twice = replace(program, outputs=outputs, embedding=(FinnisSinclair(((1.0, 1.0), (2.0, 1.0))),))
    center, species, x = cases("silicon").environment(np.random.default_rng(1), 4)
    energies = [run_potential(one, center, species, x)[0] - one.atomic_energies[center] for one in (program, twice)]
    rest = run_reference(program, center, species, x)[0]
    pair = run_potential(replace(program, outputs=Outputs(("a",), None, (((),),))), center, species, x)[0] - rest
    pair -= program.atomic_energies[center]
    assert energies[1] - rest - pair == pytest.approx(2 * (energies[0] - rest - pair), rel=1e-11)
    for stage in (optimize(twice, COST), list_products(twice)):
        assert list(stage.coefficients) == ["Si, ρ[1]", "Si, ρ[2]"]
        first, second = stage.coefficients.values()
        assert any(first)
        assert second == tuple(value / 2 for value in first)
    with pytest.raises(ValueError, match="has no embedding"):
        run_potential(cases("silicon").descriptors, center, species, x)
    for refused in (cases("silicon").descriptors, replace(program, embedding=None)):
        with pytest.raises(BuildError, match="kernel program 'silicon' is not a potential"):
            optimize(refused, COST)


def test_programs_know_no_exact_numbers() -> None:
    """Frozen data of plain types, without any objects of the algebra."""

    def check(value: Any) -> None:
        if is_dataclass(value):
            for field in fields(value):
                check(getattr(value, field.name))
        elif isinstance(value, tuple):
            for entry in value:
                check(entry)
        else:
            assert value is None or type(value) in (int, float, str), value

    for key in ("alloy", "agnesi", "plane, envelope"):
        for program in programs(key):
            check(program)
    assert isinstance(cases("agnesi").descriptors.one_particle.coordinate.transform, Agnesi)  # type: ignore[union-attr]
    assert cases("jacobi").descriptors.one_particle.angular == NoAngles()
    assert cases("alloy").potential.embedding == (Identity(), Identity())


def test_names_of_outputs_are_different() -> None:
    """Every function is named once, according to its label."""
    basis = {"elements": ["Si"], "order": 4, "level": 12, "expansion": "self-interacting"}
    spec = load_spec({"name": "n", "basis": basis, "radial": {"cutoff": 4.0}})
    expansion = expand_products(derive_basis(build_algebra(spec)))
    names = Case(spec).descriptors.outputs.names
    assert len(set(names)) == len(names) == expansion.basis.n_coupled
    several = [name for name in names if name.endswith("]")]
    assert several
    assert "B(Si,1,0)" in names


# ---- programs that no basis is behind


def written_by_hand() -> tuple[KernelProgram, KernelProgram]:
    """Descriptors and potential of two elements, with products that are no invariants and gaps in the layout."""
    rng = np.random.default_rng(11)
    layout = PooledLayout(counts=((3, 0, 2), (1, 2, 0)), first=1, components=((0,), (-1, 0, 1), (-2, -1, 0, 1, 2)))
    drawn = (rng.integers(layout.size, size=order) for order in (1, 2, 3, 4) for _ in range(9))
    products = sorted({tuple(sorted(map(int, product))) for product in drawn})
    by_order = [[t for t, product in enumerate(products) if len(product) == order] for order in (1, 2, 3, 4)]
    coupling = [tuple((int(t), float(rng.normal())) for t in chosen) for chosen in by_order]
    coupling += [((int(t), float(rng.normal())),) for chosen in by_order for t in chosen[::2]]
    columns = [sorted({i, *map(int, rng.integers(len(coupling), size=3))}) for i in range(5)]
    rows = [tuple((j, float(rng.normal())) for j in chosen) for chosen in columns]
    lengths = ((4.0, 3.5), (3.5, 3.0))
    agnesi = Agnesi(0.3, 1, 3, lengths)
    recurrence = Recurrence(1, (0.0, 0.5, -0.25), ((1.5, 0.25, 0.0), (2.0, -1.0, 0.5)))
    ranges = (((0.9, 1.6), (0.8, 1.4)), ((0.8, 1.4), (0.7, 1.2)))
    descriptors = KernelProgram(
        name="by_hand",
        symmetry="O3",
        dimension=3,
        species=("Ni", "Al"),
        one_particle=OneParticle(Distance(lengths, agnesi), recurrence, Harmonics(2)),
        layout=layout,
        contraction=None,
        products=tuple(products),
        coupled=None,
        outputs=Outputs(tuple(f"ρ_{i}" for i in range(len(rows))), tuple(coupling), (tuple(rows),)),
        embedding=None,
        pair=PairFunctions(Distance(((4.5, 4.5), (4.5, 5.0)), agnesi), recurrence, (1.0, 2.0, -3.0)),
        references=(Zbl(ranges, ((300.0, 200.0), (200.0, 100.0)), ((6.0, 5.0), (5.0, 4.0)), ((0.7, 2.0), (0.3, 0.5))),),
        inner=InnerSwitch((((0.5, 1.9), (0.6, 1.8)), ((0.6, 1.8), (0.7, 1.7)))),
        core=None,
        atomic_energies=(0.0, 0.0),
        notes=Notes("A program written by hand.", "e(y), and on", "S_lm", "self-interacting", 4),
    )
    weights = tuple((tuple((t, float(rng.normal())) for t in range(len(products))),) for _ in range(2))
    series = tuple(tuple(tuple(map(float, rng.normal(size=3))) for _ in range(2)) for _ in range(2))
    potential = replace(
        descriptors,
        outputs=Outputs(("energy",), None, weights),
        embedding=(Identity(), Identity()),
        pair=PairEnergies(descriptors.pair.coordinate, recurrence.envelope, (0.75, 0.25), series),  # type: ignore[union-attr]
        atomic_energies=(-1.5, -2.5),
    )
    return descriptors, potential


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(),
        BuildOptions(lanes=2, products="compact", openmp=True),
        BuildOptions(backend="plain"),
        BuildOptions(precision="single"),
    ],
    ids=["lanes", "tables", "plain", "single"],
)
def test_programs_written_by_hand(options: BuildOptions, tmp_path: Path) -> None:
    """Backends take a program and nothing else: no specification, no basis, no invariance."""
    descriptors, potential = written_by_hand()
    toolchain = find_toolchain(options.march, options.openmp)
    backend = choose_backend(options, Machine(toolchain.vector_bytes, toolchain.registers))
    stage = backend.optimize(potential, options.products)
    documents = documents_of("by_hand", "{}\n", None)
    code = generate_code(descriptors, potential, stage, backend, documents)
    target = tmp_path / "by_hand"
    with ModuleFolder("by_hand").making(target) as staging:
        build_module(code, "0" * 64, options, toolchain, staging, target, Silent())
    model = Model.open(target)
    rng = np.random.default_rng(6)
    tolerance = 2e-5 if options.precision == "single" else 1e-12
    for count in (1, 4, 15):
        for center in (0, 1):
            species = rng.integers(2, size=count)
            vectors = rng.normal(size=(count, 3))
            vectors *= (rng.uniform(0.8, 5.0, size=count) / np.linalg.norm(vectors, axis=1))[:, None]
            found = called(model, center, species, vectors)
            values = run_descriptors(descriptors, center, species, vectors)
            energy, gradient = run_potential(potential, center, species, vectors)
            for what, wanted in (("values", values.values), ("gradient", values.gradient)):
                assert np.abs(found[what] - wanted).max() < 1e-12 * max(1.0, np.abs(wanted).max()), what
            for what, wanted in (("energy", np.array(energy)), ("forces", gradient)):
                assert np.abs(found[what] - wanted).max() < tolerance * max(1.0, np.abs(wanted).max()), what
