"""What a model says about the rows of a file, and what is true where the file tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.cli.console import plain
from ranvier.errors import InputError
from ranvier.records import record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ranvier.model.model import Model


def opened(model: Model, data: str) -> tuple[Any, Any]:
    """The rows of `data` as this model takes them, and their targets where plain arrays bring them along.

    Raises:
        InputError: a model trained on arrays was given a table.
    """
    from ranvier.data import Arrays, open_source

    source = open_source(data)
    if isinstance(source, Arrays):
        return (source.inputs if model.encoder is None else source), source.targets
    if model.encoder is None:
        raise InputError(
            f"{data} is a table with named columns, and this model was trained on plain arrays: "
            "give an NPZ or IDX file, or train with ranvier train."
        )
    return source, None


@record
class Answers:
    """Predictions for n rows.

    Fields: `names`, the target columns (one, or several for multilabel and regression); `predictions`, shape (n,) or
    (n, columns); `labels` and `probabilities` (n, labels), both None for regression.
    """

    names: tuple[str, ...]
    predictions: NDArray[Any]
    labels: tuple[Any, ...] | None
    probabilities: NDArray[np.float64] | None

    @classmethod
    def of(cls, model: Model, data: str) -> Answers:
        """Run the model over a file."""
        from ranvier.data.encoders.decoding import class_probabilities

        rows, _ = opened(model, data)
        outputs = model.outputs(rows)
        task, predictions = model.task, model.target.decode(outputs)
        if task.kind == "regression":
            return cls(task.target_names, predictions, None, None)
        labels = task.target_names if task.kind == "multilabel" else task.classes
        return cls(task.target_names, predictions, labels, class_probabilities(task, outputs))

    def records(self) -> list[dict[str, Any]]:
        """One record a row: "prediction" and, for classifiers, "probabilities" by label."""
        several = self.predictions.ndim == 2
        said = [dict(zip(self.names, row, strict=True)) if several else row for row in plain(self.predictions)]
        if self.probabilities is None or self.labels is None:
            return [{"prediction": answer} for answer in said]
        keys = [str(label) for label in self.labels]
        return [
            {"prediction": answer, "probabilities": dict(zip(keys, row, strict=True))}
            for answer, row in zip(said, plain(self.probabilities), strict=True)
        ]

    def columns(self, probabilities: bool) -> dict[str, Any]:
        """The answers as columns of a table: "prediction", or one a target, then one for each probability."""
        if self.predictions.ndim == 1:
            found: dict[str, Any] = {"prediction": plain(self.predictions)}
        else:
            found = {f"prediction_{name}": plain(self.predictions[:, at]) for at, name in enumerate(self.names)}
        if probabilities and self.probabilities is not None and self.labels is not None:
            for at, label in enumerate(self.labels):
                found[f"probability_{label}"] = plain(self.probabilities[:, at])
        return found
