"""What a network is asked to say: a class, one of two, several labels, or numbers."""

from __future__ import annotations

from typing import Any

from ranvier.errors import InputError
from ranvier.records import record

KINDS = ("binary", "classes", "multilabel", "regression")
Label = str | int | float | bool


@record
class Task:
    """The kind of answer, and how outputs map to it.

    Fields:
        kind: "binary" (one output, the probability of the second class), "classes" (one output a class),
            "multilabel" (one output a label, each present or not) or "regression" (one output a number).
        outputs: the number of outputs.
        classes: the class labels in output order (binary: negative, positive); empty for the other kinds.
        names: the names of the target columns.

    >>> Task("binary", 1, classes=("no", "yes"), names=("income",)).outputs
    1
    """

    kind: str
    outputs: int
    classes: tuple[Label, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"The task is {self.kind!r}; it must be one of {', '.join(KINDS)}.")
        expected = {"binary": 2, "classes": self.outputs}.get(self.kind, 0)
        if len(self.classes) != expected:
            raise InputError(
                f"A {self.kind} task with {self.outputs} outputs has {expected} classes; "
                f"{len(self.classes)} were given."
            )

    @property
    def classifies(self) -> bool:
        """Whether an answer is one of several classes."""
        return self.kind in ("binary", "classes")

    def to_dict(self) -> dict[str, Any]:
        """The task as plain JSON values."""
        return {"kind": self.kind, "outputs": self.outputs, "classes": list(self.classes), "names": list(self.names)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Task:
        """The task that `to_dict` wrote."""
        return cls(data["kind"], int(data["outputs"]), tuple(data["classes"]), tuple(data["names"]))
