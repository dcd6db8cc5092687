"""The export to C: results of its examples, its builds, and its error messages."""

from __future__ import annotations

import ctypes
import re
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from example_models import ROOT, Spec, random_coefficients
from export_cases import EXAMPLES, MODELS, Export, available, build, copy, exports, need, shell

import acegen
from acegen.errors import IsolatedAtomWarning
from acegen.export import export_model
from acegen.options import BuildOptions

__all__ = ["copy", "exports"]  # fixtures


# ---- results ------------------------------------------------------------------------------------------


def structures(elements: Sequence[str], rng: np.random.Generator) -> list[Atoms]:
    """Crystals in triclinic cells of any size, clusters, slabs; atoms outside the cell."""

    def displaced(atoms: Atoms, scale: float = 0.1) -> Atoms:
        atoms.symbols = rng.permutation(np.resize(elements, len(atoms)))
        atoms.positions = (atoms.positions + rng.normal(scale=scale, size=atoms.positions.shape)).round(8)
        return atoms

    strained = bulk("Si", cubic=True) * (2, 1, 1)
    strained.set_cell(strained.cell.array @ (np.eye(3) + rng.uniform(-0.15, 0.15, (3, 3))), scale_atoms=True)
    outside = bulk("Si", cubic=True)
    outside.positions += rng.integers(-3, 4, (len(outside), 3)) @ outside.cell.array
    tiny = Atoms("Si", cell=[[2.3, 0, 0], [0.9, 2.2, 0], [-0.7, 0.8, 2.4]], pbc=True)
    lefthanded = bulk("Si", cubic=True)
    lefthanded.set_cell(lefthanded.cell.array[[1, 0, 2]])
    slab = bulk("Si", cubic=True)
    slab.set_cell([slab.cell[0], [0, 0, 0], slab.cell[2]])
    slab.pbc = [True, False, True]
    wire = bulk("Si", cubic=True)
    wire.pbc = [False, False, True]
    cluster = bulk("Si", cubic=True)
    cluster.pbc = False
    cluster.cell = None
    lone = Atoms(elements[-1:], positions=[[1.0, 2.0, 3.0]])
    return [displaced(a) for a in (strained, outside, tiny, bulk("Si"), lefthanded, slab, wire, cluster, lone)]


def read_results(text: str) -> list[dict[str, np.ndarray]]:
    """Energy, stress (if there is one) and forces of every frame an example printed."""
    frames: list[dict[str, list[list[float]]]] = []
    for words in map(str.split, text.splitlines()):
        if words[0] == "frame":
            frames.append({"energy": [], "stress": [], "force": []})
        elif words[0] in ("energy", "stress", "force"):
            frames[-1][words[0]].append([float(word) for word in words[3 if words[0] == "force" else 1 :]])
    return [{key: np.array(value) for key, value in frame.items()} for frame in frames]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("key", MODELS)
def test_examples_agree_with_python(exports: Callable[[str], Export], tmp_path: Path, key: str, example: str) -> None:
    """Energy, forces and stress of every kind of structure, from one file, to rounding."""
    model, folder = exports(key)
    program = build(folder, example)
    frames = structures(model.elements, np.random.default_rng(11))
    file = tmp_path / "frames.xyz"
    for atoms in frames:
        atoms.set_tags(range(len(atoms)))
        write(file, atoms, format="extxyz", append=True, columns=["tags", "symbols", "numbers", "positions"])
    results = read_results(shell([program, file], tmp_path)[1])
    assert len(results) == len(frames)
    for atoms, result in zip(frames, results, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IsolatedAtomWarning)
            expected = model.compute(atoms)
        scale = np.abs(expected.energies).sum() + 1e-300
        assert abs(result["energy"][0, 0] - expected.energies.sum()) <= 1e-11 * scale
        assert np.abs(result["force"] - expected.forces).max() <= 1e-11 * np.abs(expected.forces).max()
        assert len(result["stress"]) == (1 if atoms.pbc.all() else 0)
        if atoms.pbc.all():
            stress = -expected.virial.ravel()[[0, 4, 8, 5, 2, 1]] / atoms.get_volume()
            assert np.abs(result["stress"][0] - stress).max() <= 1e-11 * np.abs(stress).max()


