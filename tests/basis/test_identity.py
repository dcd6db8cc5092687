"""The identity of a basis: what it must not depend on, and that it depends on every number that defines a function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from example_models import ROOT, TWO
from example_models import SPECS as KERNEL_SPECS
from particle_specs import KINDS

import acegen
from acegen.algebra import build_algebra
from acegen.basis import definitions, derive_basis
from acegen.basis.definitions import PUBLISHED_ZBL, agnesi_constant, read_definitions, resolve_definitions
from acegen.basis.describe import basis_hash, describe_basis, former_hashes
from acegen.errors import CoefficientError
from acegen.lower import descriptor_program, expand_products
from acegen.options import BuildOptions
from acegen.program import program_hash
from acegen.spec import load_spec, radial
from acegen.store.manifest import Manifest, file_hash, read_manifest
from acegen.verify import verify_module

FULL: dict[str, Any] = {
    "name": "full",
    "basis": {"elements": ["H", "O"], "order": 2, "level": [4, 3]},
    "radial": {"cutoff": {"H-H": 4.0, "H-O": 4.1, "O-O": 4.2}, "transform": "agnesi"},
    "pair": {"degree": 4, "cutoff": 4.5},
    "zbl": {"inner": 0.7, "outer": {"H-H": 1.2, "H-O": 1.3, "O-O": 1.4}},
    "inner_cutoff": {"inner": 0.8, "outer": {"H-H": 1.0, "H-O": 1.1, "O-O": 1.2}},
}
AGNESI: dict[str, Any] = {key: value for key, value in FULL.items() if key not in ("zbl", "inner_cutoff")} | {
    "name": "pair_agnesi",
    "radial": {"cutoff": 4.0, "transform": "agnesi"},
}
FORMER = "9a04d0129c10c7fdefdfa1d0428521f53c4236765c231b34fd77942a71d53937"
"""Identity of AGNESI before descriptions held the constant of the Agnesi transform."""

KEPT: dict[str, tuple[dict[str, Any], str]] = {
    "silicon": (KERNEL_SPECS["silicon"], "216d0dc1f3153dd291f6c8d68225402bcf1023384f834b0d0207505135a81dd5"),
    "oxide": (KERNEL_SPECS["oxide"], "ffba5fba3be02cfa7d968485b0e23e6596c7fc843c40788866d831416253cc62"),
    "usual": (KERNEL_SPECS["usual"], "7127716803892a5e9da7abaf580886739369f5312451b205449277f1b0f67671"),
    "pair term, ZBL, inner cutoff": (TWO, "d6e43c10875ecd4647e8a4ed2c065359159588d80b50a55b6ac60b2f6d97628a"),
    "chebyshev": (KINDS["chebyshev"], "0045c55057b755bd223310477ead5d58b980e0ea965e8f2daa9c13484f51bb3f"),
    "circle": (KINDS["circle, SO2"], "62d6893d7b8141743a421fc29f03e106aed5128cd67f3776f5f40efde1dbfea1"),
    "plane": (KINDS["plane, O2"], "ea2c87e5c3ad8f39dbfb15289204e66941c7493df4b7edb3accc81e1af8f9fd1"),
}


def description_of(spec: dict[str, Any]) -> str:
    return describe_basis(derive_basis(build_algebra(load_spec(spec))))


def identity_of(spec: dict[str, Any]) -> str:
    return basis_hash(description_of(spec))


@pytest.mark.parametrize("key", sorted(KEPT))
def test_identities_stay(key: str) -> None:
    """Coefficient files name them: they are what they have always been."""
    spec, expected = KEPT[key]
    assert identity_of(spec) == expected
    assert former_hashes(description_of(spec)) == ()


def test_identity_of_the_golden_module() -> None:
    golden = json.loads((ROOT / "tests" / "golden" / "golden_si.coefficients.json").read_text())
    spec = load_spec(ROOT / "tests" / "golden" / "golden_si.toml")
    assert golden["basis"] == basis_hash(describe_basis(derive_basis(build_algebra(spec))))


# ---- numbers of the specification


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, int | float):
        yield path


def test_every_number_of_a_specification() -> None:
    """Each length, power and degree of the canonical form, defaults among them, changed a little."""
    own = load_spec(FULL).canonical()
    paths = [path for path in leaves(own) if path[0] != "basis"]
    assert ("radial", "agnesi", "r0", "H-O") in paths
    assert ("pair", "r0", "O-O") in paths
    assert len(paths) > 25
    seen = {identity_of(own)}
    for path in paths:
        changed = json.loads(json.dumps(own))
        entry = changed
        for step in path[:-1]:
            entry = entry[step]
        entry[path[-1]] += 1 if isinstance(entry[path[-1]], int) else 2**-20
        seen.add(identity_of(changed))
    assert len(seen) == len(paths) + 1


# ---- numbers that a specification leaves open


def test_defaults_of_the_agnesi_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    """r0, p and q where a specification gives none."""
    own = identity_of(AGNESI)
    monkeypatch.setattr(radial, "_DEFAULT_R0", 0.4500001)
    assert identity_of(AGNESI) != own
    monkeypatch.undo()
    for change in ({"p": 1}, {"q": 3}):
        with mock.patch.object(radial, "AgnesiSpec", lambda changed=change: _AGNESI(**changed)):
            assert identity_of(AGNESI) != own


_AGNESI = radial.AgnesiSpec


def test_the_constant_of_the_agnesi_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written, and read from there."""
    own = description_of(AGNESI)
    assert json.loads(own)["definitions"] == {"agnesi": {"a": "10/13", "p": 2, "q": 4}}
    monkeypatch.setattr(definitions, "agnesi_constant", lambda p, q: agnesi_constant(p, q) + Fraction(1, 10**9))
    changed = description_of(AGNESI)
    assert basis_hash(changed) != basis_hash(own)
    numbers = read_definitions(json.loads(changed)).agnesi
    assert numbers is not None
    assert numbers.a == Fraction(10, 13) + Fraction(1, 10**9)


