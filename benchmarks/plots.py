"""Pictures of the results, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.lammps import SECTIONS
from benchmarks.section import Section
from benchmarks.stages import STAGES

COLOURS = ("#8da0cb", "#66c2a5", "#fc8d62", "#e78ac3")


def draw_plots(sections: Mapping[str, Section], output: Path) -> list[Path]:
    """Draw the measurements, if matplotlib is installed. Returns the files."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    drawers: dict[str, Callable[[dict[str, Any], Path], list[Path]]] = {
        "kernels": _kernels,
        "scaling": _scaling,
        "compile": _compile,
        "peers": _peers,
        "lammps": _lammps,
    }
    files = []
    for name, draw in drawers.items():
        if name in sections and sections[name].data:
            files += draw(sections[name].data, output)
    return files


def _save(figure: Any, path: Path) -> list[Path]:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return [path]


def _kernels(data: dict[str, Any], output: Path) -> list[Path]:
    """Time by stage, next to the time at the peak."""
    import matplotlib.pyplot as plt

    models = data["models"]
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for position, model in enumerate(models):
        done = floor = 0.0
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            time = model["us_by_stage"][stage]["median"]
            least = model["multiply_adds"][stage] / model["peak_gigahertz"]["median"] * 1e-3
            label = stage if position == 0 else None
            axes.bar(position - 0.2, time, 0.36, bottom=done, color=colour, label=label)
            axes.bar(position + 0.2, least, 0.36, bottom=floor, color=colour, alpha=0.4)
            done, floor = done + time, floor + least
        axes.text(position - 0.2, done, "time", ha="center", va="bottom", fontsize=8)
        axes.text(position + 0.2, floor, "at peak", ha="center", va="bottom", fontsize=8)
    axes.set_xticks(range(len(models)), [model["label"] for model in models])
    axes.set_ylabel("µs per atom")
    axes.margins(y=0.1)
    axes.legend(frameon=False)
    return _save(figure, output / "kernels.png")


def _scaling(data: dict[str, Any], output: Path) -> list[Path]:
    """Five panels."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 3, figsize=(11, 6))
    atoms, neighbours, order, level, threads, empty = panels.ravel()
    empty.axis("off")
    sizes = [row["atoms"] for row in data["atoms"]]
    for key, label in (("kernel", "kernel"), ("list", "neighbour list"), ("compute", "compute()")):
        atoms.loglog(sizes, [row[f"{key}_us_per_atom"]["median"] for row in data["atoms"]], "o-", label=label)
    atoms.set(xlabel="atoms", ylabel="µs per atom", title=data["model"], ylim=(0.3, 100))
    atoms.legend(frameon=False, ncols=2)
    _line(neighbours, data["neighbours"], "neighbours", data["model"])
    _line(order, data["order"], "order", f"level {data['order'][0]['level']}" if data["order"] else "")
    _line(level, data["level"], "level", f"order {data['level'][0]['order']}" if data["level"] else "")
    counts = [row["threads"] for row in data["threads"]]
    threads.plot(counts, [row["speedup"]["median"] for row in data["threads"]], "o-")
    threads.plot(counts, counts, "--", color="grey")
    threads.set(xlabel="threads", ylabel="speed-up", title=data["model"])
    return _save(figure, output / "scaling.png")


def _line(axes: Any, rows: list[dict[str, Any]], key: str, title: str) -> None:
    axes.plot([row[key] for row in rows], [row["us_per_atom"]["median"] for row in rows], "o-")
    axes.set(xlabel=key, ylabel="µs per atom", title=title)
    axes.set_ylim(0, 1.1 * max((row["us_per_atom"]["median"] for row in rows), default=1.0))


def _compile(data: dict[str, Any], output: Path) -> list[Path]:
    """Time to compile against the number of products."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    models = sorted(data["models"], key=lambda model: model["products"])
    for key, colour in zip(("derivation", "code", "build"), COLOURS, strict=False):
        below = [
            sum(m[k] for k in ("derivation", "code", "build")[: ("derivation", "code", "build").index(key)])
            for m in models
        ]
        axes.bar(range(len(models)), [m[key] for m in models], bottom=below, color=colour, label=key)
    names = [f"{model['label']}\n{model['products']:,} products".replace(", ", "\n", 1) for model in models]
    axes.set_xticks(range(len(models)), names, fontsize=7)
    axes.set_ylabel("seconds")
    axes.legend(frameon=False)
    return _save(figure, output / "compile.png")


