"""What a person wants to know after training, printed from `Model.report`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranvier.cli.console import Output
from ranvier.cli.diagnosis import print_diagnosis
from ranvier.cli.exit_codes import DONE, INTERRUPTED
from ranvier.data.sources.files import PACKED
from ranvier.display.format import duration
from ranvier.display.ngrams import ngram_sentence
from ranvier.display.tables import class_table, layer_table, literal, metrics_table, table
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.training.report import TrainReport


def print_report(
    output: Output, report: TrainReport, data: str | None, replaced: bool = False, report_file: str | None = None
) -> int:
    """Print how good the model is, what it is, where it is and what to do next; give the exit code.

    Parameters:
        data: the source, as it was given.
        replaced: whether the model took the place of an earlier file.
        report_file: the HTML file with the report; None where none was written.
    """
    output.say()
    print_metrics(output, report)
    output.say()
    print_network(output, report)
    output.say()
    print_paths(output, report, replaced, report_file)
    if report.interrupted:
        print_interruption(output, report)
    else:
        print_next_steps(output, report, data)
    output.finish(report.summary)
    return INTERRUPTED if report.interrupted else DONE


def print_metrics(output: Output, report: TrainReport) -> None:
    """The metrics on the test or validation rows, the table of classes and the pair confused most often."""
    if not report.metrics:
        output.say("No test rows: how good the model is on unseen rows is not known.", "yellow")
        return
    use = {"test": "not used in training", "validation": "used only to decide when to stop"}[report.evaluated_on]
    output.heading(f"On {plural(report.split[report.evaluated_on], f'{report.evaluated_on} row')}, {use}")
    output.console.print(metrics_table(report.metrics, report.baseline, report.linear_baseline))
    ngrams = ngram_sentence(report.baseline)
    if ngrams:
        output.say(ngrams, "dim")
    print_classes(output, report.task, report.per_class, report.most_confused_pair)
    print_mistakes(output, report.worst_mistakes)
    kinds = {finding["kind"] for finding in report.diagnosis}
    guessing = "no_better_than_guessing" in kinds
    print_findings(output, [text for text in report.findings if not (guessing and "than guessing" in text)])
    print_diagnosis(output, [finding for finding in report.diagnosis if _text(finding) not in report.notes])


def _text(finding: Mapping[str, Any]) -> str:
    """A finding as the notes say it, which are printed before the training."""
    from ranvier.data.diagnosis.finding import Finding

    return Finding.from_dict(finding).text


def print_mistakes(output: Output, mistakes: Sequence[Mapping[str, Any]]) -> None:
    """The worst mistakes by the names of their files or the beginnings of their texts."""
    if not mistakes:
        return
    grid = table("Worst mistakes", "Is", "Predicted", flexible=("Worst mistakes",))
    for mistake in mistakes:
        actual, predicted = (
            f"{value:,.4g}" if isinstance(value, float) else str(value)
            for value in (mistake["actual"], mistake["predicted"])
        )
        chance = f" ({mistake['probability']:.1%} for {actual})" if "probability" in mistake else ""
        grid.add_row(literal(mistake["name"]), literal(actual), literal(f"{predicted}{chance}"))
    output.say()
    output.console.print(grid)


def print_findings(output: Output, findings: Sequence[str]) -> None:
    """What the metrics gave rise to, one sentence a line."""
    if findings:
        output.say()
    for sentence in findings:
        output.say(sentence, "yellow")


def print_classes(
    output: Output, task: str, per_class: Sequence[Mapping[str, Any]], pair: Mapping[str, Any] | None
) -> None:
    """The table of classes and the pair confused most often; nothing for regression."""
    if not per_class:
        return
    grid, summary = class_table(per_class, "Label" if task == "multilabel" else "Class")
    output.say()
    output.console.print(grid)
    if summary:
        output.say(summary, "dim")
    if pair:
        times = {1: "once", 2: "twice"}.get(pair["rows"], f"{pair['rows']:,} times")
        output.say()
        output.say(f"Most confused pair: {pair['actual']} was predicted as {pair['predicted']}, {times}.")


def print_network(output: Output, report: TrainReport) -> None:
    """The layers, and how they were trained."""
    output.heading(f"Network, {plural(report.parameters, 'parameter')}")
    output.console.print(layer_table(report.layers))
    epochs = plural(report.epochs, "epoch")
    best = f", the weights of epoch {report.best_epoch:,} kept" if report.best_epoch != report.epochs else ""
    if len(report.members) > 1:
        merged = sum(member.get("merged", True) for member in report.members)
        trained = "" if merged == len(report.members) else f" of {len(report.members)}"
        epochs = f"{merged}{trained} networks merged into one, {epochs}"
        best = ", the best weights of each kept"
    output.say(f"{epochs} in {duration(report.seconds)} on the {report.engine} engine{best}.", "dim")


def print_paths(output: Output, report: TrainReport, replaced: bool, report_file: str | None) -> None:
    """Where the model, the run and the report are."""
    from rich.text import Text

    model_note = " (existing file replaced)" if replaced else ""
    for title, path, note in (
        ("Model", report.model, model_note),
        ("Run", report.run, ""),
        ("Report", report_file, ""),
    ):
        if path:
            line = Text.assemble((f"{title:<7}", "dim"), (shorten(path), "bold"), (note, "dim"))
            output.console.print(line, soft_wrap=True)


def print_next_steps(output: Output, report: TrainReport, data: str | None) -> None:
    """Commands to copy, made for this model and this file."""
    if not report.model:
        return
    model, source = quoted(report.model), quoted(data or "DATA")
    output.say()
    output.heading("Next")
    if report.recipe == "language":
        output.commands(
            (
                (f"ranvier write {model} --length 400", "write text"),
                (f"ranvier evaluate {model} OTHER.txt", "metrics on a text it has not seen"),
                (f"ranvier show {model}", "characters, layers, training"),
            )
        )
        return
    output.commands(
        (
            (f"ranvier predict {model} {source} --output predictions.csv", "write predictions to a file"),
            (f"ranvier evaluate {model} {_other(data)}", "metrics on rows it has not seen"),
            (f"ranvier show {model}", "columns, layers, training"),
        )
    )


def _other(data: str | None) -> str:
    """What other rows may be called: a folder after a folder, else a file with the same ending."""
    path = Path(data or "")
    packed = f"{Path(path.stem).suffix}{path.suffix}" if path.suffix.lower() in PACKED else path.suffix
    return "OTHER/" if data and path.is_dir() else f"OTHER{packed or '.csv'}"


def print_interruption(output: Output, report: TrainReport) -> None:
    """What Ctrl-C left behind and how to go on; with --quiet in one line, as errors are said."""
    if output.console.quiet:
        on = f" To train to the end: ranvier resume {quoted(report.run)}" if report.run else ""
        output.say_error(f"Interrupted. The model trained so far is saved.{on}")
        return
    output.say()
    output.say("Training was interrupted; the model trained so far is saved.", "yellow")
    if report.run:
        output.commands(((f"ranvier resume {quoted(report.run)}", "train to the end"),))


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
