"""The one way from the name of a question to its answer, for the server, the notebook and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ranvier.errors import InputError
from ranvier.view.answers import QUESTIONS
from ranvier.view.live_run import LiveRun
from ranvier.view.question_source import QuestionSource
from ranvier.view.subject import Subject

ViewSubject: TypeAlias = Subject | LiveRun | QuestionSource
"""What questions are about: a model, a run that trains, or something with questions of its own."""


class UnknownQuestion(InputError):  # noqa: N818
    """A question of a name that there is not."""


def question_names(subject: ViewSubject) -> frozenset[str]:
    """The names of the questions about a subject."""
    return frozenset({"page", *(subject.names if isinstance(subject, QuestionSource) else QUESTIONS)})


def ask(subject: ViewSubject, name: str, body: Mapping[str, Any]) -> Any:
    """The answer to a question: JSON values, or a frame as bytes.

    Parameters:
        subject: what it is about.
        name: of the question.
        body: as it was sent, a JSON object.

    Raises:
        UnknownQuestion: there is none of this name.
        InputError: the body is not what the question needs, or there is no answer.
    """
    if name not in question_names(subject):
        raise UnknownQuestion("There is no such question.")
    if name == "page":
        return {"page": subject.page if isinstance(subject, QuestionSource) else "model", "name": subject.name}
    if isinstance(subject, QuestionSource):
        return subject.ask(name, body)
    return ask_model(subject, name, body)


def ask_model(subject: Subject | LiveRun, name: str, body: Mapping[str, Any]) -> Any:
    """The answer to one of `QUESTIONS`, about a model or the newest model of a run that trains."""
    if isinstance(subject, Subject):
        return _with_live(name, QUESTIONS[name](subject, body), live=False)
    with subject.lock:
        return _with_live(name, QUESTIONS[name](subject.subject(), body), live=subject.state != "ended")


def _with_live(name: str, answer: Any, live: bool) -> Any:
    """The answer to "what" says whether the model still changes."""
    return {**answer, "live": live} if name == "what" else answer
