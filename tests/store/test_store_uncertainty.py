"""The file of what a fit knows of its own uncertainty: read as it was written, and refused when damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.store.archives import read_arrays
from acegen.store.files import is_own
from acegen.store.uncertainty import (
    Committee,
    Grades,
    Uncertainty,
    read_uncertainty,
    uncertainty_document,
    uncertainty_of,
    write_uncertainty,
)


def example(n_elements: int = 2, n_rows: int = 3, n_basis: int = 4, seed: int = 0) -> Uncertainty:
    """Grades and a committee of random numbers."""
    rng = np.random.default_rng(seed)
    shape = (n_elements, n_rows, n_basis)
    grades = Grades("leverage", rng.normal(size=shape), rng.normal(size=shape[:2]), (0.5, 1.5), 0.09)
    half_widths = ((0.6, 1.5, 2.1), (0.7, 1.6, 1.9))
    committee = Committee(rng.normal(size=shape), rng.normal(size=shape[:2]), (1e-3, 5.0), (0.05, 6.0), half_widths)
    return Uncertainty("0" * 64, grades, committee, "1" * 64)


def same(one: Uncertainty, other: Uncertainty) -> bool:
    return uncertainty_document(one) == uncertainty_document(other)


@settings(max_examples=30, deadline=None)
@given(sizes=st.tuples(*[st.integers(1, 4)] * 4), parts=st.sampled_from(["both", "grades", "committee", "none"]))
def test_files_read_back(tmp_path_factory: pytest.TempPathFactory, sizes: tuple[int, ...], parts: str) -> None:
    """Exactly, whatever parts there are."""
    whole = example(*sizes)
    written = replace(
        whole,
        grades=whole.grades if parts in ("both", "grades") else None,
        committee=whole.committee if parts in ("both", "committee") else None,
    )
    path = write_uncertainty(tmp_path_factory.mktemp("file") / "any.npz", written)
    again = read_uncertainty(path)
    assert (again.basis_hash, again.coefficient_hash) == (written.basis_hash, written.coefficient_hash)
    assert (again.grades is None, again.committee is None) == (written.grades is None, written.committee is None)
    for mine, theirs in ((again.grades, written.grades), (again.committee, written.committee)):
        if mine is not None and theirs is not None:
            np.testing.assert_array_equal(mine.rows, theirs.rows)
            np.testing.assert_array_equal(mine.constants, theirs.constants)
            rest = {name: value for name, value in vars(mine).items() if name not in ("rows", "constants")}
            assert rest == {name: getattr(theirs, name) for name in rest}
    assert same(again, written)


def test_a_folder_has_a_file_of_a_fixed_name(tmp_path: Path) -> None:
    """That belongs to modules, and is found from the folder of a fit as well."""
    module = tmp_path / "fit" / "model"
    module.mkdir(parents=True)
    path = write_uncertainty(module, example())
    assert path == module / "uncertainty.npz"
    assert is_own(path.name, "model")
    assert [entry.name for entry in module.iterdir()] == [path.name]
    (module / "module.json").write_text("{}")
    for source in (module, tmp_path / "fit", path, str(path), example()):
        assert same(uncertainty_of(source), example())


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("format"), "damaged or not the uncertainty of a model"),
        (lambda a: a.update(basis_hash=np.zeros(3)), "damaged or not the uncertainty"),
        (lambda a: a.pop("coefficient_hash"), "damaged or not the uncertainty of a model"),
        (lambda a: a.update(format=np.array("acegen-uncertainty-9")), "has the format 'acegen-uncertainty-9'"),
        (lambda a: a.update(other=np.zeros(3)), "'other' is unknown"),
        (lambda a: a.pop("grade_kind"), "'grade_rows' is unknown"),
        (lambda a: a.pop("grade_error"), "lacks 'grade_error'"),
        (lambda a: a.pop("committee_quantiles"), "lacks 'committee_quantiles'"),
        (lambda a: a.update(grade_kind=np.array("novelty")), "'novelty' is none of leverage, posterior, d-optimality"),
        (lambda a: a.update(grade_kind=np.zeros(2)), "'' is none of leverage"),
        (lambda a: a.update(grade_rows=a["grade_rows"].astype(np.float32)), r"grade_rows has .* float32, not 3 axes"),
        (lambda a: a.update(grade_rows=a["grade_rows"][0]), r"grade_rows has the shape \(3, 4\)"),
        (lambda a: a.update(grade_thresholds=np.ones(3)), "grade_thresholds has 3 numbers, not 2"),
        (lambda a: a.update(grade_thresholds=np.array([0.0, 1.0])), "thresholds of grades are 0 and 1; expected 0 <"),
        (lambda a: a.update(grade_thresholds=np.array([2.0, 1.0])), "thresholds of grades are 2 and 1"),
        (lambda a: a.update(grade_thresholds=np.array([1.0, np.nan])), "thresholds of grades are 1 and nan"),
        (lambda a: a.update(grade_error=np.array(-1.0)), "relative error of grades is -1"),
        (lambda a: a.update(grade_rows=a["grade_rows"] * np.inf), "grades have values that are not finite"),
        (lambda a: a.update(grade_kind=np.array("d-optimality")), "of kind d-optimality have constants"),
        (lambda a: a.update(grade_rows=a["grade_rows"][:, :, :0]), r"rows of shape \(2, 3, 0\)"),
        (lambda a: a.update(grade_constants=a["grade_constants"][:1]), r"constants of shape \(1, 3\); expected"),
        (lambda a: a.update(committee_rows=a["committee_rows"][:, :, :2]), "are of different bases"),
        (lambda a: a.update(committee_energy=np.array([-1.0, 1.0])), "floor and scale of energy are -1 and 1"),
        (lambda a: a.update(committee_forces=np.array([1.0, np.inf])), "floor and scale of forces are 1 and inf"),
        (lambda a: a.update(committee_quantiles=np.ones((2, 2))), "for energy and forces and 3 levels"),
        (lambda a: a.update(committee_quantiles=-np.ones((2, 3))), "at least 0 that ascend"),
        (lambda a: a.update(committee_quantiles=np.full((2, 3), np.nan)), "at least 0 that ascend"),
    ],
)
def test_faults_of_a_file(tmp_path: Path, change: Change, message: str) -> None:
    """One message, with what is wrong."""
    path = write_uncertainty(tmp_path, example())
    arrays: dict[str, Any] = read_arrays(path)
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(acegen.ModuleError, match=message):
        read_uncertainty(path)


def test_faults_of_bytes(tmp_path: Path) -> None:
    """No archive, a part of one, and no file at all."""
    with pytest.raises(acegen.ModuleError, match=r"no grades or uncertainties: .*uncertainty\.npz is missing"):
        read_uncertainty(tmp_path)
    path = write_uncertainty(tmp_path, example())
    for content in (b"no archive", path.read_bytes()[:300]):
        path.write_bytes(content)
        with pytest.raises(acegen.ModuleError, match="damaged or not the uncertainty of a model"):
            read_uncertainty(path)


def test_faults_before_writing(tmp_path: Path) -> None:
    """Nothing is written that could not be read."""
    whole = example()
    assert whole.grades is not None
    bad = replace(whole, grades=replace(whole.grades, constants=whole.grades.constants[:, :2]))
    for attempt in (lambda: write_uncertainty(tmp_path, bad), lambda: uncertainty_of(bad)):
        with pytest.raises(acegen.ModuleError, match=r"grades have rows of shape \(2, 3, 4\) and constants"):
            attempt()
    with pytest.raises(acegen.ModuleError, match="uncertainty = 3 is not possible"):
        uncertainty_of(3)  # type: ignore[arg-type]
    with pytest.raises(acegen.ModuleError, match="cannot write the uncertainty"):
        write_uncertainty(tmp_path / "no" / "file.npz", whole)
    assert not list(tmp_path.iterdir())
