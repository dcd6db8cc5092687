"""Settings of a fit: the file FIT.toml, with every default and every limit."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from acegen.errors import FitError
from acegen.fit.request import CUTOFFS, ModelRequest, model_request
from acegen.fit.values import Bytes, Candidates, Key, Paths, Powers, Weight
from acegen.printing import shown, visible
from acegen.spec import Spec, load_atomic_spec
from acegen.spec.fields import by_species
from acegen.store.documents import check_path, read_toml
from acegen.store.manifest import POTENTIAL_SUFFIXES

FitSource: TypeAlias = "str | Path | Mapping[str, Any] | FitSettings"

QUANTITIES = ("energy", "forces", "virial")
"""Quantities that can have labels."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeySettings(_Section):
    """Names of the labels in the files. With an empty name the label is not read."""

    energy: Key = Field("energy", description='key of the total energy, eV; "" here and below: not read')
    forces: Key = Field("forces", description="key of the forces, eV/Å")
    virial: Key = Field("virial", description="key of the virial, eV: 3 × 3, 9 numbers, or 6 as xx yy zz yz xz xy")
    stress: Key = Field(
        "stress", description="key of the stress, eV/Å³, of cells periodic in three directions, in the same forms"
    )
    config_type: str = Field("config_type", description="key of the kind of configuration")
    weight: Key = Field("weight", description="key of a factor of all residuals; 0 leaves the configuration out")
    energy_weight: Key = Field("energy_weight", description="key of a factor of the energy residual; 0 leaves it out")
    forces_weight: Key = Field(
        "forces_weight", description="key of a factor of the force residuals, or one per atom; 0 leaves them out"
    )
    virial_weight: Key = Field("virial_weight", description="key of a factor of the virial residual; 0 leaves it out")
    stress_weight: Key = Field("stress_weight", description="another name for virial_weight")


class DataSettings(_Section):
    """Where the labels are, and which part of them decides hyperparameters."""

    train: Paths = Field(
        min_length=1,
        description="extended-XYZ file or files to fit to (or ASE databases, FitSNAP JSON); paths are relative to the "
        "folder of the settings",
    )
    folds: int = Field(
        5, ge=2, le=20, strict=True, description="folds of the cross-validation that decides hyperparameters, 2 to 20"
    )
    validation: float | Paths | None = Field(
        None,
        description="instead of folds: a fraction of the configurations of each kind (0 to 0.5), or separate files",
    )
    test: Paths = Field((), description="file or files to report errors for; they decide nothing")
    seed: int = Field(0, ge=0, lt=2**63, strict=True, description="seed of folds, an integer from 0")
    keys: KeySettings = Field(default_factory=KeySettings, description="table: names of the labels")
    previous: str | None = Field(
        None, alias="continue", description="folder of a fit to continue with more data: only new ones are assembled"
    )
    search: bool = Field(False, description="with data.continue: choose hyperparameters anew instead of keeping them")

    @model_validator(mode="after")
    def _part_makes_sense(self) -> DataSettings:
        if isinstance(self.validation, float) and not 0 <= self.validation <= 0.5:
            raise ValueError(
                f"data.validation = {self.validation} is not a fraction; give a number from 0 to 0.5, or files"
            )
        if self.search and self.previous is None:
            raise ValueError(
                "data.search = true is for a fit that continues another; leave it out, or set data.continue"
            )
        if self.validation is not None and "folds" in self.model_fields_set:
            raise ValueError("data.folds and data.validation exclude each other; leave one of them out")
        return self


class WeightSettings(_Section):
    """Weights of residuals: of energies in eV/atom, forces in eV/Å, virials in eV/atom.

    Where a quantity has several candidates, cross-validation decides between them. A Bayesian fit finds the weights of
    quantities itself and uses only `config_type`, `atoms` and the weights in the files.
    """

    energy: Candidates = Field(
        (100.0, 300.0, 1000.0), description="weight of energies (eV/atom), or candidates: cross-validation decides"
    )
    forces: Weight = Field(1.0, description="weight of force components (eV/Å)")
    virial: Candidates = Field(
        (30.0,), description="weight of virials (eV/atom), or candidates: cross-validation decides"
    )
    config_type: dict[str, Weight] = Field(
        default_factory=dict, description="table: factor of all residuals by kind of configuration (default: 1)"
    )
    atoms: float = Field(
        1.0, ge=0, le=1, description="energies and virials are divided by (number of atoms)^atoms, from 0 to 1"
    )


