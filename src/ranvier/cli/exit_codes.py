"""What every failure becomes: one sentence and an exit code.

0 done, 1 the run failed, 2 the user's input is wrong, 130 interrupted.
"""

from __future__ import annotations

import errno
import re

import click

from ranvier.errors import InputError, RanvierError, interruption

PLAIN_WORDS = {
    r"is not a valid integer range": "is not an integer",
    r"is not a valid float range": "is not a number",
    r"is not in the range x>=1\b": "is too small; it must be an integer of at least 1",
    r"is not in the range x>=0\b": "is too small; it must be at least 0",
    r"is not in the range x>0\b": "is too small; it must be above 0",
    r"is not in the range 0<=x<1\b": "is out of range; it must be from 0 to below 1",
    r"is not in the range 0\.0<x<1\.0": "is out of range; it must be above 0 and below 1",
    r"is not in the range (\d+)<=x<=(\d+)\b": r"is out of range; it must be from \1 to \2",
    r"\(Did you mean one of: (.*)\?\)\.?": r"Did you mean one of: \1?",
    r"is not '(\w+)'": r"is not '\1', which is the only choice",
    r"Got unexpected extra arguments? \((.*)\)": r"There is no place for: \1",
    r"Missing argument '(\w+)'": r"\1 is missing",
    r"Option '(--[\w-]+)' requires an argument": r"\1 needs a value",
}
"""Pattern in a sentence of click -> what is said in its place."""
DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def explain(error: BaseException) -> tuple[str, int]:
    """The sentence for standard error, and the exit code.

    >>> explain(InputError("There is no column x."))
    ('There is no column x.', 2)
    >>> explain(MemoryError())[1]
    1
    >>> explain(KeyboardInterrupt())
    ('Interrupted.', 130)
    """
    pressed = interruption(error)
    if pressed is not None or isinstance(error, click.Abort):
        return " ".join(["Interrupted.", *getattr(pressed, "__notes__", ())]), INTERRUPTED
    if isinstance(error, click.UsageError):
        return _usage(error), WRONG_INPUT
    if isinstance(error, click.ClickException):
        return one_line(error.format_message()), WRONG_INPUT
    if isinstance(error, InputError):
        return one_line(str(error)), WRONG_INPUT
    if isinstance(error, RanvierError):
        return one_line(str(error)), FAILED
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return (
            "There is not enough memory for this. Take fewer rows, a smaller --batch-size or a narrower --hidden.",
            FAILED,
        )
    if isinstance(error, OSError):
        where = f'"{error.filename}": ' if error.filename else ""
        return f"{where}{error.strerror or error}.", FAILED
    kind = type(error).__name__
    text = f"{kind}: {error}" if str(error) else kind
    return f"{one_line(text)} (this is a fault in Ranvier; ranvier --debug ... shows where)", FAILED


def one_line(text: str) -> str:
    """Text without line breaks.

    >>> one_line("a\\n  b")
    'a b'
    """
    return " ".join(text.split())


def _usage(error: click.UsageError) -> str:
    """A usage error with the command whose help to read."""
    message = one_line(error.format_message())
    for clicks, words in PLAIN_WORDS.items():
        message = re.sub(clicks, words, message)
    if message and message[-1] not in ".?!":
        message += "."
    where = "ranvier" if error.ctx is None else error.ctx.command_path
    return f"{message} See: {where} --help"
