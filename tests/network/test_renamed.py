"""Descriptions under the names of the first files are read, and translated back to the same text for fingerprints."""

from __future__ import annotations

from typing import Any

import pytest

from ranvier.network.initializers import initializer, initializer_from_dict
from ranvier.network.layers import Dense, LayerNorm, LearnedScale, Residual, layer_from_dict
from ranvier.network.losses import loss, loss_from_dict
from ranvier.network.network import Network
from ranvier.network.optimizers import LBFGS, SGD, optimizer, optimizer_from_dict
from ranvier.network.renamed import original_network, original_training, renamed_parameters
from ranvier.network.schedules import CosineDecay, StepDecay, Warmup, schedule_from_dict
from ranvier.network.task import Task

STORED_LBFGS = {
    **{"name": "lbfgs", "learning_rate": 0.5, "history": 3, "decrease": 1e-3, "curvature": 0.8, "evaluations": 9},
    **{"tolerance": 1e-5, "weight_decay": 0.0, "clip_value": None, "clip_norm": None, "average": None},
}
STORED_SGD = {
    **{"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    **{"clip_value": None, "clip_norm": None, "average": 0.9},
}
LBFGS_NOW = LBFGS(0.5, 3, c1=1e-3, c2=0.8, max_line_search_evals=9, gradient_tolerance=1e-5)
STORED_NORMAL = {"name": "normal", "deviation": 0.3}
STORED_SCHEDULE = {"name": "warm_up", "epochs": 2.0, "then": {"name": "step", "every": 3, "factor": 0.5}}


def test_initializers_and_optimizers() -> None:
    assert initializer_from_dict(STORED_NORMAL) == initializer("normal", stddev=0.3)
    assert optimizer_from_dict(STORED_LBFGS) == LBFGS_NOW
    assert optimizer_from_dict(STORED_SGD) == SGD(0.1, ema_decay=0.9)


def test_a_custom_optimizer_and_a_custom_loss() -> None:
    rule = optimizer("plain", lambda parameter, gradient: parameter - gradient, ema_decay=0.9)
    stored = {"average" if name == "ema_decay" else name: value for name, value in rule.to_dict().items()}
    assert optimizer_from_dict(stored) == rule
    mine = loss("mine", lambda z, t: z - t, applied_to="logit")
    assert loss_from_dict({"on" if name == "applied_to" else name: v for name, v in mine.to_dict().items()}) == mine


def test_layers_and_parameters() -> None:
    assert layer_from_dict({"kind": "scale"}) == LearnedScale()
    arrays = {"layers.0.weight": 0, "layers.1.gain": 1, "layers.1.shift": 2, "layers.1.mean": 3, "layers.1.variance": 4}
    named = ["layers.0.weight", "layers.1.scale", "layers.1.bias", "layers.1.running_mean", "layers.1.running_var"]
    assert list(renamed_parameters(arrays)) == named
    assert renamed_parameters(dict.fromkeys(named)) == dict.fromkeys(named)


@pytest.mark.parametrize("names", ["names", "target_names"])
def test_tasks(names: str) -> None:
    stored = {"kind": "classes", "outputs": 2, "classes": ["a", "b"], names: ["y"]}
    assert Task.from_dict(stored) == Task("multiclass", 2, ("a", "b"), ("y",))


def test_a_network_is_translated_back_for_fingerprints() -> None:
    weights = initializer("normal", stddev=0.3)
    network = Network(2, [LearnedScale(), Residual([Dense(2, initializer=weights), LayerNorm()]), Dense(1)])
    first, block, last = original_network(network.to_dict())["layers"]
    assert first == {"kind": "scale"}
    assert block["layers"][0]["initializer"] == STORED_NORMAL
    assert last == network.to_dict()["layers"][2]


@pytest.mark.parametrize(("now", "stored"), [(LBFGS_NOW, STORED_LBFGS), (SGD(0.1, ema_decay=0.9), STORED_SGD)])
def test_settings_are_translated_back_for_fingerprints(now: Any, stored: dict[str, Any]) -> None:
    schedule = Warmup(2.0, StepDecay(3, 0.5))
    assert schedule_from_dict(STORED_SCHEDULE) == schedule
    settings = {"loss": loss("huber"), "optimizer": now, "schedule": schedule}
    original = original_training({"epochs": 3} | {name: record.to_dict() for name, record in settings.items()})
    assert original == {
        "epochs": 3,
        "loss": loss("huber").to_dict(),
        "optimizer": stored,
        "schedule": STORED_SCHEDULE,
    }
    constant = CosineDecay(0.1).to_dict()
    assert original_training({**original, "loss": {}, "optimizer": {"name": "x"}, "schedule": constant})[
        "schedule"
    ] == {
        "name": "cosine",
        "final": 0.1,
    }
