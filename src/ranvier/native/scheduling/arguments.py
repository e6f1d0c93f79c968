"""What compiled code is handed, known to those who write it and to those who call it."""

from __future__ import annotations

ARGUMENTS = {
    "barrier": "ptr", "threads": "i64", "steps": "i64", "order": "ptr", "starts": "ptr", "scalars": "ptr",
    "results": "ptr", "inputs": "ptr", "kind": "i64", "targets": "ptr", "weights": "ptr", "first_step": "i64",
    "seed": "i64", "outputs": "ptr", "rows": "i64", "columns": "ptr", "row_starts": "ptr", "room": "i64",
    "strange": "ptr", "skips": "i64", "made": "ptr", "asked": "ptr", "agreed": "ptr", "claims": "ptr",
    "bench": "i64", "partner": "ptr",
}  # fmt: skip
"""The words of the argument table: what they are called, and their types.

`skips` says whether products may leave out inputs that are 0, which is so where the weights are finite. `made` is where
the number of steps made so far is kept. `asked` is a word that is not 0 once the run is to stop, and `agreed` a word
for each stage, 0 at first, which says that some thread gave that stage up; see `kernels/stopping.py`. `claims` says how
much is taken of the work that is dealt out; see `kernels/dealing.py`. `bench` says how many numbers lie between
the places where two threads pack; see `kernels/packed.py`. `partner` is who helps with a single row, or null; see
`machine/partner.py`.
"""

KINDS = {"float32": "float", "float64": "double", "uint8": "i8"}
"""What inputs may be, by name; the place in this table tells the code which they are."""
