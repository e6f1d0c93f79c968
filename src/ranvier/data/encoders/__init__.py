"""From cells and arrays to the numbers that a network takes, and from its outputs back to labels and values.

A network on arrays takes the encoder of its target alone, so the others, and what reads files, are imported when used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.array import ArrayEncoder
    from ranvier.data.encoders.context import ContextEncoder
    from ranvier.data.encoders.feature_options import FeatureOptions
    from ranvier.data.encoders.table import TableEncoder

__all__ = ["encoder_from_dict", "fit_encoder"]


def fit_encoder(
    source: Any,
    columns: Iterable[ColumnSchema] | None = None,
    target: str | Iterable[str] | None = None,
    features: FeatureOptions | None = None,
    learned_targets: NDArray[Any] | None = None,
) -> TableEncoder | ArrayEncoder:
    """Learn from training rows how to turn rows into numbers.

    Parameters:
        source: what `open_source` reads; the training rows and no others.
        columns: the schema of a table; None to infer it.
        target: the columns of a table that are to be predicted.
        features: limits on the features of numbers and categories; None for one feature a number.
        learned_targets: for `features` that adapt bins, see `with_refined_numbers`; None without.

    Raises:
        DataError: the rows cannot be encoded.

    >>> fit_encoder({"age": [30, 40, 50]}).feature_names
    ('age',)
    """
    from ranvier.data.sources import open_source

    opened = open_source(source)
    if not opened.column_names:
        from ranvier.data.encoders.array import ArrayEncoder

        return ArrayEncoder.fit(opened)
    from ranvier.data.encoders.table import TableEncoder

    return TableEncoder.fit(opened, columns, target, features, learned_targets)


def encoder_from_dict(
    data: Any, arrays: Mapping[str, Any] | None = None
) -> TableEncoder | ArrayEncoder | ContextEncoder:
    """The encoder that `to_dict` wrote, of whichever kind.

    Parameters:
        data: its description.
        arrays: what its `arrays` gave.

    Raises:
        ModelFileError: the description is damaged or of an unknown kind.

    >>> from ranvier.data.encoders.array import ArrayEncoder
    >>> encoder = ArrayEncoder("bytes", 784, (28, 28))
    >>> encoder_from_dict(encoder.to_dict()) == encoder
    True
    """
    from ranvier.data.encoders.json_fields import damaged, field, mapping

    kind = field(mapping(data), "kind", str)
    if kind == "array":
        from ranvier.data.encoders.array import ArrayEncoder

        return ArrayEncoder.from_dict(data)
    if kind == "table":
        from ranvier.data.encoders.table import TableEncoder

        return TableEncoder.from_dict(data, arrays)
    if kind == "context":
        from ranvier.data.encoders.context import ContextEncoder

        return ContextEncoder.from_dict(data)
    raise damaged(f"it is of kind {kind[:40]!r}; this version knows array, context and table")
