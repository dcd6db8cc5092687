"""How C is written: templates and their contexts, constants, lines, file names; and the guarantees of each backend."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields, replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, get_args

import pytest
from example_models import ROOT
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta
from program_cases import SPECS, case

from acegen.build.toolchain import find_toolchain
from acegen.cli.main import main
from acegen.codegen.backend import Machine, choose_backend
from acegen.codegen.environment import TEMPLATES, template_environment
from acegen.codegen.lanes.contexts import LanesContext
from acegen.codegen.lines import WIDTH, fold_lines
from acegen.codegen.literals import double_literal, float_literal
from acegen.codegen.module import (
    GeneratedCode,
    ModelContext,
    PackageContext,
    PotentialReadmeContext,
    ReadmeContext,
    generate_code,
)
from acegen.codegen.plain.contexts import PlainContext
from acegen.errors import BuildError
from acegen.options import BuildOptions
from acegen.program.kernel import PairEnergies, Smoothstep
from acegen.stages import documents_of
from acegen.store import files

MODULE = (ModelContext, PackageContext, PotentialReadmeContext, ReadmeContext)
CONTEXTS = [*get_args(LanesContext), *get_args(PlainContext), *MODULE]
MACHINE = Machine(vector_bytes=64, registers=32)
OPTIONS = {
    "lanes": BuildOptions(),
    "single": BuildOptions(precision="single", openmp=True),
    "tables": BuildOptions(products="compact"),
    "plain": BuildOptions(backend="plain"),
}
cases = cache(case)


@cache
def generated(key: str, kind: str) -> GeneratedCode:
    """Code of a case with a potential."""
    own, backend = cases(key), choose_backend(OPTIONS[kind], MACHINE)
    stage = backend.optimize(own.potential, OPTIONS[kind].products)
    description = "no description"
    documents = documents_of(own.spec.name, description, own.coefficients)
    return generate_code(own.descriptors, own.potential, stage, backend, documents)


def variables_of(template: str) -> set[str]:
    """Names that a template and what it includes take from its context."""
    environment = template_environment()
    source = environment.loader.get_source(environment, template)[0]  # type: ignore[union-attr]
    tree = environment.parse(source)
    found = meta.find_undeclared_variables(tree) - {"initializer"}
    included = set(re.findall(r'"((?:lanes|plain|module)/[^"%]*\.j2)"', source))
    if '"plain/%s.c.j2" % angular' in source:
        included |= {f"plain/{kind}.c.j2" for kind in ("harmonics", "circle", "polynomials", "none")}
    for name in included:
        found |= variables_of(name)
    return found


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.template)
def test_contexts_hold_what_templates_use(context: Any) -> None:
    """Field by field: a template uses all of its context, and nothing else."""
    assert variables_of(context.template) == {field.name for field in fields(context)}


def test_every_template_has_a_context() -> None:
    """Or is included by one that has."""
    named = {context.template for context in CONTEXTS}
    for template in (ROOT / "templates").glob("*/*.j2"):
        name = template.relative_to(ROOT / "templates").as_posix()
        texts = [file.read_text() for file in template.parent.glob("*.j2")]
        included = any(name in text for text in texts) or name in {
            f"plain/{kind}.c.j2" for kind in ("harmonics", "circle", "polynomials", "none")
        }
        assert (name in named) != included, name
    assert TEMPLATES == "acegen.templates"


# ---- constants


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_literals_read_back(value: float) -> None:
    """Exactly, and as floating constants."""
    text = double_literal(value)
    assert float(text) == value
    assert set(text) & set(".e")
    assert float_literal(value) == text + "f"


def test_literals_of_special_values() -> None:
    assert double_literal(2) == "2.0"
    assert float_literal(-1) == "-1.0f"
    assert double_literal(inf) == float_literal(inf) == "HUGE_VAL"


@pytest.mark.parametrize("key", ["alloy", "agnesi", "envelope", "circle, SO2", "plane, O2", "jacobi"])
def test_constants_have_the_type_they_are_used_in(key: str) -> None:
    """In single precision, no constant of the potential's own arithmetic is a double, which would widen a vector."""
    code = generated(key, "single")
    name = code.name
    for file in (f"{name}_single_particles.h", f"{name}_potential.c", f"{name}_products.c"):
        text = re.sub(r"/\*.*?\*/", "", code.files[file], flags=re.DOTALL)
        text = re.sub(r"static const (pair_constants|double) .*?;", "", text, flags=re.DOTALL)  # printed as doubles
        text = re.sub(r".*(double|fabs).*", "", text)  # intentionally in double precision
        found = re.findall(r"(?<![\w.])\d+\.\d*(?:e[+-]?\d+)?(?![f\d.e])", text)
        assert found == [], file


