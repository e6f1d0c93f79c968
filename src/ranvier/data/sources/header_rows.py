"""Several header rows, as tables with groups of columns have them: their names are joined."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ranvier.data.sources.first_line import SURE, first_line, is_number

MAX_LEVELS = 3
ANSWERS = frozenset(
    (
        *("response", "open-ended response", "antwort", "offene antwort", "réponse", "réponse ouverte"),
        *("respuesta", "respuesta abierta", "resposta", "resposta aberta", "risposta", "risposta aperta"),
        *("antwoord", "open antwoord"),
    )
)
"""What SurveyMonkey writes under a question with one answer."""


def joined_names(rows: Sequence[Sequence[str]], expected: Collection[str] = ()) -> tuple[list[str], int]:
    """The names of the columns where several rows hold them together, and the number of these rows; [] and 1 for one.

    The first row does not name all columns, or names some alike; the next one has words above columns of numbers, or
    names the answers to questions of a survey. A name stands for the empty cells behind it, as merged cells of a
    spreadsheet are written. The names of the rows of pandas, alone in a line of their own, belong to the first column.

    Parameters:
        rows: the first rows, of one length.
        expected: names that the columns must have.

    >>> joined_names([["Length", "", "Kind"], ["min", "max", ""], ["1", "2", "a"], ["3", "4", "b"]])
    (['Length min', 'Length max', 'Kind'], 2)
    >>> joined_names([["a", "b"], ["cm", "kg"], ["1", "2"], ["3", "4"]])
    ([], 1)
    """
    levels = [[cell.strip() for cell in row] for row in rows[: MAX_LEVELS + 2]]
    if len(levels) < 3 or len(levels[0]) < 3:
        return [], 1
    questions = _are_questions(rows)
    count = 2 if questions else 1
    if not questions and not _is_incomplete(levels[0]):
        return [], 1
    while count < min(MAX_LEVELS, len(levels) - 1) and first_line(rows[count], rows[count + 1 :]) == SURE:
        count += 1
    if count == 1:
        return [], 1
    columns = list(zip(*_filled(levels[:count]), strict=True))
    apart = count + 1 < len(levels) and levels[count][0] and not any(levels[count][1:])
    short = [[name for name in column if name.casefold() not in ANSWERS] or column for column in columns]
    for columns_of_names in (short, columns) if questions else (columns,):
        names = [_joined(column) for column in columns_of_names]
        names[0] = levels[count][0] if apart else names[0]
        named = [name for name in names if name]
        if len(set(named)) == len(named) and set(expected) <= set(names):
            return names, count + bool(apart)
    return [], 1


def _are_questions(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the second row names the answers to questions of a survey, which stand in the first one.

    Under the number of the one who answered, which no row lacks, it is empty; it names all columns that the first one
    does not.
    """
    (first, second), body = ([[cell.strip() for cell in row] for row in rows[:2]], rows[2:])
    if not first[0] or second[0] or not all(row[0].strip() for row in body):
        return False
    unnamed = [below for above, below in zip(first, second, strict=True) if not above]
    written = [cell for cell in second if cell]
    answers = any(cell.casefold() in ANSWERS for cell in written)
    return all(unnamed) and bool(unnamed or answers) and bool(written) and not any(map(is_number, written))


def _is_incomplete(names: Sequence[str]) -> bool:
    """Whether names behind the first are empty, or alike."""
    named = [name for name in names if name]
    return "" in names[1:] or len(set(named)) < len(named)


def _filled(levels: Sequence[Sequence[str]]) -> list[list[str]]:
    """The levels, each name of which but those of the last one also stands for the empty cells behind it.

    A name ends where one of a level above begins, and where nothing stands below.
    """
    filled: list[list[str]] = []
    for at, level in enumerate(levels):
        cells = list(level)
        for column in range(1, len(cells)) if at < len(levels) - 1 else ():
            below = any(lower[column] for lower in levels[at + 1 :])
            same = not filled or filled[-1][column] == filled[-1][column - 1]
            if not cells[column] and below and same:
                cells[column] = cells[column - 1]
        filled.append(cells)
    return filled


def _joined(names: Collection[str]) -> str:
    """The names of one column, from the top, each different one once; those that pandas made up left out."""
    named = [name for name in names if name and not name.startswith("Unnamed: ")]
    return " ".join(dict.fromkeys(named))


def joined_note(names: Sequence[str], count: int) -> str:
    """What to say about names that were joined.

    >>> joined_note(["Length min", "Length max"], 2)
    'The names of the columns stand in 2 rows and were joined, as in "Length min".'
    """
    return f'The names of the columns stand in {count} rows and were joined, as in "{max(names, key=len)[:60]}".'
