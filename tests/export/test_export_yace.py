"""`acegen export --to yace`: the file, read back, has the energies and forces of the model, or is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import ROOT, SPECS, Spec, random_environment
from jinja2.meta import find_undeclared_variables
from yace_files import EXAMPLE, write

import acegen
from acegen.cli.main import main
from acegen.errors import ExportError
from acegen.export import export_model
from acegen.export.yace import YaceContext
from acegen.options import BuildOptions
from acegen.rendering import code_environment
from acegen.yace.evaluation import Evaluator
from acegen.yace.potential import PaceBond
from acegen.yace.reading import read_potential

SI: dict[str, Any] = {"elements": ["Si"], "order": 3, "level": 6}
TWO: dict[str, Any] = {"elements": ["Si", "O"], "order": 3, "level": [5, 5, 4]}
LENGTHS = {"Si-Si": 5.0, "O-Si": 4.2, "O-O": 3.7}

CASES: dict[str, Spec] = {
    "canonical": {"basis": SI, "radial": {"cutoff": 5.0}},
    "self_interacting": {"basis": SI | {"expansion": "self-interacting"}, "radial": {"cutoff": 5.0}},
    "two_elements": {"basis": TWO, "radial": {"cutoff": LENGTHS, "transform": "smootherstep"}},
    "pair_term": {"basis": TWO, "radial": {"cutoff": LENGTHS}, "pair": {"degree": 7}},
    "agnesi": {
        "basis": TWO,
        "radial": {"cutoff": LENGTHS, "transform": "agnesi", "agnesi": {"r0": {"Si-Si": 2.9, "O-Si": 1.6, "O-O": 2.1}}},
        "pair": {"degree": 5, "r0": 1.9},
    },
    "envelope": SPECS["envelope"],
    "first_order": {"basis": {"elements": ["Si"], "order": 1, "level": 5}, "radial": {"cutoff": 5.0}},
    "fourth_order": {
        "basis": {"elements": ["Cu"], "order": 4, "level": 6, "angular_weight": 1},
        "radial": {"cutoff": 4},
    },
}

for function in ("finnis-sinclair", "finnis-sinclair-shifted"):
    linear_first = {"function": function, "exponents": [1.0, 0.5], "weights": [0.7, -1.3]}
    CASES[f"two densities, {function}"] = CASES["two_elements"] | {"embedding": linear_first}
    CASES[f"two densities with pair term, {function}"] = CASES["pair_term"] | {"embedding": linear_first}
    CASES[f"one density, {function}"] = CASES["canonical"] | {"embedding": {"function": function, "exponents": [0.5]}}
    no_linear = {"function": function, "exponents": [0.5, 1.0, 1.5], "weights": [1.0, 0.0, 0.4]}
    CASES[f"no linear density with pair term, {function}"] = CASES["pair_term"] | {"embedding": no_linear}

INNER = {"inner": 1.5, "outer": 1.9}


@pytest.fixture(scope="module")
def potential(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., acegen.Model]:
    """Compile a spec with random coefficients and atomic energies."""
    folder = tmp_path_factory.mktemp("models")

    def made(name: str, spec: Spec, options: BuildOptions | None = None) -> acegen.Model:
        spec = spec | {"name": name}
        elements = spec["basis"]["elements"]
        basis = acegen.derive(spec)
        rng, count = np.random.default_rng(7), basis.n_pair + basis.spec.n_densities * basis.n_coupled
        values = {element: rng.normal(size=count).tolist() for element in elements}
        zero = {element: -1.5 - number for number, element in enumerate(elements)}
        return acegen.compile(spec, folder, acegen.Coefficients(values, zero), options=options)

    return made


class Export:
    """An exported model beside the model."""

    def __init__(self, model: acegen.Model, folder: Path, **options: Any) -> None:
        self.model = model
        self.folder = export_model(model.path, "yace", folder, **options)
        self.file = self.folder / f"{model.name}.yace"
        self.potential = read_potential(self.file)
        self._evaluator = Evaluator(self.potential)

    def both(self, center: str, symbols: list[str], displacements: np.ndarray) -> tuple[Any, Any]:
        """Energy and gradient by the model, and by the file."""
        number = {element: position for position, element in enumerate(self.potential.elements)}
        species = [number[symbol] for symbol in symbols]
        return (
            self.model.energy_gradient(center, symbols, displacements),
            self._evaluator.evaluate(number[center], species, displacements),
        )


@pytest.mark.parametrize("name", CASES)
def test_energies_and_forces_are_those_of_the_model(
    name: str, potential: Callable[..., acegen.Model], tmp_path: Path
) -> None:
    """In random environments, also without neighbours, and with some beyond the cutoff."""
    export = Export(potential("_".join(re.findall(r"\w+", name)), CASES[name]), tmp_path)
    rng = np.random.default_rng(11)
    for count in (0, 1, 2, 9, 14, 14, 14):
        environment = random_environment(export.model, rng, count)
        (energy, gradient), (read, read_gradient) = export.both(*environment)
        size = 1 + abs(energy - export.model.atomic_energies[environment[0]])
        assert abs(read - energy) < 1e-11 * size
        assert np.abs(read_gradient - gradient).max(initial=0) < 1e-10 * (1 + np.abs(gradient).max(initial=0))


def test_the_file_compiles_to_the_same_model(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """Out and in again: `acegen compile FILE` gives the energies of the model, and exports the same file."""
    export = Export(potential("agnesi", CASES["agnesi"]), tmp_path)
    assert main(["compile", str(export.file), "-o", str(tmp_path / "again")]) == 0
    again = acegen.load(tmp_path / "again" / "agnesi")
    rng = np.random.default_rng(5)
    for _ in range(5):
        environment = random_environment(export.model, rng, 12)
        energy, gradient = export.model.energy_gradient(*environment)
        other, other_gradient = again.energy_gradient(*environment)
        assert other == pytest.approx(energy, rel=1e-11)
        assert np.abs(other_gradient - gradient).max() < 1e-10 * np.abs(gradient).max()
    second = Export(again, tmp_path / "second")
    assert second.file.read_bytes() == export.file.read_bytes()


def shell(rng: np.random.Generator, least: float, most: float, count: int) -> np.ndarray:
    """Random displacements with lengths between two distances."""
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * rng.uniform(least, most, size=(count, 1))


def test_inner_cutoff(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """Without ZBL: the same with no close neighbour, and with one; to the energy of a free atom below."""
    spec = CASES["pair_term"] | {"inner_cutoff": INNER}
    export = Export(potential("inner", spec), tmp_path)
    rng = np.random.default_rng(2)
    symbols = ["Si", "O", "O", "Si", "Si", "O"]
    far = shell(rng, 1.9, 4.0, 6)
    for close in (1.95, 1.85, 1.7, 1.55, 1.4):
        displacements = far.copy()
        displacements[1] *= close / np.linalg.norm(displacements[1])
        for center in ("Si", "O"):
            (energy, gradient), (read, read_gradient) = export.both(center, symbols, displacements)
            assert read == pytest.approx(energy, rel=1e-11)
            assert np.abs(read_gradient - gradient).max() < 1e-10 * (1 + np.abs(gradient).max())
            if close < 1.5:
                assert read == export.model.atomic_energies[center]
    readme = (export.folder / "README.md").read_text()
    assert "at most one neighbour closer than" in readme
    assert "| Si-O | 1.9 |" in readme


def test_zbl_core(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """The same from `inner_cutoff.outer` on; a close pair repels as strongly, up to ZBL's tail; no jump."""
    spec = CASES["canonical"] | {"inner_cutoff": INNER, "zbl": {"inner": 1.3, "outer": 1.8}}
    export = Export(potential("core", spec), tmp_path)
    rng = np.random.default_rng(3)
    for _ in range(4):
        (energy, gradient), (read, read_gradient) = export.both("Si", ["Si"] * 8, shell(rng, 1.9, 5.0, 8))
        assert read == pytest.approx(energy, rel=1e-11)
        assert np.abs(read_gradient - gradient).max() < 1e-10 * np.abs(gradient).max()
    zero = export.model.atomic_energies["Si"]
    for r in (0.3, 0.6, 0.9, 1.2):
        (energy, gradient), (read, read_gradient) = export.both("Si", ["Si"], np.array([[0, 0, r]]))
        assert read - zero == pytest.approx(energy - zero, abs=0.05)
        assert energy - zero > 5
        assert np.abs(read_gradient - gradient).max() < 0.01 * np.abs(gradient).max()
    assert "no neighbour closer than" in (export.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("outer", "more"),
    [
        (1.7, {}),
        (2.5, {}),
        (1.7, {"embedding": {"exponents": [0.5]}}),
        (1.7, {"embedding": {"exponents": [0.5, 1.0], "weights": [0.8, 0.3]}}),
    ],
)
def test_zbl_without_inner_cutoff(
    outer: float, more: Spec, potential: Callable[..., acegen.Model], tmp_path: Path
) -> None:
    """Added to the fitted part at all distances, with an error far below that of any fit, which the README explains."""
    spec = CASES["pair_term"] | more | {"zbl": {"inner": 0.9, "outer": outer}}
    name = f"added_{int(10 * outer)}_{len(more.get('embedding', {}))}"
    export = Export(potential(name, spec), tmp_path, tolerance=0.002)  # relative: forces of roots are small
    assert export.potential.inner_cutoff == "density"
    for r in (0.03, 0.1, 0.4, 0.8, 0.9, 1.0, 1.3, outer - 0.05, outer + 0.05, 3.0, 4.1):
        for center, other in (("Si", "Si"), ("Si", "O"), ("O", "O")):
            (energy, gradient), (read, read_gradient) = export.both(center, [other], np.array([[0, 0, r]]))
            assert read == pytest.approx(energy, abs=6e-4, rel=1e-9)
            assert np.abs(read_gradient - gradient).max() < 0.06 + 1e-8 * np.abs(gradient).max()
            if r > 1.1:
                assert read == pytest.approx(energy, abs=2e-4)
    words = (export.folder / "README.md").read_text()
    assert "it is approximated. A model with [inner_cutoff]" in words


