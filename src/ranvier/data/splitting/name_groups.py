"""A word in the names of files, such as a speaker's, that stands in training and test rows alike."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from ranvier.data.decoded_columns import names_of_rows
from ranvier.data.readable_cells import listed_names

if TYPE_CHECKING:
    from ranvier.data.labelled_rows import LabelledRows

WORD = re.compile(r"[^\W\d_]{3,}")
MIN_ROWS_OF_A_WORD = 5
SEPARATOR = "_"


def name_group_note(training: LabelledRows, test: LabelledRows | None) -> list[str]:
    """A sentence on a part of the names with few words, which are no classes, where all rows are divided by chance.

    Such a part often names who speaks, or where pictures come from; then a test on the same ones says too much good of
    the model.
    """
    names = names_of_rows(training.source)
    others = None if test is None else names_of_rows(test.source)
    if not names or not others or training.values.ndim != 1:
        return []
    parts, parts_of_others = ([_stem(name).split(SEPARATOR) for name in group] for group in (names, others))
    for at in range(max(map(len, parts))):
        words = [part[at] if at < len(part) else "" for part in parts]
        labels_of = defaultdict(set)
        for word, label in zip(words, training.values.tolist(), strict=True):
            labels_of[word].add(label)
        repeat = 2 <= len(labels_of) <= len(words) / MIN_ROWS_OF_A_WORD
        if not repeat or not all(WORD.fullmatch(word) and len(labels) > 1 for word, labels in labels_of.items()):
            continue
        both = sorted({part[at] for part in parts_of_others if at < len(part)} & set(labels_of))
        if both:
            pattern = f"(?:^|/)(?:[^/{SEPARATOR}]*{SEPARATOR}){{{at}}}([^/{SEPARATOR}.]+)[^/]*$"
            return [
                f"Names of files have a word that stands in training and test rows alike ({listed_names(both)}). If it "
                "says who speaks or where files come from, and new ones are to be understood, keep each in one part: "
                f'--group "file:{pattern}".'
            ]
    return []


def _stem(name: str) -> str:
    """The name without folders and ending.

    >>> _stem("rising/3_ann.wav")
    '3_ann'
    """
    return name.rpartition("/")[2].rpartition(".")[0]
