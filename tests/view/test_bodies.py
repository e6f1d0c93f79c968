"""The bodies of questions: what is there, what is not, and what is of another type."""

from __future__ import annotations

from typing import Any

import pytest

import ranvier as rv
from ranvier.view import bodies
from ranvier.view.bodies import (
    ControlBody,
    CurvesBody,
    ExportBody,
    NoBody,
    OpenBody,
    RowBody,
    RowsBody,
    StepBody,
    read_body,
)
from ranvier.view.watch import WatchRequest


@pytest.mark.parametrize(
    ("kind", "body", "record"),
    [
        (NoBody, {"whatever": 1}, NoBody()),
        (RowsBody, {"start": 2, "count": 3}, RowsBody(2, 3, "index")),
        (RowsBody, {"start": 2, "count": 3, "order": "loss", "run": "a"}, RowsBody(2, 3, "loss")),
        (RowBody, {}, RowBody(None, None, None, None)),
        (RowBody, {"row": None, "values": [1, 2], "output": "yes"}, RowBody(values=[1, 2], output="yes")),
        (StepBody, {"step": 1, "path": None, "seed": 3}, StepBody(1, 0, None, 0, 3)),
        (CurvesBody, {"runs": [], "metric": "loss"}, CurvesBody([], "loss")),
        (ControlBody, {"do": "rate", "value": 2}, ControlBody("rate", 2.0)),
        (OpenBody, {"state": {"d": "moons"}}, OpenBody({"d": "moons"})),
        (ExportBody, {"session": "a", "as": "python"}, ExportBody("a", "python")),
        (WatchRequest, {"network": False}, WatchRequest(network=False)),
    ],
)
def test_a_body_becomes_its_record(kind: type, body: dict[str, Any], record: Any) -> None:
    assert read_body(kind, body) == record


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        (RowsBody, {"start": 2}, 'The question needs "count", an integer.'),
        (RowsBody, {"start": 2, "count": None}, 'The question needs "count", an integer.'),
        (RowsBody, {"start": 2, "count": 3.5}, "count is 3.5; an integer was expected."),
        (RowsBody, {"start": True, "count": 3}, "start is True; an integer was expected."),
        (RowsBody, {"start": 2, "count": 3, "order": 1}, "order is 1; a string was expected."),
        (RowBody, {"sound": 1}, "sound is 1; a string was expected."),
        (CurvesBody, {"runs": ["a", 1], "metric": "loss"}, "runs is ['a', 1]; a list of strings was expected."),
        (ControlBody, {"do": "rate", "value": "2"}, "value is '2'; a number was expected."),
        (ControlBody, {"do": "rate", "value": 10**400}, "value is 1000"),
        (OpenBody, {"state": []}, "state is []; an object was expected."),
        (ExportBody, {"session": "a"}, 'The question needs "as", a string.'),
        (WatchRequest, {"health": 1}, "health is 1; true or false was expected."),
    ],
)
def test_a_wrong_body_is_refused_by_the_name_of_its_entry(kind: type, body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(rv.InputError) as caught:
        read_body(kind, body)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 120


def test_every_annotation_of_a_body_can_be_read() -> None:
    kinds = [kind for kind in vars(bodies).values() if isinstance(kind, type) and kind.__module__ == bodies.__name__]
    assert len(kinds) > 15
    annotations = {str(text).removesuffix(" | None") for kind in kinds for text in kind.__annotations__.values()}
    assert annotations <= set(bodies.TYPES)
