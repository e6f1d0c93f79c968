"""A small network with rows, whose loss and gradient are read off the reference engine's own training step."""

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
from tests.helpers import KINKS, Array, near_loss_kink, targets_for

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
        """The loss plus penalties, and the gradient: what plain descent with a learning rate of 1 subtracts."""
        self.executable.set_state(State(parameters, np.empty((0, parameters.size)), STEP))
        count = len(self.rows)
        loss = float(self.executable.run(self.rows, Span(np.arange(count), np.array([0, count]), np.ones((1, 1))))[0])
        table = self.executable.spec.network.parameter_table
        moved = parameters - self.executable.get_state().parameters
        return loss + penalty(parameters, self.l1, self.l2), np.where(table.trainable_mask(), moved, 0.0)

    def forward(self, parameters: Array) -> tuple[network.Passed, ...]:
        """What the layers do at this step."""
        spec = self.executable.spec
        mode = network.Mode(batch_statistics=True, dropout=(SEED, STEP))
        views = spec.network.parameter_table.views(parameters)
        return network.forward(spec.network.layer_infos, views, self.rows.inputs.dense, mode)

    def loss(self, parameters: Array) -> float:
        """The loss plus penalties by the forward pass alone. Running statistics never change it while training."""
        chosen = self.executable.spec.loss
        last = self.forward(parameters)[-1]
        each = losses.row_losses(chosen, last.y if last.z is None else last.z, last.y, self.rows.targets)
        return losses.batch_loss(each, self.rows.weights) + penalty(parameters, self.l1, self.l2)

    def gradient(self) -> Array:
        """The gradient at the trial's own parameters, once the engine's loss is seen to be the one of `loss`."""
        loss, gradient = self.step(self.parameters)
        assert loss == self.loss(self.parameters)
        return gradient


def make_trial(layers: Any, loss: Loss, weighted: bool = True) -> Trial:
    """A trial that keeps away from every kink and is mostly alive; the first seed that gives one is taken.

    Weights have sizes from 0.2 to 0.9 and both signs, so that the L1 penalty has no kink near either.
    """
    described = Network(INPUTS, layers)
    table = described.parameter_table
    l1, l2 = table.l1(), table.l2()
    executable = ReferenceEngine().compile(CompileSpec(described, loss, SGD(1.0), ROWS, weighted, seed=SEED))
    for seed in range(500):
        generator = np.random.default_rng(seed)
        parameters = generator.choice((-1.0, 1.0), table.size) * generator.uniform(0.2, 0.9, table.size)
        for entry in table:
            if entry.role == "running_var":
                parameters[entry.slice] = np.abs(parameters[entry.slice])
        inputs = generator.normal(size=(ROWS, INPUTS))
        targets = targets_for(loss, ROWS, described.outputs, generator)
        weights = generator.uniform(0.5, 2.0, ROWS) if weighted else None
        trial = Trial(executable, Rows(inputs, targets, weights), parameters, l1, l2)
        if not tells_little(trial):
            return trial
    raise AssertionError(f"no seed keeps {described} with {loss.name} away from the kinks")


def tells_little(trial: Trial) -> bool:
    """Whether a weighted sum is near a kink, an output near one of the loss, or most neurons of a layer are dead."""
    spec, passed = trial.executable.spec, trial.forward(trial.parameters)
    for one in network.walk(passed):
        if isinstance(one.place.layer, Dense) and one.z is not None:
            chosen = one.place.layer.activation
            if any((np.abs(one.z - kink) < MARGIN).any() for kink in KINKS.get(chosen.name, ())):
                return True
            if chosen.name in KINKS and (activations.derivative(chosen, one.z) != 0).mean() < 0.4:
                return True
    return near_loss_kink(spec.loss, passed[-1].y, trial.rows.targets, MARGIN)
