"""`ranvier view`: it says its address, answers there, and ends with Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from ranvier.storage.run_folder import RunFolder
from tests.cli.helpers import Trained, invoke


@pytest.mark.parametrize("start", ["model", "run", "data"])
def test_the_address_answers_until_ctrl_c(start: str, trained: Trained) -> None:
    arguments = {"model": [trained.model], "run": [trained.run], "data": [trained.model, trained.data]}[start]
    command = [sys.executable, "-m", "ranvier", "view", *map(str, arguments), "--no-browser", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        base, _, token = address.partition("#token=")
        answer = httpx.post(f"{base}api/what", headers={"x-ranvier-token": token}).json()
        process.send_signal(signal.SIGINT)
        rest, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert rest == ""
    assert address in words
    assert words.rstrip().endswith("Closed.")
    assert answer["name"] == "flowers.rv"
    assert answer["rows"]["name"].startswith(
        f"{answer['rows']['count']} {'rows' if start == 'data' else 'test rows'} of"
    )


def test_what_cannot_be_viewed(here: Path, trained: Trained) -> None:
    for arguments, sentence in (
        (["nothing.rv"], 'There is no model file "nothing.rv".'),
        ([here], "is not a run folder"),
        ([trained.model, "nothing.csv"], "nothing.csv"),
    ):
        result = invoke("view", *arguments, "--no-browser")
        assert result.exit_code == 2
        assert sentence in result.stderr


def test_train_opens_a_view_that_ends_with_it(here: Path, trained: Trained) -> None:
    command = [sys.executable, "-m", "ranvier", "train", "iris", "--recipe", "plain", "--hidden", "4", "--epochs", "3"]
    environment = {**os.environ, "SSH_CONNECTION": "10.0.0.2 5000 10.0.0.7 22"}
    with subprocess.Popen(
        [*command, "--view", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        report = json.loads(process.stdout.readline())
        for line in process.stderr:
            if line.startswith("The view stays open"):
                address = process.stderr.readline().strip()
                break
        base, _, token = address.partition("#token=")
        answer = httpx.post(f"{base}api/what", headers={"x-ranvier-token": token}, timeout=30)
        assert answer.status_code in (200, 202)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert report["epochs"] == 3
    with pytest.raises(httpx.ConnectError):
        httpx.get(base)


def test_a_folder_of_runs_is_shown_side_by_side(here: Path) -> None:
    from ranvier.cli.view import open_subject
    from ranvier.view.runs_folder import RunsFolder

    folder = RunFolder.create(here / "runs" / "one").path.parent
    shown = open_subject(str(folder), None)
    assert isinstance(shown, RunsFolder)
    assert shown.name == "runs"
    assert invoke("report", folder).exit_code == 2
