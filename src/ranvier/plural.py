"""Numbers of things in sentences: "1 row", "2,000 rows"."""

from __future__ import annotations


def plural(count: int, what: str, several: str | None = None) -> str:
    """A number of things.

    Parameters:
        count: how many.
        what: one of them; further words after it, such as a verb, need `several`.
        several: more of them; None adds an s.

    >>> plural(1, "core"), plural(2000, "core")
    ('1 core', '2,000 cores')
    >>> plural(1, "row is", "rows are"), plural(0, "entry", "entries")
    ('1 row is', '0 entries')
    """
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"
