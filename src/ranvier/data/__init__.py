"""From files to float arrays: sources, column kinds, encoders, the target, splits.

The way of the data:

    open_source -> Source -> infer_schema -> fit_encoder (training rows only) -> Rows

`prepare` walks it in one call. The names below are loaded when they are first used, so that importing this package
loads neither polars nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranvier.data.columns.schema import ColumnSchema, infer_schema
    from ranvier.data.encoders import encoder_from_dict, fit_encoder
    from ranvier.data.encoders.array import ArrayEncoder
    from ranvier.data.encoders.table import TableEncoder
    from ranvier.data.encoders.target import TargetEncoder, explain_task, fit_target, infer_task
    from ranvier.data.preparation import Prepared, prepare
    from ranvier.data.sources import NAMED, open_source
    from ranvier.data.sources.array_source import Arrays
    from ranvier.data.sources.source import Source
    from ranvier.data.sources.table_source import Table
    from ranvier.data.targets.target_column import check_target_range, target_values

_HOMES = {
    "without_bad_targets": "targets.bad_targets",
    "ColumnSchema": "columns.schema",
    "infer_schema": "columns.schema",
    "encoder_from_dict": "encoders",
    "fit_encoder": "encoders",
    "ArrayEncoder": "encoders.array",
    "TableEncoder": "encoders.table",
    "TargetEncoder": "encoders.target",
    "explain_task": "encoders.target",
    "fit_target": "encoders.target",
    "infer_task": "encoders.target",
    "Prepared": "preparation",
    "prepare": "preparation",
    "target_values": "targets.target_column",
    "check_target_range": "targets.target_column",
    "NAMED": "sources",
    "open_source": "sources",
    "Arrays": "sources.array_source",
    "Source": "sources.source",
    "Table": "sources.table_source",
}

__all__ = [
    "NAMED",
    "ArrayEncoder",
    "Arrays",
    "ColumnSchema",
    "Prepared",
    "Source",
    "Table",
    "TableEncoder",
    "TargetEncoder",
    "check_target_range",
    "encoder_from_dict",
    "explain_task",
    "fit_encoder",
    "fit_target",
    "infer_schema",
    "infer_task",
    "open_source",
    "prepare",
    "target_values",
    "without_bad_targets",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
