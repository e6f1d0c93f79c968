"""Searching the settings of a recipe: Optuna proposes, the engine trains many at a time."""
