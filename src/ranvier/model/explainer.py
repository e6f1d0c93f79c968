"""Explainer: what of a model answers what its predictions rest on. n rows, N outputs, K inputs.

The work is done in `ranvier.explain`, which is imported when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.errors import InputError
from ranvier.model.evaluation import inputs_and_targets
from ranvier.model.predictor import Predictor
from ranvier.random import check_seed

if TYPE_CHECKING:
    from ranvier.explain.importance import Importances

MAX_WINDOWS = 2**14
"""Of a longer text, so many characters that lie evenly in it are looked at."""


class Explainer(Predictor):
    """A model that answers which columns it looks at, in general and in one row."""

    def importances(
        self,
        X: Any,
        y: Any = None,
        *,
        repeats: int = 5,
        metric: Any = None,
        groups: Any = None,
        seed: int = 0,
        sample_weight: Any = None,
    ) -> Importances:
        """Which columns the model needs: how much worse it predicts where the cells of one column are shuffled.

        Formula: I_c = 1/R sum_r (s(X, y) - s(X with column c in random order, y)), with s the metric and R the repeats;
        the negative of it for losses. The standard error is that of the mean over the repeats. Of two columns that say
        the same, each may look unimportant, since the other one is still there: permute them together (`groups`). Use
        rows that the model was not trained on. A column of texts, pictures or recordings is one column; without an
        encoder of a table each input is one, "x0" and so on.

        Parameters:
            X: rows, or a table or file that holds the target too, as for `evaluate`.
            y: the true labels or values; None takes them from X.
            repeats: R, how often each column is shuffled.
            metric: what gets worse: a name that `evaluate` knows, or a metric of your own; None for accuracy, for r2
                of a regression, for pinball_loss of quantiles.
            groups: columns that are shuffled together, as lists or as a dictionary of name to columns; "correlated"
                finds them: those of which one predicts the other linearly with R2 >= 0.64. None for none.
            seed: of the orders.
            sample_weight: the weight of each row in the metric, shape (n,); None for equal weights.

        Returns a sequence of records, the most important first: `column`, `importance` in the units of the metric,
        `standard_error`, and the `columns` of a group. It prints as a table.

        Raises:
            InputError: rows, targets, weights or groups cannot be used, or there is no such metric.

        Sources: Breiman, "Random forests", Machine Learning 2001; Fisher, Rudin, Dominici, "All models are wrong, but
        many are useful", JMLR 2019.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [0.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> for entry in model.importances([[0.0, 5.0], [1.0, 6.0], [2.0, 7.0]], [1.0, 3.0, 5.0]):
        ...     print(entry.column, entry.importance > 0)
        x0 True
        x1 False
        """
        from ranvier.explain.blocks import input_blocks
        from ranvier.explain.grouping import column_groups
        from ranvier.explain.importance import Score, permutation_importances

        if isinstance(repeats, bool) or not isinstance(repeats, (int, np.integer)) or repeats < 1:
            raise InputError(f"repeats is {repeats!r}; it must be an integer of at least 1.")
        score = Score.of(self.target, metric)
        if score.measured is not None and sample_weight is not None:
            raise InputError(
                f"The metric {score.name!r} is your own and takes no weights; leave sample_weight out, or give the "
                "name of a metric of the model."
            )
        inputs, targets, weights = self._measured_rows(X, y, sample_weight)
        blocks = input_blocks(self.encoder, inputs.n_dense, inputs.n_csr)
        return permutation_importances(
            self.outputs_of,
            inputs,
            targets,
            column_groups(blocks, groups, inputs),
            score,
            repeats=int(repeats),
            seed=check_seed(seed),
            weights=weights,
        )

    def _measured_rows(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Encoded rows, targets and weights, without rows of weight 0."""
        from ranvier.data.encoders.context import ContextEncoder
        from ranvier.model.language import text_rows

        if y is None and isinstance(self.encoder, ContextEncoder):
            rows = text_rows(self.encoder, X)
            kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_WINDOWS)).astype(np.int64))
            rows = rows.take(kept)
            return rows.inputs, rows.targets, None
        inputs, targets, weights = inputs_and_targets(self, X, y, sample_weight, "importances", stacklevel=4)
        if weights is not None and not weights.all():
            weighted = np.flatnonzero(weights)
            if not len(weighted):
                raise InputError("The weights of all rows are 0, so nothing can be measured; give some that count.")
            inputs, targets, weights = inputs[weighted], targets[weighted], weights[weighted]
        return inputs, targets, weights
