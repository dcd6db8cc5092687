"""The kernel of a committee: the energies of several members, each with its gradient, from the same A's.

Members are small, but as sums of terms that are larger by up to ten million times: their energies and the derivatives
by the values they consist of are in double precision. In what follows from these little cancels: it is in single
precision, in blocks of twice as many lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acegen.codegen.environment import render, template_environment
from acegen.codegen.lanes.committee_contexts import (
    CommitteeBackContext,
    CommitteeContext,
    CommitteePairContext,
    CommitteePairHeaderContext,
    CommitteeValuesContext,
    CommitteeValuesHeaderContext,
)
from acegen.codegen.lanes.contexts import LanesContext
from acegen.codegen.lanes.coupled import by_degree, coupled_tables, factor_places
from acegen.codegen.lanes.coupled_types import type_codes
from acegen.codegen.lanes.embedding import embedding_code
from acegen.codegen.lanes.pair import pair_code
from acegen.codegen.lanes.parts import couple_files, coupled_files, inner_file, particle_code, product_files
from acegen.codegen.lanes.polar import polar_code
from acegen.codegen.lanes.target import Target, Targets
from acegen.codegen.literals import double_literal
from acegen.codegen.titles import banner
from acegen.errors import BuildError
from acegen.optimize import ListedProducts, ProductStage, optimize
from acegen.optimize.coupled import CoupledStage
from acegen.options import ProductForm
from acegen.program.kernel import Distance, Harmonics, KernelProgram, PairEnergies
from acegen.program.uncertainty import CommitteeProgram
from acegen.store import files

_TOGETHER = 8
"""Members whose pair energies are evaluated together, at most."""


def committee_stage(members: KernelProgram, targets: Targets, form: ProductForm) -> ProductStage:
    """The product stage of the members."""
    stage = optimize(members, targets.committee.cost_model, form)
    return stage if stage.coupled is None else replace(stage, coupled=by_degree(stage.coupled))


def committee_sources(committee: CommitteeProgram, targets: Targets, form: ProductForm = "auto") -> Mapping[str, str]:
    """C files by name.

    Args:
        committee: the program.
        targets: energies are for `targets.committee`, gradients for `targets.forces`.
        form: of products of A's.

    Raises:
        BuildError: a member depends on something other than atoms within a cutoff.
    """
    members, target = committee.members, targets.committee
    one = members.one_particle
    if not isinstance(one.coordinate, Distance) or not isinstance(one.angular, Harmonics) or members.contraction:
        raise BuildError(
            f"the backend 'lanes' writes no committee for '{members.name}': it supports those of atoms with radial "
            "functions that are the same for all pairs of species."
        )
    program = replace(members, name=f"{members.name}_committee")
    single = replace(program, name=f"{program.name}_single")
    name, stage = program.name, committee_stage(program, targets, form)
    assert not isinstance(stage.products, ListedProducts)
    # In double precision; then in single.
    contexts = product_files(program, stage, target, files.header(name, "particles"))
    contexts[files.header(name, "particles")] = particle_code(program, target)
    plain, coupled = any(stage.coefficients.values()), 0 if stage.coupled is None else stage.coupled.size
    group = max(1, target.cost_model.group(stage.products) // 2)
    contexts[files.header(name, "values")] = CommitteeValuesHeaderContext(name, banner(program), plain, coupled > 0)
    factors = () if stage.coupled is None else factor_places(stage.coupled)
    contexts[files.source(name, "values")] = CommitteeValuesContext(
        name, banner(program), group, plain, coupled, factors
    )
    if stage.coupled is not None:
        contexts |= coupled_files(program, stage.coupled, target)
    environment = template_environment(double_literal)
    rendered = {file: render(environment, own) for file, own in (contexts | _pair_files(program)).items()}
    target = targets.forces
    contexts = {
        files.header(single.name, "particles"): particle_code(program, target),
        files.source(name): _committee(program, targets, group, plain, coupled),
    }
    if stage.coupled is not None:
        contexts |= _back_files(single, stage.coupled, target, plain)
    environment = template_environment(target.literal)
    return rendered | {file: render(environment, own) for file, own in contexts.items()}


def _back_files(program: KernelProgram, coupled: CoupledStage, target: Target, plain: bool) -> dict[str, LanesContext]:
    """The way back through the coupled values."""
    codes = type_codes(coupled, target.variables)
    contexts = couple_files(program, coupled, target, codes, files.header(program.name, "particles"), ("back",))
    tables = coupled_tables(
        coupled, program.layout, target.cost_model.coupled, codes, target.lanes_bytes, program.species
    )
    contexts[files.source(program.name, "coupled")] = CommitteeBackContext(program.name, banner(program), plain, tables)
    return contexts


def _committee(program: KernelProgram, targets: Targets, group: int, plain: bool, coupled: int) -> CommitteeContext:
    embedding, target = embedding_code(program), targets.forces
    assert embedding is not None
    size = embedding.n_densities
    constants = embedding.constants
    polar = polar_code(program.layout, program.species, target.force_tile, target.literal)
    return CommitteeContext(
        name=program.name,
        banner=banner(program),
        elements=program.species,
        space=particle_code(program, target).space,
        openmp=targets.openmp,
        pairwise=program.pair is not None or program.inner is not None,
        core=False,
        polar=polar,
        complete=sum(len(shape.alike.species) for shape in polar.shapes) == len(program.species),
        n_members=size,
        group=group,
        plain=plain,
        coupled=coupled,
        constants=tuple(constants[begin : begin + size] for begin in range(0, len(constants), size)),
    )


def _pair_files(program: KernelProgram) -> dict[str, LanesContext]:
    """The pairwise parts, in double precision; nothing if there are none."""
    name, pair, code = program.name, program.pair, pair_code(program)
    inner = program.inner is not None
    if code is None and not inner:
        return {}
    n_members = len(program.outputs.of(0))
    together = min(n_members, _TOGETHER)
    n_series = -(-n_members // together) * together
    series: list[tuple[tuple[tuple[float, ...], ...], ...]] = []
    if isinstance(pair, PairEnergies):
        for first in program.row_first[:-1]:
            own = pair.series[first : first + n_members]
            of_center = []
            for species in range(len(program.species)):
                by_degree = zip(*(row[species] for row in own), strict=True)
                of_center.append(tuple((*values, *[0.0] * (n_series - n_members)) for values in by_degree))
            series.append(tuple(of_center))
    parts = ["the pair term"] * (pair is not None) + ["the inner cutoff"] * inner
    contexts: dict[str, LanesContext] = {
        files.header(name, "pair"): CommitteePairHeaderContext(name, banner(program), ", ".join(parts), inner),
        files.source(name, "pair"): CommitteePairContext(
            name=name,
            banner=banner(program),
            elements=program.species,
            pair=code,
            inner=inner,
            n_members=n_members,
            together=together,
            n_series=n_series,
            nodes=pair.nodes if isinstance(pair, PairEnergies) else (),
            series=tuple(series),
        ),
    }
    return contexts | (inner_file(program) if inner else {})
