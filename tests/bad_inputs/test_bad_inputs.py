"""Every bad input is answered by one sentence: what was given, what was expected, what to do.

`command.toml`, `python.toml` and `estimators.toml` hold the inputs and the whole sentences. Those of the command are
command lines in a folder with the files of `files.py`; the others are expressions over the names of `names`.
"""

from __future__ import annotations

import math
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ranvier as rv
from ranvier.cli.exit_codes import one_line
from ranvier.errors import InputError
from tests.bad_inputs.files import frame_of_shop, write_files, write_models
from tests.cli.helpers import refused

HERE = Path(__file__).parent
WAYS = {way: tomllib.loads((HERE / f"{way}.toml").read_text("utf-8")) for way in ("command", "python", "estimators")}
LEAST, GROWS = 80, "[...]"
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files and models."""
    made = tmp_path_factory.mktemp("bad_inputs")
    write_files(made)
    write_models(made)
    return made


def broken(array: Any) -> Any:
    """An array with a missing number in row index 3."""
    array = array.copy()
    array[3] = np.nan
    return array


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the expressions speak of."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X @ [1.0, 2.0]
    words = ["no" if value < 0 else "yes" for value in y]
    network = rv.Network(inputs=2, layers=[rv.Dense(3, "relu"), rv.Dense(1)])
    return {
        **{"rv": rv, "np": np, "pl": pl, "pd": pd, "math": math, "X": X, "y": y, "words": words, "broken": broken},
        "frame": frame_of_shop(),
        "network": network,
        "classes": rv.Network(inputs=2, layers=[rv.Dense(3, "softmax")]),
        "fitted": network.fit(X, y, epochs=1, engine="reference"),
        "classifier": rv.Classifier(**QUICK).fit(X, words),
        "regressor": rv.Regressor(**QUICK).fit(X, y),
    }


def agrees(says: str, sentence: str) -> bool:
    """Whether a message is the sentence of the table, in which [...] stands for a list that grows."""
    return re.fullmatch(".+".join(map(re.escape, sentence.split(GROWS))), says) is not None


def test_the_table_is_long() -> None:
    assert sum(map(len, WAYS.values())) >= LEAST


@pytest.mark.parametrize("call", WAYS["command"])
def test_the_command(call: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    says = refused(*shlex.split(call)).removeprefix("Error: ").removesuffix("\n")
    assert agrees(says, WAYS["command"][call]), says
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("way", ["python", "estimators"])
def test_python(way: str, folder: Path, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for call, sentence in WAYS[way].items():
        with pytest.raises(ValueError) as refusal:
            eval(call, dict(names))
        assert issubclass(refusal.type, InputError), call
        assert agrees(one_line(str(refusal.value)), sentence), (call, refusal.value)


@pytest.mark.parametrize("way", WAYS)
def test_every_sentence_is_whole(way: str) -> None:
    for call, sentence in WAYS[way].items():
        assert sentence[-1] in ".?!" or sentence.endswith((" --help", sentence.rpartition(": ")[2])), call
        assert len(sentence) >= 30, call
        assert "Traceback" not in sentence, call
        assert "fault in Ranvier" not in sentence, call
