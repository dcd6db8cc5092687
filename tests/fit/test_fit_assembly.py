"""The assembly of a fit: in blocks, in processes that die, interrupted, from a cache, on a cluster."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from example_models import ROOT, toml_text
from fit_cases import COPPER, cell, fit_settings, save, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits
from watched_fit import DEATH, DELAY, LOG, WatchedAssembler, set_variable

import acegen
from acegen.cli.main import main
from acegen.errors import FitError
from acegen.fit.assembly import assemble, cells_of, composition_directions, make_assembler
from acegen.fit.data import read_parts
from acegen.fit.dataset import Configuration, Dataset, Parts
from acegen.fit.factor import Factor
from acegen.fit.folds import ALWAYS
from acegen.fit.problem import Problem, Weights, reduce_problem
from acegen.fit.settings import QUANTITIES, FitSettings
from acegen.fit.unit import Assembler, Factors, _read, _write
from acegen.fit.workers import Tree
from acegen.progress import Silent

Floats = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    """Small cells, and one of 32 atoms that is larger than a unit or a block."""
    large = bulk("Cu", cubic=True) * 2
    large.rattle(0.1, seed=1)
    return [with_emt(cell(seed)) for seed in range(20)] + [with_emt(large)] + [with_emt(cell(s)) for s in range(30, 50)]


@pytest.fixture(scope="module")
def basis(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    return acegen.compile(COPPER, tmp_path_factory.mktemp("basis"))


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs assemblers, and uses processes however little there is to do; returns the folder of the log."""
    monkeypatch.setattr("acegen.fit.assembly.Assembler", WatchedAssembler)
    monkeypatch.setattr("acegen.fit.assembly.SMALL", 0)
    log = tmp_path / "log"
    log.mkdir()
    monkeypatch.setenv(LOG, str(log))
    return log


def made(log: Path) -> list[str]:
    """Keys of the assembled units, each as often as it was assembled."""
    return sorted(path.name.split("-")[0] for path in log.iterdir())


def settings_of(folder: Path, basis: acegen.Model, frames: list[Atoms], **assembly: Any) -> FitSettings:
    """With a separate cache that holds the compiled basis."""
    cache = folder / "cache"
    if not cache.exists():
        shutil.copytree(basis.path, cache / "copper")
    return fit_settings(folder, frames, assembly={"processes": 2, "cache": str(cache), **assembly})


def assembled(settings: FitSettings, basis: acegen.Model) -> tuple[Problem, int, int]:
    parts = read_parts(settings)
    cache = settings.assembly.cache
    assert cache is not None
    return assemble(settings, make_assembler(settings, basis, parts, cache), parts, Silent())


def bits(problem: Problem) -> list[bytes]:
    return [cell.factors[q].matrix.tobytes() for cell in problem.cells for q in QUANTITIES]


def assert_same(first: Problem, second: Problem) -> None:
    """The same least-squares problem: RᵀR, and predictions of a fit."""
    for ours, theirs in zip(first.cells, second.cells, strict=True):
        assert (ours.fold, ours.kind) == (theirs.fold, theirs.kind)
        for quantity in QUANTITIES:
            a, b = ours.factors[quantity], theirs.factors[quantity]
            assert a.n_rows == b.n_rows
            gram = b.matrix.T @ b.matrix
            np.testing.assert_allclose(a.matrix.T @ a.matrix, gram, atol=1e-12 * np.abs(gram).max())
    solutions = []
    for problem in (first, second):
        reduced = reduce_problem(problem, problem.without(0), Weights(30.0, 1.0, 3.0), 1.0)
        solutions.append(reduced.expanded(reduced.ridge(np.array([1e-3])))[:, 0])
    rows = first.everything["forces"].matrix[:, :-1]
    np.testing.assert_allclose(rows @ solutions[0], rows @ solutions[1], atol=1e-8 * np.abs(rows @ solutions[1]).max())


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, basis: acegen.Model, frames: list[Atoms]) -> Problem:
    """In this process, all at once."""
    return assembled(settings_of(tmp_path_factory.mktemp("expected"), basis, frames, processes=1), basis)[0]


