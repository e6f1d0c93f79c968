"""`ranvier evaluate`: how good a model is on rows whose targets are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ranvier.cli.console import Output, with_warnings
from ranvier.cli.exit_codes import DONE
from ranvier.cli.model_argument import loaded
from ranvier.cli.options import encoding_option, header_option, json_option, skip_option

if TYPE_CHECKING:
    from ranvier.data.sources.reading import Reading
    from ranvier.model.model import Model


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@header_option
@encoding_option
@skip_option
@json_option
def command(
    model: str, data: str, header: bool | None, encoding: str | None, skip_bad_rows: bool, as_json: bool
) -> int:
    """Measure MODEL on the rows of DATA, which must hold the target too; - reads CSV from standard input.

    Use rows that the model was not trained on; its metrics on the training rows are too optimistic.
    """
    from ranvier.cli import printed_report
    from ranvier.data.sources.reading import Reading
    from ranvier.display.tables import metrics_table

    output = Output(as_json)
    result = evaluate_file(
        loaded(model, [data]), data, Reading(header=header, encoding=encoding, skip_bad_rows=skip_bad_rows)
    )
    count, left_out = result["rows"], result.pop("left_out")
    origin = "standard input" if data == "-" else data
    output.heading(f"On the {count:,} rows of {origin}" if count > 1 else f"On the one row of {origin}")
    if left_out:
        what = "1 row was" if left_out == 1 else f"{left_out:,} rows were"
        output.say(f"{what} left out because the target is missing.")
    output.console.print(metrics_table(result["metrics"], result["baseline"]))
    printed_report.print_classes(output, result["task"], result["per_class"], result["most_confused_pair"])
    printed_report.print_findings(output, result["notes"])
    output.finish(lambda: {"model": model, **result})
    return DONE


def evaluate_file(model: Model, data: str, reading: Reading) -> dict[str, Any]:
    """Metrics, baseline, the table of classes, the pair confused most often, and notes on the reading."""
    from ranvier.model.predictions import open_rows
    from ranvier.model.report import evaluation
    from ranvier.model.rows import readable_rows, with_good_targets
    from ranvier.model.training_file import training_file_note, training_rows_note

    rows, targets, notes = open_rows(model, data, reading, test_rows=True)
    if reading.skip_bad_rows and targets is None:
        rows, _, left_out = with_good_targets(rows, model.target)
        notes = (*notes, *left_out)
    readable, _, row_numbers, unreadable = readable_rows(model.encoder, rows)
    targets_of_readable = targets if targets is None or row_numbers is None else targets[row_numbers]
    result, warned = with_warnings(lambda: evaluation(model, readable, targets_of_readable))
    notes = (*notes, *unreadable, *warned)
    trained_on = training_file_note(model.report, data) or training_rows_note(model, readable)
    result["notes"] = [*([trained_on] if trained_on else []), *notes, *result["notes"]]
    return {**result, "left_out": max(readable.rows - result["rows"], 0) if targets is None else 0}
