"""Which columns does the model need? Measured by shuffling one at a time."""

from __future__ import annotations

from typing import Any

from ranvier.errors import InputError
from ranvier.explain.blocks import input_blocks
from ranvier.explain.grouping import column_groups
from ranvier.explain.importance import Score, permutation_importances
from ranvier.view.subject import Subject

MAX_COLUMNS = 100
MAX_ROWS = 1000
REPEATS, SEED = 3, 0


def importances(subject: Subject) -> dict[str, Any]:
    """The permutation importance of each column over at most 1,000 known rows, the most important first.

    Returns `metric`, what gets worse; `rows` measured on; and `columns`: column, importance, standard_error.

    Raises:
        InputError: the true answers are not known, there are more than 100 columns, or there is only one.
    """
    model, rows = subject.model, subject.known_rows()
    if rows.targets is None:
        raise InputError("The true answers of these rows are not known, so importances cannot be measured.")
    index = subject.sample[:: -(-len(subject.sample) // MAX_ROWS)]
    inputs, targets = rows.inputs[index], rows.targets[index]
    blocks = input_blocks(model.encoder, inputs.n_dense, inputs.n_csr)
    if not 1 < len(blocks) <= MAX_COLUMNS or subject.form.kind != "table":
        raise InputError(f"Importances are shown for tables of 2 to {MAX_COLUMNS} columns.")
    score = Score.of(model.target, None)
    groups = column_groups(blocks, None, inputs)
    records = permutation_importances(
        model.outputs_of, inputs, targets, groups, score, repeats=REPEATS, seed=SEED, weights=None
    )
    columns = [
        {"column": entry.column, "importance": float(entry.importance), "standard_error": float(entry.standard_error)}
        for entry in records
    ]
    return {"metric": score.name, "rows": len(inputs), "columns": columns}