# Rows


def test_triangles_are_those_of_all_rows(
    expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path
) -> None:
    """Against the whole design matrix from `design_rows`, weighted by definition: of cells, all, all but a fold."""
    parts = read_parts(settings_of(tmp_path, basis, frames))
    every = parts.training.configurations
    own_cells = [(cell.fold, cell.kind) for cell in expected.cells]
    places = [(fold, c.config_type) for fold, c in zip(parts.folds, every, strict=True)]
    assert sorted(own_cells) == sorted(set(places))
    assert expected.n_folds == parts.n_folds == 5
    compared = [
        ([c for c, place in zip(every, places, strict=True) if place == own], cell.factors)
        for own, cell in zip(own_cells, expected.cells, strict=True)
    ]
    compared.append((list(every), expected.everything))
    compared += [
        ([c for c, own in zip(every, parts.folds, strict=True) if own != fold], expected.without(fold))
        for fold in range(5)
    ]
    for configurations, factors in compared:
        rows: dict[str, list[Floats]] = {q: [] for q in QUANTITIES}
        for c in configurations:
            own, n = basis.design_rows(c.atoms), len(c.atoms)
            assert c.energy is not None
            assert c.forces is not None
            assert c.virial is not None
            rows["energy"].append(np.concatenate([[n], own.energy, [c.energy]])[None] / n)
            rows["forces"].append(np.column_stack([np.zeros(3 * n), own.forces.reshape(3 * n, -1), c.forces.ravel()]))
            rows["virial"].append(np.column_stack([np.zeros(6), own.virial, c.virial]) / n)
        for quantity in QUANTITIES:
            whole, r = np.vstack(rows[quantity]), factors[quantity].matrix
            assert factors[quantity].n_rows == len(whole)
            gram = whole.T @ whole
            np.testing.assert_allclose(r.T @ r, gram, atol=1e-12 * np.abs(gram).max())


@given(
    kinds=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    most=st.integers(1, 9),
    folds=st.integers(1, 4),
)
@settings(deadline=None)
def test_cells_within_memory(kinds: list[str], most: int, folds: int) -> None:
    """Every configuration is in a cell of its fold; the largest kinds have separate cells, all others share one."""
    every = tuple(Configuration(cell(0), str(i), kind, 0.0, None, None) for i, kind in enumerate(kinds))
    numbers = tuple(i % (folds + 1) - 1 for i in range(len(kinds)))
    parts = Parts(Dataset(every), numbers, Dataset(()))
    columns = 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.assembly._CELL_BYTES", most * 8 * columns**2 * max(1, parts.n_folds))
        cells = cells_of(parts, columns)
    assert sorted(int(c.where) for own in cells.values() for c in own) == list(range(len(kinds)))
    sizes = Counter(kinds)
    for (fold, kind), own in cells.items():
        assert [int(c.where) for c in own] == sorted(int(c.where) for c in own)
        assert {numbers[int(c.where)] for c in own} == {fold}
        assert kind == "" or {c.config_type for c in own} == {kind}
    assert {kind for fold, kind in cells if fold == ALWAYS} <= {""}
    alone = {kind for fold, kind in cells if fold != ALWAYS} - {""}
    held_out = {kind for kind, fold in zip(kinds, numbers, strict=True) if fold != ALWAYS}
    assert len({kind for fold, kind in cells if fold != ALWAYS}) <= most
    assert all(sizes[kind] >= sizes[other] for kind in alone for other in held_out - alone)
    if len(sizes) <= most:
        assert alone == held_out


