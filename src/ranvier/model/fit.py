"""fit: train a network on arrays. The one place where network, rows, engine and loop are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ranvier.data import TargetEncoder
from ranvier.display.progress import sink_for
from ranvier.engine import State
from ranvier.errors import InputError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.calibrated import held_out_by
from ranvier.model.fit_options import FitOptions
from ranvier.model.model import Model
from ranvier.model.parameters import flat_parameters
from ranvier.model.rows import prepare_rows
from ranvier.model.targets import column_names, infer_target, target_array
from ranvier.network.losses import Loss
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.schedules import Schedule
from ranvier.network.schedules import schedule as find_schedule
from ranvier.rows import Rows, as_inputs
from ranvier.training.callbacks import as_callbacks
from ranvier.training.conformal import conformal_of
from ranvier.training.epoch_metrics import as_metrics
from ranvier.training.events import Sink
from ranvier.training.loop import final_parameters
from ranvier.training.runner import ALONE, SharedResources, run_training
from ranvier.training.settings import TrainSettings, default_loss
from ranvier.training.state import TrainingState


@in_usual_mode
def fit(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer = "adam",
    schedule: str | Schedule = "constant",
    epochs: int = 10,
    batch_size: int = 32,
    validation: Any = None,
    callbacks: Sequence[Any] = (),
    metrics: Sequence[Any] = (),
    seed: int = 0,
    engine: str = "auto",
    precision: str = "float32",
    threads: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    shuffle: bool = True,
    progress: Any = None,
    checkpoint: str | Path | None = None,
    start: Model | Mapping[str, Any] | None = None,
) -> Model:
    """Train a network by gradient descent on rows X with targets y.

    Formula: w <- w - learning rate * d L / d w for each batch, or the optimizer's variant of it, where L is the
    weighted mean over the batch's rows of the loss.

    Parameters:
        network: what to train.
        X: inputs, shape (rows, inputs), numbers. Bytes (uint8) are kept as bytes and mean 0 to 255; `rv.Rescale(1/255)`
            as the first layer scales them. A matrix of scipy.sparse is never filled up with zeros: the first layer, an
            `rv.Dense`, costs what the entries cost, and a step moves its weights, and their optimizer state, for those
            inputs alone that the batch holds.
        y: labels (rows,), rows of class probabilities such as one-hot ones, 0/1 label rows, or numbers (rows,) or
            (rows, outputs). Of several numbers or 0/1 labels of a row some may be NaN: they do not count, and the loss
            of the row is the mean over the others. A data frame of several targets gives them their names.
        loss: a name or record; None takes cross-entropy for softmax and sigmoid outputs, squared error otherwise.
        optimizer, schedule: names or records.
        epochs: passes over the rows.
        batch_size: rows per step; 1 is stochastic, the number of rows full-batch gradient descent.
        validation: a fraction of the rows, which are not trained on, or (X, y) or (X, y, weights); None for none.
        callbacks: such as `EarlyStopping(patience=5)`, or functions of a `EpochContext`.
        metrics: what else to measure on the validation rows after every epoch: names ("f1", "auc", "log_loss"; "rmse",
            "mae"), functions (y_true, y_pred) -> float or `rv.metric` records; "training_accuracy" and its like measure
            up to 1024 training rows.
        seed: of initial weights, shuffling and dropout; the same seed gives the same bits.
        engine: "auto", "native" or "reference".
        precision: "float32", "float64" or "bfloat16"; `ranvier.engine.compile_spec` says what the last one rounds. It
            is faster on AMD's processors with a dot product for it (AVX-512 BF16), elsewhere no faster; the
            bits are the same. The reference engine computes in float64 and rounds to bfloat16 where that is asked for.
        threads: how many may work; None for RANVIER_THREADS, or every core. The result never depends on it.
        sample_weight: one weight a row.
        class_weight: "balanced" or a dictionary of label to weight.
        shuffle: whether every epoch sees the rows in a new order.
        progress: None shows progress on a terminal, True always, False never; or a function that takes events.
        checkpoint: a folder to save the training state in. Calling again with the same arguments goes on from there;
            with more epochs it trains longer.
        start: the parameters to begin with, name -> array, or a model that has them; None draws them by the seed. The
            optimizer begins with an empty state.

    Returns a new model, and leaves the network as it is; after Ctrl-C the model trained so far.

    Raises:
        InputError: an argument, X or y cannot be used as it is.
        TrainingError: the loss or a parameter is no longer a finite number.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 1986.

    >>> import numpy as np
    >>> from ranvier.network.layers import Dense
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> network = Network(inputs=2, layers=[Dense(8, "tanh"), Dense(2, "softmax")])
    >>> model = fit(network, X, [0, 1, 1, 0], epochs=300, batch_size=4, optimizer="adam", engine="reference")
    >>> model.predict(X).tolist()
    [0, 1, 1, 0]
    """
    options = FitOptions(
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation,
        callbacks=callbacks,
        metrics=metrics,
        seed=seed,
        engine=engine,
        precision=precision,
        threads=threads,
        sample_weight=sample_weight,
        class_weight=class_weight,
        shuffle=shuffle,
        checkpoint=checkpoint,
        start=start,
    )
    target = network_target(network, target_array(y), loss, column_names(y))
    training = train_settings(network, target, options)
    rows, validation_rows = encoded_rows(network, target, X, y, options, training)
    return fit_rows(network, target, training, rows, validation_rows, options, sink_for(progress))


def network_target(network: Network, labels: Any, loss: str | Loss | None, names: tuple[str, ...]) -> TargetEncoder:
    """The encoder of the targets of a network.

    Parameters:
        network: as for `fit`.
        labels, names: targets as `target_array` gives them, and their names; empty to number them.
        loss: as for `fit`.
    """
    if not isinstance(network, Network):
        raise InputError(
            f"fit was given {str(network)[:60]!r}; it takes a network, rv.Network(inputs=..., layers=[...])."
        )
    return infer_target(network, labels, None if loss is None else find_loss(loss), names)


def train_settings(network: Network, target: TargetEncoder, options: FitOptions) -> TrainSettings:
    """The settings of a training."""
    return TrainSettings(
        loss=default_loss(network, target.task) if options.loss is None else find_loss(options.loss),
        optimizer=find_optimizer(options.optimizer),
        schedule=find_schedule(options.schedule),
        callbacks=as_callbacks(options.callbacks),
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        engine=options.engine,
        precision=options.precision,
        threads=options.threads,
        shuffle=options.shuffle,
    )


def encoded_rows(
    network: Network, target: TargetEncoder, X: Any, y: Any, options: FitOptions, training: TrainSettings
) -> tuple[Rows, Rows | None]:
    """The training and validation rows of X and y as the network reads them."""
    return prepare_rows(
        lambda X: as_inputs(X, network.inputs, finite=True),
        target,
        X,
        y,
        options.validation,
        options.sample_weight,
        options.class_weight,
        training.seed,
        training.loss,
        training.row_dtype,
    )


def fit_rows(
    network: Network,
    target: TargetEncoder,
    training: TrainSettings,
    rows: Rows,
    validation: Rows | None,
    options: FitOptions,
    sink: Sink,
    *,
    stop_requested: Callable[[], bool] | None = None,
    shared: SharedResources = ALONE,
) -> Model:
    """Train a network on encoded rows.

    Parameters:
        network, target: what is trained, and the encoder of its targets.
        training, rows, validation, options: what the two functions above give and take.
        sink: takes the events.
        stop_requested, shared: as for `run_training`.
    """
    training = training.on(rows.inputs)
    begin = None if options.start is None else _starting_state(network, training.optimizer, options.start)
    result = run_training(
        network,
        training,
        target.task,
        rows,
        validation,
        state=begin,
        sinks=(sink,),
        checkpoint=options.checkpoint,
        target=target,
        metrics=as_metrics(options.metrics),
        stop_requested=stop_requested,
        shared=shared,
    )
    outcome = result.outcome
    return build_model(network, target, training, outcome.state, result.engine, validation, outcome.held_outputs)


def _starting_state(network: Network, optimizer: Optimizer, start: Model | Mapping[str, Any]) -> TrainingState:
    flat = flat_parameters(network, start.parameters if isinstance(start, Model) else start)
    flat = network.parameter_table.constrained(flat)
    return TrainingState(State.before_training(flat, optimizer))


def build_model(
    network: Network,
    target: TargetEncoder,
    training: TrainSettings,
    state: TrainingState,
    engine: str,
    validation: Rows | None = None,
    held_outputs: Any = None,
) -> Model:
    """The model that a run of an engine gives, by the state at its end.

    Parameters:
        validation: rows that it was not trained on, which calibrate it.
        held_outputs: its outputs for these, (n, N); None computes them.
    """
    flat = final_parameters(state, training.optimizer, network)
    model = Model(network, target, flat, training=training, state=state, engine=engine)
    if validation is not None:
        model.conformal = conformal_of(target, held_out_by(model, validation, held_outputs))
    return model
