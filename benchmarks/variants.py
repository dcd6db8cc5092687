"""Ways to compile the same model: time and error of each against the default.

Errors are against the energies and gradients that follow from the basis kernel of the default build: coefficients times
basis functions, in double precision. `acegen verify` compares that kernel with brute force in 640-bit arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import acegen
from benchmarks.batches import Batch, PotentialCall
from benchmarks.context import Context, coefficients
from benchmarks.section import Headline, Section, Table
from benchmarks.timing import Samples, alternate, pinned

DEFAULT = "default"
VARIANTS: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "coupled": {"products": "coupled"},
    "straight": {"products": "straight"},
    "compact": {"products": "compact"},
    "lanes 4": {"lanes": 4},
    "lanes 8": {"lanes": 8},
    "lanes 16": {"lanes": 16},
    "x86-64-v3": {"march": "x86-64-v3"},
    "generic": {"march": "generic"},
    "openmp": {"openmp": True},
    "single": {"precision": "single"},
    "single x86-64-v3": {"precision": "single", "march": "x86-64-v3"},
}
"""Options that differ from the defaults."""

QUICK = (DEFAULT, "coupled", "compact", "lanes 4", "x86-64-v3", "openmp", "single")

_REFERENCE_ATOMS = 200
"""Number of centres with a reference; each needs the gradients of all basis functions."""


@dataclass(frozen=True)
class Errors:
    """Largest errors over a batch.

    Attributes:
        energy: of a site energy, relative to the sum of the magnitudes of its terms (coefficient times function).
        gradient: of a gradient's component, relative to the largest such sum in the environment.
        energy_rms: of a site energy, relative to the root mean square of all.
        gradient_rms: of a gradient's component, relative to the root mean square of all.
    """

    energy: float
    gradient: float
    energy_rms: float
    gradient_rms: float


def measure(context: Context) -> Section:
    """All variants of every size in the same rounds."""
    names = QUICK if context.settings.quick else tuple(VARIANTS)
    sizes, rounds = context.settings.variant_sizes, context.settings.repetitions
    data: dict[str, Any] = {"models": []}
    notes: list[str] = []
    with context.steps("variants", len(sizes) * (len(names) + 1 + rounds)) as steps:
        for size in sizes:
            models = {}
            for name in names:
                steps(f"{size.label}, {name}")
                try:
                    models[name] = context.compile(size, *name.split(), **VARIANTS[name])
                except acegen.BuildError as error:
                    notes.append(f"{size.label}, {name} was skipped: {str(error).splitlines()[0]}")
                steps.advance()
            steps(f"{size.label}, reference")
            sample = context.batch.part(_sample(context.batch))
            reference = Reference.of(models[DEFAULT], sample, coefficients(size)["Si"])
            errors = {name: reference.errors(model, sample) for name, model in models.items()}
            steps.advance()
            steps(f"{size.label}, timing")
            calls = {name: PotentialCall(model, context.batch) for name, model in models.items()}
            with pinned(context.core):
                timed = alternate(calls, rounds, advance=steps.advance)
            own = {
                name: _record(timed.seconds[name], timed.seconds[DEFAULT], context.batch, errors[name])
                for name in models
            }
            same = _same_with_threads(models["openmp"], sample) if "openmp" in models else None
            data["models"].append(
                {"size": asdict(size), "label": size.label, "variants": own, "two_threads_same_bits": same}
            )
    return Section("Ways to compile", data, list(_tables(data)), _headlines(data), notes)


def _record(time: Samples, default: Samples, batch: Batch, errors: Errors) -> dict[str, Any]:
    return {
        "us_per_atom": (time * (1e6 / batch.n_atoms)).record(),
        "over_default": time.over(default).record(),
        "errors": asdict(errors),
    }


def _same_with_threads(model: acegen.Model, batch: Batch) -> bool:
    """Whether two threads give the same bits as one."""
    one, two = PotentialCall(model, batch), PotentialCall(model, batch, threads=2)
    one()
    two()
    return bool((one.energy == two.energy).all() and (one.gradient == two.gradient).all())


def _sample(batch: Batch) -> slice:
    return slice(0, min(_REFERENCE_ATOMS, batch.n_atoms))


@dataclass(frozen=True)
class Reference:
    """Energies and gradients of a batch from the basis kernel, and the magnitudes of their terms."""

    energy: NDArray[np.float64]
    gradient: NDArray[np.float64]
    energy_terms: NDArray[np.float64]
    gradient_terms: NDArray[np.float64]

    @classmethod
    def of(cls, model: acegen.Model, batch: Batch, weights: NDArray[np.float64]) -> Reference:
        element = model.elements[0]
        energy, energy_terms = np.zeros(batch.n_atoms), np.zeros(batch.n_atoms)
        gradient, gradient_terms = np.zeros((batch.n_entries, 3)), np.zeros(batch.n_entries)
        for atom in range(batch.n_atoms):
            own = slice(int(batch.first[atom]), int(batch.first[atom + 1]))
            numbers = [element] * (own.stop - own.start)
            values = weights * model.basis(element, numbers, batch.displacement[own])
            energy[atom], energy_terms[atom] = values.sum(), np.abs(values).sum()
            if numbers:
                terms = weights[:, None, None] * model.basis_gradient(element, numbers, batch.displacement[own])
                gradient[own] = terms.sum(axis=0)
                gradient_terms[own] = np.abs(terms).sum(axis=0).max()
        return cls(energy, gradient, energy_terms, gradient_terms)

    def errors(self, model: acegen.Model, batch: Batch) -> Errors:
        """Errors of a model's potential kernel."""
        call = PotentialCall(model, batch)
        call()
        energy = np.abs(call.energy - self.energy)
        gradient = np.abs(call.gradient - self.gradient)
        return Errors(
            energy=float((energy / self.energy_terms).max()),
            gradient=float((gradient / self.gradient_terms[:, None]).max()),
            energy_rms=float(energy.max() / np.sqrt((self.energy**2).mean())),
            gradient_rms=float(gradient.max() / np.sqrt((self.gradient**2).mean())),
        )