def test_weights_power_and_given_energies(basis: acegen.Model, tmp_path: Path) -> None:
    """Residuals of one configuration of weight 3, divided by √N, for atoms of -1 eV."""
    atoms = with_emt(cell(1), "bulk")
    settings_ = fit_settings(
        tmp_path, [atoms, with_emt(cell(2), "bulk")], atomic_energies={"Cu": -1.0}, data={"validation": 0.5},
        weights={"config_type": {"bulk": 3.0}, "atoms": 0.5}, assembly={"cache": str(tmp_path / "none")},
    )  # fmt: skip
    parts = read_parts(settings_)
    assembler = make_assembler(settings_, basis, parts, str(basis.path.parent))
    assert sorted(parts.folds) == [-1, 0]
    c = parts.training.configurations[0]
    own, factors = basis.design_rows(c.atoms), assembler._reduce([c])
    assert c.energy is not None
    expected_row = 3.0 / 2 * np.append(own.energy, c.energy + 4)
    np.testing.assert_allclose(np.abs(factors["energy"].matrix[0]), np.abs(expected_row), rtol=1e-12)
    assert c.virial is not None
    whole = 3.0 / 2 * np.column_stack([own.virial, c.virial])
    r = factors["virial"].matrix
    np.testing.assert_allclose(r.T @ r, whole.T @ whole, atol=1e-10)


def test_triangles_are_combined_with_one_thread(
    basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BLAS threads in this process would compete for cores with the assembling processes."""
    monkeypatch.setattr("acegen.fit.assembly._TALL", 1)
    threads: list[int] = []

    def add(tree: Tree, number: int, factors: Factors) -> None:
        threads.extend(library["num_threads"] for library in threadpool_info())
        original(tree, number, factors)

    original = Tree.add
    monkeypatch.setattr(Tree, "add", add)
    with threadpool_limits(2):
        units = assembled(settings_of(tmp_path, basis, frames, processes=1), basis)[2]
        assert any(library["num_threads"] == 2 for library in threadpool_info())
    assert units > 2
    assert set(threads) == {1}


def test_little_memory_gives_the_same_in_small_blocks(
    expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of rows are as small as asked for; a structure larger than a block or a unit comes in several."""
    import acegen.fit.unit as unit_module

    settings_ = settings_of(tmp_path, basis, frames, processes=1)
    parts = read_parts(settings_)
    assembler = make_assembler(settings_, basis, parts, str(tmp_path / "cache"))
    bound = 5 * 24 * basis.n_basis + 100  # five atoms
    sizes: list[int] = []
    original = unit_module.design_blocks

    def observed(*arguments: Any) -> Iterator[Any]:
        for block in original(*arguments):
            sizes.append(block.rows.forces.nbytes)
            yield block

    monkeypatch.setattr(unit_module, "design_blocks", observed)
    small = Assembler(**{**vars(assembler), "block_bytes": bound})
    problem, _, n_units = assemble(settings_, small, parts, Silent())
    assert_same(problem, expected)
    assert n_units == len(frames)
    assert len(sizes) == len(frames) - 1 + 7  # 32 atoms in blocks of 5
    assert max(sizes) <= bound
    assert max(sizes) > bound / 2


def test_memory_for_less_than_an_atom_is_refused(basis: acegen.Model, frames: list[Atoms], tmp_path: Path) -> None:
    settings_ = settings_of(tmp_path, basis, frames, memory="1 MiB", processes=256)
    parts = read_parts(settings_)
    assembler = make_assembler(settings_, basis, parts, "x")
    assert assembler.block_bytes == 2**20 // (256 * 4)

    class Huge:
        elements, n_basis, basis_hash = ("Cu",), 10**6, "x"

    with pytest.raises(FitError, match=r"assembly\.memory = 1,048,576 bytes .* Give at least 23438 MiB"):
        make_assembler(settings_, Huge(), parts, "x")  # type: ignore[arg-type]


def test_directions_of_composition() -> None:
    """They span the compositions that occur; all of them: the elements themselves, so that cached units stay valid."""

    def of(*formulas: str) -> Floats:
        atoms = [Atoms(formula) for formula in formulas]
        return composition_directions([Configuration(a, "", "", 0.0, None, None) for a in atoms], ("Cu", "Au", "Pt"))

    np.testing.assert_array_equal(of("Cu", "CuAu2", "AuPt"), np.eye(3))
    for formulas in (("CuAu",), ("CuAu", "Pt"), ("Cu2Au2", "CuAu")):
        directions = of(*formulas)
        fractions = np.array([[Atoms(f).get_chemical_symbols().count(e) for e in ("Cu", "Au", "Pt")] for f in formulas])
        assert directions.shape == (3, np.linalg.matrix_rank(fractions))
        np.testing.assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-14)
        np.testing.assert_allclose(fractions @ directions @ directions.T, fractions, atol=1e-14)


