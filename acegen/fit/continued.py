"""A fit that continues an earlier one with more data: same model, same hyperparameters, same folds and units.

Only new configurations are assembled. The spec is that of the earlier fit; what a search had decided is kept, unless a
new search is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from acegen.errors import FitError
from acegen.fit.assembly import placed_units
from acegen.fit.bayes import BayesFit
from acegen.fit.dataset import Configuration, Dataset, Parts, PlacedUnit
from acegen.fit.findings import Finding
from acegen.fit.folds import ALWAYS, assign_folds, extend_folds
from acegen.fit.request import ModelRequest
from acegen.fit.result import FitResult
from acegen.fit.settings import QUANTITIES, FitSettings
from acegen.fit.training import TRAINING_FORMAT, Hyperparameters, KnownUnit, TrainingRecord, read_record
from acegen.fit.unit import Assembler
from acegen.printing import shown, visible
from acegen.spec import Spec, load_atomic_spec

_ANEW = "or leave --continue (data.continue) out to fit from the beginning"

GROWN = 3.0
"""How many times the atoms by which hyperparameters were chosen there may be before a new search is suggested."""


def choices_of(settings: FitSettings) -> dict[str, Any]:
    """Settings that a continued fit shares with the one before, by their keys in FIT.toml.

    Rows of other atomic energies or powers would be other rows; folds of another number could not be kept.
    """
    data, solver, weights = settings.data, settings.solver, settings.weights
    validation = "files" if isinstance(data.validation, tuple) else data.validation
    selection = solver.selection
    return {
        "atomic_energies": settings.atomic_energies,
        "weights.atoms": weights.atoms,
        "weights.forces": weights.forces,
        "solver.kind": solver.kind,
        "solver.selection.functions": None if selection is None else selection.functions,
        "data.validation": validation,
        "data.folds": data.folds if validation is None else None,
    }


def continue_from(settings: FitSettings) -> tuple[FitSettings, TrainingRecord | None]:
    """The settings with what is kept of the fit in `data.continue`, and its record; without one, the settings.

    Raises:
        FitError: there is no such fit, its record is missing or damaged, or the settings contradict it.
    """
    if settings.data.previous is None:
        return settings, None
    folder = Path(settings.data.previous)
    record = read_record(folder)
    spec = _spec_of(settings, record, folder)
    for key, value in choices_of(settings).items():
        if record.choices.get(key) != value:
            raise FitError(
                f"{key} = {shown(value)}, but the fit to be continued, {visible(folder)}, was made with "
                f"{shown(record.choices.get(key))}. Give the same, {_ANEW}."
            )
    settings = settings.model_copy(update={"spec": spec})
    return (settings if settings.data.search else _with_hyperparameters(settings, record, folder)), record


def reconsidered(
    given: FitSettings, settings: FitSettings, record: TrainingRecord, parts: Parts
) -> tuple[FitSettings, Parts, list[Finding]]:
    """Settings and parts of a continued fit once its data are known, and what to say about them.

    Where there were too few data for all folds, and now there are more, folds and hyperparameters are chosen anew: what
    a handful of configurations decided, perhaps without anything held out, would otherwise be kept for ever.

    Args:
        given: as the user gave them.
        settings: with the hyperparameters that are kept.
        record: of the fit that is continued.
        parts: its data, and the new ones.

    Raises:
        FitError: the data have labels of a quantity for which nothing was decided.
    """
    findings, data = [], given.data
    if data.validation is None and record.n_folds < data.folds:
        folds = assign_folds(parts.training.configurations, data.folds, data.seed, given.decisive)
        if max(folds, default=ALWAYS) >= record.n_folds:
            parts = replace(parts, folds=folds, known=())
            again = data.model_copy(update={"search": True})
            settings = given.model_copy(update={"spec": settings.spec, "data": again})
            text = (
                f"the fit that is continued had data for {record.n_folds} folds, and now there are {parts.n_folds}: "
                "folds and hyperparameters were chosen anew"
            )
            findings.append(Finding(text))
    if settings.data.search:
        return settings, parts, findings
    _check_quantities(settings, record, parts.training)
    before = record.hyperparameters.n_atoms
    if parts.training.n_atoms > GROWN * before:
        text = (
            f"the hyperparameters were chosen by {before:,} atoms, and now there are {parts.training.n_atoms:,}: "
            "others may be better. --search (data.search = true) chooses them anew"
        )
        findings.append(Finding(text))
    return settings, parts, findings


def _check_quantities(settings: FitSettings, record: TrainingRecord, training: Dataset) -> None:
    """Refuse labels of a quantity that the earlier fit lacked: neither its noise nor its weight was decided.

    Raises:
        FitError: there are such labels, and they count.
    """
    found = record.hyperparameters
    counts = [q for q in QUANTITIES if found.weights is None or found.weights[q] > 0]
    for quantity in counts:
        if quantity in found.noise or not any(c.has_any((quantity,)) for c in training.configurations):
            continue
        name = {"energy": "energies", "forces": "forces", "virial": "virials"}[quantity]
        keys = ["virial", "stress"] if quantity == "virial" else [quantity]
        ignore = " and ".join(f'data.keys.{key} = ""' for key in keys)
        raise FitError(
            f"the training data have {name}, but those of {visible(settings.data.previous)}, which is to be continued, "
            f"had none: how much they count was not decided. Choose it: --search (data.search = true), or leave them "
            f"out: {ignore}, {_ANEW}."
        )


def check_basis(record: TrainingRecord, basis_hash: str, folder: str | None) -> None:
    """Refuse to continue with another basis.

    Raises:
        FitError: the spec, as this acegen understands it, defines another basis.
    """
    if record.basis_hash != basis_hash:
        raise FitError(
            f"the basis of {visible(folder)} is not the one that its spec.toml defines: one of them was changed, or "
            f"acegen was. Restore it, {_ANEW}."
        )


def continued_parts(
    settings: FitSettings, record: TrainingRecord, training: Dataset, apart: Dataset, test: Dataset
) -> Parts:
    """The parts of a continued fit.

    Args:
        settings: of the fit.
        record: of the fit that is continued.
        training: configurations of data.train.
        apart: those of data.validation, if it names files.
        test: those of data.test.
    """
    configurations = (*training.configurations, *apart.configurations)
    numbers = _by_content(configurations)
    units = [(unit, _members(unit, numbers)) for unit in record.units]
    before: list[int | None] = [None] * len(configurations)
    for unit, members in units:
        for number in members:
            before[number] = unit.fold
    validation = settings.data.validation
    if isinstance(validation, tuple):
        folds = (ALWAYS,) * len(training.configurations) + (0,) * len(apart.configurations)
    else:
        part = 1.0 if validation is None else validation
        folds = extend_folds(configurations, before, record.n_folds, part, settings.data.seed, settings.decisive)
    known = tuple(
        PlacedUnit(unit.fold, unit.kind, tuple(members))
        for unit, members in units
        if len(members) == len(unit.contents) and {folds[number] for number in members} == {unit.fold}
    )
    everything = Dataset(configurations, training.n_excluded + apart.n_excluded)
    return Parts(everything, folds, test, known, record.composition)


def record_of(
    result: FitResult, requested: Spec | ModelRequest, assembler: Assembler, kept: Hyperparameters | None
) -> TrainingRecord:
    """What continuing a fit needs.

    Args:
        result: the fit.
        requested: `spec` of its settings, before it was made from the data.
        assembler: of its units.
        kept: hyperparameters that were not chosen by these data, if the fit continues another.
    """
    parts, data, fit, selection = result.parts, result.settings.data, result.fit, result.selection
    configurations = parts.training.configurations
    functions = None if selection is None else tuple(int(number) for number in selection.functions)
    hyperparameters = Hyperparameters(
        smoothness=fit.smoothness if isinstance(fit, BayesFit) else fit.chosen.smoothness,
        weights=None if isinstance(fit, BayesFit) else fit.chosen.weights._asdict(),
        strength=None if isinstance(fit, BayesFit) else fit.chosen.strength,
        precision=fit.precision if isinstance(fit, BayesFit) else None,
        noise={q: value for q, value in fit.noise.items() if result.problem.everything[q].n_rows},
        functions=functions,
        n_atoms=parts.training.n_atoms if kept is None else kept.n_atoms,
    )
    files = (*data.train, *(data.validation if isinstance(data.validation, tuple) else ()))
    return TrainingRecord(
        format=TRAINING_FORMAT,
        basis_hash=assembler.basis.basis_hash,
        request=request_of(requested) if isinstance(requested, ModelRequest) else None,
        choices=choices_of(result.settings),
        files=tuple(str(Path(file).resolve()) for file in files),
        keys=data.keys.model_dump(exclude_unset=True),
        kinds=result.settings.weights.config_type,
        n_folds=parts.n_folds,
        n_atoms=parts.training.n_atoms,
        composition=assembler.composition,
        hyperparameters=hyperparameters,
        freedom=fit.freedom if isinstance(fit, BayesFit) else fit.chosen.freedom,
        grade=result.settings.uncertainty.grade,
        units=tuple(
            KnownUnit(fold=u.fold, kind=u.kind, contents=tuple(configurations[i].content.hex() for i in u.members))
            for u in placed_units(assembler, parts)
        ),
    )


def _by_content(configurations: Sequence[Configuration]) -> dict[str, list[int]]:
    """Numbers of configurations by hash; there may be duplicates."""
    numbers: dict[str, list[int]] = {}
    for number, configuration in reversed(list(enumerate(configurations))):
        numbers.setdefault(configuration.content.hex(), []).append(number)
    return numbers


def _members(unit: KnownUnit, numbers: Mapping[str, list[int]]) -> list[int]:
    """Numbers of the configurations of a unit that are still there; each is taken once."""
    return [numbers[content].pop() for content in unit.contents if numbers.get(content)]


def _spec_of(settings: FitSettings, record: TrainingRecord, folder: Path) -> Spec:
    """The spec of the earlier fit, with the name of this one.

    Raises:
        FitError: this fit asks for another one.
    """
    file = folder / "spec.toml"
    kept = load_atomic_spec(file)
    asked = settings.spec
    if isinstance(asked, ModelRequest):
        if tuple(asked.elements) != kept.basis.elements:
            raise FitError(
                f"spec.elements are {', '.join(asked.elements)}, but {visible(folder)}, which is to be continued, is a "
                f"model of {', '.join(kept.basis.elements)}. Give the same, {_ANEW}."
            )
        wishes = request_of(asked)
        if record.request is not None and record.request != wishes:
            key = next(key for key in wishes if record.request.get(key) != wishes[key])
            raise FitError(
                f"spec.{key} = {shown(wishes[key])}, but {visible(folder)}, which is to be continued, was made with "
                f"{shown(record.request.get(key))}. Give the same, {_ANEW}."
            )
        return kept.model_copy(update={"name": asked.name})
    if _nameless(asked) != _nameless(kept):
        raise FitError(
            f"the spec is another one than that of {visible(folder)}, which is to be continued. Give "
            f"{visible(file)}, {_ANEW}."
        )
    return asked


def request_of(request: ModelRequest) -> dict[str, Any]:
    """The wishes of a request, as plain data without the name."""
    return request.model_dump(mode="json", exclude={"name"})


def _nameless(spec: Spec) -> dict[str, Any]:
    return {key: value for key, value in spec.canonical().items() if key != "name"}


def _with_hyperparameters(settings: FitSettings, record: TrainingRecord, folder: Path) -> FitSettings:
    """Settings whose only candidates are the hyperparameters that were decided.

    Raises:
        FitError: they are not among the candidates, so that the settings ask for others.
    """
    found, weights, solver = record.hyperparameters, settings.weights, settings.solver
    checks: list[tuple[str, float, Sequence[float]]] = [("solver.smoothness", found.smoothness, solver.smoothness)]
    if found.weights is not None:
        checks += [(f"weights.{q}", found.weights[q], getattr(weights, q)) for q in ("energy", "virial")]
    if found.strength is not None and isinstance(solver.strength, float):
        checks.append(("solver.strength", found.strength, (solver.strength,)))
    for key, value, candidates in checks:
        if value not in candidates:
            raise FitError(
                f"{key}: {visible(folder)}, which is to be continued, was fitted with {value:g}, which is not "
                f"among the values given, {', '.join(f'{candidate:g}' for candidate in candidates)}. Give it, or "
                "choose hyperparameters anew: --search (data.search = true)."
            )
    solver = solver.model_copy(update={"smoothness": (found.smoothness,)})
    if found.weights is not None:
        own = {"energy": (found.weights["energy"],), "virial": (found.weights["virial"],)}
        weights = weights.model_copy(update=own)
    if found.strength is not None:
        solver = solver.model_copy(update={"strength": found.strength})
    return settings.model_copy(update={"weights": weights, "solver": solver})