def test_series_that_are_too_long(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """With r0 of a tenth of an ångström more than 200 terms matter; 200 are written, and the README says so."""
    radial = {"cutoff": 5.0, "transform": "agnesi", "agnesi": {"r0": 0.1}}
    export = Export(potential("sharp", CASES["canonical"] | {"radial": radial}), tmp_path, tolerance=1)
    (bond,) = export.potential.bonds[0]
    assert isinstance(bond, PaceBond)
    assert bond.n_base == 200
    assert "are cut after 200 functions g_k" in (export.folder / "README.md").read_text()


REFUSED: dict[str, tuple[Spec, tuple[str, ...]]] = {
    "zbl_too_far": (
        CASES["pair_term"] | {"zbl": {"inner": 1.0, "outer": 2.2}, "inner_cutoff": INNER},
        ("Si-Si reaches to 2.2 Å", "inner_cutoff.outer = 1.9 Å"),
    ),
    "other_pair_cutoff": (
        CASES["canonical"] | {"pair": {"degree": 5, "cutoff": 5.5}},
        ("in forces", "the tolerance 0.001", "one cutoff", "without pair.cutoff", "--tolerance"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_format_cannot_say(
    name: str, potential: Callable[..., acegen.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message that says why and what to do; nothing is left behind."""
    spec, words = REFUSED[name]
    model = potential(name, spec)
    assert main(["export", str(model.path), "--to", "yace", "-o", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert all(word in message for word in words)
    assert message.count("\n") == 1
    assert not list(tmp_path.rglob("*.yace"))


def test_tolerance(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """An approximation is exported if it is asked for, and its README states the errors that are there."""
    spec = CASES["canonical"] | {"radial": {"cutoff": 5.0, "transform": "smootherstep"}}
    export = Export(potential("rough", spec | {"pair": {"degree": 5, "cutoff": 5.5}}), tmp_path, tolerance=0.01)
    rng = np.random.default_rng(4)
    pairs = [export.both(*random_environment(export.model, rng, 14)) for _ in range(8)]
    gradients = [(own[1], read[1]) for own, read in pairs]
    size = np.sqrt(np.mean(np.concatenate([own for own, _ in gradients]) ** 2))
    error = max(float(np.abs(own - read).max()) for own, read in gradients) / size
    assert 1e-8 < error < 0.01
    words = (export.folder / "README.md").read_text().split()
    stated = float(words[words.index("forces") + 2].rstrip(","))
    assert 0.05 * error < stated < 20 * error
    with pytest.raises(ExportError, match="a tolerance is for the target 'yace'"):
        export_model(export.model.path, "c", tmp_path, tolerance=0.1)
    with pytest.raises(SystemExit):
        main(["export", str(export.model.path), "--to", "yace", "--tolerance", "0"])


def test_single_precision(potential: Callable[..., acegen.Model], tmp_path: Path) -> None:
    """The file is made from coefficients in double precision; the comparison allows for the model's arithmetic."""
    single = potential("single", CASES["canonical"], BuildOptions(precision="single"))
    export = Export(single, tmp_path)
    double = Export(potential("single", CASES["canonical"]), tmp_path / "double")
    assert export.file.read_bytes() == double.file.read_bytes()


def test_coefficients_that_are_too_large(tmp_path: Path) -> None:
    """Energies that overflow are refused."""
    spec = CASES["canonical"] | {"name": "huge"}
    numbers = {"Si": [1e306] * acegen.derive(spec).n_basis}
    model = acegen.compile(spec, tmp_path, numbers)
    with pytest.raises(ExportError, match="the coefficients of huge are too large"):
        export_model(model.path, "yace", tmp_path / "out")


def test_folder(potential: Callable[..., acegen.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in it; a second export replaces it; the command says how to try it, and how exact it is."""
    model = potential("two_elements", CASES["two_elements"])
    for _ in range(2):
        assert main(["export", str(model.path), "--to", "yace", "-o", str(tmp_path)]) == 0
    folder = tmp_path / "yace" / "two_elements"
    assert {path.name for path in folder.iterdir()} == {
        *("two_elements.yace", "README.md", "in.example", "example.data", "example.xyz", "export.json")
    }
    output = capsys.readouterr().out
    assert "lmp -in in.example" in output
    assert "energies within" in output
    readme = (folder / "README.md").read_text()
    assert f"{(folder / 'two_elements.yace').stat().st_size:,} bytes" in readme
    assert "| O-Si | 4.2 | 25 | exact |" in readme
    assert "pair_coeff  * * two_elements.yace Si O" in (folder / "in.example").read_text()


def test_templates_use_all_that_they_are_given() -> None:
    """Every field of the context occurs in one of them."""
    used: set[str] = set()
    for path in (ROOT / "templates" / "export" / "yace").glob("*.j2"):
        used |= find_undeclared_variables(code_environment().parse(path.read_text()))
    assert used == {field.name for field in fields(YaceContext)}


def test_every_element_has_as_many_densities(tmp_path: Path) -> None:
    """A file whose elements differ in them is exported with further ones of weight 0; nothing else changes."""
    given = read_potential(write(tmp_path, EXAMPLE, "given.yace"))
    counts = [len(embedding.terms) for embedding in given.embeddings]
    assert len(set(counts)) == 2
    export = Export(acegen.compile_potential(tmp_path / "given.yace", tmp_path), tmp_path)
    for embedding, functions in zip(export.potential.embeddings, export.potential.functions, strict=True):
        assert len(embedding.terms) == max(counts)
        assert all(len(row) == max(counts) for function in functions for row in function.coefficients)
    few = counts.index(min(counts))
    for term in export.potential.embeddings[few].terms[min(counts) :]:
        assert (term.weight, term.exponent) == (0.0, 1.0)
    rng, evaluator = np.random.default_rng(1), Evaluator(given)
    for center in range(2):
        displacements = shell(rng, 1.0, 3.0, 7)
        species = rng.integers(2, size=7).tolist()
        energy, gradient = evaluator.evaluate(center, species, displacements)
        symbols = [given.elements[z] for z in species]
        _, (read, read_gradient) = export.both(given.elements[center], symbols, displacements)
        assert read == pytest.approx(energy, rel=1e-13)
        assert read_gradient == pytest.approx(gradient, rel=1e-12, abs=1e-13)
    assert f"Every element has {max(counts)} densities" in (export.folder / "README.md").read_text()
