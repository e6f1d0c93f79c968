"""What lowering gives: steps, their buffers, and what each layer leaves; and what a plan can be for."""

from __future__ import annotations

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import LoweredRule
from ranvier.native.lowering.steps import Step, Trained
from ranvier.records import record

TRAIN, STEP_GRADIENT, UPDATE = "train", "step_gradient", "update"
"""What a plan is for: steps of training, or their two halves: the gradient of a step, and the update by a gradient."""
GRADIENT, PREDICT, WATCH = "gradient", "predict", "watch"
"""What else a plan is for: one gradient over all rows, outputs only, or what every layer computes."""
INPUT_GRADIENT, LOGIT_GRADIENT = "input_gradient", "logit_gradient"
"""And for the derivatives of outputs, or of the weighted sums of the output layer, along the inputs of each row."""
INPUT_JACOBIAN, LOGIT_JACOBIAN = "input_jacobian", "logit_jacobian"
"""The same of every output: one pass forward, and one back for each."""
INPUT_GRADIENTS = (INPUT_GRADIENT, LOGIT_GRADIENT, INPUT_JACOBIAN, LOGIT_JACOBIAN)
STEPS = (TRAIN, STEP_GRADIENT, UPDATE)
LEARNING = (*STEPS, GRADIENT)

ROUNDED, TRANSPOSED = "rounded", "transposed"
"""What products read in place of a weight, or beside it; they stand before its name, and slots behind it."""


def batch_statistic(running: str) -> str:
    """The name of the buffer for a statistic of the batch, by that of the running one.

    >>> batch_statistic("layers.1.running_mean")
    'layers.1.batch_mean'
    """
    path, _, name = running.rpartition(".")
    return f"{path}.{name.replace('running', 'batch')}"


@record
class Lowered:
    """What is computed for one purpose, whoever computes it.

    Fields:
        spec, purpose: what for.
        steps: in an order in which they can run one after the other.
        buffers: the memory they work on, by index.
        trained: the trained pieces of the state.
        layers: (path, weighted sums or None, outputs) of every layer, depth first.
        rule: how trained numbers move; None where they do not.
    """

    spec: CompileSpec
    purpose: str
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    trained: tuple[Trained, ...]
    layers: tuple[tuple[str, Buffer | None, Buffer], ...]
    rule: LoweredRule | None

    @property
    def learns(self) -> bool:
        """Whether there is a backward pass."""
        return self.purpose in LEARNING
