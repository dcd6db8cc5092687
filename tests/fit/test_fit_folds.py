"""Which configurations are held out together, and that the others are always fitted to."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from fit_cases import COPPER, cell, fit_settings, save, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.errors import DataWarning, FitError
from acegen.fit import fit
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.data import read_parts
from acegen.fit.dataset import Configuration
from acegen.fit.folds import ALWAYS, assign_folds, hold_out, is_cluster
from acegen.fit.settings import QUANTITIES
from acegen.progress import Silent

CLUSTERS = {
    "atom": Atoms("Cu"),
    "atom in a box": Atoms("Cu", cell=[15, 15, 15], pbc=True),
    "dimer": Atoms("Cu2", [[0, 0, 0], [0, 0, 2.2]]),
    "dimer in a box": Atoms("Cu2", [[0, 0, 0], [0, 0, 14]], cell=[15, 15, 15], pbc=True),
}
SMALL = {
    "primitive fcc": bulk("Cu"),
    "primitive diamond": bulk("Si"),
    "primitive bcc of the largest atoms": bulk("Cs"),
    "chain": Atoms("Cu", cell=[2.3, 0, 0], pbc=[True, False, False]),
    "layer in a box": Atoms("C2", [[0, 0, 0], [0, 1.42, 0]],
                            cell=[[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 20]], pbc=True),
    "skew cell of the layer": Atoms("C2", [[0, 0, 0], [0, 1.42, 0]],
                                    cell=[[2.46, 0, 0], [23.37, 2.13, 0], [9, 0, 20]], pbc=True),
    "trimer": Atoms("Cu3", [[0, 0, 0], [0, 0, 2.2], [0, 2.2, 0]]),
}  # fmt: skip


def configurations_of(counts: dict[str, int]) -> list[Configuration]:
    """So many crystals of each kind."""
    atoms = bulk("Cu", cubic=True)
    return [
        Configuration(atoms, f"{kind}{i}", kind, 0.0, None, None)
        for kind, count in counts.items()
        for i in range(count)
    ]


def by_kind(configurations: Sequence[Configuration], folds: Sequence[int]) -> dict[str, Counter[int]]:
    """How many of each kind each fold has."""
    found: dict[str, Counter[int]] = {}
    for c, fold in zip(configurations, folds, strict=True):
        found.setdefault(c.config_type, Counter())[fold] += 1
    return found


Kinds = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=1) | st.integers(1, 8).map(
    lambda count: dict.fromkeys("abcdefgh"[:count], 1)
)


@pytest.mark.parametrize("name", CLUSTERS)
def test_isolated_atoms_and_dimers_also_in_boxes(name: str) -> None:
    assert is_cluster(CLUSTERS[name])


@pytest.mark.parametrize("name", SMALL)
def test_small_cells_are_no_clusters(name: str) -> None:
    assert not is_cluster(SMALL[name])


@given(counts=Kinds, count=st.integers(2, 20), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_every_kind_is_in_every_fold_that_it_can_be_in(counts: dict[str, int], count: int, seed: int) -> None:
    """Sizes, of folds and of each kind in them, differ by one at most; the same seed gives the same folds."""
    configurations = configurations_of(counts)
    folds = assign_folds(configurations, count, seed)
    assert folds == assign_folds(configurations, count, seed)
    found = by_kind(configurations, folds)
    if max(counts.values()) > 1:
        for kind, members in counts.items():
            if members == 1:
                assert set(found[kind]) == {ALWAYS}
        free = {kind: members for kind, members in counts.items() if members > 1}
    else:  # names instead of kinds: all are one kind
        free = dict(counts)
    total = sum(free.values())
    if total < 2:
        assert set(folds) == {ALWAYS}
        return
    count = min(count, total)
    sizes = Counter(fold for fold in folds if fold != ALWAYS)
    assert set(sizes) == set(range(count))
    assert sum(sizes.values()) == total
    assert max(sizes.values()) - min(sizes.values()) <= 1
    if max(counts.values()) > 1:
        for kind, members in free.items():
            own = [found[kind][fold] for fold in range(count)]
            assert sum(own) == members
            assert max(own) - min(own) <= 1
            assert members < count or min(own) > 0


@given(
    counts=Kinds,
    count=st.integers(2, 8),
    seed=st.integers(0, 1000),
    clusters=st.lists(st.sampled_from(sorted(CLUSTERS)), max_size=12),
    gold=st.integers(0, 3),
)
@settings(deadline=None)
def test_what_nothing_else_tells_is_always_fitted(
    counts: dict[str, int], count: int, seed: int, clusters: list[str], gold: int
) -> None:
    """Isolated atoms, dimers, and an element's only configuration; with any number of a kind."""
    alloy = bulk("Cu", cubic=True)
    alloy.symbols[0] = "Au"
    special = [Configuration(CLUSTERS[name], name, "a", 0.0, None, None) for name in clusters]
    holders = [Configuration(alloy, "gold", "b", 0.0, None, None)] * gold
    configurations = [*configurations_of(counts), *special, *holders]
    for folds in (assign_folds(configurations, count, seed), _held_out(configurations, seed)):
        kept = {i for i, fold in enumerate(folds) if fold == ALWAYS}
        first = sum(counts.values())
        assert set(range(first, first + len(special))) <= kept
        if gold == 1:
            assert first + len(special) in kept
        for fold in set(folds) - {ALWAYS}:  # the fit without it has seen both elements
            left = [c for c, own in zip(configurations, folds, strict=True) if own != fold and not is_cluster(c.atoms)]
            assert {symbol for c in left for symbol in c.atoms.get_chemical_symbols()} >= (
                {"Au", "Cu"} if gold else {"Cu"}
            )


