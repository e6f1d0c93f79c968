"""What crosses the border to an engine: frozen records and plain arrays.

Letters: B rows of a batch, K inputs, N outputs, P parameters, S optimizer slots, H scalars a step, k steps.

With the precision "bfloat16" every operand of a product of matrices is rounded to bfloat16; `ranvier.engine.bfloat16`
says how, and how products are added up. Sums are float32, and so is everything else: parameters, biases, the
optimizer's slots, normalization, losses. In full:

- A weight W is rounded where products read it, x W and dz W'; the parameters themselves are not.
- What goes into a Dense is rounded where it is made, for everybody who reads it: the Dense, a residual block that adds
  it, and the slopes of relu, sigmoid and tanh, which follow from the output of a layer. Other slopes follow from the
  weighted sums, which are not rounded. `feeds_dense` says what goes into a Dense.
- The error dz of the weighted sums is rounded before x' dz and dz W'; the gradient of a bias is the sum of what was
  rounded.

Predictions round likewise, so that a model predicts as it was trained.
"""

from __future__ import annotations

from ranvier.errors import EngineError, InputError
from ranvier.network.constraints import MaxNorm
from ranvier.network.layer_info import LayerInfo
from ranvier.network.layers import Dense, LearnedScale, Rescale
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.records import record

COUNTERPARTS = {
    "focal": "binary_focal",
    "binary_focal": "focal",
    "categorical_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy": "categorical_cross_entropy",
}
"""The same loss for the other kind of probabilities: of one class or label, and of classes that add up to 1."""
PRECISIONS = ("float32", "float64", "bfloat16")


