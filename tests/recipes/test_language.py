"""The recipe "language": its size and its regularization depend on how many characters there are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ranvier as rv
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
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


@pytest.mark.parametrize(
    ("rows", "dropout", "decay"), [(1_000_000, 0.2, 0.01), (180_000, 0.3, 0.1), (90_000, 0.3, 0.1)]
)
def test_few_characters_are_regularized_more(rows: int, dropout: float, decay: float) -> None:
    options = LanguageRecipe().complete(TrainOptions())
    recipe = LanguageRecipe().bound(None, options, rows)
    network = recipe.network(9, TASK, options)
    assert dropout_of(network) == dropout
    settings = recipe.settings(network, TASK, options, rows, (), True)
    assert settings.optimizer.weight_decay == decay


def test_what_was_asked_for_stays() -> None:
    bound_recipe = replace(LanguageRecipe(), dropout=0.1).bound(None, TrainOptions(), 180_000)
    assert (bound_recipe.dropout, bound_recipe.learning_rate, bound_recipe.weight_decay) == (0.1, 0.0015, 0.01)
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


@pytest.mark.parametrize(("rows", "networks", "width"), [(1_000_000, 1, 384), (180_000, 2, 256), (90_000, 1, 192)])
def test_several_narrower_networks_learn_a_text_that_is_gone_over_often(rows: int, networks: int, width: int) -> None:
    recipe = LanguageRecipe().bound(None, TrainOptions(), rows)
    assert (recipe.n_networks, recipe.width) == (networks, width)
    kinds = {type(layer) for layer in recipe.network(9, TASK, TrainOptions()).layers}
    assert (BatchNorm in kinds, LayerNorm in kinds) == (networks > 1, networks == 1)
    assert LanguageRecipe().bound(None, TrainOptions(hidden=(8,)), rows).n_networks == 1


def test_several_networks_become_one_that_writes(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"{a}{b}{c}\n" for a in "bdklm" for b in "aeiou" for c in "nrst"))
    recipe = LanguageRecipe(context=4, width=12, n_blocks=1, n_networks=2, examples=2_000)
    model = rv.train(tmp_path / "names.txt", recipe=recipe, engine="reference", progress=False)
    dense = [info.layer for info in model.network.iter_layers() if isinstance(info.layer, Dense)]
    assert [layer.groups for layer in dense] == [1, 2, 2, 1]
    assert len(model.report.members) == 2
    loss, baseline = model.report.metrics["log_loss"], model.report.baseline["log_loss_1_gram"]
    assert loss is not None
    assert baseline is not None
    assert loss < baseline
    model.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").write(length=9) == model.write(length=9)