def _held_out(configurations: Sequence[Configuration], seed: int) -> tuple[int, ...]:
    """Half of them, or nothing where nothing can be."""
    try:
        return hold_out(configurations, 0.5, seed)
    except FitError:
        return (ALWAYS,) * len(configurations)


@given(counts=Kinds, part=st.floats(0, 0.5), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_a_part_of_each_kind(counts: dict[str, int], part: float, seed: int) -> None:
    """Rounded, but at least one is held out and one is fitted to; the same for the same seed."""
    configurations = configurations_of(counts)
    named = max(counts.values()) == 1
    if part > 0 and len(configurations) == 1:
        with pytest.raises(FitError, match="1 training configurations leave none for validation"):
            hold_out(configurations, part, seed)
        return
    folds = hold_out(configurations, part, seed)
    assert folds == hold_out(configurations, part, seed)
    assert len(folds) == len(configurations)
    assert set(folds) <= {ALWAYS, 0}
    if named:  # no kinds, but names
        counts = {"": len(counts)}
    found = by_kind([*configurations], folds) if not named else {"": Counter(folds)}
    for kind, members in counts.items():
        expected = 0 if part == 0 or members == 1 else min(max(1, round(part * members)), members - 1)
        assert found[kind][0] == expected


@given(labelled=st.lists(st.sampled_from(["energy", "forces", "virial", ""]), min_size=1, max_size=12))
@settings(deadline=None)
def test_only_what_has_labels_is_held_out(labelled: list[str]) -> None:
    """A fold without any would leave nothing to predict, and to hold the only labelled one out nothing to fit to."""
    zeros = np.zeros((4, 3))
    configurations = [
        Configuration(bulk("Cu", cubic=True), "", "a", 0.0 if name == "energy" else None,
                      zeros if name == "forces" else None, zeros.ravel()[:6] if name == "virial" else None)
        for name in labelled
    ]  # fmt: skip
    useful = [name in ("energy", "forces") for name in labelled]
    for folds in (assign_folds(configurations, 5, 0), _held_out(configurations, 0)):
        assert all(own or fold == ALWAYS for own, fold in zip(useful, folds, strict=True))
        for fold in set(folds) - {ALWAYS}:
            assert any(own and other != fold for own, other in zip(useful, folds, strict=True))
    if sum(useful) > 1:
        assert max(assign_folds(configurations, 5, 0)) + 1 == min(5, sum(useful))


def test_other_seeds_give_other_folds() -> None:
    configurations = configurations_of({"a": 20})
    assert len({assign_folds(configurations, 5, seed) for seed in range(10)}) == 10
    assert len({hold_out(configurations, 0.2, seed) for seed in range(10)}) > 5


@pytest.mark.parametrize(("number", "folds"), [(3, 3), (2, 2), (1, 0)])
def test_fewer_configurations_than_folds(number: int, folds: int, tmp_path: Path) -> None:
    """As many folds as configurations, one in each; none for a single configuration, where the evidence decides."""
    frames = [with_emt(cell(seed)) for seed in range(number)]
    settings_ = fit_settings(tmp_path, frames, SMALL_COPPER, assembly={"cache": str(tmp_path / "cache")})
    parts = read_parts(settings_)
    assert parts.n_folds == folds
    assert sorted(parts.folds) == (list(range(folds)) if folds else [ALWAYS])
    basis = acegen.compile(settings_.whole_spec, tmp_path / "cache")
    problem, *_ = assemble(settings_, make_assembler(settings_, basis, parts, str(tmp_path / "cache")), parts, Silent())
    assert problem.n_folds == folds
    assert [problem.without(fold)["energy"].n_rows for fold in range(folds)] == [number - 1] * folds


SMALL_COPPER = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}


