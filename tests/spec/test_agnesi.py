"""The Agnesi transform with a separate length scale for each pair of elements."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import random_environment

import acegen
from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.describe import basis_hash, describe_basis
from acegen.cli.main import main
from acegen.spec import load_spec
from acegen.verify import verify_module

R0 = {"O-O": 1.5, "O-H": 1.0, "H-H": 0.7, "C-O": 1.3, "C-H": 1.1, "C-C": 1.4}
CUTOFF = {"O-O": 4.0, "O-H": 3.0, "H-H": 2.5, "C-O": 3.9, "C-H": 3.2, "C-C": 4.2}
PAIR_R0 = {"O-O": 1.45, "O-H": 0.9, "H-H": 0.8, "C-O": 1.2, "C-H": 1.05, "C-C": 1.6}

SPEC: dict[str, Any] = {
    "name": "molecule",
    "basis": {"elements": ["H", "C", "O"], "order": 2, "level": [4, 3]},
    "radial": {"cutoff": CUTOFF, "transform": "agnesi", "agnesi": {"r0": R0, "p": 2, "q": 3}},
}
WITH_PAIR: dict[str, Any] = {**SPEC, "name": "with_pair", "pair": {"degree": 4, "cutoff": 4.5, "r0": PAIR_R0}}
DEFAULT: dict[str, Any] = {**SPEC, "radial": {"cutoff": CUTOFF, "transform": "agnesi"}}


def of_pair(table: dict[str, float], first: str, second: str) -> float:
    return table.get(f"{first}-{second}") or table[f"{second}-{first}"]


def transformed(r: float, cutoff: float, r0: float, p: int, q: int) -> float:
    """y(r), as the spec says."""
    s, x = min(r / cutoff, 1.0), r / r0
    a = (-2 * q + p * (4 * q - 2)) / (p + p * p + q + q * q)
    return (1 - s) ** 2 * (1 + 2 * s) / (1 + a * x**q / (1 + x ** (q - p)))


def identity(spec: dict[str, Any]) -> str:
    return basis_hash(describe_basis(derive_basis(build_algebra(load_spec(spec)))))


@pytest.fixture(scope="module")
def molecule(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    return acegen.compile(SPEC, tmp_path_factory.mktemp("molecule"))


@pytest.fixture(scope="module")
def with_pair(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    return acegen.compile(WITH_PAIR, tmp_path_factory.mktemp("with_pair"))


def test_dimers_have_the_scale_of_their_pair(molecule: acegen.Model, with_pair: acegen.Model) -> None:
    """R_1 of one neighbour is y(r) up to its norm, the same for all pairs, and R_2/R_1 is linear in y, likewise."""
    for model, r0, cutoff in ((molecule, R0, CUTOFF), (with_pair, PAIR_R0, dict.fromkeys(CUTOFF, 4.5))):
        norms, ratios, ys = [], [], []
        for center, symbol in product(model.elements, repeat=2):
            first, second = (
                next(
                    i for i, f in enumerate(model.labels(center)) if (f.order, f.elements, f.n) == (1, (symbol,), (n,))
                )
                for n in (1, 2)
            )
            for r in (0.6, 0.9, 1.7, 2.4):
                y = transformed(r, of_pair(cutoff, center, symbol), of_pair(r0, center, symbol), 2, 3)
                values = model.basis(center, [symbol], np.array([[0.0, r, 0.0]]))
                norms.append(values[first] / y)
                ratios.append(values[second] / values[first])
                ys.append(y)
        assert np.ptp(norms) < 1e-13 * abs(norms[0])
        line = np.polyfit(ys, ratios, 1)
        assert abs(line[0]) > 1
        assert np.abs(np.polyval(line, ys) - ratios).max() < 1e-12 * np.abs(ratios).max()


def test_a_pair_is_the_same_from_both_sides(molecule: acegen.Model) -> None:
    """The functions of order 1 of a neighbour X around Y are those of Y around X."""
    for center, symbol in product(molecule.elements, repeat=2):
        vector = np.array([[0.3, -0.8, 0.5]])
        sides = []
        for own, other in ((center, symbol), (symbol, center)):
            values = molecule.basis(own, [other], vector)
            chosen = [i for i, f in enumerate(molecule.labels(own)) if f.order == 1 and f.elements == (other,)]
            sides.append(values[chosen])
        assert np.array_equal(sides[0], sides[1])


def test_gradients(molecule: acegen.Model, with_pair: acegen.Model) -> None:
    """Against differences of the values, with different scales in one environment."""
    rng, step = np.random.default_rng(0), 1e-4
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    for model in (molecule, with_pair):
        for _ in range(4):
            center, numbers, vectors = random_environment(model, rng, 12)
            direction = rng.normal(size=vectors.shape)
            difference = sum(
                sign * w / step * model.basis(center, numbers, vectors + sign * k * step * direction)
                for (k, w), sign in product(weights.items(), (1, -1))
            )
            gradient = np.einsum("ijk,jk->i", model.basis_gradient(center, numbers, vectors), direction)
            assert np.abs(gradient - difference).max() < 1e-8 * max(1.0, np.abs(gradient).max())


@pytest.mark.slow
def test_models_pass_every_check(
    molecule: acegen.Model, with_pair: acegen.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brute-force checks of `acegen verify`; they read r0 from the module, whatever the default is now."""
    default = acegen.compile({**DEFAULT, "name": "by_default", "pair": {"degree": 2, "cutoff": 4.5}}, tmp_path)
    monkeypatch.setattr("acegen.spec.radial._DEFAULT_R0", 0.6)
    for model in (molecule, with_pair, default):
        for result in verify_module(model, 8):
            assert result.passed, (model.name, result)


