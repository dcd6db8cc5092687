"""Fits of the same data with the same solver in both bases, over orders, levels and amounts of data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from experiment import EXPANSIONS, Setting
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import acegen
from acegen.fit import Dataset, KeySettings, load_settings, read_dataset
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.dataset import Parts
from acegen.fit.evaluation import QuantityError, compare_linear, total_row
from acegen.fit.folds import ALWAYS, assign_folds
from acegen.fit.merit import predict, rms
from acegen.fit.problem import Solution, Weights, reduce_problem
from acegen.fit.ridge import fit_ridge
from acegen.fit.settings import FitSettings

Floats = NDArray[np.float64]

FOLDS = 5
STEP = 0.5
STRENGTHS = 10.0 ** np.arange(-10.0, STEP / 2, STEP)
"""Strengths of the prior in a sweep, in units of the largest singular value."""

WEIGHTS = Weights(100.0, 1.0, 0.0)
"""The same for all fits."""

SMOOTHNESS = (2.0, 0.0)
"""Power of the level in the prior: one that prefers smooth potentials, and a plain ridge (of scaled functions)."""

Sizes = dict[tuple[int, int], tuple[float, ...]]
"""Fractions of the training data by (order, level)."""


@dataclass(frozen=True)
class Material:
    """An element, the cutoff (Å) of its potentials, and its structure in the curves."""

    element: str
    cutoff: float
    structure: str


MATERIALS = (Material("Si", 5.5, "diamond"), Material("Mo", 4.4, "bcc"))


@dataclass(frozen=True)
class Data:
    """Training and test data of a material. The test data decide nothing."""

    training: Dataset
    test: Dataset

    def part(self, fraction: float) -> Dataset:
        """A random part of the training data; larger parts contain the smaller ones."""
        every = self.training.configurations
        order = np.random.default_rng(0).permutation(len(every))[: round(fraction * len(every))]
        return Dataset(tuple(every[i] for i in sorted(order)))


@dataclass(frozen=True)
class Task:
    """A fit."""

    material: Material
    order: int
    level: int
    fraction: float
    smoothness: float
    expansion: str

    @property
    def name(self) -> str:
        return f"{self.material.element.lower()}_{self.expansion.replace('-', '_')}_{self.order}_{self.level}"

    @property
    def case(self) -> tuple[float, str, int, int, float]:
        """What identifies a task, apart from the expansion."""
        return self.smoothness, self.material.element, self.order, self.level, self.fraction


@dataclass(frozen=True)
class Potential:
    """A fit with the strength of the prior from cross-validation, and its errors on the test data.

    Attributes:
        configurations: used for the fit.
        condition: of the scaled problem; infinite if the data do not determine some combination of functions.
        strength: of the prior, as decided, in units of the largest singular value.
        energy: test errors, eV/atom.
        forces: test errors, eV/Å.
        sweep: test RMSE (strengths, 2) of energies (eV/atom) and forces (eV/Å) over `STRENGTHS`.
        model: the compiled basis.
        solution: coefficients.
        isolated: energy of an atom without neighbours, eV.
    """

    task: Task
    configurations: int
    condition: float
    strength: float
    energy: QuantityError
    forces: QuantityError
    sweep: Floats
    model: acegen.Model
    solution: Solution
    isolated: float

    @property
    def best(self) -> int:
        """Index of the strength at which the product of both errors is smallest: a perfect choice."""
        return int(self.sweep.prod(axis=1).argmin())

    @property
    def decades(self) -> float:
        """Decades of the strength over which the product of both errors is within 10 % of the smallest."""
        product = self.sweep.prod(axis=1)
        return STEP * int(np.sum(product <= 1.1 * product.min()))


def read_data(folder: Path, material: Material) -> Data | None:
    """Data of a material, or None if they are not in the folder.

    Raises:
        FitError: the files exist but cannot be read.
    """
    files = [folder / f"{material.element}_{part}.xyz" for part in ("train", "test")]
    if not all(file.is_file() for file in files):
        return None
    training, test = (read_dataset([str(file)], KeySettings(), [material.element]) for file in files)
    return Data(training, test)


def fit_all(setting: Setting, data: dict[Material, Data], sizes: Sizes) -> list[Potential]:
    """Fits of all materials, sizes, expansions, fractions of the data and priors."""
    potentials = []
    for material, own in data.items():
        for (order, level), fractions in sizes.items():
            for expansion, fraction in product(EXPANSIONS, fractions):
                tasks = [Task(material, order, level, fraction, power, expansion) for power in SMOOTHNESS]
                with setting.step(f"{tasks[0].name}, {fraction:.1%}"):
                    potentials += fit_tasks(setting, tasks, own)
                    first = potentials[-len(tasks)]
                    setting.progress.report(
                        f"{1e3 * first.energy.rmse:.2f} meV/atom, {first.forces.rmse:.4f} eV/Å (test RMSE)"
                    )
    return potentials


def fit_tasks(setting: Setting, tasks: list[Task], data: Data) -> list[Potential]:
    """Fits that differ in the prior: strengths by cross-validation, coefficients by all training data, test errors."""
    settings = fit_settings(setting, tasks[0])
    cache = str(setting.output / "modules")
    model = acegen.compile(settings.whole_spec, cache)
    part = data.part(tasks[0].fraction)
    parts = Parts(part, assign_folds(part.configurations, FOLDS, 0), data.test)
    assembler = make_assembler(settings, model, parts, cache)
    problem, *_ = assemble(settings, assembler, parts, setting.progress)
    every = Parts(data.test, (ALWAYS,) * len(data.test.configurations), Dataset(()))
    tested, *_ = assemble(settings, assembler, every, setting.progress)
    composition, none = np.array(assembler.composition), np.zeros(len(model.elements))
    potentials = []
    for task in tasks:
        solver = settings.solver.model_copy(update={"smoothness": (task.smoothness,)})
        with threadpool_limits(1):
            found = fit_ridge(problem, solver, settings.weights, setting.progress)
            reduced = reduce_problem(problem, problem.everything, WEIGHTS, task.smoothness)
            largest = float(reduced.svd[1][0])
            predicted = predict(tested.cells, reduced.expanded(reduced.ridge(STRENGTHS * largest)))
        errors = total_row(
            "test", compare_linear(model, found.solution, composition, none, data.test, assembler.block_bytes)
        )
        assert errors.energy is not None  # all configurations of these data have energies and forces
        assert errors.forces is not None
        potentials.append(
            Potential(
                task,
                len(part.configurations),
                found.condition,
                found.chosen.strength / largest,
                errors.energy,
                errors.forces,
                np.column_stack([rms(predicted["energy"]), rms(predicted["forces"])]),
                model,
                found.solution,
                float((composition @ found.solution.composition)[0]),
            )
        )
    return potentials


def fit_settings(setting: Setting, task: Task) -> FitSettings:
    """Settings for the basis of a task. Data and prior are passed separately."""
    basis = {
        "expansion": task.expansion,
        "elements": [task.material.element],
        "order": task.order,
        "level": task.level,
    }
    document: dict[str, Any] = {
        "spec": {"name": task.name, "basis": basis, "radial": {"cutoff": task.material.cutoff}},
        "output": str(setting.output),
        "data": {"train": "-"},
        "weights": {"energy": WEIGHTS.energy, "forces": WEIGHTS.forces, "virial": WEIGHTS.virial},
    }
    return load_settings(document)