# Cache


def test_finished_units_are_not_made_again(
    watched: Path, basis: acegen.Model, frames: list[Atoms], tmp_path: Path
) -> None:
    """Each once; another solver reuses all; a changed structure or weight recomputes only its unit."""
    settings_ = settings_of(tmp_path, basis, frames, processes=1)
    first, cached, n_units = assembled(settings_, basis)
    assert (cached, len(made(watched))) == (0, n_units)
    assert len(set(made(watched))) == n_units > 3
    second, cached, _ = assembled(settings_.model_copy(update={"solver": settings_.solver}), basis)
    assert (cached, len(made(watched))) == (n_units, n_units)
    assert bits(first) == bits(second)
    moved = [atoms.copy() for atoms in frames]
    for old, new in zip(frames, moved, strict=True):
        new.calc = old.calc
    moved[3].info["energy"] = -1.0
    moved[3].calc = None
    _, cached, _ = assembled(settings_of(tmp_path, basis, moved, processes=1), basis)
    assert cached == n_units - 1
    weights = settings_.weights.model_copy(update={"atoms": 0.5})
    _, cached, _ = assembled(settings_.model_copy(update={"weights": weights}), basis)
    assert cached == 0


def test_a_damaged_unit_is_made_again(
    watched: Path, expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path
) -> None:
    settings_ = settings_of(tmp_path, basis, frames, processes=1)
    _, _, n_units = assembled(settings_, basis)
    units = sorted((tmp_path / "cache").glob("*.npz"))
    assert len(units) == n_units
    units[0].write_bytes(units[0].read_bytes()[:200])
    units[1].write_bytes(b"")
    units[2].write_bytes(b"nonsense" * 100)
    problem, _, _ = assembled(settings_, basis)
    assert bits(problem) == bits(expected)
    assert len(made(watched)) == n_units + 3
    assembled(settings_, basis)
    assert len(made(watched)) == n_units + 3


