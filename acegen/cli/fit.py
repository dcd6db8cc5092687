"""`acegen fit` and `acegen eval`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from acegen.cli.progress import TerminalProgress
from acegen.cli.terminal import Listing, print_stage
from acegen.dependencies import needs_packages
from acegen.errors import FitError

with needs_packages("fitting", "fit"):
    from acegen.fit.convert import convert
    from acegen.fit.data import describe_missing, read_dataset
    from acegen.fit.evaluation import ALL, ErrorRow, compare, error_rows, table_cells
    from acegen.fit.pipeline import fit
    from acegen.fit.report import ERROR_HEADINGS, ERROR_UNITS, all_error_rows
    from acegen.fit.result import FitResult
    from acegen.fit.settings import AssemblySettings, FitSettings, KeySettings, load_settings
from acegen.printing import quoted, shown, visible
from acegen.runtime import load
from acegen.store.documents import check_path, json_text
from acegen.store.ownership import REPORT


def read_settings(file: Path, changes: Mapping[str, object], previous: str | None, search: bool) -> FitSettings:
    """The settings of a fit, with those that the command line gives.

    Args:
        file: FIT.toml.
        changes: settings of [assembly] given on the command line.
        previous: data.continue, if given there.
        search: data.search, if given there.
    """
    settings = load_settings(file)
    if changes:
        try:
            assembly = AssemblySettings.model_validate(settings.assembly.model_dump() | dict(changes))
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            allowed = AssemblySettings.model_fields[name].description
            raise FitError(f"--{name} {shown(changes[name])}: allowed: {allowed}.") from None
        settings = settings.model_copy(update={"assembly": assembly})
    if previous is not None:
        check_path(Path(previous), "--continue", FitError)
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"previous": previous})})
    if search:
        if settings.data.previous is None:
            raise FitError("--search is for a fit that continues another. Give --continue FOLDER, or leave it out.")
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"search": True})})
    return settings


def run_fit(settings: FitSettings, console: Console) -> FitResult:
    """Run a fit, printing stages and errors."""
    progress = TerminalProgress(console)
    result = fit(settings, progress)
    total = sum(cost.seconds for cost in result.costs)
    peak = max(cost.peak for cost in result.costs) / 2**20
    child = max(cost.child_peak for cost in result.costs) / 2**20
    print_stage(console, "total", total, f"peak memory {peak:,.0f} MiB, largest child {child:,.0f} MiB")
    console.print(error_table(result.settings.spec.name, all_error_rows(result)), soft_wrap=True)
    where = visible(result.directory)
    console.print(f"{where}: report.md, report.json, pictures; load the potential with", soft_wrap=True)
    console.print(f"  acegen.load({quoted(result.model.path)})", soft_wrap=True)
    return result


def fit_document(result: FitResult) -> dict[str, Any]:
    """Where a fit is, its errors (eV/atom, eV/Å) and what it cost (s, bytes); report.json has everything."""
    return {
        "folder": str(result.directory),
        "model": str(result.model.path),
        "report": str(result.directory / REPORT),
        "errors": [asdict(row) for row in all_error_rows(result)],
        "stages": [asdict(cost) for cost in result.costs],
    }


def run_eval(
    module: Path, files: Sequence[str], keys: Mapping[str, str], output: Path | None, console: Console
) -> tuple[str, list[ErrorRow]]:
    """Print the errors of a compiled potential for labelled configurations.

    Returns:
        The name of the potential, and its errors.

    Args:
        module: folder of the potential, or of a fit.
        files: extended-XYZ files, or others that ASE reads.
        keys: names of labels, as in data.keys.
        output: folder for errors.json and pictures, or None.
        console: where to print.
    """
    progress = TerminalProgress(console)
    model = load(module)
    with progress.stage("data"):
        dataset = read_dataset(files, KeySettings.model_validate(dict(keys)), model.elements)
        missing = describe_missing(dataset)
        progress.report(f"{len(dataset.configurations):,} configurations, {dataset.n_atoms:,} atoms{missing}")
    with progress.stage("errors"):
        comparisons = compare(model, dataset, progress)
    rows = error_rows("data", comparisons)
    console.print(error_table(model.name, rows), soft_wrap=True)
    if output is not None:
        from acegen.fit.pictures import draw_comparisons

        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FitError(f"cannot make the folder {output}: {error.strerror}. Choose another.") from None
        (output / "errors.json").write_text(json_text(errors_document(model.name, rows)), encoding="utf-8")
        pictures = draw_comparisons({"data": comparisons}, output)
        console.print(f"{visible(output)}: errors.json, {', '.join(pictures)}", soft_wrap=True)
    return model.name, rows


def errors_document(name: str, rows: Sequence[ErrorRow]) -> dict[str, Any]:
    """Errors as plain values: eV/atom, eV/Å."""
    return {"model": name, "errors": [asdict(row) for row in rows]}


def run_convert(inputs: Sequence[str], output: Path, trust: bool, console: Console) -> None:
    """Write labelled configurations in extended XYZ.

    Args:
        inputs: files, and folders of FitSNAP JSON.
        output: the file to write.
        trust: whether pickles may be read, which runs the code they contain.
        console: where to print.
    """
    progress = TerminalProgress(console)
    with progress.stage("convert"):
        count = convert(inputs, output, trust, progress)
        progress.report(f"{count:,} configurations, {output}")


def print_schema() -> None:
    """Print the JSON schema of FIT.toml."""
    print(json.dumps(FitSettings.model_json_schema(), indent=2, ensure_ascii=False))


def error_table(name: str, rows: Sequence[ErrorRow]) -> Listing:
    """Errors by part and kind, for an 80-column terminal; the full set is in the reports."""
    left_out = {"atoms"} if any(row.virial is not None for row in rows) else {"V MAE", "V RMSE"}
    chosen = [i for i, heading in enumerate(ERROR_HEADINGS) if heading not in left_out]
    cells = [[table_cells(row, ".2f", ".4f")[i] for i in chosen] for row in rows]
    styles = {number: "bold" for number, row in enumerate(rows) if row.config_type == ALL}
    title = f"{name}: mean absolute and root mean square errors"
    return Listing(title, [ERROR_HEADINGS[i] for i in chosen], cells, (1, 0), styles, ERROR_UNITS)
