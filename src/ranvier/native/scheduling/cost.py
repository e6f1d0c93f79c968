"""What a plan costs: FLOPs of a step, and how many threads pay."""

from __future__ import annotations

from dataclasses import replace

from ranvier.engine import CompileSpec
from ranvier.network.layers import Dense

SMALL_STEP = 400_000
"""FLOPs of a step below which a second thread costs more at the barriers than it saves."""
LARGE_STEP = 5_000_000
"""FLOPs of a step from which the time between its kernels, less than a microsecond, does not count."""
MIN_STEALING = 2_000_000
"""FLOPs of a step below which threads count chunks of work longer than they wait for a late one."""
SMALL_PREDICTION = 20_000_000
"""FLOPs of a prediction below which waking other threads takes longer than one thread needs for it."""
ELEMENTWISE_FLOPS = 20
"""FLOPs counted for an activation, a loss or an update of one number, beside the products."""
LONG = 2_000_000_000
"""FLOPs that may take one thread more than some 50 milliseconds."""


def spared(spec: CompileSpec, rows: int) -> int:
    """How many weights of CSR columns a step on so many rows does not read, if no two rows hold the same column.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> spared(CompileSpec(Network(100, [Dense(3)]), loss("squared_error"), SGD(), batch_size=1, mean_nnz=8), rows=2)
    252
    """
    if spec.mean_nnz is None:
        return 0
    first = spec.csr_layer
    return max(0, first.inputs - spec.n_dense - spec.mean_nnz * rows) * first.outputs


def row_products(spec: CompileSpec) -> int:
    """Multiplications for one row in all layers."""
    return spec.network.macs - spared(spec, 1)


def step_flops(spec: CompileSpec) -> int:
    """FLOPs of the products of one training step: forward, weight gradient and, but for the first layer, data gradient.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> step_flops(CompileSpec(Network(4, [Dense(3, "tanh"), Dense(2)]), loss("squared_error"), SGD(), batch_size=10))
    840
    """
    products, first = 0, True
    for info in spec.network.iter_layers():
        if isinstance(info.layer, Dense):
            products += (2 if first else 3) * 2 * info.macs
            first = False
    return (products - 4 * spared(spec, 1)) * spec.batch_size


def step_work(spec: CompileSpec) -> int:
    """FLOPs of a training step with what is beside the products: the update of every parameter, the values of rows."""
    values = sum(info.outputs for info in spec.network.iter_layers()) * spec.batch_size
    updated = spec.network.parameter_table.trainable_count - spared(spec, spec.batch_size)
    return step_flops(spec) + ELEMENTWISE_FLOPS * (updated + values)


def may_steal(spec: CompileSpec) -> bool:
    """Whether a step is so large that threads may take each other's work."""
    return step_work(spec) >= MIN_STEALING


def long_step(spec: CompileSpec) -> int:
    """From how many rows on a step may take one thread more than some 50 milliseconds.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> long_step(CompileSpec(Network(512, [Dense(512), Dense(512)]), loss("squared_error"), SGD(), batch_size=1))
    754
    """
    first, second = (step_work(replace(spec, batch_size=rows)) for rows in (1, 2))
    return max(1, -(-(LONG - (first - (second - first))) // (second - first)))


def long_prediction(spec: CompileSpec) -> int:
    """From how many rows on a prediction may take one thread more than some 50 milliseconds."""
    values = sum(info.outputs for info in spec.network.iter_layers())
    return -(-LONG // (2 * row_products(spec) + ELEMENTWISE_FLOPS * values))


def usable_threads(spec: CompileSpec, available: int) -> int:
    """How many of the available threads a spec may use."""
    return available if spec.threads is None else min(spec.threads, available)


def training_threads(spec: CompileSpec, available: int) -> int:
    """How many threads a training step is worth."""
    threads = usable_threads(spec, available)
    work = step_work(spec)
    return max(1, min(threads, spec.batch_size, work // SMALL_STEP + 1 if work >= SMALL_STEP else 1))
