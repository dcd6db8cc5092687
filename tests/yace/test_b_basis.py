"""B-basis files: energies computed by hand, what blocks inherit from each other, and messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from acegen.errors import PotentialError
from acegen.yace.evaluation import evaluate
from acegen.yace.potential import ElementEmbedding, EmbeddingTerm, PaceBond, YacePotential
from acegen.yace.reading import read_potential

Read = Callable[[str], YacePotential]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file with this text."""

    def read_text(text: str) -> YacePotential:
        path = tmp_path / "potential.yaml"
        path.write_text(text)
        return read_potential(path)

    return read_text


POWER = """\
    lmaxi: 2
    nradmaxi: 2
    nradbaseij: 2
    radbase: ChebPow
    radparameters: [2.0]
    radcoefficients: [[[1, 0], [2, 0], [0, 0.5]], [[0, 1], [0, 1], [1, 1]]]
    rcutij: 5.0
    dcutij: 0.01
"""

ONE = f"""\
global:
  DeltaSplineBins: 0.001
species:
  - speciesblock: Cu
    ndensityi: 1
    npoti: FinnisSinclair
    parameters: [1.0, 1.0]
{POWER}    nbody:
      - FUNCTION
"""
"""One element; R_11 = 2 g_1, R_10 = g_1, R_20 = g_2, R_21 = g_2, with g_1 = (1 - r/5)² and g_2 from T_2."""

RNG = np.random.default_rng(3)
DISPLACEMENTS = Rotation.random(5, rng=RNG).apply([0.0, 0.0, 1.0]) * RNG.uniform(1.5, 4.5, (5, 1))


def g(k: int, displacements: np.ndarray) -> np.ndarray:
    """g_1 = u², g_2 = 4 u² - 4 u⁴ with u = 1 - r/5; shape (J,)."""
    u = 1 - np.linalg.norm(displacements, axis=1) / 5
    return u**2 if k == 1 else 4 * u**2 - 4 * u**4


def vector(radial: np.ndarray) -> np.ndarray:
    """Σ_j R(r_j) r_j/|r_j|."""
    return radial @ (DISPLACEMENTS / np.linalg.norm(DISPLACEMENTS, axis=1)[:, None])


A = g(1, DISPLACEMENTS).sum()
B = g(2, DISPLACEMENTS).sum()
V = vector(2 * g(1, DISPLACEMENTS))
W = vector(g(2, DISPLACEMENTS))


@pytest.mark.parametrize(
    ("function", "energy"),
    [
        ("{type: Cu Cu, nr: [2], nl: [0], c: [1.5]}", 1.5 * B),
        ("{type: Cu Cu, nr: [2], nl: [0], c: 1.5}", 1.5 * B),
        ("{type: Cu Cu Cu, nr: [1, 2], nl: [0, 0], c: [0.5]}", 0.5 * A * B),
        # coupled to 0, two vectors Y_1m, of length sqrt(3), give -sqrt(3) times their scalar product
        ("{type: Cu Cu Cu, nr: [1, 2], nl: [1, 1], c: [0.5]}", -0.5 * sqrt(3) * (V @ W)),
        ("{type: Cu Cu Cu Cu, nr: [1, 1, 2], nl: [1, 1, 0], lint: [0], c: [1]}", -sqrt(3) * (V @ V) * B),
        ("{type: Cu Cu Cu Cu, nr: [2, 1, 1], nl: [0, 1, 1], lint: [1], c: [1]}", -sqrt(3) * (V @ V) * B),
        ("{type: Cu Cu Cu Cu Cu, nr: [1, 1, 1, 2], nl: [1, 1, 1, 1], lint: [0, 0], c: [1]}", 3 * (V @ V) * (V @ W)),
        # two vector products, each sqrt(3/2) × long, coupled to 0: -1/sqrt(3) times their scalar product, times i²
        (
            "{type: Cu Cu Cu Cu Cu, nr: [1, 2, 1, 2], nl: [1, 1, 1, 1], lint: [1, 1], c: [1]}",
            (9 / 2) / sqrt(3) * (np.cross(V, W) @ np.cross(V, W)),
        ),
        # two tensors of rank 2 of two vectors each
        (
            "{type: Cu Cu Cu Cu Cu, nr: [1, 1, 2, 2], nl: [1, 1, 1, 1], lint: [2, 2], c: [1]}",
            9 / sqrt(5) * ((V @ W) ** 2 - (V @ V) * (W @ W) / 3),
        ),
        # the scalars of the first and second pair, and of those with the last factor
        (
            "{type: Cu Cu Cu Cu Cu Cu, nr: [1, 2, 1, 1, 2], nl: [1, 1, 1, 1, 0], lint: [0, 0, 0], c: [1]}",
            3 * (V @ W) * (V @ V) * B,
        ),
        (
            "{type: Cu Cu Cu Cu Cu Cu Cu, nr: [1, 2, 1, 1, 2, 2], nl: [1, 1, 1, 1, 1, 1], lint: [0, 0, 0, 0], c: [1]}",
            -3 * sqrt(3) * (V @ W) * (V @ V) * (W @ W),
        ),
    ],
)
def test_energies_are_those_by_hand(read: Read, function: str, energy: float) -> None:
    """Functions of ranks 1 to 6 in terms of scalar and vector products of Σ R(r) r/|r|."""
    found, _ = evaluate(read(ONE.replace("FUNCTION", function)), 0, [0] * 5, DISPLACEMENTS)
    assert found == pytest.approx(energy, rel=1e-12)


