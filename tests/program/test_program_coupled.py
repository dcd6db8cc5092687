"""Programs with coupled products: derivatives, text, documents, hashes, and what contradicts itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.program import (
    KernelProgram,
    PooledLayout,
    ProgramError,
    check_program,
    program_document,
    program_hash,
    program_text,
    read_program,
)
from acegen.program.coupled import Channel, CoupledProducts, Coupling, Node
from acegen.program.coupled_interpreter import run_coupled
from acegen.program.embedding import Identity
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.program.kernel import (
    Distance,
    Harmonics,
    NoAngles,
    Notes,
    OneParticle,
    Outputs,
    Recurrence,
    Smoothstep,
)

LAYOUT = PooledLayout(((2, 2, 1), (1, 2, 0)), 1, ((0,), (-1, 0, 1), (-2, -1, 0, 1, 2)))


def any_coupling(left: int, right: int, l: int, rng: np.random.Generator) -> Coupling:
    """Random weights wherever there may be one."""
    sums = [(m1, m2) for m1 in range(left + 1) for m2 in range(right + 1) if m1 + m2 <= l]
    differences = [(m1, m2) for m1 in range(1, left + 1) for m2 in range(1, right + 1) if abs(m1 - m2) <= l]

    def weighted(pairs: list[tuple[int, int]]) -> tuple[tuple[int, int, float], ...]:
        return tuple((m1, m2, float(rng.normal())) for m1, m2 in pairs)

    return Coupling(left, right, l, weighted(sums), weighted(differences))


def by_hand() -> CoupledProducts:
    """Two elements; values of one to four factors, squares of values, odd couplings, weights without a meaning."""
    rng = np.random.default_rng(2)
    channels = (Channel(0, 1, 0), Channel(0, 2, 0), Channel(1, 1, 1), Channel(0, 2, 1), Channel(0, 1, 2))
    nodes = (Node(2, 3, 0), Node(2, 3, 1), Node(2, 4, 2), Node(2, 2, 2), Node(0, 4, 2), Node(5, 6, 1), Node(7, 8, 1))
    degrees = [*(channel.l for channel in channels), *(node.l for node in nodes)]
    threes = sorted({(degrees[node.left], degrees[node.right], node.l) for node in nodes})
    return CoupledProducts(
        scales=((1.0,), (1.0, -0.5), (1.0, 0.75, 2.0)),
        couplings=tuple(any_coupling(*three, rng) for three in threes),
        channels=channels,
        nodes=nodes,
        scalars=((0,), (5,), (0, 5), (2, 3), (2, 6), (4, 7), (8, 9), (6, 6), (10, 11), (2, 10), (3, 11)),
    )


def program(coupled: CoupledProducts | None, potential: bool) -> KernelProgram:
    """Products of A's and coupled ones, mixed."""
    rng = np.random.default_rng(5)
    products = ((0,), (0, 3), (2, 2, 5))
    count = len(products) + (len(coupled.scalars) if coupled else 0)
    names = ("energy",) if potential else tuple(f"ρ_{i}" for i in range(4))
    rows = tuple(tuple((t, float(rng.normal())) for t in range(count)) for _ in names)
    return KernelProgram(
        name="by_hand",
        symmetry="O3",
        dimension=3,
        species=("Ni", "Al"),
        one_particle=OneParticle(
            Distance(((4.0, 3.5), (3.5, 3.0)), Smoothstep()),
            Recurrence(1, (0.0, 1.0), ((2.0, -1.0, 0.0),)),
            Harmonics(2),
        ),
        layout=LAYOUT,
        contraction=None,
        products=products,
        coupled=coupled,
        outputs=Outputs(names, None, (rows,)),
        embedding=(Identity(), Identity()) if potential else None,
        pair=None,
        references=(),
        inner=None,
        core=None,
        atomic_energies=(-1.0, -2.0) if potential else (0.0, 0.0),
        notes=Notes("A program written by hand.", "y", "S_lm", "self-interacting", 4),
    )


