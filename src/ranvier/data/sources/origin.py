"""How the origin of data is written in messages."""

from __future__ import annotations


def sentence_start(origin: str) -> str:
    """Where data came from, as the first words of a sentence; the name of a file stays as it is.

    >>> sentence_start("the iris set of scikit-learn"), sentence_start("iris.csv")
    ('The iris set of scikit-learn', 'iris.csv')
    """
    if origin == "standard input":
        return "Standard input"
    return f"The {origin[4:]}" if origin.startswith("the ") else origin
