"""The recipe "language": its size and its regularization depend on how many characters there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ranvier.network.layers import Dropout, Residual
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.language import LANGUAGE_PRESETS, LanguageRecipe
from ranvier.recipes.options import TrainOptions

TASK = Task("multiclass", 3, ("a", "b", "c"), ("next character",))


def dropout_of(network: Network) -> float:
    return next(
        layer.rate
        for block in network.layers
        if isinstance(block, Residual)
        for layer in block.layers
        if isinstance(layer, Dropout)
    )


@pytest.mark.parametrize(("rows", "dropout", "decay"), [(1_000_000, 0.2, 0.01), (180_000, 0.3, 0.1)])
def test_few_characters_are_regularized_more(rows: int, dropout: float, decay: float) -> None:
    options = LanguageRecipe().complete(TrainOptions())
    recipe = LanguageRecipe().bound(None, options, rows)
    network = recipe.network(9, TASK, options)
    assert dropout_of(network) == dropout
    settings = recipe.settings(network, TASK, options, rows, (), True)
    assert settings.optimizer.weight_decay == decay


def test_what_was_asked_for_stays() -> None:
    own = replace(LanguageRecipe(), dropout=0.1).bound(None, TrainOptions(), 180_000)
    assert (own.dropout, own.learning_rate, own.weight_decay) == (0.1, 0.0015, 0.01)
    options = LanguageRecipe().complete(TrainOptions(dropout=0.4, weight_decay=0.2, learning_rate=0.01))
    recipe = LanguageRecipe().bound(None, options, 180_000)
    network = recipe.network(9, TASK, options)
    optimizer = recipe.settings(network, TASK, options, 180_000, (), True).optimizer
    assert (dropout_of(network), optimizer.weight_decay, optimizer.learning_rate) == (0.4, 0.2, 0.01)
    flat = LanguageRecipe().network(9, TASK, LanguageRecipe().complete(TrainOptions(hidden=(4,))))
    assert [layer.rate for layer in flat.layers if isinstance(layer, Dropout)] == [0.2]
    without = LanguageRecipe().network(9, TASK, LanguageRecipe().complete(TrainOptions(dropout=0.0)))
    assert not any(isinstance(layer, Dropout) for block in without.layers for layer in getattr(block, "layers", ()))


def test_effort_best_keeps_its_own() -> None:
    best = LANGUAGE_PRESETS["best"].bound(None, TrainOptions(), 180_000)
    assert (best.dropout, best.learning_rate) == (0.3, 0.002)
