"""Many inputs: those that carry most, those that are looked for, and those that were pinned."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.known_rows import rows_from_arrays, rows_from_file
from ranvier.view.questions.inputs import inputs
from ranvier.view.subject import Subject

WORDS = (
    "free prize call now",
    "see you at home",
    "win a free phone",
    "home by now",
    "call me at home",
    "a prize to win",
)


@pytest.fixture(scope="module")
def messages() -> Subject:
    """Short texts of two kinds, whose words are sparse inputs."""
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(WORDS, 7)) + (" free prize" if row % 2 == 0 else " my home") for row in range(64)]
    table = {"text": texts, "kind": [("spam", "ham")[row % 2] for row in range(64)]}
    model = rv.train(
        table, target="kind", recipe="plain", hidden=(5,), epochs=3, engine="reference", progress=False, batch_size=8
    )
    return Subject(model, rows_from_file(model, table), "messages")


def test_the_inputs_that_carry_most_come_first(messages: Subject) -> None:
    row = messages.row(0)
    answer = inputs(messages, row, 50)
    weight = np.asarray(messages.model.parameters[f"{messages.dense_layers[0].path}.weight"], np.float64)
    values = row.toarray()[0]
    carried = np.abs(values) * np.linalg.norm(weight, axis=1)
    order = [entry["index"] for entry in answer["inputs"]]
    assert order == sorted(np.flatnonzero(values), key=lambda at: -carried[at])[:50]
    assert answer["found"] == np.count_nonzero(values)
    assert answer["all"] == len(values)
    for entry in answer["inputs"]:
        assert entry["value"] == values[entry["index"]]
        assert entry["size"] == pytest.approx(np.linalg.norm(weight[entry["index"]]))


def test_lines_are_weights_of_the_inputs(messages: Subject) -> None:
    answer = inputs(messages, messages.row(1), 4)
    weight = np.asarray(messages.model.parameters[f"{messages.dense_layers[0].path}.weight"], np.float64)
    for position, neuron, value in answer["lines"]:
        assert weight[answer["inputs"][position]["index"], neuron] == value
    assert answer["limit"] == max(abs(line[2]) for line in answer["lines"])


@pytest.mark.parametrize("search", ["free", "FREE", " home "])
def test_a_search_finds_what_holds_it(search: str, messages: Subject) -> None:
    answer = inputs(messages, messages.row(0), 50, search)
    names = [entry["name"] for entry in answer["inputs"]]
    assert names
    assert all(search.strip().casefold() in name.casefold() for name in names)
    assert answer["found"] >= len(names)


def test_pinned_inputs_come_first_also_where_they_are_0(messages: Subject) -> None:
    absent = inputs(messages, messages.row(1), 50, "prize")["inputs"][0]
    answer = inputs(messages, messages.row(1), 2, pinned=[absent["name"], "no such input", absent["name"]])
    assert answer["inputs"][0] == absent
    assert len({entry["index"] for entry in answer["inputs"]}) == len(answer["inputs"]) == 3


def test_nothing_is_found_and_nothing_is_known(messages: Subject) -> None:
    assert inputs(messages, messages.row(0), 5, "zebra")["inputs"] == []
    answer = inputs(messages, None, 3)
    assert [entry["value"] for entry in answer["inputs"]] == [None] * 3
    with pytest.raises(InputError, match="from 1 to 50"):
        inputs(messages, None, 0)


def test_a_grouped_layer_has_the_weights_of_its_own_groups() -> None:
    X = np.random.default_rng(0).normal(size=(12, 6))
    network = rv.Network(6, [rv.Dense(4, "tanh", groups=2), rv.Dense(1)])
    model = network.fit(X, X.sum(axis=1), epochs=1, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X, X.sum(axis=1)), "groups")
    answer = inputs(subject, subject.row(0), 6)
    weight = np.asarray(model.parameters["layers.0.weight"], np.float64)
    for position, neuron, value in answer["lines"]:
        index = answer["inputs"][position]["index"]
        assert index // 3 == neuron // 2
        assert weight[index % 3, neuron] == value
