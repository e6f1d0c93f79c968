"""Errors that teach: each says what was given, what was expected and what to do.

`InputError` and its children mean that the user's input is wrong (the command line exits with 2);
every other `RanvierError` means that the run failed (exit code 1).
"""

from __future__ import annotations

from collections.abc import Iterable

OR_SKIP = "or leave such rows out with --skip-bad-rows (skip_bad_rows=True)"
"""The end of an advice on rows that cannot be used."""


class RanvierError(Exception):
    """Base of every error that Ranvier raises on purpose."""


class InputError(RanvierError, ValueError):
    """What the user gave cannot be used as it is."""


class DataError(InputError):
    """A data file, table or array cannot be used as it is."""


class ShapeError(InputError):
    """An array has the wrong shape or size."""


class ModelFileError(InputError):
    """A model or checkpoint file is damaged, foreign or newer than this version."""


class EngineError(RanvierError, RuntimeError):
    """The engine that was asked for cannot do this here."""


class TrainingError(RanvierError, RuntimeError):
    """Training started and could not go on."""


def nearest(name: str, options: Iterable[str], listing: str = "Choose one of") -> str:
    """Say which of `options` the user may have meant, or list them after the words of `listing`.

    >>> nearest("incom", ["age", "income"])
    'Did you mean "income"?'
    >>> nearest("zzz", ["age", "income"])
    'Choose one of: age, income.'
    """
    import difflib  # Only those who mistype wait for it.

    names = [str(option) for option in options]
    lowered = {option.lower(): option for option in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), list(lowered), n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(chr(34) + lowered[match] + chr(34) for match in close)}?"
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"{listing}: {shown}." if names else "There is nothing to choose from."
