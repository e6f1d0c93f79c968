"""The data, printed before training starts, and the sink that shows a run from its first event to its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ranvier.cli.console import Output
from ranvier.data.sources.origin import sentence_start
from ranvier.display.tables import literal, table, wrapped
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.training.events import DataEvent, Event, Sink

Record = Mapping[str, Any]
MAX_SHOWN_NOTES = 12
MAX_SHOWN_CLASSES = 12
MAX_SHOWN_NAMES = 30


@contextmanager
def progress_sink(output: Output) -> Iterator[Sink | bool]:
    """The value of `progress` for `ranvier.train` and `ranvier.resume`: False where nothing is printed."""
    if output.console.quiet:
        yield False
        return
    from ranvier.display.progress import Display
    from ranvier.training.events import DataEvent

    with Display() as display:

        def sink(event: Event) -> None:
            if isinstance(event, DataEvent):
                display.close()
                print_overview(output, event)
            display(event)

        yield sink


def print_overview(output: Output, event: DataEvent) -> None:
    """Rows, columns by kind, the target, the parts and the notes."""
    output.heading(f"{sentence_start(event.origin)}: {plural(event.rows, 'row')}")
    output.console.print(kinds_table(event.columns))
    output.say()
    lines = {"Target": target_sentence(event), "Rows": split_sentence(event.split)}
    for title, text in lines.items():
        _entry(output, title, text)
    dropped = tuple(f'Column "{column["name"]}" is dropped: ' for column in event.columns)
    notes: Sequence[str] = [note for note in event.notes if not note.startswith(dropped)]
    for note in notes[:MAX_SHOWN_NOTES]:
        _entry(output, "Note", note)
    if len(notes) > MAX_SHOWN_NOTES:
        _entry(output, "Note", f"and {len(notes) - MAX_SHOWN_NOTES} more; ranvier show lists the columns.")
    output.say()


def kinds_table(columns: Sequence[Record]) -> Any:
    """The number and the names of the columns of each kind; those of dropped columns by the reason."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for column in columns:
        dropped = column["encoded"] == "dropped"
        groups.setdefault(("dropped", column["note"]) if dropped else (column["kind"], ""), []).append(column)
    grid = table("Kind", "Columns", "Names", numbers=("Columns",), flexible=("Names",))
    for (kind, reason), members in sorted(groups.items(), key=lambda group: group[0][0] == "dropped"):
        names = ", ".join(str(member["name"]) for member in members[:MAX_SHOWN_NAMES])
        names += f" and {len(members) - MAX_SHOWN_NAMES:,} more" if len(members) > MAX_SHOWN_NAMES else ""
        names += f" ({reason})" if reason else ""
        style = "dim" if kind == "dropped" else ""
        grid.add_row(literal(kind, style), f"{len(members):,}", wrapped(names, "dim"))
    return grid


def target_sentence(event: DataEvent) -> str:
    """What is to be predicted, with the number of rows of each class where it is known."""
    names, classes = ", ".join(event.target), event.classes
    if event.task == "regression":
        return f"{names}, {'a number' if len(event.target) == 1 else 'numbers'}"
    if event.task == "multilabel":
        return f"{names}, each present or not"
    counts: Mapping[str, int] = event.class_counts
    words = [f"{label} ({counts[str(label)]:,})" if str(label) in counts else str(label) for label in classes]
    more = f" and {len(words) - MAX_SHOWN_CLASSES:,} more" if len(words) > MAX_SHOWN_CLASSES else ""
    return f"{names}, one of {len(words):,} classes: {', '.join(words[:MAX_SHOWN_CLASSES])}{more}"


def split_sentence(split: Record) -> str:
    """What the rows are for.

    >>> split_sentence({"training": 1258, "validation": 180, "test": 359})
    '1,258 training, 180 validation (early stopping), 359 test'
    """
    purposes = {"training": "training", "validation": "validation (early stopping)", "test": "test"}
    return ", ".join(f"{split[name]:,} {purpose}" for name, purpose in purposes.items() if split.get(name))


def _entry(output: Output, title: str, text: str) -> None:
    """A titled entry whose further lines are indented."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=6, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(title, "dim"), Text(text))
    output.console.print(grid)