class SelectionSettings(_Section):
    """A sparse model: only the functions that matter most, and a kernel compiled for just those."""

    functions: int = Field(
        ge=1, lt=2**63, strict=True, description="number of functions to keep, over all centre elements"
    )
    method: Literal["greedy", "ard"] = Field(
        "greedy", description='"greedy" (orthogonal matching pursuit) or "ard" (automatic relevance determination)'
    )


class SolverSettings(_Section):
    """How coefficients are found."""

    kind: Literal["ridge", "bayes"] = Field(
        "ridge", description='"ridge", or "bayes" (noise of each quantity by evidence, with posterior covariance)'
    )
    strength: Literal["validation", "evidence", "gcv"] | Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        "validation",
        description='ridge only: "validation" (by folds), "evidence", "gcv" (generalized cross-validation), a number',
    )
    smoothness: Powers = Field(
        (1.0, 2.0), description="power of the level in the prior, 0 to 10, or candidates: cross-validation decides"
    )
    factorization: Literal["qr", "normal"] = Field(
        "qr", description='"qr" (stable), or "normal" (normal equations: faster, half the digits)'
    )
    selection: SelectionSettings | None = Field(None, description="table: functions to keep, for a sparse model")
    repulsion: bool = Field(
        True,
        description="with a core and an inner cutoff: require that energies of compressed structures of the data rise "
        "all the way, with the least change of the fit",
    )
    refit: bool = Field(
        True, description="fit again to all data once hyperparameters are decided; false only with data.validation"
    )


class UncertaintySettings(_Section):
    """When not to trust the potential: grades of environments, and a committee."""

    grade: Literal["leverage", "posterior", "d-optimality", "none"] = Field(
        "leverage",
        description='grade of an environment: "leverage" (distance from the training environments), "posterior" '
        '(standard deviation of the site energy), "d-optimality" (largest coefficient in an active set), or "none"',
    )
    rank: int = Field(
        64,
        ge=4,
        le=4096,
        strict=True,
        description="rows of leverage and posterior grades, 4 to 4096; their relative error is about 1/sqrt(2 rank)",
    )
    members: int = Field(
        8, ge=0, le=256, strict=True, description="members of the committee, 0 to 256; 0 for no committee"
    )
    seed: int = Field(0, ge=0, lt=2**63, strict=True, description="seed of committee and grades, an integer from 0")


class AssemblySettings(_Section):
    """Where and how the design matrix is assembled, a unit of configurations at a time."""

    processes: int = Field(
        2, ge=1, le=256, strict=True, description="processes on this machine, an integer from 1 to 256"
    )
    memory: Bytes = Field(
        2**30,
        description='memory for all processes together, such as "1 GiB", or a number of bytes (1 MiB at least)',
        json_schema_extra={"default": "1 GiB"},
    )
    cache: str | None = Field(None, description="folder of finished units (default: OUTPUT/.assembly)")
    dask: str | None = Field(
        None,
        description='address of a Dask scheduler, such as "tcp://host:8786": only triangles travel (default: none)',
    )


def _or_path(schema: dict[str, Any]) -> None:
    """Add to the schema of a spec that a path can stand for it."""
    schema["anyOf"].append({"type": "string"})


