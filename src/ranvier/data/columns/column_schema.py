"""ColumnSchema: what is known of one column of a table, and kept in the model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ranvier.data.cells.date_format import DateFormat
from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.encoders import json_fields
from ranvier.records import record

DROP = "drop"
STORED_DROP_KINDS = ("identifier", "constant", "empty")
"""Kinds of columns in model files of earlier versions that are "drop" today."""


@record
class ColumnSchema:
    """What a column holds.

    Fields:
        name: the column's name.
        kind: one of `data.encoders.kinds.COLUMN_KINDS`, or "drop" for a column that is no input.
        reason: why, in words.
        missing: the number of missing cells.
        distinct: the number of different values, missing ones left out.
        number_format: how the cells of a number are written.
        date_format: how the cells of a date are written.
        html: whether the cells of a text are HTML, whose tags are no words.
        notes: what was odd about the cells, one sentence each.

    >>> ColumnSchema("age", "number", "numbers", 0, 73).used
    True
    """

    name: str
    kind: str
    reason: str
    missing: int
    distinct: int
    number_format: NumberFormat = NumberFormat()
    date_format: DateFormat = DateFormat()
    html: bool = False
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        """Whether the column is an input."""
        return self.kind != DROP

    def reads_like(self, other: ColumnSchema) -> bool:
        """Whether cells mean the same by another schema.

        >>> ColumnSchema("age", "number", "numbers", 0, 73).reads_like(ColumnSchema("age", "date", "dates", 0, 73))
        False
        """
        formats = self.kind, self.number_format, self.date_format
        return formats == (other.kind, other.number_format, other.date_format)

    @property
    def thousands_separator(self) -> bool:
        """Whether the cells of a number have commas between thousands."""
        return self.number_format.thousands == ","

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain JSON values."""
        formats = {"number_format": self.number_format.to_dict(), "date_format": self.date_format.to_dict()}
        return {**asdict(self), **formats, "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, data: Any) -> ColumnSchema:
        """The schema that `to_dict` wrote; earlier versions stored the reason of a dropped column as its kind.

        Raises:
            ModelFileError: a field is absent or of another type.
        """
        data = json_fields.renamed(json_fields.mapping(data), {"commas": "thousands_separator"})
        kind = json_fields.field(data, "kind", str)
        kind = DROP if kind in STORED_DROP_KINDS else kind
        name, reason = json_fields.field(data, "name", str), json_fields.field(data, "reason", str)
        missing, distinct = json_fields.field(data, "missing", int), json_fields.field(data, "distinct", int)
        formats = NumberFormat.stored_in(data), DateFormat.stored_in(data)
        notes = json_fields.items(data, "notes", str) if "notes" in data else ()
        html = "html" in data and json_fields.field(data, "html", bool)
        return cls(name, kind, reason, missing, distinct, *formats, html, notes)