@pytest.mark.slow
def test_model_named_as_a_source_of_the_examples(small_spec: Spec, tmp_path: Path) -> None:
    """Its header is not confused with that of the example."""
    spec = small_spec | {"name": "report"}
    model = acegen.compile(spec, tmp_path, random_coefficients(acegen.compile(spec, tmp_path)))
    folder = export_model(model.path, "c", tmp_path)
    for example in available():
        shell([build(folder, example), "--check", "example.xyz"], folder)


@pytest.mark.parametrize("key", MODELS)
def test_check_holds(exports: Callable[[str], Export], key: str) -> None:
    """`make run` and `make check` of an export as it is."""
    need("make", "cc")
    folder = exports(key)[1]
    output = shell(["make", "run"], folder)[1]
    assert "force" in output
    output = shell(["make", "-s", "check"], folder)[1]
    assert output.count("largest deviation") == sum(bool(shutil.which(name)) for name in ("cc", "g++", "gfortran"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("one_potential.c", r"g\[0\] = gx", "g[0] = -gx"),
        ("one_particles.h", r"(\d\.\d{6})\d", r"\g<1>9"),
        ("one_potential.c", r"= blocks\[k\]\.energy\[lane\]", "= 2e-6 + blocks[k].energy[lane]"),
    ],
)
def test_check_finds_a_broken_model(copy: Callable[..., Path], file: str, old: str, new: str) -> None:
    """A wrong sign, a constant wrong in its eighth digit, and a small offset fail in every language."""
    folder = copy("one", built=True)
    path = folder / "kernel" / file
    text = path.read_text()
    changed = re.sub(old, new, text, count=1)
    assert changed != text
    path.write_text(changed)
    assert shell(["make", "check"], folder, expect=2)[1].count("too large") == 1
    for example in available():
        output = shell([build(folder, example), "--check", "example.xyz"], folder, expect=1)[1]
        assert output.endswith(": too large\n")
        shell([folder / "build" / example, "example.xyz"], folder)  # only --check makes it a failure


def test_check_wants_labels(exports: Callable[[str], Export], tmp_path: Path) -> None:
    """Having nothing to compare with is not a success."""
    _, folder = exports("one")
    file = tmp_path / "bare.xyz"
    file.write_text("1\n\nSi 0 0 0\n")
    assert "no labels" in shell([build(folder, "example"), "--check", file], tmp_path, expect=1)[1]


@pytest.mark.slow
def test_long_name_threads_and_single_precision(tmp_path: Path) -> None:
    """The longest name a model can have (Fortran allows no longer ones), OpenMP, and single precision."""
    need("make", "gcc", "g++", "gfortran")
    spec = {"name": "n" * 63, "basis": {"elements": ["C"], "order": 2, "level": 4}, "radial": {"cutoff": 4.0}}
    options = BuildOptions(march="generic", openmp=True, precision="single")
    bare = acegen.compile(spec, tmp_path, options=options)
    model = acegen.compile(spec, tmp_path, random_coefficients(bare), options=options)
    folder = export_model(model.path, "c", tmp_path / "out")
    assert shell(["make", "-s", "check", "CC=gcc"], folder)[1].count("largest deviation") == 3
    shell(["make", "-s", "all", "CC=gcc", "CFLAGS=-O1"], folder)


# ---- mistakes -----------------------------------------------------------------------------------------

