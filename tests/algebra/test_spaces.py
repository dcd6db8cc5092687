"""Angular algebras: the built-in ones, and user-defined spaces."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from itertools import product
from math import comb
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from added_spaces import Axial
from example_models import ROOT
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_specs import particle_spec

import acegen
from acegen.algebra import build_algebra, spaces
from acegen.algebra.angular import AngularAlgebra, GeneratedAngularAlgebra, Matrix
from acegen.algebra.circle import O2, SO2
from acegen.algebra.directions import PolynomialSpace, check_space, mean, polynomial_of
from acegen.algebra.field import Rational
from acegen.algebra.line import LINE, O1
from acegen.algebra.particle_algebra import interval_algebra
from acegen.basis import derive_basis
from acegen.basis.invariants import invariant_space
from acegen.spec import load_spec, symmetries
from acegen.spec.particle_spec import IntervalSpec
from acegen.verify import verify_module

ONE, ZERO = fmpq(1), fmpq(0)


class Circle(PolynomialSpace):
    """SO(2) again, with everything derived."""

    symmetry = "circle"
    dimension = 2

    def components(self, l: int) -> tuple[int, ...]:
        return (-l, l) if l else (0,)

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        return {(l - k, k): fmpq((-1) ** (k // 2) * comb(l, k)) for k in range(int(m < 0), l + 1, 2)}

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        return (((ZERO, -ONE), (ONE, ZERO)),)


class Turns(Circle):
    """The group of turns of the plane by half or quarter turns, a class for both."""

    def __init__(self, fold: int) -> None:
        self._fold = fold

    @property
    def symmetry(self) -> str:  # type: ignore[override]
        return f"C{self._fold}"

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        return ()

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        return (((ZERO, -ONE), (ONE, ZERO)) if self._fold == 4 else ((-ONE, ZERO), (ZERO, -ONE)),)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces that a test adds are gone after it."""
    monkeypatch.setattr(spaces, "_SPACES", dict(spaces._SPACES))
    monkeypatch.setattr(symmetries, "SYMMETRIES", known := dict(symmetries.SYMMETRIES))
    monkeypatch.setattr(spaces, "SYMMETRIES", known)
    monkeypatch.setattr("acegen.spec.basis.SYMMETRIES", known)
    monkeypatch.setattr("acegen.spec.particle_spec.SYMMETRIES", known)


def real_value(l: int, m: int, angle: float) -> float:
    return float(np.cos(l * angle) if m >= 0 else np.sin(l * angle))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=4), st.floats(0, 6.28))
def test_circle_products(factors: list[tuple[int, bool]], angle: float) -> None:
    """The product table against cos and sin."""
    signed = tuple((l, -l if sine and l else l) for l, sine in factors)
    expected = np.prod([real_value(l, m, angle) for l, m in signed])
    found = sum(float(value) * real_value(l, m, angle) for l, m, value in SO2.product(signed))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("space", [SO2, O2, Circle(), Axial()], ids=lambda space: space.symmetry)
def test_spaces_agree_with_their_functions(space: Any) -> None:
    """Norms, products and group action, exactly, for all functions up to l = 4."""
    check_space(space, l_max=3 if space.dimension == 3 else 4)


L_TUPLES = [(0,), (1,), (1, 1), (2, 3), (1, 1, 2), (2, 2, 4), (1, 2, 3, 4), (0, 3, 3), (1, 1, 1, 1, 2)]


@pytest.mark.parametrize("l", L_TUPLES)
def test_number_of_planar_invariants(l: tuple[int, ...]) -> None:
    """SO(2): one for each choice of signs with Σ ± l = 0. O(2): these up to a change of all signs."""
    signs = {
        tuple(s * degree for s, degree in zip(choice, l, strict=True)) for choice in product((1, -1), repeat=len(l))
    }
    zero = [choice for choice in signs if sum(choice) == 0]
    assert invariant_space(SO2, l).dimension == len(zero)
    assert invariant_space(O2, l).dimension == (len(zero) + sum(not any(choice) for choice in zero)) // 2
    assert SO2.admits(l) or not zero


