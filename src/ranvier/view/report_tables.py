"""The report as plain HTML tables, for readers that run no scripts; where they do, the page takes its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ranvier.display import format as words
from ranvier.plural import plural

Answers = Mapping[str, Any]
MAX_CLASSES = 20
MAX_EPOCHS = 12
MAX_CELLS = 8
WIDTH, HEIGHT = 640, 160


def report_tables(answers: Answers, written: str) -> str:
    """The body of the report: the result first, then warnings, data, training, mistakes, the network.

    Parameters:
        answers: as `frozen_answers` gives them.
        written: when, in words.
    """
    what = answers["what {}"]
    parts = [
        f'<main class="report plain"><header><p class="kicker">Ranvier report</p><h1>{escape(what["name"])}</h1>',
        f"<p>{escape(what['predicts'])}</p></header>",
        *_result(answers),
        *_findings(answers.get("findings {}")),
        *_data(answers.get("data {}")),
        *_training(what),
        *_importances(answers.get("importances {}")),
        *_reasons(answers.get("reasons {}")),
        *_uncertainty(answers.get("uncertainty {}")),
        *_mistakes(answers, what),
        *_network(what),
        f'<footer class="note">Written {escape(written)}.</footer></main>',
    ]
    return "".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers are written short, and stand at the right under their titles."""
    cells = [list(row) for row in rows]
    numbers = [any(_is_number(row[at]) for row in cells) for at in range(len(head))]
    lines = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in cells)
    titles = "".join(
        f'<th scope="col"{" class=right" if right else ""}>{escape(title)}</th>'
        for title, right in zip(head, numbers, strict=True)
    )
    return (
        f'<div class="scroll"><table class="rows"><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if not _is_number(value):
        return f"<td>{escape('-' if value is None else str(value))}</td>"
    text = f"{value:,}" if isinstance(value, int) else words.number(value)
    return f'<td class="right">{escape(text)}</td>'


def _section(title: str, *content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(content)}</section>"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>" if sentences else ""


def _result(answers: Answers) -> list[str]:
    result = answers.get("result {}")
    if result is None:
        return []
    parts = []
    if result["metrics"]:
        rows = [(name, value, result["baseline"].get(name)) for name, value in result["metrics"].items()]
        on = f"<p>Measured on {escape(result['measured_on'])}.</p>" if result["measured_on"] else ""
        guess = f"<p>{escape(result['guess'])}</p>" if result["guess"] else ""
        parts.append(_section("Result", on, _table(("metric", "model", "baseline"), rows), guess))
    evidences = [entry["evidence"] for entry in answers.get("findings {}") or ()]
    sentences = [*result["warnings"], *result["notes"]]
    warnings = [sentence for sentence in sentences if not any(evidence in sentence for evidence in evidences)]
    return [*parts, _section("What to know", _list(warnings))] if warnings else parts


def _findings(findings: Any) -> list[str]:
    if findings is None:
        return []
    if not findings:
        return [_section("Diagnosis", "<p>Nothing was found in the rows, the fit or the neurons.</p>")]
    parts = [
        f"<h3>{escape(finding['title'])}</h3><p>{escape(finding['evidence'])} {escape(finding['meaning'])} "
        f"<strong>{escape(finding['advice'])}</strong></p>"
        for finding in findings
    ]
    return [_section("Diagnosis", *parts)]


def _data(data: Any) -> list[str]:
    if data is None:
        return []
    split = [f"{plural(count, 'row')} for {part}" for part, count in data["split"].items()]
    parts = [f"<p>{escape('; '.join(part for part in (data['origin'], *split) if part))}.</p>"]
    if 0 < len(data["classes"]) <= MAX_CLASSES:
        parts.append(_table(("class", "rows"), data["classes"].items()))
    if data["columns"]:
        rows = [(column["name"], column["kind"], column["missing"], column["note"]) for column in data["columns"]]
        parts.append(_table(("column", "kind", "missing", "note"), rows))
    if data["total"] > len(data["columns"]):
        parts.append(f"<p>and {plural(data['total'] - len(data['columns']), 'more column')}.</p>")
    return [_section("Data", *parts)] if data["split"] or data["columns"] else []


def _training(what: Answers) -> list[str]:
    history = what["history"]
    if not history:
        return []
    step = max(1, len(history) // MAX_EPOCHS)
    shown = [epoch for at, epoch in enumerate(history) if at % step == 0 or epoch["best"] or at == len(history) - 1]
    rows = [(epoch["epoch"], epoch["loss"], epoch["validation_loss"]) for epoch in shown[-2 * MAX_EPOCHS :]]
    stop = what["training"]["stop_reason"]
    return [
        _section(
            "Training",
            _curve(history),
            f"<p>{escape(stop)}</p>" if stop else "",
            _table(("epoch", "training loss", "validation loss"), rows),
        )
    ]


def _curve(history: Sequence[Answers]) -> str:
    """The losses of the epochs as a drawing."""
    lines = {name: [_number(epoch[name]) for epoch in history] for name in ("loss", "validation_loss")}
    losses = [loss for curve in lines.values() for loss in curve if loss is not None]
    if len(history) < 2 or not losses:
        return ""
    low, high = min(losses), max(losses)
    paths = []
    for name, values in lines.items():
        points = [
            f"{at * WIDTH / (len(values) - 1):.1f},{HEIGHT - (value - low) / ((high - low) or 1.0) * HEIGHT:.1f}"
            for at, value in enumerate(values)
            if value is not None
        ]
        if points:
            kind = "line strong" if name == "validation_loss" else "line"
            paths.append(f'<polyline class="{kind}" points="{" ".join(points)}"/>')
    label = f"The loss from {words.number(high)} to {words.number(low)}; the thick line is that of the validation rows."
    return (
        f'<svg class="plot" viewBox="0 -4 {WIDTH} {HEIGHT + 8}" role="img" aria-label="{escape(label)}">'
        f'{"".join(paths)}</svg><p class="note">{escape(label)}</p>'
    )


def _number(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def _importances(importances: Any) -> list[str]:
    if not importances:
        return []
    rows = [(part["column"], part["importance"], part["standard_error"]) for part in importances["columns"]]
    return [_section("What it relies on", _table(("column", "importance", "standard error"), rows))]


def _reasons(rows: Any) -> list[str]:
    """Of each example row what the columns add, in a table for each part of the answer."""
    parts = []
    for row in rows or ():
        truth = f", truly {_text_of(row['actual'])}" if "actual" in row else ""
        parts.append(f"<h3>Row {row['row']}: {escape(_text_of(row['predicted']))}{escape(truth)}</h3>")
        for part in row["parts"]:
            what = f"{'logit of ' if part['unit'] == 'logit' else ''}{part['explained']}"
            lines = [(column["column"], column["cell"], column["value"]) for column in part["columns"]]
            rest = [] if part["rest"] is None else [("all others", None, part["rest"])]
            entries = [("a typical row", None, part["base"]), *lines, *rest, (what, None, part["output"])]
            parts.append(_table(("column", "cell", "adds"), entries))
    return [_section("Where answers come from", *parts)] if parts else []


def _text_of(value: Any) -> str:
    """A prediction or a true answer as text."""
    if isinstance(value, list):
        return ", ".join(_text_of(part) for part in value)
    return words.number(value) if _is_number(value) else str(value)


def _uncertainty(uncertainty: Any) -> list[str]:
    """Coverage and width of intervals or sets."""
    if not uncertainty:
        return []
    intervals = uncertainty["kind"] == "intervals"
    head = ("asked to hold", "hold the true answer", "mean width" if intervals else "mean number of labels")
    parts = []
    for target in uncertainty["targets"]:
        rows = [
            (f"{entry['coverage']:.0%}", f"{entry['found']:.1%} \u00b1 {entry['error']:.1%}", entry["width"])
            for entry in target["levels"]
        ]
        title = f"<h3>{escape(target['name'])}</h3>" if len(uncertainty["targets"]) > 1 else ""
        parts.append(title + _table(head, rows))
    what = "Intervals" if intervals else "Sets of labels"
    return [_section("How sure it is", f"<p>{what} for {plural(uncertainty['rows'], 'row')}.</p>", *parts)]


def _mistakes(answers: Answers, what: Answers) -> list[str]:
    parts = []
    confusion, classes = answers.get("confusion {}"), what["classes"]
    if confusion and len(classes) <= MAX_CLASSES:
        rows = [(name, *counts) for name, counts in zip(classes, confusion["counts"], strict=True)]
        parts.append(_table(("true \\ predicted", *classes), rows))
    scores = answers.get("classes {}") or []
    if scores:
        rows = [(score["label"], score["rows"], score["precision"], score["recall"], score["f1"]) for score in scores]
        parts.append(_table(("class", "rows", "precision", "recall", "F1"), rows[: 5 * MAX_CLASSES]))
    worst = answers.get('rows {"order":"loss","start":0}')
    if worst:
        columns = [column["name"] for column in what["form"]["columns"][:MAX_CELLS]]
        rows = [
            (row["row"], _text(row.get("actual")), _text(row["predicted"]), *row.get("cells", [])[:MAX_CELLS])
            for row in worst["rows"]
        ]
        parts.append(f"<h3>Most wrong</h3>{_table(('row', 'true', 'predicted', *columns), rows)}")
    return [_section("Mistakes", *parts)] if parts else []


def _text(value: Any) -> Any:
    return ", ".join(words.number(part) for part in value) if isinstance(value, list) else value


def _network(what: Answers) -> list[str]:
    rows = [
        (layer["path"], layer["kind"], layer["inputs"], layer["units"], layer["activation"]) for layer in what["layers"]
    ]
    return [
        _section(
            "Network",
            f"<p>{plural(what['parameters'], 'parameter')}.</p>",
            _table(("layer", "kind", "inputs", "outputs", "activation"), rows),
        )
    ]
