"""Errors that teach: each says what was given, what was expected and what to do.

`InputError` and its children mean that the user's input is wrong (the command line exits with 2);
every other `RanvierError` means that the run failed (exit code 1).
"""

from __future__ import annotations

from collections.abc import Iterable

OR_SKIP = "or leave such rows out with --skip-bad-rows (skip_bad_rows=True)"
"""The end of an advice on rows that cannot be used."""


class RanvierError(Exception):
    """Base of every error that Ranvier raises on purpose.

    >>> import ranvier as rv
    >>> try:
    ...     rv.Dense(0)
    ... except rv.RanvierError as error:
    ...     print(error)
    Dense: units is 0; it must be an integer of at least 1.
    """


class InputError(RanvierError, ValueError):
    """What the user gave cannot be used as it is.

    >>> import ranvier as rv
    >>> rv.Dropout(2.0)
    Traceback (most recent call last):
    ranvier.errors.InputError: Dropout: rate is 2.0; it must be a number from 0 up to, but not including, 1.
    """


class DataError(InputError):
    """A data file, table or array cannot be used as it is.

    >>> import ranvier as rv
    >>> rv.train({"age": [1, 2, 3]}, target="income")
    Traceback (most recent call last):
    ranvier.errors.DataError: The table has no column "income". Its columns are: age.
    """


class ShapeError(InputError):
    """An array has the wrong shape or size.

    >>> import ranvier as rv
    >>> rv.Network(2, [rv.Dense(1)]).fit([[1.0]], [1.0])
    Traceback (most recent call last):
    ranvier.errors.ShapeError: X has shape (1, 1); this network takes 2 numbers a row, shape (rows, 2).
    """


class ModelFileError(InputError):
    """A model or checkpoint file is damaged, foreign or newer than this version.

    >>> import ranvier as rv
    >>> rv.load("none/iris.rv")
    Traceback (most recent call last):
    ranvier.errors.ModelFileError: There is no model file "none/iris.rv". The folder "none" does not exist.
    """


class EngineError(RanvierError, RuntimeError):
    """The engine that was asked for cannot do this here.

    >>> import ranvier as rv
    >>> from ranvier.engine.compile_spec import CompileSpec, check_separable
    >>> check_separable(CompileSpec(rv.Network(2, [rv.Dense(1)]), rv.loss("squared_error"), rv.LBFGS(), batch_size=1))
    Traceback (most recent call last):
    ranvier.errors.EngineError: lbfgs trains on all rows at once; use loss_and_gradient in place of gradient and apply.
    """


class TrainingError(RanvierError, RuntimeError):
    """Training started and could not go on.

    >>> import ranvier as rv
    >>> too_fast = {"optimizer": rv.SGD(1e6), "epochs": 9, "batch_size": 1, "engine": "reference"}
    >>> rv.Network(1, [rv.Dense(1)]).fit([[1.0], [2.0]], [1.0, 3.0], **too_fast)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ranvier.errors.TrainingError: Training diverged: the loss rose from ...
    """


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


def interruption(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C that an error is or comes from; None for others.

    While a class is made, or a module of another library is imported, Python and that library put errors of their own
    in the place of a Ctrl-C.

    >>> error = RuntimeError("Error calling __set_name__")
    >>> error.__cause__ = KeyboardInterrupt()
    >>> interruption(error)
    KeyboardInterrupt()
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause
