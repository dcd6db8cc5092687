"""What is no potential gives one message that says where and what; nothing of a file is executed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yace_files import ACE_JL, EXAMPLE, write

from acegen.errors import PotentialError
from acegen.yace.reading import document, read_potential
from acegen.yace.reading.document import Key, Node


def message(folder: Path, text: str | bytes) -> str:
    """What reading a file with this text says."""
    with pytest.raises(PotentialError) as caught:
        read_potential(write(folder, text))
    told = str(caught.value)
    assert "\n" not in told
    assert len(told) < 600
    assert told.startswith(str(folder / "potential.yace"))
    return told.removeprefix(f"{folder / 'potential.yace'}: ")


def without(line: str) -> Callable[[str], str]:
    """Removes the line that begins so."""
    return lambda text: "".join(part for part in text.splitlines(keepends=True) if not part.startswith(line))


FIRST = "mus: [1], ns: [2], ls: [0], ms_combs: [0], ctildes: [0.5]"
TWICE = "mus: [1], ns: [2], ls: [0], ms_combs: [0, 0], ctildes: [0.5, 1]"
SECOND = "mus: [0, 1], ns: [1, 1], ls: [1, 1], ms_combs: [0, 0, 1, -1], ctildes: [0.25, -1, 0.125, 1e-7]"

WRONG: list[tuple[str, str, list[str]]] = [
    ("elements: [No, Y]", "elements: []", ["elements", "at least one"]),
    ("elements: [No, Y]", "elements: [No, No]", ["elements[1]", "No occurs twice"]),
    ("elements: [No, Y]", "elements: [No, Yy]", ["elements[1]", "'Yy' is no chemical symbol"]),
    ("elements: [No, Y]", "elements: No", ["elements", "a list"]),
    ("elements: [No, Y]", "elements: [No, [Y]]", ["elements[1]", "single value"]),
    ("elements: [No, Y]", "elements: [No]", ["E0", "2 entries instead of 1"]),
    ("elements: [No, Y]", "elements: [No, Y, Cu]", ["E0", "2 entries instead of 3"]),
    ("elements: [No, Y]", 'elements: [No, "\\e[31mY"]', ["elements[1]", "\\x1b"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, nan]", ["E0[1]", "finite", "'nan'"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, .inf]", ["E0[1]", "finite", "'.inf'"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, 1e999]", ["E0[1]", "finite"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, 1_0]", ["E0[1]", "finite number", "'1_0'"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, ]", ["E0", "1 entries instead of 2"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, ~]", ["E0[1]", "finite number"]),
    ("E0: [-1.5, 1e-5]", "E0: [-1.5, ١]", ["E0[1]", "finite number"]),
    ("E0: [-1.5, 1e-5]", "E0: {0: 1, 1: 2}", ["E0", "a list of numbers"]),
    ("deltaSplineBins: 0.001", "deltaSplineBins: 0", ["deltaSplineBins", "greater than 0"]),
    ("deltaSplineBins: 0.001", "deltaSplineBin: 0.001", ["unknown key 'deltaSplineBin'"]),
    ("deltaSplineBins: 0.001", "polypairpot: {}", ["polypairpot", "ACE.jl"]),
    ("deltaSplineBins: 0.001", "metadata: {}", ["'deltaSplineBins' is missing"]),
    ("deltaSplineBins: 0.001", "E0: [0, 0]", ["line 3", "'E0' occurs twice"]),
    ("deltaSplineBins: 0.001", "global: {}", ["unknown field 'global'"]),
    ("  1: {ndensity: 2", "  2: {ndensity: 2", ["embeddings[2]", "'2' is no element", "0 to 1"]),
    ("  1: {ndensity: 2", "  0: {ndensity: 2", ["line 6", "'0' occurs twice"]),
    ("  1: {ndensity: 2", "  00: {ndensity: 2", ["embeddings", "0 occurs twice"]),
    ("{ndensity: 2, FS", "{ndensity: 3, FS", ["embeddings[1].FS_parameters", "4 entries", "6"]),
    ("{ndensity: 2, FS", "{ndensity: 0, FS", ["embeddings[1].ndensity", "from 1 to"]),
    ("{ndensity: 2, FS", "{ndensity: 2.0, FS", ["embeddings[1].ndensity", "an integer"]),
    ("{ndensity: 2, FS", f"{{ndensity: {'9' * 5000}, FS", ["embeddings[1].ndensity", "an integer"]),
    ("npoti: FinnisSinclair,", "npoti: Finnis,", ["embeddings[0].npoti", "'Finnis'", "FinnisSinclairShiftedScaled"]),
    ("[1, 1, -2, 0.5]", "[1, 1, -2, 0]", ["embeddings[1].FS_parameters", "exponent of density 1"]),
    ("[1, 1, -2, 0.5]", "[1, 1e9, -2, 0.5]", ["embeddings[1].FS_parameters", "exponent of density 0"]),
    ("drho_core_cutoff: 250", "drho_core_cutoff: -1", ["embeddings[0].drho_core_cutoff", "at least 0"]),
    ("  [0, 1]:", "  [0, 2]:", ["bonds[0,2]", "'2' is no element"]),
    ("  [0, 1]:", "  [1, 0]:", ["line 10", "[1, 0]", "occurs twice"]),
    ("  [0, 1]:", "  [0, 1, 0]:", ["bonds", "[0, 1, 0]", "pair"]),
    ("  [0, 1]:", "  01:", ["bonds", "'01'", "pair"]),
    ("  [0, 1]:", "  [0, [1]]:", ["line 9", "key"]),
    ("  [0, 1]:", "  {0: 1}:", ["line 9", "key"]),
    ("ChebLinear", "Chebyshev", ["bonds[0,1].radbasename", "'Chebyshev' is unknown", "SBessel"]),
    ("ChebLinear", "TEST_SBessel", ["bonds[0,1].radbasename", "'TEST_SBessel' is unknown"]),
    ("ChebLinear", "ACE.jl.base", ["bonds", "mixed"]),
    ("radbasename: ChebLinear, ", "", ["bonds[0,1]", "'radbasename' is missing"]),
    ("prehc: 10, ", "", ["bonds[0,0]", "'prehc' is missing"]),
    ("prehc: 10, ", "prehc: 10, prehc: 10, ", ["line 8", "'prehc' occurs twice"]),
    ("prehc: 10, ", "prehc: 10, rcutt: 10, ", ["bonds[0,0]", "unknown field 'rcutt'", "rcut_in"]),
    ("prehc: 10, ", "prehc: [10], ", ["bonds[0,0].prehc", "number"]),
    ("rcut: 5.0", "rcut: 0", ["bonds[0,0].rcut", "from 0.01"]),
    ("rcut: 5.0", "rcut: 1e9", ["bonds[0,0].rcut", "to 1000"]),
    ("dcut: 0.01", "dcut: -0.01", ["bonds[0,0].dcut", "at least 0"]),
    ("radparameters: [3.5]", "radparameters: []", ["bonds[0,0].radparameters", "empty"]),
    ("radparameters: [3.5]", "radparameters: [0]", ["bonds[0,0].radparameters", "must not be 0"]),
    ("radparameters: [2]", "radparameters: [-2]", ["bonds[1,0].radparameters", "greater than 0"]),
    ("[[[1, 0.5], [-1, 2]], [[0, 1], [1, 0]]]", "[[[1, 0.5], [-1, 2]]]", ["radcoefficients", "1 entries instead of 2"]),
    ("[[[0.5], [2]]]", "[[[0.5], [2, 1]]]", ["bonds[0,1].radcoefficients[0][1]", "2 entries instead of 1"]),
    ("[[[0.5], [2]]]", "[[[0.5], [two]]]", ["bonds[0,1].radcoefficients[0][1][0]", "'two'"]),
    ("nradmax: 1, lmax: 1, nradbasemax: 1", "nradmax: 1, lmax: 99, nradbasemax: 1", ["bonds[0,1].lmax", "from 0 to"]),
    ("nradmax: 1, lmax: 1, nradbasemax: 1", "nradmax: -1, lmax: 1, nradbasemax: 1", ["bonds[0,1].nradmax", "0 to"]),
    ("dcut_in: 0.25, inner_cutoff_type: distance", "dcut_in: 0.25", ["bonds[0,1]", "'density'", "'distance'"]),
    ("inner_cutoff_type: distance", "inner_cutoff_type: ZBL", ["inner_cutoff_type", "density, distance, zbl"]),
    ("functions:\n  0:", "functions:\n  7:", ["functions[7]", "'7' is no element"]),
    ("{mu0: 0, rank: 1", "{mu0: 1, rank: 1", ["functions[0][0].mu0", "must be 0"]),
    ("rank: 1,", "rank: 7,", ["functions[0][0].rank", "from 1 to 6"]),
    ("rank: 2,", "rank: 3,", ["functions[1][0].mus", "2 entries instead of 3"]),
    ("rank: 2, ndensity: 2", "rank: 2, ndensity: 1", ["functions[1][0].ndensity", "must be 2", "embeddings[1]"]),
    ("2, num_ms_combs: 2", "2, num_ms_combs: 3", ["functions[1][0].ms_combs", "4 entries instead of 6"]),
    ("2, num_ms_combs: 2", "2, num_ms_combs: 0", ["functions[1][0].num_ms_combs", "from 1"]),
    ("num_ms_combs: 1, " + FIRST, "num_ms_combs: 2, " + TWICE, ["num_ms_combs", "rank 1"]),
    (FIRST, FIRST.replace("mus: [1]", "mus: [2]"), ["functions[0][0].mus[0]", "from 0 to 1"]),
    (FIRST, FIRST.replace("ns: [2]", "ns: [3]"), ["functions[0][0].ns[0]", "from 1 to 2"]),
    (FIRST, FIRST.replace("ls: [0]", "ls: [1]"), ["functions[0][0].ls[0]", "must be 0"]),
    (FIRST, FIRST.replace("[0.5]", "[0.5, 1]"), ["functions[0][0].ctildes", "2 entries instead of 1"]),
    (SECOND, SECOND.replace("ns: [1, 1]", "ns: [0, 1]"), ["functions[1][0].ns[0]", "from 1 to 2"]),
    (SECOND, SECOND.replace("ls: [1, 1]", "ls: [1, 2]"), ["functions[1][0].ls[1]", "from 0 to 1"]),
    (SECOND, SECOND.replace("1, -1]", "1, 1]"), ["functions[1][0].ms_combs", "[1, 1]", "add up to 0"]),
    (SECOND, SECOND.replace("ls: [1, 1]", "ls: [0, 1]"), ["functions[1][0].ms_combs", "|m| > l"]),
    (SECOND, SECOND.replace("1e-7", "NaN"), ["functions[1][0].ctildes[3]", "finite", "'NaN'"]),
    (SECOND, SECOND.replace("1e-7", "2 1"), ["functions[1][0].ctildes[3]", "'2 1'"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=range(len(WRONG)))
def test_wrong_values(old: str, new: str, told: list[str], tmp_path: Path) -> None:
    """A valid file with one thing wrong: the message names the place, the value and what is allowed."""
    assert old in EXAMPLE
    text = message(tmp_path, EXAMPLE.replace(old, new, 1))
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "top level is not a mapping"),
        ("\n# nothing\n", "top level is not a mapping"),
        ("42", "top level is not a mapping"),
        ("- elements\n- E0\n", "top level is not a mapping"),
        ("metadata: {}\n", "neither 'elements'"),
        ("name: a\nversion: 2\n", "unknown key 'name'"),
        ("elements: [Cu]\n", "the field 'E0' is missing"),
        ('{"elements": ["Cu"], "E0": [0]}', "the field 'embeddings' is missing"),
        ("elements: [Cu\n", "not valid YAML"),
        ("elements: [Cu]\n  E0: 1\n", "not valid YAML"),
        ("\telements: [Cu]\n", "not valid YAML"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text in YAML"),
        (b"elements: [\xff\xfe]\n", "not text in YAML"),
        ("elements: &a [Cu]\nE0: *a\n", "anchors and aliases"),
        ("elements: *a\n", "anchors and aliases"),
        ("elements: !!python/object/apply:os.system ['touch /tmp/x']\n", "tags"),
        ("elements: !!set {Cu}\n", "tags"),
        ("!!map {elements: [Cu]}\n", "tags"),
        ("elements: [Cu]\n---\nelements: [Cu]\n", "second YAML document"),
        ("elements: " + "[" * 100_000, "nest"),
        ("elements: " + "{a: " * 100_000, "nested more than"),
        ("elements: " + "- " * 100_000, "not valid YAML"),
        (EXAMPLE[: len(EXAMPLE) // 2], "not valid YAML"),
        (EXAMPLE.replace("  [1, 1]:", "#"), "the key [1, 1] is missing"),
        (EXAMPLE[: EXAMPLE.index("  1:\n    - ")], "functions: the key 1 is missing"),
    ],
)
def test_other_files(text: str | bytes, told: str, tmp_path: Path) -> None:
    """Foreign, truncated or dangerous files."""
    assert told in message(tmp_path, text)


@pytest.mark.parametrize("field", ["lmax: 1\n", "    maxn: 3\n", "    p: 2\n"])
def test_fields_of_ace_jl_are_needed(field: str, tmp_path: Path) -> None:
    """Each of them."""
    assert f"'{field.split(':')[0].strip()}' is missing" in message(tmp_path, ACE_JL.replace(field, "", 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("maxn: 3", "maxn: 2", ["recursion_coefficients.A", "3 entries instead of 2"]),
        ("xl: 0.3", "xl: 1.75", ["bonds[0,0].xl", "less than xr"]),
        ("r0: 2.5", "r0: -1", ["bonds[0,0].r0", "from 0"]),
        ("p: 2", "p: 0", ["bonds[0,0].p", "from 1"]),
        ("ns: [3]", "ns: [4]", ["functions[0][0].ns[0]", "from 1 to 3"]),
        ("[1.0, -0.5]", "[1.0]", ["polypairpot.coefficients[0,0]", "1 entries instead of 2"]),
        ("{ri: 1.1,", "{ri: -1,", ["reppot.coefficients[0,0].ri", "from 0"]),
        ("    [0, 0]: {ri", "    [0, 1]: {ri", ["reppot.coefficients[0,1]", "'1' is no element"]),
        ("    radbasename: ACE.jl.base\n", "    radbasename: ACE.jl.base\n    bins: 1\n", ["unknown field 'bins'"]),
    ],
)  # fmt: skip
def test_wrong_values_of_ace_jl(old: str, new: str, told: list[str], tmp_path: Path) -> None:
    """A valid file of ACE.jl with one thing wrong."""
    assert old in ACE_JL
    text = message(tmp_path, ACE_JL.replace(old, new, 1))
    for part in told:
        assert part in text


def test_a_repulsion_without_a_pair_potential_has_no_meaning(tmp_path: Path) -> None:
    """ML-PACE passes over it in silence."""
    text = ACE_JL[: ACE_JL.index("polypairpot")] + ACE_JL[ACE_JL.index("reppot") :]
    assert "reppot: has no meaning" in message(tmp_path, text)


def test_zbl_needs_its_distances(tmp_path: Path) -> None:
    """ML-PACE divides by dcut and dcut_in, and overlooks the nearest neighbour if rcut_in < dcut_in."""
    zbl = EXAMPLE.replace("type: distance", "type: zbl").replace("in: 0.0", "in: 0.3")
    read_potential(write(tmp_path, zbl))
    for old, new, told in (
        ("dcut_in: 0.25", "dcut_in: 0", "dcut_in must be at least 1e-06"),
        ("dcut_in: 0.25", "dcut_in: 1.3", "at most rcut_in"),
        ("dcut: 0.01", "dcut: 0", "dcut must be at least 1e-06"),
        ("dcut: 0.01", "dcut: 7", "at most rcut"),
    ):
        assert told in message(tmp_path, zbl.replace(old, new, 1))


def test_a_bomb_of_aliases_is_refused(tmp_path: Path) -> None:
    """Ten levels of ten aliases each would be ten thousand million values."""
    levels = ["a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "unknown key 'a0'" in message(tmp_path, "\n".join(levels))
    body = "\n".join(f"  {level}" for level in levels)
    assert "line 2: anchors and aliases" in message(tmp_path, f"metadata:\n{body}\n")


def test_a_bomb_of_shapes_is_refused(tmp_path: Path) -> None:
    """One large bond would make all bonds of many elements large."""
    symbols = "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn".split()
    row = f"[{', '.join(['1'] * 60)}]"
    block = f"[{', '.join([f'[{row}]'] * 500)}]"
    fields = "radbasename: SBessel, radparameters: [1], prehc: 0, lambdahc: 1, rcut: 5, dcut: 0"
    small = f"{{nradmax: 1, lmax: 0, nradbasemax: 1, radcoefficients: [[[1]]], {fields}}}"
    large = f"{{nradmax: 500, lmax: 0, nradbasemax: 60, radcoefficients: {block}, {fields}}}"
    count = range(len(symbols))
    embedding = "{ndensity: 1, FS_parameters: [1, 1], npoti: FinnisSinclair, rho_core_cutoff: 1, drho_core_cutoff: 1}"
    lines = [
        f"elements: [{', '.join(symbols)}]",
        f"E0: [{', '.join('0' for _ in count)}]",
        "deltaSplineBins: 0.001",
        "embeddings:",
        *(f"  {i}: {embedding}" for i in count),
        "bonds:",
        *(f"  [{i}, {j}]: {large if i == j == 0 else small}" for i in count for j in count),
        "functions:",
        *(f"  {i}: []" for i in count),
    ]
    assert "coefficients of radial functions" in message(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("kind", ["bytes", "text", "words", "keys", "list", "brackets", "digits"])
def test_large_junk_is_refused_fast(kind: str, tmp_path: Path) -> None:
    """Files of 50 MB that are no potential."""
    size = 50_000_000
    junk = {
        "bytes": lambda: np.random.default_rng(0).bytes(size),
        "text": lambda: b"a" * size,
        "words": lambda: b"some words of a text\n" * (size // 21),
        "keys": lambda: b"".join(b"key%d: value\n" % i for i in range(size // 16)),
        "list": lambda: b"- value\n" * (size // 8),
        "brackets": lambda: b"elements: " + b"[" * size,
        "digits": lambda: b"elements: [" + b"1" * size + b"]",
    }[kind]()
    start = time.process_time()
    message(tmp_path, junk)
    assert time.process_time() - start < 5


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bytes and of values."""
    monkeypatch.setattr(document, "_MOST_NODES", 100)
    assert "more than 100 values" in message(tmp_path, EXAMPLE)
    monkeypatch.setattr(document, "_LARGEST", 100)
    assert "at most 100 are read" in message(tmp_path, EXAMPLE)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing files, folders, and names that no file can have."""
    for path in (tmp_path / "missing.yace", tmp_path, Path("a\0b"), "/dev/zero", ""):
        with pytest.raises(PotentialError, match=r"no such file|cannot be read"):
            read_potential(path)


def test_b_basis_files_are_told_apart(tmp_path: Path) -> None:
    """By their content, whatever they are called."""
    assert message(tmp_path, "global:\n  DeltaSplineBins: 0.001\nspecies: []\n").startswith("species: ")
    assert message(tmp_path, "species: []\n") == "the field 'global' is missing; the fields are " + (
        "global, species, metadata, auxdata."
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_give_a_message_or_a_potential(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any bytes changed, left out or inserted: never another error."""
    text = bytearray((ACE_JL if data.draw(st.booleans()) else EXAMPLE).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text[start:end] = data.draw(st.binary(max_size=3) | st.sampled_from([b"-", b"1e400", b"nan", b"{", b"[", b"~"]))
    try:
        read_potential(write(tmp_path_factory.mktemp("yace"), bytes(text)))
    except PotentialError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told


def test_spline_tables_of_ace_jl(tmp_path: Path) -> None:
    """Newer exports of ACE1 have tables instead of a recursion: the message says so, and what is read."""
    table = "    radbasename: ACE.jl\n    rcut: 5.0\n    nradial: 2\n    nbins: 2\n    splinenodalvals: {0: [1, 0]}\n"
    text = ACE_JL[: ACE_JL.index("    radbasename")] + table + ACE_JL[ACE_JL.index("polypairpot") :]
    for words in ("bonds[0,0].radbasename", "'ACE.jl'", "spline tables", "ACE.jl.base, ACE.jl.Basic"):
        assert words in message(tmp_path, text)


JUNK: list[Node] = ["", "-1", "0", "7", "0.5", "1e308", "nan", "zbl", "ACE.jl.x", [], {}, [["0"]], {("0", "0"): "1"}]


def flow(node: Node) -> str:
    """YAML of plain nodes on one line."""
    if isinstance(node, dict):
        keys = (flow(list(key) if isinstance(key, tuple) else key) for key in node)
        return "{" + ", ".join(f"{key}: {flow(value)}" for key, value in zip(keys, node.values(), strict=True)) + "}"
    return "[" + ", ".join(map(flow, node)) + "]" if isinstance(node, list) else json.dumps(node)


def places(node: Node) -> list[tuple[dict[Key, Node] | list[Node], Any]]:
    """All containers in a node, with each key or position in them."""
    if isinstance(node, str):
        return []
    inside: list[tuple[Any, Node]] = list(node.items() if isinstance(node, dict) else enumerate(node))
    return [(node, key) for key, _ in inside] + [place for _, value in inside for place in places(value)]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_values_of_a_wrong_kind_give_a_message_or_a_potential(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Anything in the place of anything, or nothing: never another error."""
    folder = tmp_path_factory.mktemp("yace")
    text = data.draw(st.sampled_from([EXAMPLE, ACE_JL]))
    known = {"elements", "E0", "deltaSplineBins", "lmax", "embeddings", "bonds", "functions", "polypairpot", "reppot"}
    content = document.read_document(document.read_content(write(folder, text)), known)
    node, key = data.draw(st.sampled_from(places(content)))
    if data.draw(st.booleans()):
        node[key] = data.draw(st.sampled_from(JUNK))
    else:
        del node[key]
    try:
        read_potential(write(folder, flow(content)))
    except PotentialError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told
    assert len(told) < 600
