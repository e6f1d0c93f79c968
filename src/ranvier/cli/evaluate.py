"""`ranvier evaluate`: how good a model is on rows whose answers are known."""

from __future__ import annotations

from typing import Any

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import json_option


@click.command("evaluate")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@json_option
def command(model: str, data: str, as_json: bool) -> int:
    """Measure MODEL on the rows of DATA, which must hold the target too.

    Rows that the model was trained on say little; give others.
    """
    import ranvier
    from ranvier.cli import report
    from ranvier.display.tables import metrics_table

    output = Output(as_json)
    found = measure(ranvier.load(model), data)
    count, left_out = found["rows"], found.pop("left_out")
    report.heading(output, f"On the {count:,} rows of {data}" if count > 1 else f"On the one row of {data}")
    if left_out:
        what = "1 row was" if left_out == 1 else f"{left_out:,} rows were"
        output.say(f"{what} left out because the target is missing.")
    output.words.print(metrics_table(found["metrics"], found["baseline"]))
    report.classes(output, found)
    output.finish(lambda: {"model": model, **found})
    return DONE


def measure(model: Any, data: str) -> dict[str, Any]:
    """Metrics, baseline, the table of classes and the pair confused most often."""
    from ranvier.cli.predictions import opened
    from ranvier.training import metrics

    rows, known = opened(model, data)
    outputs, targets = model.outputs_and_targets(rows, known)
    task = model.task
    return {
        "task": task.kind,
        "rows": len(outputs),
        "left_out": rows.rows - len(outputs) if known is None else 0,
        "metrics": metrics.full(task, outputs, targets),
        "baseline": metrics.baseline(task, targets, targets),
        "per_class": metrics.per_class(task, outputs, targets),
        "most_confused": metrics.most_confused(task, outputs, targets),
    }
