"""The report: one file whose numbers are the model's, that asks nobody and that holds no markup of the data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.frozen import MAX_CELL_ROWS, MAX_CELLS, example_rows, frozen_answers, question_key
from ranvier.view.questions.answer import answer
from ranvier.view.questions.confusion import confusion
from ranvier.view.report_file import MAX_BYTES, report_page, write_report
from ranvier.view.report_tables import report_tables
from ranvier.view.subject import Subject

NASTY = "</script><img src=x onerror=alert(1)>&amp;\u2028"


class Reader(HTMLParser):
    """The tags of a page, and the text in its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.inside.append((self.tags[-1][0], data))


def answers_in(page: str) -> dict[str, Any]:
    """The answers that a report holds."""
    match = re.search(r'<script type="application/json" id="frozen">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return dict(json.loads(match[1])["answers"])


@pytest.mark.parametrize("name", ["digits", "people", "diabetes"])
def test_answers_are_those_of_the_questions(name: str, request: pytest.FixtureRequest) -> None:
    subject: Subject = request.getfixturevalue(name)
    frozen = answers_in(report_page(subject))
    assert frozen["metrics {}"] == QUESTIONS["metrics"](subject, {})
    row = example_rows(subject)[0]
    head, array = read_frame(base64.b64decode(frozen[question_key("answer", {"row": row})]["frame"]))
    expected, numbers = answer(subject, subject.row(row))
    assert head["predicted"] == expected["predicted"]
    assert (array == numbers).all()
    assert frozen["examples {}"]["rows"] == example_rows(subject)
    assert len(frozen[question_key("rows", {"start": 0, "order": "loss"})]["rows"]) <= 24
    assert ("confusion {}" in frozen) == ("residuals {}" not in frozen) == (name != "diabetes")


def test_the_most_confused_cells_have_rows(digits: Subject) -> None:
    frozen = frozen_answers(digits)
    counts = np.array(confusion(digits)["counts"])
    np.fill_diagonal(counts, 0)
    held = [json.loads(key.removeprefix("cell ")) for key in frozen if key.startswith("cell ")]
    sizes = sorted((int(counts[body["actual"], body["predicted"]]) for body in held), reverse=True)
    assert sizes == sorted(counts[counts > 0].tolist(), reverse=True)[:MAX_CELLS]
    for body in held:
        rows = frozen[question_key("cell", body)]["rows"]
        assert len(rows) == min(counts[body["actual"], body["predicted"]], MAX_CELL_ROWS)
        assert {(row["actual"], row["predicted"]) for row in rows} == {(str(body["actual"]), str(body["predicted"]))}


def test_what_does_not_fit_is_left_out_but_the_result_never(digits: Subject) -> None:
    full, short = frozen_answers(digits), frozen_answers(digits, budget=0)
    assert set(short) < set(full)
    assert {"what {}", "result {}", "confusion {}"} <= set(short)
    assert not [key for key in short if key.startswith(("neuron", "answer", "rows"))]
    assert short["examples {}"]["rows"] == []


def test_the_policy_names_the_script_and_the_style_and_forbids_requests(digits: Subject) -> None:
    read = Reader(report_page(digits))
    policy = next(attrs["content"] for tag, attrs in read.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["connect-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for _, text in read.inside
    }
    assert {rules["script-src"], rules["style-src"]} <= hashes
    assert [tag for tag, attrs in read.tags if "src" in attrs or ("href" in attrs and attrs["href"] != "data:,")] == []
    assert [tag for tag, attrs in read.tags if any(name.startswith("on") or name == "style" for name in attrs)] == []


def test_markup_in_the_data_stays_text() -> None:
    table = {NASTY: [NASTY, "b", None] * 8, "n": list(range(24)), "says": ["no", NASTY, "no"] * 8}
    options: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
    model = rv.train(table, target="says", progress=False, **options)
    page = report_page(Subject(model, None, NASTY), NASTY)
    read = Reader(page)
    assert not [tag for tag, _ in read.tags if tag == "img"]
    assert [tag for tag, _ in read.tags if tag == "script"] == ["script", "script"]
    assert answers_in(page)["what {}"]["name"] == NASTY
    # The same tables without escaping would hold the tag.
    assert "<img" in report_tables(answers_in(page), "now").replace("&lt;", "<")


def test_it_is_readable_without_scripts(people: Subject) -> None:
    page = report_page(people)
    text = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
    accuracy = people.model.evaluate(people.known_rows().source)["accuracy"]
    for phrase in ("people", f"{accuracy:.4f}", "baseline", "missing", "Most wrong", "layers.0", "validation loss"):
        assert phrase in text


def test_a_report_names_no_folder(tmp_path: Path) -> None:
    data = tmp_path / "a secret folder" / "flowers.csv"
    data.parent.mkdir()
    data.write_text("x,kind\n" + "".join(f"{at},{'ab'[at % 2]}\n" for at in range(40)))
    out = tmp_path / "flowers.html"
    options: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
    model = rv.train(data, target="kind", run=tmp_path / "run", progress=False, **options)
    model.write_report(out)
    page = out.read_text()
    assert "flowers.csv" in page
    assert "secret" not in page
    assert answers_in(page)["what {}"]["rows"]["count"] == model.report.split["test"]


def test_rows_of_ones_own(people: Subject, tmp_path: Path) -> None:
    out = tmp_path / "people.html"
    people.model.write_report(out, people.known_rows().source)
    assert answers_in(out.read_text())["metrics {}"] == QUESTIONS["metrics"](people, {})


def test_a_model_of_arrays_and_a_model_without_rows(tmp_path: Path) -> None:
    model = rv.Network(2, [rv.Dense(3, "relu"), rv.Dense(1)]).fit(
        [[0.0, 1.0], [1.0, 3.0]], [1.0, 3.0], epochs=2, engine="reference"
    )
    model.write_report(tmp_path / "a.html")
    frozen = answers_in((tmp_path / "a.html").read_text())
    assert frozen["result {}"]["headline"] is None
    assert "rows" not in " ".join(frozen).replace("examples", "")
    model.write_report(tmp_path / "a.html", [[0.0, 1.0], [1.0, 3.0]], [1.0, 3.0])
    assert answers_in((tmp_path / "a.html").read_text())["result {}"]["metrics"] == pytest.approx(
        model.evaluate([[0.0, 1.0], [1.0, 3.0]], [1.0, 3.0])
    )


def test_a_language_model_shows_what_it_writes(tmp_path: Path) -> None:
    names = {"name": ["Ada", "Ida", "Ava", "Eva", "Eda"] * 4}
    model = rv.train(names, recipe="language", hidden=[8], epochs=1, engine="reference", progress=False)
    model.write_report(tmp_path / "a.html")
    frozen = answers_in((tmp_path / "a.html").read_text())
    assert frozen["sample {}"]["text"] == model.write(length=400).strip("\n")
    assert frozen["result {}"]["headline"] == "bits_per_character"


def test_it_is_small(digits: Subject, tmp_path: Path) -> None:
    assert write_report(digits, tmp_path / "a.html") == (tmp_path / "a.html").stat().st_size < MAX_BYTES
    with pytest.raises(rv.InputError, match="nowhere"):
        write_report(digits, tmp_path / "nowhere" / "a.html")


def test_a_wide_network_stays_below_the_limit() -> None:
    network = rv.Network(3000, [rv.Dense(256, "relu"), rv.Dense(100, "softmax")])
    shapes = {"layers.0": (3000, 256), "layers.1": (256, 100)}
    random = np.random.default_rng(0)
    parameters = {f"{path}.weight": random.normal(size=shape) for path, shape in shapes.items()}
    parameters |= {f"{path}.bias": np.zeros(shape[1]) for path, shape in shapes.items()}
    model = rv.Model.from_parameters(network, parameters, engine="reference")
    assert len(report_page(Subject(model))) < MAX_BYTES
