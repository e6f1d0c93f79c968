"""Integers that are no numbers: identifiers and codes, told by the name of their column and by how often they repeat.

The rule, which `--kind COLUMN=number` and `--kind COLUMN=category` overrule:

- Digits with leading zeros are codes whatever their column is called (`number_inference.are_codes`).
- Integers in a column named like an id are categories where they repeat, else an identifier, which is dropped.
- Integers of seven digits or more in a column named like a telephone, an ISBN or the like are treated in the same way.
- Integers in a column named like a postcode or a code are categories where each stands in ten rows or more on average;
  else they stay numbers, since the neighbours of a postcode are often its neighbours on the map.
- Integers that count the rows are dropped where the name allows it.
"""

from __future__ import annotations

import re

import polars as pl

from ranvier.data.columns.column_schema import DROP, ColumnSchema
from ranvier.data.columns.row_numbers import FIRST, LEFT_BY_INDEX

ID_ENDS = frozenset({"id", "ids", "uuid", "guid", "pid", "identifier"})
"""Last words in the name of a column of identifiers."""
ID_NAMES = ID_ENDS | {"rownames", "index", "unnamed"}
"""Words in the name of a column whose integers, all different, are an identifier."""
COUNT_NAMES = ID_NAMES | {
    *("row", "rows", "rowname", "idx", "no", "nr", "num", "number", "nummer", "order", "instant", "record", "records"),
    *("obs", "observation", "case", "sample", "serial", "sno", "key", "seq", "sequence", "entry", "lfd", "column"),
}
"""Words in the name of a column that is an identifier if it counts the rows."""
LONG_ENDS = frozenset(
    ("phone", "telephone", "tel", "mobile", "cell", "fax", "telefon", "telefono", "celular", "msisdn", "ssn", "isbn")
) | {"ean", "upc", "gtin", "imei", "barcode", "nif", "cpf", "cnpj", "vat"}
"""Last words, before "number" or "no", in the name of a column of long integers that are identifiers."""
MIN_LONG = 1e6
POST_NAMES = frozenset(
    ("zip", "zipcode", "postcode", "postal", "postalcode", "postnr", "plz", "postleitzahl", "pincode", "cep", "fips")
)
CODE_ENDS = frozenset({"code", "codes", "codigo", "kode"})
"""Last words in the name of a column of codes."""
MIN_ROWS_OF_A_CODE = 10
LONG_INTEGER = 16
"""Integers of fewer digits are numbers of float64."""


def identifier(name: str, rows: int, distinct: int, counts: bool, long: bool = False) -> tuple[str, str] | None:
    """The kind of a column of integers that its name calls identifiers or codes, and why; None for numbers.

    Parameters:
        rows: how many cells are not missing.
        distinct: how many different ones there are.
        counts: whether they count the rows.
        long: whether all have many digits, as those of telephones have.

    >>> identifier("PassengerId", 891, 891, True), identifier("shop_id", 900, 9, False)
    (('drop', 'integers that count the rows'), ('category', '9 different codes, named like an id'))
    >>> identifier("Zip code", 900, 9, False), identifier("Zip code", 900, 800, False)
    (('category', '9 different codes, named like a postcode'), None)
    """
    words = name_words(name)
    row_numbers = name == FIRST or LEFT_BY_INDEX.fullmatch(name.strip()) is not None
    if counts and (row_numbers or not COUNT_NAMES.isdisjoint(words)):
        return DROP, "integers that count the rows"
    if distinct == rows and (row_numbers or not ID_NAMES.isdisjoint(words)):
        return DROP, "integers, all different, named like an id"
    last = words[-1] if words else ""
    if long and not LONG_ENDS.isdisjoint(words[-2:]) and (last in LONG_ENDS or last in COUNT_NAMES):
        if 2 * distinct <= rows:
            return "category", f"{distinct:,} different codes, named so"
        return DROP, "long integers, named like telephones or other codes"
    if last in ID_ENDS:
        if 2 * distinct <= rows:
            return "category", f"{distinct:,} different codes, named like an id"
        return DROP, "integers, most of them different, named like an id"
    if MIN_ROWS_OF_A_CODE * distinct <= rows:
        if last in POST_NAMES or (last in CODE_ENDS and not POST_NAMES.isdisjoint(words)):
            return "category", f"{distinct:,} different codes, named like a postcode"
        if last in CODE_ENDS:
            return "category", f"{distinct:,} different codes, named so"
    return None


def name_words(name: str) -> list[str]:
    """The words in a name like "PassengerId" or "customer_id", in lower case.

    >>> name_words("PassengerId"), name_words("customer_ID 2")
    (['passenger', 'id'], ['customer', 'id'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+", name)]


def long_integers(name: str, strings: pl.Series) -> ColumnSchema | None:
    """The schema of integers of which several are one number of float64, such as those of bank cards; None for others.

    >>> long_integers("card", pl.Series(["9223372036854775809", "9223372036854775810"])).kind
    'drop'
    """
    if (strings.str.len_bytes().max() or 0) < LONG_INTEGER:  # type: ignore[operator]
        return None
    if not strings.str.contains(r"^[+-]?\d{16,}$").any() or not strings.str.contains(r"^[+-]?\d+$").all():
        return None
    different = strings.drop_nulls().unique()
    if different.cast(pl.Float64).n_unique() == len(different):
        return None
    present = len(strings) - strings.null_count()
    reason = "integers of more digits than a number keeps apart"
    if 2 * len(different) > present:
        return ColumnSchema(name, DROP, f"{reason}, most of them different", strings.null_count(), len(different))
    return ColumnSchema(name, "category", reason, strings.null_count(), len(different))
