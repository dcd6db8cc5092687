"""Models of particles on an interval, a circle and in the plane: results, and refused input."""

from __future__ import annotations

import math
import pickle
import re
import subprocess
from collections.abc import Callable
from itertools import combinations_with_replacement, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import toml_text
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev
from particle_specs import KINDS, particle_spec

import acegen
from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.codegen.module import GeneratedCode
from acegen.export import export_model
from acegen.runtime import open_model
from acegen.spec import load_spec
from acegen.verify import verify_module

Models = Callable[[str], acegen.ParticleModel]

ALWAYS = {
    "𝒫 unit lower triangular",
    "gradient = 640-bit difference",
    "invariant under permutation",
    "energy = coefficients · basis",
    "energy gradient likewise",
}
CANONICAL = {
    "𝒫: partition formula = recursion",
    "values = sum over distinct tuples",
    "order ν zero with < ν neighbours",
    "one particle: order-1 part",
}
TURNING = {"invariant under rotation", "gradient turns with environment"}


@pytest.fixture(scope="module")
def particle_models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Models of `KINDS`, with random coefficients."""
    loaded: dict[str, acegen.ParticleModel] = {}

    def get(key: str) -> acegen.ParticleModel:
        if key not in loaded:
            folder = tmp_path_factory.mktemp("particles")
            bare = acegen.compile_particles(KINDS[key], folder)
            values = np.random.default_rng(1).normal(size=bare.n_basis)
            loaded[key] = acegen.compile_particles(KINDS[key], folder, values)
        return loaded[key]

    return get


def some_set(model: acegen.ParticleModel, rng: np.random.Generator, count: int) -> np.ndarray:
    if model.dimension == 1:
        return rng.uniform(-1, 1, count)
    return rng.normal(size=(count, model.dimension))


@pytest.mark.slow
@pytest.mark.parametrize("key", sorted(KINDS))
def test_verify_passes(particle_models: Models, key: str) -> None:
    """Every property of atomic models that is meaningful here, and those of the group."""
    results = list(verify_module(particle_models(key), n_environments=15))
    assert [result.name for result in results if not result.passed] == []
    spec = KINDS[key]
    expected = set(ALWAYS)
    if spec["basis"].get("expansion") is None:
        expected |= CANONICAL
    if spec["basis"]["symmetry"] in ("SO2", "O2"):
        expected |= TURNING
        expected.add("particles beyond cutoff add zero" if "radial" in spec else "invariant under length of vectors")
    if spec["basis"]["symmetry"] == "O2":
        expected.add("invariant under group element 1")
    if spec["basis"]["symmetry"] == "O1":
        expected |= {"invariant under change of sign", "gradient turns with environment"}
    assert expected <= {result.name for result in results}


SABOTAGE = {
    # mutations: (kind, file, pattern, replacement, a check that must notice)
    "recurrence": ("chebyshev", "particles.h", r"\{ 2\.0, ", "{ 2.01, ", "values = sum over distinct tuples"),
    "padding": ("chebyshev", "particles.h", r"present\[lane\] = k >= 0", "present[lane] = 1", "values = sum over"),
    "slope": ("chebyshev", "derivatives.h", r"row\[0\] = dR", "row[0] = 1.01 * dR", "gradient = 640"),
    "force": ("chebyshev", "potential.c", r"= U\[0\]\[k\]\[lane\]", "= 1.01 * U[0][k][lane]", "energy gradient"),
    "purification": ("chebyshev", "basis.c", r"(double PURIFY\[\] = \{[^}]*)-", r"\1", "order ν zero with < ν"),
    "sine": ("plane, O2", "particles.h", r"S\[3\] = x \* S\[1\]", "S[3] = 1.01 * x * S[1]", "invariant under rotation"),
    "reflection": ("plane, O2", "particles.h", r"S\[2\] = x;", "S[2] = x + 0.01 * y;", "invariant under group element"),
    "angular slope": ("plane, O2", "particles.h", r"G\[4\]\[1\] = -2\.0", "G[4][1] = -2.02", "gradient turns"),
    "cutoff": ("plane, O2", "particles.h", r"s = r \* pair", "s = 0.9 * r * pair", "particles beyond cutoff"),
    "length": ("circle, SO2", "particles.h", r"at->ux \*= at->inverse_r;", "", "invariant under length of vectors"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(SABOTAGE))
def test_broken_kernels_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    """Generated code is changed in one place before it is built; verify names a property that fails."""
    key, ending, pattern, replacement, check = SABOTAGE[what]
    bare = acegen.compile_particles({**KINDS[key], "name": "whole"}, tmp_path)
    compile_whole = build_module._compile

    def compile_broken(code: GeneratedCode, key: str, toolchain: Any, staging: Path, progress: Any) -> str:
        file = staging / f"t_{ending}"
        text, count = re.subn(pattern, replacement, file.read_text())
        assert count, "the sabotage does not fit the generated code any more"
        if what == "cutoff":  # neither the comparison nor the clamp may hide that y is not zero at the cutoff
            text = re.sub(r"square\((env->displacement[^)]*)\) < ", r"0.8 * square(\1) < ", text)
            text = text.replace("squared < squared_cutoff", "0.8 * squared < squared_cutoff")
        file.write_text(text)
        return compile_whole(code, key, toolchain, staging, progress)

    monkeypatch.setattr(build_module, "_compile", compile_broken)
    model = acegen.compile_particles(KINDS[key], tmp_path, 1.0 / (1.0 + np.arange(bare.n_basis)))
    failed = [result.name for result in verify_module(model, n_environments=10) if not result.passed]
    assert any(name.startswith(check) for name in failed), failed


# Values against other formulas.


def test_interval_functions_are_sums_over_distinct_particles(particle_models: Models) -> None:
    """Values against NumPy's Chebyshev polynomials; norm one over sets of particles for the arcsine measure."""
    model = particle_models("chebyshev")
    x = np.random.default_rng(3).uniform(-1, 1, 5)
    table = chebyshev.chebvander(x, 8)
    values = model.basis(x)
    for label, value in zip(model.labels, values, strict=True):
        total = sum(
            math.prod(table[j, k] for j, k in zip(c, label.n, strict=True)) for c in permutations(range(5), label.order)
        )
        norm = math.prod(0.5 if k else 1.0 for k in label.n)
        norm *= math.prod(math.factorial(label.n.count(k)) for k in set(label.n))
        assert value == pytest.approx(total / math.sqrt(norm), rel=1e-12, abs=1e-12)


