"""Small `.yace` files as text."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = """\
elements: [No, Y]
E0: [-1.5, 1e-5]
deltaSplineBins: 0.001
embeddings:
  0: {ndensity: 1, FS_parameters: [1, 1], npoti: FinnisSinclair, rho_core_cutoff: 100000, drho_core_cutoff: 250}
  1: {ndensity: 2, FS_parameters: [1, 1, -2, 0.5], npoti: FinnisSinclairShiftedScaled, rho_core_cutoff: 3e3, drho_core_cutoff: 250}
bonds:
  [0, 0]: {nradmax: 2, lmax: 1, nradbasemax: 2, radbasename: ChebExpCos, radparameters: [3.5], radcoefficients: [[[1, 0.5], [-1, 2]], [[0, 1], [1, 0]]], prehc: 10, lambdahc: 2, rcut: 5.0, dcut: 0.01, rcut_in: 0.0, dcut_in: 0.0, inner_cutoff_type: distance}
  [0, 1]: {nradmax: 1, lmax: 1, nradbasemax: 1, radbasename: ChebLinear, radparameters: [1], radcoefficients: [[[0.5], [2]]], prehc: 10, lambdahc: 2, rcut: 5.5, dcut: 0.01, rcut_in: 1.2, dcut_in: 0.25, inner_cutoff_type: distance}
  [1, 0]: {nradmax: 1, lmax: 1, nradbasemax: 2, radbasename: ChebPow, radparameters: [2], radcoefficients: [[[0.5, 1.5], [2, -1]]], prehc: 10, lambdahc: 2, rcut: 5.5, dcut: 0.01, rcut_in: 1.2, dcut_in: 0.25, inner_cutoff_type: distance}
  [1, 1]: {nradmax: 1, lmax: 0, nradbasemax: 1, radbasename: SBessel, radparameters: [1], radcoefficients: [[[0.75]]], prehc: 10, lambdahc: 2, rcut: 6.0, dcut: 0.01, rcut_in: 1.2, dcut_in: 0.25, inner_cutoff_type: distance}
functions:
  0:
    - {mu0: 0, rank: 1, ndensity: 1, num_ms_combs: 1, mus: [1], ns: [2], ls: [0], ms_combs: [0], ctildes: [0.5]}
  1:
    - {mu0: 1, rank: 2, ndensity: 2, num_ms_combs: 2, mus: [0, 1], ns: [1, 1], ls: [1, 1], ms_combs: [0, 0, 1, -1], ctildes: [0.25, -1, 0.125, 1e-7]}
"""  # noqa: E501

ACE_JL = """\
E0: [-3.25]
elements: ["Si"]
deltaSplineBins: 0.001
lmax: 1
embeddings:
  0: {ndensity: 1, FS_parameters: [1.0, 1.0], npoti: FinnisSinclairShiftedScaled, rho_core_cutoff: 100000.0, drho_core_cutoff: 1.0}
bonds:
  [0, 0]:
    radbasename: ACE.jl.base
    p: 2
    r0: 2.5
    rcut: 5.5
    xl: 0.3
    xr: 1.75
    pl: 2
    pr: 0
    maxn: 3
    recursion_coefficients:
      A: [3.0, 4.0, 5.0]
      B: [0.0, -2.0, -3.0]
      C: [0.0, 0.0, -0.5]
polypairpot:
  p: 2
  r0: 2.5
  rcut: 6.5
  xl: 0.25
  xr: 1.75
  pl: 2
  pr: 2
  maxn: 2
  recursion_coefficients: {A: [3.0, 4.0], B: [0.0, -2.0], C: [0.0, 0.0]}
  coefficients:
    ? - 0
      - 0
    : [1.0, -0.5]
reppot:
  coefficients:
    [0, 0]: {ri: 1.1, e0: 0.5, A: 2.0, B: 3.0}
functions:
  0:
    - {mu0: 0, rank: 1, ndensity: 1, num_ms_combs: 1, mus: [0], ns: [3], ls: [0], ms_combs: [0], ctildes: [0.5]}
    - {mu0: 0, rank: 2, ndensity: 1, num_ms_combs: 1, mus: [0, 0], ns: [1, 2], ls: [1, 1], ms_combs: [1, -1], ctildes: [-0.5]}
"""  # noqa: E501


def write(folder: Path, text: str | bytes, name: str = "potential.yace") -> Path:
    """The path of a file with this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
