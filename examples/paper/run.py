"""All experiments of the paper, or some of them, one after the other.

    python examples/paper/run.py [--small] [--only NAME,...] [-o DIR] [--data DIR]

Each writes NAME.json, NAME.png and its tables as CSV to DIR (default: results next to this file); claims.md lists every
claim of the paper with what is found here. At full size all of them take about 25 minutes, with --small two. README.md
lists them, and pages.py puts what they find into the documentation. With --data, the folder of Si_train.xyz,
Si_test.xyz, Mo_train.xyz and Mo_test.xyz (Zuo et al. 2020), interatomic potentials are fitted as well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from atoms_conditioning import atoms_conditioning
from atoms_operator import atoms_operator
from atoms_regularization import atoms_regularization
from decay import decay
from distributions import distributions
from experiment import Claim, Experiment, parser, perform, setting_of
from interval_conditioning import interval_conditioning
from interval_operator import interval_operator
from potentials import potentials
from regularization import regularization

import acegen

EXPERIMENTS: dict[str, tuple[str, Experiment]] = {
    "interval_operator": ("The purification operator on the interval", interval_operator),
    "atoms_operator": ("The purification operator of atomic environments", atoms_operator),
    "interval_conditioning": ("Condition numbers on the interval", interval_conditioning),
    "atoms_conditioning": ("Condition numbers in three dimensions", atoms_conditioning),
    "decay": ("Decay of coefficients", decay),
    "distributions": ("Errors under differently distributed data", distributions),
    "regularization": ("Robustness under regularization, one dimension", regularization),
    "atoms_regularization": ("Robustness under regularization, three dimensions", atoms_regularization),
    "potentials": ("Interatomic potentials", potentials),
}


def main() -> None:
    options = parser("All experiments of the paper (arXiv 2401.01550), or some of them.")
    options.add_argument("--only", metavar="NAME,...", help=f"some of {', '.join(EXPERIMENTS)}")
    chosen = options.parse_args()
    names = chosen.only.split(",") if chosen.only else list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        options.error(f"--only: '{unknown[0]}' is not one of {', '.join(EXPERIMENTS)}")
    setting = setting_of(chosen)
    claims: dict[str, tuple[Sequence[Claim], float]] = {}
    start = time.perf_counter()
    for name in names:
        title, experiment = EXPERIMENTS[name]
        setting.console.rule(title)
        began = time.perf_counter()
        claims[title] = perform(name, title, experiment, setting).claims, time.perf_counter() - began
        write_claims(claims, setting.output / "claims.md", setting.small)
    setting.console.print(
        f"{time.perf_counter() - start:.0f} s. Everything is in {setting.output}.", highlight=False, markup=False
    )


def write_claims(found: dict[str, tuple[Sequence[Claim], float]], file: Path, small: bool) -> None:
    """Every claim of the experiments done so far, as a page."""
    lines = ["# What the paper claims, and what is found", ""]
    lines += ["Small sizes, for a first look: `run.py` without `--small` has those of the paper.", ""] if small else []
    for title, (claims, seconds) in found.items():
        lines += [f"## {title}", "", f"{seconds:.0f} s.", "", "| claim | paper | here | |", "|---|---|---|---|"]
        for claim in claims:
            cells = (text.replace("|", "\\|") for text in (claim.what, claim.paper, claim.seen, claim.verdict))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    file.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"run.py: {error}")
