"""The input columns of a source: their schema, by their cells and by the kinds that the user gave, and notes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.columns.decimal_signs import DECIMALS
from ranvier.data.columns.row_numbers import REASON, row_number_columns
from ranvier.data.columns.schema import DROP, ColumnSchema, read_schema
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.data.targets.target_column import check_column, target_format_notes, target_formats, target_values
from ranvier.errors import InputError

MAX_NUMBER_COLUMNS = 1000
"""Up to so many columns of an array are numbers without a look at them; in wider arrays constant ones are dropped."""


def as_columns(
    source: Source, target: Any, features: FeatureOptions | None, kinds: Mapping[str, str] | None
) -> tuple[Source, Any]:
    """Floating-point arrays as a table of numbers where columns are expanded or have kinds; else the source unchanged.

    Parameters:
        target: the target values beside the source; None for those in it.
        features: how columns are expanded; None for not at all.
        kinds: the kinds that the user gave.

    Returns the source, and the target values beside it, which a table of inputs has no place for.

    Raises:
        InputError: the rows are sparse, or are pictures and have kinds.

    >>> from ranvier.data.sources import open_source
    >>> as_columns(open_source([[1.0, 2.0]]), [1], None, {"x0": "category"})[0].column_names
    ('x0', 'x1')
    """
    if source.column_names or (features is None and not kinds):
        return source, target
    if source.is_sparse:
        what = "this recipe expands the columns of tables; take recipe='auto', or" if not kinds else "have no kinds;"
        raise InputError(f"The data are sparse rows, which are numbers already, and {what} give an array, X.toarray().")
    table = source.as_table("number" if source.inputs.shape[1] <= MAX_NUMBER_COLUMNS else None)
    if kinds and not table.column_names:
        raise InputError(f"The rows of {source.origin} are pictures, which have no columns of kinds; leave kinds out.")
    return table, target_values(source) if table is not source and target is None else target


def as_names(names: str | Iterable[str] | None) -> tuple[str, ...]:
    """One name, several or none as a tuple.

    >>> as_names("age"), as_names(None)
    (('age',), ())
    """
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def known_kinds(
    source: Source, left_out: Collection[str], kinds: Mapping[str, str]
) -> tuple[dict[str, str], Collection[str]]:
    """The kinds of columns that are not inferred from the cells, and the columns dropped because they number the rows.

    Parameters:
        left_out: columns that are no inputs.
        kinds: the kinds that the user gave, which come before those that the source says.

    >>> from ranvier.data.sources import open_source
    >>> known_kinds(open_source({"index": [0, 1], "age": [39, 50], "zip": [1, 2]}), (), {"zip": "category"})
    ({'index': 'drop', 'zip': 'category'}, ['index'])
    """
    own = {name: kind for name, kind in source.kinds.items() if name not in left_out}
    counted = _row_numbers(source, {*left_out, *kinds})
    return {**own, **dict.fromkeys(counted, DROP), **kinds}, counted


def _row_numbers(source: Source, others: Collection[str]) -> list[str]:
    """The input columns that are row numbers; none where nothing else would be left.

    Parameters:
        others: columns that are no inputs, or whose kind is given.
    """
    counted = [name for name in row_number_columns(source.frame, source.unnamed) if name not in others]
    return counted if set(source.column_names) - {*others, *counted} else []


def input_columns(
    source: Source, names: Sequence[str], ignore: str | Iterable[str], kinds: Mapping[str, str] | None = None
) -> tuple[tuple[ColumnSchema, ...], list[str]]:
    """The schema, and a note on each column that is dropped; nothing for arrays.

    Parameters:
        names: the target columns that stand in the source.
        ignore: columns that are not inputs.
        kinds: column -> kind, where the user knows better.

    Raises:
        DataError: a column does not exist, or a cell is not of the kind that was given.
        InputError: a kind is unknown or given to a target, a target is left out, or no column can be used.

    >>> from ranvier.data.sources import open_source
    >>> input_columns(open_source("iris"), ["species"], (), {"petal width (cm)": "category"})[0][-1].kind
    'category'
    """
    return read_input_columns(source, names, ignore, kinds)[1:]


def read_input_columns(
    source: Source, names: Sequence[str], ignore: str | Iterable[str], kinds: Mapping[str, str] | None = None
) -> tuple[Source, tuple[ColumnSchema, ...], list[str]]:
    """The source with the columns of strings as they were read on the way, and what `input_columns` gives.

    >>> from ranvier.data.sources import open_source
    >>> read, columns, _ = read_input_columns(open_source({"age": ["39", "?", "50"], "y": [1, 0, 1]}), ["y"], ())
    >>> read.cells(columns[0]).to_list()
    [39.0, nan, 50.0]
    """
    ignored = as_names(ignore)
    if not source.column_names:
        if ignored:
            raise InputError(f"{source.origin} has no column names, so {ignored[0]!r} cannot be ignored.")
        return source, (), []
    for name in names:
        check_column(source, name)
    requested = {str(name): kind for name, kind in (kinds or {}).items()}
    wrong = next((name for name in names if not _is_kind_of_target(requested.get(name, ""))), None)
    if wrong is not None:
        raise InputError(
            f'Column "{wrong}" is the target, and kinds are those of input columns; say what is asked for by the task.'
        )
    twice = next((name for name in names if name in ignored), None)
    if twice is not None:
        raise InputError(f'Column "{twice}" is the target, and is also to be left out; name it as one of the two.')
    left_out = tuple(dict.fromkeys((*names, *ignored)))
    kinds, counted = known_kinds(source, left_out, requested)
    columns, read = read_schema(source.frame, left_out, kinds, source.decimal_commas)
    columns = tuple(replace(column, reason=REASON) if column.name in counted else column for column in columns)
    notes = [f'Column "{column.name}" is dropped: {column.reason}.' for column in columns if not column.used]
    formats = dict(zip(names, target_formats(source, names), strict=False))
    formats = {**{column.name: column.number_format for column in columns}, **formats}
    notes += comma_notes(formats)
    notes += target_format_notes(source, names)
    notes += [note for column in columns for note in column.notes]
    return source.with_read(columns, read) if isinstance(source, Table) else source, columns, notes


def _is_kind_of_target(kind: str) -> bool:
    """Whether a kind, "" for none, says how numbers are written and nothing else."""
    bare, _, how = kind.partition(":")
    return not kind or (bare == "number" and how in DECIMALS)


def with_decimals(source: Source, kinds: Mapping[str, str] | None) -> Source:
    """The source that knows which columns the user says to have decimal commas or points, targets among them.

    >>> from ranvier.data.sources import open_source
    >>> dict(with_decimals(open_source({"kg": ["1,234"]}), {"kg": "number:decimal-comma"}).kinds)
    {'kg': 'number:decimal-comma'}
    """
    how = {str(name): kind for name, kind in (kinds or {}).items() if ":" in kind and _is_kind_of_target(kind)}
    return replace(source, kinds={**source.kinds, **how}) if how and isinstance(source, Table) else source


def comma_notes(formats: Mapping[str, NumberFormat]) -> list[str]:
    """Which columns have commas, by how they are written; nothing where none has.

    >>> comma_notes({"kg": NumberFormat(decimal=",")})
    ['Decimal commas, such as 1,5 for 1.5, were read in: kg.']
    """
    notes = []
    for sign, sentence in (
        ("thousands", "Commas between thousands, such as 1,234 for 1234, were read in"),
        ("decimal", "Decimal commas, such as 1,5 for 1.5, were read in"),
    ):
        names = [name for name, form in formats.items() if getattr(form, sign) == ","]
        if names:
            notes.append(f"{sentence}: {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}.")
    return notes