@pytest.mark.parametrize("l", L_TUPLES)
@pytest.mark.parametrize("space", [SO2, O2], ids=["SO2", "O2"])
def test_planar_invariants_are_those_of_the_generators(space: AngularAlgebra, l: tuple[int, ...]) -> None:
    """Products of phases span the common nullspace of the generators."""
    closed, found = space.invariant_tensors(l), GeneratedAngularAlgebra.invariant_tensors(space, l)  # type: ignore[arg-type]
    dimension = invariant_space(space, l).dimension
    keys = list(product(*map(space.components, l)))
    for tensors in (closed, found, [*closed, *found]):
        rows = [[tensor.get(key, ZERO) for key in keys] for tensor in tensors] or [[ZERO] * len(keys)]
        assert fmpq_mat(rows).rank() == dimension


@pytest.mark.parametrize("powers", [(0, 0, 0), (2, 0, 0), (2, 2, 0), (4, 0, 2), (1, 0, 0), (2, 2, 2), (6, 0, 0)])
def test_means_over_the_sphere(powers: tuple[int, ...]) -> None:
    """Means of monomials against Gauss-Legendre times equidistant quadrature, which is exact here."""
    z, weights = np.polynomial.legendre.leggauss(8)
    angle = 2 * np.pi * np.arange(16) / 16
    rho = np.sqrt(1 - z**2)[:, None]
    values = (rho * np.cos(angle)) ** powers[0] * (rho * np.sin(angle)) ** powers[1] * z[:, None] ** powers[2]
    expected = float((weights @ values.mean(axis=1)) / 2)
    ring = polynomial_of(Axial(), 0, 0).ring
    assert float(mean(ring.from_dict({powers: fmpq(1)}))) == pytest.approx(expected, abs=1e-14)


@pytest.mark.usefixtures("registry")
def test_derived_circle_is_the_built_in_one(tmp_path: Path) -> None:
    """Everything derived from polynomials and a matrix: the same basis, and the same values by other C code."""
    acegen.add_space(Circle())
    for radial in ({}, {"radial": {"cutoff": 3.0}}):
        built_in, derived = (
            derive_basis(build_algebra(load_spec(particle_spec(symmetry, 3, 6, **radial))))
            for symmetry in ("SO2", "circle")
        )
        assert built_in.functions == derived.functions
        assert built_in.purification == derived.purification
        assert built_in.scales_squared == derived.scales_squared
    table = {"radial": {"cutoff": 3.0}}
    first = acegen.compile_particles(particle_spec("SO2", 3, 6, **table), tmp_path / "a")
    second = acegen.compile_particles(particle_spec("circle", 3, 6, **table), tmp_path / "b")
    sets = np.random.default_rng(0).normal(size=(20, 5, 2))
    assert np.allclose(first.descriptors(sets), second.descriptors(sets), rtol=1e-12, atol=1e-12)
    for one, two in zip(first.descriptor_gradients(sets), second.descriptor_gradients(sets), strict=True):
        assert np.allclose(one, two, rtol=1e-11, atol=1e-11)


@pytest.mark.slow
@pytest.mark.usefixtures("registry")
def test_space_in_three_dimensions(tmp_path: Path) -> None:
    """A group that is not O(3), with and without radial functions: verified; more invariants than under O(3)."""
    acegen.add_space(Axial())
    for name, radial in (("shell", {}), ("bond", {"radial": {"cutoff": 3.0}})):
        spec = {**particle_spec("Dooh", 2, 4, **radial), "name": name}
        bare = acegen.compile_particles(spec, tmp_path)
        model = acegen.compile_particles(spec, tmp_path, np.random.default_rng(0).normal(size=bare.n_basis))
        results = list(verify_module(model, n_environments=10))
        assert [result.name for result in results if not result.passed] == []
        names = {result.name for result in results}
        assert {
            "invariant under rotation",
            "invariant under group element 1",
            "invariant under group element 2",
        } <= names
    one = [label for label in model.labels if label.order == 1]
    assert {label.l for label in one} == {(0,), (2,)}, "order 1 knows the axis"


