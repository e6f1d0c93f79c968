"""Explorer: a model tried on other cells and other rows: responses, interactions, nearest rows. n rows, N outputs.

The work is done in `ranvier.explain`, which is imported when it is needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.data.encoders.decoding import class_probabilities
from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.errors import InputError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.explainer import Explainer, count_of
from ranvier.rows import Inputs
from ranvier.rows.some_rows import evenly

if TYPE_CHECKING:
    from ranvier.explain.blocks import InputBlock
    from ranvier.explain.dependence import PartialDependence
    from ranvier.explain.interactions import Interaction
    from ranvier.explain.nearest import NearestRow
    from ranvier.model.listening import Heard


class Explorer(Explainer):
    """A model that tells what it would predict for other cells, and which rows are like one."""

    @in_usual_mode
    def partial_dependence(
        self, column: str, X: Any = None, *, grid: Any = 48, ice: bool | int = False, rows: int = 2000
    ) -> PartialDependence:
        """How the outputs depend on one column: the mean over rows that all get the same cell there.

        Formula: PD(v) = 1/n sum_i f(x_i with v in the column); ICE_i(v) = f(x_i with v in the column). The cells of the
        other columns stay, also where such a row cannot be.

        Parameters:
            column: its name; of arrays "x0" and so on.
            X: rows, as for `predict`; None for a typical row alone, see `attributions`.
            grid: the cells to look at, or how many numbers from the 1st to the 99th percentile of X. Of categories and
                booleans all are taken; dates, texts, pictures and recordings need cells.
            ice: whether to give the responses of single rows too; a number for so many that lie evenly among X.
            rows: over how many rows of X to take the mean; they lie evenly among X.

        Returns `grid`, `outputs`, `average` (points, outputs) and `ice` (rows, points, outputs): probabilities, of two
        classes that of the second, or numbers in the units of the target.

        Raises:
            InputError: there is no such column, the grid cannot be used, or the rows do not fit the model.

        Sources: Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001;
        Goldstein, Kapelner, Bleich, Pitkin, "Peeking inside the black box", 2015.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> model.partial_dependence("x1", [[0.0, 1.0], [4.0, 3.0]], grid=[0.0, 1.0]).average.tolist()
        [[5.0], [4.0]]
        """
        from ranvier.explain.blocks import find_block

        inputs = self._explained_rows(X)
        blocks = self._blocks(inputs)
        shown = self._response(
            inputs, inputs[evenly(len(inputs), count_of("rows", rows))], find_block(blocks, column), grid, X
        )
        if ice is False:
            return replace(shown, ice=None)
        n_rows = shown.rows if ice is True else count_of("ice", ice)
        assert shown.ice is not None
        return replace(shown, ice=shown.ice[evenly(shown.rows, n_rows)])

    @in_usual_mode
    def response(
        self, row: Any, X: Any = None, *, columns: Any = None, grid: int = 48
    ) -> tuple[PartialDependence, ...]:
        """How the outputs for one row change with each of its columns, while the others stay as they are.

        Parameters:
            row: one row, as for `predict`.
            X: rows that say from where to where numbers usually go; None for the ranges that the encoders know.
            columns: their names; None for all that hold numbers, categories or booleans.
            grid: how many numbers to look at.

        Returns one record for each column, as `partial_dependence` gives it.

        Raises:
            InputError: there is not one row, or no such column.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> curves = model.response([[1.0, 1.0]], grid=3)
        >>> [(curve.column, curve.average[:, 0].tolist()) for curve in curves]
        [('x0', [-4.0, 0.0, 4.0]), ('x1', [5.0, 3.0, 1.0])]
        """
        from ranvier.explain.blocks import find_block
        from ranvier.explain.grids import has_grid

        inputs = self._one_row(row)
        blocks = self._blocks(inputs)
        all_inputs = None if X is None else self.inputs(X)
        some = [block for block in blocks if has_grid(self.encoder, block)]
        if columns is not None:
            some = [find_block(blocks, name) for name in columns]
        curves = (self._response(all_inputs, inputs, block, grid, X) for block in some)
        return tuple(replace(curve, ice=None) for curve in curves)

    def response_of(self, inputs: Inputs, column: str, cells: Any) -> PartialDependence:
        """The response of one row that is encoded already, (1, K), to given cells of a column."""
        from ranvier.explain.blocks import find_block

        return self._response(None, inputs, find_block(self._blocks(inputs), column), list(cells), None)

    @in_usual_mode
    def interactions(
        self, X: Any, *, columns: Any = None, output: Any = None, rows: int = 64, max_columns: int = 10
    ) -> tuple[Interaction, ...]:
        """Which pairs of columns interact: do something together that is not the sum of what each does alone.

        Formula: strength^2 = mean_i (F_jk(i) - F_j(i) - F_k(i))^2, with F the centred partial dependence at the cells
        of row i; H^2 = strength^2 / mean_i F_jk(i)^2. F is the logit of a class or a number in the units of the target.

        Parameters:
            X: rows, as for `predict`.
            columns: those to pair; None for all.
            output: which output, as for `attributions`; of more than two classes the one that is predicted most.
            rows: the size of the sample, which lies evenly among X; its square is computed for each pair.
            max_columns: of more columns, those that change the output most by themselves are paired.

        Returns records, the strongest first: `first`, `second`, `strength` in the units of the output, `h`.

        Raises:
            InputError: the rows do not fit the model, or there is no such column or output.

        Source: Friedman, Popescu, "Predictive learning via rule ensembles", Annals of Applied Statistics 2008.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> round(model.interactions([[0.0, 1.0], [1.0, 5.0], [2.0, 2.0]])[0].strength, 6)
        0.0
        """
        from ranvier.explain.blocks import find_block
        from ranvier.explain.explained import explained_output
        from ranvier.explain.interactions import interactions

        inputs = self.inputs(X)
        sample = inputs[evenly(len(inputs), count_of("rows", rows))]
        run = self._run_logits(sample)
        logits = run.outputs(sample)
        if output is None and self.task.kind in ("multiclass", "multilabel"):
            winner = int(np.bincount(logits.argmax(axis=1), minlength=logits.shape[1]).argmax())
            output = (self.task.classes or self.task.target_names)[winner]
        blocks = self._blocks(inputs)
        some = blocks if columns is None else [find_block(blocks, name) for name in columns]
        explained = explained_output(self.target, logits[:1], output)

        def values(part: Inputs) -> Any:
            return explained.values(run.outputs(part), np.zeros(len(part), np.int64))

        return interactions(values, sample, some, count_of("max_columns", max_columns))

    @in_usual_mode
    def nearest(
        self, row: Any, rows: Any = None, count: int = 5, same_answer: bool | None = None, *, by: str = "columns"
    ) -> tuple[NearestRow, ...]:
        """The rows that are most like a row, and with `same_answer=False` the nearest ones with another answer.

        Formula: d_i^2 = 1/C sum_c |x_c - x_ic|^2 / s_c over the encoded columns, with s_c the variance of the inputs of
        column c among the rows, so that each column counts as much; or the Euclidean distance of what the last hidden
        layer outputs, in which columns count as much as the model makes use of them.

        Parameters:
            row: one row, as for `predict`.
            rows: those to search, such as the training rows; None for the file that the model was trained on.
            count: how many.
            same_answer: True for rows with the same predicted answer, False for those with another one, None for any.
            by: "columns" or "hidden".

        Returns records, the nearest first: `row`, the index among the rows, `distance` and the predicted `answer`.

        Raises:
            InputError: the rows are not known or do not fit the model, or answers of a regression should be the same.

        >>> import ranvier as rv
        >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
        >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
        >>> [entry.row for entry in model.nearest([0.0, 0.0], [[5.0, 5.0], [0.0, 1.0], [9.0, 0.0]], count=2)]
        [1, 2]
        """
        from ranvier.explain.nearest import column_distances, nearest_rows

        if by not in ("columns", "hidden"):
            raise InputError(f'by is {by!r}; it must be "columns" or "hidden".')
        if same_answer is not None and self.task.kind == "regression":
            raise InputError("A regression predicts numbers, which are hardly ever the same; leave same_answer out.")
        if rows is None and self.report.data is None:
            raise InputError("The model does not know the rows it was trained on; give some, model.nearest(row, rows).")
        row_inputs, all_inputs = self._one_row(row), self.inputs(self.report.data if rows is None else rows)
        answers = self.target.decode(self.outputs_of(all_inputs))
        allowed = np.ones(len(all_inputs), np.bool_)
        if same_answer is not None:
            equal = answers == self.target.decode(self.outputs_of(row_inputs))
            allowed = (equal if equal.ndim == 1 else equal.all(axis=1)) == same_answer
        if by == "columns":
            distances = column_distances(row_inputs, all_inputs, self._blocks(all_inputs))
        else:
            hidden, here = self._last_hidden(all_inputs), self._last_hidden(row_inputs)
            distances = np.sqrt(((hidden - here) ** 2).sum(axis=1))
        return nearest_rows(distances, answers, allowed, count_of("count", count))

    @in_usual_mode
    def listen(self, recording: Any, min_confidence: float = 0.5) -> list[Heard]:
        """What a model of recordings hears in a long one, and when: records of start and end (s), label, confidence.

        A model of words, which are shorter than 3 seconds, takes steady noise away and cuts the sounds between pauses
        into words, so that these are most probable. A model of longer sounds hears windows of their length, a quarter
        of it apart; neighbours with the same label become one.

        Parameters:
            recording: a path, the bytes of a file, or (rate, array).
            min_confidence: sounds with a smaller probability are left out.

        Raises:
            InputError: the model was not trained on one column of recordings of several classes.
            DataError: the recording cannot be read.
        """
        from ranvier.model.listening import listen

        return listen(self, recording, min_confidence)

    def _last_hidden(self, inputs: Inputs) -> Any:
        """What goes into the output layer, (n, units): the inputs where there is no hidden layer."""
        layers = self.activations_of(inputs)
        return (layers[-2].outputs if len(layers) > 1 else inputs.toarray()).astype(np.float64)

    def _blocks(self, inputs: Inputs) -> tuple[InputBlock, ...]:
        from ranvier.explain.blocks import input_blocks

        return input_blocks(self.encoder, inputs.n_dense, inputs.n_csr)

    def _one_row(self, row: Any) -> Inputs:
        """One row, encoded, (1, K)."""
        array = np.ndim(row) == 1 and not column_encoders(self.encoder) and not isinstance(row, str)
        inputs = self.inputs([row] if array else row)
        if len(inputs) != 1:
            raise InputError(f"There are {len(inputs):,} rows; give one.")
        return inputs

    def _explained_rows(self, X: Any) -> Inputs:
        """The rows, or a typical one, encoded."""
        from ranvier.explain.baseline import typical_row

        if X is not None:
            return self.inputs(X)
        n_csr = sum(part.csr_width for part in column_encoders(self.encoder))
        return typical_row(self.encoder, self.network.inputs - n_csr, n_csr, self.training.row_dtype)

    def _response(
        self, all_inputs: Inputs | None, inputs: Inputs, block: InputBlock, grid: Any, X: Any
    ) -> PartialDependence:
        """The responses of all rows to one column, the cells of X saying where its numbers usually lie."""
        from ranvier.explain.dependence import PartialDependence, responses
        from ranvier.explain.grids import cells_of, grid_of, inputs_of_cells

        points = grid_of(self.encoder, block, grid, None if X is None else cells_of(self.encoder, block, all_inputs, X))
        shape = (inputs.n_dense, inputs.n_csr)
        dense, csr = inputs_of_cells(self.encoder, block, points, shape, self.inputs)
        outputs = responses(self.outputs_of, inputs, block, dense, csr)
        flat = outputs.reshape(-1, outputs.shape[2])
        task = self.task
        if task.kind == "regression":
            values = self.target.values(flat).reshape(len(flat), -1)
            names: Any = task.target_names if len(task.target_names) == task.outputs else range(task.outputs)
        else:
            values, names = class_probabilities(task, flat), task.classes or task.target_names
            if task.kind == "binary":
                values, names = values[:, 1:], names[1:]
        ice = values.reshape(len(inputs), len(points), -1)
        return PartialDependence(
            block.column, tuple(points), tuple(map(str, names)), ice.mean(axis=0), ice, len(inputs)
        )
