"""What a plan costs: FLOPs of a step, and how many threads pay."""

from __future__ import annotations

from dataclasses import replace

from ranvier.engine.problem import Problem
from ranvier.network.layers import Dense

SMALL_STEP = 400_000
"""FLOPs of a step below which a second thread costs more at the barriers than it saves."""
SMALL_PREDICTION = 20_000_000
"""FLOPs of a prediction below which waking other threads takes longer than one thread needs for it."""
ELEMENTWISE_FLOPS = 20
"""FLOPs counted for an activation, a loss or an update of one number, beside the products."""
LONG = 2_000_000_000
"""FLOPs that may take one thread more than some 50 milliseconds."""


def spared(problem: Problem, rows: int) -> int:
    """How many weights of CSR columns a step on so many rows does not read, if no two rows hold the same column.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> spared(Problem(Network(100, [Dense(3)]), loss("squared_error"), SGD(), batch_size=1, mean_nnz=8), rows=2)
    252
    """
    if problem.mean_nnz is None:
        return 0
    first = problem.network.layer_infos[0]
    return max(0, first.inputs - problem.n_dense - problem.mean_nnz * rows) * first.outputs


def row_products(problem: Problem) -> int:
    """Multiplications for one row in all layers."""
    return problem.network.macs - spared(problem, 1)


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
    for info in problem.network.iter_layers():
        if isinstance(info.layer, Dense):
            products += (2 if first else 3) * 2 * info.macs
            first = False
    return (products - 4 * spared(problem, 1)) * problem.batch_size


def step_work(problem: Problem) -> int:
    """FLOPs of a training step with what is beside the products: the update of every parameter, the values of rows."""
    values = sum(info.outputs for info in problem.network.iter_layers()) * problem.batch_size
    updated = problem.network.parameter_count - spared(problem, problem.batch_size)
    return step_flops(problem) + ELEMENTWISE_FLOPS * (updated + values)


def long_step(problem: Problem) -> int:
    """From how many rows on a step may take one thread more than some 50 milliseconds.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> long_step(Problem(Network(512, [Dense(512), Dense(512)]), loss("squared_error"), SGD(), batch_size=1))
    754
    """
    first, second = (step_work(replace(problem, batch_size=rows)) for rows in (1, 2))
    return max(1, -(-(LONG - (first - (second - first))) // (second - first)))


def long_prediction(problem: Problem) -> int:
    """From how many rows on a prediction may take one thread more than some 50 milliseconds."""
    values = sum(info.outputs for info in problem.network.iter_layers())
    return -(-LONG // (2 * row_products(problem) + ELEMENTWISE_FLOPS * values))


def training_threads(problem: Problem, available: int) -> int:
    """How many threads a training step is worth."""
    threads = available if problem.threads is None else min(problem.threads, available)
    work = step_work(problem)
    return max(1, min(threads, problem.batch_size, work // SMALL_STEP + 1 if work >= SMALL_STEP else 1))
