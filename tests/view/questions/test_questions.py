"""Every question against the model's own answers, and against NumPy."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.known_rows import rows_from_arrays
from ranvier.view.questions.answer import answer
from ranvier.view.questions.calibration import calibration
from ranvier.view.questions.confusion import cell, confusion, measured, per_class
from ranvier.view.questions.connections import connections
from ranvier.view.questions.neuron import neuron
from ranvier.view.questions.neuron_statistics import neuron_statistics
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.rows import rows_page
from ranvier.view.questions.weights import as_bytes, pooled, weights
from ranvier.view.questions.what import what
from ranvier.view.subject import Subject
from tests.view.tried import inputs_of_values


def test_what_the_model_is(digits: Subject) -> None:
    described = json.loads(json.dumps(what(digits), allow_nan=False))
    assert [layer["units"] for layer in described["layers"] if layer["neurons"]] == [12, 8, 10]
    assert described["form"]["kind"] == "picture"
    assert described["form"]["shape"] == [8, 8, 1]
    assert described["rows"]["count"] == digits.model.report.split["test"]
    assert described["layers"][-1]["labels"] == [str(digit) for digit in range(10)]
    assert [epoch["loss"] for epoch in described["history"]] == digits.model.history.loss.tolist()
    # Columns that never change are no inputs; every other pixel knows where it is.
    names = described["inputs"]["names"]
    assert [described["form"]["pixels"][pixel] for pixel in described["inputs"]["pixels"]] == names


def test_metrics_are_those_of_the_training_report(digits: Subject) -> None:
    assert measured(digits) == pytest.approx(digits.model.report.metrics, rel=1e-12)


@pytest.mark.parametrize("path", ["layers.0", "layers.2", "layers.4"])
def test_a_neuron_adds_up(path: str, digits: Subject) -> None:
    paths = [info.path for info in digits.dense_layers]
    path = paths[["layers.0", "layers.2", "layers.4"].index(path)]
    opened = neuron(digits, path, 3, digits.row(5))
    values = {layer.path: layer for layer in digits.model.activations_of(digits.row(5))}[path]
    assert values.weighted_sums is not None
    assert opened["sum"] == values.weighted_sums[0, 3]
    assert opened["output"] == values.outputs[0, 3]
    # float32 sums of at most 64 products.
    assert opened["sum_of_products"] + opened["bias"] == pytest.approx(opened["sum"], abs=64 * 2.0**-23 * 10)
    assert sum(term["product"] for term in opened["terms"]) == pytest.approx(opened["sum_of_products"], abs=1e-9)
    view = digits.model.neuron(path, 3)
    assert opened["weights"] == view.weights.astype(float).tolist()
    for term in opened["terms"]:
        assert term["input"] == view.inputs[term["index"]]
        assert term["product"] == term["weight"] * term["value"]


def test_the_derivative_is_that_of_the_activation(digits: Subject) -> None:
    opened = neuron(digits, "layers.0", 0, digits.row(0))
    z = opened["sum"]
    sigmoid = 1 / (1 + math.exp(-z))
    assert opened["derivative"] == pytest.approx(sigmoid * (1 + z * (1 - sigmoid)), rel=1e-9)


def test_products_of_a_column_add_up(digits: Subject) -> None:
    opened = neuron(digits, "layers.0", 1, digits.row(2))
    total = sum(part["product"] for part in opened["by_column"])
    assert total == pytest.approx(opened["sum_of_products"], abs=1e-9)
    assert neuron(digits, digits.dense_layers[1].path, 1, digits.row(2))["by_column"] is None


def test_a_neuron_without_a_row(people: Subject) -> None:
    opened = neuron(people, "layers.0", 1)
    assert "sum" not in opened
    sizes = [abs(term["weight"]) for term in opened["terms"]]
    assert sizes == sorted(sizes, reverse=True)


def test_inputs_of_layers_in_residual_blocks() -> None:
    block = rv.Residual([rv.LayerNorm(), rv.Dense(4, "relu"), rv.Dense(4)])
    X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    network = rv.Network(3, [rv.Dense(4, "tanh"), block, rv.Residual([rv.Dense(4, "relu")]), rv.Dense(1)])
    model = network.fit(X, X[:, 0], epochs=1, engine="reference", progress=False)
    subject = Subject(model, rows_from_arrays(model, X, X[:, 0]))
    for info in subject.dense_layers:
        opened = neuron(subject, info.path, 0, subject.row(4))
        assert opened["sum_of_products"] + opened["bias"] == pytest.approx(opened["sum"], abs=1e-5), info.path


def test_groups_see_their_own_inputs() -> None:
    X = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    model = rv.Network(4, [rv.Dense(6, "relu", groups=2), rv.Dense(1)]).fit(
        X, X[:, 0], epochs=1, engine="reference", progress=False
    )
    subject = Subject(model, rows_from_arrays(model, X))
    opened = neuron(subject, "layers.0", 5, subject.row(3))
    assert opened["fan_in"] == 2
    assert opened["sum_of_products"] + opened["bias"] == pytest.approx(opened["sum"], abs=1e-5)
    lines = connections(subject, "layers.0", 1000)["lines"]
    assert len(lines) == 12
    assert {(source // 2, target // 3) for source, target, _ in lines} == {(0, 0), (1, 1)}
    for source, target, weight in lines:
        assert weight == model.parameters["layers.0.weight"][source % 2, target]


def test_lines_that_carry_most(digits: Subject) -> None:
    matrix = np.asarray(digits.model.parameters["layers.0.weight"], np.float64)
    rows = digits.known_rows().inputs[digits.sample[:256]].toarray()
    carried = np.abs(matrix) * np.abs(rows).mean(axis=0)[:, None]
    answered = connections(digits, "layers.0", 20)
    assert answered["all"] == matrix.size
    drawn = np.array([carried[source, target] for source, target, _ in answered["lines"]])
    # Twelve of the twenty are the largest of each neuron; the others are the largest of the rest.
    best = carried.max(axis=0)
    others = np.sort(carried[carried < best])[::-1][:8]
    assert drawn == pytest.approx(np.sort(np.concatenate([best, others]))[::-1])
    assert {target for _, target, _ in answered["lines"]} == set(range(12))
    few = connections(digits, "layers.0", 5)["lines"]
    assert [carried[source, target] for source, target, _ in few] == pytest.approx(
        np.sort(carried.reshape(-1))[::-1][:5]
    )


def made_to_fail() -> Subject:
    """A layer with a dead, a constant, two equal and a saturated neuron."""
    weight = [[1.0, 0.0, 1.0, 1.0, -0.001]]
    parameters = {
        "layers.0.weight": weight,
        "layers.0.bias": [-50.0, 2.0, 0.0, 0.0, 0.0],
        "layers.1.weight": [[100.0], [0.0], [0.0], [0.0], [0.0]],
        "layers.1.bias": [30.0],
        "layers.2.weight": [[1.0]],
        "layers.2.bias": [0.0],
    }
    network = rv.Network(1, [rv.Dense(5, "relu"), rv.Dense(1, "tanh"), rv.Dense(1)])
    model = rv.Model.from_parameters(network, parameters, engine="reference")
    return Subject(model, rows_from_arrays(model, np.linspace(-2.0, 2.0, 41)[:, None]))


def test_neurons_that_do_not_learn_are_flagged() -> None:
    subject = made_to_fail()
    first = neuron_statistics(subject, "layers.0")
    assert [entry["flags"] for entry in first] == [["dead"], ["constant"], [], [], []]
    assert [entry["duplicate_of"] for entry in first] == [None, None, None, 2, None]
    assert neuron_statistics(subject, "layers.1")[0]["flags"] == ["saturated", "constant"]
    # The output layer is left out: a network that says the same of all rows shows that elsewhere.
    assert neuron_statistics(subject, "layers.2")[0]["flags"] == []


def test_a_histogram_counts_every_row(digits: Subject) -> None:
    for entry in neuron_statistics(digits, "layers.0"):
        assert sum(entry["counts"]) == entry["rows"] == len(digits.known_rows())
        assert entry["edges"][0] <= entry["lowest"] <= entry["mean"] <= entry["highest"] <= entry["edges"][-1]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_pooling_keeps_the_largest(rows: int, columns: int, height: int, width: int) -> None:
    matrix = np.random.default_rng(rows * 100 + columns).normal(size=(rows, columns))
    small = pooled(matrix, height, width)
    assert small.shape == (min(rows, height), min(columns, width))
    assert set(small.reshape(-1)) <= set(matrix.reshape(-1))
    assert np.abs(small).max() == np.abs(matrix).max()
    if height >= rows and width >= columns:
        assert (small == matrix).all()


def test_weights_as_bytes(digits: Subject) -> None:
    head, array = weights(digits, "layers.0", 1000, 1000)
    matrix = digits.model.parameters["layers.0.weight"]
    assert array.shape == matrix.shape == (head["inputs"], head["neurons"])
    assert (array == as_bytes(matrix.astype(np.float64), head["limit"])).all()
    inside = np.abs(matrix) <= head["limit"]
    assert head["beyond"] == (~inside).sum()
    step = head["limit"] / 127
    assert np.abs((array.astype(float) - 128) * step - matrix)[inside].max() <= step / 2 * (1 + 1e-6)


def test_rows_are_those_of_the_data(digits: Subject) -> None:
    from sklearn.datasets import load_digits

    data = load_digits()
    page = rows_page(digits, 3, 2)
    assert page["total"] == len(digits.known_rows())
    for entry in page["rows"]:
        pixels = np.frombuffer(base64.b64decode(entry["pixels"]), np.uint8)
        assert (pixels == np.floor(data.data[entry["number"]] / 16 * 255)).all()
        assert entry["actual"] == str(data.target[entry["number"]])


def test_the_most_wrong_rows_come_first(digits: Subject) -> None:
    losses = [entry["loss"] for entry in rows_page(digits, 0, 50, "loss")["rows"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == digits.losses.max()


def test_an_answer_is_the_prediction(digits: Subject, people: Subject, diabetes: Subject) -> None:
    for subject in (digits, people, diabetes):
        head, array = answer(subject, subject.row(7))
        rows = subject.known_rows().inputs[7:8]
        assert head["predicted"] in (subject.model.target.decode(subject.model.outputs_of(rows))[0], digits_text(head))
        for part, info in zip(head["parts"][1:], subject.dense_layers, strict=True):
            values = {layer.path: layer for layer in subject.model.activations_of(rows)}[info.path].outputs[0]
            assert (array[part["start"] :][: part["length"]] == values.astype(np.float32)).all()


def digits_text(head: dict[str, object]) -> object:
    """A class is text on the page."""
    return head["predicted"] if isinstance(head["predicted"], str) else None


def test_a_drawn_picture_is_answered_as_its_row(digits: Subject) -> None:
    entry = rows_page(digits, 4, 1)["rows"][0]
    drawn = list(base64.b64decode(entry["pixels"]))
    head, _ = answer(digits, inputs_of_values(digits.form, digits.model, drawn))
    rows, _ = answer(digits, digits.row(4))
    assert head["predicted"] == rows["predicted"]
    # The bytes of the picture are the row's numbers to 1 / 255 of the brightest.
    assert head["probabilities"] == pytest.approx(rows["probabilities"], abs=0.05)


def test_values_that_are_filled_in_are_answered_as_their_row(people: Subject) -> None:
    names = [column.name for column in people.form.columns]
    cells = rows_page(people, 5, 1)["rows"][0]["cells"]
    head, _ = answer(people, inputs_of_values(people.form, people.model, dict(zip(names, cells, strict=True))))
    assert head == answer(people, people.row(5))[0]


def test_the_fields_of_a_table(people: Subject) -> None:
    columns = {column.name: column for column in people.form.columns}
    assert columns["city"].choices == ("Rome", "Oslo")
    assert columns["age"].integer
    assert (columns["age"].low, columns["age"].high) == tuple(
        np.quantile([20 + row % 40 for row in range(60)], (0.01, 0.99))
    )


def test_confusion_counts_every_row(digits: Subject) -> None:
    answered = confusion(digits)
    predicted = digits.model.target.decode(digits.model.outputs_of(digits.known_rows().inputs))
    actual = np.array([digits.model.task.classes[at] for at in digits.actual])
    counts = np.array(answered["counts"])
    assert counts.sum() == answered["rows"] == len(actual)
    assert answered["wrong"] == (predicted != actual).sum() == counts.sum() - np.trace(counts)
    worst = np.unravel_index((counts - np.diag(np.diag(counts))).argmax(), counts.shape)
    rows = cell(digits, int(worst[0]), int(worst[1]))
    assert rows["total"] == counts[worst]
    assert {entry["actual"] for entry in rows["rows"]} == {str(worst[0])}
    assert {entry["predicted"] for entry in rows["rows"]} == {str(worst[1])}


def test_scores_of_classes_are_those_of_scikit_learn(digits: Subject) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, rows = precision_recall_fscore_support(digits.actual, digits.predicted, zero_division=0)
    for at, score in enumerate(per_class(digits)):
        assert score["rows"] == rows[at]
        assert (score["precision"] or 0.0) == pytest.approx(precision[at])
        assert (score["recall"], score["f1"]) == (pytest.approx(recall[at]), pytest.approx(f1[at]))


def test_calibration_counts_every_row(digits: Subject) -> None:
    answered = calibration(digits)
    assert sum(part["rows"] for part in answered["bins"]) == len(digits.known_rows())
    right = sum(part["rows"] * part["right"] for part in answered["bins"] if part["rows"])
    assert right == pytest.approx(len(digits.known_rows()) - confusion(digits)["wrong"])
    gaps = [part["rows"] * abs(part["right"] - part["probability"]) for part in answered["bins"] if part["rows"]]
    assert answered["error"] == pytest.approx(sum(gaps) / len(digits.known_rows()))
    assert answered["error"] == digits.model.evaluate(digits.known_rows().source)["ece"]


def test_residuals(diabetes: Subject) -> None:
    answered = residuals(diabetes)
    predicted = diabetes.model.predict(diabetes.known_rows().source)
    assert answered["predicted"] == pytest.approx(predicted[answered["row"]].tolist(), rel=1e-6)
    assert sum(answered["counts"]) == len(diabetes.known_rows())
    assert rows_page(diabetes, 0, 1, "loss")["rows"][0]["loss"] == pytest.approx(
        np.abs(np.array(answered["predicted"]) - answered["actual"]).max()
    )


def test_questions_that_cannot_be_answered(digits: Subject, diabetes: Subject) -> None:
    model = digits.model
    empty = Subject(model)
    wrong = [
        lambda: empty.row(0),
        lambda: confusion(empty),
        lambda: digits.row(-1),
        lambda: digits.row(True),
        lambda: digits.row(10_000),
        lambda: rows_page(digits, 0, 10_000),
        lambda: rows_page(digits, 0, 10, "name"),
        lambda: weights(digits, "layers.0", 0, 10),
        lambda: weights(digits, "../secret", 10, 10),
        lambda: neuron(digits, "layers.0", 99),
        lambda: cell(digits, 0, 10),
        lambda: residuals(digits),
        lambda: residuals(diabetes, 1),
        lambda: confusion(diabetes),
        lambda: calibration(diabetes),
        lambda: connections(digits, "layers.0", 0),
        lambda: inputs_of_values(digits.form, model, [0.0] * 63),
        lambda: inputs_of_values(digits.form, model, [math.nan] * 64),
        lambda: inputs_of_values(digits.form, model, ["0"] * 64),
        lambda: inputs_of_values(diabetes.form, diabetes.model, {"age": 1.0}),
    ]
    for ask in wrong:
        with pytest.raises(InputError):
            ask()
