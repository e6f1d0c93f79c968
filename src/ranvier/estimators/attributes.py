"""Attributes of a fitted estimator under the names that scikit-learn's own networks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ranvier.network.network import dense_layers
from ranvier.network.parameters import block_diagonal_weight
from ranvier.training.metrics import headline_metric_name

if TYPE_CHECKING:
    from ranvier.model.model import Model


class FittedAttributes:
    """The fitted attributes, computed from the model on access; before `fit` there are none.

    Attributes:
        coefs_, intercepts_: the weights (inputs, units) and biases (units,) of the dense layers. They act on encoded
            rows, `model_.inputs(X)`: standardized numbers, their linear spline basis where a recipe expands them, and
            one-hot categories. Weights between merged networks are 0.
        loss_curve_: the training loss of every epoch; loss_, best_loss_: the last and the smallest.
        validation_scores_, best_validation_score_: accuracy or R2 on the validation rows; None where there are none.
        n_iter_: the number of epochs, of all networks of a recipe together.
        n_layers_: the dense layers and the input layer; n_outputs_: the number of outputs; out_activation_: the
            activation of the output layer, "softmax", "sigmoid" or "identity".

    Raises:
        AttributeError: before `fit`.
    """

    model_: Model

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The weights of the dense layers, each (inputs, units)."""
        groups = [info.groups for info in dense_layers(self.model_.network)]
        return [
            block_diagonal_weight(weight, count) for weight, count in zip(self._of_dense("weight"), groups, strict=True)
        ]

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The biases of the dense layers, each (units,)."""
        return self._of_dense("bias")

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of every epoch."""
        losses: list[float] = self.model_.history.loss.tolist()
        return losses

    @property
    def loss_(self) -> float:
        """The training loss of the last epoch."""
        return self.loss_curve_[-1]

    @property
    def best_loss_(self) -> float:
        """The smallest training loss of an epoch."""
        return min(self.loss_curve_)

    @property
    def validation_scores_(self) -> list[float] | None:
        """Accuracy or R2 on the validation rows after every epoch."""
        name = headline_metric_name(self.model_.task)
        return [epoch.metrics[name] for epoch in self.model_.history if name in epoch.metrics] or None

    @property
    def best_validation_score_(self) -> float | None:
        """The best of the validation scores."""
        scores = self.validation_scores_
        return None if scores is None else max(scores)

    @property
    def n_iter_(self) -> int:
        """The number of epochs."""
        return self.model_.history[-1].epoch if self.model_.history else 0

    @property
    def n_layers_(self) -> int:
        """The number of dense layers, and one for the input layer."""
        return len(self._of_dense("weight")) + 1

    @property
    def n_outputs_(self) -> int:
        """The number of outputs."""
        return self.model_.network.outputs

    @property
    def out_activation_(self) -> str:
        """The name of the output layer's activation."""
        return self.model_.network.output_activation.name

    def _of_dense(self, what: str) -> list[NDArray[Any]]:
        """One parameter of every dense layer, in order; layers without it are left out."""
        model = self.model_
        named = [f"{info.path}.{what}" for info in dense_layers(model.network)]
        return [model.parameters[name] for name in named if name in model.parameters]