@pytest.mark.usefixtures("registry")
def test_spaces_of_one_class() -> None:
    """A class with a parameter stands for several spaces, told apart by their symmetry."""
    for fold in (4, 2):
        acegen.add_space(Turns(fold))
    for fold in (4, 2):
        basis = acegen.derive(particle_spec(f"C{fold}", 1, 8, radial={"cutoff": 3.0}))
        assert {function.label[0].l for function in basis.functions} == set(range(0, 8, fold))


@pytest.mark.usefixtures("registry")
def test_gradient_with_missing_l(tmp_path: Path) -> None:
    """At order 1 the invariants of quarter turns have l = 0, 4, 8 only."""
    acegen.add_space(Turns(4))
    spec = particle_spec("C4", 1, 9, radial={"cutoff": 3.0})
    coefficients = np.random.default_rng(2).normal(size=acegen.derive(spec).n_basis)
    model = acegen.compile_particles(spec, tmp_path, coefficients)
    assert {label.l for label in model.labels} == {(0,), (4,), (8,)}
    for count in (1, 5, 9):
        particles = np.random.default_rng(count).uniform(-2, 2, size=(count, 2))
        expected = np.einsum("i,ijd->jd", coefficients, model.basis_gradient(particles))
        assert model.value_gradient(particles)[1] == pytest.approx(expected, abs=1e-11)


class Skewed(Circle):
    symmetry = "skewed"

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        return {(1, 0): ONE, (0, 1): ONE} if (l, m) == (1, 1) else super().polynomial(l, m)


class Gaps(Circle):
    symmetry = "gaps"

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        return super().polynomial(l if l < 2 else l + 1, m)


class Stretched(Circle):
    symmetry = "stretched"

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        return (((ONE, ZERO), (ZERO, fmpq(2))),)


class Symmetric(Circle):
    symmetry = "symmetric"

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        return (((ZERO, ONE), (ONE, ZERO)),)


class Torn(Axial):
    symmetry = "torn"

    def components(self, l: int) -> tuple[int, ...]:
        return tuple(range(-l, l + 1)) if l != 1 else (-1, 0)


class WrongTable(Circle):
    symmetry = "table"

    def multiply(self, first: tuple[int, int], second: tuple[int, int]) -> Any:
        return [(l, m, 2 * value if l == 2 else value) for l, m, value in super().multiply(first, second)]


class WrongAction(Circle):
    symmetry = "action"

    def infinitesimal_generators(self, l: int) -> Any:
        backwards = ((ZERO, ONE), (-ONE, ZERO))
        return (backwards,) if l == 2 else super().infinitesimal_generators(l)


class Flat(Circle):
    symmetry = "flat"
    dimension = 1


class Taken(Circle):
    symmetry = "O2"


class Listed(Circle):
    symmetry = "listed"

    def components(self, l: int) -> Any:
        return list(super().components(l))


class Decimal(Circle):
    symmetry = "decimal"

    @property
    def finite_elements(self) -> Any:
        return (((0.0, -1.0), (1.0, 0.0)),)


class Floating(Circle):
    symmetry = "floating"

    def polynomial(self, l: int, m: int) -> Any:
        return {powers: float(int(value)) for powers, value in super().polynomial(l, m).items()}


class Unnamed(Circle):
    symmetry = None  # type: ignore[assignment]


