"""Strings that differ only in upper and lower case, blanks or a point at the end, and so may mean the same."""

from __future__ import annotations

from collections.abc import Iterable

MAX_STRINGS, MAX_NAMED = 10_000, 3


def written_alike(strings: Iterable[str]) -> list[list[str]]:
    """The groups of different strings that are alike; none for very many strings.

    >>> written_alike(["Yes", "no", "yes", "YES.", "maybe"])
    [['Yes', 'yes', 'YES.']]
    """
    groups: dict[str, list[str]] = {}
    for count, string in enumerate(strings):
        if count >= MAX_STRINGS:
            return []
        groups.setdefault(" ".join(string.casefold().rstrip(".").split()), []).append(string)
    return [group for group in groups.values() if len(group) > 1]


def alike_note(what: str, groups: list[list[str]]) -> str | None:
    """A sentence on strings that are alike; None for none.

    Parameters:
        what: they are called, and where they stand, as the begin of a sentence.

    >>> alike_note('Categories of "city"', [["Rome", "rome"]])
    'Categories of "city" differ only in how they are written: "Rome" and "rome". Write them alike if they are one.'
    """
    if not groups:
        return None
    shown = "; ".join(" and ".join(f'"{string[:40]}"' for string in group[:MAX_NAMED]) for group in groups[:MAX_NAMED])
    more = " and more" if len(groups) > MAX_NAMED else ""
    return f"{what} differ only in how they are written: {shown}{more}. Write them alike if they are one."
