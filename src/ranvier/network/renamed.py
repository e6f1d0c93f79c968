"""Names in stored files that have changed: readers translate them, so that every file ever written can be loaded.

Each table maps the name in older files to the name of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Names = Mapping[str, str]

SCHEDULE_FIELDS: Mapping[str, Names] = {
    "step": {"every": "step_epochs", "factor": "decay_factor"},
    "exponential": {"factor": "decay_factor"},
    "polynomial": {"final": "final_factor"},
    "cosine": {"final": "final_factor"},
    "cosine_restarts": {"first": "first_cycle_epochs", "multiply": "cycle_multiplier", "final": "min_factor"},
    "one_cycle": {"peak_at": "peak_fraction", "start": "initial_factor", "final": "final_factor"},
    "warm_up": {"then": "next_schedule"},
    "reduce_on_plateau": {"minimum": "min_factor"},
}


def renamed(values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The values under their names of today.

    >>> renamed({"name": "cosine", "final": 0.1}, SCHEDULE_FIELDS["cosine"])
    {'name': 'cosine', 'final_factor': 0.1}
    """
    return {names.get(name, name): value for name, value in values.items()}
