"""What a person wants to know after training, said from `Model.report`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE, INTERRUPTED
from ranvier.display.format import duration, plural
from ranvier.display.tables import class_table, layer_table, metrics_table

Report = Mapping[str, Any]


def finish(output: Output, report: Report, data: str | None, replaced: bool = False) -> int:
    """Say how good the model is, what it is, where it is and what to do next; give the exit code.

    Parameters:
        data: the source, as it was given.
        replaced: whether the model took the place of an earlier file.
    """
    output.say()
    quality(output, report)
    output.say()
    network(output, report)
    output.say()
    saved(output, report, replaced)
    stopped = bool(report.get("interrupted"))
    if stopped:
        interrupted(output, report)
    else:
        next_steps(output, report, data)
    output.finish(lambda: report)
    return INTERRUPTED if stopped else DONE


def quality(output: Output, report: Report) -> None:
    """The metrics on unseen rows, the table of classes and the pair confused most often."""
    held_out = report["split"]["held_out"]
    if not report["metrics"]:
        output.say("No rows were held out, so how good the model is on unseen rows is not known.", "yellow")
        return
    heading(output, f"On {held_out:,} rows it has not seen")
    output.words.print(metrics_table(report["metrics"], report.get("baseline")))
    classes(output, report)


def classes(output: Output, report: Report) -> None:
    """The table of classes and the pair confused most often; nothing for regression."""
    if not report.get("per_class"):
        return
    shown, rest = class_table(report["per_class"], "Label" if report["task"] == "multilabel" else "Class")
    output.say()
    output.words.print(shown)
    if rest:
        output.say(rest, "dim")
    pair = report.get("most_confused")
    if pair:
        times = {1: "once", 2: "twice"}.get(pair["rows"], f"{pair['rows']:,} times")
        output.say()
        output.say(f"Most often confused: {pair['actual']} was taken for {pair['predicted']}, {times}.")


def network(output: Output, report: Report) -> None:
    """The layers, and how they were trained."""
    heading(output, f"Network, {report['parameters']:,} parameters")
    output.words.print(layer_table(report["layers"]))
    epochs = plural(report["epochs"], "epoch")
    best = f", the weights of epoch {report['best_epoch']:,} kept" if report["best_epoch"] != report["epochs"] else ""
    if len(report.get("networks", ())) > 1:
        epochs = f"{len(report['networks'])} networks joined to one, {epochs}"
        best = ", the best weights of each kept"
    output.say(f"{epochs} in {duration(report['seconds'])} on the {report['engine']} engine{best}.", "dim")


def saved(output: Output, report: Report, replaced: bool) -> None:
    """Where the model and the run are."""
    from rich.text import Text

    for title, note in (("Model", ", in place of an earlier file" if replaced else ""), ("Run", "")):
        path = report.get(title.lower())
        if path:
            line = Text.assemble((f"{title:<7}", "dim"), (shorten(path), "bold"), (note, "dim"))
            output.words.print(line, soft_wrap=True)


def next_steps(output: Output, report: Report, data: str | None) -> None:
    """Commands to copy, made for this model and this file."""
    if not report.get("model"):
        return
    model, source = quoted(report["model"]), quoted(data or "DATA")
    output.say()
    heading(output, "Next")
    output.commands(
        (
            (f"ranvier predict {model} {source} --output predictions.csv", "its answers"),
            (f"ranvier evaluate {model} {source}", "how good they are"),
            (f"ranvier show {model}", "look inside"),
        )
    )


def interrupted(output: Output, report: Report) -> None:
    """What Ctrl-C left behind and how to go on."""
    output.say()
    output.say(f"Interrupted after {plural(report['epochs'], 'epoch')}; the model so far is saved.", "yellow")
    if report.get("run"):
        output.commands(((f"ranvier resume {quoted(report['run'])}", "go on from here"),))


def heading(output: Output, text: str) -> None:
    """The title of a part."""
    output.say(text, "bold")


def shorten(path: str) -> str:
    """A path relative to the current folder where that is shorter.

    >>> shorten(os.path.join(os.getcwd(), "digits.rv"))
    'digits.rv'
    """
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)


def quoted(path: str) -> str:
    """A path as a shell takes it.

    >>> quoted("my data.csv")
    "'my data.csv'"
    """
    return shlex.quote(shorten(path))
