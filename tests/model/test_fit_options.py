"""The record of the options of `fit` has those of its signature."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

import ranvier as rv
from ranvier.model.fit import fit
from ranvier.model.fit_options import FitOptions

OTHERS = ("network", "X", "y", "progress", "trials")


@pytest.mark.parametrize("function", [fit, rv.fit_many])
def test_the_record_has_the_options_and_defaults_of_the_functions(function: object) -> None:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    options = {name: entry.default for name, entry in parameters.items() if name not in OTHERS}
    assert options == {entry.name: entry.default for entry in fields(FitOptions)}  # type: ignore[arg-type]
