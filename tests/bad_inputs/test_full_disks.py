"""A disk that is full, or that nobody may write to: one sentence, and what was there before is still there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ranvier.storage import atomic
from tests.bad_inputs.files import write_files, write_models
from tests.cli.helpers import invoke

QUICK = ["--recipe", "plain", "--epochs", "1", "--hidden", "2", "--engine", "reference", "--quiet"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path)
    write_models(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize(
    "words",
    [
        ["predict", "sold.rv", "shop.csv", "--output", "answers.csv"],
        ["predict", "sold.rv", "shop.csv", "--output", "answers.parquet"],
        ["report", "sold.rv", "--output", "report.html"],
        ["train", "shop.csv", "--target", "sold", "--model", "new.rv", *QUICK],
    ],
    ids=lambda words: " ".join(words[:1] + words[-1:]) if words[0] != "train" else "train",
)
def test_what_cannot_be_written(words: list[str], number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: object) -> None:
        raise OSError(number, os.strerror(number))

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(atomic, "write_all", full)
    result = invoke(*words)
    assert result.exit_code in (1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    text = result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert text.startswith("Error: ")
    assert os.strerror(number) in text or "full" in text
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "runs" not in path.parts}
    assert after == before


def test_the_error_can_be_absent(folder: Path) -> None:
    assert invoke("predict", "sold.rv", "shop.csv", "--output", "answers.csv").exit_code == 0
