"""Classes that a part of the rows has none of are said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ranvier.data import prepare
from ranvier.data.encoders.target_values import plain_values
from ranvier.data.splitting.absent_classes import absent_class_notes


def test_a_class_without_a_validation_row() -> None:
    table = {"size": list(range(103)), "kind": ["a"] * 60 + ["b"] * 40 + ["c"] * 2 + ["d"]}
    notes = prepare(table, "kind", validation=0.1, test=0.0).notes
    assert '1 class has no validation row, which would say when to stop learning: "c".' in notes


def test_a_class_without_a_training_row() -> None:
    parts: dict[str, Any] = {
        name: SimpleNamespace(values=plain_values(labels))
        for name, labels in {"training": ["a", "b", "b"], "validation": ["a", "b"], "test": ["c", "a"]}.items()
    }
    assert absent_class_notes(parts) == [
        '1 class has no training row, so that it cannot be learned: "c" (test).',
    ]
