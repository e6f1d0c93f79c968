"""Examples of a neuron come from all intervals of its outputs, with the outputs that the model computes."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.questions.neuron_examples import neuron_examples
from ranvier.view.subject import Subject


@pytest.mark.parametrize("name", ["digits", "people", "diabetes"])
def test_they_span_the_outputs(name: str, request: pytest.FixtureRequest) -> None:
    subject: Subject = request.getfixturevalue(name)
    groups = neuron_examples(subject, "layers.0", 1)
    outputs = np.asarray(subject.sample_values["layers.0"].outputs[:, 1], np.float64)
    assert groups[0]["name"] == "largest"
    assert groups[0]["high"] == outputs.max()
    assert groups[-1]["low"] == outputs.min()
    assert [group["high"] for group in groups] == sorted((group["high"] for group in groups), reverse=True)
    shown = [entry["row"] for group in groups for entry in group["rows"]]
    assert len(shown) == len(set(shown))
    for entry in groups[1]["rows"]:
        value = subject.model.activations_of(subject.row(entry["row"]))[0].outputs[0, 1]
        assert entry["output"] == pytest.approx(float(value), rel=1e-6)


def test_what_is_not_there(digits: Subject) -> None:
    with pytest.raises(rv.InputError, match="no neuron"):
        neuron_examples(digits, "layers.0", 99)
    with pytest.raises(rv.InputError, match="No rows are known"):
        neuron_examples(Subject(digits.model, None), "layers.0", 0)
