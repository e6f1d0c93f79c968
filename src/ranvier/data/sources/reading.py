"""Reading: what a caller says about how rows are read, beside where they are."""

from __future__ import annotations

from ranvier.records import record


@record
class Reading:
    """How to read a source.

    Fields:
        header: whether the first line of a delimited file holds the names of its columns; None to infer it from the
            lines.
        encoding: of text, as Python calls it; None to infer it from the bytes.
        usual_encoding: the one tried first where the bytes are no Unicode and `encoding` is None: that of the text a
            model was trained on.
        skip_bad_rows: whether rows that cannot be read are left out, and counted, where one of them is an error
            otherwise.
        skip_empty_rows: whether rows in which every cell is empty are left out, and counted.
        names: columns that the caller asks for; a first line that holds one of them is a header.
        unread: columns of data in memory that nobody looks at, whatever their cells are.
        only: the columns that are looked at, or None for all that are not in `unread`.
        table: whether a text (.txt) is a table, whatever its first line says; so for a model of columns.

    >>> Reading(unread=frozenset({"raw"})).reads("raw"), Reading().reads("raw")
    (False, True)
    """

    header: bool | None = None
    encoding: str | None = None
    usual_encoding: str = ""
    skip_bad_rows: bool = False
    skip_empty_rows: bool = False
    names: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    table: bool = False

    def reads(self, name: str) -> bool:
        """Whether the cells of a column are looked at, or those of a field of its records."""
        if name in self.unread:
            return False
        return self.only is None or name in self.only or any(other.startswith(f"{name}.") for other in self.only)


PLAIN = Reading()
"""Everything is inferred from the data, and a row that cannot be read is an error."""