@pytest.mark.parametrize("p", range(1, 9))
def test_where_the_agnesi_transform_is_steepest(p: int) -> None:
    """At x = 1: the second derivative of 1/(1 + a x^q/(1 + x^(q-p))) vanishes there; a stays what it has been."""
    for q in range(max(p, 2), 9):
        a = float(agnesi_constant(p, q))

        def slope(x: float, a: float = a, q: int = q) -> float:
            n, dn = 1 + x ** (q - p), (q - p) * x ** (q - p - 1)
            d, dd = n + a * x**q, dn + a * q * x ** (q - 1)
            return (dn * d - n * dd) / d**2

        curvature = (slope(1 + 1e-5) - slope(1 - 1e-5)) / 2e-5
        assert abs(curvature) < 1e-5 * abs(slope(1.0))


def changed_zbl() -> Iterator[Any]:
    """The published numbers with one of them changed, in turn."""
    for field in fields(PUBLISHED_ZBL):
        value = getattr(PUBLISHED_ZBL, field.name)
        if isinstance(value, str):
            yield replace(PUBLISHED_ZBL, **{field.name: value + "1"})
            continue
        for position in range(len(value)):
            for place in (0, 1):
                entry = list(value[position])
                entry[place] += "1"
                yield replace(PUBLISHED_ZBL, screening=(*value[:position], tuple(entry), *value[position + 1 :]))


