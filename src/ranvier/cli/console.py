"""Where words go: results to standard output, or to standard error when standard output carries JSON.

Rich decides on colours (NO_COLOR, TERM and what the stream is) and on the width.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Result = TypeVar("Result")
JSON_OPTION = "Print one JSON object on standard output, words on standard error."


class Output:
    """The streams of one command.

    Attributes:
        console: rich's, for people.
        json: whether standard output carries JSON; then the console writes to standard error.

    Parameters:
        quiet: whether only errors are printed.
    """

    def __init__(self, json: bool = False, quiet: bool = False) -> None:
        from rich.console import Console

        self.json = json
        self.console: Console = Console(stderr=json, quiet=quiet, highlight=False, emoji=False)

    def finish(self, value: Callable[[], Any]) -> None:
        """Print the JSON value where it was asked for."""
        if self.json:
            sys.stdout.write(json.dumps(plain(value()), ensure_ascii=False, allow_nan=False) + "\n")

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print a line of words, wrapped at the width of the terminal; square brackets stay as they are."""
        self.console.print(text, style=style, markup=False)

    def say_error(self, text: str) -> None:
        """Print a line on standard error, also where only errors are said: the command did not do what it was asked."""
        sys.stderr.write(f"{text}\n")

    def heading(self, text: str) -> None:
        """Print the title of a part."""
        self.say(text, "bold")

    def commands(self, entries: Sequence[tuple[str, str]]) -> None:
        """Print commands to copy, on lines that are never broken, with their purposes beside all that leave room."""
        from rich.text import Text

        longest = max(len(purpose) for _, purpose in entries)
        width = max((len(text) for text, _ in entries if len(text) + longest + 5 <= self.console.width), default=0)
        for text, purpose in entries:
            line = Text.assemble("  ", (text, "bold cyan"))
            if len(text) <= width:
                line.append(f"{' ' * (width - len(text))}   {purpose}", "dim")
            self.console.print(line, soft_wrap=True)


def with_warnings(call: Callable[[], Result]) -> tuple[Result, list[str]]:
    """The result of a call, and its different warnings to users, which are not shown.

    >>> with_warnings(lambda: warnings.warn("far", stacklevel=1))
    (None, ['far'])
    """
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        result = call()
    return result, list(dict.fromkeys(str(warning.message) for warning in warned))


def plain(value: Any) -> Any:
    """JSON values: NumPy numbers become Python's, numbers that are not finite become null.

    >>> plain({"a": float("nan"), "b": (1, 2.5)})
    {'a': None, 'b': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
