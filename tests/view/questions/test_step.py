"""The numbers of a step are those of the engine, and of finite differences."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import ranvier as rv
from ranvier.engine import State
from ranvier.model.running import data_of_running
from ranvier.training.engines import compile_network
from ranvier.view.known_rows import rows_from_arrays, rows_from_file
from ranvier.view.questions.step import step, step_check, stepping_of
from ranvier.view.questions.surface import SIDE, surface
from ranvier.view.questions.what import what
from ranvier.view.stepping import Stepping
from ranvier.view.subject import Subject


@pytest.fixture(scope="module")
def moons() -> Subject:
    """Two inputs, two classes."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(60, 2)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    network = rv.Network(
        2, [rv.Dense(4, "tanh", l2=0.01), rv.Dropout(0.25), rv.Dense(3, "relu"), rv.Dense(2, "softmax")]
    )
    model = network.fit(X, y, epochs=2, batch_size=16, engine="reference", seed=5, optimizer=rv.Adam(0.01))
    return Subject(model, rows_from_arrays(model, X, y), "moons")


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_step_is_that_of_the_native_engine(number: int, moons: Subject) -> None:
    steps = stepping_of(moons)
    trace = steps.trace(number)
    _, native, _ = compile_network("native", steps.spec)
    native.set_state(trace.before)
    native.apply(native.gradient(steps.rows, steps.batch(number), number)[1], steps.scalars(number))
    assert np.abs(native.get_state().parameters - trace.after.parameters).max() < 1e-6
    assert (steps.state(number + 1).parameters == trace.after.parameters).all()


def test_the_first_step_begins_where_training_did(moons: Subject) -> None:
    steps = stepping_of(moons)
    table = moons.model.network.parameter_table
    assert (steps.state(0).parameters == table.initial(5, np.float64)).all()
    other = stepping_of(moons, 6)
    assert (other.state(0).parameters != steps.state(0).parameters).any()


def test_the_numbers_of_a_neuron_add_up(moons: Subject) -> None:
    answer = step(moons, 3, row=2, path="layers.2", neuron=1)
    json.dumps(answer, allow_nan=False)
    neuron = answer["neuron"]
    total = sum(term["value"] * term["weight"] for term in neuron["terms"]) + neuron["others_sum"]
    assert total + neuron["bias"]["weight"] == pytest.approx(neuron["z"], abs=1e-12)
    assert neuron["y"] == max(neuron["z"], 0.0)
    if neuron["derivative"]:
        assert neuron["dz"] == pytest.approx(neuron["dy"] * neuron["derivative"])
    assert answer["loss"] == pytest.approx(np.mean([row["loss"] for row in answer["batch"]]))
    after = step(moons, 4, path="layers.2", neuron=1)["neuron"]["terms"]
    assert [term["new"] for term in neuron["terms"]] == [term["weight"] for term in after]
    assert len(neuron["terms"][0]["memory"]) == 2, "Adam keeps two numbers for each weight"


@pytest.mark.parametrize(("path", "neuron", "term"), [("layers.0", 1, 0), ("layers.2", 0, 3), ("layers.3", 1, None)])
def test_gradients_are_finite_differences(path: str, neuron: int, term: int | None, moons: Subject) -> None:
    answer = step_check(moons, 2, path, neuron, term)
    if answer["note"] is None:
        assert answer["numeric"] == pytest.approx(answer["analytic"], rel=1e-5, abs=1e-9)
    assert answer["plus"] != answer["minus"] or answer["analytic"] == 0.0


def test_a_kink_is_reported() -> None:
    X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 2.0])
    model = rv.Network(2, [rv.Dense(1, "relu"), rv.Dense(1)]).fit(X, y, epochs=1, engine="reference", batch_size=2)
    subject = Subject(model, rows_from_arrays(model, X, y))
    steps = stepping_of(subject)
    state = steps.state(0)
    at = np.array(state.parameters)
    at[:3] = 1e-7, 0.5, 0.0
    steps._states[0] = State(at, state.slots, 0)
    answer = step_check(subject, 0, "layers.0", 0, 0)
    assert answer["note"] is not None
    assert "kink" in answer["note"]


