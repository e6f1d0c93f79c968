"""Words and signs that stand for a missing cell.

`MISSING` counts in every column, unless the column was declared to hold categories; of it, `NAMED` is named in the
report, because it might be a category. `MARKS` counts in columns of numbers and of dates alone: in a column of words,
"none" and "unknown" are categories like any other.
"""

from __future__ import annotations

import polars as pl

USUAL = ("", "NA", "N/A", "NaN", "nan", "null", "?")
NAMED = (
    *("NULL", "Null", "None", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "-nan", "-NaN", "(null)", "\\N"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""What programs write for a missing cell, as pandas reads them."""
MISSING = (*USUAL, *NAMED)
MARKS = frozenset(
    (
        *("", "na", "n/a", "n.a.", "n.a", "n/d", "n.d.", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "+nan"),
        *("null", "#null!", "(null)", "<null>", "nil", "none", "\\n", "nat", "void", "undefined", "undef"),
        *("missing", "unknown", "unspecified", "not available", "not applicable", "not reported", "not recorded"),
        *("not known", "no data", "no value", "no information", "blank", "(blank)", "empty", "(empty)", "tbd", "tba"),
        *("?", "??", "???", ".", "..", "...", "-", "--", "---", "----", "\u2013", "\u2014", "\u2212"),
        *("_", "*", "**", "/"),
        *("#div/0!", "#value!", "#ref!", "#name?", "#num!", "1.#qnan", "-1.#ind", "1.#ind", "k.a.", "keine angabe"),
        *("#wert!", "#nv", "#bezug!", "#zahl!", "#valeur!", "#nombre?", "#¡valor!", "#¡div/0!", "#n/d", "#valor!"),
        *("nd", "nc", "n.c.", "n/c", "n.r.", "s/d", "s.d.", "k. a.", "n. a.", "n. d.", "o. a.", "n.b.", "b.d.", "н/д"),
        *(":", ": c", ": u", ": z", "unbekannt", "inconnu", "inconnue", "desconocido", "desconhecido", "sconosciuto"),
        *("sin dato", "sin datos", "sem dados", "brak", "brak danych", "nieznany", "onbekend", "okänd", "ukjent"),
        *(
            "ukendt",
            "nepoznato",
            "neznámé",
            "неизвестно",
            "нет данных",
            "bilinmiyor",
            "未知",
            "不明",
            "なし",
            "无",
            "無",
        ),
        *("no answer", "not stated", "not measured", "not tested", "refused", "pending", "invalid", "error", "#error"),
    )
)
"""In lower case."""
MAX_MARK_BYTES = max(len(mark.encode()) for mark in MARKS) + 1
"""In bytes, also in upper case."""


def is_mark(string: str) -> bool:
    """Whether a string without white space around it stands for a missing number or date.

    >>> is_mark("NULL"), is_mark("Not available"), is_mark("12")
    (True, True, False)
    """
    return string.lower() in MARKS


def are_marks(strings: pl.Series) -> pl.Series:
    """The same for many strings; null stays null.

    >>> are_marks(pl.Series(["n/a", "7"])).to_list()
    [True, False]
    """
    short = strings.str.len_bytes() <= MAX_MARK_BYTES
    if not short.all() and 2 * short.sum() < len(strings):
        rows = short.arg_true()
        marked = strings.gather(rows).str.to_lowercase().is_in(list(MARKS))
        return short.scatter(rows, marked)
    return strings.str.to_lowercase().is_in(list(MARKS))
