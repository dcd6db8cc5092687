"""The export to C in use: installed, in other builds, in threads, and under valgrind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from example_models import ROOT
from export_cases import EXAMPLES, MODELS, Export, build, exports, need, shell

__all__ = ["exports"]  # fixtures

DISPLACEMENTS = np.array([[0.0, 0.0, 2.0], [1.5, 0.5, 1.0]])
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "NAME.h"

int main(void)
{
    const int32_t center[] = {0}, species[] = {0, 0};
    const int64_t first[] = {0, 2};
    const double displacement[] = {0.0, 0.0, 2.0, 1.5, 0.5, 1.0};
    const acegen_environments environments = {1, center, first, species, displacement};
    const acegen_model *model = acegen_model_NAME();
    if (!model || model->abi_version != ACEGEN_ABI_VERSION) return 1;
    size_t size = model->potential_workspace(2, 1);
    void *workspace = malloc(size);
    double energy[1], gradient[6];
    if (model->potential(&environments, energy, gradient, 1, workspace, size, NULL) != ACEGEN_OK) return 1;
    free(workspace);
    printf("%.16e\\n", energy[0]);
    return 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.13)
project(user C)
FIND
add_executable(main main.c)
target_link_libraries(main PRIVATE acegen::NAME)
"""


@pytest.fixture
def user(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a program that uses a model."""

    def get(key: str) -> Path:
        (tmp_path / "user").mkdir()
        (tmp_path / "user" / "main.c").write_text(MAIN.replace("NAME", key))
        return tmp_path / "user"

    return get


def expect_energy(export: Export, output: str) -> None:
    """The program printed what Python says."""
    model = export[0]
    center = model.elements[0]
    assert float(output) == pytest.approx(model.energy(center, [center, center], DISPLACEMENTS), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("key", MODELS)
def test_install_and_pkg_config(
    exports: Callable[[str], Export], user: Callable[[str], Path], tmp_path: Path, key: str
) -> None:
    """Installed as a package is made, a program finds the static and the shared library by pkg-config."""
    need("make", "gcc", "pkg-config")
    _, folder = exports(key)
    prefix, stage = tmp_path / "prefix", tmp_path / "stage"
    shell(["make", "install", f"PREFIX={prefix}", f"DESTDIR={stage}"], folder)
    assert not prefix.exists()
    installed = stage / prefix.relative_to("/")
    found = sorted(str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file())
    assert found == [
        "include/acegen.h",
        f"include/{key}.h",
        f"lib/lib{key}.a",
        f"lib/lib{key}.so",
        f"lib/pkgconfig/{key}.pc",
    ]
    installed.rename(prefix)
    project, path = user(key), str(prefix / "lib" / "pkgconfig")
    assert shell(["pkg-config", "--modversion", key], project, PKG_CONFIG_PATH=path)[1].strip()
    words = shell(["pkg-config", "--cflags", "--libs", "--static", key], project, PKG_CONFIG_PATH=path)[1].split()
    shell(["gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "main.c", "-o", "shared", *words], project)
    output = shell([project / "shared"], project, LD_LIBRARY_PATH=str(prefix / "lib"))[1]
    expect_energy(exports(key), output)
    (prefix / "lib" / f"lib{key}.so").unlink()
    shell(["gcc", "-std=c99", "main.c", "-o", "static", *words], project)
    expect_energy(exports(key), shell([project / "static"], project)[1])


@pytest.mark.slow
@pytest.mark.parametrize("shared", ["OFF", "ON"])
def test_find_package(
    exports: Callable[[str], Export], user: Callable[[str], Path], tmp_path: Path, shared: str
) -> None:
    """Installed by CMake, static and shared, and found by another project."""
    need("cmake", "gcc")
    project, prefix = user("one"), tmp_path / "prefix"
    cmake = ["cmake", "-DCMAKE_C_COMPILER=gcc"]
    shell([*cmake, "-S", exports("one")[1], "-B", tmp_path / "b", f"-DBUILD_SHARED_LIBS={shared}"], tmp_path)
    shell(["cmake", "--build", tmp_path / "b"], tmp_path)
    shell(["cmake", "--install", tmp_path / "b", "--prefix", prefix], tmp_path)
    (project / "CMakeLists.txt").write_text(
        PROJECT.replace("FIND", "find_package(acegen_NAME REQUIRED)").replace("NAME", "one")
    )
    shell([*cmake, "-S", project, "-B", project / "b", f"-DCMAKE_PREFIX_PATH={prefix}"], project)
    shell(["cmake", "--build", project / "b"], project)
    expect_energy(exports("one"), shell([project / "b" / "main"], project)[1])
    if shared == "ON":
        (library,) = prefix.rglob("libone.so")
        symbols = shell(["nm", "-D", "--defined-only", library], project)[1].split()[2::3]
        assert sorted(symbols) == ["acegen_library", "acegen_model_one"]
        assert "SONAME" not in shell(["readelf", "-d", library], project)[1]


def test_add_subdirectory(exports: Callable[[str], Export], user: Callable[[str], Path]) -> None:
    """Two models within another project."""
    need("cmake", "gcc")
    project = user("one")
    lines = "\n".join(f'add_subdirectory("{exports(key)[1]}" {key})' for key in MODELS)
    (project / "CMakeLists.txt").write_text(PROJECT.replace("FIND", lines).replace("NAME", "one"))
    shell(["cmake", "-DCMAKE_C_COMPILER=gcc", "-S", project, "-B", project / "b"], project)
    shell(["cmake", "--build", project / "b", "--parallel", "2"], project)
    expect_energy(exports("one"), shell([project / "b" / "main"], project)[1])
    assert (project / "b" / "two" / "libtwo.a").exists()


def test_two_models_in_one_program(exports: Callable[[str], Export], tmp_path: Path) -> None:
    """Static libraries of several models have no names in common."""
    need("gcc")
    calls = "\n".join(f"const acegen_model *acegen_model_{key}(void);" for key in MODELS)
    used = " && ".join(f"acegen_model_{key}()" for key in MODELS)
    (tmp_path / "main.c").write_text(f'#include "acegen.h"\n{calls}\nint main(void) {{ return !({used}); }}\n')
    for key in MODELS:
        build(exports(key)[1], "example")
    archives = ["-Wl,--whole-archive", *(exports(key)[1] / "build" / f"lib{key}.a" for key in MODELS)]
    include = exports("one")[1] / "kernel"
    shell(["gcc", f"-I{include}", "main.c", *archives, "-Wl,--no-whole-archive", "-lm", "-o", "main"], tmp_path)
    shell([tmp_path / "main"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_valgrind_finds_nothing(exports: Callable[[str], Export], tmp_path: Path, example: str) -> None:
    """No invalid access, nothing uninitialized, no leak; also where reading fails."""
    need("valgrind")
    _, folder = exports("one")
    valgrind = [
        "valgrind",
        "-q",
        "--error-exitcode=9",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect",
    ]
    program = build(folder, example)
    shell([*valgrind, program, "--check", "example.xyz"], folder)
    lone, bad = tmp_path / "lone.xyz", tmp_path / "bad.xyz"
    lone.write_text("1\n\nSi 0 0 0\n")
    shell([*valgrind, program, lone], folder)
    bad.write_text((folder / "example.xyz").read_text() + "2\n\nSi 0 0 0\nSi 0 0 0\n")
    shell([*valgrind, program, bad], folder, expect=1)
    bad.write_text('2\nProperties=species:S:1:pos:R:3:forces:R:3\nSi 0 0 0 0 0 0\nSi 0 0 0 0 "\n')
    shell([*valgrind, program, bad], folder, expect=1)


@pytest.fixture
def threads(exports: Callable[[str], Export], tmp_path: Path) -> Callable[[str], list[object]]:
    """The command of the program of threads with a model, without its numbers."""

    def get(key: str) -> list[object]:
        _, folder = exports(key)
        build(folder, "example")
        includes = [word for name in ("examples", ".", "kernel") for word in ("-iquote", folder / name)]
        support = [folder / "build" / "examples" / f"{name}.o" for name in ("elements", "extxyz", "neighbours")]
        library = folder / "build" / f"lib{key}.a"
        command = [
            "gcc",
            "-std=c99",
            "-O1",
            *includes,
            ROOT / "tests" / "support" / "export_threads.c",
            *support,
            library,
        ]
        shell([*command, "-o", "threads", "-lm", "-pthread"], tmp_path)
        return [tmp_path / "threads", folder / "example.xyz"]

    return get


@pytest.mark.parametrize("key", MODELS)
def test_threads_agree(threads: Callable[[str], list[object]], tmp_path: Path, key: str) -> None:
    """Sixteen threads at once compute what one alone does, bit by bit."""
    assert "16 threads, 0 differ" in shell([*threads(key), 16, 20], tmp_path)[1]


def test_helgrind_finds_no_race(threads: Callable[[str], list[object]], tmp_path: Path) -> None:
    """Threads share nothing that one of them writes."""
    need("valgrind")
    shell(["valgrind", "-q", "--tool=helgrind", "--error-exitcode=9", *threads("one"), 3, 1], tmp_path)


def test_readme_program(exports: Callable[[str], Export], tmp_path: Path) -> None:
    """The command lines of the README build what they say."""
    need("make", "gcc")
    _, folder = exports("one")
    readme = (folder / "README.md").read_text()
    build(folder, "example")
    (tmp_path / "main.c").write_text(MAIN.replace("NAME", "one"))
    (line,) = (line for line in readme.splitlines() if line.startswith("    cc ") and ".a" in line)
    line = line.strip().replace("main.c", str(tmp_path / "main.c")) + f" -o {tmp_path / 'main'}"
    subprocess.run(line, shell=True, cwd=folder, check=True)
    expect_energy(exports("one"), shell([tmp_path / "main"], tmp_path)[1])
    assert all(f"`{name}`" in readme or f"`{name}/`" in readme for name in ("kernel", "one.h", "acegen.f90", "build"))
