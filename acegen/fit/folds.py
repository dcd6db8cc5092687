"""Which configurations are held out together: folds of a cross-validation, or one fraction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from acegen.errors import FitError
from acegen.fit.dataset import Configuration
from acegen.fit.settings import QUANTITIES
from acegen.runtime.neighbours import neighbour_list

if TYPE_CHECKING:
    from ase import Atoms


ALWAYS = -1
"""Fold of configurations that are always fitted to."""

Decisive: TypeAlias = Sequence[Sequence[str]]
"""Sets of quantities."""

_CLUSTER = 2
"""Largest number of atoms of a configuration with information that no other has: isolated atoms, dimers."""

_APART = 7.0
"""Å; periodic images further away do not count: isolated atoms are computed in boxes. Cells of crystals with two atoms
are smaller."""


def assign_folds(
    configurations: Sequence[Configuration], count: int, seed: int, decisive: Decisive = (QUANTITIES,)
) -> tuple[int, ...]:
    """A fold, 0 to `count` - 1, for each configuration, or `ALWAYS`.

    Every kind is dealt out to all folds in turn, in an order that follows from the seed, so that a kind with enough
    members is in each. Always fitted to are isolated atoms and dimers, the only member of a kind, one configuration
    with an element that would otherwise be held out entirely, likewise one with a decisive label, and configurations
    with neither energy nor forces. There are fewer folds than `count` if fewer configurations can be held out, and none
    if only one can: nothing similar would be left.

    Args:
        configurations: to be assigned to folds.
        count: number of folds.
        seed: of the order.
        decisive: sets of quantities that decide a fit, as `FitSettings.decisive`; without a fold there must be a label
            of each set.
    """
    free = _free(configurations)
    order = [number for members in _kinds(configurations, free, seed) for number in members]
    count = min(count, len(order))
    folds = [ALWAYS] * len(configurations)
    if count > 1:
        for place, number in enumerate(order):
            folds[number] = place % count
    return _with_labels(configurations, _with_all_elements(configurations, free, folds), decisive)


def extend_folds(
    configurations: Sequence[Configuration],
    known: Sequence[int | None],
    count: int,
    part: float,
    seed: int,
    decisive: Decisive = (QUANTITIES,),
) -> tuple[int, ...]:
    """The known folds, and for new configurations folds that are balanced by kind.

    Each new configuration, in an order that follows from the seed, is put into the fold that has fewest of its kind.
    Configurations that `assign_folds` always fits to are always fitted to here as well, as long as they are alone.

    Args:
        configurations: all of them.
        known: their folds; None for new ones.
        count: number of folds; 0 if nothing was held out.
        part: of each kind that is held out at most: 1 if there are several folds.
        seed: of the order.
        decisive: as for `assign_folds`.
    """
    folds = [ALWAYS if fold is None else fold for fold in known]
    free = _free(configurations)
    new = {i for i in free if known[i] is None}
    for members in _kinds(configurations, free, seed) if count else []:
        held_out = Counter(folds[i] for i in members if folds[i] != ALWAYS)
        for i in members:
            if i in new and held_out.total() < min(part * len(members), len(members) - (count == 1)):
                folds[i] = min(range(count), key=lambda fold: (held_out[fold], folds.count(fold)))
                held_out[folds[i]] += 1
    return _with_labels(configurations, _with_all_elements(configurations, free, folds), decisive)


def is_cluster(atoms: Atoms) -> bool:
    """Whether this is an isolated atom or a dimer, without a periodic cell or in a large one."""
    if len(atoms) > _CLUSTER:
        return False
    pairs = neighbour_list(atoms, _APART)
    return not np.any(pairs.center == pairs.neighbour)


def hold_out(
    configurations: Sequence[Configuration], part: float, seed: int, decisive: Decisive = (QUANTITIES,)
) -> tuple[int, ...]:
    """Fold 0 for the given fraction of each kind of configuration, at least one of each; `ALWAYS` for the others.

    Configurations that `assign_folds` always fits to are not held out here either.

    Raises:
        FitError: nothing can be held out.
    """
    folds = [ALWAYS] * len(configurations)
    if part == 0:
        return tuple(folds)
    free = _free(configurations)
    for members in _kinds(configurations, free, seed):
        for number in members[: min(max(1, round(part * len(members))), len(members) - 1)]:
            folds[number] = 0
    kept = _with_labels(configurations, _with_all_elements(configurations, free, folds), decisive)
    if 0 not in kept:
        raise FitError(
            f"{len(configurations)} training configurations leave none for validation. Give more, give files for "
            "data.validation, or leave it out: hyperparameters are then chosen by folds, or without folds by the "
            "evidence."
        )
    return kept


def _free(configurations: Sequence[Configuration]) -> list[int]:
    """Numbers of the configurations with labels that others may predict."""
    labelled = (i for i, c in enumerate(configurations) if c.energy is not None or c.forces is not None)
    return [i for i in labelled if not is_cluster(configurations[i].atoms)]


def _kinds(configurations: Sequence[Configuration], free: Sequence[int], seed: int) -> list[list[int]]:
    """The free configurations that can be held out, by kind, shuffled."""
    only = {members[0] for members in _holders(configurations, free).values() if len(members) == 1}
    kinds: dict[str, list[int]] = {}
    for i in free:
        if i not in only:
            kinds.setdefault(configurations[i].config_type, []).append(i)
    several = {kind: members for kind, members in kinds.items() if len(members) > 1}
    if not several:  # every configuration has a different kind: the names are not kinds
        several = {"": [i for members in kinds.values() for i in members]}
    rng = np.random.default_rng(seed)
    return [list(map(int, rng.permutation(several[kind]))) for kind in sorted(several)]


def _with_all_elements(
    configurations: Sequence[Configuration], free: Sequence[int], folds: Sequence[int]
) -> tuple[int, ...]:
    """The folds, except that an element that occurs only in one of them has one configuration always fitted to."""
    kept = list(folds)
    for members in _holders(configurations, free).values():
        if len({kept[i] for i in members}) == 1:
            kept[members[0]] = ALWAYS
    return tuple(kept)


def _with_labels(configurations: Sequence[Configuration], folds: Sequence[int], decisive: Decisive) -> tuple[int, ...]:
    """The folds, except that decisive labels that occur only in one of them have one configuration always fitted to.

    Folds that are then empty are dropped.
    """
    kept = list(folds)
    for quantities in decisive:
        holders = [i for i, c in enumerate(configurations) if c.has_any(quantities)]
        if len({kept[i] for i in holders}) == 1:
            kept[holders[0]] = ALWAYS
    left = sorted(set(kept) - {ALWAYS})
    return tuple(fold if fold == ALWAYS else left.index(fold) for fold in kept)


def _holders(configurations: Sequence[Configuration], numbers: Sequence[int]) -> dict[str, list[int]]:
    """The configurations that contain each element."""
    holders: dict[str, list[int]] = {}
    for i in numbers:
        for element in set(configurations[i].atoms.get_chemical_symbols()):
            holders.setdefault(element, []).append(i)
    return holders