@record
class CompileSpec:
    """Everything that an engine specializes itself to.

    Fields:
        network, loss, optimizer: the records.
        batch_size: the rows of a full batch.
        weighted: whether rows carry weights.
        precision: "float32", "float64" or "bfloat16", which rounds as this file says. The reference engine computes in
            float64 whatever is asked for, and rounds to bfloat16 where it is.
        threads: how many threads may work; None takes RANVIER_THREADS, or every core. The result never depends on it.
        seed: of the dropout masks.
        mean_nnz: how many entries of the CSR block a row of the inputs has on average, at least 1; None where inputs
            are dense. With CSR columns a step moves those of their weights alone whose columns the batch holds; see
            `ranvier.reference.sparse`. The number decides how many threads work, not what comes out.
        n_dense: how many inputs, the first ones, are dense where there is a CSR block; without it all are.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    batch_size: int
    weighted: bool = False
    precision: str = "float32"
    threads: int | None = None
    seed: int = 0
    mean_nnz: int | None = None
    n_dense: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}.")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads!r}; it must be at least 1, or None for every core.")
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size!r}; it must be at least 1.")
        check_loss_activation(self.network, self.loss)
        if not 0 <= self.n_dense < self.network.inputs and (self.n_dense or self.sparse):
            raise InputError(
                f"{self.n_dense} of {self.network.inputs} inputs are dense beside a CSR block; it must have columns."
            )
        reader = self.csr_layer
        if self.sparse and not isinstance(reader.layer, Dense):
            allowed = f"an rv.Dense, or LearnedScale({self.n_dense}) before it" if self.n_dense else "an rv.Dense"
            raise InputError(
                f"The inputs are sparse rows and the first layer is {reader.layer!r}; make the first layer {allowed}, "
                "or give an array, X.toarray()."
            )
        groups = reader.groups
        if self.sparse and groups > 1:
            raise InputError(
                f"The inputs are sparse rows and the first layer has {groups} groups; make the first layer one without "
                "groups, or give an array, X.toarray()."
            )

        if self.sparse and isinstance(reader.layer, Dense) and isinstance(reader.layer.constraint, MaxNorm):
            raise InputError(
                "The inputs are sparse rows, of whose weights a step moves few, and the first layer limits the norms "
                "of all; leave its constraint out, use l2, or give an array, X.toarray()."
            )

    @property
    def dtype(self) -> str:
        """The format in which numbers are kept: NumPy and most processors have none for bfloat16."""
        return "float32" if self.precision == "bfloat16" else self.precision

    @property
    def input_layer(self) -> LayerInfo:
        """The layer that reads the inputs, which a Rescale before it scales while they are gathered."""
        first, *rest = self.network.layer_infos
        return rest[0] if rest and isinstance(first.layer, Rescale) else first

    @property
    def csr_layer(self) -> LayerInfo:
        """The layer that reads the CSR block: the first one but for factors of the dense block."""
        infos = self.network.layer_infos

        def scales_dense(info: LayerInfo) -> bool:
            return isinstance(info.layer, LearnedScale) and 0 < self.n_dense == info.layer.columns

        return next((info for info in infos if not scales_dense(info)), infos[-1])

    def output_width(self, info: LayerInfo) -> int:
        """How many columns a layer outputs: one that scales the dense block before a CSR block is read, those alone."""
        before = self.sparse and info.index < self.csr_layer.index
        return self.n_dense if before else info.outputs

    @property
    def sparse(self) -> bool:
        """Whether inputs have a CSR block."""
        return self.mean_nnz is not None

    @property
    def input_blocks(self) -> tuple[int, int]:
        """How many inputs are in the dense block, and how many in the CSR block."""
        n_dense = self.n_dense if self.sparse else self.network.inputs
        return n_dense, self.network.inputs - n_dense


def feeds_dense(info: LayerInfo) -> bool:
    """Whether what goes into a layer is an operand of a product: into a Dense, or a residual block that begins with it.

    >>> from ranvier.network.layers import LayerNorm, Residual
    >>> layers = [Residual([Dense(3), LayerNorm()]), Residual([LayerNorm(), Dense(3)])]
    >>> [feeds_dense(info) for info in Network(3, layers).layer_infos]
    [True, False]
    """
    return isinstance(info.layer, Dense) or (bool(info.children) and feeds_dense(info.children[0]))


def check_loss_activation(network: Network, loss: Loss) -> None:
    """Raise an `InputError` where a loss needs another output activation than the network has.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> check_loss_activation(Network(2, [Dense(3, "softmax")]), loss("categorical_cross_entropy"))
    """
    needed = {"logit": "sigmoid", "log_probability": "softmax"}.get(loss.applied_to)
    activation = network.output_activation.name
    if loss.levels and network.outputs % len(loss.levels):
        raise InputError(
            f"The loss {loss.name} has {len(loss.levels)} levels, and the network has {network.outputs} outputs; each "
            f"target needs {len(loss.levels)}, one for each level."
        )
    if needed and activation != needed:
        counterpart = COUNTERPARTS.get(loss.name) if activation in ("sigmoid", "softmax") else None
        other = "choose another loss" if counterpart is None else f'take the loss "{counterpart}"'
        units = max(network.outputs, 2) if needed == "softmax" else network.outputs
        raise InputError(
            f"The loss {loss.name} needs an output layer with the {needed} activation; this one has {activation}: "
            f"{other}, or make the last layer of your network rv.Dense({units}, {needed!r})."
        )


def check_separable(spec: CompileSpec) -> None:
    """Raise an `EngineError` where a step cannot be made in two halves, a gradient and an update by it.

    A step on CSR columns moves the weights of those columns alone that its batch holds, slots included. A gradient (P,)
    does not say which these are: an entry that is 0 may belong to a column that the batch holds.

    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.optimizers import SGD
    >>> check_separable(CompileSpec(Network(2, [Dense(1)]), loss("squared_error"), SGD(), batch_size=1))
    """
    if spec.optimizer.full_batch:
        raise EngineError(
            f"{spec.optimizer.name} trains on all rows at once; use loss_and_gradient in place of gradient and apply."
        )
    if spec.sparse:
        raise EngineError(
            "The inputs have CSR columns, of whose weights a step moves those that its batch holds, and a gradient "
            "does not say which; use run, or compile for dense inputs, mean_nnz=None."
        )
