"""From the options of `train` to how its data are read."""

from __future__ import annotations

from ranvier.data.sources.reading import Reading
from ranvier.recipes.options import TrainOptions


def reading_of(options: TrainOptions) -> Reading:
    """How the rows of a call are read.

    >>> reading = reading_of(TrainOptions(target="y", ignore=("raw",), kinds={"html": "drop"}))
    >>> reading.reads("raw"), reading.reads("html")
    (False, False)
    """
    targets = {options.target} if isinstance(options.target, str) else set(options.target or ())
    ignored, kinds = set(options.ignore), options.kinds or {}
    group = options.group if isinstance(options.group, str) else ""
    dividing = {group, group.partition(":")[0], (options.split or "").partition(":")[2]} - {""}
    dropped = {name for name, kind in kinds.items() if kind == "drop"}
    return Reading(
        header=options.header,
        encoding=options.encoding,
        skip_bad_rows=options.skip_bad_rows,
        # Rows without a target are left out; target values beside the rows need every one of them.
        skip_empty_rows=bool(targets),
        names=frozenset(targets | ignored | dividing | set(kinds)),
        unread=frozenset((ignored | dropped) - targets - dividing),
    )