SIX = """\
      - {type: Cu Cu Cu Cu, nr: [1, 2, 2], nl: [1, 2, 1], lint: [1], c: [0.3]}
      - {type: Cu Cu Cu Cu Cu, nr: [1, 1, 2, 2], nl: [2, 1, 2, 1], lint: [2, 2], c: [1.0]}
      - {type: Cu Cu Cu Cu Cu Cu, nr: [1, 1, 2, 1, 2], nl: [1, 2, 2, 2, 1], lint: [2, 3, 1], c: [-0.7]}
      - {type: Cu Cu Cu Cu Cu Cu Cu, nr: [1, 1, 1, 2, 2, 1], nl: [1, 1, 2, 1, 1, 2], lint: [2, 1, 3, 3], c: [0.9]}
"""


def test_rotations_and_reflections_change_nothing(read: Read) -> None:
    """Functions of ranks 3 to 6 with intermediate l's of all kinds, each of which is not zero."""
    rotation = Rotation.from_rotvec([0.5, 0.9, -1.3]).as_matrix()
    for line in SIX.splitlines():
        potential = read(ONE.replace("      - FUNCTION", line))
        energy, slopes = evaluate(potential, 0, [0] * 5, DISPLACEMENTS)
        assert abs(energy) > 1e-4
        for matrix in (rotation, -rotation):
            turned, turned_slopes = evaluate(potential, 0, [0] * 5, DISPLACEMENTS @ matrix.T)
            assert turned == pytest.approx(energy, rel=1e-11)
            assert np.abs(turned_slopes - slopes @ matrix.T).max() < 1e-11 * np.abs(slopes).max()


def block(name: str, *parts: str) -> str:
    """A block of `species`."""
    return f"  - speciesblock: {name}\n" + "".join(parts)


def embedded(densities: int = 1) -> str:
    """The embedding of a block of one element."""
    return f"    ndensityi: {densities}\n    npoti: FinnisSinclair\n    parameters: {[1.0, 1.0] * densities}\n"


def functions(*lines: str) -> str:
    """The functions of a block."""
    return "    nbody:\n" + "".join(f"      - {line}\n" for line in lines)


def file(*blocks: str) -> str:
    """A file with these blocks."""
    return "global:\n  DeltaSplineBins: 0.002\nspecies:\n" + "".join(blocks)


COS = """\
    lmaxi: 0
    nradmaxi: 1
    nradbaseij: 1
    radbase: ChebExpCos
    radparameters: [3.0]
    radcoefficients: [[[1.0]]]
    rcutij: 4.0
    dcutij: 0.5
"""
CORE = "    core-repulsion: [100.0, 2.0]\n"
DISTANCE = "    inner_cutoff_type: distance\n    r_in: 1.5\n    delta_in: 0.25\n"


