"""Make the report of `ranvier.train`: what was read, what the network is, how good it is on the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.context import SHOWN, ContextEncoder
from ranvier.data.encoders.decoding import class_indices
from ranvier.data.encoders.usual_range import are_far, usual_ranges
from ranvier.errors import TrainingError
from ranvier.model.evaluation import all_metrics, baseline_metrics, measured_levels, outputs_and_targets
from ranvier.model.language import evaluate_text, ngram_metrics, text_metrics
from ranvier.model.linear import linear_metrics
from ranvier.rows.row_names import rows_called
from ranvier.training import metrics
from ranvier.training.against_baseline import no_better_sentence
from ranvier.training.events import DataEvent
from ranvier.training.mistakes import worst_mistakes
from ranvier.training.report import TrainReport

if TYPE_CHECKING:
    from ranvier.data import Prepared
    from ranvier.model.model import Model
    from ranvier.network.network import Network
    from ranvier.network.task import Task
    from ranvier.recipes.recipe import Trained
    from ranvier.rows import Rows

Array = NDArray[Any]


def data_event(prepared: Prepared, network: Network) -> DataEvent:
    """What was read and what will be trained, known before training."""
    task = prepared.target.task
    parts = {"training": prepared.train, "validation": prepared.validation, "test": prepared.test}
    split = {name: 0 if part is None else len(part) for name, part in parts.items()}
    described = prepared.inference_encoder.describe()
    return DataEvent(
        origin=prepared.origin,
        task=task.kind,
        target=list(prepared.target.column_names),
        classes=list(task.classes),
        class_counts=_class_counts(prepared),
        rows=sum(split.values()),
        split=split,
        columns=[dict(zip(("name", "kind", "encoded", "note"), column, strict=True)) for column in described],
        notes=list(prepared.notes),
        inputs=network.inputs,
        layers=[layer.to_dict() for layer in network.summary().layers],
        parameters=network.parameter_count,
        positive=task.classes[1] if task.kind == "binary" else None,
    )


def train_report(
    read: DataEvent,
    model: Model,
    prepared: Prepared,
    trained: Trained,
    recipe: dict[str, Any],
    paths: dict[str, str | None],
    linear: Array | None = None,
) -> TrainReport:
    """The report of a training; a model whose outputs are not finite is kept, with a note and no metrics.

    Parameters:
        read: what was read.
        model, prepared, trained: the model, the rows, and how training went.
        recipe: the name and the parts of the recipe as they were used.
        paths: of the model, the run and the data.
        linear: what a linear model outputs for the rows that are measured; None where there is none.
    """
    parts = {name: getattr(read, name) for name in read.to_dict() if name not in ("kind", "version")}
    parts["notes"] = [*read.notes, *trained.notes]
    rows = prepared.validation_rows if prepared.test_rows is None else prepared.test_rows
    try:
        with rows_called(prepared.indexed, rows):
            measured = _evaluated(model, prepared)
    except TrainingError as error:
        measured = {"notes": [*parts["notes"], str(error)]}
    summary = trained.network.summary()
    ended = TrainReport(
        recipe=recipe["name"],
        recipe_settings={name: value for name, value in recipe.items() if name != "name"},
        epochs=len(model.history),
        best_epoch=model.best_epoch,
        seconds=model.history.total_seconds,
        engine=model.engine,
        members=list(trained.members),
        linear_baseline=linear_metrics(prepared, linear),
        temperature=trained.temperature,
        stop_reason=trained.stop_reason,
        interrupted=trained.interrupted,
    )
    parts |= {"layers": [layer.to_dict() for layer in summary.layers], "parameters": summary.parameters}
    return replace(ended, **{**parts, **measured, **paths})


def _class_counts(prepared: Prepared) -> dict[str, int]:
    """How many rows each class has, all parts together; empty where there are no classes."""
    task = prepared.target.task
    if not task.is_classifier:
        return {}
    parts = (prepared.train, prepared.validation, prepared.test)
    targets = np.concatenate([part.targets for part in parts if part is not None])
    counts = np.bincount(class_indices(task, targets), minlength=len(task.classes))
    shown = SHOWN if isinstance(prepared.encoder, ContextEncoder) else {}
    labels = (shown.get(str(label), str(label)) for label in task.classes)
    return {label: int(count) for label, count in zip(labels, counts, strict=True)}


def _evaluated(model: Model, prepared: Prepared) -> dict[str, Any]:
    """The metrics on the weighted test rows, or validation rows, next to the baseline; nothing without such rows.

    Raises:
        TrainingError: an output is not a finite number.
    """
    rows = prepared.evaluation_set
    if rows is None:
        return {}
    if isinstance(model.encoder, ContextEncoder):
        return _evaluated_text(model, rows, prepared)
    outputs: Array = model.outputs_of(rows.inputs)
    metrics.check_finite(outputs)
    targets: Array = rows.targets
    training: Array = prepared.train.targets
    if model.task.kind == "regression":
        values = model.target.values
        outputs, targets, training = values(outputs), values(targets), values(training)
    part = "validation" if prepared.test is None else "test"
    levels = measured_levels(model)
    measured = _measured(model.task, outputs, targets, rows.weights, training, prepared.train.weights, part, levels)
    findings = measured.pop("notes")
    if prepared.test is not None and prepared.test_names is not None:
        measured["worst_mistakes"] = worst_mistakes(model.task, outputs, targets, prepared.test_names)
    return {"evaluated_on": part, **measured, "findings": findings, "notes": [*prepared.notes, *findings]}


def _evaluated_text(model: Model, rows: Rows, prepared: Prepared) -> dict[str, Any]:
    """The metrics of a language model next to those of n-gram models."""
    part = "validation" if prepared.test is None else "test"
    values, baseline = text_metrics(model, rows), ngram_metrics(prepared.ngram_log_losses)
    best = baseline.get("log_loss")
    findings = []
    if best is not None and values["log_loss"] >= best:
        findings.append(
            f"On the {part} text the network is no better than an n-gram model: log loss {values['log_loss']:.3f} "
            f"against {best:.3f}. Give more text, or a larger effort."
        )
    return {
        "evaluated_on": part,
        "metrics": values,
        "baseline": baseline,
        "findings": findings,
        "notes": [*prepared.notes, *findings],
    }


def evaluation(model: Model, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, Any]:
    """Task, rows, metrics, baseline, the scores of each class and the most confused pair, as plain values.

    Parameters:
        X, y, sample_weight: as for `Model.evaluate`. The baseline is that of these rows.
    """
    if isinstance(model.encoder, ContextEncoder) and y is None:
        return evaluate_text(model, X)
    outputs, targets, weights = outputs_and_targets(model, X, y, sample_weight)
    measured = _measured(model.task, outputs, targets, weights, targets, weights, levels=measured_levels(model))
    return {"task": model.task.kind, "rows": len(outputs), **measured}


def _measured(
    task: Task,
    outputs: Array,
    targets: Array,
    weights: Array | None,
    baseline_targets: Array,
    baseline_weights: Array | None,
    part: str = "",
    levels: tuple[float, ...] = (),
) -> dict[str, Any]:
    """The metrics of outputs beside those of a baseline, which knows other targets, and notes; None where undefined.

    Parameters:
        part: what the rows are called.
        levels: of quantiles, of which the outputs are; empty for other outputs.
    """
    values = all_metrics(task, outputs, targets, weights, levels)
    classes = metrics.per_class(task, outputs, targets, weights)
    defined, undefined = metrics.with_undefined(task, values, classes, targets)
    baseline = baseline_metrics(task, (baseline_targets, baseline_weights), targets, weights, levels)
    usual = _usual_rows(task, targets, baseline_targets)
    usual_weights = None if weights is None else weights[usual]
    without = no_better = ""
    if not usual.all() and usual.any():
        without = _without_far(all_metrics(task, outputs[usual], targets[usual], usual_weights, levels), usual, part)
    if not levels:
        no_better = no_better_sentence(task, outputs[usual], targets[usual], baseline_targets, usual_weights, part)
    return {
        "metrics": defined,
        "baseline": {name: baseline.get(name) if value is not None else None for name, value in defined.items()},
        "per_class": classes,
        "most_confused_pair": metrics.most_confused(task, outputs, targets),
        "notes": [*([without] if without else []), *([no_better] if no_better else []), *undefined],
    }


def _usual_rows(task: Task, targets: Array, others: Array) -> NDArray[np.bool_]:
    """Which rows have no target far from all others, these rows' and those of training, (n,)."""
    if task.kind != "regression":
        return np.ones(len(targets), np.bool_)
    table, more = (np.asarray(values, np.float64).reshape(len(values), -1) for values in (targets, others))
    return np.asarray(~are_far(table, usual_ranges(np.concatenate([table, more]))).any(axis=1))


def _without_far(values: Mapping[str, float], usual: NDArray[np.bool_], part: str) -> str:
    """What the metrics would be without the rows whose target lies far from all others."""
    count = len(usual) - int(usual.sum())
    metrics_text = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    rows = f"{part} row".strip() + "s" * (count > 1)
    which = f"{count:,} {rows} whose targets lie" if count > 1 else f"one {rows} whose target lies"
    return f"The metrics are mostly those of the {which} far from all others; without: {metrics_text}."
