"""Hyper-parameters: numbers with names in the records of steps, not numbers inside formulas.

What changes from step to step is read as the code runs, from a row of scalars for each step: the learning rate, the
corrections of moving averages, the rate of the averaged parameters; `UpdateRule.scalars` lists them. What stays the
same all through a training is a `Scalar`: decay rates of moments, momentum, epsilon and the limit of single gradients
(`LoweredRule.numbers`), weight decay, l1, l2, the dropout rate, label smoothing and the limit of the norm. It is read
from that row, too (`scheduling/binding.py`), so that trainings that differ in these numbers share their code.
"""

from __future__ import annotations

from ranvier.network.optimizers import UpdateRule
from ranvier.records import record


@record
class Scalar:
    """A hyper-parameter: its name, such as "layers.1.rate" or "beta1", and its value.

    Once it is bound, it has a `position` in the row of numbers of each step, and no value here any more.
    """

    name: str
    value: float | None
    position: int = -1


@record
class LoweredRule:
    """The update of a trained number.

    Fields: `formula`, in which `numbers` are variables of these names; `decay`, the weight decay, which is the variable
    "decay" for numbers that decay, and 0 for others.
    """

    formula: UpdateRule
    numbers: tuple[Scalar, ...]
    decay: Scalar
