"""The view in a notebook: messages of its page are answered by the same questions as the server's, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ranvier.errors import InputError
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.notebook import notebook_view, reply_to
from ranvier.view.playground import Playground
from ranvier.view.questions.answer import answer
from ranvier.view.report_file import notebook_page
from ranvier.view.subject import Subject


@pytest.mark.parametrize("name", ["metrics", "result", "confusion", "classes", "health"])
def test_answers_are_those_of_the_questions(name: str, digits: Subject) -> None:
    content, buffers = reply_to(digits, {"id": 7, "name": name, "body": {}})
    assert content == {"id": 7, "answer": QUESTIONS[name](digits, {})}
    assert buffers == []
    json.dumps(content, allow_nan=False)


def test_a_frame_travels_as_a_buffer(digits: Subject) -> None:
    content, (buffer,) = reply_to(digits, {"id": 1, "name": "answer", "body": {"row": 3}})
    assert content == {"id": 1}
    assert (read_frame(buffer)[1] == answer(digits, digits.row(3))[1]).all()


def test_the_page_begins_as_with_a_server(digits: Subject) -> None:
    assert reply_to(digits, {"id": 1, "name": "page", "body": {}})[0]["answer"] == {
        "page": "model",
        "name": "digits.rv",
    }
    assert reply_to(digits, {"id": 1, "name": "what", "body": {}})[0]["answer"]["live"] is False
    playground = Playground()
    assert reply_to(playground, {"id": 1, "name": "page", "body": {}})[0]["answer"]["page"] == "play"
    assert "spirals" in reply_to(playground, {"id": 1, "name": "options", "body": {}})[0]["answer"]["classes"]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"id": 1, "name": "__class__", "body": {}}, "no such question"),
        ({"id": 1, "name": "neuron", "body": {"path": "layers.0"}}, 'needs "neuron"'),
        ({"id": 1, "name": "answer", "body": {"row": 10**9}}, "There is no row"),
        ({"id": 1, "name": 3, "body": {}}, "has a name"),
        ({"id": 1, "name": "what", "body": []}, "has a name"),
        ("what", "has a name"),
        (None, "has a name"),
    ],
)
def test_what_is_no_question_gets_a_sentence(message: Any, sentence: str, digits: Subject) -> None:
    content, buffers = reply_to(digits, message)
    assert sentence in content["error"]
    assert "answer" not in content
    assert buffers == []


def test_the_page_asks_for_nothing_from_outside() -> None:
    page = notebook_page()
    assert page.startswith("<!doctype html>")
    assert not re.search(r"<(?:script|link|img)[^>]* (?:src|href)=", page)


def test_without_anywidget_there_is_a_sentence(digits: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "anywidget", None)
    with pytest.raises(InputError, match=r"ranvier\[notebook\]"):
        notebook_view(digits)


def test_a_widget_answers_its_page(digits: Subject) -> None:
    pytest.importorskip("anywidget", reason="install anywidget to make the widget itself")
    view = notebook_view(digits)
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._handle_custom_msg({"id": 5, "name": "metrics", "body": {}}, [])
    assert sent == [({"id": 5, "answer": QUESTIONS["metrics"](digits, {})}, [])]