def test_a_smooth_activation_has_no_kink() -> None:
    X, y = np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([1.0, 2.0])
    model = rv.Network(2, [rv.Dense(3, "tanh"), rv.Dense(1)]).fit(X, y, epochs=1, engine="reference", batch_size=2)
    answer = step_check(Subject(model, rows_from_arrays(model, X, y)), 0, "layers.0", 0)
    assert answer["note"] is None
    assert answer["numeric"] == pytest.approx(answer["analytic"], rel=1e-6)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (lambda subject: step(subject, -1), "There is no step"),
        (lambda subject: step(subject, 10**9), "There is no step"),
        (lambda subject: step(subject, 0, row=99), "There is no row"),
        (lambda subject: step(subject, 0, path="layers.1"), "no neuron"),
        (lambda subject: step(subject, 0, neuron=99), "no neuron"),
        (lambda subject: step(subject, 0, seed=-1), "The seed is"),
        (lambda subject: step_check(subject, 0, "layers.0", 0, 99), "no weight"),
        (lambda subject: step_check(subject, 0, "layers.0", 99), "no weight"),
    ],
)
def test_what_is_not_there_is_a_sentence(question: Any, sentence: str, moons: Subject) -> None:
    with pytest.raises(rv.InputError, match=sentence):
        question(moons)


def test_a_digit_steps_on_the_training_rows(digits: Subject) -> None:
    answer = step(digits, 0)
    assert answer["rows"] == f"the {digits.model.report.split['training']:,} training rows"
    assert len(answer["neuron"]["terms"]) == 8
    assert answer["neuron"]["others"] > 40


@pytest.mark.parametrize("number", [0, 3])
def test_a_row_of_pixels_is_shown_as_the_picture_that_it_is(number: int, digits: Subject) -> None:
    steps = stepping_of(digits)
    answer = step(digits, number, row=2)
    pixels = load_digits().data[data_of_running(digits.model.report.run)[0].train_rows[steps.batch(number)[2]]]  # type: ignore[arg-type]
    assert answer["pixels"] == np.floor(pixels / 16 * 255).astype(int).tolist()
    assert min(answer["inputs"]) < 0, "what the network takes is standardized"


def test_pictures_of_bytes_are_shown_as_they_are() -> None:
    X = np.random.default_rng(0).integers(0, 256, (8, 3, 3)).astype(np.uint8)
    y = np.arange(8) % 2
    model = rv.train(X, y, recipe="plain", hidden=(2,), epochs=1, engine="reference", test=0.25, progress=False)
    subject = Subject(model, rows_from_arrays(model, X, y), "bytes")
    answer, steps = step(subject, 0, row=1), stepping_of(subject)
    assert subject.form.kind == "picture"
    assert answer["pixels"] == X[steps.batch(0)[1]].reshape(-1).tolist()


def test_a_row_of_a_table_is_no_picture(moons: Subject) -> None:
    assert step(moons, 0)["pixels"] is None


