"""A small network with rows; its loss and gradient are taken from a training step of the reference engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ranvier.engine import CompileSpec, Span, State
from ranvier.network.layers import Dense
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.network.penalties import penalty
from ranvier.reference import ReferenceEngine, activations, losses, network
from ranvier.reference.engine import ReferenceExecutable
from ranvier.rows import Rows
from tests.helpers import KINKS, Array, is_near_loss_kink, targets_for

ROWS, INPUTS, HIDDEN, OUTPUTS = 4, 2, 3, 2
SEED, STEP = 11, 5
MARGIN = 0.03


@dataclass(frozen=True, slots=True)
class Trial:
    """A network, a loss, weighted rows and parameters, at a training step with dropout and batch statistics."""

    executable: ReferenceExecutable
    rows: Rows
    parameters: Array
    l1: Array
    l2: Array

    def step(self, parameters: Array) -> tuple[float, Array]:
        """The loss plus penalties, and the gradient: the change of the parameters by SGD with learning rate 1."""
        self.executable.set_state(State(parameters, np.empty((0, parameters.size)), STEP))
        count = len(self.rows)
        loss = float(self.executable.run(self.rows, Span(np.arange(count), np.array([0, count]), np.ones((1, 1))))[0])
        table = self.executable.spec.network.parameter_table
        change = parameters - self.executable.get_state().parameters
        return loss + penalty(parameters, self.l1, self.l2), np.where(table.trainable_mask(), change, 0.0)

    def forward(self, parameters: Array) -> tuple[network.LayerRecord, ...]:
        """The records of the layers at this step."""
        spec = self.executable.spec
        mode = network.ForwardMode(batch_statistics=True, dropout=(SEED, STEP))
        views = spec.network.parameter_table.views(parameters)
        return network.forward(spec.network.layer_infos, views, self.rows.inputs.dense, mode)

    def loss(self, parameters: Array) -> float:
        """The loss plus penalties, from the forward pass alone; running statistics have no influence in training."""
        loss = self.executable.spec.loss
        last = self.forward(parameters)[-1]
        row_losses = losses.row_losses(loss, last.y if last.z is None else last.z, last.y, self.rows.targets)
        return losses.batch_loss(row_losses, self.rows.weights) + penalty(parameters, self.l1, self.l2)

    def gradient(self) -> Array:
        """The gradient at the parameters of the trial; asserts that the engine's loss equals `loss`."""
        loss, gradient = self.step(self.parameters)
        assert loss == self.loss(self.parameters)
        return gradient


def make_trial(layers: Any, loss: Loss, weighted: bool = True) -> Trial:
    """A trial with no value near a kink and few dead neurons, from the first seed that gives layer_record.

    Weights have sizes from 0.2 to 0.9 and both signs, so that the L1 penalty has no kink near either.
    """
    description = Network(INPUTS, layers)
    table = description.parameter_table
    l1, l2 = table.l1(), table.l2()
    executable = ReferenceEngine().compile(CompileSpec(description, loss, SGD(1.0), ROWS, weighted, seed=SEED))
    for seed in range(500):
        generator = np.random.default_rng(seed)
        parameters = generator.choice((-1.0, 1.0), table.size) * generator.uniform(0.2, 0.9, table.size)
        for entry in table:
            if entry.role == "running_var":
                parameters[entry.slice] = np.abs(parameters[entry.slice])
        inputs = generator.normal(size=(ROWS, INPUTS))
        targets = targets_for(loss, ROWS, description.outputs, generator)
        weights = generator.uniform(0.5, 2.0, ROWS) if weighted else None
        trial = Trial(executable, Rows(inputs, targets, weights), parameters, l1, l2)
        if not is_near_a_kink(trial):
            return trial
    raise AssertionError(f"no seed keeps {description} with {loss.name} away from the kinks")


def is_near_a_kink(trial: Trial) -> bool:
    """Whether a weighted sum is near a kink, an output near one of the loss, or most neurons of a layer are dead."""
    spec, records = trial.executable.spec, trial.forward(trial.parameters)
    for layer_record in network.walk(records):
        if isinstance(layer_record.info.layer, Dense) and layer_record.z is not None:
            activation = layer_record.info.layer.activation
            if any((np.abs(layer_record.z - kink) < MARGIN).any() for kink in KINKS.get(activation.name, ())):
                return True
            if activation.name in KINKS and (activations.derivative(activation, layer_record.z) != 0).mean() < 0.4:
                return True
    return is_near_loss_kink(spec.loss, records[-1].y, trial.rows.targets, MARGIN)
