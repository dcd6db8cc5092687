"""Grades in the lanes backend, against the interpreter and NumPy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from committees import grades_of
from coupled_cases import at_random
from lanes_kernels import compiled_lanes
from uncertainty_cases import environments_of, model

from acegen.codegen.lanes import grades as grades_module
from acegen.codegen.lanes.backend import LanesBackend
from acegen.errors import BuildError
from acegen.lower import coupled_products, descriptor_program, expand_products, pairing_choices
from acegen.optimize.grades import fold_rows
from acegen.options import BuildOptions
from acegen.program import KernelProgram
from acegen.program.interpreter import run_descriptors
from acegen.program.kernel import Outputs
from acegen.program.uncertainty import Norm
from acegen.program.uncertainty_interpreter import run_grade

WIDE = (64, 32)


def descriptors_of(key: str, coupled: float) -> KernelProgram:
    """With part of the labels in coupled products."""
    basis = model(key).expansion.basis
    if not coupled:
        return model(key).descriptors
    choices = pairing_choices(basis)
    return descriptor_program(
        expand_products(basis, coupled_products(choices, at_random(choices, np.random.default_rng(1), coupled)))
    )


@pytest.mark.parametrize(
    ("key", "coupled", "count", "norm"),
    [
        ("silicon", 1.0, 17, "maximum"),
        ("alloy", 0.7, 20, "euclidean"),
        ("alloy", 1.0, 300, "maximum"),
        ("agnesi", 1.0, 1, "euclidean"),
        ("flat", 0.0, 2, "maximum"),
        ("order 4", 1.0, 64, "euclidean"),
        ("order 5", 1.0, 5, "euclidean"),
        ("even", 0.0, 4, "euclidean"),
        ("plane, O2", 0.0, 4, "maximum"),
    ],
)
def test_grades_are_norms_of_combinations(key: str, coupled: float, count: int, norm: Norm, tmp_path: Path) -> None:
    """One and several elements, products with and without a coupled form, pair functions, inner switch, all spaces."""
    descriptors = descriptors_of(key, coupled)
    grades = grades_of(descriptors, np.random.default_rng(2), count, norm)
    backend = LanesBackend.of(BuildOptions(), *WIDE)
    kernels = compiled_lanes(backend.generate_grades(grades), descriptors.name, tmp_path)
    environments = environments_of(key, 45)
    found = kernels.grades(environments)
    for (center, species, x), grade in list(zip(environments, found, strict=True))[::3]:
        values = run_descriptors(descriptors, center, species, x).values
        combined = np.array(grades.rows[center]) @ values + np.array(grades.constants[center])
        wanted = np.sqrt((combined**2).sum()) if norm == "euclidean" else np.abs(combined).max()
        assert grade == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize("norm", ["maximum", "euclidean"])
def test_numbers_that_are_none_stay_so(norm: Norm, tmp_path: Path) -> None:
    """A combination that overflows is no small grade, whatever the others are: here one has NaN for its constant."""
    descriptors = descriptors_of("alloy", 0.0)
    grades = grades_of(descriptors, np.random.default_rng(2), 4, norm)
    grades = replace(grades, constants=((0.5, 0.25, 12345.5, 1.0), (0.5, 0.25, 0.125, 1.0)))
    sources = LanesBackend.of(BuildOptions(), *WIDE).generate_grades(grades)
    sources = {name: text.replace("12345.5", '__builtin_nan("")') for name, text in sources.items()}
    environments = environments_of("alloy", 12)
    found = compiled_lanes(sources, descriptors.name, tmp_path).grades(environments)
    assert [bool(np.isnan(grade)) for grade in found] == [center == 0 for center, *_ in environments]
    assert 0 < np.isnan(found).sum() < len(found)


def test_threads_and_groups_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bit by bit for any number of threads, and for blocks multiplied by a matrix too large for the cache."""
    grades = grades_of(descriptors_of("alloy", 1.0), np.random.default_rng(2), 30, "euclidean")
    options = BuildOptions(openmp=True)
    environments = environments_of("alloy", 500)
    found = []
    for number, most in enumerate((1 << 30, 1)):
        monkeypatch.setattr(grades_module, "_SMALL_TABLE", most)
        folder = tmp_path / str(number)
        folder.mkdir()
        sources = LanesBackend.of(options, *WIDE).generate_grades(grades)
        kernels = compiled_lanes(sources, grades.descriptors.name, folder, options)
        found += [kernels.grades(environments, threads) for threads in (1, 2, 3)]
    for other in found[1:3]:
        np.testing.assert_array_equal(other, found[0])
    for other in found[4:]:
        np.testing.assert_array_equal(other, found[3])
    assert found[3] == pytest.approx(found[0], rel=1e-13)
    assert found[0][499] == pytest.approx(run_grade(grades, *environments[499]), rel=1e-11)


@pytest.mark.parametrize("machine", [(32, 16)])
def test_other_registers(machine: tuple[int, int], tmp_path: Path) -> None:
    """Narrower ones, and fewer of them."""
    grades = grades_of(descriptors_of("alloy", 1.0), np.random.default_rng(2), 7, "maximum")
    sources = LanesBackend.of(BuildOptions(), *machine).generate_grades(grades)
    kernels = compiled_lanes(sources, grades.descriptors.name, tmp_path)
    environments = environments_of("alloy", 9)
    for where, grade in zip(environments, kernels.grades(environments), strict=True):
        assert grade == pytest.approx(run_grade(grades, *where), rel=1e-11)


def test_rows_take_the_purification() -> None:
    """Folded rows, applied to coupled functions by themselves, are the rows applied to the values."""
    descriptors = replace(descriptors_of("silicon", 1.0), inner=None)
    grades = grades_of(descriptors, np.random.default_rng(2), 5, "euclidean")
    coupling = descriptors.outputs.coupling
    assert coupling is not None
    names = tuple(map(str, range(len(coupling))))
    bare = replace(descriptors, outputs=Outputs(names, None, (coupling,)))
    where = model("silicon").environment(np.random.default_rng(1), 7)
    (folded,) = fold_rows(grades)
    wanted = np.array(grades.rows[0]) @ run_descriptors(descriptors, *where).values
    assert folded.coupled @ run_descriptors(bare, *where).values == pytest.approx(wanted, rel=1e-10)


def test_values_that_are_no_combinations_are_refused() -> None:
    descriptors = descriptors_of("silicon", 0.0)
    products = replace(descriptors, outputs=replace(descriptors.outputs, coupling=None))
    grades = grades_of(products, np.random.default_rng(2), 2, "euclidean")
    with pytest.raises(BuildError, match="must be combinations of coupled functions"):
        LanesBackend.of(BuildOptions(), *WIDE).generate_grades(grades)