class NoConstant(Circle):
    symmetry = "constant"

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        return {(0, 0): fmpq(2)} if l == 0 else super().polynomial(l, m)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Skewed, "functions must be orthogonal"),
        (Gaps, r"is not closed: S_\(1, -1\) S_\(1, -1\)"),
        (Stretched, "a finite element must be an orthogonal matrix"),
        (Symmetric, "an infinitesimal element must be an antisymmetric matrix"),
        (Torn, "is not closed|do not map the functions of l = 1"),
        (WrongTable, "its product table is wrong for"),
        (WrongAction, "do not map the functions of l = 2"),
        (Flat, "has particles with 1 coordinates"),
        (Taken, "the symmetry 'O2' already exists"),
        (Listed, r"components\(0\) must be a tuple, not \[0\]"),
        (Decimal, r"group elements must have entries fmpq\(p, q\), not 0\.0"),
        (Floating, r"polynomial\(0, 0\) must have a coefficient fmpq\(p, q\) .* not 1\.0 for \(0, 0\)"),
        (Unnamed, "the symmetry None is not a valid name"),
        (lambda: Circle, r"Circle.* is not a particle space; give an object"),
        (NoConstant, "must have one function with l = 0, S_00 = 1"),
    ],
)
def test_spaces_that_contradict_themselves(space: type[Circle], message: str) -> None:
    before = dict(symmetries.SYMMETRIES)
    with pytest.raises(acegen.SpecError, match=message):
        acegen.add_space(space())
    assert before == symmetries.SYMMETRIES


@pytest.mark.usefixtures("registry")
def test_spaces_of_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A symmetry that is not known is looked for in the entry points "acegen.spaces"."""
    entry = SimpleNamespace(load=lambda: acegen.add_space(Circle()))
    monkeypatch.setattr(symmetries, "entry_points", lambda group: [entry] if group == "acegen.spaces" else [])
    symmetries._load_entry_points.cache_clear()
    try:
        assert load_spec(particle_spec("circle", 2, 3)).basis.symmetry == "circle"
    finally:
        symmetries._load_entry_points.cache_clear()


@pytest.mark.usefixtures("registry")
def test_worked_example(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """examples/spaces/square.py, as its README tells to run it."""
    file = ROOT / "examples" / "spaces" / "square.py"
    specification = importlib.util.spec_from_file_location("square_example", file)
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    monkeypatch.setattr(sys, "argv", ["square.py", str(tmp_path)])
    example.main()
    printed = capsys.readouterr().out
    assert "FAILS" not in printed
    assert "invariant under group element 2" in printed
    assert (tmp_path / "square.png").stat().st_size > 10_000
    model = acegen.load_particles(tmp_path / "square")
    assert {label.l for label in model.labels if label.order == 1} == {(0,), (4,)}


def test_algebras_are_cache_keys() -> None:
    """Equal by class and symmetry: two objects of one space share what is derived for it."""
    assert Circle() == Circle()
    assert hash(Circle()) == hash(Circle())
    assert isinstance(SO2, AngularAlgebra)
    assert SO2 != O2


@pytest.mark.parametrize("polynomial", ["chebyshev", "legendre", "monomial"])
def test_products_on_an_interval_are_invariant_if_they_are_admitted(polynomial: str) -> None:
    """Under the elements of the group: none for particles without symmetry, the change of sign for O(1)."""
    functions = interval_algebra(IntervalSpec(polynomial=polynomial))
    changes = [element[0][0] for element in O1.finite_elements]
    assert changes == [-1]
    assert LINE.finite_elements == ()
    x = [fmpq(2, 7), fmpq(-3, 5), fmpq(1, 9)]
    for n in product(range(5), repeat=3):
        values = [
            fmpq(1)
            * functions.function(n[0])(s * x[0])
            * functions.function(n[1])(s * x[1])
            * functions.function(n[2])(s * x[2])
            for s in (1, *changes)
        ]
        assert O1.admits_degrees(n) == (values[0] == values[1])
        assert LINE.admits_degrees(n)


def test_interval_algebras_are_two() -> None:
    """The algebras are keys of caches, so they must differ."""
    assert LINE != O1
    assert (spaces.angular_algebra("none"), spaces.angular_algebra("O1")) == (LINE, O1)
    assert LINE.invariant_tensors((0, 0)) == O1.invariant_tensors((0, 0))