# ---- interpreter


def test_orders() -> None:
    """Factors of values, of invariants, of all products, and of coupled functions of two steps."""
    own = by_hand()
    assert own.orders == (1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 4, 4)
    assert own.degrees == (0, 0, 1, 1, 2, 0, 1, 2, 2, 2, 1, 1)
    assert own.scalar_orders == (1, 2, 3, 2, 3, 3, 4, 4, 8, 5, 5)
    whole = program(own, False)
    assert whole.product_orders == (1, 2, 3, *own.scalar_orders)
    steps = (((0, 1.0), (3, 2.0)), ((4, 1.0),), ((1, -1.0), (6, 1.0)))
    outputs = Outputs(("a", "b"), steps, ((((0, 1.0), (2, 3.0)), ((1, 2.0),)),))
    assert replace(whole, outputs=outputs).orders == (1, 2, 2)
    assert replace(whole, coupled=None).product_orders == (1, 2, 3)


def test_two_steps_are_one() -> None:
    """Outputs may be combinations of coupled functions of both kinds of products."""
    whole = program(by_hand(), False)
    steps = (((0, 1.5), (3, 2.0)), ((4, 1.0),), ((1, -1.0), (6, 0.5)))
    check_program(two := replace(whole, outputs=Outputs(("a", "b"), steps, ((((0, 1.0), (2, 3.0)), ((1, 2.0),)),))))
    direct = (((0, 1.5), (1, -3.0), (3, 2.0), (6, 1.5)), ((4, 2.0),))
    check_program(one := replace(whole, outputs=Outputs(("a", "b"), None, (direct,))))
    x = np.random.default_rng(0).normal(size=(4, 3))
    first, second = (run_descriptors(each, 1, (0, 1, 1, 0), x) for each in (one, two))
    assert second.values == pytest.approx(first.values, rel=1e-13)
    assert second.gradient == pytest.approx(first.gradient, rel=1e-12, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_derivatives_by_pooled_functions(seed: int) -> None:
    """Against differences, for all invariants and A's."""
    rng = np.random.default_rng(seed)
    own, pooled, step = by_hand(), rng.normal(size=LAYOUT.size), 1e-5
    values, derivatives = run_coupled(own, LAYOUT, pooled)
    assert derivatives.shape == (len(own.scalars), LAYOUT.size)
    for v in range(LAYOUT.size):
        change = step * np.eye(LAYOUT.size)[v]
        ends = [run_coupled(own, LAYOUT, pooled + sign * change)[0] for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(derivatives[:, v], rel=1e-6, abs=1e-6)
    degrees = derivatives @ pooled  # Euler's theorem for homogeneous functions
    assert degrees == pytest.approx(np.array(own.scalar_orders) * values, rel=1e-11, abs=1e-11)


def test_derivatives_by_particles() -> None:
    """Against differences, for descriptors and the potential; both agree."""
    rng = np.random.default_rng(4)
    x, direction, species = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), (0, 1, 0, 1, 1, 0)
    own = program(by_hand(), False)
    step = 1e-5
    found = run_descriptors(own, 0, species, x)
    ends = [run_descriptors(own, 0, species, x + sign * step * direction).values for sign in (1, -1)]
    slopes = np.einsum("ija,ja->i", found.gradient, direction)
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slopes, rel=1e-6)
    energy, gradient = run_potential(program(by_hand(), True), 0, species, x)
    assert energy == pytest.approx(found.values[0] - 1.0)
    assert gradient == pytest.approx(found.gradient[0])