def test_a_fit_to_one_configuration_goes_by_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        result = fit(fit_settings(tmp_path, [with_emt(cell(1))], SMALL_COPPER))
    document = json.loads((result.directory / "report.json").read_text())
    assert document["folds"] == {"number": 0, "always_fitted": 1}
    assert {row["part"] for row in document["errors"]} == {"training"}
    path, chosen = document["solution"]["path"], document["solution"]["chosen"]
    assert all(point["validation_rmse"] == {} for point in path)
    assert chosen["evidence"] == max(point["evidence"] for point in path)
    (comparison,) = result.comparisons["training"]
    assert comparison.forces is not None
    assert abs(comparison.forces[0] - comparison.forces[1]).max() < 0.5 * abs(comparison.forces[0]).max()


@pytest.mark.slow
def test_among_equals_the_evidence_decides(tmp_path: Path) -> None:
    """The largest evidence within half a standard error of the best, which is not always the best itself."""
    differs = 0
    for seed in range(4):
        frames = [with_emt(cell(10 * seed + i)) for i in range(9)]
        (tmp_path / str(seed)).mkdir()
        found = fit(fit_settings(tmp_path / str(seed), frames)).fit
        best = min(found.path, key=lambda p: p.score)
        near = [p for p in found.path if p.score <= best.score + 0.5 * p.uncertainty]
        assert found.chosen == max(near, key=lambda p: p.evidence)
        differs += found.chosen != best
    assert differs > 0


def test_folds_and_a_part_exclude_each_other(tmp_path: Path) -> None:
    frames = [with_emt(cell(seed)) for seed in range(3)]
    with pytest.raises(FitError, match=r"data\.folds and data\.validation exclude each other; leave one of them out"):
        fit_settings(tmp_path, frames, data={"folds": 3, "validation": 0.2})
    for validation in (None, 0.0):
        data = {} if validation is None else {"validation": validation}
        with pytest.raises(FitError, match=r"solver\.refit = false .* set data\.validation"):
            fit_settings(tmp_path, frames, data=data, solver={"refit": False})


def test_kinds_with_one_member_stay_in_the_fit(tmp_path: Path) -> None:
    """Next to kinds with several members; where every kind has one, names are not kinds."""
    kinds = ["bulk"] * 6 + ["surface", "vacancy"]
    frames = [with_emt(cell(seed), kind) for seed, kind in enumerate(kinds)]
    parts = read_parts(fit_settings(tmp_path, frames, data={"folds": 3}))
    assert [fold == ALWAYS for fold in parts.folds] == [kind != "bulk" for kind in kinds]
    assert parts.n_folds == 3
    frames = [with_emt(cell(seed), f"frame {seed}") for seed in range(7)]
    parts = read_parts(fit_settings(tmp_path, frames, data={"folds": 3}))
    assert sorted(Counter(parts.folds).items()) == [(0, 3), (1, 2), (2, 2)]


def test_files_for_validation_are_one_fold(tmp_path: Path) -> None:
    """Also isolated atoms in them, as requested."""
    apart = [with_emt(cell(9)), Atoms("Cu", cell=[20] * 3, pbc=True, info={"energy": -0.1})]
    data = {"validation": save(tmp_path / "apart.xyz", apart)}
    parts = read_parts(fit_settings(tmp_path, [with_emt(cell(seed)) for seed in range(3)], data=data))
    assert parts.folds == (ALWAYS, ALWAYS, ALWAYS, 0, 0)


