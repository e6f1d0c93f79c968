"""`ranvier evaluate`: how good a model is on rows whose answers are known."""

from __future__ import annotations

from typing import Any

import click

from ranvier.cli.console import Output
from ranvier.cli.failures import DONE
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
    from ranvier.cli.tables import metrics_table

    output = Output(as_json)
    found = measure(ranvier.load(model), data)
    report.heading(output, f"On the {found['rows']:,} rows of {data}")
    output.words.print(metrics_table(found["metrics"], found["baseline"]))
    report.classes(output, found)
    output.finish(lambda: {"model": model, **found})
    return DONE


def measure(model: Any, data: str) -> dict[str, Any]:
    """Metrics, baseline, the table of classes and the pair confused most often."""
    from ranvier.cli.answers import opened
    from ranvier.training import metrics

    rows, known = opened(model, data)
    outputs, targets = model.outputs_and_targets(rows, known)
    task = model.task
    return {
        "task": task.kind,
        "rows": len(outputs),
        "metrics": metrics.full(task, outputs, targets),
        "baseline": metrics.baseline(task, targets, targets),
        "per_class": metrics.per_class(task, outputs, targets),
        "most_confused": metrics.most_confused(task, outputs, targets),
    }
