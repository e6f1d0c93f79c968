"""`ranvier look`: what is in a file, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import column_kinds, encoding_option, header_option, json_option, skip_option
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.data.look import Look

MAX_SHOWN_COLUMNS = 200
MAX_SHOWN_CLASSES = 20


@click.command("look")
@click.argument("data", metavar="DATA")
@click.option("--target", "-t", metavar="COLUMN", help="Also show the task and the balance of this column.")
@click.option("--kind", multiple=True, metavar="COLUMN=KIND", help="Kind of a column, as for train; repeat it.")
@header_option
@encoding_option
@skip_option
@json_option
def command(
    data: str,
    target: str | None,
    kind: tuple[str, ...],
    header: bool | None,
    encoding: str | None,
    skip_bad_rows: bool,
    as_json: bool,
) -> int:
    """Look at DATA without training: kinds of columns, missing and odd cells, examples, duplicates."""
    from ranvier.data.look import look
    from ranvier.data.sources.reading import Reading

    output = Output(as_json)
    reading = Reading(header=header, encoding=encoding, skip_bad_rows=skip_bad_rows)
    overview = look(data, target, column_kinds(kind) or None, reading)
    _print(output, overview)
    output.finish(overview.to_dict)
    return DONE


def _print(output: Output, overview: Look) -> None:
    from ranvier.data.sources.origin import sentence_start

    counts = [plural(overview.rows, "row"), plural(len(overview.columns), "column")]
    counts += (
        [plural(overview.duplicates, "row repeats", "rows repeat") + " an earlier one"] if overview.duplicates else []
    )
    if not overview.columns:
        counts[1] = " × ".join(map(str, overview.shape)) + " numbers each"
    output.heading(f"{sentence_start(overview.origin)}: {', '.join(counts)}")
    if overview.columns:
        _print_columns(output, overview)
    _print_notes(output, overview)
    if overview.target is not None:
        _print_target(output, overview)


def _print_columns(output: Output, overview: Look) -> None:
    from rich.text import Text

    from ranvier.data.look import is_used
    from ranvier.display.tables import literal, table, wrapped

    grid = table(
        "Column",
        "Kind",
        "Missing",
        "Different",
        "Examples",
        numbers=("Missing", "Different"),
        flexible=("Column", "Examples"),
    )
    for column in overview.columns[:MAX_SHOWN_COLUMNS]:
        style = "" if is_used(column) else "dim"
        name = Text(column.name, style, overflow="fold")
        missing = f"{column.missing:,}" if column.missing else "-"
        examples = "; ".join(example[:40] for example in column.examples)
        grid.add_row(name, literal(column.kind, style), missing, f"{column.distinct:,}", wrapped(examples, "dim"))
    output.console.print(grid)
    if len(overview.columns) > MAX_SHOWN_COLUMNS:
        output.say(f"and {len(overview.columns) - MAX_SHOWN_COLUMNS:,} more columns; --json lists them all.", "dim")


def _print_notes(output: Output, overview: Look) -> None:
    from ranvier.data.look import is_used

    notes = [
        f'Column "{column.name}" would be left out: {column.reason}.'
        for column in overview.columns
        if column.kind == "drop"
    ]
    notes += [column.reason for column in overview.columns if not is_used(column) and column.kind != "drop"]
    notes += [note for column in overview.columns for note in column.notes]
    notes += overview.notes
    if notes:
        output.say()
    for note in notes:
        output.say(note)


def _print_target(output: Output, overview: Look) -> None:
    from ranvier.display.format import percent
    from ranvier.display.tables import bar, literal, table

    described = overview.target or {}
    output.say()
    task = described["task"]
    output.say(f'Target "{described["name"]}": {task} ({described["reason"]})' if task else described["reason"], "bold")
    for note in described["notes"]:
        output.say(note)
    classes = described["classes"]
    if not classes:
        return
    total = sum(classes.values())
    grid = table("Class", "Rows", "Fraction", " ", numbers=("Rows", "Fraction"), flexible=("Class",))
    for label, rows in sorted(classes.items(), key=lambda entry: -entry[1])[:MAX_SHOWN_CLASSES]:
        grid.add_row(literal(label), f"{rows:,}", percent(rows / total), literal(bar(rows / total, 24), "cyan"))
    output.console.print(grid)
    if len(classes) > MAX_SHOWN_CLASSES:
        output.say(f"and {plural(len(classes) - MAX_SHOWN_CLASSES, 'more class', 'more classes')}.", "dim")
