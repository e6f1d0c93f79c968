"""The bodies of questions as typed records: what a page sends is read and checked here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from ranvier.errors import InputError
from ranvier.records import record
from ranvier.scalars import as_integer, as_number

B = TypeVar("B")


def read_body(kind: type[B], body: Mapping[str, Any]) -> B:
    """The body of a question, a JSON object, as the record of its kind.

    An entry that is absent or null has the default of its field. Other entries are for somebody else: the name of a
    run, or what later pages add.

    Parameters:
        kind: a record; its annotations say what the entries must be. A name that Python has for itself ends in "_".

    Raises:
        InputError: an entry without a default is absent, or one is of another type.

    >>> read_body(WeightsBody, {"path": "layers.0", "height": 8, "width": 4})
    WeightsBody(path='layers.0', height=8, width=4)
    >>> read_body(ConnectionsBody, {"count": 3})
    Traceback (most recent call last):
    ranvier.errors.InputError: The question needs "path", a string.
    >>> read_body(CellBody, {"actual": "a", "predicted": 0})
    Traceback (most recent call last):
    ranvier.errors.InputError: actual is 'a'; an integer was expected.
    """
    values = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        name = entry.name.rstrip("_")
        value, (noun, read) = body.get(name), TYPES[str(entry.type).removesuffix(" | None")]
        if value is None:
            if entry.default is MISSING:
                raise InputError(f'The question needs "{name}", {noun}.')
            continue
        values[entry.name] = checked = read(value)
        if checked is None:
            raise InputError(f"{name} is {_briefly(value)}; {noun} was expected.")
    return kind(**values)


def _briefly(value: Any) -> str:
    """A value for a message, which may be long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _of(kind: type) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is kind else None


def _texts(value: Any) -> list[str] | None:
    return value if type(value) is list and all(type(part) is str for part in value) else None


TYPES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "int": ("an integer", as_integer),
    "float": ("a number", as_number),
    "str": ("a string", _of(str)),
    "bool": ("true or false", _of(bool)),
    "list[str]": ("a list of strings", _texts),
    "dict[str, Any]": ("an object", _of(dict)),
    "Any": ("a value", lambda value: value),
}
"""Annotation -> its name for users, and what gives the value, None for one of another type."""


@record
class NoBody:
    """A question that says everything by its name."""


@record
class RowsBody:
    """Known rows: from which, how many, and in what order, as for `rows_page`."""

    start: int
    count: int
    order: str = "index"


@record
class RowBody:
    """A question about a row, and about one output of the model.

    Fields:
        row: the number of a known row.
        values: a row that was filled in or drawn, as for `row_of_values`.
        sound: a recording, the bytes of its file in base64.
        output: a class, label or target.
    """

    row: int | None = None
    values: Any = None
    sound: str | None = None
    output: Any = None


@record
class InputsBody:
    """Some of many inputs: as for `inputs`, and perhaps a row, `row` and `values` as in `RowBody`."""

    count: int = 14
    search: str = ""
    pinned: list[str] | None = None
    row: int | None = None
    values: Any = None
    sound: str | None = None


@record
class SoundBody:
    """The recording of a known row."""

    row: int


@record
class HeardBody:
    """A recording of the page, the bytes of its file in base64."""

    sound: str


@record
class PictureBody:
    """A picture of the page, the bytes of its file in base64."""

    picture: str


@record
class SampleBody:
    """What a language model goes on from."""

    start: str = ""


@record
class WeightsBody:
    """The weights of a layer in a picture of at most (height, width)."""

    path: str
    height: int
    width: int


@record
class ConnectionsBody:
    """The weights of a layer that matter most."""

    path: str
    count: int = 200


@record
class NeuronBody:
    """A neuron, and perhaps a row: `row`, `values` and `sound` as in `RowBody`."""

    path: str
    neuron: int
    row: int | None = None
    values: Any = None
    sound: str | None = None


@record
class StepBody:
    """A training step, a row of its batch and a neuron, as for `questions.step.step`."""

    step: int
    row: int = 0
    path: str | None = None
    neuron: int = 0
    seed: int | None = None


@record
class StepCheckBody:
    """A parameter in a training step, as for `questions.step.step_check`."""

    step: int
    path: str
    neuron: int
    term: int | None = None
    seed: int | None = None


@record
class CellBody:
    """A cell of the confusion matrix."""

    actual: int
    predicted: int


@record
class OutputBody:
    """One of several predicted numbers; of quantiles the one nearest to the median, where none is said."""

    output: int | None = None


@record
class RunBody:
    """The name of the run that a question is about."""

    run: str | None = None


@record
class CurvesBody:
    """A metric of some runs."""

    runs: list[str]
    metric: str


@record
class ControlBody:
    """What a page asks a training for: the command, its value, and a mark that its event repeats."""

    do: str
    value: float | None = None
    id: str = ""


@record
class OpenBody:
    """A new session of the playground: its state, a table of points, and the session that ends for it."""

    state: dict[str, Any]
    table: str | None = None
    instead: str | None = None


@record
class DoBody:
    """What a session of the playground is to do."""

    session: str
    do: str


@record
class LookBody:
    """The newest of a session: the version of the pictures, and how many losses, the page has already."""

    session: str
    version: int | None = None
    losses: int = 0


@record
class ExportBody:
    """A session as Python code or as a model file."""

    session: str
    as_: str