def _tables(data: dict[str, Any]) -> Iterator[Table]:
    for model in data["models"]:
        rows = []
        for name, variant in model["variants"].items():
            time, errors = variant["us_per_atom"], variant["errors"]
            rows.append(
                (
                    name,
                    f"{variant['over_default']['median']:.2f}",
                    f"{time['median']:.2f}",
                    "{:.2f}-{:.2f}".format(*time["quartiles"]),
                    *(f"{errors[key]:.0e}" for key in ("energy", "gradient", "energy_rms", "gradient_rms")),
                )
            )
        headings: tuple[str, ...] = ("variant", "time / default", "µs/atom", "quartiles")
        headings += ("ΔE / terms", "Δg / terms", "ΔE / rms", "Δg / rms")
        yield Table(model["label"], headings, rows)


def _headlines(data: dict[str, Any]) -> list[Headline]:
    lines = []
    for model in data["models"]:
        variants = model["variants"]
        doubles = [v["errors"] for name, v in variants.items() if "single" not in name]
        worst = max(max(e["energy"], e["gradient"]) for e in doubles)
        lines.append(
            Headline(f"{model['label']}, variants", f"{worst:.0e}", "largest relative error in double precision")
        )
        single = variants["single"]
        error = max(single["errors"]["energy_rms"], single["errors"]["gradient_rms"])
        ratio = single["over_default"]["median"]
        lines.append(
            Headline(f"{model['label']}, single", f"{ratio:.2f} × time", f"of double; error {error:.0e} of the rms")
        )
        if model["two_threads_same_bits"] is not None:
            equal = "same" if model["two_threads_same_bits"] else "DIFFERENT"
            lines.append(Headline(f"{model['label']}, 2 threads", equal, "bits as with one thread"))
    return lines