def _peers(data: dict[str, Any], output: Path) -> list[Path]:
    """Times of all evaluators on a logarithmic scale."""
    import matplotlib.pyplot as plt

    models = data["models"]
    if not models:
        return []
    names = list(dict.fromkeys(name for model in models for name in model["us_per_atom"]))
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        heights = [model["us_per_atom"].get(name, {}).get("median", 0.0) for model in models]
        places = [position + (number - (len(names) - 1) / 2) * width for position in range(len(models))]
        axes.bar(places, heights, width, label=name)
    axes.set_yscale("log")
    axes.set_xticks(range(len(models)), [model["label"] for model in models])
    axes.set_ylabel("µs per atom")
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, output / "peers.png")


def _lammps(data: dict[str, Any], output: Path) -> list[Path]:
    """Potentials by section; processes and ghosts."""
    return [*_lammps_potentials(data, output), *_lammps_processes(data, output)]


def _lammps_potentials(data: dict[str, Any], output: Path) -> list[Path]:
    """Time of each on a logarithmic scale, with that of the bare kernel and of everything but the pair style."""
    import matplotlib.pyplot as plt

    rows = data["potentials"]
    figure, axes = plt.subplots(figsize=(7.2, 0.5 + 0.45 * len(rows)))
    for place, row in enumerate(rows):
        total, pair = row["us_per_atom_step"]["median"], row["us_by_section"]["Pair"]["median"]
        hidden = "_" if place else ""  # the first row's labels are the legend
        axes.barh(place, total, 0.7, color=COLOURS[1], label=f"{hidden}total")
        axes.barh(place, total - pair, 0.7, color=COLOURS[2], label=hidden + ", ".join(SECTIONS[1:]))
        if "kernel_us_per_atom" in row:
            kernel = row["kernel_us_per_atom"]["median"]
            axes.plot([kernel, kernel], [place - 0.35, place + 0.35], color="black", label=f"{hidden}bare kernel")
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"µs per atom and step, {data['atoms']:,} atoms, one process")
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, output / "lammps.png")


def _lammps_processes(data: dict[str, Any], output: Path) -> list[Path]:
    """Ghosts and time against atoms of a process, efficiency against processes."""
    import matplotlib.pyplot as plt

    figure, (ghosts, times, processes) = plt.subplots(1, 3, figsize=(11, 3.4))
    atoms = [row["atoms"] for row in data["series"]]
    ghosts.loglog(atoms, [row["ghosts"] / row["atoms"] for row in data["series"]], "o-")
    ghosts.set(xlabel="atoms of a process", ylabel="ghosts / atom", title=data["scaling_model"])
    measured = [row["us_per_atom_step"]["median"] for row in data["series"]]
    times.semilogx(atoms, measured, "o-")
    times.set(xlabel="atoms", ylabel="µs per atom and step", ylim=(0, 1.2 * max(measured)))
    for kind in ("strong", "weak", "copies"):
        rows = [row for row in data["processes"] if row["kind"] == kind]
        processes.plot([r["processes"] for r in rows], [r["efficiency"]["median"] for r in rows], "o-", label=kind)
    processes.set_xticks(sorted({row["processes"] for row in data["processes"]}))
    processes.set(xlabel="processes", ylabel="efficiency", ylim=(0, 1.1))
    processes.legend(frameon=False)
    return _save(figure, output / "lammps_processes.png")
