"""Question: what a page asks with; QuestionSource: what it asks that is no single model, such as a folder of runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ranvier.errors import InputError


class Question(dict[str, Any]):
    """The body of a question: a JSON object whose entries are asked for by name.

    >>> Question(row=3)["path"]
    Traceback (most recent call last):
    ranvier.errors.InputError: The question needs 'path'.
    """

    def __missing__(self, name: str) -> Any:
        raise InputError(f"The question needs {name!r}.")


class QuestionSource(ABC):
    """Something with questions of its own.

    Attributes:
        name: for the page.
        page: which page of the frontend shows it.
        names: of its questions; others are not passed on.
    """

    name: str
    page: str
    names: frozenset[str]

    @abstractmethod
    def ask(self, name: str, body: dict[str, Any]) -> Any:
        """The answer to a question: JSON values, or a frame as bytes.

        Raises:
            InputError: the question cannot be answered, or lacks something.
        """

    def close(self) -> None:
        """End what works for it; a second time does nothing."""
        return
