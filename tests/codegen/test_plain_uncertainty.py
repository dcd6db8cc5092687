"""Grades and committees in the plain backend, against the interpreter; what callers may and may not pass."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bond_checks import environments
from bond_programs import Choices, bond_program, coupled_bond_program
from committees import committee_of, grades_of, potentials_like
from coupled_cases import at_random
from plain_kernels import Environment, Environments, PlainKernels, compiled
from program_cases import SPECS, case

from acegen.build.toolchain import find_toolchain
from acegen.codegen.plain.backend import PlainBackend
from acegen.lower import coupled_products, descriptor_program, expand_products, pairing_choices, potential_program
from acegen.program import KernelProgram, check_program
from acegen.program.kernel import Outputs
from acegen.program.uncertainty import CommitteeProgram, GradeProgram
from acegen.program.uncertainty_interpreter import run_grade, run_members
from acegen.store import files

KEYS = sorted(SPECS)
BACKEND = PlainBackend()
OK, BAD_ARGUMENT, SMALL_WORKSPACE, UNKNOWN_SPECIES, NOT_FINITE, COINCIDENT, OUTSIDE = range(7)
cases = cache(case)


def check(kernels: PlainKernels, committee: CommitteeProgram | None, grades: GradeProgram | None, where: Any) -> None:
    """Energies, gradients and grades as the interpreter has them."""
    if committee is not None:
        energies, gradients = kernels.committee(where, committee.n_members)
        for own, energy, gradient in zip(where, energies, gradients, strict=True):
            expected, slopes = run_members(committee.members, *own)
            size = max(1.0, np.abs(expected).max(), np.abs(slopes).max(initial=0.0))
            assert np.abs(energy - expected).max() < 1e-12 * size
            assert np.abs(gradient - slopes).max(initial=0.0) < 1e-12 * size
    if grades is not None:
        for own, grade in zip(where, kernels.grades(where), strict=True):
            assert grade == pytest.approx(run_grade(grades, *own), rel=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_kernels_compute_what_the_interpreter_does(key: str, tmp_path: Path) -> None:
    """Of atoms and other particles, one and several elements, with and without a pair term and an inner switch."""
    own, rng = cases(key), np.random.default_rng(9)
    committee = committee_of(potentials_like(own.potential, rng, 3))
    grades = grades_of(own.descriptors, rng, 4, "euclidean" if own.descriptors.atoms else "maximum")
    sources = {**BACKEND.generate_committee(committee), **BACKEND.generate_grades(grades)}
    kernels = compiled(sources, own.spec.name, tmp_path)
    check(kernels, committee, grades, [own.environment(rng, count) for count in (0, 4, 0, 9, 1)])
    check(kernels, committee, grades, [own.environment(rng, 0)] * 2)


def test_coupled_products(tmp_path: Path) -> None:
    """Of most labels invariants are coupled, those of others are products; with a pair term and an inner switch."""
    own, rng = cases("alloy"), np.random.default_rng(2)
    choices = pairing_choices(own.expansion.basis)
    expansion = expand_products(own.expansion.basis, coupled_products(choices, at_random(choices, rng, 0.6)))
    potential = potential_program(expansion, own.coefficients.values)
    assert potential.coupled is not None
    assert potential.products
    committee = committee_of(potentials_like(potential, rng, 2))
    grades = grades_of(descriptor_program(expansion), rng, 3, "maximum")
    sources = {**BACKEND.generate_committee(committee), **BACKEND.generate_grades(grades)}
    where = [own.environment(rng, count) for count in (3, 0, 12, 1)]
    check(compiled(sources, "alloy", tmp_path), committee, grades, where)


def test_coupled_products_alone(tmp_path: Path) -> None:
    """No monomial is left in any member; and nothing at all."""
    program = coupled_bond_program(1, Choices(embedding="identity"))
    n_products, rng = len(program.products), np.random.default_rng(3)
    members = potentials_like(program, rng, 2)

    def only(member: KernelProgram, least: int) -> KernelProgram:
        rows = tuple((tuple((t, w) for t, w in row if t >= least),) for (row,) in member.outputs.rows)
        return replace(member, outputs=replace(member.outputs, rows=rows))

    for number, least in enumerate((n_products, 10**6)):
        committee = committee_of([only(member, least) for member in members])
        folder = tmp_path / str(number)
        folder.mkdir()
        kernels = compiled(dict(BACKEND.generate_committee(committee)), "by_bonds", folder)
        assert "polynomial" not in kernels.sources["by_bonds_committee.c"]
        check(kernels, committee, None, environments(program, 4))


@pytest.mark.parametrize("seed", range(2))
def test_contraction(seed: int, tmp_path: Path) -> None:
    """Of several elements with weights of every centre, with bonds; products that are no invariants."""
    potential, rng = bond_program(seed, Choices(embedding="identity")), np.random.default_rng(seed)
    coupling = tuple(((t, float(rng.normal())),) for t in range(len(potential.products)))
    rows = tuple(tuple((int(t), float(rng.normal())) for t in rng.integers(len(coupling), size=3)) for _ in range(6))
    outputs = Outputs(tuple(f"B{i}" for i in range(6)), coupling, (rows,))
    descriptors = replace(potential, outputs=outputs, embedding=None)
    check_program(descriptors)
    committee = committee_of(potentials_like(potential, rng, 3))
    grades = grades_of(descriptors, rng, 2, "euclidean")
    sources = {**BACKEND.generate_committee(committee), **BACKEND.generate_grades(grades)}
    check(compiled(sources, "by_bonds", tmp_path), committee, grades, environments(potential, seed))


def test_grades_of_different_numbers_of_combinations(tmp_path: Path) -> None:
    """By element, as those with fewer environments to choose from may have."""
    own, rng = cases("alloy"), np.random.default_rng(1)
    grades = grades_of(own.descriptors, rng, 4, "maximum")
    grades = replace(grades, rows=(grades.rows[0], grades.rows[1][:1]), constants=(grades.constants[0], (0.5,)))
    kernels = compiled(dict(BACKEND.generate_grades(grades)), "alloy", tmp_path)
    check(kernels, None, grades, [own.environment(rng, 5) for _ in range(6)])


def test_numbers_that_are_none_stay_so(tmp_path: Path) -> None:
    """A combination that overflows is no small grade, whatever the others are: here one has NaN for its constant."""
    own, rng = cases("alloy"), np.random.default_rng(1)
    grades = grades_of(own.descriptors, rng, 4, "maximum")
    grades = replace(grades, constants=((0.5, 0.25, 12345.5, 1.0), (0.5, 0.25, 0.125, 1.0)))
    sources = {
        name: text.replace("12345.5", '__builtin_nan("")') for name, text in BACKEND.generate_grades(grades).items()
    }
    where = [own.environment(rng, 5) for _ in range(6)]
    found = compiled(sources, "alloy", tmp_path).grades(where)
    assert [bool(np.isnan(grade)) for grade in found] == [center == 0 for center, *_ in where]
    assert 0 < np.isnan(found).sum() < len(found)


# ---- how they are called


@pytest.fixture(scope="module")
def alloy(tmp_path_factory: pytest.TempPathFactory) -> PlainKernels:
    """All kernels of a model in one library, of three members."""
    own, rng = cases("alloy"), np.random.default_rng(0)
    committee = committee_of(potentials_like(own.potential, rng, 3))
    sources = dict(BACKEND.generate(own.descriptors, own.potential, BACKEND.optimize(own.potential, "auto")))
    count = len(sources)
    more = {**BACKEND.generate_committee(committee)}
    more |= BACKEND.generate_grades(grades_of(own.descriptors, rng, 3, "euclidean"))
    assert len({**sources, **more}) == count + len(more)
    return compiled({**sources, **more}, "alloy", tmp_path_factory.mktemp("alloy"))


def test_names_of_symbols_and_files(alloy: PlainKernels) -> None:
    """All names begin with that of the kernel; all files are those of a module."""
    assert all(files.is_own(file, "alloy") for file in alloy.sources)
    listed = subprocess.run(["nm", "-D", "--defined-only", alloy.library._name], capture_output=True, text=True)
    symbols = {line.split()[-1] for line in listed.stdout.splitlines()}
    for kernel in ("grade", "committee"):
        own = {symbol for symbol in symbols if symbol.startswith(f"alloy_{kernel}")}
        assert {f"alloy_{kernel}", f"alloy_{kernel}_workspace"} < own
        text = "".join(text for file, text in alloy.sources.items() if file.startswith(f"alloy_{kernel}"))
        functions = set(re.findall(r"^(?!static|enum|typedef)\w[\w *]*?(\w+)\(", text, re.MULTILINE))
        assert functions == own - {f"alloy_{kernel}_pooled_first"}
    assert "alloy_grade_reference" not in symbols


def call(kernels: PlainKernels, kernel: str, **changes: Any) -> tuple[int, int]:
    """Status and failed atom of a call with two centres of two neighbours each, changed somewhere."""
    arrays = {
        "center": np.array([0, 1], dtype=np.int32),
        "first": np.array([0, 2, 4], dtype=np.int64),
        "species": np.array([0, 1, 1, 0], dtype=np.int32),
        "displacement": np.array([[2.0, 0, 0], [0, 2.5, 0], [0, 0, 2.0], [1, 1, 1]]),
    }
    arguments: dict[str, Any] = {"n_atoms": 2, "n_threads": 1, "short": 0, "output": True, "gradient": True}
    arguments |= {name: value for name, value in changes.items() if name in arguments}
    for name, (position, value) in changes.items() if not changes.keys() & arguments.keys() else ():
        arrays[name][position] = value
    pointers = [array.ctypes.data if arguments.get(name, True) else None for name, array in arrays.items()]
    passed = Environments(arguments["n_atoms"], *pointers)
    size_of = getattr(kernels.library, f"alloy_{kernel}_workspace")
    size_of.restype = ctypes.c_size_t
    size = size_of(ctypes.c_int64(2), ctypes.c_int32(1)) - arguments["short"]
    outputs = [np.empty(6), np.empty((3, 4, 3))][: 2 if kernel == "committee" else 1]
    wanted = (arguments["output"], arguments["gradient"])
    workspace, failed = np.empty(size + 1, dtype=np.uint8), ctypes.c_int64(-7)
    status = getattr(kernels.library, f"alloy_{kernel}")(
        ctypes.byref(passed),
        *(ctypes.c_void_p(out.ctypes.data if want else None) for out, want in zip(outputs, wanted, strict=False)),
        ctypes.c_int32(arguments["n_threads"]),
        ctypes.c_void_p(workspace.ctypes.data + 1),  # any alignment
        ctypes.c_size_t(size),
        ctypes.byref(failed),
    )
    return status, failed.value


@pytest.mark.parametrize("kernel", ["grade", "committee"])
def test_status_codes(alloy: PlainKernels, kernel: str) -> None:
    """Each mistake is told from the others, with the centre where there is one."""
    assert call(alloy, kernel) == (OK, -1)
    assert call(alloy, kernel, n_threads=5) == (OK, -1)
    assert call(alloy, kernel, n_atoms=0) == (OK, -1)
    for changes in ({"n_threads": 0}, {"n_threads": -1}, {"n_atoms": -1}, {"output": False}):
        assert call(alloy, kernel, **changes) == (BAD_ARGUMENT, -1)
    if kernel == "committee":
        assert call(alloy, kernel, gradient=False) == (BAD_ARGUMENT, -1)
    assert call(alloy, kernel, first=(1, 5)) == (BAD_ARGUMENT, 1)
    assert call(alloy, kernel, first=(0, -1)) == (BAD_ARGUMENT, 0)
    assert call(alloy, kernel, short=1) == (SMALL_WORKSPACE, -1)
    assert call(alloy, kernel, center=(1, 2)) == (UNKNOWN_SPECIES, 1)
    assert call(alloy, kernel, species=(0, -1)) == (UNKNOWN_SPECIES, 0)
    assert call(alloy, kernel, displacement=((3, 1), np.nan)) == (NOT_FINITE, 1)
    assert call(alloy, kernel, displacement=((3, 1), 1e200)) == (NOT_FINITE, 1)
    assert call(alloy, kernel, displacement=(2, 1e-7)) == (COINCIDENT, 1)


def test_particles_outside(tmp_path: Path) -> None:
    """A particle that is no number in [-1, 1]."""
    own, rng = cases("even"), np.random.default_rng(0)
    grades = grades_of(own.descriptors, rng, 2, "maximum")
    kernels = compiled(dict(BACKEND.generate_grades(grades)), own.spec.name, tmp_path)
    with pytest.raises(AssertionError, match=f"status {OUTSIDE}"):
        kernels.grades([(0, np.array([0]), np.array([[1.5]]))])


def with_entries_beyond(where: Sequence[Environment]) -> list[Environment]:
    """The same environments with more entries, none of which is within a cutoff."""
    more = np.array([[9.0, 0.0, 0.0], [0.0, -30.0, 3.0]])
    return [(center, np.append(species, [0, 1]), np.vstack([x, more])) for center, species, x in where]


def test_entries_beyond_the_cutoff(alloy: PlainKernels) -> None:
    """They change no bit, and their gradients are exactly zero, of all members."""
    own, rng = cases("alloy"), np.random.default_rng(3)
    where = [own.environment(rng, count) for count in (5, 0, 3)]
    energies, gradients = alloy.committee(where, 3)
    more_energies, more_gradients = alloy.committee(with_entries_beyond(where), 3)
    np.testing.assert_array_equal(more_energies, energies)
    for more, fewer in zip(more_gradients, gradients, strict=True):
        np.testing.assert_array_equal(more[:, :-2], fewer)
        assert not more[:, -2:].any()
    np.testing.assert_array_equal(alloy.grades(with_entries_beyond(where)), alloy.grades(where))


def test_sanitized(alloy: PlainKernels, tmp_path: Path) -> None:
    """Nothing is read or written outside of arrays: by a program of its own, with lists that begin late."""
    main = r"""
