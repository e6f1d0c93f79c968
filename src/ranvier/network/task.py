"""The prediction task: binary or multiclass classification, multilabel classification, or regression."""

from __future__ import annotations

from typing import Any

from ranvier.errors import InputError
from ranvier.network.renamed import renamed_task
from ranvier.records import record

USUAL_THRESHOLD = 0.5
KINDS = ("binary", "multiclass", "multilabel", "regression")
Label = str | int | float | bool


@record
class Task:
    """The target of a network, and how outputs map to predictions.

    Fields:
        kind: "binary" (one output, the probability of the second class), "multiclass" (one output per class),
            "multilabel" (one output per label) or "regression" (one output per target).
        outputs: the number of outputs.
        classes: the class labels in output order (binary: negative, positive); empty for the other kinds.
        target_names: the names of the target columns.
        threshold: the probability from which on a binary task predicts its second class.

    >>> Task("binary", 1, classes=("no", "yes"), target_names=("income",)).outputs
    1
    """

    kind: str
    outputs: int
    classes: tuple[Label, ...] = ()
    target_names: tuple[str, ...] = ()
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"The task is {self.kind!r}; it must be one of {', '.join(KINDS)}.")
        expected = {"binary": 2, "multiclass": self.outputs}.get(self.kind, 0)
        if len(self.classes) != expected:
            raise InputError(
                f"A {self.kind} task with {self.outputs} outputs has {expected} classes; "
                f"{len(self.classes)} were given."
            )
        if not 0.0 < self.threshold < 1.0:
            raise InputError(f"The threshold is {self.threshold!r}; it must lie between 0 and 1.")

    @property
    def is_classifier(self) -> bool:
        """Whether a prediction is one of several classes."""
        return self.kind in ("binary", "multiclass")

    def to_dict(self) -> dict[str, Any]:
        """The task as JSON values."""
        names = {"classes": list(self.classes), "target_names": list(self.target_names)}
        threshold = {} if self.threshold == USUAL_THRESHOLD else {"threshold": self.threshold}
        return {"kind": self.kind, "outputs": self.outputs, **names, **threshold}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Task:
        """The task that `to_dict` wrote."""
        values = renamed_task(data)
        threshold = float(values.get("threshold", USUAL_THRESHOLD))
        names = (tuple(values["classes"]), tuple(values["target_names"]))
        return cls(values["kind"], int(values["outputs"]), *names, threshold)