def test_sparse_rows_are_steps_of_the_native_engine() -> None:
    texts = ["free money now", "see you at lunch", "win a free prize", "lunch at noon then"] * 6
    table = {"text": texts, "label": ["spam", "ham"] * 12}
    options: dict[str, Any] = {"kinds": {"text": "text"}, "recipe": "plain", "hidden": (4,), "epochs": 2, "test": 0}
    model = rv.train(table, target="label", progress=False, engine="reference", batch_size=7, **options)
    subject = Subject(model, rows_from_file(model, table), "messages")
    steps = stepping_of(subject)
    assert steps.rows.inputs.n_csr
    _, native, _ = compile_network("native", steps.spec)
    for number in (0, 1, 4):
        trace = steps.trace(number)
        native.set_state(trace.before)
        native.apply(native.gradient(steps.rows_of(number), np.arange(7), number)[1], steps.scalars(number))
        assert np.abs(native.get_state().parameters - trace.after.parameters).max() < 1e-6
    answer = step(subject, 1, row=2)
    row = int(steps.batch(1)[2])
    assert answer["inputs"] == steps.rows.inputs[row : row + 1].toarray()[0].tolist()
    checked = step_check(subject, 1, "layers.0", 2, answer["neuron"]["terms"][0]["index"])
    assert checked["numeric"] == pytest.approx(checked["analytic"], abs=1e-8)


def test_large_networks_keep_few_states(moons: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranvier.view.stepping.MAX_KEPT_BYTES", 1)
    steps = Stepping(moons)
    far = steps.state(3).parameters
    for number in range(12):
        steps.trace(number)
    assert len(steps._states) == 3
    assert 0 in steps._states
    assert (steps.state(3).parameters == far).all(), "what was not kept is computed again"


RESIDUAL: dict[str, list[rv.Layer]] = {
    "within": [rv.Dense(4, "tanh"), rv.Residual([rv.LayerNorm(), rv.Dense(3, "silu"), rv.Dense(4)]), rv.Dense(1)],
    "first": [rv.Residual([rv.Dense(2, "tanh")]), rv.Dense(1)],
    "last": [rv.Dense(1, "tanh"), rv.Residual([rv.Dense(3, "tanh"), rv.Dense(1)])],
    "nested": [rv.Residual([rv.Dense(3, "tanh"), rv.Residual([rv.Dense(3, "gelu")]), rv.Dense(2)]), rv.Dense(1)],
}


@pytest.mark.parametrize("layers", RESIDUAL.values(), ids=RESIDUAL)
def test_networks_with_residual_layers_are_taken_apart(layers: list[rv.Layer]) -> None:
    X = np.random.default_rng(2).normal(size=(12, 2)).astype(np.float32)
    model = rv.Network(2, layers).fit(X, X[:, 0] * X[:, 1], epochs=1, batch_size=5, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X, X[:, 0] * X[:, 1]), "residual")
    assert what(subject)["no_steps"] is None
    trace = stepping_of(subject).trace(1)
    for name, gradient in trace.gradients.items():
        same = subject.model.network.parameter_table.views(trace.gradient)[name]
        assert gradient == pytest.approx(same, rel=1e-12, abs=1e-14), name
    for info in subject.dense_layers:
        neuron = step(subject, 1, path=info.path)["neuron"]
        total = sum(term["value"] * term["weight"] for term in neuron["terms"]) + neuron["bias"]["weight"]
        assert total == pytest.approx(neuron["z"], abs=1e-12)
        check = step_check(subject, 1, info.path, 0, 0)
        assert check["numeric"] == pytest.approx(check["analytic"], rel=1e-5, abs=1e-8)


def test_the_surface_is_the_output_of_the_network(moons: Subject) -> None:
    head, array = surface(moons)
    assert [part["path"] for part in head["parts"]] == ["layers.0", "layers.2", "layers.3"]
    pictures = array.reshape(-1, SIDE, SIDE)
    assert len(pictures) == 4 + 3 + 2
    corner = np.array([[head["x"][0], head["y"][1]]], np.float32)
    outputs = moons.model.outputs(corner)[0]
    assert pictures[-2:, 0, 0].tolist() == pytest.approx((np.rint(outputs * 127) + 128).tolist(), abs=1)
    assert len(head["points"]) == 60
    assert {point[2] for point in head["points"]} == {0.0, 1.0}


def test_only_two_inputs_have_a_surface(digits: Subject) -> None:
    with pytest.raises(rv.InputError, match="needs two"):
        surface(digits)