@given(position=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
@settings(deadline=None, max_examples=150)
def test_whatever_happens_to_a_cached_unit(
    tmp_path_factory: pytest.TempPathFactory, position: float, byte: int, cut: bool
) -> None:
    """Any byte changed, or the end missing: the same factors, or none."""
    path = tmp_path_factory.mktemp("unit") / "u.npz"
    rng = np.random.default_rng(0)
    factors = {q: Factor(rng.normal(size=(3, 4)), 7) for q in QUANTITIES}
    _write(path, factors)
    content = bytearray(path.read_bytes())
    at = min(int(position * len(content)), len(content) - 1)
    path.write_bytes(bytes(content[:at] if cut else content[:at] + bytes([byte]) + content[at + 1 :]))
    found = _read(path)
    if found is not None:
        for quantity in QUANTITIES:
            np.testing.assert_array_equal(found[quantity].matrix, factors[quantity].matrix)
            assert found[quantity].n_rows == 7
    assert (found is not None) == path.exists()


def test_leftovers_of_killed_processes_are_cleared_up(tmp_path: Path) -> None:
    """Units of the last day may be in use."""
    old, new = tmp_path / ".acegen-writing-old.npz", tmp_path / ".acegen-writing-new.npz"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    _write(tmp_path / "u.npz", {q: Factor(np.zeros((0, 2)), 0) for q in QUANTITIES})
    assert {path.name for path in tmp_path.iterdir()} == {"u.npz", ".acegen-writing-new.npz"}


# Processes


@pytest.mark.slow
def test_a_process_that_dies_once_does_no_harm(
    watched: Path, expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The result is bitwise that of one process."""
    death = tmp_path / "death"
    death.touch()
    monkeypatch.setenv(DEATH, str(death))
    problem, _, n_units = assembled(settings_of(tmp_path, basis, frames), basis)
    assert not death.exists()
    assert bits(problem) == bits(expected)
    assert len(set(made(watched))) == n_units
    assert str(os.getpid()) not in {path.name.split("-")[1] for path in watched.iterdir()}


@pytest.mark.slow
def test_processes_that_always_die_are_an_error(
    watched: Path, basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEATH, str(tmp_path))  # a folder
    monkeypatch.setattr("acegen.fit.workers._ATTEMPTS", 2)
    with pytest.raises(FitError, match=r"died 2 times in a row, near .*train\.xyz, configuration \d+\. .*memory"):
        assembled(settings_of(tmp_path, basis, frames), basis)
    assert made(watched) == []


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(process: int) -> set[int]:
    """All descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in found | {process}} - found:
        found |= new
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_an_interrupted_fit_goes_on_where_it_stopped(
    watched: Path, basis: acegen.Model, frames: list[Atoms], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Killed, then interrupted, then finished: no process survives, no unit is computed twice, nothing half-written."""
    monkeypatch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
    monkeypatch.setattr("acegen.fit.assembly._TALL", 1)
    settings_of(tmp_path, basis, frames)
    (tmp_path / "copper.toml").write_text(toml_text(COPPER))
    (tmp_path / "fit.toml").write_text(
        'spec = "copper.toml"\n[data]\ntrain = "train.xyz"\n[assembly]\nprocesses = 2\ncache = "cache"\n'
    )
    earlier = tmp_path / "fits" / "copper"
    earlier.mkdir(parents=True)
    (earlier / "report.json").write_text('{"format": "acegen-fit-1", "name": "earlier"}')
    environment = {**os.environ, DELAY: "0.4", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, str(ROOT / "tests" / "support" / "watched_fit.py"), "fit", str(tmp_path / "fit.toml")]

    def finished() -> set[str]:
        return {path.stem for path in (tmp_path / "cache").glob("[!.]*.npz")}

    def made_since() -> list[str]:
        keys = made(watched)
        for path in watched.iterdir():
            path.unlink()
        return keys

    before: set[str] = set()
    for stop, wanted in ((signal.SIGKILL, 1), (signal.SIGINT, 5)):
        run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda wanted=wanted: len(finished()) >= wanted)  # type: ignore[misc]
        workers = children(run.pid)
        run.send_signal(stop)
        _, message = run.communicate(timeout=60)
        wait_for(lambda workers=workers: not any(map(is_alive, workers)), 30)  # type: ignore[misc]
        if stop == signal.SIGINT:
            assert run.returncode == 130
            assert message == "acegen: interrupted; no result was changed.\n"
        assert json.loads((earlier / "report.json").read_text())["name"] == "earlier"
        assert [path.name for path in (tmp_path / "fits").iterdir()] == ["copper"]
        assert not before & set(made_since())
        assert finished() > before
        before = finished()
    assert main(["fit", str(tmp_path / "fit.toml"), "--processes", "1"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    document = json.loads((earlier / "report.json").read_text())
    assert document["assembly"]["from_cache"] == len(before) < document["assembly"]["units"]
    assert f"{len(before)} of {document['assembly']['units']} units from the cache" in output
    keys = made_since()
    assert set(keys).isdisjoint(before)
    assert len(keys) == len(set(keys)) == document["assembly"]["units"] - len(before)
    assert [path.name for path in (tmp_path / "fits").iterdir()] == ["copper"]


def test_what_a_killed_fit_has_left_is_cleared_up(tmp_path: Path) -> None:
    """An earlier result that had been set aside is restored."""
    from acegen.store.replacing import staging_folder

    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead, target = int(gone.stdout), tmp_path / "copper"
    (tmp_path / f".copper-making-{dead}-abc").mkdir()
    (tmp_path / f".copper-making-{dead}-abc-old").mkdir()
    (tmp_path / f".copper-making-{dead}-abc-old" / "report.json").write_text("earlier")
    (tmp_path / f".copper-making-{os.getpid()}-abc").mkdir()

    def fail() -> None:
        with staging_folder(target, FitError) as staging:
            (staging / "half").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (target / "report.json").read_text() == "earlier"
    assert {p.name for p in tmp_path.iterdir()} == {"copper", f".copper-making-{os.getpid()}-abc"}
    with staging_folder(target, FitError) as staging:
        (staging / "whole").touch()
    assert [p.name for p in target.iterdir()] == ["whole"]
    assert {p.name for p in tmp_path.iterdir()} == {"copper", f".copper-making-{os.getpid()}-abc"}


# Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as started:
        yield started


@pytest.mark.usefixtures("watched")
def test_a_cluster_gives_the_same(
    cluster: Any, expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path
) -> None:
    """Its units remain in the cache."""
    settings_ = settings_of(tmp_path, basis, frames, dask=cluster.scheduler_address)
    problem, cached, n_units = assembled(settings_, basis)
    assert_same(problem, expected)
    assert cached == 0
    assert len(list((tmp_path / "cache").glob("*.npz"))) == n_units
    again, cached, _ = assembled(settings_, basis)
    assert cached == n_units
    assert_same(again, expected)


@pytest.mark.usefixtures("watched")
def test_a_cluster_that_loses_a_worker_gives_the_same(
    cluster: Any, expected: Problem, basis: acegen.Model, frames: list[Atoms], tmp_path: Path
) -> None:
    """Killed in mid-assembly; its nanny starts another."""
    from distributed import Client

    death = tmp_path / "death"
    death.touch()
    with Client(cluster.scheduler_address) as client:
        client.wait_for_workers(2)
        before = set(client.run(os.getpid).values())
        client.run(set_variable, DEATH, str(death))
    problem, _, _ = assembled(settings_of(tmp_path, basis, frames, dask=cluster.scheduler_address), basis)
    assert not death.exists()
    assert_same(problem, expected)
    with Client(cluster.scheduler_address) as client:
        client.wait_for_workers(2)
        assert set(client.run(os.getpid).values()) != before


def test_no_scheduler(
    basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acegen.fit.workers._PATIENCE", "1s")
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "not an address"):
        with pytest.raises(FitError, match="there is no Dask scheduler at") as caught:
            assembled(settings_of(tmp_path, basis, frames, dask=address), basis)
        assert "Start one, or correct assembly.dask" in str(caught.value)


# Command line


def message_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a failing command."""
    assert main(arguments) == 1
    text = capsys.readouterr().err
    assert text.startswith("acegen: ")
    assert "Traceback" not in text
    return text


def test_mistakes_on_the_command_line(basis: acegen.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fit.toml"
    assert "No such file" in message_of(["fit", str(file)], capsys)
    (tmp_path / "copper.toml").write_text(toml_text(COPPER))
    text = 'spec = "copper.toml"\n[data]\ntrain = "train.xyz"\n'
    file.write_text(text + "[solver]\nkind = 'rigde'\n")
    assert "solver.kind = 'rigde'" in message_of(["fit", str(file)], capsys)
    file.write_text(text)
    assert "train.xyz: no such file" in message_of(["fit", str(file)], capsys)
    assert "--processes 1000: allowed: " in message_of(["fit", str(file), "--processes", "1000"], capsys)
    data = save(tmp_path / "train.xyz", [with_emt(cell(1))])
    file.write_text(text + "validation = 0.2\n")
    assert "leave none for validation" in message_of(["fit", str(file)], capsys)
    assert not (tmp_path / "fits").exists()

    assert "no compiled module" in message_of(["eval", str(tmp_path), data], capsys)
    assert "compiled without coefficients" in message_of(["eval", str(basis.path), data], capsys)
    missing = str(tmp_path / "no.xyz")
    assert "no such file" in message_of(["eval", str(basis.path), missing], capsys)
    assert "did you mean 'energy'" in message_of(["eval", str(basis.path), data, "--energy", "enrgy"], capsys)


def test_schema_of_a_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema lists every key with a description; a fit's example is valid by it."""
    assert main(["schema", "--fit"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]) == set(FitSettings.model_fields)
    for section in ("DataSettings", "SolverSettings", "AssemblySettings", "WeightSettings", "KeySettings"):
        for name, entry in schema["$defs"][section]["properties"].items():
            assert entry.get("description"), name


def test_a_whole_fit_on_the_command_line(
    basis: acegen.Model, frames: list[Atoms], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
    monkeypatch.chdir(tmp_path)
    settings_of(tmp_path, basis, frames)
    (tmp_path / "copper.toml").write_text(toml_text(COPPER))
    (tmp_path / "fit.toml").write_text('spec = "copper.toml"\n[data]\ntrain = "train.xyz"\n[assembly]\ncache="cache"\n')
    with warnings.catch_warnings():
        assert main(["fit", "fit.toml", "--processes", "1"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    for stage in ("data", "basis", "assembly", "solve", "compile", "errors", "report", "total"):
        assert f"\n{stage} " in f"\n{output.out}"
    model = acegen.load("fits/copper/copper")
    assert model.has_potential
    assert model.path == (tmp_path / "fits" / "copper" / "copper").resolve()


# Nothing twice


def test_one_neighbour_list_for_each_structure_with_labels(
    basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a reference is subtracted; none for structures without labels, and none for finished units."""
    original, lists = acegen.runtime.inputs.neighbour_list, []

    def counted(atoms: Atoms, cutoff: float) -> Any:
        lists.append(len(atoms))
        return original(atoms, cutoff)

    settings_ = settings_of(tmp_path, basis, frames, processes=1)
    parts = read_parts(settings_)
    assembler = make_assembler(settings_, basis, parts, str(tmp_path / "cache"))
    unit = parts.training.configurations[:3]
    expected = assembler._reduce(unit)
    bare = replace(unit[0], energy=None, forces=None, virial=None)
    monkeypatch.setattr("acegen.runtime.inputs.neighbour_list", counted)
    factors = assembler.assemble((bare, *unit))
    assert lists == [len(c.atoms) for c in unit]
    assert all(factors[q].matrix.tobytes() == expected[q].matrix.tobytes() for q in QUANTITIES)
    assembler.assemble((bare, *unit))
    assert len(lists) == len(unit)


def test_workers_take_the_spec_as_it_is(
    basis: acegen.Model, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pickled object holds the validated spec: nothing is serialized, validated again, loaded or compiled."""
    settings_ = settings_of(tmp_path, basis, frames)
    here = make_assembler(settings_, basis, read_parts(settings_), str(tmp_path / "cache"))
    empty = replace(here.basis, folder=str(tmp_path / "elsewhere" / "copper"))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(type(settings_.whole_spec), "model_validate", never)
    for there in (here, replace(here, basis=empty)):
        arrived = pickle.loads(pickle.dumps(there))
        assert arrived == there
        assert arrived.basis.spec == settings_.whole_spec
        assert arrived.model.basis_hash == basis.basis_hash
        assert Path(arrived.model.path) == Path(there.basis.folder)