def test_circle_functions_are_trigonometric(particle_models: Models) -> None:
    """Functions of SO(2) do not change when all particles turn; some change sign in a mirror, the others do not."""
    model = particle_models("circle, SO2")
    rng = np.random.default_rng(4)
    angles = rng.uniform(0, 2 * np.pi, (40, 5))
    sets = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    turned = np.stack([np.cos(angles + 0.7), np.sin(angles + 0.7)], axis=-1)
    mirrored = sets * [1, -1]
    values = model.descriptors(sets)
    assert np.abs(model.descriptors(turned) - values).max() < 1e-11 * np.abs(values).max()
    odd = np.abs(model.descriptors(mirrored) + values).max(axis=0) < 1e-11 * np.abs(values).max()
    even = np.abs(model.descriptors(mirrored) - values).max(axis=0) < 1e-11 * np.abs(values).max()
    assert odd.sum() > 0
    assert (odd | even).all(), "functions should be even or odd under reflection"


def states(level: int, radial: bool) -> list[tuple[int, int]]:
    """One-particle states (n, m) of the plane or circle, m a signed integer."""
    lowest = 1 if radial else 0
    highest = level if radial else 0
    return [(n, m) for n in range(lowest, highest + 1) for m in range(-level, level + 1) if n + abs(m) <= level]


@pytest.mark.parametrize(("order", "level", "radial"), [(2, 6, True), (3, 5, True), (4, 6, False), (3, 7, False)])
def test_counts_of_planar_bases(order: int, level: int, radial: bool) -> None:
    """Functions of each order: multisets of states e^{imθ} with Σm = 0; under O(2), up to a change of all signs."""
    table = {"radial": {"cutoff": 3.0}} if radial else {}
    for symmetry in ("SO2", "O2"):
        counts = derive_basis(build_algebra(load_spec(particle_spec(symmetry, order, level, **table)))).count_by_order()
        for nu in range(1, order + 1):
            multisets = {
                chosen
                for chosen in combinations_with_replacement(states(level, radial), nu)
                if sum(m for _, m in chosen) == 0 and sum(n + abs(m) for n, m in chosen) <= level
            }
            mirror = [tuple(sorted((n, -m) for n, m in chosen)) for chosen in multisets]
            fixed = sum(image in {tuple(sorted(chosen))} for image, chosen in zip(mirror, multisets, strict=True))
            expected = len(multisets) if symmetry == "SO2" else (len(multisets) + fixed) // 2
            assert counts[nu - 1] == expected, (symmetry, nu)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(0, 6), st.sampled_from(["none", "O1"]), st.booleans())
