"""Shown: what of a model is there to be looked at: summaries, layers, neurons, the view, the plan. n rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ranvier.floating_point_mode import in_usual_mode
from ranvier.model import inspect
from ranvier.model.inspect import LayerView, ModelSummary, NeuronView
from ranvier.model.trained_predictor import TrainedPredictor
from ranvier.training.engines import plan_text

if TYPE_CHECKING:
    from ranvier.view.serve import RunningView


class Shown(TrainedPredictor):
    """What of a model shows what is inside it."""

    @in_usual_mode
    def summary(self) -> ModelSummary:
        """What the model predicts, its columns and its layers: a record that prints as tables, in notebooks too.

        >>> from ranvier.network.layers import Dense
        >>> from ranvier.network.network import Network
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.summary().network.parameters
        2
        """
        return inspect.summary(self)

    @in_usual_mode
    def layer(self, path: str | int) -> LayerView:
        """The neurons of a layer: weights, biases, names of the inputs, what output neurons stand for.

        Parameters:
            path: such as "layers.0", or the number of the layer from 0.

        Raises:
            InputError: there is no such layer, or it has no neurons.

        >>> from ranvier.network.layers import Dense
        >>> from ranvier.network.network import Network
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.layer("layers.0").weights.shape
        (1, 1)
        """
        return inspect.layer(self, path)

    @in_usual_mode
    def neuron(self, path: str | int, number: int) -> NeuronView:
        """One neuron of a layer: its weights by the names of its inputs, its bias and its activation.

        Parameters:
            path: of the layer, such as "layers.0", or its number from 0.
            number: of the neuron, from 0.

        Raises:
            InputError: there is no such layer or neuron.

        >>> from ranvier.network.layers import Dense
        >>> from ranvier.network.network import Network
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.neuron("layers.0", 0).inputs
        ('x0',)
        """
        return inspect.neuron(self, path, number)

    @in_usual_mode
    def view(self, X: Any = None, y: Any = None, *, port: int = 0, browser: bool = True) -> RunningView:
        """Look inside the model in the browser: its neurons, its mistakes, its answers to rows that you change or draw.

        The page is served on this machine only, by a thread of this program, until it is closed. In a Jupyter notebook,
        where anywidget is installed (the extra `notebook`), the page is shown below the cell, and there is no server.

        Parameters:
            X: rows to show, as for `predict`, or a table or file that holds the target too; None for those that the
                run of the model was measured on, where they can still be read.
            y: their true labels or values, so that mistakes can be shown.
            port: 0 for a free one.
            browser: whether to open the browser; never done in a shell of another machine.

        Returns the view: `view.address` is the address of the page, `view.wait()` waits for Ctrl-C, and `view.close()`
        ends it.

        Raises:
            InputError: the rows do not fit the model, or the port is in use.
        """
        from ranvier.view.serve import view_model

        return view_model(cast(Any, self), X, y, port, browser)

    @in_usual_mode
    def write_report(self, path: str | Path, X: Any = None, y: Any = None) -> None:
        """Write what the view shows into one HTML file that needs no network, to send, print or keep.

        The result beside a baseline, what to know of it, the data, the curves of training, the mistakes and the
        network: sums and the worst rows, never all rows; less than 2 MB.

        Parameters:
            path: of the file; one that is there is replaced.
            X: rows to measure on, as for `evaluate`; None for those that the run of the model was measured on, where
                they can still be read. Without rows the report holds what the model knows of its training.
            y: their true labels or values, where X does not hold them.

        Raises:
            InputError: the rows do not fit the model, or the file cannot be written.

        >>> import tempfile
        >>> from ranvier.network.layers import Dense
        >>> from ranvier.network.network import Network
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "line.html"
        ...     model.write_report(path, [[0.0], [1.0]], [1.0, 3.0])
        ...     path.read_text().startswith("<!doctype html>")
        True
        """
        from ranvier.view.report_file import write_model_report

        write_model_report(cast(Any, self), path, X, y)

    @in_usual_mode
    def plan(self, threads: int | None = None, measure: bool = False) -> str:
        """What the native engine does in a step of training this model, as text, whatever engine trained it.

        A loop nest with its buffers and their sizes, FLOPs, and the fraction of the processor's peak to expect.

        Parameters:
            threads: how many; None for as many as training takes.
            measure: add the time that each step takes on this machine, measured for half a second on random rows, and
                the fraction of the processor's peak that its products reach.

        Raises:
            EngineError: the native engine cannot run here.
        """
        problem = self.training.compile_spec(self.network)
        return plan_text(problem if threads is None else replace(problem, threads=threads), measure)
