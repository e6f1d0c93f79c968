"""What is said of rare classes fits the number of classes and how frequent the others are."""

from __future__ import annotations

import numpy as np

from ranvier.data.diagnosis.columns import imbalance
from ranvier.network.task import Task


def test_two_classes_have_a_threshold() -> None:
    (finding,) = imbalance(np.array(["no"] * 97 + ["yes"] * 3, object), Task("binary", 1, ("no", "yes"), ("label",)))
    assert finding.meaning.endswith("always predicting the most frequent class is right about 97 %.")
    assert finding.advice.endswith("or move the threshold (--threshold f1).")


def test_several_classes_have_none_and_a_frequent_one_is_named_only_where_it_is() -> None:
    task = Task("multiclass", 6, tuple("abcdef"), ("label",))
    (even,) = imbalance(np.array([*"abcde"] * 60 + ["f"], object), task)
    assert "rare classes" in even.meaning
    assert "threshold" not in even.advice
    (frequent,) = imbalance(np.array(["a"] * 250 + [*"bcde"] * 10 + ["f"], object), task)
    assert frequent.meaning.endswith("is right about 86 %.")
    assert "threshold" not in frequent.advice
