"""Every user mistake: one clear message, a non-zero exit status, nothing half-written."""

from __future__ import annotations

import copy
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from example_models import toml_text

import acegen
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.compiler import compile_model
from acegen.spec import load_spec

Models = Callable[[str], acegen.Model]


def changed(spec: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `spec` with dotted keys set, or removed where the value is None."""
    spec = copy.deepcopy(spec)
    for key, value in changes.items():
        *path, last = key.split(".")
        target = spec
        for part in path:
            target = target.setdefault(part, {})
        if value is None:
            target.pop(last)
        else:
            target[last] = value
    return spec


BAD_SPECS: list[tuple[dict[str, Any], list[str]]] = [
    ({"basis.levle": 5}, ["basis.levle", "unknown key", "did you mean 'level'"]),
    ({"naem": "x"}, ["naem", "unknown key", "did you mean 'name'"]),
    ({"radial.cutof": 4.0}, ["radial.cutof", "did you mean 'cutoff'"]),
    ({"radial.envelope": [0, 1]}, ["radial.envelope", "unknown key"]),
    ({"radial.agnesi": {"r_0": 1}, "radial.transform": "agnesi"}, ["radial.agnesi.r_0", "did you mean 'r0'"]),
    ({"name": None}, ["name", "missing"]),
    ({"basis.elements": None}, ["basis.elements", "missing", "chemical symbols"]),
    ({"radial": None}, ["radial", "missing"]),
    ({"basis": 3}, ["basis = 3"]),
    ({"basis.order": "three"}, ["basis.order = 'three'", "an integer from 1 to 8"]),
    ({"basis.order": 2.5}, ["basis.order = 2.5", "an integer from 1 to 8"]),
    ({"basis.order": True}, ["basis.order = True"]),
    ({"basis.order": 0}, ["basis.order = 0", "an integer from 1 to 8"]),
    ({"basis.order": 9}, ["basis.order = 9", "an integer from 1 to 8"]),
    ({"basis.level": "high"}, ["basis.level = 'high'", "not a number"]),
    ({"basis.level": float("nan")}, ["basis.level = nan", "finite"]),
    ({"basis.level": [4, 5]}, ["basis.level = [4, 5] increases"]),
    ({"basis.level": [5, 4, 3]}, ["basis.level has 3 numbers for order 2"]),
    ({"basis.level": 1}, ["basis.level = 1", "no function of order 2", "at least 2"]),
    ({"basis.angular_weight": 0}, ["basis.angular_weight = 0", "not positive"]),
    ({"basis.expansion": "canonic"}, ["basis.expansion = 'canonic'", '"canonical"']),
    ({"basis.symmetry": "SO2"}, ["basis.symmetry = 'SO2'", '"O3"']),
    ({"basis.elements": ["Sl"]}, ["'Sl'", "not a chemical element", "did you mean"]),
    ({"basis.elements": []}, ["basis.elements", "names no element"]),
    ({"basis.elements": ["Si", "Si"]}, ["basis.elements", "twice"]),
    ({"basis.elements": "Si"}, ["basis.elements = 'Si'"]),
    ({"basis.elements": [14]}, ["basis.elements[0] = 14"]),
    ({"radial.cutoff": 0}, ["radial.cutoff = 0", "positive"]),
    ({"radial.cutoff": -3.5}, ["radial.cutoff = -3.5", "positive"]),
    ({"radial.cutoff": float("inf")}, ["radial.cutoff = inf"]),
    ({"radial.cutoff": "5"}, ["radial.cutoff = '5'", "not a number"]),
    ({"radial.cutoff": {"Si-Si": -1.0}}, ["radial.cutoff[Si-Si] = -1.0"]),
    ({"radial.cutoff": {"Si-O": 3.0}}, ["'Si-O'", "not a pair of basis.elements", "Si-Si"]),
    ({"radial.cutoff": {}}, ["radial.cutoff lacks Si-Si"]),
    ({"radial.transform": "smooth"}, ["radial.transform = 'smooth'", '"smootherstep"']),
    ({"radial.family": "open"}, ["radial.family = 'open'", '"closed" or "envelope"']),
    ({"radial.family": "envelope"}, ["radial.envelope", "missing"]),
    ({"radial.family": "envelope", "radial.envelope": [1, 1]}, ["radial.envelope = [1, 1]", "jump at the cutoff"]),
    ({"radial.family": "envelope", "radial.envelope": [0]}, ["radial.envelope", "is zero"]),
    (
        {"radial.family": "envelope", "radial.envelope": [0, 1], "radial.alpha": -1},
        ["radial.alpha = -1", "not above -1"],
    ),
    (
        {"radial.family": "envelope", "radial.envelope": [0, 1], "radial.polynomial": "legendre", "radial.beta": 1},
        ["radial.alpha and radial.beta"],
    ),
    ({"radial.agnesi": {"r0": 2.0}}, ["radial.agnesi is given but radial.transform is 'smoothstep'"]),
    ({"radial.agnesi": {"r0": 0}, "radial.transform": "agnesi"}, ["radial.agnesi.r0 = 0", "0.001 to 1000"]),
    ({"radial.agnesi": {"r0": {"Si-Si": "2"}}, "radial.transform": "agnesi"}, ["radial.agnesi.r0[Si-Si] = '2'"]),
    (
        {"radial.agnesi": {"r0": {"Si-O": 2}}, "radial.transform": "agnesi"},
        ["radial.agnesi.r0", "'Si-O'", "not a pair"],
    ),
    ({"radial.agnesi": {"r0": {}}, "radial.transform": "agnesi"}, ["radial.agnesi.r0 lacks Si-Si"]),
    ({"pair": {"degree": 3, "r0": {"O-O": 1.0}}, "radial.transform": "agnesi"}, ["pair.r0", "'O-O'", "not a pair"]),
    ({"pair": {"degree": 3, "r0": 1.0}}, ["pair.r0 is given but radial.transform is 'smoothstep'", "has no r0"]),
    ({"radial.agnesi": {"p": 4, "q": 2}, "radial.transform": "agnesi"}, ["q = 2 is below", "p = 4"]),
    ({"name": "3d"}, ["name = '3d'", "not a C identifier"]),
    ({"name": "si-o"}, ["name = 'si-o'", "not a C identifier"]),
    ({"name": "_si"}, ["name = '_si'", "not a C identifier"]),
    ({"name": "double"}, ["name = 'double'", "reserved word"]),
    ({"name": "lambda"}, ["name = 'lambda'", "reserved word"]),
    ({"name": "acegen"}, ["name = 'acegen'", "reserved word"]),
    ({"name": "siß"}, ["not a C identifier"]),
    ({"name": "s" * 64}, ["longer than 63 characters"]),
    ({"basis.level": "1e5000"}, ["basis.level = '1e5000'"]),
    ({"basis.level": 10**25}, ["basis.level", "too many digits"]),
    ({"radial.cutoff": 1e-310}, ["radial.cutoff", "0.01 to 1000"]),
    ({"radial.agnesi": {"p": 1, "q": 1}, "radial.transform": "agnesi"}, ["gives a transform without effect"]),
]


@pytest.mark.parametrize(("changes", "expected"), BAD_SPECS, ids=lambda value: str(value)[:50])
def test_bad_specs(small_spec: dict[str, Any], changes: dict[str, Any], expected: list[str]) -> None:
    """Each names the key, the value, what is allowed, and the nearest valid key."""
    with pytest.raises(acegen.SpecError) as caught:
        load_spec(changed(small_spec, changes))
    for text in expected:
        assert text in str(caught.value)


def test_all_mistakes_are_named_at_once(small_spec: dict[str, Any]) -> None:
    """Three mistakes, three lines."""
    with pytest.raises(acegen.SpecError) as caught:
        load_spec(changed(small_spec, {"basis.order": 0, "radial.cutoff": -1, "name": "a b"}))
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("basis", "advice"),
    [
        ({"order": 5, "level": 40}, ["functions from", "lower basis.level to"]),
        ({"order": 8, "level": 30}, ["functions", "products"]),
        ({"order": 1, "level": 500}, ["n up to 500", "lower basis.level to 100"]),
        ({"order": 2, "level": "2.01", "angular_weight": "0.00005"}, ["l up to 100", "lower basis.level to 2"]),
        ({"order": 2, "level": 3000}, ["n up to 3,000", "more than", "lower basis.level to "]),
        ({"order": 3, "level": 25, "elements": ["Si", "O", "H", "C"]}, ["fewer elements"]),
    ],
)
def test_too_large_specs_are_refused_at_once(
    small_spec: dict[str, Any], tmp_path: Path, basis: dict[str, Any], advice: list[str]
) -> None:
    """With the estimated counts and which number to lower; nothing is derived."""
    small_spec["basis"] |= basis
    with pytest.raises(acegen.SpecError) as caught:
        acegen.compile(small_spec, tmp_path)
    for text in advice:
        assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """Exit status and standard error of a command; a traceback would be an exception here."""
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err


def test_command_line_mistakes(capsys: pytest.CaptureFixture[str], small_spec: dict[str, Any], tmp_path: Path) -> None:
    """One message on standard error, exit status 1, no module left."""
    out = tmp_path / "out"
    good, bad, broken = tmp_path / "good.toml", tmp_path / "bad.toml", tmp_path / "broken.toml"
    good.write_text(toml_text(small_spec))
    bad.write_text(toml_text(changed(small_spec, {"basis.ordr": 3})))
    broken.write_text("name = [")
    coefficients = tmp_path / "c.json"
    coefficients.write_text("{}")
    for arguments, expected in (
        ((tmp_path / "absent.toml",), "cannot read the spec"),
        ((tmp_path,), "cannot read the spec"),
        ((broken,), "not valid TOML"),
        ((bad,), "did you mean 'order'"),
        ((good, "--coefficients", tmp_path / "absent.json"), "cannot read the coefficients"),
        ((good, "--coefficients", coefficients), "not a coefficient file"),
        ((good, "--coefficients", good), "not valid JSON"),
    ):
        status, error = run(capsys, "compile", *arguments, "-o", out)
        assert status == 1
        assert expected in error
        assert "Traceback" not in error
        assert not out.exists() or not list(out.iterdir())
    for command in ("verify", "info"):
        status, error = run(capsys, command, tmp_path / "nothing")
        assert status == 1
        assert str(tmp_path / "nothing") in error
    status, error = run(capsys, "verify", tmp_path)
    assert status == 1
    assert "contains no compiled module" in error


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Says what to install."""
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(acegen.BuildError, match=r"no-such-compiler.*Install one"):
        acegen.compile(small_spec, tmp_path / "out")
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(acegen.BuildError, match=r"none of cc, gcc, clang.*apt install gcc"):
        acegen.compile(small_spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_failing_compiler_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, small_spec: dict[str, Any], tmp_path: Path
) -> None:
    """A compiler that fails: its message is passed on, and neither old nor new module is harmed."""
    before = acegen.compile(small_spec, tmp_path)
    fake = tmp_path / "fake-cc"
    fake.write_text('#!/bin/sh\ncase "$*" in *-dM*) echo "#define X 1";; *) echo "disk is full" >&2; exit 3;; esac\n')
    fake.chmod(0o755)
    monkeypatch.setenv("CC", str(fake))
    with pytest.raises(acegen.BuildError, match="disk is full"):
        acegen.compile(changed(small_spec, {"radial.cutoff": 4.0}), tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["fake-cc", "small"]
    assert acegen.load(before.path).cutoff == 5.0


def test_unwritable_directory(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """A directory that cannot be made or written to."""
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(acegen.BuildError, match=r"cannot write to .*Choose another folder"):
        acegen.compile(small_spec, file / "below")
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if not os.access(locked, os.W_OK):  # root may write anywhere
        with pytest.raises(acegen.BuildError, match="cannot write to"):
            acegen.compile(small_spec, locked)


def test_a_folder_that_is_no_module_is_not_replaced(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """A user's own folder of that name is kept."""
    own = tmp_path / "small"
    own.mkdir()
    (own / "thesis.tex").write_text("all of it")
    (own / "basis.json").write_text("{}")
    with pytest.raises(acegen.BuildError, match=r"thesis\.tex"):
        acegen.compile(small_spec, tmp_path)
    assert (own / "thesis.tex").read_text() == "all of it"


def test_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch, small_spec: dict[str, Any], tmp_path: Path) -> None:
    """An error while files are written: a clear message, no half-written module."""

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build_module, "_compile", fail)
    with pytest.raises(acegen.BuildError, match="No space left on device"):
        acegen.compile(small_spec, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_coefficients_of_another_basis(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Refused by hash, by element, by number, by value."""
    model = acegen.compile(small_spec, tmp_path)
    file = tmp_path / "c.json"
    acegen.write_coefficients(file, model.basis_hash, {"Si": np.ones(model.n_basis)})
    assert acegen.compile(small_spec, tmp_path, file).has_potential
    other = changed(small_spec, {"name": "other", "radial.cutoff": 5.1})
    with pytest.raises(acegen.CoefficientError, match="belong to another basis"):
        acegen.compile(other, tmp_path, file)
    assert not (tmp_path / "other").exists()
    ones = np.ones(model.n_basis)
    for coefficients, message in (
        ({"Si": ones[1:]}, f"this basis has {model.n_basis} functions"),
        ({"O": ones}, "needs exactly Si"),
        ({"Si": ones, "O": ones}, "needs exactly Si"),
        ({}, "needs exactly Si"),
        ({"Si": np.where(np.arange(model.n_basis) == 2, np.nan, ones)}, "coefficient 2 of Si is nan"),
        ({"Si": "111"}, "list of numbers"),
        ({14: ones}, "chemical symbol"),
        (ones, "mapping from centre element"),
        ({"Si": 1e308 * ones}, "too large"),
        ({"Si": 1.0}, "not a list of numbers"),
    ):
        with pytest.raises(acegen.CoefficientError, match=message):
            acegen.compile(other, tmp_path, coefficients)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncate", "edit", "remove", "manifest", "swap"])
def test_damaged_modules_are_refused(small_spec: dict[str, Any], tmp_path: Path, damage: str) -> None:
    """Truncated or edited files: refused on load, rebuilt by the next compile."""
    path = compile_model(small_spec, tmp_path)  # not loaded: a library must not change under a running process
    library = next(path.glob("*.so"))
    match damage:
        case "truncate":
            library.write_bytes(library.read_bytes()[:-100])
        case "edit":
            text = (path / "basis.json").read_text()
            (path / "basis.json").write_text(text.replace('"1"', '"2"', 1))
        case "remove":
            (path / "small_basis.c").unlink()
        case "manifest":
            (path / "module.json").write_text("{")
        case "swap":
            manifest = json.loads((path / "module.json").read_text())
            manifest["basis_hash"] = "0" * 64
            (path / "module.json").write_text(json.dumps(manifest))
    with pytest.raises(acegen.ModuleError, match=r"[Cc]ompile"):
        acegen.load(path)
    assert acegen.compile(small_spec, tmp_path).n_basis == 8


def test_module_without_coefficients_has_no_energy(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Says how to get one."""
    model = acegen.compile(small_spec, tmp_path)
    with pytest.raises(acegen.ModuleError, match="compiled without coefficients"):
        model.energy("Si", ["Si"], [[0, 0, 2.0]])
    with pytest.raises(acegen.ModuleError, match="compiled without coefficients"):
        model.compute(Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2]]))


@pytest.mark.parametrize(
    ("center", "numbers", "vectors", "message"),
    [
        ("Si", ["Si"], [[0, 0, np.nan]], "neighbour 0 .* not finite"),
        ("Si", ["Si", "Si"], [[0, 0, 2.0], [np.inf, 0, 0]], "neighbour 1 .* not finite"),
        ("Si", ["Si"], [[0, 0, 0]], "same place"),
        ("Si", ["Si"], [[0, 0, 1e-9]], "same place"),
        ("Ge", ["Si"], [[0, 0, 2.0]], "does not know the element 'Ge'; it knows Si, O"),
        ("Si", ["H"], [[0, 0, 2.0]], "does not know the element 'H'"),
        (6, ["Si"], [[0, 0, 2.0]], "does not know the element 'C'"),
        ("Si", [999], [[0, 0, 2.0]], "does not know the element 999"),
        ("Sl", ["Si"], [[0, 0, 2.0]], "does not know the element 'Sl'"),
        ("Si", ["Si"], [0, 0, 2.0], "shape"),
        ("Si", ["Si"], [], "shape"),
        ("Si", None, [[0, 0, 2.0]], "sequence of symbols"),
        ("Si", ["Si"], "abc", "sequence of symbols"),
        ("Si", [14.7], [[0, 0, 2.0]], "14.7 is neither a chemical symbol"),
        (None, ["Si"], [[0, 0, 2.0]], "None is neither a chemical symbol"),
        ("Si", ["Si", "Si"], [[0, 0, 2.0]], "shape"),
        ("Si", ["Si"], [[0, 2.0]], "shape"),
    ],
)
def test_bad_environments(models: Models, center: Any, numbers: Any, vectors: Any, message: str) -> None:
    """Values that are not finite, coincident atoms, unknown elements, wrong shapes."""
    model = models("oxide")
    for method in (model.basis, model.basis_gradient, model.energy, model.energy_gradient):
        with pytest.raises(acegen.StructureError, match=message):
            method(center, numbers, vectors)


def test_bad_structures(models: Models) -> None:
    """The same for ASE structures; messages name the atoms."""
    model = models("silicon")
    good = [[0.0, 0, 0], [0, 0, 2.0], [2.0, 0, 0]]
    for symbols, positions, options, message in (
        ("Si3", [[0, 0, 0], [0, 0, np.nan], [2, 0, 0]], {}, "position of atom 1 is not finite"),
        ("Si3", [[0, 0, 0], [0, 0, 2], [np.inf, 0, 0]], {}, "position of atom 2 is not finite"),
        ("Si3", [[0, 0, 0], [0, 0, 2], [0, 0, 2]], {}, "same place"),
        ("Si2O", good, {}, "does not know the element 'O'"),
        ("Si3", good, {"pbc": True}, "zero or linearly dependent"),
        ("Si3", [[0, 0, 0], [0, 0, 2], [1e13, 0, 0]], {}, "positions or cell reach 1e\\+13 Å"),
        ("Si3", good, {"pbc": True, "cell": [[5, 0, 0], [0, 5, 0], [np.nan, 0, 5]]}, "cell has entries"),
    ):
        atoms = Atoms(symbols, positions=positions, **options)
        for method in (model.compute, model.descriptors):
            with pytest.raises(acegen.StructureError, match=message):
                method(atoms)
