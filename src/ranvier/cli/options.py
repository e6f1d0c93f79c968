"""Options that several commands share, and values that are written with commas."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import click

from ranvier.cli.console import JSON_OPTION

json_option = click.option("--json", "as_json", is_flag=True, help=JSON_OPTION)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print errors only.")


HEADER_HELP = "Whether the first line holds column names; inferred by default."
ENCODING_HELP = "Encoding of a file of text, such as cp1251; inferred by default."
SKIP_HELP = "Leave out rows, and targets, that cannot be read; count them."
header_option = click.option("--header/--no-header", default=None, help=HEADER_HELP)
encoding_option = click.option("--encoding", metavar="NAME", help=ENCODING_HELP)
skip_option = click.option("--skip-bad-rows", is_flag=True, help=SKIP_HELP)


class FiniteRange(click.FloatRange):
    """Numbers of a range, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text.

        >>> FiniteRange(0).convert("0.5", None, None)
        0.5
        """
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a finite number", param, ctx)


class Widths(click.ParamType[tuple[int, ...]]):
    """Widths of the hidden layers, such as 256,256; "none" for no hidden layer."""

    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read the text.

        >>> Widths().convert("256, 128", None, None)
        (256, 128)
        """
        if isinstance(value, tuple):
            return value
        text = value.strip().lower()
        if text in ("none", "0"):
            return ()
        parts = [part.strip() for part in text.split(",")]
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            self.fail(f'"{value}" is not a list of widths; write integers such as 256,128, or none.', param, ctx)
        return tuple(int(part) for part in parts)


class FractionOrFile(click.ParamType[float | str]):
    """A fraction of the rows such as 0.2, or a file of rows."""

    name = "fraction or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """Read the text.

        >>> FractionOrFile().convert("0.2", None, None), FractionOrFile().convert("test.csv", None, None)
        (0.2, 'test.csv')
        """
        if isinstance(value, float):
            return value
        try:
            fraction = float(value)
        except ValueError:
            return str(value)
        if not 0.0 <= fraction < 1.0:
            self.fail(
                f"{value} is not a fraction of the rows; write a number from 0 to below 1, or a file.", param, ctx
            )
        return fraction


def names(values: Sequence[str], columns: Callable[[], Collection[str]] = tuple) -> tuple[str, ...]:
    """Column names from a repeatable option whose values may hold several, separated by commas.

    Parameters:
        values: what was given.
        columns: gives the columns that there are, of which some may hold commas; called only where a value has one.

    A value that is a column is that column. Of others, the longest part between commas that is a column is one.

    >>> names(("a,b", "c"))
    ('a', 'b', 'c')
    >>> names(("Temp, C,wet",), lambda: ["Temp, C", "wet"])
    ('Temp, C', 'wet')
    """
    column_names = set(columns()) if any("," in value for value in values) else set()
    return tuple(name for value in values for name in _names_in(value, column_names))


def _names_in(value: str, column_names: Collection[str]) -> list[str]:
    """The names in one value."""
    if value.strip() in column_names or "," not in value:
        return [value.strip()] if value.strip() else []
    parts, columns = value.split(","), []
    while parts:
        ends = range(len(parts), 1, -1)
        end = next((end for end in ends if ",".join(parts[:end]).strip() in column_names), 1)
        columns.append(",".join(parts[:end]).strip())
        parts = parts[end:]
    return [name for name in columns if name]


def column_kinds(values: Sequence[str]) -> dict[str, str]:
    """Column -> kind, from a repeatable option COLUMN=KIND; the name may hold further equals signs, and commas.

    Raises:
        click.BadParameter: a value has no equals sign, or a column stands twice.

    >>> column_kinds(("shop=category", "a=b, c=drop"))
    {'shop': 'category', 'a=b, c': 'drop'}
    """
    kinds: dict[str, str] = {}
    for value in values:
        name, equals, kind = value.rpartition("=")
        if not equals or not name or not kind:
            raise click.BadParameter(f'"{value}" is not COLUMN=KIND, such as shop=category.', param_hint="--kind")
        if name in kinds:
            raise click.BadParameter(f'the column "{name}" is given twice.', param_hint="--kind")
        kinds[name] = kind.strip()
    return kinds


class GroupedOption(click.Option):
    """An option in a group of the help, whose default is decided elsewhere.

    Parameters:
        group: the title of the group.
        default_text: the default as the help names it.
    """

    def __init__(self, *args: Any, group: str, default_text: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group
        self.default_text = default_text

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The default; the range is left to the error message."""
        return {"default": self.default_text} if self.default_text else {}


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, in the order in which the groups first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        for option in sorted(options, key=lambda option: not isinstance(option, GroupedOption)):
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(option.group if isinstance(option, GroupedOption) else "Other", []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)