def test_formulas_of_the_definition() -> None:
    """Invariants of vectors, from the components themselves: a dot product, and a triple product by an odd coupling."""
    half = 0.5**0.5
    cross = Coupling(1, 1, 1, ((0, 1, half), (1, 0, -half)), ((1, 1, half),))
    channels = (Channel(0, 1, 1), Channel(0, 2, 1), Channel(1, 1, 1))
    own = CoupledProducts(((1.0,), (1.0, 1.0)), (cross,), channels, (Node(0, 1, 1),), ((0, 1), (2, 3), (3, 3)))
    pooled = np.random.default_rng(0).normal(size=LAYOUT.size)
    a, b, c = (np.array([pooled[LAYOUT.index(z, n, 1, m)] for m in (1, -1, 0)]) for z, n, _ in channels)  # x, y, z
    values, _ = run_coupled(own, LAYOUT, pooled)
    assert values[0] == pytest.approx(a @ b)
    assert values[1] == pytest.approx(-half * c @ np.cross(a, b))
    assert values[2] == pytest.approx(0.5 * np.cross(a, b) @ np.cross(a, b))


# ---- text, documents, hashes


def test_documents_read_back() -> None:
    """The same program, and the same hash."""
    for potential in (False, True):
        own = program(by_hand(), potential)
        check_program(own)
        read = read_program(program_document(own))
        assert read == own
        assert read.coupled is not None
        assert isinstance(read.coupled.channels[0], Channel)
        assert isinstance(read.coupled.nodes[0], Node)
        assert program_hash(read) == program_hash(own)
        assert program_hash(replace(own, coupled=None)) != program_hash(own)


def test_documents_that_are_none() -> None:
    """Lists of a wrong length, and entries of a wrong type, are refused with their place."""
    document = json.loads(program_document(program(by_hand(), True)))
    for part, entry, message in [
        ("channels", [0, 1], r"program.coupled.channels\[0\] must be a list of 3 entries"),
        ("nodes", [2, 3, 0, 1], r"program.coupled.nodes\[0\] must be a list of 3 entries"),
        ("nodes", {"left": 2}, r"program.coupled.nodes\[0\] must be a list of 3 entries"),
        ("nodes", [2, 3, 0.5], r"program.coupled.nodes\[0\]\[2\] must be of the type int"),
        ("scalars", 3, r"program.coupled.scalars\[0\] must be a list"),
    ]:
        changed = json.loads(json.dumps(document))
        changed["coupled"][part][0] = entry
        with pytest.raises(ProgramError, match=message):
            read_program(json.dumps(changed))


def test_every_number_is_part_of_the_identity() -> None:
    """Any of them changed is another program, or none."""
    own = program(by_hand(), True)
    document = json.loads(program_document(own))
    hashes, refused = {program_hash(own)}, 0

    def change(value: Any) -> None:
        nonlocal refused
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            if isinstance(entry, dict | list):
                change(entry)
            elif not isinstance(entry, str):
                value[key] = entry + 1
                try:
                    changed = program_hash(read_program(json.dumps(document)))
                    assert changed not in hashes
                    hashes.add(changed)
                except ProgramError:
                    refused += 1
                value[key] = entry

    change(document["coupled"])
    assert len(hashes) > 50
    assert refused > 10


def test_text_holds_every_number() -> None:
    """Scales and couplings too; values are named by what they are made of."""
    own = by_hand()
    text = program_text(program(own, False))
    numbers = [scale for scales in own.scales for scale in scales]
    numbers += [w for coupling in own.couplings for _, _, w in (*coupling.sums, *coupling.differences)]
    assert all(repr(number) in text for number in numbers)
    for scalar in (
        "c(Ni,1,0)",
        "c(Ni,1,0) · P(Al,1,1;Ni,2,1 → 0)",
        "c(Al,1,1) · P(Al,1,1;Ni,2,1 → 1)",
        "P(Al,1,1;Ni,2,1 → 1) · P(Al,1,1;Ni,2,1 → 1)",
        "c(Al,1,1) · P(P(Al,1,1;Ni,2,1 → 0);P(Al,1,1;Ni,2,1 → 1) → 1)",
    ):
        assert re.search(rf"^ρ\[1\] \+= \S+ {re.escape(scalar)}$", text, re.MULTILINE)
    assert re.search(r"^  1,1 → 1: -i \(.* conj Y\(1,1\)", text, re.MULTILINE) is None
    assert re.search(r"^  1,1 → 1: -i \(\S+ X\(0,0\) \+ .* Y\(1,1\)\)$", text, re.MULTILINE)
    assert re.search(r"^  1,2 → 2: -i \(.* conj Y\(1,2\)\)$", text, re.MULTILINE)


