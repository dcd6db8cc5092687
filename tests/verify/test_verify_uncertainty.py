"""`acegen verify` of grades and committees: what is right passes, what is wrong is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from uncertain_models import uncertain_model

import acegen
from acegen.options import BackendName, BuildOptions
from acegen.store.uncertainty import GradeKind, Uncertainty
from acegen.verify import verify_module
from acegen.verify.atoms import AtomVerifier

OWN = ("grade = ‖rows · basis‖", "members = rows · basis", "gradients of members likewise")


@pytest.mark.parametrize(("backend", "kind"), [("plain", "d-optimality"), ("lanes", "leverage")])
def test_good_modules_pass(backend: BackendName, kind: GradeKind, tmp_path: Path) -> None:
    """All that the module computes, grades and members among it."""
    model, _ = uncertain_model(tmp_path, kind, BuildOptions(backend=backend))
    results = {result.name: result for result in verify_module(model, n_environments=12)}
    assert [name for name, result in results.items() if not result.passed] == []
    assert [name for name in results if name in OWN] == list(OWN)


def test_what_is_wrong_is_noticed(tmp_path: Path) -> None:
    """One number of many, compared with what the module says it was made from."""
    model, uncertainty = uncertain_model(tmp_path, options=BuildOptions(backend="plain"))

    def failures(stated: Uncertainty) -> list[str]:
        model.__dict__["uncertainty_data"] = stated
        verifier = AtomVerifier(model, n_environments=12)
        results = (verifier.grades(), verifier.members(), verifier.member_gradients())
        return [result.name for result in results if not result.passed]

    assert failures(uncertainty) == []
    grades, committee = uncertainty.grades, uncertainty.committee
    assert grades is not None
    assert committee is not None
    function = acegen.load(model.path).n_pair
    for array, expected in ((grades.rows[0, 2], OWN[:1]), (committee.rows[1, 3], OWN[1:])):
        array[function] += 0.01
        assert failures(uncertainty) == list(expected)
        array[function] -= 0.01
    for array, expected in ((grades.constants[0], OWN[:1]), (committee.constants[1], OWN[1:2])):
        array[0] += 0.1
        assert failures(uncertainty) == list(expected)
        array[0] -= 0.1
