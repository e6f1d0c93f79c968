"""ReadyData: what a recipe trains on, made of what was read, and the network and the settings that it makes of it."""

from __future__ import annotations

from dataclasses import replace

from ranvier.data import Prepared
from ranvier.model.rows import resolve_class_weight, row_weights
from ranvier.network.network import Network, with_factor
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings


@record(eq=False)
class ReadyData:
    """What a recipe trains on: its complete options, the encoded data, and the weighted rows of each part."""

    recipe: Recipe
    options: TrainOptions
    prepared: Prepared
    task: Task
    rows: Rows
    validation: Rows | None

    def parts(self) -> tuple[Recipe, TrainOptions, Prepared, Task, Rows, Rows | None]:
        """The fields."""
        return self.recipe, self.options, self.prepared, self.task, self.rows, self.validation

    def with_options(self, options: TrainOptions) -> ReadyData:
        """The same rows for other options of the network and of training, as `train` completes them."""
        options = self.recipe.complete(options)
        recipe = self.recipe.bound(self.prepared.encoder, options, len(self.prepared.train))
        return replace(self, recipe=recipe, options=options)

    def network_and_settings(
        self, options: TrainOptions, callbacks: tuple[Callback, ...], rows: int | None = None, validated: bool = False
    ) -> tuple[Network, TrainSettings]:
        """The network that the recipe builds for these rows, and how it is trained.

        Parameters:
            options: complete ones; those of these data, or others that differ in the network or in training.
            rows: how many rows it is trained on; None for all.
            validated: whether other rows than those of these data are there for validation.
        """
        count = len(self.rows) if rows is None else rows
        network = self.recipe.network(self.prepared.encoder.width, self.task, options, self.rows.inputs.n_csr)
        network = with_factor(network, None if self.recipe.rescales else self.prepared.encoder.factor)
        validated = validated or self.recipe.validates(count, self.validation is not None)
        settings = self.recipe.settings(network, self.task, options, count, callbacks, validated)
        return network, settings.on(self.rows.inputs)


def weighted_rows(prepared: Prepared, options: TrainOptions) -> tuple[Task, Rows, Rows | None]:
    """The task, and the training and validation rows with the weight of each."""
    task = prepared.target.task
    by_class = resolve_class_weight(task, prepared.train.targets, options.class_weight)

    def weighted(part: Rows) -> Rows:
        return replace(part, weights=row_weights(task, part.targets, part.weights, by_class))

    validation = prepared.validation
    return task, weighted(prepared.train), None if validation is None else weighted(validation)