#include <stdio.h>
#include <stdlib.h>
#include "acegen.h"
size_t alloy_grade_workspace(int64_t, int32_t);
acegen_status alloy_grade(const acegen_environments *, double *, int32_t, void *, size_t, int64_t *);
size_t alloy_committee_workspace(int64_t, int32_t);
acegen_status alloy_committee(const acegen_environments *, double *, double *, int32_t, void *, size_t, int64_t *);
int main(void)
{
    const int32_t center[] = { 1, 0, 0 }, species[] = { 7, 0, 1, 1, 0 };
    const int64_t first[] = { 1, 4, 4, 5 };
    const double x[] = { 0, 0, 0, 2, 0, 0, 0, 2.5, 0, 0, 0, 2.2, 1, 1, 1 };
    const acegen_environments all = { 3, center, first, species, x };
    double *grade = malloc(3 * sizeof *grade), *energy = malloc(9 * sizeof *energy);
    double *gradient = malloc(36 * sizeof *gradient);
    const size_t small = alloy_grade_workspace(3, 1), large = alloy_committee_workspace(3, 1);
    void *one = malloc(small), *two = malloc(large);
    if (alloy_grade(&all, grade, 1, one, small, NULL)) return 1;
    if (alloy_committee(&all, energy, gradient, 1, two, large, NULL)) return 1;
    for (int i = 0; i < 3; ++i) printf("%.17g\n", grade[i]);
    for (int i = 0; i < 9; ++i) printf("%.17g\n", energy[i]);
    for (int i = 0; i < 36; ++i) printf("%.17g\n", gradient[i]);
    free(grade), free(energy), free(gradient), free(one), free(two);
    return 0;
}
"""
    names = [file for file in alloy.sources if re.match(r"alloy_(grade|committee).*\.c$", file)]
    folder = Path(alloy.library._name).parent
    (tmp_path / "main.c").write_text(main)
    flags = ["-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{folder}"]
    sources = [*(str(folder / name) for name in names), "main.c"]
    command = [*find_toolchain().command, *flags, *sources, "-o", "main", "-lm"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    result = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = np.array(result.stdout.split(), dtype=float)
    x = np.array([[2.0, 0, 0], [0, 2.5, 0], [0, 0, 2.2], [1, 1, 1]])
    where = [(1, np.array([0, 1, 1]), x[:3]), (0, np.zeros(0, dtype=int), x[:0]), (0, np.array([0]), x[3:])]
    energies, gradients = alloy.committee(where, 3)
    expected = np.concatenate([alloy.grades(where), energies.ravel(), np.concatenate(gradients, axis=1).ravel()])
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
