"""`.ace` files as text: two small ones, and a writer of what the format can say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from random_yace import random_potential

from acegen.yace.potential import CTildeFunction, PaceBond, PairPotential, RecursionBasis, RecursionBond, YacePotential

TWO_ELEMENTS = """\
# DATE: 2021-04-08 UNITS: metal
nelements=2
elements: Al Ni

lmax=1

embedding-function: FinnisSinclairShiftedScaled
4 FS parameters:  1.000000 1.000000 1.000000 0.500000
core energy-cutoff parameters: 100000.0 250.0
3000.0 200.0
E0: -1.5 0.25

radbasename=ChebPow
nradbase=3
nradmax=2
cutoffmax=6.000000
deltaSplineBins=0.001000
core repulsion parameters: 400.0 7.0
-20.0 -2.0
21.0 2.1
30.0 3.0
radparameter= 2.0 2.5 3.0 1.0
cutoff= 5.0 5.5 5.6 6.0
dcut= 0.01 0.02 0.03 0.04
crad= 1 2
 3 4
 5 6
 7 8
 9 10
 11 12
 13 14
 15 16
 17 18
 19 20
 21 22
 23 24
 25 26
 27 28
 29 30
 31 32
 33 34
 35 36
 37 38
 39 40
 41 42
 43 44
 45 46
 47 48

rankmax=2
ndensitymax=2

num_c_tilde_max=3
num_ms_combinations_max=2
total_basis_size_rank1: 1 1
ctilde_basis_func: rank=1 ndens=2 mu0=0 mu=( 1 )
n=( 3 )
l=( 0 )
num_ms=1
< 0 >:  0.5 -1
ctilde_basis_func: rank=1 ndens=2 mu0=1 mu=( 0 )
n=( 1 )
l=( 0 )
num_ms=1
< 0 >:  1.0E-03 .25
total_basis_size: 1 0
ctilde_basis_func: rank=2 ndens=2 mu0=0 mu=( 0  1 )
n=( 1  2 )
l=( 1  1 )
num_ms=2
< -1  1 >:  0.25  0.125
< 0  0 >:  -2. 4
"""

ACE_JL = """\
nelements=1
elements: Si

lmax=1

2 FS parameters:  1.000000 1.000000
core energy-cutoff parameters: 100000.000000000000000000 1.000000000000000000
E0: -3.25

radbasename=ACE.jl.Basic
haspair: t

transform parameters: p=2 r0=2.5
cutoff parameters: rcut=5.5 xl=0.3 xr=1.75 pl=2 pr=0
recursion coefficients: maxn=3
 3.0 0.0 0.0
 4.0 -2.0 0.0
 5.0 -3.0 -0.5
tests: ntests=1
 r=2.5
 0.1 0.2
 0.3 0.4
 0.5 0.6

begin repulsive potential
begin polypairpot
transform parameters: p=2 r0=2.5
cutoff parameters: rcut=6.5 xl=0.25 xr=1.75 pl=2 pr=2
recursion coefficients: maxn=2
 3.0 0.0 0.0
 4.0 -2.0 0.0
tests: ntests=0
coefficients
1.0
-0.5
end polypairpot
spline parameters
   e_0 + B  exp(-A*(r/ri-1)) * (ri/r)
ri=1.1
e0=0.5
A=2.0
B=3.0
end repulsive potential

rankmax=2
ndensitymax=1