def test_labels_of_interval_bases(order: int, level: int, symmetry: str, constant: bool) -> None:
    """All multisets of indices within the total degree: even sums only under O(1), no zeros without the constant."""
    lowest = 0 if constant else 1
    expected = [
        k
        for nu in range(1, order + 1)
        for k in combinations_with_replacement(range(lowest, level + 1), nu)
        if sum(k) <= level and (symmetry == "none" or sum(k) % 2 == 0)
    ]
    if not constant and level < order:
        with pytest.raises(acegen.SpecError, match=f"leaves no function of order {order}"):
            load_spec(particle_spec(symmetry, order, level, constant=constant))
        return
    if not expected:
        with pytest.raises(acegen.SpecError, match="no function"):
            derive_basis(build_algebra(load_spec(particle_spec(symmetry, order, level, constant=constant))))
        return
    basis = derive_basis(build_algebra(load_spec(particle_spec(symmetry, order, level, constant=constant))))
    found = [tuple(channel.n for channel in f.label) for f in basis.functions[: basis.n_coupled]]
    assert found == expected


# Batches, shapes, derivatives.


@pytest.mark.parametrize("key", ["chebyshev", "plane, O2", "circle, SO2"])
def test_batches_are_what_single_sets_are(particle_models: Models, key: str) -> None:
    """Sets of different sizes, the empty one among them; arrays of sets; copies that went through pickle."""
    model = particle_models(key)
    rng = np.random.default_rng(5)
    sets = [some_set(model, rng, count) for count in (3, 0, 11, 1, 40, 2, 7, 7, 9, 2, 3)]
    assert np.array_equal(model.descriptors(sets), np.array([model.basis(s) for s in sets]))
    values, gradients = model.compute(sets)
    for value, gradient, single in zip(values, gradients, sets, strict=True):
        own_value, own_gradient = model.value_gradient(single)
        assert value == pytest.approx(own_value, abs=1e-12)
        assert gradient.shape == single.shape
        assert np.allclose(gradient, own_gradient, atol=1e-11)
        assert model.value(single) == own_value
    for gradient, single in zip(model.descriptor_gradients(sets), sets, strict=True):
        assert gradient.shape == (model.n_basis, *single.shape)
        assert np.array_equal(gradient, model.basis_gradient(single))
    array = np.array([some_set(model, rng, 4) for _ in range(9)])
    assert np.array_equal(model.descriptors(array), model.descriptors(list(array)))
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.descriptors(array), model.descriptors(array))
    assert model.descriptors([]).shape == (0, model.n_basis)
    assert model.compute([])[1] == []


def test_few_particles_give_zero_columns(particle_models: Models) -> None:
    """Sets of two particles: every function of order three or more is zero, no other for all sets."""
    model = particle_models("legendre")
    columns = np.abs(model.descriptors(np.random.default_rng(6).uniform(-1, 1, (50, 2)))).max(axis=0)
    orders = np.array([label.order for label in model.labels])
    assert columns[orders > 2].max() < 1e-12 * columns.max()
    assert columns[orders <= 2].min() > 1e-3


@pytest.mark.slow
def test_single_precision_and_tables(tmp_path: Path) -> None:
    """Build options apply to particles too."""
    rng = np.random.default_rng(8)
    for key in ("chebyshev", "plane, O2"):
        bare = acegen.compile_particles({**KINDS[key], "name": "exact"}, tmp_path)
        values = rng.normal(size=bare.n_basis) / bare.n_basis
        exact = acegen.compile_particles({**KINDS[key], "name": "exact"}, tmp_path, values)
        sets = [some_set(exact, rng, 6) for _ in range(20)]
        for options in (acegen.BuildOptions(precision="single"), acegen.BuildOptions(products="compact", openmp=True)):
            other = acegen.compile_particles(KINDS[key], tmp_path, values, options=options)
            tolerance = 1e-4 if options.precision == "single" else 1e-11
            assert np.allclose(other.compute(sets)[0], exact.compute(sets)[0], rtol=tolerance, atol=tolerance)
            assert all(result.passed for result in verify_module(other, n_environments=8))


