"""Reading `.yace` files: what is read is what the file says, and how ML-PACE reads it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from random_yace import potentials, random_potential
from yace_files import ACE_JL, EXAMPLE, write

from acegen.errors import PotentialError
from acegen.yace.potential import CTildeFunction, EmbeddingTerm, PaceBond, RecursionBond, RepulsiveCore
from acegen.yace.reading import document, read_potential
from acegen.yace.writing import potential_text

DATA = Path(__file__).parents[3] / "shared" / "data" / "pace"


def test_reads_what_is_written(tmp_path: Path) -> None:
    """Every field of a small file, compared with the file by eye."""
    potential = read_potential(write(tmp_path, EXAMPLE))
    assert potential.elements == ("No", "Y")
    assert potential.energies == (-1.5, 1e-5)
    assert potential.spline_step == 0.001
    first, second = potential.embeddings
    assert first.terms == (EmbeddingTerm(1.0, 1.0),)
    assert second.terms == (EmbeddingTerm(1.0, 1.0), EmbeddingTerm(-2.0, 0.5))
    assert (first.function, second.function) == ("FinnisSinclair", "FinnisSinclairShiftedScaled")
    assert (second.core_cutoff, second.core_width) == (3000.0, 250.0)
    assert potential.inner_cutoff == "distance"
    bond = potential.bonds[1][0]
    assert isinstance(bond, PaceBond)
    assert (bond.radial, bond.parameters, bond.n_base) == ("ChebPow", (2.0,), 2)
    assert (bond.cutoff, bond.width, bond.inner_cutoff, bond.inner_width) == (5.5, 0.01, 1.2, 0.25)
    assert potential.pair is None
    assert potential.functions[0][0] == CTildeFunction((1,), (2,), (0,), ((0,),), ((0.5,),))
    assert potential.functions[1][0] == CTildeFunction(
        (0, 1), (1, 1), (1, 1), ((0, 0), (1, -1)), ((0.25, -1.0), (0.125, 1e-7))
    )


def test_signs_of_the_core_repulsion_do_not_count(tmp_path: Path) -> None:
    """ML-PACE takes the absolute values of prehc and lambdahc, except of a ZBL core."""
    text = EXAMPLE.replace("prehc: 10, lambdahc: 2", "prehc: -10, lambdahc: -2")
    assert read_potential(write(tmp_path, text)) == read_potential(write(tmp_path, EXAMPLE))
    zbl = text.replace("inner_cutoff_type: distance", "inner_cutoff_type: zbl").replace("dcut_in: 0.0", "dcut_in: 0.1")
    bond = read_potential(write(tmp_path, zbl.replace("rcut_in: 0.0", "rcut_in: 0.1"))).bonds[0][0]
    assert isinstance(bond, PaceBond)
    assert bond.strength == -10


def test_bonds_get_the_largest_shape(tmp_path: Path) -> None:
    """Functions that a bond does not have are zero; of the basis g_k each has as many as the largest."""
    bonds = [bond for row in read_potential(write(tmp_path, EXAMPLE)).bonds for bond in row]
    for bond in bonds:
        assert isinstance(bond, PaceBond)
        assert np.array(bond.coefficients).shape == (2, 2, 2)
        assert bond.n_base == 2
    smaller = bonds[3]
    assert isinstance(smaller, PaceBond)
    assert smaller.coefficients == (((0.75, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0)))


def test_optional_fields_have_the_defaults_of_ml_pace(tmp_path: Path) -> None:
    """Without inner cutoffs, there are none, and the core repulsion switches."""
    text = EXAMPLE
    for field in (", rcut_in: 0.0", ", dcut_in: 0.0", ", rcut_in: 1.2", ", dcut_in: 0.25"):
        text = text.replace(field, "")
    potential = read_potential(write(tmp_path, text.replace(", inner_cutoff_type: distance", "")))
    assert potential.inner_cutoff == "density"
    for row in potential.bonds:
        for bond in row:
            assert isinstance(bond, PaceBond)
            assert (bond.inner_cutoff, bond.inner_width) == (0.0, 0.0)


def test_reads_bases_of_ace_jl(tmp_path: Path) -> None:
    """Recursions, the pair potential with its cores, and the largest cutoff for all."""
    potential = read_potential(write(tmp_path, ACE_JL))
    bond = potential.bonds[0][0]
    assert isinstance(bond, RecursionBond)
    basis = bond.basis
    assert (basis.power, basis.r0, basis.left, basis.right) == (2, 2.5, 0.3, 1.75)
    assert (basis.p_left, basis.p_right) == (2, 0)
    assert basis.steps == ((3.0, 0.0, 0.0), (4.0, -2.0, 0.0), (5.0, -3.0, -0.5))
    assert potential.pair is not None
    assert potential.pair.coefficients == (((1.0, -0.5),),)
    assert potential.pair.cores == ((RepulsiveCore(1.1, 0.5, 2.0, 3.0),),)
    assert (basis.cutoff, potential.pair.basis.cutoff) == (6.5, 6.5)
    assert potential.inner_cutoff == "density"
    without = ACE_JL[: ACE_JL.index("reppot")] + ACE_JL[ACE_JL.index("functions") :]
    again = read_potential(write(tmp_path, without)).pair
    assert again == replace(potential.pair, cores=((RepulsiveCore(0.0, 0.0, 0.0, 0.0),),))


@settings(max_examples=40, deadline=None)
@given(potentials())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, potential) -> None:  # type: ignore[no-untyped-def]
    """Exactly, for all that a file can say."""
    path = tmp_path_factory.mktemp("yace") / "potential.yace"
    path.write_text(potential_text(potential))
    assert read_potential(path) == potential


def test_without_libyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser reads the same."""
    path = write(tmp_path, EXAMPLE)
    expected = read_potential(path)
    monkeypatch.setattr(document, "_LOADER", document.yaml.BaseLoader)
    assert read_potential(path) == expected


@pytest.mark.parametrize("name", ["cheb_linear_1el", "sbessel_fs_1el", "two_element"])
def test_files_of_ml_pace_are_written_back(name: str, tmp_path: Path) -> None:
    """A file that ML-PACE reads gives the same potential after it was written by acegen."""
    path = DATA / f"{name}.yace"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    potential = read_potential(path)
    assert read_potential(write(tmp_path, potential_text(potential))) == potential


def test_numbers_that_are_not_finite_are_not_written() -> None:
    """A potential computed wrongly is found before it is written."""
    potential = replace(random_potential(np.random.default_rng(0), elements=1), energies=(float("inf"),))
    with pytest.raises(PotentialError, match="finite"):
        potential_text(potential)


def test_a_few_megabytes_take_a_few_seconds(tmp_path: Path) -> None:
    """A file of 4 MB."""
    line = next(line for line in EXAMPLE.splitlines() if "rank: 2" in line)
    path = write(tmp_path, EXAMPLE + f"{line}\n" * 20_000)
    assert path.stat().st_size > 3e6
    start = time.process_time()
    potential = read_potential(path)
    assert len(potential.functions[1]) == 20_001
    assert time.process_time() - start < 10