@pytest.mark.parametrize("refit", [True, False])
def test_files_for_validation_of_weight_zero_are_refused(tmp_path: Path, refit: bool) -> None:
    """Nothing would decide, and nothing could be left out of the last fit."""
    apart = save(tmp_path / "apart.xyz", [with_emt(cell(9), "other")])
    given_ = {"data": {"validation": apart}, "weights": {"config_type": {"other": 0.0}}, "solver": {"refit": refit}}
    settings_ = fit_settings(tmp_path, [with_emt(cell(seed)) for seed in range(3)], **given_)
    with pytest.raises(FitError, match=r"data\.validation holds no configuration of weight above zero"):
        read_parts(settings_)


# Labels that decide


def with_labels(energies: Sequence[int], number: int = 6) -> list[Atoms]:
    """Crystals with forces, of which some have an energy too."""
    frames = []
    for seed in range(number):
        atoms = with_emt(cell(seed))
        labels = {"forces": atoms.get_forces()}
        if seed in energies:
            labels["energy"] = atoms.get_potential_energy()
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


SMALL_COPPER = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}


@given(
    labels=st.lists(st.sets(st.sampled_from(QUANTITIES)), min_size=1, max_size=9),
    decisive=st.lists(st.sets(st.sampled_from(QUANTITIES), min_size=1), min_size=1, max_size=3),
    count=st.integers(2, 5),
    part=st.floats(0.05, 0.5),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None)
def test_without_a_fold_there_are_decisive_labels(
    labels: list[set[str]], decisive: list[set[str]], count: int, part: float, seed: int
) -> None:
    """Of each set of quantities that has labels at all; folds are numbered without gaps, and are those of all
    quantities where these labels are in several."""
    values = {"energy": 0.0, "forces": np.zeros((4, 3)), "virial": np.zeros(6)}
    atoms = bulk("Cu", cubic=True)
    data = [
        Configuration(atoms, str(i), "", **{q: values[q] if q in own else None for q in QUANTITIES})  # type: ignore[arg-type]
        for i, own in enumerate(labels)
    ]
    sets = [tuple(sorted(own)) for own in decisive]
    for folds in (assign_folds(data, count, seed, sets), _or_none(data, part, seed, sets)):
        assert set(folds) - {ALWAYS} == set(range(max(folds, default=ALWAYS) + 1))
        for own in sets:
            holders = [fold for fold, c in zip(folds, data, strict=True) if c.has_any(own)]
            assert not holders or len(set(holders)) > 1 or set(holders) == {ALWAYS}
    plain = assign_folds(data, count, seed)
    spread = [{fold for fold, c in zip(plain, data, strict=True) if c.has_any(own)} for own in sets]
    if all(len(places) != 1 for places in spread):
        assert assign_folds(data, count, seed, sets) == plain


def _or_none(data: list[Configuration], part: float, seed: int, sets: list[tuple[str, ...]]) -> tuple[int, ...]:
    try:
        return hold_out(data, part, seed, sets)
    except FitError:
        return (ALWAYS,) * len(data)


@pytest.mark.slow
def test_one_energy_that_decides_is_always_fitted(tmp_path: Path) -> None:
    """Forces have no weight: the fold of the only energy could not be left out of a fit."""
    result = fit(fit_settings(tmp_path, with_labels([5]), SMALL_COPPER, weights={"forces": 0.0}))
    assert result.parts.folds[5] == ALWAYS
    assert result.parts.n_folds == 4
    energy = result.comparisons["training"][5].energy
    assert energy is not None
    assert energy[1] == pytest.approx(energy[0], abs=1e-9)


def test_decisive_labels_in_validation_files_only(tmp_path: Path) -> None:
    """The message says where they are, not that there are none."""
    files = [save(tmp_path / "apart.xyz", with_labels([1], 3))]
    settings_ = fit_settings(
        tmp_path, with_labels([]), SMALL_COPPER, weights={"forces": 0.0}, data={"validation": files}
    )
    with pytest.raises(FitError, match="without the data held out for validation, which have all labels of these"):
        fit(settings_)


def test_nothing_to_select_functions_by(tmp_path: Path) -> None:
    """The only energy is that of free atoms."""
    selection = {"selection": {"functions": 3}}
    settings_ = fit_settings(tmp_path, with_labels([5]), SMALL_COPPER, weights={"forces": 0.0}, solver=selection)
    with pytest.raises(FitError, match=r"solver\.selection cannot rank functions"):
        fit(settings_)
