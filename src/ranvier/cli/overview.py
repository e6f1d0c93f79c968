"""What was read, said before training starts, and the sink that shows a run from its first event to its last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ranvier.cli.console import Output
from ranvier.cli.report import heading
from ranvier.data.sources.origin import sentence_start
from ranvier.display.tables import literal, table

Record = Mapping[str, Any]
Sink = Callable[[dict[str, Any]], None]
SHOWN_NOTES = 6
SHOWN_CLASSES = 12
KINDS = {"number": "numbers", "boolean": "booleans", "category": "categories", "date": "dates"}


@contextmanager
def watching(output: Output, quiet: bool) -> Iterator[Sink | bool]:
    """The value of `progress` for `ranvier.train` and `ranvier.resume`: False where nothing is to be said."""
    if quiet:
        yield False
        return
    from ranvier.display.progress import Display

    with Display() as display:

        def sink(event: dict[str, Any]) -> None:
            if event["kind"] == "data":
                overview(output, event)
            display(event)

        yield sink


def overview(output: Output, found: Record) -> None:
    """Rows, columns by kind, the target, the parts and the notes."""
    heading(output, f"{sentence_start(str(found['origin']))}: {found['rows']:,} rows")
    output.words.print(kinds_table(found["columns"]))
    output.say()
    lines = {"Target": target_sentence(found), "Rows": split_sentence(found["split"])}
    for title, text in lines.items():
        _entry(output, title, text)
    notes: Sequence[str] = [note for note in found["notes"] if not note.startswith('Column "')]
    for note in notes[:SHOWN_NOTES]:
        _entry(output, "Note", note)
    if len(notes) > SHOWN_NOTES:
        _entry(output, "Note", f"and {len(notes) - SHOWN_NOTES} more; ranvier show lists the columns.")
    output.say()


def kinds_table(columns: Sequence[Record]) -> Any:
    """The number and the names of the columns of each kind; those of dropped columns by the reason."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for column in columns:
        dropped = column["encoded"] == "dropped"
        groups.setdefault(("dropped", column["note"]) if dropped else (column["kind"], ""), []).append(column)
    shown = table("Kind", "Columns", "Names", numbers=("Columns",), flexible=("Names",))
    for (kind, reason), members in sorted(groups.items(), key=lambda group: group[0][0] == "dropped"):
        names = ", ".join(str(member["name"]) for member in members) + (f" ({reason})" if reason else "")
        style = "dim" if kind == "dropped" else ""
        shown.add_row(literal(KINDS.get(kind, kind), style), f"{len(members):,}", literal(names, "dim"))
    return shown


def target_sentence(found: Record) -> str:
    """What is to be predicted, with the number of rows of each class where it is known."""
    names, classes = ", ".join(found["target"]), found["classes"]
    if found["task"] == "regression":
        return f"{names}, {'a number' if len(found['target']) == 1 else 'numbers'}"
    if found["task"] == "multilabel":
        return f"{names}, each present or not"
    counts: Mapping[str, int] = found.get("class_counts") or {}
    words = [f"{label} ({counts[str(label)]:,})" if str(label) in counts else str(label) for label in classes]
    more = f" and {len(words) - SHOWN_CLASSES:,} more" if len(words) > SHOWN_CLASSES else ""
    return f"{names}, one of {len(words):,} classes: {', '.join(words[:SHOWN_CLASSES])}{more}"


def split_sentence(split: Record) -> str:
    """What the rows are for.

    >>> split_sentence({"training": 1258, "validation": 180, "held_out": 359})
    '1,258 to learn from, 180 to decide when to stop, 359 held out to measure'
    """
    purposes = {"training": "to learn from", "validation": "to decide when to stop", "held_out": "held out to measure"}
    return ", ".join(f"{split[name]:,} {purpose}" for name, purpose in purposes.items() if split.get(name))


def _entry(output: Output, title: str, text: str) -> None:
    """A titled entry whose further lines are indented."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=6, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(title, "dim"), Text(text))
    output.words.print(grid)