def test_all_of_a_file_arrives(read: Read) -> None:
    """Embedding, bond and functions of one element, and the defaults of what is not said."""
    core = CORE + "    rho_core_cut: 50\n    drho_core_cut: 5\n    NameOfCutoffFunctionij: cos\n"
    lines = ("{type: Si Si, nr: [1], nl: [0], c: [0.1, 0.2]}", "{type: Si Si, nr: [2], nl: [0], c: [1, 1], skip: true}")
    cos = COS.replace("nradbaseij: 1", "nradbaseij: 2").replace("[[[1.0]]]", "[[[1.0, 4.0]]]")
    found = read(file(block("Si Si", embedded(2), cos, core, DISTANCE, functions(*lines))))
    assert (found.elements, found.energies, found.spline_step) == (("Si",), (0.0,), 0.002)
    assert (found.inner_cutoff, found.pair) == ("distance", None)
    terms = (EmbeddingTerm(1.0, 1.0), EmbeddingTerm(1.0, 1.0))
    assert found.embeddings == (ElementEmbedding("FinnisSinclair", terms, 50.0, 5.0),)
    bond = PaceBond("ChebExpCos", (3.0,), 2, (((1.0, 4.0),),), 4.0, 0.5, 100.0, 2.0, 1.5, 0.25)
    assert found.bonds == ((bond,),)
    assert [f.coefficients for f in found.functions[0]] == [((0.1, 0.2),)]

    plain = read(file(block("Si", embedded(), cos)))
    assert plain.inner_cutoff == "density"
    assert plain.bonds[0][0] == replace(bond, strength=0.0, rate=0.0, inner_cutoff=0.0, inner_width=0.0)
    assert (plain.embeddings[0].core_cutoff, plain.embeddings[0].core_width) == (100_000.0, 250.0)
    assert plain.functions == ((),)


def test_metadata_are_ignored(read: Read) -> None:
    """So is auxiliary data."""
    text = file(block("Si", embedded(), COS))
    more = "metadata:\n  user: someone\nauxdata:\n  _int: {a: 1}\n"
    assert read(more + text) == read(text)


def test_radial_coefficients_of_old_files_are_by_k_n_and_l(read: Read) -> None:
    """A flat list: k slowest, l fastest; of nested lists what is beyond the sizes is not used."""
    sizes = COS.replace("lmaxi: 0", "lmaxi: 1").replace("nradmaxi: 1", "nradmaxi: 3")
    sizes = sizes.replace("nradbaseij: 1", "nradbaseij: 2")
    flat = read(file(block("Si", embedded(), sizes.replace("[[[1.0]]]", str(list(range(12)))))))
    by_nlk = [[[2 * n + l + 6 * k for k in range(2)] for l in range(2)] for n in range(3)]
    assert flat.bonds[0][0].coefficients == tuple(tuple(tuple(map(float, k)) for k in l) for l in by_nlk)
    larger = [[[*by_k, 9.5] for by_k in by_l] + [[1, 1]] for by_l in by_nlk] + [[[0, 0], [0, 0]]]
    assert read(file(block("Si", embedded(), sizes.replace("[[[1.0]]]", str(larger))))) == flat


def two(first: str, second: str, common: str = "") -> str:
    """Si and O, with these parts in the blocks of the mixed bond, and a common part in those of one element."""
    mixed = functions("{type: O Si, nr: [1], nl: [0], c: [1.0]}")
    return file(
        block("Si", embedded(), COS, common, functions("{type: Si Si, nr: [1], nl: [0], c: [1.0]}")),
        block("O", embedded(), COS.replace("4.0", "3.0"), common),
        block("Si O", first),
        block("O Si", second, mixed),
    )


@pytest.mark.parametrize(("first", "second"), [(POWER + CORE, ""), ("", POWER + CORE), (POWER, CORE), (CORE, POWER)])
def test_a_bond_is_taken_from_the_other_block(read: Read, first: str, second: str) -> None:
    """Radial functions and core each from the one that has them; elements are in alphabetical order, and all bonds get
    the largest sizes."""
    found = read(two(first, second))
    assert found.elements == ("O", "Si")
    mixed = found.bonds[0][1]
    assert isinstance(mixed, PaceBond)
    assert found.bonds[1][0] == mixed
    assert (mixed.radial, mixed.cutoff, mixed.strength, mixed.rate) == ("ChebPow", 5.0, 100.0, 2.0)
    assert mixed.coefficients[0][2] == (0.0, 0.5)
    silicon = found.bonds[1][1]
    assert isinstance(silicon, PaceBond)
    assert (silicon.radial, silicon.cutoff, silicon.strength) == ("ChebExpCos", 4.0, 0.0)
    assert silicon.coefficients == (((1.0, 0.0), (0.0, 0.0), (0.0, 0.0)), ((0.0, 0.0),) * 3)
    assert [(f.elements, f.ns) for f in found.functions[0]] == [((1,), (1,))]
    assert [(f.elements, f.ns) for f in found.functions[1]] == [((1,), (1,))]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (COS + CORE + DISTANCE, ""),
        (COS, CORE + DISTANCE),
        (COS + DISTANCE, CORE + DISTANCE),
        (COS + CORE + DISTANCE, COS + CORE + DISTANCE),
        (COS + DISTANCE, DISTANCE),
    ],
)
def test_the_inner_cutoff_goes_with_the_core(read: Read, first: str, second: str) -> None:
    """It is that of the block with the core repulsion; without one both blocks must say it."""
    found = read(two(first, second, DISTANCE))
    bond = found.bonds[0][1]
    assert isinstance(bond, PaceBond)
    assert (found.inner_cutoff, bond.inner_cutoff, bond.inner_width) == ("distance", 1.5, 0.25)
    assert bond.strength == (100.0 if CORE in first + second else 0.0)


