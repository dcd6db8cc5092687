"""Neighbour lists of cells of all shapes, against sums over images, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.errors import StructureError
from acegen.runtime.images import pairs_by_images
from acegen.runtime.neighbours import NeighbourList, neighbour_list

CUTOFF = 5.0


def brute_force(atoms: Atoms, cutoff: float, reach: tuple[int, int, int]) -> set[tuple[int, ...]]:
    """(centre, neighbour, shift) of all pairs, from the images up to `reach` cells away."""
    ranges = [np.arange(-r, r + 1) if p else np.zeros(1, dtype=int) for r, p in zip(reach, atoms.pbc, strict=True)]
    shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    found = set()
    for i, j in product(range(len(atoms)), repeat=2):
        apart = atoms.positions[j] - atoms.positions[i] + shifts @ atoms.cell.array
        for shift in shifts[(apart**2).sum(axis=1) < cutoff**2].tolist():
            if i != j or any(shift):
                found.add((i, j, *shift))
    return found


def as_set(pairs: NeighbourList) -> set[tuple[int, ...]]:
    rows = np.column_stack([pairs.center, pairs.neighbour, pairs.shift]).tolist()
    assert len(rows) == len({tuple(row) for row in rows})
    return {tuple(row) for row in rows}


def checked(atoms: Atoms, cutoff: float = CUTOFF) -> NeighbourList:
    """A list whose entries are consistent with themselves."""
    pairs = neighbour_list(atoms, cutoff)
    expected = (
        atoms.positions[pairs.neighbour] + pairs.shift.astype(float) @ atoms.cell.array - atoms.positions[pairs.center]
    )
    scale = 1 + max(np.abs(atoms.positions).max(), np.abs(pairs.shift @ np.abs(atoms.cell.array)).max(initial=0.0))
    np.testing.assert_allclose(pairs.displacement, expected, rtol=0, atol=1e-14 * scale)
    np.testing.assert_array_equal(np.diff(pairs.first), np.bincount(pairs.center, minlength=len(atoms)))
    np.testing.assert_array_equal(pairs.center, np.sort(pairs.center))
    return pairs


SIZES = [
    (5e5, 8, 8), (8, 5e5, 8), (8, 8, 5e5), (1e6, 8, 8), (1e9, 8, 8), (1e11, 8, 8), (2000, 2000, 6), (1590, 6, 1590),
    (6, 1e5, 1e5), (1e5, 1e5, 1e5), (1e5, 1e3, 6), (3e11, 3e11, 3e11),
]  # fmt: skip


@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, True, True), (False,) * 3])
def test_elongated_cells(periodic: tuple[bool, bool, bool]) -> None:
    """In a separate process, which survived none of the first eight."""
    program = (
        "import sys\nfrom ase import Atoms\nfrom acegen.runtime.neighbours import neighbour_list\n"
        f"for cell in {SIZES}:\n"
        "    atoms = Atoms('Si2', positions=[[0, 0, 0], [2.3, 0.1, 0.2]], cell=cell, pbc=" + str(periodic) + ")\n"
        "    for far in (0, 1):\n"
        "        atoms.positions[1, 0] -= 0.9 * far * cell[0]\n"
        "        print(*sorted((neighbour_list(atoms, 5.0).displacement ** 2).sum(axis=1)))\n"
        "    sys.stdout.flush()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    for number, cell in enumerate(SIZES):
        for far in (0, 1):
            second = np.array([2.3 - 0.9 * far * cell[0], 0.1, 0.2])
            short = np.array([p and size < 2 * CUTOFF for p, size in zip(periodic, cell, strict=True)])
            steps = [(-1, 0, 1) if s else (0,) for s in short]
            expected = []
            for shift in product(*steps):
                for apart in (second, -second, np.zeros(3), np.zeros(3)):
                    image = apart - np.array(
                        [p * np.round(a / s) * s for a, s, p in zip(apart, cell, periodic, strict=True)]
                    )
                    length = ((image + np.array(shift) * cell) ** 2).sum()
                    if 0 < length < CUTOFF**2:
                        expected.append(length)
            found = [float(word) for word in lines[2 * number + far].split()]
            np.testing.assert_allclose(found, sorted(expected), rtol=1e-3 if max(cell) > 1e8 else 1e-8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-0.4, 2.2), min_size=3, max_size=3),
    st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_random_cells(logarithms: list[float], slants: list[float], periodic: list[bool], seed: int) -> None:
    """Thin, long and oblique cells, atoms outside them: vesin and images against brute force."""
    rng = np.random.default_rng(seed)
    cell = np.diag(10.0 ** np.array(logarithms))
    cell[1, 0], cell[2, 0], cell[2, 1] = np.array(slants) * cell[[0, 0, 1], [0, 0, 1]]
    cutoff = min(CUTOFF, 2.97 * np.diag(cell).min())
    positions = rng.uniform(-1.5, 1.5, size=(4, 3)) @ np.minimum(np.abs(cell), cutoff)
    atoms = Atoms("Si4", positions=positions, cell=cell, pbc=periodic)
    reach = np.ceil(
        (cutoff + np.ptp(positions @ np.linalg.inv(cell), axis=0) / np.linalg.norm(np.linalg.inv(cell), axis=0))
        * np.linalg.norm(np.linalg.inv(cell), axis=0)
    ).astype(int)
    expected = brute_force(atoms, cutoff, tuple(reach))
    assert as_set(checked(atoms, cutoff)) == expected
    center, neighbour, shift, _ = pairs_by_images(atoms.positions, atoms.cell.array, atoms.pbc, cutoff)
    assert {tuple(row) for row in np.column_stack([center, neighbour, shift]).tolist()} == expected


@pytest.mark.parametrize("slant", [1e2, 1e3, 1e4])
def test_nearly_singular_cells(slant: float) -> None:
    """A lattice has many cells; a very oblique one gives the same distances as the compact one."""
    positions = [[0.0, 0.0, 0.0], [1.1, 1.3, 0.7]]
    compact = np.diag([4.0, 4.0, 4.0])
    oblique = np.array([[1.0, 0, 0], [slant, 1, 0], [-slant, slant + 1, 1]]) @ compact
    expected = checked(Atoms("Si2", positions=positions, cell=compact, pbc=True))
    found = checked(Atoms("Si2", positions=positions, cell=oblique, pbc=True))
    for pairs in (expected, found):
        assert len(pairs.center) > 20
    lengths = [np.sort(np.linalg.norm(pairs.displacement, axis=1)) for pairs in (expected, found)]
    np.testing.assert_allclose(lengths[1], lengths[0], rtol=1e-9 * max(1.0, slant / 1e4))


@pytest.mark.parametrize("size", [0.02, 0.1, 0.5])
def test_tiny_cells(size: float) -> None:
    """Many images of one atom along one direction are all found."""
    atoms = Atoms("Si", cell=[size, 20, 20], pbc=True)
    pairs = checked(atoms)
    count = int(np.ceil(CUTOFF / size)) - 1
    assert len(pairs.center) in (2 * count, 2 * count + 2)  # rounding decides about pairs exactly at the cutoff
    assert set(pairs.shift[:, 0]) >= set(range(-count, count + 1)) - {0}


@pytest.mark.parametrize(
    ("cell", "positions", "message"),
    [
        ([0.01, 0.01, 0.01], [[0, 0, 0]], "too small, or the atoms too dense"),
        ([1e-5, 8, 8], [[0, 0, 0]] * 20, "too small, or the atoms too dense"),
        ([1e-200, 8, 8], [[0, 0, 0]], "check the cell and its unit"),
        ([1e-310, 1e-310, 1e-310], [[0, 0, 0]], "check the cell and its unit"),
        ([8, 8, 8], [[0, 0, 0], [1e300, 0, 0]], "reach 1e\\+300"),
        ([1e160, 8, 8], [[0, 0, 0]], "reach 1e\\+160"),
        ([1, 1, 1], [[0, 0, 0], [1e11, 0, 0]], "cells away"),
        ([[5, 0, 0], [5, 1e-12, 0], [0, 0, 5]], [[0, 0, 0]], "linearly dependent"),
        ([[5, 0, 0], [5e11, 5, 0], [0, 0, 5]], [[0, 0, 0]], "linearly dependent"),
    ],
)
def test_what_cannot_be_listed_is_refused(cell: object, positions: object, message: str) -> None:
    atoms = Atoms(numbers=[14] * len(positions), positions=positions, cell=cell, pbc=True)  # type: ignore[arg-type]
    with pytest.raises(StructureError, match=message):
        neighbour_list(atoms, CUTOFF)


def test_fragments_far_apart() -> None:
    """A molecule that has flown away is not an error of the list."""
    atoms = Atoms("Si4", positions=[[0, 0, 0], [2, 0, 0], [3e7, 0, 0], [3e7, 2, 0]])
    assert as_set(checked(atoms)) == {(0, 1, 0, 0, 0), (1, 0, 0, 0, 0), (2, 3, 0, 0, 0), (3, 2, 0, 0, 0)}
