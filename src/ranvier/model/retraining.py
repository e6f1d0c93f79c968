"""Importances by retraining: networks like that of a model, trained side by side with and without each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from ranvier.data import TargetEncoder, open_source, prepare
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.errors import InputError
from ranvier.explain.blocks import InputBlock, input_blocks
from ranvier.explain.grouping import column_groups
from ranvier.explain.importance import Importances, Score
from ranvier.explain.left_out_columns import retrained_importances, without_columns
from ranvier.model.evaluation import inputs_and_targets
from ranvier.model.measured_rows import measured_rows
from ranvier.model.predictor import Predictor
from ranvier.model.reading import reading_of
from ranvier.model.ready_data import ReadyData, weighted_rows
from ranvier.model.rows import left_apart
from ranvier.model.trained_predictor import TrainedPredictor
from ranvier.network.network import Network
from ranvier.random import SEED_RANGE
from ranvier.recipes.ensemble import trainings_at_once
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.registry import recipe as find_recipe
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.training.inference import outputs_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.side_by_side import run_side_by_side

Array = NDArray[Any]
RECIPES = ("table", "plain")
"""Recipes whose columns can be left out."""
KEPT = ("hidden", "activation", "dropout")
"""What networks have in common with those of the model, besides the recipe."""
HELD_FRACTION = 0.2
"""The fraction of the training rows that decide when to stop."""


@record(eq=False)
class _Retraining:
    """What all trainings share.

    Fields:
        network, settings: what is trained, and how.
        target, encoder: how targets and rows are encoded; None for inputs that come as arrays.
        learned, validation: the rows; None where nothing looks at validation rows.
    """

    network: Network
    settings: TrainSettings
    target: TargetEncoder
    encoder: Any
    learned: Rows
    validation: Rows | None

    def outputs(self, left_out: Sequence[InputBlock], seed: int, measured: Inputs, stop: Callable[[], bool]) -> Array:
        """The outputs for rows, (n, N), of a network that was trained without some columns."""
        settings = replace(self.settings, seed=seed, threads=1)
        learned, validation = (
            None if part is None else replace(part, inputs=without_columns(part.inputs, left_out))
            for part in (self.learned, self.validation)
        )
        assert learned is not None
        result = run_training(
            self.network, settings, self.target.task, learned, validation, target=self.target, stop_requested=stop
        )
        flat = final_parameters(result.outcome.state, settings.optimizer, self.network)
        return outputs_of(self.network, settings, flat, without_columns(measured, left_out))


def importances_by_retraining(
    model: TrainedPredictor,
    training_rows: Any,
    measured: tuple[Any, Any, Any],
    groups: Any,
    score: Score,
    *,
    repeats: int,
    seed: int,
) -> Importances:
    """How much worse networks predict that were trained without each column; see `Model.importances`.

    Parameters:
        training_rows: as `retrain_on` there.
        measured: the rows that it is measured on: X, y and the weights.
        groups, score, repeats, seed: as there.

    Raises:
        InputError: the rows cannot be used, or the model is not of a table or of arrays.
        KeyboardInterrupt: Ctrl-C came.
    """
    retraining = _on_arrays(model, training_rows) if model.encoder is None else _on_table(model, training_rows, seed)
    reader = Predictor(
        retraining.network,
        retraining.target,
        retraining.network.parameter_table.initial(seed),
        training=retraining.settings,
        encoder=retraining.encoder,
        byte_divisor=model.byte_divisor,
    )
    inputs, targets, weights = measured_rows(reader, *measured)
    blocks = input_blocks(retraining.encoder, inputs.n_dense, inputs.n_csr)
    parts = column_groups(blocks, groups, inputs)
    left_out = [(), *(part.blocks for part in parts)]
    seeds = [(seed + repeat) % SEED_RANGE for repeat in range(repeats)]
    jobs = [partial(retraining.outputs, columns, of_seed, inputs) for of_seed in seeds for columns in left_out]
    at_once = trainings_at_once(retraining.network, retraining.settings, len(jobs), retraining.learned)
    outputs, interrupted = run_side_by_side(jobs, at_once)
    if interrupted:
        raise KeyboardInterrupt
    by_seed: Any = [outputs[first : first + len(left_out)] for first in range(0, len(jobs), len(left_out))]
    measure = replace(score, target=retraining.target)
    return retrained_importances(by_seed, targets, parts, measure, weights)


def _on_arrays(model: TrainedPredictor, training_rows: Any) -> _Retraining:
    """The network and the settings of a model that was trained on arrays."""
    X, y, sample_weight = _triple(training_rows)
    inputs, targets, weights = inputs_and_targets(model, X, y, sample_weight, "importances")
    rows = Rows(inputs.in_memory(), targets, weights)
    settings = model.training.on(rows.inputs)
    if not settings.callbacks:
        return _Retraining(model.network, settings, model.target, None, rows, None)
    parts = left_apart(rows, HELD_FRACTION, settings.seed, model.task)
    if parts is None:
        raise InputError(f"retrain_on has {len(rows)} rows, which are too few to keep some for validation; give more.")
    return _Retraining(model.network, settings, model.target, None, *parts)


def _on_table(model: TrainedPredictor, training_rows: Any, seed: int) -> _Retraining:
    """One network of the recipe of a model that was trained on a table, and the rows as that recipe encodes them."""
    report = model.report
    if report.recipe not in RECIPES or not row_encoder(model.encoder).encoders:
        raise InputError(
            "Networks can be trained without a column for models of arrays and of tables alone; leave retrain_on out."
        )
    X, labels, sample_weight = training_rows, list(report.target), None
    if isinstance(training_rows, tuple):
        X, labels, sample_weight = _triple(training_rows)
    options = TrainOptions(
        target=tuple(report.target) if isinstance(labels, list) else None,
        kinds={column["name"]: column["kind"] for column in report.columns},
        **{name: report.recipe_settings[name] for name in KEPT if name in report.recipe_settings},
        seed=seed,
        engine=model.training.engine,
        precision=model.training.precision,
    )
    recipe = find_recipe(report.recipe)
    options = recipe.complete(options)
    prepared = prepare(
        open_source(X, reading=reading_of(options)),
        target=labels,
        task=model.task.kind,
        validation=HELD_FRACTION,
        test=0.0,
        seed=seed,
        kinds=options.kinds,
        weight=sample_weight,
        features=recipe.features(),
        loss=model.training.loss if model.target.levels else None,
        dtype=model.training.row_dtype,
    )
    task, learned, validation = weighted_rows(prepared, options)
    recipe = recipe.bound(prepared.encoder, options, len(learned))
    ready = ReadyData(recipe, options, prepared, task, learned, validation)
    network, settings = ready.network_and_settings(options, ())
    return _Retraining(network, settings, prepared.target, prepared.encoder, learned, validation)


def _triple(training_rows: Any) -> tuple[Any, Any, Any]:
    if not isinstance(training_rows, tuple) or len(training_rows) not in (2, 3):
        raise InputError(
            f"retrain_on is {type(training_rows).__name__}; give the training rows as a tuple (X, y) or "
            "(X, y, sample_weight), or of a model of a table as a table or file that holds the target."
        )
    return training_rows if len(training_rows) == 3 else (*training_rows, None)
