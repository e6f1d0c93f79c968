"""The positive class of a binary task: the second of its classes, which f1, precision, recall and auc are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ranvier.data.encoders.target_values import label_index, plain_values
from ranvier.errors import InputError, nearest
from ranvier.network.task import Task


def with_positive(task: Task, positive: Any) -> Task:
    """The task with the positive class as the second one; None leaves it as it is.

    Parameters:
        task: of any kind.
        positive: a class, or how it is written in a file.

    Raises:
        InputError: the task does not have two classes, or has no such class.

    >>> with_positive(Task("binary", 1, ("bad", "good"), ("risk",)), "bad").classes
    ('good', 'bad')
    """
    if positive is None:
        return task
    if task.kind != "binary":
        what = f"{len(task.classes)} classes" if task.classes else f"is a {task.kind} task"
        raise InputError(
            f"A positive class ({positive!r}) is one of two; the target {', '.join(task.target_names)} "
            f"{'has ' if task.classes else ''}{what}. Leave it out."
        )
    label = int(label_index(plain_values([positive]), task.classes)[0])
    if label < 0:
        hint = nearest(str(positive), [str(label) for label in task.classes], "Its classes are")
        raise InputError(f'The target {", ".join(task.target_names)} has no class "{positive}". {hint}')
    return task if label == 1 else replace(task, classes=task.classes[::-1])


def positive_notes(task: Task) -> tuple[str, ...]:
    """Which class is the positive one, in a sentence; nothing for tasks without one.

    >>> positive_notes(Task("regression", 1))
    ()
    """
    if task.kind != "binary":
        return ()
    return (
        f'The positive class, which F1, precision, recall and AUC are about, is "{task.classes[1]}"; --positive takes '
        "the other one.",
    )
