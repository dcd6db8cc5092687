"""Committees and grades of any programs: members are potentials of the same products with coefficients at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from acegen.program import KernelProgram
from acegen.program.embedding import Identity, Members
from acegen.program.kernel import Outputs, PairEnergies
from acegen.program.uncertainty import CommitteeProgram, GradeProgram, Norm

CALIBRATION = (0.001, 4.0, 0.02, 5.0)
QUANTILES = ((0.6, 1.7, 2.2), (0.5, 1.6, 2.1))


def potentials_like(potential: KernelProgram, rng: np.random.Generator, count: int) -> list[KernelProgram]:
    """Potentials of one sum per element with coefficients of their own, and nothing that has none."""
    return [_drawn(potential, rng) for _ in range(count)]


def _drawn(potential: KernelProgram, rng: np.random.Generator) -> KernelProgram:
    """With some coefficients that are zero."""
    count = len(potential.species)
    rows = tuple(
        (tuple((t, float(rng.normal() * (rng.random() > 0.2))) for t, _ in potential.outputs.of(center)[0]),)
        for center in range(count)
    )
    pair = potential.pair
    if pair is not None:
        assert isinstance(pair, PairEnergies)
        length = len(pair.nodes) + 1
        series = tuple(tuple(tuple(map(float, rng.normal(size=length))) for _ in range(count)) for _ in range(count))
        pair = replace(pair, series=series)
    return replace(
        potential,
        outputs=Outputs(("energy",), None, rows),
        embedding=(Identity(),) * count,
        pair=pair,
        references=(),
        core=None,
        atomic_energies=tuple(map(float, rng.normal(size=count))),
    )


def committee_of(potentials: Sequence[KernelProgram]) -> CommitteeProgram:
    """The committee whose members are the given potentials."""
    first = potentials[0]
    centers = range(len(first.species))
    pair = first.pair
    if pair is not None:
        assert isinstance(pair, PairEnergies)
        series = [own.pair.series[z] for z in centers for own in potentials if isinstance(own.pair, PairEnergies)]
        pair = replace(pair, series=tuple(series))
    names = tuple(f"member {k}" for k in range(len(potentials)))
    members = replace(
        first,
        outputs=Outputs(names, None, tuple(tuple(own.outputs.rows[z][0] for own in potentials) for z in centers)),
        embedding=tuple(Members(tuple(own.atomic_energies[z] for own in potentials)) for z in centers),
        pair=pair,
        atomic_energies=(0.0,) * len(first.species),
    )
    return CommitteeProgram(members, CALIBRATION, QUANTILES)


def grades_of(descriptors: KernelProgram, rng: np.random.Generator, count: int, norm: Norm) -> GradeProgram:
    """Grades with combinations at random."""
    width = descriptors.n_pair + len(descriptors.outputs.names)
    rows = rng.normal(size=(len(descriptors.species), count, width))
    constants = rng.normal(size=(len(descriptors.species), count))
    kind = "leverage" if norm == "euclidean" else "d-optimality"
    as_tuples = tuple(tuple(tuple(map(float, row)) for row in own) for own in rows)
    return GradeProgram(
        kind, descriptors, norm, as_tuples, tuple(tuple(map(float, own)) for own in constants), (1.0, 3.0)
    )