def test_every_number_of_the_zbl_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed, it is written and read back, and the program changes with it; published ones are understood."""
    own = description_of(TWO)
    assert "definitions" not in json.loads(own)
    assert read_definitions(json.loads(own)).zbl == PUBLISHED_ZBL
    bare = {key: value for key, value in TWO.items() if key != "zbl"}
    without = identity_of(bare)
    basis = derive_basis(build_algebra(load_spec(TWO)))
    identities, programs = {basis_hash(own)}, {program_hash(descriptor_program(expand_products(basis)))}
    for count, numbers in enumerate(changed_zbl(), start=2):
        monkeypatch.setattr(definitions, "ZBL", numbers)
        description = describe_basis(basis)
        assert read_definitions(json.loads(description)) == resolve_definitions(basis.spec)
        identities.add(basis_hash(description))
        programs.add(program_hash(descriptor_program(expand_products(basis))))
        assert len(identities) == len(programs) == count
        assert identity_of(bare) == without  # no core, no numbers of one


def test_the_published_numbers_stay() -> None:
    """A description without them means these."""
    assert (
        definitions.ZblNumbers(
            "14.399645",
            "0.46850",
            "0.23",
            (("0.18175", "3.19980"), ("0.50986", "0.94229"), ("0.28022", "0.40290"), ("0.02817", "0.20162")),
        )
        == PUBLISHED_ZBL
    )


# ---- modules


def test_verify_reads_the_numbers_from_the_description(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A module made with other numbers passes, since it declares them; one whose description differs fails."""
    monkeypatch.setattr(definitions, "ZBL", replace(PUBLISHED_ZBL, coulomb="14.4", exponent="0.25"))
    monkeypatch.setattr(definitions, "agnesi_constant", lambda p, q: agnesi_constant(p, q) + Fraction(1, 8))
    spec = {**FULL, "name": "other"}
    del spec["inner_cutoff"]
    model = acegen.compile(spec, tmp_path)
    monkeypatch.undo()

    def failed() -> set[str]:
        return {result.name for result in verify_module(model, n_environments=6) if not result.passed}

    assert failed() == set()
    for key, check in (("zbl", "reference = 640-bit ZBL"), ("agnesi", "values = sum over distinct tuples")):
        description = json.loads((model.path / "basis.json").read_text())
        if key == "zbl":
            del description["definitions"]["zbl"]
        else:
            description["definitions"]["agnesi"]["a"] = str(agnesi_constant(2, 4))
        monkeypatch.setitem(model.__dict__, "description", description)
        assert failed() == {check} | ({"gradient = 640-bit difference"} if key == "agnesi" else set())


def test_modules_of_earlier_versions(tmp_path: Path) -> None:
    """Modules with no backend in the manifest and no constant in the description: they are loaded and verified."""
    model = acegen.compile(AGNESI, tmp_path)
    document = json.loads((model.path / "module.json").read_text())
    text = (model.path / "basis.json").read_text()
    description = json.loads(text)
    del description["definitions"], document["options"]["backend"], document["format"], document["seal"]
    without = "".join(line for line in text.splitlines(True) if '"definitions"' not in line)
    (model.path / "basis.json").write_text(without)
    assert json.loads((model.path / "basis.json").read_text()) == description
    former = file_hash(model.path / "basis.json")
    assert former == FORMER
    assert read_definitions(description) == read_definitions(json.loads(text))
    document["files"]["basis.json"] = document["basis_hash"] = former
    Manifest(**document).write(model.path)
    assert read_manifest(model.path).options == document["options"]
    assert BuildOptions(**document["options"]) == BuildOptions()


@pytest.mark.slow
def test_coefficients_of_earlier_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files with the former identity of an Agnesi basis are read, as long as the constant is the same."""
    count = acegen.compile(AGNESI, tmp_path).n_basis
    coefficients = acegen.Coefficients({e: [1.0] * count for e in ("H", "O")}, {}, FORMER)
    model = acegen.compile(AGNESI, tmp_path, coefficients)
    assert model.has_potential
    assert model.basis_hash == identity_of(AGNESI) != FORMER
    assert json.loads((model.path / "coefficients.json").read_text())["basis"] == model.basis_hash
    with pytest.raises(CoefficientError, match="belong to another basis"):
        acegen.compile(AGNESI, tmp_path, replace(coefficients, basis_hash="0" * 64))
    monkeypatch.setattr(definitions, "agnesi_constant", lambda p, q: agnesi_constant(p, q) + 1)
    with pytest.raises(CoefficientError, match="belong to another basis"):
        acegen.compile({**AGNESI, "name": "changed"}, tmp_path, coefficients)