# ---- lines


@pytest.mark.parametrize("kind", sorted(OPTIONS))
@pytest.mark.parametrize("key", sorted(SPECS))
def test_generated_lines_fit_on_a_page(key: str, kind: str) -> None:
    """No line of C is longer than 130 columns."""
    for file, text in generated(key, kind).files.items():
        if file.endswith((".c", ".h")):
            assert max(map(len, text.split("\n"))) <= WIDTH == 130, file


def tokens(text: str) -> str:
    """Without comments and white space."""
    return re.sub(r"\s+", "", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


WORDS = st.sampled_from(["alpha", "f(x, y)", "a[1]", "3.5", '"a; b, c"', "(p + q)", "sizeof x"])
JOINTS = st.sampled_from([" + ", ", ", "; ", " * ", " = ", " && "])


@given(st.lists(st.tuples(WORDS, JOINTS), min_size=1, max_size=60), st.integers(0, 12), st.booleans())
def test_folding_changes_white_space_only(parts: list[tuple[str, str]], indent: int, comment: bool) -> None:
    """Strings are left whole, comments stay comments, and lines become short where there is a place to break."""
    line = (
        " " * indent
        + "".join(word + joint for word, joint in parts)
        + "end;"
        + (" /* what it is */" if comment else "")
    )
    folded = fold_lines(line)
    assert tokens(folded) == tokens(line)
    assert folded.count("what it is") == int(comment)
    assert all(row.count('"') % 2 == 0 for row in folded.split("\n"))
    assert max(map(len, folded.split("\n"))) <= WIDTH


def test_folded_comments() -> None:
    """Lines of a comment begin with a star below the first one."""
    text = " ".join(["word"] * 60)
    for line in (f"/* {text} */", f" * {text}", f"    /* {text}"):
        rows = fold_lines(line).split("\n")
        star = line.index("*")
        assert all(row[star] == "*" for row in rows)
        assert " ".join(re.sub(r"^\s*/?\*\s|\s\*/$", "", row) for row in rows) == text


def test_folded_macros() -> None:
    """A macro goes on with backslashes, also in lines that continue one; what follows it does not."""
    words = " + ".join(["alpha"] * 30)
    text = f"#define SUM(x) \\\n    {words}\nint a = {words};"
    rows = fold_lines(text).split("\n")
    assert max(map(len, rows)) <= WIDTH
    first = next(i for i, row in enumerate(rows) if row.startswith("int a"))
    assert all(row.endswith(" \\") for row in rows[: first - 1])
    assert not any(row.endswith("\\") for row in rows[first - 1 :])


@pytest.mark.parametrize("kind", sorted(OPTIONS))
def test_code_of_the_longest_name(kind: str, tmp_path: Path) -> None:
    """It compiles, wherever its lines are broken."""
    own, backend = cases("alloy"), choose_backend(OPTIONS[kind], MACHINE)
    descriptors, potential = (replace(program, name="n" * 63) for program in (own.descriptors, own.potential))
    stage = backend.optimize(potential, OPTIONS[kind].products)
    code = generate_code(descriptors, potential, stage, backend, documents_of("n" * 63, "", own.coefficients))
    for file, text in code.files.items():
        (tmp_path / file).write_text(text)
    flags = ["-std=c99", "-Wall", "-Wno-psabi", "-Werror", "-fsyntax-only", *["-fopenmp"] * OPTIONS[kind].openmp]
    command = [*find_toolchain().command, *flags, *code.c_sources]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


# ---- files


def test_names_of_files_are_those_of_a_module() -> None:
    """Files made by backends are recognized as acegen's, other names are not."""
    for kind in OPTIONS:
        code = generated("alloy", kind)
        assert all(files.is_own(file, code.name) for file in code.files)
    for file in (
        "alloy_grade.c",
        "alloy_grade_basis.c",
        "alloy_committee_products_3.c",
        "alloy_committee_pair.h",
        "alloy_committee_single_coupled_2.c",
    ):
        assert files.is_own(file, "alloy")
    for file in ("notes.txt", "alloy_extra.c", "alloyx_basis.c", "alloy_basis.c.bak", "alloy.py", "alloy_grade_x.c"):
        assert not files.is_own(file, "alloy")
    assert files.source("alloy_committee", "potential") == "alloy_committee_potential.c"
    with pytest.raises(ValueError, match="is not a file of a module"):
        files.source("alloy", "extra")


def test_legends_and_names() -> None:
    """Each A is described; each row of the purification operator is named."""
    code = generated("alloy", "lanes")
    program = cases("alloy").descriptors
    line = r"A\((\d+)\)(?: .. A\(\d+\))? = A_znlm, z = (\w+), n = \S+(?: to \S+)?, l = (\d+), m = (\S+)"
    legend = re.findall(line, code.files["alloy_products.h"])
    told = [(int(first), z, int(l), int(m)) for first, z, l, m in legend]
    expected = [(k.offset, program.species[k.species], k.l, k.m) for k in program.layout.shells]
    assert told == expected
    for kind in ("lanes", "plain"):
        basis = generated("alloy", kind).files["alloy_basis.c"]
        for number, name in enumerate(program.outputs.names):
            assert basis.count(f"/* {number}: {name} */") == 2
    functions = generated("alloy", "plain").files["alloy_functions.c"]
    for v, (z, n, l, m) in enumerate(program.layout.names):
        assert f"A({v}) = A_znlm, z = {program.species[z]}, n = {n}, l = {l}, m = {m}" in functions


# ---- backends


@pytest.mark.parametrize("key", sorted(SPECS))
def test_plain_code_is_portable(key: str, tmp_path: Path) -> None:
    """It is C99 without extensions, for a strict compiler, with every warning an error."""
    code = generated(key, "plain")
    for file, text in code.files.items():
        (tmp_path / file).write_text(text)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    compiler = find_toolchain().command
    result = subprocess.run(
        [*compiler, *flags, *code.c_sources], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    own = "".join(text for file, text in code.files.items() if file.endswith((".c", ".h")) and file != f"{code.name}.c")
    assert "__attribute__" not in own
    assert "__builtin" not in own


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lanes": 4}, "lanes = 4 is not possible with backend = 'plain'"),
        ({"precision": "single"}, "precision = 'single' is not possible"),
        ({"openmp": True}, "openmp = True is not possible"),
        ({"products": "compact"}, "products = 'compact' is not possible"),
    ],
)
def test_options_of_the_other_backend(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        BuildOptions(backend="plain", **options)


def test_unknown_backend() -> None:
    with pytest.raises(BuildError, match="backend = 'cuda' is not known; use lanes, plain"):
        BuildOptions(backend="cuda")  # type: ignore[arg-type]


def test_backend_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """compile, info and verify with it; a module of the other backend takes its place."""
    spec = tmp_path / "spec.toml"
    spec.write_text('name = "tiny"\n[basis]\nelements = ["Si"]\norder = 2\nlevel = 4\n[radial]\ncutoff = 4.0\n')
    common = [str(spec), "-o", str(tmp_path)]
    assert main(["compile", *common, "--backend", "plain"]) == 0
    assert (tmp_path / "tiny" / "tiny_functions.c").exists()
    assert main(["verify", str(tmp_path / "tiny"), "--environments", "3"]) == 0
    assert main(["info", str(tmp_path / "tiny")]) == 0
    assert "scalar, double precision" in capsys.readouterr().out
    assert main(["compile", *common]) == 0
    assert not (tmp_path / "tiny" / "tiny_functions.c").exists()
    assert main(["compile", *common, "--backend", "plain", "--openmp"]) == 1
    assert "openmp = True is not possible" in capsys.readouterr().err


def test_another_transform_in_the_pair_term() -> None:
    """A program that no front end currently makes: the lanes backend refuses it, the plain one writes it."""
    own = cases("alloy")
    assert own.descriptors.pair is not None
    coordinate = replace(own.descriptors.pair.coordinate, transform=Smoothstep())
    program = replace(own.descriptors, pair=replace(own.descriptors.pair, coordinate=coordinate))
    lanes, plain = (choose_backend(BuildOptions(backend=name), MACHINE) for name in ("lanes", "plain"))
    with pytest.raises(BuildError, match="pair term of 'alloy' has a different distance transform"):
        lanes.generate(program, None, None)
    text = plain.generate(program, None, None)
    assert "(1.0 + 2.0 * s)" in text["alloy_pair.c"]
    assert "6.0 * s * s" in text["alloy_functions.c"]


def test_descriptors_that_differ_by_centre() -> None:
    """No backend writes them today, and both say so."""
    program = cases("alloy").descriptors
    by_center = replace(program, outputs=replace(program.outputs, rows=program.outputs.rows * 2))
    direct = replace(program, outputs=replace(program.outputs, coupling=None))
    for name in ("lanes", "plain"):
        for refused in (by_center, direct):
            with pytest.raises(BuildError, match="descriptors of 'alloy' must be combinations of coupled functions"):
                choose_backend(BuildOptions(backend=name), MACHINE).generate(refused, None, None)


def test_programs_of_two_models() -> None:
    """Descriptors and potential must share what their kernels share; the message says where they do not."""
    own = cases("alloy")
    descriptors, potential = own.descriptors, own.potential
    assert isinstance(potential.pair, PairEnergies)
    backend = choose_backend(BuildOptions(), MACHINE)
    stage = backend.optimize(potential, "auto")
    for other, field in [
        (replace(potential, name="other"), "name"),
        (replace(potential, inner=None), "inner"),
        (replace(potential, references=()), "references"),
        (replace(potential, pair=None), "pair"),
        (replace(potential, pair=replace(potential.pair, envelope=(0.0, 2.0))), "pair"),
        (replace(potential, one_particle=cases("silicon").descriptors.one_particle), "one_particle"),
    ]:
        with pytest.raises(BuildError, match=f"not of one model: they differ in {field}"):
            generate_code(descriptors, other, stage, backend, documents_of("alloy", "", own.coefficients))


def test_modules_of_both_backends_in_one_program(tmp_path: Path) -> None:
    """Plain modules link with each other and with lanes modules: no name is defined twice."""
    sources = []
    for key, kind in (("silicon", "plain"), ("alloy", "plain"), ("agnesi", "lanes")):
        code = generated(key, kind)
        for file, text in code.files.items():
            (tmp_path / file).write_text(text)
        sources += code.c_sources
    calls = "\n".join(f"const acegen_model *acegen_model_{key}(void);" for key in ("silicon", "alloy", "agnesi"))
    body = " && ".join(f"acegen_model_{key}()" for key in ("silicon", "alloy", "agnesi"))
    main_file = f'#include "acegen.h"\n{calls}\nint main(void) {{ return !({body}); }}\n'
    (tmp_path / "main.c").write_text(main_file)
    toolchain = find_toolchain()
    command = [*toolchain.command, *toolchain.march, "-O0", *sources, "main.c", "-lm", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert subprocess.run([str(tmp_path / "main")], check=False).returncode == 0
