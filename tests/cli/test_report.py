"""`ranvier report` and `ranvier train --report`: a file, what is said of it, and what cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.helpers import QUICK, Trained, invoke


def test_a_report_of_a_model_a_run_and_a_file(here: Path, trained: Trained) -> None:
    for arguments in ([trained.model], [trained.run], [trained.model, trained.data]):
        out = here / "out.html"
        result = invoke("report", *arguments, "--output", out, "--json")
        assert result.exit_code == 0, result.stderr
        summary = json.loads(result.stdout)
        assert summary == {"report": str(out), "bytes": out.stat().st_size, "rows": summary["rows"]}
        assert summary["rows"] == (150 if len(arguments) == 2 else 30)
        out.unlink()


def test_its_name_is_that_of_the_model(here: Path, trained: Trained) -> None:
    result = invoke("report", trained.model, "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (here / "flowers.html").read_text().startswith("<!doctype html>")


def test_training_writes_one_too(here: Path, trained: Trained) -> None:
    result = invoke("train", trained.data, "--target", "species", *QUICK, "--report", here / "r.html", "--quiet")
    assert result.exit_code == 0, result.stderr
    assert "flowers" in (here / "r.html").read_text()


def test_what_cannot_be_written(here: Path, trained: Trained) -> None:
    for arguments, sentence in (
        (["report", "nothing.rv"], 'There is no model file "nothing.rv".'),
        (["report", trained.model, "--output", here / "no" / "a.html"], "does not exist; create it"),
        (["train", trained.data, "--report", here / "no" / "a.html"], "does not exist; create it"),
    ):
        result = invoke(*arguments)
        assert result.exit_code == 2, result.stderr
        assert sentence in result.stderr
    assert not (here / "no").exists()
