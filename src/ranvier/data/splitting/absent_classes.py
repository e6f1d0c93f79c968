"""What to say of classes that a part of the rows has none of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ranvier.data.encoders.target_values import label_counts
from ranvier.data.readable_cells import listed_names
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.data.labelled_rows import LabelledRows


def absent_class_notes(parts: Mapping[str, LabelledRows]) -> list[str]:
    """Sentences on classes without a training row, and on those of several rows without a validation row.

    The metrics say which classes have no test row.

    Parameters:
        parts: the rows of "training" and of other parts, whose targets are classes.
    """
    if any(part.values.ndim != 1 for part in parts.values()):
        return []
    counts = {name: label_counts(part.values) for name, part in parts.items()}
    learned = counts.get("training", {})
    unknown = {
        str(label): name
        for name, class_counts in counts.items()
        if name != "training"
        for label in class_counts
        if label not in learned
    }
    notes = []
    if unknown:
        has, it = ("has", "it") if len(unknown) == 1 else ("have", "they")
        shown = listed_names([f'"{label}" ({name})' for label, name in unknown.items()])
        what = plural(len(unknown), f"class {has}", f"classes {has}")
        notes.append(f"{what} no training row, so that {it} cannot be learned: {shown}.")
    if "validation" in counts:
        absent = [str(label) for label in learned if label not in counts["validation"] and learned[label] > 1]
        if absent:
            what = plural(len(absent), "class has", "classes have")
            shown = listed_names([f'"{label}"' for label in absent])
            notes.append(f"{what} no validation row, which would say when to stop learning: {shown}.")
    return notes