def test_programs_that_contradict_themselves() -> None:
    """Each fault is named."""
    own = by_hand()
    coupling = own.couplings[0]
    assert (coupling.left, coupling.right, coupling.l) == (0, 1, 1)
    last = own.couplings[-1]

    def with_nodes(*nodes: Node) -> CoupledProducts:
        return replace(own, nodes=nodes, scalars=((0,),))

    def with_coupling(**parts: Any) -> CoupledProducts:
        return replace(own, couplings=(*own.couplings[:-1], replace(last, **parts)))

    for coupled, fault in [
        (replace(own, channels=(Channel(0, 3, 0), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, channels=(Channel(0, 0, 0), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, channels=(Channel(2, 1, 0), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, channels=(Channel(0, 1, 3), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, channels=(Channel(1, 1, 2), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, channels=(Channel(-1, 1, 0), *own.channels[1:])), "coupled.channels must be A's"),
        (replace(own, scales=own.scales[:2]), "coupled.scales must have an entry for every l"),
        (replace(own, scales=((1.0,), (1.0,), own.scales[2])), "coupled.scales must have a number for every m"),
        (replace(own, couplings=(*own.couplings, last)), "one entry for three degrees"),
        (replace(own, couplings=own.couplings[1:]), "coupled.couplings lacks degrees 0 and 1 to 1"),
        (with_coupling(l=7), "does not obey the triangle rule"),
        (with_coupling(sums=((0, 0, 1.0), (0, 0, 1.0))), "two weights for the same m1 and m2"),
        (with_coupling(sums=((0, -1, 1.0),)), "m1 = 0, m2 = -1, which do not exist"),
        (with_coupling(sums=((last.left, last.right, 1.0),), l=last.l), "which do not exist"),
        (with_coupling(differences=((0, 1, 1.0),)), "m1 = 0, m2 = 1, which do not exist"),
        (with_coupling(differences=((1, last.right + 1, 1.0),)), "which do not exist"),
        (with_nodes(Node(3, 2, 0)), "ascending positions of earlier values"),
        (with_nodes(Node(2, 5, 0)), "ascending positions of earlier values"),
        (with_nodes(Node(-1, 2, 0)), "ascending positions of earlier values"),
        (replace(own, scalars=((2,),)), "one value with l = 0"),
        (replace(own, scalars=((0, 2),)), "two with the same l"),
        (replace(own, scalars=((3, 2),)), "one or two ascending positions"),
        (replace(own, scalars=((2, 12),)), "one or two ascending positions"),
        (replace(own, scalars=((0, 0, 0),)), "one or two ascending positions"),
        (replace(own, scalars=((),)), "one or two ascending positions"),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_program(program(coupled, False))
    whole = program(own, False)
    many = len(whole.products) + len(own.scalars)
    for changed, fault in [
        (replace(whole, outputs=Outputs(("x",), None, ((((many, 1.0),),),))), "a position that does not exist"),
        (
            replace(whole, outputs=Outputs(("x",), (((0, 1.0), (4, 1.0)),), ((((0, 1.0),),),))),
            "must be of products of one order",
        ),
        (
            replace(whole, one_particle=replace(whole.one_particle, angular=NoAngles())),
            "layout.components are not those|coupled products are of spherical harmonics",
        ),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_program(changed)