BAD_FILES = {
    "": "no labels",
    "two\n\nSi 0 0 0\n": "begins with its number of atoms",
    "0\n\n": "begins with its number of atoms",
    "99999999999999999999\n\n": "begins with its number of atoms",
    "2\n": "ends within a frame",
    "2\n\nSi 0 0 0\n": ":3: the file ends within a frame",
    "1\n\nSi 0 0\n": ":3: the line has too few columns",
    "1\n\nSi 0 0 0 1\n": ":3: the line has too many columns",
    "1\n\nSi 0 0 O\n": ":3: not a number: O",
    "1\n\nSi 0 0 nan\n": ":3: not a number: nan",
    "1\n\nSi 0 0 1e9\n": ":3: the atom is out of reach",
    "1\n\nXx 0 0 0\n": ":3: not a chemical symbol: Xx",
    '1\nLattice="1 2 3"\nSi 0 0 0\n': ":2: Lattice is not nine numbers",
    '1\nLattice="9 0 0 0 9 0 0 0 9 1"\nSi 0 0 0\n': ":2: Lattice is not nine numbers",
    '1\nLattice="9 0 0 0 9 0 0 0 9\nSi 0 0 0\n': ":2: a quote or bracket is not closed",
    '1\nLattice="9 0 0 0 9 0 9 9 0"\nSi 0 0 0\n': "linearly dependent",
    '1\nLattice="1e-9 0 0 0 9 0 0 0 9"\nSi 0 0 0\n': "so small that the cutoff",
    '1\npbc="T T"\nSi 0 0 0\n': ":2: pbc is not like",
    '1\npbc="T T T"\nSi 0 0 0\n': "zero or linearly dependent",
    "1\nProperties=pos:R:3\nSi 0 0 0\n": ":2: Properties is not like",
    "1\nProperties=species:S:1:pos:R\nSi 0 0 0\n": ":2: Properties is not like",
    "1\nenergy=low\nSi 0 0 0\n": ":2: energy is not a number: low",
    '1\nstress="1 2 3"\nSi 0 0 0\n': ":2: stress is neither nine",
    "1\n\nSi 0 0 0\n\n1\n\nGe 0 0 0\n": "frame 2: the model has no element Ge, only Si",
    "3\n\nSi 9 0 0\nSi 0 0 0\nSi 0 0 0\n": "frame 1, atom 2: another atom is at the same place",
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_mistakes_are_named(exports: Callable[[str], Export], tmp_path: Path, example: str) -> None:
    """Every kind of wrong file gives status 1 and one message that says what is wrong and where."""
    _, folder = exports("one")
    program = build(folder, example)
    file = tmp_path / "bad.xyz"
    for text, message in BAD_FILES.items():
        file.write_text(text)
        _, output, messages = shell([program, "--check", file], tmp_path, expect=1)
        assert message in (messages if text else output), text
        assert len(messages.splitlines()) == (1 if text else 0), messages
    assert "No such file" in shell([program, "nowhere.xyz"], tmp_path, expect=1)[2]
    assert "usage" in shell([program], tmp_path, expect=1)[2]
    assert "usage" in shell([program, "--check"], tmp_path, expect=1)[2]


def test_forms_of_the_file(exports: Callable[[str], Export], tmp_path: Path) -> None:
    """The same structure however its keys are written, with Windows' line ends and without a last one."""
    model, folder = exports("one")
    program = build(folder, "example")
    atoms = Atoms("Si2", [[0.0, 0.0, 0.0], [1.4, 1.3, 1.2]], cell=[5.0, 5.0, 5.0], pbc=True)
    energy = model.compute(atoms).energies.sum()
    lattices = [
        'Lattice="5 0 0 0 5 0 0 0 5" key',
        "bare other='a = b' Lattice='5.0 0 0  0 5.0 0  0 0 5.0' pbc=\"T T T\"",
        "Lattice=[5, 0, 0, 0, 5, 0, 0, 0, 5] pbc={T T T}",
        'pbc="1 1 1" Lattice={5 0 0 0 5 0 0 0 5} stress="0 0 0 0 0 0"',
    ]
    for line in lattices:
        for end in ("\n", "\r\n"):
            file = tmp_path / "form.xyz"
            file.write_bytes(end.join(["2", line, "Si 0 0 0", "Si\t1.4  1.3 1.2"]).encode())
            (result,) = read_results(shell([program, file], tmp_path)[1])
            assert result["energy"][0, 0] == pytest.approx(energy, rel=1e-12)
            assert len(result["stress"]) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return &MODEL;", "return MODEL.n_basis ? NULL : &MODEL;", "lacks instructions"),
        (".abi_version = ACEGEN_ABI_VERSION", ".abi_version = 2", "version"),
        (".potential = one_potential", ".potential = NULL", "without coefficients"),
    ],
)
def test_unusable_models_are_refused(copy: Callable[..., Path], old: str, new: str, message: str) -> None:
    """The processor, another version of the interface, no potential: said before anything is called."""
    folder = copy("one", built=True)
    source = folder / "kernel" / "one.c"
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new))
    for example in available():
        assert message in shell([build(folder, example), "example.xyz"], folder, expect=1)[2]


# ---- building -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("compiler", "cxx"), [("gcc", "g++"), ("clang", "clang++")])
@pytest.mark.parametrize("key", MODELS)
def test_builds_without_warnings(copy: Callable[..., Path], key: str, compiler: str, cxx: str) -> None:
    """Libraries and examples with every warning an error; the flags of the model, which may be another compiler's."""
    need("make", compiler, cxx)
    folder = copy(key)
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    output = shell(["make", f"CC={compiler}", f"CXX={cxx}", "CPPFLAGS=-Werror", "all", "cxx"], folder)[1]
    assert all(flag in output for flag in ("-std=c99", "-Wall", "-Wextra", "-pedantic"))
    for example in ("example", "example_cxx"):
        shell([folder / "build" / example, "--check", "example.xyz"], folder)
    after = {path.relative_to(folder) for path in folder.rglob("*")}
    assert {path.parts[0] for path in after - before} == {"build"}
    shell(["make", "clean"], folder)
    assert {path.relative_to(folder) for path in folder.rglob("*")} == before


