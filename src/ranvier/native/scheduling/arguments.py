"""The argument table of compiled code, shared by the kernels that read it and the program that fills it."""

from __future__ import annotations

import numpy as np

ARGUMENTS = {
    "barrier": "ptr", "threads": "i64", "steps": "i64", "order": "ptr", "starts": "ptr", "scalars": "ptr",
    "results": "ptr", "inputs": "ptr", "kind": "i64", "targets": "ptr", "weights": "ptr", "first_step": "i64",
    "seed": "i64", "outputs": "ptr", "rows": "i64", "columns": "ptr", "row_starts": "ptr", "link_capacity": "i64",
    "saw_nonfinite": "ptr", "may_skip_zeros": "i64", "steps_done": "ptr", "cancel_requested": "ptr",
    "cancelled": "ptr", "chunk_counters": "ptr", "capacity": "i64", "helper": "ptr", "data": "ptr",
    "class_numbers": "ptr",
}  # fmt: skip
"""The words of the argument table: names and types. Pointers among them:

`targets`: rows of values; `class_numbers`: int32 in their place, where classes are many; either is null.
`inputs` and `kind`: the dense block of the inputs; `data`, `columns` and `row_starts`: the CSR block.
`steps_done`: the number of training steps made so far. `saw_nonfinite`: becomes 1 when an input is not finite.
`cancel_requested`: not 0 once the run is to stop; `cancelled`: a word for each stage, set by a thread that left work of
the stage out; see `kernels/cancellation.py`. `chunk_counters`: how much of each share of work is taken; see
`kernels/work_stealing.py`. `helper`: the helper thread for single rows, or null; see `machine/helper_thread.py`.

Numbers among them: `may_skip_zeros` is 1 if products may leave out inputs that are 0, that is, if the weights are
finite. `capacity` is the number of rows for which there is memory, in each thread where each has its own.
`link_capacity` is the number of links per thread; see `kernels/sparse.py`.
"""

KINDS = {"float32": "float", "float64": "double", "uint8": "i8"}
"""The number formats of inputs, by NumPy name; `kind` is the index in this table."""
KIND_NUMBERS = {np.dtype(name): number for number, name in enumerate(KINDS)}
"""`kind` by the format of an array."""