class FitSettings(_Section):
    """A fit: what FIT.toml says, with every default filled in."""

    model_config = ConfigDict(title="acegen fit")

    spec: Spec | ModelRequest = Field(
        description="the model: path of a spec (TOML), a spec as a table, or a table of name, elements and other "
        "wishes for the recommended model",
        json_schema_extra=_or_path,
    )
    output: str = Field("fits", description="folder in which NAME/ is created, NAME being the name in the spec")
    data: DataSettings = Field(description="table: where the labels are")
    weights: WeightSettings = Field(default_factory=WeightSettings, description="table: weights of residuals")
    atomic_energies: dict[str, Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        None, description="table: energy of the isolated atom of every element, eV (default: fitted with the rest)"
    )
    solver: SolverSettings = Field(default_factory=SolverSettings, description="table: how coefficients are found")
    uncertainty: UncertaintySettings = Field(
        default_factory=UncertaintySettings, description="table: grades of environments, and a committee"
    )
    assembly: AssemblySettings = Field(default_factory=AssemblySettings, description="table: processes, memory, cache")

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols of the model."""
        return self.spec.elements if isinstance(self.spec, ModelRequest) else self.spec.basis.elements

    @property
    def cache_folder(self) -> str:
        """Folder of the compiled basis and of finished units."""
        return self.assembly.cache or str(Path(self.output) / ".assembly")

    @property
    def reach(self) -> tuple[tuple[float, ...], ...]:
        """Largest distances of neighbours by pair, Å; the largest possible cutoff if it is still to be chosen."""
        if isinstance(self.spec, ModelRequest):
            return by_species(CUTOFFS[1] if self.spec.cutoff is None else self.spec.cutoff, self.spec.elements)
        return self.spec.reach

    @property
    def decisive(self) -> tuple[tuple[str, ...], ...]:
        """Quantities whose labels decide a fit, for each candidate of the weights; a Bayesian fit uses them all."""
        solver, weights = self.solver, self.weights
        if solver.kind == "bayes" and solver.selection is None:
            return (QUANTITIES,)
        candidates = product(weights.energy, (weights.forces,), weights.virial)
        sets = (tuple(q for q, w in zip(QUANTITIES, own, strict=True) if w > 0) for own in candidates)
        return tuple(dict.fromkeys(sets))

    @property
    def whole_spec(self) -> Spec:
        """The complete spec.

        Raises:
            TypeError: it is still to be made from the data.
        """
        if isinstance(self.spec, ModelRequest):
            raise TypeError("the spec is still to be made from the data (acegen.fit.recommended)")
        return self.spec

    @model_validator(mode="after")
    def _refit_makes_sense(self) -> FitSettings:
        if not self.solver.refit and not self.data.validation:
            raise ValueError(
                "solver.refit = false leaves the validation data out of the final fit, but data.validation is not set; "
                "set data.validation, or leave solver.refit out"
            )
        return self

    @model_validator(mode="after")
    def _elements_agree(self) -> FitSettings:
        elements = self.elements
        if self.atomic_energies is not None and set(self.atomic_energies) != set(elements):
            given = ", ".join(self.atomic_energies) or "no element"
            raise ValueError(
                f"atomic_energies is given for {given}; the spec has {', '.join(elements)}. Give one for each, or "
                "leave the table out to have them fitted"
            )
        return self


def load_settings(source: FitSource) -> FitSettings:
    """Read and validate the settings of a fit.

    Paths in a file are relative to its folder, those in a mapping to the working directory.

    Args:
        source: a FIT.toml, a mapping of the same shape, or settings, which are returned as they are.

    Raises:
        FitError: the file cannot be read, is not TOML, or holds wrong keys or values.
        SpecError: the spec it names is wrong.
    """
    if isinstance(source, FitSettings):
        return source
    if isinstance(source, Mapping):
        return _validate(source, "the fit", Path())
    path = Path(source)
    if path.suffix in POTENTIAL_SUFFIXES:
        raise FitError(
            f"{visible(path)} is a potential file; 'acegen fit' takes a TOML file that names a spec, data and settings "
            "(--help). A potential that is fitted already is compiled: acegen compile FILE."
        )
    return _validate(read_toml(path, "the fit", FitError), str(path), path.parent)


def _validate(content: Mapping[str, Any], where: str, folder: Path) -> FitSettings:
    document = dict(content)
    spec = document.get("spec")
    if isinstance(spec, Mapping) and "basis" not in spec and "radial" not in spec:
        document["spec"] = model_request(spec)
    elif isinstance(spec, str | Path | Mapping):
        document["spec"] = load_atomic_spec(_possible("spec", spec, folder) if isinstance(spec, str) else spec)
    try:
        settings = FitSettings.model_validate(document)
    except UnicodeError:
        raise FitError(f"{where} is not a valid fit: it holds half a character (a lone surrogate).") from None
    except ValidationError as error:
        lines = dict.fromkeys(_explain(detail) for detail in error.errors())
        raise FitError("\n".join([f"{where} is not a valid fit:", *(f"  {line}" for line in lines)])) from None
    if not isinstance(settings.spec, ModelRequest) and settings.spec.embedding is not None:
        raise FitError(
            f"{where}: the spec '{settings.spec.name}' has a table embedding: its energies are not linear in the "
            "coefficients, and acegen fits linear models. Remove the table; specs with one can be compiled with given "
            "coefficients."
        )
    return settings.model_copy(update=_resolved(settings, folder))


def _resolved(settings: FitSettings, folder: Path) -> dict[str, Any]:
    """Paths relative to the working directory."""

    def at(key: str, path: str) -> str:
        return str(_possible(key, path, folder))

    data, assembly = settings.data, settings.assembly
    files: dict[str, Any] = {"train": tuple(at("data.train", path) for path in data.train)}
    files["test"] = tuple(at("data.test", path) for path in data.test)
    if isinstance(data.validation, tuple):
        files["validation"] = tuple(at("data.validation", path) for path in data.validation)
    if data.previous is not None:
        files["previous"] = at("data.continue", data.previous)
    output = at("output", settings.output)
    default = str(Path(output) / ".assembly")
    cache = default if assembly.cache is None else at("assembly.cache", assembly.cache)
    for key, path in (("output", output), ("assembly.cache", cache)):
        if any("\ud800" <= character <= "\udfff" for character in path):  # threadpoolctl fails on libraries in there
            raise FitError(f"{key} = {shown(path)}: the path has bytes that are not UTF-8. Give {key} another folder.")
    return {
        "output": output,
        "data": data.model_copy(update=files),
        "assembly": assembly.model_copy(update={"cache": cache}),
    }


def _possible(key: str, path: str, folder: Path) -> Path:
    """A path relative to the working directory."""
    try:
        whole = folder / (Path(path).expanduser() if path.startswith("~") else path)  # "./~x" is a file called ~x
    except RuntimeError:  # "~name" of nobody
        raise FitError(f"{key} = {shown(path)}: there is no such user. Give the full path.") from None
    check_path(whole, key, FitError)
    return whole


_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): FitSettings,
    ("data",): DataSettings,
    ("data", "keys"): KeySettings,
    ("weights",): WeightSettings,
    ("solver",): SolverSettings,
    ("solver", "selection"): SelectionSettings,
    ("uncertainty",): UncertaintySettings,
    ("assembly",): AssemblySettings,
}


def _explain(detail: ErrorDetails) -> str:
    """One line for one pydantic error: key, value, what is wrong, what is allowed."""
    if detail["type"] == "string_unicode":
        return f"{shown(detail['input'])} holds half a character (a lone surrogate)"
    if detail["type"] == "invalid_key":
        return f"{shown(detail['input'])} is not a valid key: keys are strings"
    location = [str(part) for part in detail["loc"]]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and tuple(location) in _SECTIONS:
        return message
    depth = max(d for d in range(len(location)) if tuple(location[:d]) in _SECTIONS)
    own = _SECTIONS[tuple(location[:depth])].model_fields
    fields = {field.alias or name: field for name, field in own.items()}
    key, name = ".".join(location[: depth + 1]), location[depth]
    field = fields.get(name)
    allowed = f"; allowed: {field.description}" if field is not None else ""
    if detail["type"] == "extra_forbidden":
        close = get_close_matches(name, fields, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        return f"{key}: unknown key{hint or ';'} allowed: {', '.join(fields)}"
    if detail["type"] == "missing":
        return f"{key}: missing{allowed}"
    what = message if detail["type"] == "value_error" else "has the wrong type or value"
    if key in ("atomic_energies", "weights.config_type"):  # tables whose keys are the user's
        key += "".join(f".{part}" for part in location[depth + 1 :])
    return f"{key} = {shown(detail['input'])} {what}{allowed}"
