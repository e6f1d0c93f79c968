"""Hyper-parameters: numbers with names in the records of steps, not numbers inside formulas.

What changes from step to step is read as the code runs, from a row of scalars for each step: the learning rate, the
corrections of moving averages, the rate of the averaged parameters; `UpdateRule.scalars` lists them. What stays the
same all through a training is a `Scalar`: decay rates of moments, momentum, epsilon and the limit of single gradients
(`LoweredRule.numbers`), weight decay, l1, l2, the dropout rate and the limit of the norm. `scheduling/binding.py` makes
constants of all of these, so that compiled code computes with them at no cost; code that serves many members with
numbers of their own would read them there.
"""

from __future__ import annotations

from ranvier.network.optimizers import UpdateRule
from ranvier.records import record


@record
class Scalar:
    """A hyper-parameter: its name, such as "layers.1.rate" or "beta1", and its value."""

    name: str
    value: float


@record
class LoweredRule:
    """The update of a trained number.

    Fields: `formula`, in which `numbers` are variables of these names; `decay`, the weight decay, which is the variable
    "decay" for numbers that decay, and 0 for others.
    """

    formula: UpdateRule
    numbers: tuple[Scalar, ...]
    decay: Scalar
