"""Recipes: everything that `train` decides by itself for a kind of data."""
