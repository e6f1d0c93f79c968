"""What did the diagnosis of the training find?"""

from __future__ import annotations

from typing import Any

from ranvier.data.diagnosis.finding import TITLES
from ranvier.errors import InputError
from ranvier.view.subject import Subject


def findings(subject: Subject) -> list[dict[str, Any]]:
    """The findings of the training, in the order of `finding.KINDS`.

    Fields: `kind`, its `title` in words, `column`, `evidence`, `meaning` and `advice`.

    Raises:
        InputError: the model was not made by `train`, so nothing was looked for.
    """
    report = subject.model.report
    if not report.recipe_settings:
        raise InputError(
            "This model was not made by rv.train, so its rows were not looked at; ask model.diagnose(X, y)."
        )
    return [{**entry, "title": TITLES.get(entry["kind"], entry["kind"])} for entry in report.diagnosis]
