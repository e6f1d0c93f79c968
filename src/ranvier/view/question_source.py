"""QuestionSource: what a page asks that is no single model, such as a folder of runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


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
    def ask(self, name: str, body: Mapping[str, Any]) -> Any:
        """The answer to a question: JSON values, or a frame as bytes.

        Raises:
            InputError: the question cannot be answered, or lacks something.
        """

    def close(self) -> None:
        """End what works for it; a second time does nothing."""
        return
