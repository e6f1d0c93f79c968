"""Options that several commands share, and values that are written with commas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ranvier.cli.console import JSON_OPTION

json_option = click.option("--json", "as_json", is_flag=True, help=JSON_OPTION)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")


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
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts or not all(part.isdigit() and int(part) > 0 for part in parts):
            self.fail(f'"{value}" is not a list of widths; write whole numbers such as 256,128, or none.', param, ctx)
        return tuple(int(part) for part in parts)


class ShareOrFile(click.ParamType[float | str]):
    """A share of the rows such as 0.2, or a file of rows."""

    name = "share or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """Read the text.

        >>> ShareOrFile().convert("0.2", None, None), ShareOrFile().convert("test.csv", None, None)
        (0.2, 'test.csv')
        """
        if isinstance(value, float):
            return value
        try:
            share = float(value)
        except ValueError:
            return str(value)
        if not 0.0 <= share < 1.0:
            self.fail(f"{value} is not a share of the rows; write a number from 0 to below 1, or a file.", param, ctx)
        return share


def names(values: Sequence[str]) -> tuple[str, ...]:
    """Column names from a repeatable option whose values may hold several, parted by commas.

    >>> names(("a,b", "c"))
    ('a', 'b', 'c')
    """
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


class Titled(click.Option):
    """An option of a part of the help, whose default is chosen further down.

    Parameters:
        section: the title of the part.
        chosen: the default that the help names.
    """

    def __init__(self, *args: Any, section: str, chosen: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.section = section
        self.chosen = chosen

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The default, without the range, which a wrong value is answered with."""
        return {"default": self.chosen} if self.chosen else {}


class Sections(click.Command):
    """A command with so many options that its help lists them in parts."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options part by part, in the order in which the parts first appear."""
        parts: dict[str, list[tuple[str, str]]] = {}
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        for option in sorted(options, key=lambda option: not isinstance(option, Titled)):
            record = option.get_help_record(ctx)
            if record is not None:
                parts.setdefault(option.section if isinstance(option, Titled) else "Other", []).append(record)
        for title, records in parts.items():
            with formatter.section(title):
                formatter.write_dl(records)