# The command line and the module as a folder.


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """compile, verify and info of a spec of particles."""
    (tmp_path / "spec.toml").write_text(toml_text(KINDS["plane, O2"]))
    assert main(["compile", str(tmp_path / "spec.toml"), "-o", str(tmp_path)]) == 0
    assert main(["verify", str(tmp_path / "t")]) == 0
    assert main(["info", str(tmp_path / "t")]) == 0
    assert main(["info", str(tmp_path / "spec.toml")]) == 0
    assert "invariant under rotation" in capsys.readouterr().out
    (tmp_path / "line.toml").write_text(toml_text(KINDS["chebyshev"]))
    assert main(["info", str(tmp_path / "line.toml")]) == 0
    assert "(n ≤ 8, l ≤ 0)" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["chebyshev", "plane, O2", "circle, SO2"])
def test_readme_program_runs(particle_models: Models, key: str) -> None:
    """The C program of the module's README, compiled without warnings, gives the value of Python."""
    model = particle_models(key)
    folder = model.path
    program = re.findall(r"```c\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[0]
    target = folder.parent / "readme"
    target.mkdir(exist_ok=True)
    (target / "main.c").write_text(program)
    sources = [str(file) for file in folder.glob("*.c")]
    command = ["cc", "-std=c99", "-O1", "-march=native", "-Wall", "-Wextra", "-Werror", "-I", str(folder)]
    subprocess.run([*command, *sources, "main.c", "-o", "main", "-lm"], cwd=target, check=True)
    printed = subprocess.run([target / "main"], capture_output=True, text=True, check=True).stdout
    particles = {1: [0.25, -0.75], 2: [[0.6, 0.8], [-0.8, 0.6]]}[model.dimension]
    assert float(printed.split()[-1]) == pytest.approx(model.value(particles), rel=1e-12)


def test_modules_of_either_kind_are_told_apart(particle_models: Models, models: Callable[[str], acegen.Model]) -> None:
    with pytest.raises(acegen.ModuleError, match=r"symmetry 'none', not of atoms.*acegen\.load_particles"):
        acegen.load(particle_models("chebyshev").path)
    with pytest.raises(acegen.ModuleError, match=r"is a model of atoms.*acegen\.load"):
        acegen.load_particles(models("silicon").path)
    assert isinstance(open_model(models("silicon").path), acegen.Model)
    assert isinstance(open_model(particle_models("chebyshev").path), acegen.ParticleModel)

    class Own(acegen.Model):
        """A user's own class of atomic models."""

    assert type(Own.open(models("silicon").path)) is Own
    assert type(open_model(models("silicon").path)) is acegen.Model


def test_specs_of_either_kind_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(acegen.SpecError, match=r"describes particles other than atoms.*acegen\.compile_particles"):
        acegen.compile(KINDS["chebyshev"], tmp_path)
    atoms = {"name": "t", "basis": {"elements": ["Si"], "order": 1, "level": 2}, "radial": {"cutoff": 3.0}}
    with pytest.raises(acegen.SpecError, match=r"describes atoms.*acegen\.compile compiles it"):
        acegen.compile_particles(atoms, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_specs_of_either_kind_answer_the_same_questions() -> None:
    """Features of only one of them are None in the other, and not keys of its files."""
    atoms = load_spec(
        {
            "name": "t",
            "basis": {"elements": ["Si"], "order": 2, "level": 4},
            "radial": {"cutoff": 3.0},
            "pair": {"degree": 2},
        }
    )
    particles = load_spec(KINDS["chebyshev"])
    asked = {name for spec in (atoms, particles) for name in dir(spec) if not name.startswith(("_", "model_"))}
    own = {"interval", "dimension", "cutoff"}  # in which only particles differ from each other
    assert {name for name in asked if not (hasattr(atoms, name) and hasattr(particles, name))} == own
    for name in ("pair", "pair_cutoffs", "pair_r0", "zbl", "zbl_ranges", "inner_cutoff", "inner_ranges"):
        assert getattr(particles, name) is None
        with pytest.raises(acegen.SpecError, match=f"{name}: unknown key"):
            load_spec({**KINDS["chebyshev"], name: {"degree": 3}})
    assert atoms.polynomials is None
    assert atoms.pair_cutoffs == ((3.0,),)
    assert load_spec(KINDS["circle, O2"]).polynomials is None


def test_tables_of_the_closed_family_say_what_it_is() -> None:
    closed = {"name": "t", "basis": {"elements": ["Si"], "order": 2, "level": 6}, "radial": {"cutoff": 3.0}}
    table = {"family": "envelope", "envelope": [0, 1], "polynomial": "jacobi", "alpha": 0, "beta": 2}
    stated = {**closed, "radial": {"cutoff": 3.0, **table}}
    one, other = (derive_basis(build_algebra(load_spec(document))) for document in (closed, stated))
    assert (one.radial, one.purification, one.scales_squared) == (
        other.radial,
        other.purification,
        other.scales_squared,
    )
    with pytest.raises(acegen.SpecError, match="unknown key"):
        load_spec({**closed, "radial": {"cutoff": 3.0, "envelope": [0, 1]}})


def test_particles_are_not_exported(particle_models: Models, tmp_path: Path) -> None:
    """Simulators move atoms."""
    with pytest.raises(acegen.ModuleError, match="not of atoms"):
        export_model(particle_models("chebyshev").path, "c", tmp_path)


# Bad input.


@pytest.mark.parametrize(
    ("key", "particles", "message"),
    [
        ("chebyshev", [0.5, 1.0000001], r"particle 1 of set 0 is 1\.0000001: outside the interval \[-1, 1\]; map your"),
        ("chebyshev", [0.5, float("nan")], r"particle 1 of set 0 is nan: not finite"),
        (
            "chebyshev",
            [[0.5, 0.25]],
            r"set 0 has the shape \(1, 2\); the model t takes sets of particles of shape \(J,\)",
        ),
        ("chebyshev", 0.5, r"set 0 has the shape \(\); "),
        ("chebyshev", ["a"], r"set 0 is not an array of numbers"),
        ("plane, O2", [0.5, 0.25], r"set 0 has the shape \(2,\); .* of shape \(J, 2\)"),
        ("plane, O2", [[0.5, 0.25, 0.1]], r"set 0 has the shape \(1, 3\)"),
        ("plane, O2", [[0.0, 0.0]], r"particle 0 of set 0 is \[0\.0, 0\.0\]: at the origin, where it has no direction"),
        ("circle, SO2", [[1.0, float("inf")]], r"not finite"),
        ("circle, SO2", [[1.0, 2.0], [3e19, 0.0]], r"particle 1 of set 0 is \[3e\+19, 0\.0\]: too long"),
        ("plane, O2", [[1e200, 0.0]], r"too long"),
    ],
)
def test_bad_particles(particle_models: Models, key: str, particles: Any, message: str) -> None:
    for evaluate in (particle_models(key).basis, particle_models(key).basis_gradient, particle_models(key).value):
        with pytest.raises(acegen.StructureError, match=message):
            evaluate(particles)


@pytest.mark.parametrize("sets", [0.3, None, np.array(0.3)])
def test_batches_that_are_none(particle_models: Models, sets: Any) -> None:
    for evaluate in (particle_models("chebyshev").descriptors, particle_models("chebyshev").compute):
        with pytest.raises(acegen.StructureError, match=r"is not an array or list of sets; .* of shape \(J,\)"):
            evaluate(sets)


def test_bad_particles_in_batches_are_named(particle_models: Models) -> None:
    with pytest.raises(acegen.StructureError, match=r"particle 0 of set 2 is -3\.0: outside"):
        particle_models("chebyshev").descriptors([[0.1], [0.2, 0.3], [-3.0, 0.1]])


def test_kernels_refuse_what_python_would(particle_models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks in C, for embedding: status and set."""
    monkeypatch.setattr(acegen.ParticleModel, "_check", lambda *_: None)
    for key, bad, status in (
        ("chebyshev", [1.5], 6),
        ("chebyshev", [float("nan")], 4),
        ("circle, SO2", [[0, 0]], 5),
        ("circle, SO2", [[2e19, 0]], 4),
    ):
        model = particle_models(key)
        good = some_set(model, np.random.default_rng(0), 3)
        for evaluate in (model.descriptors, model.descriptor_gradients, model.compute):
            with pytest.raises(acegen.AcegenError, match=f"status {status} at atom 1"):
                evaluate([good, bad])


BAD_SPECS: list[tuple[dict[str, Any], list[str]]] = [
    (particle_spec("O7", 2, 4), ["basis.symmetry = 'O7' is not a known symmetry", '"none" or "O1"', "add_space"]),
    (particle_spec("none", 2, 4, radial={"cutoff": 3.0}), ["radial is given", "numbers in [-1, 1]"]),
    (particle_spec("SO2", 2, 4, interval={}), ["interval is given", "vectors"]),
    (
        particle_spec("none", 2, 4, interval={"polynomial": "hermite"}),
        ["interval.polynomial = 'hermite'", "legendre"],
    ),
    (particle_spec("none", 2, 4, interval={"alpha": 1}), ["belong to polynomial = 'jacobi'", "'chebyshev'"]),
    (
        particle_spec("none", 2, 4, interval={"polynomial": "jacobi", "alpha": -1}),
        ["must be above -1", "no measure"],
    ),
    (
        particle_spec("O1", 2, 4, interval={"polynomial": "jacobi", "alpha": 1}),
        ["symmetry = 'O1' needs polynomials that are even or odd", "1 and 0"],
    ),
    (particle_spec("none", 2, -1), ["leaves no function of order 2", "n starts at 0"]),
    (particle_spec("SO2", 3, 2, radial={"cutoff": 3.0}), ["leaves no function of order 3", "n starts at 1"]),
    (particle_spec("SO2", 2, 4, radial={"cutoff": {"a-b": 1.0}}), ["radial.cutoff is a table", "one number"]),
    (particle_spec("SO2", 2, 4, radial={"cutoff": 3.0}, constant=False), ["basis.constant belongs"]),
    (particle_spec("none", 2, 4, elements=["Si"]), ["basis.symmetry = 'none'", '"O3" for atoms', "without elements"]),
    (particle_spec("none", 2, 4, constant=1), ["basis.constant = 1"]),
    (particle_spec("none", 2, 4, angular_weight=2), ["basis.angular_weight is given", "no directions"]),
    (particle_spec("none", 1, 5000), ["n up to 5,000", "at most 100", "Lower basis.level"]),
    (particle_spec("SO2", 8, 14), ["asks for more than", "Lower basis.level or basis.order"]),
    (particle_spec("none", 6, 60), ["asks for more than", "Lower basis.level or basis.order"]),
    ({"name": "t", "basis": {"symmetry": "none", "order": 2}}, ["basis.level: missing"]),
]


@pytest.mark.parametrize(("spec", "messages"), BAD_SPECS)
def test_bad_specs(spec: dict[str, Any], messages: list[str], tmp_path: Path) -> None:
    """One message that says what is wrong, where, and what is allowed; nothing is left behind."""
    with pytest.raises(acegen.SpecError) as caught:
        acegen.compile_particles(spec, tmp_path)
    for message in messages:
        assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_fits_are_for_atoms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.toml").write_text(toml_text(KINDS["chebyshev"]))
    (tmp_path / "fit.toml").write_text('spec = "spec.toml"\n[data]\ntrain = "x.xyz"\n')
    assert main(["fit", str(tmp_path / "fit.toml")]) == 1
    assert "describes particles other than atoms" in capsys.readouterr().err


def test_coefficients_of_particles(tmp_path: Path) -> None:
    """Too few, of another basis, or not finite."""
    spec = KINDS["chebyshev"]
    with pytest.raises(acegen.CoefficientError, match=r"3 coefficients are given for particle; this basis has \d+"):
        acegen.compile_particles(spec, tmp_path, [1.0, 2.0, 3.0])
    with pytest.raises(acegen.CoefficientError, match="must be finite"):
        acegen.compile_particles(spec, tmp_path, [float("nan")])


def test_products_of_indices_stay_in_the_level() -> None:
    """K' = K on the interval: total-degree sets are closed under products; without the constant it is auxiliary."""
    for polynomial, constant in product(("chebyshev", "legendre"), (True, False)):
        spec = particle_spec("none", 3, 7, interval={"polynomial": polynomial}, constant=constant)
        basis = derive_basis(build_algebra(load_spec(spec)))
        assert (basis.n_auxiliary == 0) == constant
