"""Explainer: a model that explains its predictions. n rows, N outputs, K inputs.

The work is done in `ranvier.explain`, which is imported when it is needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.engine import Executable
from ranvier.errors import InputError
from ranvier.explain.explained import logit_network
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.measured_rows import measured_rows
from ranvier.model.trained_predictor import TrainedPredictor
from ranvier.network.losses import LOSSES
from ranvier.random import check_seed
from ranvier.rows import Inputs
from ranvier.scalars import as_integer, as_number
from ranvier.training.inference import compile_for_inference

if TYPE_CHECKING:
    from ranvier.explain.attributions import Attributions, PartAttributions
    from ranvier.explain.importance import Importances

MIN_TOLERANCE = 0.01
"""Attributions of numbers are not asked to be more exact than this times the tolerance, in standard deviations."""


class Explainer(TrainedPredictor):
    """A model that tells which columns its predictions rest on, in general and in one row."""

    @in_usual_mode
    def importances(
        self,
        X: Any,
        y: Any = None,
        *,
        repeats: int = 5,
        metric: Any = None,
        groups: Any = None,
        retrain_on: Any = None,
        seed: int = 0,
        sample_weight: Any = None,
    ) -> Importances:
        """Which columns the model needs: how much worse it predicts where the cells of one column are shuffled.

        Given training rows, networks like the model's are trained again instead, with and without each column. That
        says what other columns can replace, which takes a training for each column and repeat.

        Formula: I_c = 1/R sum_r (s(X, y) - s(X with column c in random order, y)), with s the metric and R the repeats;
        the negative of it for losses. With `retrain_on`, I_c = 1/R sum_r (s_r(X, y) - s_rc(X, y)), of networks of seed
        r with all columns and without c. The standard error is that of the mean over the repeats. Of two columns that
        say the same, each may look unimportant, since the other one is still there: take them together (`groups`). Use
        rows that the model was not trained on. A column of texts, pictures or recordings is one column; without an
        encoder of a table each input is one, "x0" and so on.

        Parameters:
            X: rows, or a table or file that holds the target too, as for `evaluate`.
            y: the true labels or values; None takes them from X.
            repeats: R, how often each column is shuffled, or a network trained without it, each time by another seed.
            metric: what gets worse: a name that `evaluate` knows, or a metric of your own; None for accuracy, for r2
                of a regression, for pinball_loss of quantiles.
            groups: columns that are shuffled or left out together, as lists or as a dictionary of name to columns;
                "correlated" finds them: those of which one predicts the other linearly with R2 >= 0.64. None for none.
            retrain_on: the training rows, a table or file that holds the target too, or a tuple (X, y) or
                (X, y, sample_weight); None for no training. A model trained on arrays keeps its settings; of a table
                one network of its recipe is trained for each column, on inputs encoded once.
            seed: of the orders, or of the first networks.
            sample_weight: the weight of each row in the metric, shape (n,); None for equal weights.

        Returns a sequence of records, the most important first: `column`, `importance` in the units of the metric,
        `standard_error`, and the `columns` of a group. It prints as a table.

        Raises:
            InputError: rows, targets, weights or groups cannot be used, or there is no such metric.
            KeyboardInterrupt: Ctrl-C came while networks were trained.

        Sources: Breiman, "Random forests", Machine Learning 2001; Fisher, Rudin, Dominici, "All models are wrong, but
        many are useful", JMLR 2019; Lei and others, "Distribution-free predictive inference for regression", 2018.

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

        score = Score.of(self.target, metric)
        if score.measured is not None and sample_weight is not None:
            raise InputError(
                f"The metric {score.name!r} is your own and takes no weights; leave sample_weight out, or give the "
                "name of a metric of the model."
            )
        count, first_seed = count_of("repeats", repeats), check_seed(seed)
        if retrain_on is not None:
            from ranvier.model.retraining import importances_by_retraining

            return importances_by_retraining(
                self, retrain_on, (X, y, sample_weight), groups, score, repeats=count, seed=first_seed
            )
        inputs, targets, weights = measured_rows(self, X, y, sample_weight)
        blocks = input_blocks(self.encoder, inputs.n_dense, inputs.n_csr)
        return permutation_importances(
            self.outputs_of,
            inputs,
            targets,
            column_groups(blocks, groups, inputs),
            score,
            repeats=count,
            seed=first_seed,
            weights=weights,
        )

    @in_usual_mode
    def attributions(
        self, X: Any, *, output: Any = None, baseline: Any = None, tolerance: float = 1e-3
    ) -> Attributions:
        """What each column of a row adds to the output, compared with a baseline: integrated gradients.

        Formula: a_c = sum over the inputs k of column c of (x_k - x'_k) integral_0^1 dF(x' + t (x - x')) / dx_k dt,
        with x the encoded row and x' the baseline. In each row the a_c add up to F(x) - F(x'); paths are divided until
        that holds, and `error` says how well it does. All inputs of a column count together: the categories, the mark
        of a missing cell, the pieces of a number, the words of a text, the features of a picture.

        Parameters:
            X: rows, as for `predict`.
            output: which output F is: a class or label, whose logit is explained, or the name of a target. None for
                the predicted class of each row, the second one of two classes, the most probable label, the only
                number. Numbers are in the units of the target; of quantiles the one nearest to 0.5, or the named one,
                such as "price at 0.9".
            baseline: rows to compare with, as for `predict`; of several the mean of the attributions is taken (expected
                gradients), which takes as many times as long. None for a typical row: medians or means, the most
                frequent categories, no words, black pixels, average features; for arrays 0.
            tolerance: how far the sum may be from the difference of outputs, in the units of the output; for targets
                of which a unit is less than a hundredth of the standard deviation or more than the whole of it, in
                these. What was reached is in `error`.

        Returns `values` (rows, columns), `base` (rows,), `columns`, `outputs`, `error` and `explained`.

        Raises:
            InputError: there is no such output, or the rows do not fit the model.

        Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> model.attributions([[3.0, 4.0]], baseline=[[1.0, 1.0]]).values.tolist()
        [[4.0, -3.0]]
        """
        start = None if baseline is None else self.inputs(baseline)
        return self.attributions_of(self.inputs(X), output=output, baseline=start, tolerance=tolerance)

    def attributions_of(
        self, inputs: Inputs, *, output: Any = None, baseline: Inputs | None = None, tolerance: float = 1e-3
    ) -> Attributions:
        """`attributions` of rows that are encoded already, (n, K), compared with encoded rows."""
        from ranvier.explain.attributions import Attributions

        blocks, sums, explained = self._integrated(inputs, output, baseline, tolerance, None)
        names = tuple(block.column for block in blocks)
        parts = sums.values, sums.start, sums.end, sums.error
        return Attributions(names, *parts, explained.labels, explained.unit)

    @in_usual_mode
    def part_attributions(
        self, X: Any, column: str | None = None, *, output: Any = None, baseline: Any = None, tolerance: float = 1e-3
    ) -> PartAttributions:
        """What each word of a text, each pixel of a picture, or each band and frame of a recording adds to the output.

        The integrated gradients of the features of the column, see `attributions`, are divided among what they are made
        of. Words: what a term adds is divided evenly among the words that it is made of. Pixels and spectrograms that
        are inputs have what they add. Features of patches are no differentiable function of pixels here: what such a
        feature adds is divided among the patches of its cell in proportion to how much each resembles it, and evenly
        among the pixels of a patch; what a statistic of a band adds, evenly among its frames. So a map adds up to what
        the column adds, and is as fine as the patches.

        Parameters:
            X, output, baseline, tolerance: as for `attributions`.
            column: of texts, pictures or recordings; None for the only one.

        Raises:
            InputError: there is no such column of texts, pictures or recordings, or more than one.

        >>> import ranvier as rv
        >>> rows = {"note": ["good soup", "bad soup"] * 10, "label": ["up", "down"] * 10}
        >>> options = {"kinds": {"note": "text"}, "recipe": "plain", "hidden": [4], "epochs": 2, "test": 0}
        >>> model = rv.train(rows, target="label", progress=False, engine="reference", **options)
        >>> [word for word, _ in model.part_attributions({"note": ["bad soup"]}).words[0]]
        ['bad', 'soup']
        """
        from ranvier.explain.attributions import PartAttributions
        from ranvier.explain.parts import part_encoder, part_maps, part_words

        part = part_encoder(self.encoder, column)
        source = self.encoder.open(X)
        inputs, start = self.inputs(source), None if baseline is None else self.inputs(baseline)
        blocks, sums, explained = self._integrated(inputs, output, start, tolerance, part.column)
        at = [block.column for block in blocks].index(part.column)
        cells, values = source.frame[part.column], sums.values[:, at]
        words: tuple[tuple[tuple[str, float], ...], ...] = ()
        maps = None
        if part.kind == "text":
            words = part_words(part, cells, inputs.entries, sums.csr, blocks[at].csr)
            inside = np.array([sum(value for _, value in pairs) for pairs in words])
        else:
            maps = part_maps(part, cells, sums.dense)
            inside = maps.sum(axis=(1, 2))
        rest = values - inside
        return PartAttributions(part.column, part.kind, words, maps, rest, values, explained.labels, explained.unit)

    def _integrated(
        self, inputs: Inputs, output: Any, baseline: Inputs | None, tolerance: float, column: str | None
    ) -> Any:
        """Blocks, what each column adds, and which output is explained; of one column all inputs."""
        from ranvier.explain.attributions import column_sums
        from ranvier.explain.baseline import typical_row
        from ranvier.explain.blocks import NOTHING, find_block, input_blocks
        from ranvier.explain.explained import explained_output
        from ranvier.explain.integrated_gradients import Function

        error = as_number(tolerance)
        if error is None or not error > 0:
            raise InputError(f"tolerance is {tolerance!r}; it must be a number above 0, such as 0.001.")
        run = self._run_logits(inputs)
        start = baseline
        if start is None:
            start = typical_row(self.encoder, inputs.n_dense, inputs.n_csr, run.dtype)
        explained = explained_output(self.target, run.outputs(inputs), output)
        n_outputs = self.network.outputs

        def gradients(part: Inputs, rows: Any) -> Any:
            return run.input_gradients(part, explained.directions(n_outputs, rows, run.dtype))

        function = Function(lambda part, rows: explained.values(run.outputs(part), rows), gradients, run.dtype)
        scale = np.abs(explained.factor)
        limits = error * np.maximum(np.minimum(scale, 1.0), MIN_TOLERANCE * scale)
        blocks = input_blocks(self.encoder, inputs.n_dense, inputs.n_csr)
        single_inputs = NOTHING if column is None else find_block(blocks, column).dense
        return blocks, column_sums(function, inputs, start, blocks, limits, single_inputs), explained

    def _run_logits(self, inputs: Inputs) -> Executable:
        """The compiled network that outputs weighted sums in place of probabilities, as `_run`."""
        executables, key = self._executables, (inputs.n_csr, True)
        executable = executables.get(key)
        if executable is None:
            network = logit_network(self.network, self.task)
            precision = "float32" if self.training.precision == "bfloat16" else self.training.precision
            settings = replace(self.training, loss=LOSSES["squared_error"], precision=precision)
            executable = compile_for_inference(network, settings, self._flat, inputs)
            executables[key] = executable
        return executable


def count_of(name: str, value: Any) -> int:
    """A number of rows or columns, at least 1."""
    count = as_integer(value)
    if count is None or count < 1:
        raise InputError(f"{name} is {value!r}; it must be an integer of at least 1.")
    return count