def test_functions_of_several_elements(read: Read) -> None:
    """Those of larger blocks belong to the first element, and use the bonds of its pairs."""
    names = ("C", "H", "O")
    alone = [block(name, embedded(), COS) for name in names]
    mixed = [block(f"{a} {b}", COS) for a in names for b in names if a != b]
    line = "{type: H O C H, nr: [1, 1, 1], nl: [0, 0, 0], lint: [0], c: [2.0]}"
    found = read(file(*mixed, block("H O C", functions(line)), *alone))
    assert found.elements == names
    assert [len(f) for f in found.functions] == [0, 1, 0]
    assert found.functions[1][0].elements == (0, 1, 2)
    r = np.array([2.0, 2.5, 3.0])
    energy, _ = evaluate(found, 1, [1, 2, 0], r[:, None] * np.eye(3))
    envelope = (1 + np.cos(pi * r / 4)) / 2  # dcut begins at 3.5
    assert energy == pytest.approx(2.0 * envelope.prod(), rel=1e-13)


def line(text: str) -> str:
    """A file of one element with one function."""
    return ONE.replace("FUNCTION", text)


PAIR = "{type: Cu Cu Cu, nr: [1, 1], nl: [1, 1], c: [1.0]}"
FOUR = "{type: Cu Cu Cu Cu Cu, nr: [1, 1, 1, 1], nl: [1, 1, 2, 2], lint: [2, 2], c: [1.0]}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line(PAIR.replace("Cu Cu Cu", "Cu Cu Ag")), r"nbody\[0\].type: 'Ag' is no element of the block, which has Cu"),
        (line(PAIR.replace("Cu Cu Cu", "Ag Cu Cu")), r"the first element must be that of the block, Cu, not 'Ag'"),
        (line(PAIR.replace("Cu Cu Cu", "Cu Cu")), r"nbody\[0\].nr: has 2 entries instead of 1"),
        (line(PAIR.replace("Cu Cu Cu", "Cu")), "has 0 neighbours; there may be 1 to 6"),
        (line(PAIR.replace("Cu Cu Cu", " ".join(["Cu"] * 8))), "has 7 neighbours; there may be 1 to 6"),
        (line(PAIR.replace("nl: [1, 1]", "nl: [1, 2]")), r"the sum of nl = \[1, 2\] is odd"),
        (line(PAIR.replace("nl: [1, 1]", "nl: [2, 0]")), "l = 2 and l = 0 do not give 0"),
        (line(PAIR.replace("nr: [1, 1]", "nr: [1, 3]")), "nr has 3, but nradmaxi of the bond Cu - Cu is 2"),
        (line(PAIR.replace("nr: [1, 1]", "nr: [0, 1]")), r"nr\[0\]: must be from 1 to"),
        (line(PAIR.replace("nl: [1, 1]", "nl: [3, 3]")), "nl has 3, but lmaxi of the bond Cu - Cu is 2"),
        (line(PAIR.replace("[1.0]", "[1.0, 2.0]")), "c has 2 entries; the embedding of Cu has 1 densities"),
        (line(PAIR.replace("[1.0]", "[.nan]")), r"nbody\[0\].c\[0\]: must be a finite number"),
        (line(PAIR.replace("c:", "d:")), "unknown field 'd'"),
        (line(FOUR.replace("lint: [2, 2], ", "")), r"lint: has 0 entries instead of 2"),
        (
            line(FOUR.replace("[2, 2], c", "[3, 3], c")),
            r"lint = \[3, 3\] cannot be coupled: l = 1 and l = 1 do not give 3",
        ),
        (line(FOUR.replace("[2, 2], c", "[1, 2], c")), "cannot be coupled: l = 1 and l = 2 do not give 0"),
        (line("{type: Cu Cu, nr: [1], nl: [2], c: [1.0]}"), r"must be \[0\], not \[2\]"),
        (line("{type: Cu Cu, nr: [3], nl: [0], c: [1.0]}"), "nr has 3, but nradbaseij of the bond Cu - Cu is 2"),
        (line(f"{{type: {'Cu ' * 7}, nr: {[1] * 6}, nl: {[30] * 6}, lint: {[0] * 4}, c: [1]}}"), "products of A's"),
        (ONE.replace("ChebPow", "TEST_Zero"), "radbase: 'TEST_Zero' is unknown"),
        (ONE.replace("    lmaxi: 2\n", ""), "it has nradmaxi, .*, but not lmaxi. Give all of them, or none"),
        (line(PAIR).replace(POWER, ""), "has no radial functions"),
        (ONE.replace("FinnisSinclair", "Mishin"), "npoti: 'Mishin' is unknown"),
        (ONE.replace("    npoti: FinnisSinclair\n", ""), "it is of one element, but has no npoti"),
        (ONE.replace("parameters: [1.0, 1.0]", "parameters: [1.0]"), "parameters: has 1 entries instead of 2"),
        (
            ONE.replace("parameters: [1.0, 1.0]", "parameters: [1.0, 0.0]"),
            "exponent of density 0 must be from 0.01",
        ),
        (
            ONE.replace("[[[1, 0], ", "[[[1], "),
            r"radcoefficients\[0\]\[0\]: has 1 entries; there must be nradbaseij = 2",
        ),
        (ONE.replace("lmaxi: 2", "lmaxi: 3"), r"has 3 entries; there must be lmaxi \+ 1 = 4"),
        (ONE.replace("nradmaxi: 2", "nradmaxi: 3"), "has 2 entries; there must be nradmaxi = 3"),
        (ONE.replace("speciesblock: Cu", "speciesblock: Cx"), "speciesblock: 'Cx' is no chemical element"),
        (ONE.replace("speciesblock: Cu", "speciesblock: Cu Ag Cu"), "must be different elements"),
        (ONE.replace("speciesblock: Cu", "speciesblock: ''"), "must be different elements"),
        (ONE.replace("DeltaSplineBins: 0.001", "DeltaSplineBins: 0"), "DeltaSplineBins: must be greater than 0"),
        (ONE.replace("nbody:", "density:"), "unknown field 'density'"),
        ("global: {DeltaSplineBins: 0.1}\nspecies: []\n", "species: is empty"),
        (file(block("C", embedded(), COS), block("C C", embedded(), COS)), r"a block of C, as species\[0\]"),
        (
            two("", "") + block("O H Si") + block("O Si H"),
            r"species\[5\]: a block of O Si H, as species\[4\]",
        ),
        (file(block("C H", COS), block("H C", COS)), "there is no block of C alone"),
        (file(block("C", embedded(), COS), block("H", embedded(), COS), block("C H", COS)), "there is no block 'H C'"),
        (two("", ""), r"species\[3\]: has no radial functions .*, and neither has species\[2\]"),
        (two(COS, POWER), r"the radial functions of the bond O - Si differ from those in species\[2\]"),
        (two(COS + CORE, CORE.replace("100", "90")), "core-repulsion, inner_cutoff_type, r_in and delta_in .* differ"),
        (two(COS + DISTANCE, "", DISTANCE), "core-repulsion, inner_cutoff_type, r_in and delta_in .* differ"),
        (two(COS + DISTANCE, CORE, DISTANCE), "core-repulsion, inner_cutoff_type, r_in and delta_in .* differ"),
        (two(COS + CORE, "", DISTANCE), "inner_cutoff_type is 'd.*', but 'd.*' in .* must be the same"),
        (
            two(COS + "    inner_cutoff_type: zbl\n" + CORE, "", "    inner_cutoff_type: zbl\n"),
            "with .* 'zbl', delta_in",
        ),
        (two(COS + "    inner_cutoff_type: soft\n", ""), "inner_cutoff_type: 'soft' is unknown"),
    ],
)
def test_messages(read: Read, text: str, message: str) -> None:
    """What is wrong and where, in one line that begins with the file."""
    with pytest.raises(PotentialError, match=message) as caught:
        read(text)
    assert "potential.yaml: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("acegen.yace.reading.b_basis._MOST_PRODUCTS", r"nbody\[0\]: up to here there are more than 2 products of A's"),
        (
            "acegen.yace.reading.bonds.MOST_COEFFICIENTS",
            "species: more than 2 coefficients of radial functions",
        ),
    ],
)
def test_too_large_files(read: Read, monkeypatch: pytest.MonkeyPatch, limit: str, message: str) -> None:
    """Refused before the work is done."""
    monkeypatch.setattr(limit, 2)
    with pytest.raises(PotentialError, match=message):
        read(line(PAIR))
