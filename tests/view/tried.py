"""Rows that were filled in or drawn on the page."""

from __future__ import annotations

from typing import Any

from ranvier.model.model import Model
from ranvier.rows import Inputs
from ranvier.view.row_form import RowForm, row_of_values


def inputs_of_values(form: RowForm, model: Model, values: Any) -> Inputs:
    """The inputs (1, K) of such a row, as `row_of_values` takes it."""
    return model.inputs(row_of_values(form, model, values))