def test_fortran_builds_without_warnings(copy: Callable[..., Path]) -> None:
    """The Fortran files with every warning of gfortran an error."""
    need("make", "gcc", "gfortran")
    shell(["make", "fortran", "FC=gfortran", "FFLAGS=-O1 -Werror -pedantic -fcheck=all"], copy("one"))


def test_fortran_declares_the_header() -> None:
    """Structs of Fortran are those of the C headers, field by field; so are the version and the status codes."""
    header = (ROOT / "templates" / "module" / "acegen.h").read_text()
    examples = ROOT / "templates" / "export" / "c" / "examples"
    module = (ROOT / "templates" / "export" / "c" / "acegen.f90").read_text()
    texts = {
        "acegen_environments": (header, module),
        "acegen_model": (header, module),
        "extxyz_frame": ((examples / "extxyz.h").read_text(), (examples / "support.f90").read_text()),
        "neighbour_list": ((examples / "neighbours.h").read_text(), (examples / "support.f90").read_text()),
        "report": ((examples / "report.h").read_text(), (examples / "support.f90").read_text()),
    }
    for name, (c, fortran) in texts.items():
        assert c_fields(c, name) == fortran_fields(fortran, name), name
    version = re.search(r"ACEGEN_ABI_VERSION (\d+)", header)
    assert version
    assert f"acegen_abi_version = {version[1]}\n" in module
    codes = re.findall(r"(ACEGEN_[A-Z_]+) = (\d+)", header)
    assert codes
    assert codes == re.findall(r"enumerator :: (ACEGEN_[A-Z_]+) = (\d+)", module)


def c_fields(text: str, struct: str) -> list[tuple[str, str]]:
    """Names and kinds of a struct's fields in C."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    (body,) = (
        b for b, n in re.findall(r"typedef struct \{((?:(?!typedef).)*?)\} (\w+);", text, re.DOTALL) if n == struct
    )
    fields = []
    for line in map(str.strip, body.split(";")):
        function = re.search(r"\(\*(\w+)\)", line)
        plain = re.fullmatch(r"(?:const )?(\w+) (\*?)(\w+)(\[\d+\])?", line)
        if function:
            fields.append((function[1], "funptr"))
        elif plain:
            fields.append((plain[3] + (plain[4] or ""), "ptr" if plain[2] else plain[1].removesuffix("_t")))
    return fields


def fortran_fields(text: str, struct: str) -> list[tuple[str, str]]:
    """Names and kinds of the fields of a type in Fortran."""
    body = re.search(rf"type, bind\(c\) :: {struct}\n(.*?)end type", text, re.DOTALL)
    assert body
    found = re.findall(r"\w+\(c_(\w+)\) :: (\w+)(\(\d+\))?", body[1])
    return [(name + size.replace("(", "[").replace(")", "]"), kind.removesuffix("_t")) for kind, name, size in found]


def test_shared_library(exports: Callable[[str], Export]) -> None:
    """Two libraries side by side; each shows its two entry points and nothing else, and has no SONAME."""
    need("nm", "readelf")
    loaded = {}
    for key in MODELS:
        _, folder = exports(key)
        build(folder, "example")
        library = folder / "build" / f"lib{key}.so"
        symbols = shell(["nm", "-D", "--defined-only", library], folder)[1].split()[2::3]
        assert sorted(symbols) == ["acegen_library", f"acegen_model_{key}"]
        assert "SONAME" not in shell(["readelf", "-d", library], folder)[1]
        assert "acegen_library" not in shell(["nm", folder / "build" / f"lib{key}.a"], folder)[1]
        loaded[key] = ctypes.CDLL(str(library))
    addresses = []
    for key, library in loaded.items():
        for name in ("acegen_library", f"acegen_model_{key}"):
            library[name].restype = ctypes.c_void_p
        assert library["acegen_library"]() == library[f"acegen_model_{key}"]()
        addresses.append(library["acegen_library"]())
    assert len(set(addresses)) == len(MODELS)
    assert None not in addresses