num_c_tilde_max=2
num_ms_combinations_max=1
total_basis_size_rank1: 1
ctilde_basis_func: rank=1 ndens=1 mu0=0 mu=( 0 )
n=( 3 )
l=( 0 )
num_ms=1
< 0 >:  0.5
total_basis_size: 1
ctilde_basis_func: rank=2 ndens=1 mu0=0 mu=( 0  0 )
n=( 1  2 )
l=( 1  1 )
num_ms=1
< 1  -1 >:  -0.5
"""


def random_ace_potential(rng: np.random.Generator, recursive: bool) -> YacePotential:
    """A random potential that the format can say: a core without inner cutoffs, and what all elements share.

    Args:
        rng: draws it.
        recursive: whether it has one element and the radial basis of ACE.jl; otherwise one to three elements.
    """
    p = random_potential(
        rng,
        elements=1 if recursive else int(rng.integers(1, 4)),
        inner_cutoff="density",
        radial="ChebPow" if rng.random() < 0.5 else "ChebExpCos",
        recursive=recursive,
        densities=int(rng.integers(1, 4)),
    )
    first = p.embeddings[0]
    bonds = tuple(
        tuple(replace(b, inner_cutoff=0.0, inner_width=0.0) if isinstance(b, PaceBond) else b for b in row)
        for row in p.bonds
    )
    return replace(
        p,
        embeddings=tuple(replace(e, function=first.function, terms=first.terms) for e in p.embeddings),
        bonds=bonds,
        functions=tuple(tuple(sorted(own, key=lambda f: f.rank > 1)) for own in p.functions),
    )


def ace_text(p: YacePotential) -> str:
    """A potential of `random_ace_potential` as a file; numbers are read back as they are."""
    terms = [x for term in p.embeddings[0].terms for x in (term.weight, term.exponent)]
    l_max = max((l for own in p.functions for f in own for l in f.ls), default=0)
    lines = [f"nelements={len(p.elements)}", f"elements: {' '.join(p.elements)}", ""]
    bonds = [bond for row in p.bonds for bond in row]
    paces = [bond for bond in bonds if isinstance(bond, PaceBond)]
    if paces and paces[0].coefficients:
        l_max = len(paces[0].coefficients[0]) - 1
    lines += [f"lmax={l_max}", "", f"embedding-function: {p.embeddings[0].function}"]
    lines += [f"{len(terms)} FS parameters:  {_row(terms)}"]
    lines += ["core energy-cutoff parameters: " + "\n".join(_row([e.core_cutoff, e.core_width]) for e in p.embeddings)]
    lines += [f"E0: {_row(p.energies)}", ""]
    lines += _pace(paces, p.spline_step) if paces else _recursion(bonds[0], p.pair)
    functions = [f for own in p.functions for f in own]
    lines += ["", f"rankmax={max((f.rank for f in functions), default=1)}"]
    lines += [f"ndensitymax={len(p.embeddings[0].terms)}", "", f"num_c_tilde_max={len(functions)}"]
    lines += [f"num_ms_combinations_max={max((len(f.ms) for f in functions), default=0)}"]
    for name, single in (("total_basis_size_rank1", True), ("total_basis_size", False)):
        chosen = [[f for f in own if (f.rank == 1) == single] for own in p.functions]
        lines.append(f"{name}: {' '.join(str(len(own)) for own in chosen)} ")
        lines += [line for center, own in enumerate(chosen) for f in own for line in _function(center, f)]
    return "\n".join(lines) + "\n"


def _pace(bonds: list[PaceBond], step: float) -> list[str]:
    first = bonds[0]
    cores = "\n".join(_row([b.strength, b.rate]) for b in bonds)
    lines = [f"radbasename={first.radial}", f"nradbase={first.n_base}", f"nradmax={len(first.coefficients)}"]
    lines += [f"cutoffmax={max(b.cutoff for b in bonds)}", f"deltaSplineBins={step}"]
    lines += [f"core repulsion parameters: {cores}", f"radparameter= {_row([b.parameters[0] for b in bonds])}"]
    lines += [f"cutoff= {_row([b.cutoff for b in bonds])}", f"dcut= {_row([b.width for b in bonds])}", "crad="]
    for b in bonds:
        for by_n in np.transpose(np.array(b.coefficients), (2, 0, 1)):
            lines += [_row(row) for row in by_n]
    return lines


def _recursion(bond: object, pair: PairPotential | None) -> list[str]:
    assert isinstance(bond, RecursionBond)
    lines = ["radbasename=ACE.jl.Basic", f"haspair: {'t' if pair else 'f'}", "", *_basis(bond.basis), ""]
    if pair:
        core = pair.cores[0][0]
        lines += ["begin repulsive potential", "begin polypairpot", *_basis(pair.basis), "coefficients"]
        lines += [*map(str, pair.coefficients[0][0]), "end polypairpot", "spline parameters"]
        lines += ["   e_0 + B  exp(-A*(r/ri-1)) * (ri/r)"]
        lines += [f"ri={core.r_i}", f"e0={core.e_0}", f"A={core.a}", f"B={core.b}", "end repulsive potential", ""]
    return lines


def _basis(b: RecursionBasis) -> list[str]:
    cutoff = f"rcut={b.cutoff} xl={b.left} xr={b.right} pl={b.p_left} pr={b.p_right}"
    lines = [f"transform parameters: p={b.power} r0={b.r0}", f"cutoff parameters: {cutoff}"]
    return [
        *lines,
        f"recursion coefficients: maxn={len(b.steps)}",
        *(" " + _row(s) for s in b.steps),
        "tests: ntests=0",
    ]


def _function(center: int, f: CTildeFunction) -> list[str]:
    def spaced(numbers: tuple[int, ...]) -> str:
        return "".join(f" {n} " for n in numbers)

    head = f"ctilde_basis_func: rank={f.rank} ndens={len(f.coefficients[0])} mu0={center} mu=({spaced(f.elements)})"
    lines = [head, f"n=({spaced(f.ns)})", f"l=({spaced(f.ls)})", f"num_ms={len(f.ms)}"]
    return lines + [f"<{spaced(ms)}>:  {_row(c)}" for ms, c in zip(f.ms, f.coefficients, strict=True)]


def _row(numbers: object) -> str:
    return " ".join(repr(float(x)) for x in numbers)  # type: ignore[attr-defined]
