"""`ranvier predict`: predictions for the rows of a file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ranvier.cli.console import Output, with_warnings
from ranvier.cli.exit_codes import DONE
from ranvier.cli.model_argument import loaded
from ranvier.cli.options import FiniteRange, encoding_option, header_option, json_option, skip_option
from ranvier.errors import InputError
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.model.predictions import Predictions

FORMATS = (".csv", ".jsonl", ".parquet")
COVERAGE = FiniteRange(0.0, 1.0, min_open=True, max_open=True)


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="[DATA]", nargs=-1)
@click.option("--text", multiple=True, metavar="TEXT", help="A text to predict instead of DATA; repeat it.")
@click.option(
    "--output",
    "-o",
    type=click.Path(),
    metavar="FILE",
    help=f"Write here: {', '.join(FORMATS)}; otherwise CSV on standard output.",
)
@click.option("--probabilities", is_flag=True, help="Give the probability of every class too; --json always does.")
@click.option(
    "--interval",
    type=COVERAGE,
    metavar="COVERAGE",
    help="Give lower and upper bounds that hold the true number with this probability, such as 0.9.",
)
@click.option(
    "--set",
    "label_set",
    type=COVERAGE,
    metavar="COVERAGE",
    help="Give the set of labels that holds the true one with this probability, such as 0.9.",
)
@click.option(
    "--threshold",
    type=FiniteRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="P",
    help="Predict the second of two classes from this probability on; that of the model by default.",
)
@click.option(
    "--explain",
    type=click.IntRange(min=1),
    metavar="N",
    help="Say what the N columns that count most add to each prediction.",
)
@click.option("--listen", is_flag=True, help="DATA is a long recording: print what is heard in it, and when.")
@click.option(
    "--min-confidence",
    type=FiniteRange(0.0, 1.0),
    metavar="P",
    help="With --listen, leave out sounds with a smaller probability; 0.5 by default.",
)
@click.option("--keep", multiple=True, metavar="COLUMN", help="Column of DATA to write beside them; repeat it.")
@header_option
@encoding_option
@skip_option
@json_option
def command(
    model: str,
    data: tuple[str, ...],
    text: tuple[str, ...],
    output: str | None,
    probabilities: bool,
    interval: float | None,
    label_set: float | None,
    threshold: float | None,
    explain: int | None,
    listen: bool,
    min_confidence: float | None,
    keep: tuple[str, ...],
    header: bool | None,
    encoding: str | None,
    skip_bad_rows: bool,
    as_json: bool,
) -> int:
    """Predict the rows of DATA with MODEL; - reads CSV from standard input, or one text a line for a model of texts.

    DATA may be a folder or an archive of pictures, recordings or texts, or several of such and of such files; standard
    input may hold one picture or recording, or paths, one a line. Predictions are in the order of the rows. Columns
    that the model was not trained on are ignored.
    """
    if bool(data) == bool(text):
        what = "both were" if data else "neither was"
        raise click.UsageError(f"Give DATA or --text; {what} given.", click.get_current_context())
    from ranvier.cli.printed_report import shorten
    from ranvier.data.sources.reading import Reading
    from ranvier.model.predictions import predict_file, texts_for

    if output is not None:
        _check_output(output, (model, *data))
    if listen or min_confidence is not None:
        extras = {interval, label_set, threshold, output, explain}
        misplaced = bool(extras != {None} or probabilities or keep or len(data) != 1 or not listen)
        return _listen(model, data[0] if data else "", min_confidence, misplaced, as_json)
    trained = loaded(model, data)
    if explain and output is not None and Path(output).suffix.lower() != ".jsonl":
        raise InputError(f"--explain gives several values a row, and {output} is a table; end its name in .jsonl.")
    if probabilities and trained.task.kind == "regression":
        raise InputError(f"{model} predicts numbers; numbers have no probabilities. Leave --probabilities out.")
    source = texts_for(trained, text) if text else data[0] if len(data) == 1 else list(data)
    reading = Reading(header=header, encoding=encoding, skip_bad_rows=skip_bad_rows)
    wanted: dict[str, Any] = {"interval": interval, "label_set": label_set, "threshold": threshold}
    predictions, warned = with_warnings(lambda: predict_file(trained, source, reading, keep, explain or 0, **wanted))
    for note in (*predictions.notes, *warned):
        click.echo(note, err=True)
    if output is not None:
        write(predictions, output, probabilities)
        what = plural(len(predictions), "prediction is", "predictions are")
        click.echo(f"{what} in {shorten(output)}.", err=True)
    elif explain and not as_json:
        from ranvier.cli.explanations import print_explanations

        print_explanations(Output(as_json), predictions)
    elif not as_json:
        sys.stdout.write(csv_text(predictions, probabilities))
    Output(as_json).finish(predictions.records)
    return DONE


def _listen(model: str, data: str, min_confidence: float | None, misplaced: bool, as_json: bool) -> int:
    """Print what a model of recordings hears in a long one."""
    from dataclasses import asdict

    if misplaced:
        raise InputError(
            "--listen prints what is heard in one recording; --min-confidence goes with it, and --output, --keep, "
            "--explain, --probabilities, --interval, --set and --threshold do not."
        )
    from ranvier.data.sources.standard_input import NAME, file_on_standard_input

    trained = loaded(model, [data])
    recording = file_on_standard_input() if data == NAME else data
    heard, warned = with_warnings(lambda: trained.listen(recording, 0.5 if min_confidence is None else min_confidence))
    for note in warned:
        click.echo(note, err=True)
    if not as_json:
        import polars as pl

        names = ("start", "end", "label", "confidence")
        columns = {name: [getattr(sound, name) for sound in heard] for name in names}
        columns["confidence"] = [round(value, 4) for value in columns["confidence"]]
        sys.stdout.write(pl.DataFrame(columns).write_csv())
    Output(as_json).finish(lambda: [asdict(sound) for sound in heard])
    return DONE


def _check_output(output: str, reads: tuple[str, ...]) -> None:
    from ranvier.storage.atomic import check_writable

    if Path(output).suffix.lower() not in FORMATS:
        raise InputError(
            f'"{output}" must end in {", ".join(FORMATS[:-1])} or {FORMATS[-1]}, which says what to write.'
        )
    check_writable(output, reads)


def csv_text(predictions: Predictions, probabilities: bool) -> str:
    """The predictions as CSV, with a header."""
    import polars as pl

    return pl.DataFrame(predictions.columns(probabilities, rounded=True)).write_csv()


def write(predictions: Predictions, output: str, probabilities: bool) -> None:
    """Write a file in the format that its ending says, as a whole.

    Raises:
        InputError: the file cannot be written.
    """
    from ranvier.storage.atomic import write_atomically

    suffix = Path(output).suffix.lower()
    if suffix == ".csv":
        content = csv_text(predictions, probabilities).encode()
    elif suffix == ".jsonl":
        records = predictions.records()
        selected = (
            records
            if probabilities
            else [{name: value for name, value in record.items() if name != "probabilities"} for record in records]
        )
        content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in selected).encode()
    else:
        import polars as pl

        buffer = io.BytesIO()
        pl.DataFrame(predictions.columns(probabilities)).write_parquet(buffer)
        content = buffer.getvalue()
    write_atomically(output, content)
