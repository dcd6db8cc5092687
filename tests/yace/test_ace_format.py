"""Reading `.ace` files: what is read is what the file says, as ML-PACE reads it, and faults have messages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ace_files import ACE_JL, TWO_ELEMENTS, ace_text, random_ace_potential
from hypothesis import given, settings
from hypothesis import strategies as st
from yace_files import ACE_JL as ACE_JL_YACE
from yace_files import EXAMPLE, write

from acegen.cli.target import is_potential
from acegen.errors import PotentialError
from acegen.yace.evaluation import evaluate
from acegen.yace.potential import CTildeFunction, EmbeddingTerm, PaceBond
from acegen.yace.reading import read_potential
from acegen.yace.reading.ace_format import is_ace_format, read_ace_format
from acegen.yace.writing import potential_text

ONE = """\
nelements=1
elements: Cu
lmax=0
2 FS parameters: 1 1
core energy-cutoff parameters: 100000 250
radbasename=ChebExpCos
nradbase=2
nradmax=0
cutoffmax=5
deltaSplineBins=0.001
core repulsion parameters:100 2
radparameter= 3.5
cutoff= 5
dcut= 0.01
crad=
rankmax=1
ndensitymax=1
num_c_tilde_max=1
num_ms_combinations_max=1
total_basis_size_rank1: 1
ctilde_basis_func: rank=1 ndens=1 mu0=0 mu=( 0 )
n=( 2 )
l=( 0 )
num_ms=1
< 0 >: 0.5
total_basis_size: 0
"""
"""Without all that is optional."""


def read(text: str) -> object:
    """The potential of a text."""
    return read_ace_format(text.encode())


def test_reads_what_is_written(tmp_path: Path) -> None:
    """Every entry of a file with two elements, compared with the file by eye."""
    potential = read_potential(write(tmp_path, TWO_ELEMENTS, "potential.ace"))
    assert potential.elements == ("Al", "Ni")
    assert potential.energies == (-1.5, 0.25)
    assert potential.spline_step == 0.001
    assert potential.inner_cutoff == "density"
    assert potential.pair is None
    for embedded in potential.embeddings:
        assert embedded.function == "FinnisSinclairShiftedScaled"
        assert embedded.terms == (EmbeddingTerm(1.0, 1.0), EmbeddingTerm(1.0, 0.5))
    assert [(e.core_cutoff, e.core_width) for e in potential.embeddings] == [(100000.0, 250.0), (3000.0, 200.0)]
    bonds = [bond for row in potential.bonds for bond in row]
    for i, bond in enumerate(bonds):
        assert isinstance(bond, PaceBond)
        assert (bond.radial, bond.n_base, bond.inner_cutoff, bond.inner_width) == ("ChebPow", 3, 0.0, 0.0)
        assert bond.parameters == ((2.0,), (2.5,), (3.0,), (1.0,))[i]
        assert (bond.cutoff, bond.width) == ((5.0, 0.01), (5.5, 0.02), (5.6, 0.03), (6.0, 0.04))[i]
        assert (bond.strength, bond.rate) == ((400.0, 7.0), (20.0, 2.0), (21.0, 2.1), (30.0, 3.0))[i]
        for n in range(2):
            for l in range(2):
                assert bond.coefficients[n][l] == tuple(12 * i + 4 * k + 2 * n + l + 1 for k in range(3))
    assert potential.functions == (
        (
            CTildeFunction((1,), (3,), (0,), ((0,),), ((0.5, -1.0),)),
            CTildeFunction((0, 1), (1, 2), (1, 1), ((-1, 1), (0, 0)), ((0.25, 0.125), (-2.0, 4.0))),
        ),
        (CTildeFunction((0,), (1,), (0,), ((0,),), ((0.001, 0.25),)),),
    )


def test_radial_basis_of_ace_jl(tmp_path: Path) -> None:
    """The same potential as the same numbers in a `.yace` file; tests of radial functions are passed over."""
    expected = read_potential(write(tmp_path, ACE_JL_YACE))
    linear = replace(expected.embeddings[0], function="FinnisSinclair")
    assert read(ACE_JL) == replace(expected, embeddings=(linear,))


def test_what_is_optional() -> None:
    """Without an embedding function it is linear; without E0 it is zero; spaces do not matter."""
    potential = read_ace_format(ONE.encode())
    assert potential.energies == (0.0,)
    assert potential.embeddings[0].function == "FinnisSinclair"
    bond = potential.bonds[0][0]
    assert isinstance(bond, PaceBond)
    assert (bond.coefficients, bond.strength, bond.rate) == ((), 100.0, 2.0)
    for label in ("core repulsion parameters:", "nradbase=", "rank=", "radparameter="):
        for spaced in (f"{label}\n ", label[:-1] + " " + label[-1]):
            assert read(ONE.replace(label, spaced)) == potential
    assert read(ONE.replace("( 0 )", "(0)").replace("\n", "\r\n")) == potential
    assert read("# DATE: 2021\nany text\n\n" + ONE) == potential


@given(seed=st.integers(0, 10**9), recursive=st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_potential_of_the_format(seed: int, recursive: bool) -> None:
    """A random potential, written by another code, is read as it was; and so it is as `.yace`."""
    potential = random_ace_potential(np.random.default_rng(seed), recursive)
    assert read(ace_text(potential)) == potential


def test_energies_are_those_of_the_file_as_yace(tmp_path: Path) -> None:
    """`.ace`, and the `.yace` that it becomes, have the same energies to the last digit."""
    potential = read_ace_format(TWO_ELEMENTS.encode())
    again = read_potential(write(tmp_path, potential_text(potential)))
    assert again == potential
    displacements = np.random.default_rng(3).normal(size=(6, 3)) * 2
    for center in range(2):
        energy, _ = evaluate(potential, center, [0, 1, 0, 1, 1, 0], displacements)
        assert energy == evaluate(again, center, [0, 1, 0, 1, 1, 0], displacements)[0]
        assert energy != potential.energies[center]


def test_energy_of_one_function_by_hand() -> None:
    """c g_2(r) of a neighbour and the core, where g_2 = (1 - T_1) times a cosine, over 2; both formulas written out."""
    r, cutoff, rate = 2.5, 5.0, 3.5
    y = 1 - 2 * (np.exp(-rate * r / cutoff) - np.exp(-rate)) / (1 - np.exp(-rate))
    envelope = (1 + np.cos(np.pi * r / cutoff)) / 2
    core = 100 * np.exp(-2 * r**2) / r * envelope
    energy, _ = evaluate(read_ace_format(ONE.encode()), 0, [0], np.array([[0.0, 0.0, r]]))
    assert energy == pytest.approx(0.5 * (1 - y) / 2 * envelope + core, rel=1e-13)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (ONE, True),
        (f"# nelements: one\n\n  {ONE}", True),
        (EXAMPLE, False),
        (f"# {ONE}", False),
        ("", False),
        ("title\n" + ONE, False),
    ],
    ids=["plain", "comment", "yace", "only in comment", "empty", "other text first"],
)
def test_content_shows_the_format(text: str, is_one: bool) -> None:
    """Whatever the name of the file."""
    assert is_ace_format(text.encode()) == is_one


def test_command_line_takes_it(tmp_path: Path) -> None:
    """By its suffix, or by its content; a spec is no potential."""
    assert is_potential(write(tmp_path, "title\n" + ONE, "any.ace"))
    path = write(tmp_path, "# DATE: 2021\n" + ONE, "parameters")
    assert is_potential(path)
    assert read_potential(path) == read(ONE)
    assert not is_potential(write(tmp_path, "name = 'x'\n", "spec"))
    run = subprocess.run([sys.executable, "-m", "acegen", "info", path], capture_output=True, text=True, check=True)
    assert "Cu" in run.stdout


FAULTS = [
    ("nelements=1", "nelements=x", "line 1, nelements: must be an integer"),
    ("nelements=1", "nelements=999", "line 1, nelements: must be from 1 to"),
    ("nelements=1\n", "", "no line begins with 'nelements='"),
    ("elements: Cu", "elements: Xx", "line 2, elements[0]: 'Xx' is no chemical symbol"),
    ("elements: Cu", "elements: Cu Ni", "line 2: 'lmax=' must follow elements, not 'Ni'"),
    ("lmax=0", "lmax=31", "line 3, lmax: must be from 0 to 30"),
    ("2 FS parameters: 1 1", "2 FS parameters: 1 0.5", "line 4, FS parameters: an exponent is not 1"),
    ("2 FS parameters: 1 1", "3 FS parameters: 1 1", "line 4, FS parameters[2]: must be a finite number, not 'core'"),
    ("2 FS", "embedding-function: Foo\n2 FS", "line 4, embedding-function: 'Foo' is unknown; allowed: FinnisSinclair,"),
    ("radbasename=ChebExpCos", "radbasename=SBessel", "line 6, radbasename: 'SBessel' is unknown; allowed: ChebExp"),
    ("radbasename=ChebExpCos", "radbasename=ACE.jl.Basic", "line 7: 'haspair:' must follow radbasename, not 'nradbas"),
    ("nradmax=0", "nradmax=1", "line 16, crad[0]: must be a finite number, not 'rankmax'"),
    ("nradbase=2", "nradbase=501", "line 7, nradbase: must be from 1 to 500"),
    ("crad=\n", "crad=\n0.5\n", "line 16: 'rankmax=' must follow"),
    ("cutoff= 5", "cutoff= nan", "line 13, cutoff: must be a finite number"),
    ("cutoff= 5", "cutoff= 5.0D+00", "exponents are written with e, as in 1.0e-5"),
    ("cutoff= 5", "cutoff= -5", "line 13, cutoff: must be from 0.01 to 1000"),
    ("cutoff= 5", "cutoff= 5 5", "line 13: 'dcut=' must follow cutoff, not '5'"),
    ("dcut= 0.01", "dcut= ********", "line 14, dcut: must be a finite number"),
    ("radparameter= 3.5", "radparameter= 0", "the parameter of ChebExpCos must not be 0"),
    ("100 2", "100", "line 12, core repulsion parameters: must be a finite number, not 'radparameter'"),
    ("ndensitymax=1", "ndensitymax=2", "line 4, FS parameters: has 2 entries; 2 densities have 4"),
    ("ndensitymax=1", "ndensitymax=0", "line 17, ndensitymax: must be from 1 to 50"),
    ("size_rank1: 1", "size_rank1: 2", "line 26: 'ctilde_basis_func:' must follow"),
    ("size_rank1: 1", "size_rank1: 0", "line 21: 'total_basis_size:' must follow"),
    ("total_basis_size: 0", "total_basis_size: 1", "the file ends after total_basis_size, before 'ctilde_basis_func:'"),
    (
        "total_basis_size: 0",
        "total_basis_size: 0 0",
        "line 26: '0' follows total_basis_size, where the file",
    ),
    ("rank=1", "rank=2", "line 21, rank: must be 1, not '2'"),
    ("ndens=1", "ndens=2", "line 21, ndens: must be 1, not '2'"),
    ("mu0=0", "mu0=1", "line 21, mu0: '1' is no element"),
    ("mu=( 0 )", "mu=( 0 0 )", "line 21: ')' must follow mu, not '0'"),
    ("mu=( 0 )", "mu=( )", "line 22: ')' must follow mu, not 'n'"),
    ("n=( 2 )", "n=( 3 )", "line 22, n[0]: must be from 1 to 2"),
    ("l=( 0 )", "l=( 1 )", "line 23, l[0]: must be 0"),
    ("num_ms=1", "num_ms=2", "line 26: '<' must follow coefficients, not 'total_basis_size'"),
    ("num_ms=1", "num_ms=0", "line 24, num_ms: must be from 1 to"),
    ("< 0 >:", "< 1 >:", "line 25, m[0]: must be 0"),
    (": 0.5", ": inf", "line 25, coefficients[0]: must be a finite number"),
    (": 0.5", ": 5.0-101", "line 25, coefficients[0]: must be a finite number"),
    (": 0.5", ": 1_0", "line 25, coefficients[0]: must be a finite number"),
]


@pytest.mark.parametrize(("old", "new", "message"), FAULTS, ids=[f"{old}-{new}" for old, new, _ in FAULTS])
def test_faults(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each fault has one message, with the file and the line."""
    assert old in ONE
    path = write(tmp_path, ONE.replace(old, new, 1), "faulty.ace")
    with pytest.raises(PotentialError) as caught:
        read_potential(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


JL_FAULTS = [
    ("nelements=1\nelements: Si", "nelements=2\nelements: Si Ge", None),
    ("haspair: t", "haspair: x", "line 11, haspair: 'x' is unknown; allowed: t, f"),
    ("haspair: t", "haspair: f", "'rankmax=' must follow"),
    ("p=2", "p=2.5", "line 13, p: must be an integer"),
    ("xl=0.3", "xl=1.75", "line 14, xl: must be less than xr"),
    ("maxn=3", "maxn=4", "line 19, recursion coefficients[0]: must be a finite number, not 'tests'"),
    ("ntests=1", "ntests=2", "line 25: 'r=' must follow tests, not 'begin'"),
    ("end polypairpot\n", "", "must follow coefficients, not 'spline'"),
    ("A=2.0", "A=NaN", "line 41, A: must be a finite number"),
]


@pytest.mark.parametrize(("old", "new", "message"), JL_FAULTS, ids=[f"{old}-{new}" for old, new, _ in JL_FAULTS])
def test_faults_of_ace_jl_files(old: str, new: str, message: str | None) -> None:
    """The same for radial bases of ACE.jl, which files of one element have."""
    text = ACE_JL.replace(old, new, 1)
    if message is None:
        text = text.replace("100000.000000000000000000 1.000000000000000000", "1 1 1 1").replace("E0: -3.25", "E0: 1 2")
        message = "files with ACE.jl.Basic have one element only"
    assert text != ACE_JL
    with pytest.raises(PotentialError) as caught:
        read(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", [TWO_ELEMENTS, ACE_JL, ONE], ids=["two elements", "ACE.jl", "one"])
def test_truncated_files(text: str) -> None:
    """Wherever a file breaks off within what counts, there is a message; in most places that it is not complete."""
    torn = 0
    end = len(text.rstrip()) - 1
    for length in range(0, end, 3):
        try:
            read(text[:length])
        except PotentialError as problem:
            torn += "complete" in str(problem)
        else:
            # a number that lost its last digits is still one: the format has no end mark
            assert length > end - 3
    assert torn > end / 3 * 0.7


@given(data=st.data(), text=st.sampled_from([TWO_ELEMENTS, ACE_JL, ONE]))
@settings(deadline=None)
def test_damaged_files_give_a_message_or_a_potential(data: st.DataObject, text: str) -> None:
    """Whatever a word is replaced with; what is read can be written as `.yace` and is read back."""
    words = text.split(" ")
    i = data.draw(st.integers(0, len(words) - 1))
    words[i] = data.draw(st.sampled_from(["", "-1", "0", "1e308", "1e-320", "7", "x", "1" * 400, "\0", "\n=", "٣"]))
    try:
        potential = read_ace_format(" ".join(words).encode())
    except PotentialError:
        return
    with tempfile.TemporaryDirectory() as folder:
        assert read_potential(write(Path(folder), potential_text(potential))) == potential


@given(st.binary(max_size=200))
def test_any_bytes_have_a_message(content: bytes) -> None:
    """Nothing else is raised, whatever the file; also where it begins as one."""
    for whole in (content, b"nelements=1\nelements: Cu\n" + content):
        with pytest.raises(PotentialError):
            read_ace_format(whole)


def test_absurd_sizes_are_refused_at_once() -> None:
    """Before anything of that size is made."""
    text = ONE.replace("nradbase=2", "nradbase=500").replace("nradmax=0", "nradmax=500").replace("lmax=0", "lmax=30")
    text = text.replace("nelements=1", "nelements=3").replace("elements: Cu", "elements: Cu Al Ni")
    text = text.replace("100000 250", "1 1 1 1 1 1")
    with pytest.raises(PotentialError, match="more than 20,000,000 coefficients"):
        read(text)
