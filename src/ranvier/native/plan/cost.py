"""What a plan costs: FLOPs of a step, and how many threads are worth waking."""

from __future__ import annotations

from ranvier.engine.problem import Problem
from ranvier.network.layers import Dense

SMALL_STEP = 400_000
"""FLOPs of a step below which a second thread costs more at the barriers than it brings."""
SMALL_PREDICTION = 20_000_000
"""FLOPs of a prediction below which waking other threads takes longer than doing it."""
ELEMENTWISE = 20
"""FLOPs counted for an activation, a loss or an update of one number, beside the products."""


def spared(problem: Problem, rows: int) -> int:
    """How many weights of the first layer so many sparse rows leave alone, if no two hold the same input.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> spared(Problem(Network(100, [Dense(3)]), loss("squared_error"), SGD(), batch_size=1, entries=8), rows=2)
    252
    """
    if problem.entries is None:
        return 0
    first = problem.network.placed[0]
    return max(0, first.inputs - problem.entries * rows) * first.outputs


def row_products(problem: Problem) -> int:
    """The products that a row takes through all layers."""
    return problem.network.multiplications - spared(problem, 1)


def step_flops(problem: Problem) -> int:
    """FLOPs of the products of one training step: forward, weight gradient and, but for the first layer, data gradient.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> step_flops(Problem(Network(4, [Dense(3, "tanh"), Dense(2)]), loss("squared_error"), SGD(), batch_size=10))
    840
    """
    products, first = 0, True
    for place in problem.network.walk():
        if isinstance(place.layer, Dense):
            products += (2 if first else 3) * 2 * place.multiplications
            first = False
    return (products - 4 * spared(problem, 1)) * problem.batch_size


def training_threads(problem: Problem, available: int) -> int:
    """How many threads a training step is worth.

    Counts what is beside the products, too: the update of every parameter and the values of every row.
    """
    wanted = available if problem.threads is None else min(problem.threads, available)
    values = sum(place.outputs for place in problem.network.walk()) * problem.batch_size
    moved = problem.network.parameter_count - spared(problem, problem.batch_size)
    work = step_flops(problem) + ELEMENTWISE * (moved + values)
    return max(1, min(wanted, problem.batch_size, work // SMALL_STEP + 1 if work >= SMALL_STEP else 1))