def test_the_default_is_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another default changes the basis of specs that use it, and only of those."""
    pair = {"pair": {"degree": 2, "cutoff": 4.5}}
    smooth = {**SPEC, "radial": {"cutoff": CUTOFF}}
    particles = {
        "name": "plane",
        "basis": {"symmetry": "SO2", "order": 2, "level": 3},
        "radial": {"cutoff": 3.0, "transform": "agnesi"},
    }
    given = {**particles, "radial": {**particles["radial"], "agnesi": {"r0": 1.35}}}  # type: ignore[dict-item]
    using, others = [DEFAULT, {**DEFAULT, **pair}, particles], [SPEC, {**SPEC, **pair}, WITH_PAIR, smooth, given]
    before = [identity(spec) for spec in (*using, *others)]
    monkeypatch.setattr("acegen.spec.radial._DEFAULT_R0", 0.5)
    after = [identity(spec) for spec in (*using, *others)]
    same = [old == new for old, new in zip(before, after, strict=True)]
    assert same == [False] * len(using) + [True] * len(others)


def test_equal_ways_to_write_r0() -> None:
    """One number, a table of equal numbers in any order, and the default written out are the same basis."""

    def with_r0(r0: Any, pair: dict[str, Any] | None = None) -> str:
        radial = {"cutoff": CUTOFF, "transform": "agnesi", "agnesi": {"r0": r0}}
        return identity({**SPEC, "radial": radial, **({"pair": pair} if pair else {})})

    table = dict.fromkeys(["H-O", "H-H", "O-O", "O-C", "C-H", "C-C"], 1.2)
    assert with_r0(1.2) == with_r0(table)
    assert with_r0(1.2, {"degree": 2}) == with_r0(1.2, {"degree": 2, "r0": 1.2})
    assert with_r0(1.2, {"degree": 2}) != with_r0(1.2, {"degree": 2, "r0": 1.1})
    assert identity(DEFAULT) == with_r0({pair: 0.45 * cutoff for pair, cutoff in CUTOFF.items()})


def test_the_standard_form_is_a_spec() -> None:
    """Also with the shortest cutoff, whose r0 is shorter still, and with a pair term, whose r0 is another."""
    shortest = {**DEFAULT, "radial": {"cutoff": 0.01, "transform": "agnesi"}, "pair": {"degree": 2, "cutoff": 0.5}}
    for spec in (shortest, WITH_PAIR):
        standard = load_spec(spec).canonical()
        assert load_spec(standard).canonical() == standard
        assert identity(standard) == identity(spec)


def test_one_species_has_one_scale() -> None:
    """A table is for elements."""
    radial = {"cutoff": 3.0, "transform": "agnesi", "agnesi": {"r0": {"particle-particle": 1.0}}}
    with pytest.raises(acegen.SpecError, match=r"radial.agnesi.r0 is a table; .*give one number"):
        load_spec({"name": "plane", "basis": {"symmetry": "SO2", "order": 2, "level": 3}, "radial": radial})


def test_info_shows_r0(with_pair: acegen.Model, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the coupled functions and of the pair term."""
    assert main(["info", str(with_pair.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "r0 of coupled functions │ 0.7, 1, 1.1, 1.3, 1.4, 1.5 Å" in shown
    assert "r0 of the pair term │ 0.8, 0.9, 1.05, 1.2, 1.45, 1.6 Å" in shown
