"""The options of `train`: the signature, the record, the command and the estimators name the same, with one default."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from ranvier import settings
from ranvier.cli import train as cli
from ranvier.cli.search import command as search_command
from ranvier.cli.train import OPTIONS
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.estimators.base import TRAIN_OPTIONS
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.registry import RECIPES
from ranvier.training.engines import HOMES
from ranvier.tuning.space import SEARCHABLE
from ranvier.tuning.whole_recipe import OWN_OPTIONS

SIGNATURE = {name: p.default for name, p in inspect.signature(rv.train).parameters.items()}
CALL_ONLY = {"data", "sample_weight", "callbacks", "progress", "model", "run"}
"""What belongs to a call, and not to the options that a run folder keeps."""
PYTHON_ONLY = {"data", "sample_weight", "callbacks", "progress", "loss"}
"""What the command line has no flag for: `data` is its argument."""
COMMAND_ONLY = {"view"}
"""What only a command can do."""
OF_FILES = {"header", "encoding"}
"""How files are read, which estimators do not do."""
NOT_ESTIMATORS = {
    "data",
    "target",
    "task",
    "test",
    "ignore",
    "sample_weight",
    "model",
    "run",
    *OF_FILES,
}
"""What estimators get by `fit`, know by their class or do not have."""
NOT_SEARCH = {"callbacks", "progress", "model", "run"}
"""What belongs to a single training."""
FIXED_FORMS = {"target", "validation", "test"}
"""What `train` takes in more forms than its record has."""
RENAMED = {"seed": "random_state", "progress": "verbose"}
"""Options that scikit-learn has a name and a default of its own for."""
FLAGS = {"kind": "kinds"}
"""Flags that are repeated, and the option that they fill."""
DOCS = Path(__file__).parents[2] / "docs"


def test_the_record_has_the_options_of_train_with_their_defaults() -> None:
    record = {field.name: field.default for field in fields(TrainOptions)}
    assert record == {name: default for name, default in SIGNATURE.items() if name not in CALL_ONLY}


def flags() -> dict[str, str]:
    """Option name -> the default that the help shows, for every flag of the command."""
    entries = [entry for part in OPTIONS.values() for entry in part]
    names = {flag: re.split("[ /]", flag)[0].removeprefix("--").replace("-", "_") for flag, *_ in entries}
    return {FLAGS.get(names[flag], names[flag]): shown for flag, _, _, shown, _ in entries}


def test_the_command_has_the_options_of_train_with_their_defaults() -> None:
    assert set(flags()) - COMMAND_ONLY == set(SIGNATURE) - PYTHON_ONLY
    for name, shown in flags().items():
        if name in COMMAND_ONLY:
            continue
        default = SIGNATURE[name]
        assert shown == ("" if default is None or default == () or default is False else str(default)), name


@pytest.mark.parametrize("make", [rv.Classifier, rv.Regressor])
def test_estimators_have_the_options_of_train_with_their_defaults(make: Any) -> None:
    absent = NOT_ESTIMATORS if make is rv.Classifier else NOT_ESTIMATORS | {"class_weight", "threshold", "positive"}
    expected = {RENAMED.get(name, name): default for name, default in SIGNATURE.items() if name not in absent}
    parameters = make().get_params()
    assert set(parameters) == {*expected, "warm_start"}
    for name, default in expected.items():
        if name not in (*RENAMED.values(), "callbacks"):
            assert parameters[name] == default, name


def test_every_option_is_in_the_docs() -> None:
    lines = (DOCS / "quick-start.md").read_text(encoding="utf-8").splitlines()
    documented = {
        name for line in lines if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert documented >= SIGNATURE.keys()
    assert documented >= inspect.signature(rv.fit).parameters.keys() - {"network", "X", "y"}


def test_a_name_that_is_no_option_is_refused() -> None:
    options: Any = {"epoch": 3}
    with pytest.raises(TypeError, match="epoch"):
        rv.train("iris", **options)


def test_the_names_that_the_command_knows_are_those_of_the_lists() -> None:
    assert ("auto", *RECIPES) == cli.RECIPES
    assert ("auto", *HOMES) == settings.ENGINES
    (kinds,) = (text for flag, _, _, _, text in OPTIONS["Data"] if flag == "--kind")
    assert {*re.findall(r"\w+", kinds.partition(":")[2].partition(";")[0])} - {"or"} == {*COLUMN_KINDS, "drop"}


def test_the_method_of_a_network_has_the_options_of_fit() -> None:
    method, function = (inspect.signature(f).parameters for f in (rv.Network.fit, rv.fit))
    assert [(n, p.default) for n, p in method.items() if n not in ("self", "X", "y")] == [
        (n, p.default) for n, p in function.items() if n not in ("network", "X", "y")
    ]


def test_a_model_goes_on_with_the_options_of_fit() -> None:
    assert inspect.signature(rv.Model.fit).parameters.keys() - {"self"} == (
        inspect.signature(rv.fit).parameters.keys() - {"network", "start"}
    )


def test_a_search_has_the_options_of_the_data_with_their_defaults_in_python_and_as_flags() -> None:
    search = {name: p.default for name, p in inspect.signature(rv.search).parameters.items()}
    of_search = {"minutes", "trials", "space", "folder", "storage", "on_progress"}
    assert set(search) - of_search == set(SIGNATURE) - set(SEARCHABLE) - NOT_SEARCH
    for name in set(search) - of_search - {"validation"}:
        assert search[name] == SIGNATURE[name], name
    command = {parameter.name for parameter in search_command.params} - {"quiet", "as_json", "print_space"}
    assert command - {"kind"} == set(search) - {"sample_weight", "on_progress", "kinds"}


def test_what_a_search_and_estimators_hand_on_follows_from_the_record() -> None:
    signature = set(inspect.signature(rv.search).parameters)
    names = {field.name for field in fields(TrainOptions)}
    assert set(OWN_OPTIONS) | FIXED_FORMS == signature & names
    for make in (rv.Classifier, rv.Regressor):
        assert set(TRAIN_OPTIONS) <= set(make().get_params())


def test_train_hands_each_option_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class SeenError(Exception):
        pass

    def job(inputs: Any, options: TrainOptions, *rest: Any) -> None:
        raise SeenError(inputs, options)

    values: dict[str, Any] = {field.name: object() for field in fields(TrainOptions) if field.name not in FIXED_FORMS}
    values |= {"epochs": 3, "batch_size": 4, "patience": 5, "hidden": (6,), "ignore": ("a",), "threshold": 0.25}
    values |= {"kinds": {"b": "number"}, "members": 2}
    monkeypatch.setattr("ranvier.model.train.train_job", job)
    monkeypatch.setattr("ranvier.tuning.search.train_job", job)
    for function, left_out in ((rv.train, ()), (rv.search, SEARCHABLE)):
        passed = {name: value for name, value in values.items() if name not in left_out}
        with pytest.raises(SeenError) as raised:
            function("iris", "kind", validation=0.3, test=0.4, sample_weight=[1.0], **passed)
        inputs, options = raised.value.args
        assert {name: getattr(options, name) for name in passed} == passed
        assert (inputs.data, inputs.target, inputs.sample_weight) == ("iris", "kind", [1.0])
        assert (inputs.validation, inputs.test) == (0.3, 0.4)
